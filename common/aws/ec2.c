/* Requests. Lists count from 1. */

#include "common/aws/ec2.h"

#include <errno.h>
#include <string.h>

#include "common/aws/form.h"

#define VERSION "2016-11-15"

static void add_tags(struct form *form, const char *resource, size_t index,
		     const struct aws_tag *tags, size_t n)
{
	if (n == 0)
		return;
	form_add(form, resource, "TagSpecification.%zu.ResourceType", index);
	for (size_t i = 0; i < n; i++) {
		form_add(form, tags[i].key, "TagSpecification.%zu.Tag.%zu.Key", index, i + 1);
		form_add(form, tags[i].value, "TagSpecification.%zu.Tag.%zu.Value", index, i + 1);
	}
}

/* --- fleets ---------------------------------------------------------------------------------- */

static bool is_token(const char *text)
{
	return text && text[0] && strlen(text) <= EC2_TOKEN_MAX;
}

static void add_overrides(struct form *form, const struct ec2_fleet *fleet)
{
	for (size_t i = 0; i < fleet->n_overrides; i++) {
		form_add(form, fleet->overrides[i].type,
			 "LaunchTemplateConfigs.1.Overrides.%zu.InstanceType", i + 1);
		form_add(form, fleet->overrides[i].subnet,
			 "LaunchTemplateConfigs.1.Overrides.%zu.SubnetId", i + 1);
		if (fleet->overrides[i].image)
			form_add(form, fleet->overrides[i].image,
				 "LaunchTemplateConfigs.1.Overrides.%zu.ImageId", i + 1);
	}
}

int ec2_create_fleet(const struct ec2_fleet *fleet, struct buf *ret)
{
	const char *usage = fleet->spot ? "spot" : "on-demand";
	struct form form;

	if (!is_token(fleet->client_token) || fleet->n_overrides == 0 || fleet->count == 0 ||
	    fleet->count > EC2_FLEET_MAX)
		return -EINVAL;

	form_begin(&form, ret, "CreateFleet", VERSION);
	form_add(&form, "instant", "Type");
	form_add(&form, fleet->client_token, "ClientToken");
	form_add_u64(&form, fleet->count, "TargetCapacitySpecification.TotalTargetCapacity");
	form_add(&form, usage, "TargetCapacitySpecification.DefaultTargetCapacityType");
	if (fleet->spot)
		form_add(&form, "price-capacity-optimized", "SpotOptions.AllocationStrategy");
	else
		form_add(&form, "lowest-price", "OnDemandOptions.AllocationStrategy");
	form_add(&form, fleet->template_id,
		 "LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId");
	form_add(&form, fleet->template_version,
		 "LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version");
	add_overrides(&form, fleet);
	add_tags(&form, "instance", 1, fleet->tags, fleet->n_tags);
	add_tags(&form, "volume", 2, fleet->tags, fleet->n_tags);
	return form_end(&form);
}

/* --- instances ------------------------------------------------------------------------------- */

static int add_filters(struct form *form, const struct ec2_filter *filters, size_t n_filters)
{
	for (size_t i = 0; i < n_filters; i++) {
		if (filters[i].n == 0 || filters[i].n > EC2_FILTER_MAX)
			return -EINVAL;
		form_add(form, filters[i].name, "Filter.%zu.Name", i + 1);
		for (size_t k = 0; k < filters[i].n; k++)
			form_add(form, filters[i].values[k], "Filter.%zu.Value.%zu", i + 1, k + 1);
	}
	return 0;
}

/* An empty token is none. */
static void add_next(struct form *form, const char *next)
{
	if (next && next[0])
		form_add(form, next, "NextToken");
}

/* A request by filters, whose answer comes by pages. */
static int describe(const char *action, const struct ec2_filter *filters, size_t n_filters,
		    uint64_t max_results, const char *next, struct buf *ret)
{
	size_t size = ret->size;
	struct form form;
	int r;

	form_begin(&form, ret, action, VERSION);
	r = add_filters(&form, filters, n_filters);
	if (r < 0) {
		ret->size = size;
		return r;
	}
	if (max_results > 0)
		form_add_u64(&form, max_results, "MaxResults");
	add_next(&form, next);
	return form_end(&form);
}

int ec2_describe_instances(const struct ec2_filter *filters, size_t n_filters, uint64_t max_results,
			   const char *next, struct buf *ret)
{
	return describe("DescribeInstances", filters, n_filters, max_results, next, ret);
}

static void add_list(struct form *form, const char *name, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		form_add(form, values[i], "%s.%zu", name, i + 1);
}

int ec2_terminate_instances(const char *const *ids, size_t n, struct buf *ret)
{
	struct form form;

	if (n == 0 || n > EC2_TERMINATE_MAX)
		return -EINVAL;
	form_begin(&form, ret, "TerminateInstances", VERSION);
	add_list(&form, "InstanceId", ids, n);
	return form_end(&form);
}

int ec2_create_tags(const char *const *ids, size_t n, const struct aws_tag *tags, size_t n_tags,
		    struct buf *ret)
{
	struct form form;

	if (n == 0 || n_tags == 0)
		return -EINVAL;
	form_begin(&form, ret, "CreateTags", VERSION);
	add_list(&form, "ResourceId", ids, n);
	for (size_t i = 0; i < n_tags; i++) {
		form_add(&form, tags[i].key, "Tag.%zu.Key", i + 1);
		form_add(&form, tags[i].value, "Tag.%zu.Value", i + 1);
	}
	return form_end(&form);
}

/* --- templates ------------------------------------------------------------------------------- */

static void add_template(struct form *form, const struct ec2_template *template)
{
	form_add(form, template->image, "LaunchTemplateData.ImageId");
	form_add(form, template->instance_profile, "LaunchTemplateData.IamInstanceProfile.Name");
	add_list(form, "LaunchTemplateData.SecurityGroupId", template->security_groups,
		 template->n_security_groups);
	form_add(form, template->user_data, "LaunchTemplateData.UserData");
	form_add(form, "terminate", "LaunchTemplateData.InstanceInitiatedShutdownBehavior");
	form_add(form, "required", "LaunchTemplateData.MetadataOptions.HttpTokens");
	form_add(form, "enabled", "LaunchTemplateData.MetadataOptions.HttpEndpoint");
	form_add(form, "enabled", "LaunchTemplateData.MetadataOptions.InstanceMetadataTags");
	form_add_u64(form, template->hop_limit,
		     "LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit");
}

int ec2_create_template(const char *name, const char *client_token, const char *description,
			const struct ec2_template *template, const struct aws_tag *tags,
			size_t n_tags, struct buf *ret)
{
	struct form form;

	if (!is_token(client_token))
		return -EINVAL;
	form_begin(&form, ret, "CreateLaunchTemplate", VERSION);
	form_add(&form, name, "LaunchTemplateName");
	form_add(&form, client_token, "ClientToken");
	form_add(&form, description, "VersionDescription");
	add_template(&form, template);
	add_tags(&form, "launch-template", 1, tags, n_tags);
	return form_end(&form);
}

int ec2_create_template_version(const char *id, const char *client_token, const char *description,
				const struct ec2_template *template, struct buf *ret)
{
	struct form form;

	if (!is_token(client_token))
		return -EINVAL;
	form_begin(&form, ret, "CreateLaunchTemplateVersion", VERSION);
	form_add(&form, id, "LaunchTemplateId");
	form_add(&form, client_token, "ClientToken");
	form_add(&form, description, "VersionDescription");
	add_template(&form, template);
	return form_end(&form);
}

int ec2_set_default_version(const char *id, uint64_t version, struct buf *ret)
{
	struct form form;

	form_begin(&form, ret, "ModifyLaunchTemplate", VERSION);
	form_add(&form, id, "LaunchTemplateId");
	form_add_u64(&form, version, "SetDefaultVersion");
	return form_end(&form);
}

int ec2_describe_template(const char *name, struct buf *ret)
{
	struct form form;

	form_begin(&form, ret, "DescribeLaunchTemplates", VERSION);
	form_add(&form, name, "LaunchTemplateName.1");
	return form_end(&form);
}

int ec2_describe_default_version(const char *id, struct buf *ret)
{
	struct form form;

	form_begin(&form, ret, "DescribeLaunchTemplateVersions", VERSION);
	form_add(&form, id, "LaunchTemplateId");
	form_add(&form, "$Default", "LaunchTemplateVersion.1");
	return form_end(&form);
}

/* --- what there is --------------------------------------------------------------------------- */

int ec2_describe_types(const struct ec2_filter *filters, size_t n_filters, const char *next,
		       struct buf *ret)
{
	return describe("DescribeInstanceTypes", filters, n_filters, 0, next, ret);
}

int ec2_describe_subnets(const char *const *ids, size_t n, struct buf *ret)
{
	struct form form;

	if (n == 0)
		return -EINVAL;
	form_begin(&form, ret, "DescribeSubnets", VERSION);
	add_list(&form, "SubnetId", ids, n);
	return form_end(&form);
}
