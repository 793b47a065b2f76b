/* Answers about templates, types and subnets. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/ec2.h"
#include "common/aws/xml-field.h"
#include "common/net/xml.h"

/* --- templates ------------------------------------------------------------------------------- */

/* What a template is, in each of the answers that has one. */
#define TEMPLATE(path)                                                                             \
	XML_TEXT_FIELD(path "/launchTemplateId", ec2_template_state, id),                          \
		XML_TEXT_FIELD(path "/launchTemplateName", ec2_template_state, name),              \
		XML_VALUE_FIELD(path "/defaultVersionNumber", XML_FIELD_NUMBER,                    \
				ec2_template_state, default_version),                              \
		XML_VALUE_FIELD(path "/latestVersionNumber", XML_FIELD_NUMBER, ec2_template_state, \
				latest_version)

#define TEMPLATE_VERSION(path)                                                               \
	XML_TEXT_FIELD(path "/launchTemplateId", ec2_template_state, id),                    \
		XML_TEXT_FIELD(path "/launchTemplateName", ec2_template_state, name),        \
		XML_VALUE_FIELD(path "/versionNumber", XML_FIELD_NUMBER, ec2_template_state, \
				version),                                                    \
		XML_TEXT_FIELD(path "/versionDescription", ec2_template_state, description), \
		XML_TEXT_FIELD(path "/launchTemplateData/imageId", ec2_template_state, image)

static const struct xml_field template_fields[] = {
	TEMPLATE("DescribeLaunchTemplatesResponse/launchTemplates/item"),
	TEMPLATE("CreateLaunchTemplateResponse/launchTemplate"),
	TEMPLATE("ModifyLaunchTemplateResponse/launchTemplate"),
	TEMPLATE_VERSION("CreateLaunchTemplateVersionResponse/launchTemplateVersion"),
	TEMPLATE_VERSION("DescribeLaunchTemplateVersionsResponse/launchTemplateVersionSet/item"),
	{ .path = NULL },
};

static int on_template(const char *path, const char *text, void *context, struct fault *fault)
{
	int r;

	r = xml_field_read(template_fields, path, text, context, fault);
	return r < 0 ? r : 0;
}

int ec2_template_read(const char *body, size_t size, struct ec2_template_state *ret,
		      struct fault *fault)
{
	struct ec2_template_state state = {};
	int r;

	r = xml_read(body, size, "ec2 template", on_template, &state, fault);
	if (r < 0)
		return r;
	if (!state.id[0])
		return fault_set(fault, EBADMSG, "ec2: the answer has no template");
	*ret = state;
	return 0;
}

/* --- types ----------------------------------------------------------------------------------- */

#define TYPES "DescribeInstanceTypesResponse"
#define TYPE TYPES "/instanceTypeSet/item"

struct type_reading {
	struct ec2_type type;
	ec2_type_fn *each;
	void *context;
	char next[EC2_NEXT_MAX];
};

static const struct xml_field type_fields[] = {
	XML_TEXT_FIELD(TYPE "/instanceType", ec2_type, name),
	XML_VALUE_FIELD(TYPE "/vCpuInfo/defaultVCpus", XML_FIELD_NUMBER, ec2_type, cpu),
	XML_VALUE_FIELD(TYPE "/memoryInfo/sizeInMiB", XML_FIELD_NUMBER, ec2_type, memory_mib),
	XML_VALUE_FIELD(TYPE "/bareMetal", XML_FIELD_BOOL, ec2_type, metal),
	XML_VALUE_FIELD(TYPE "/burstablePerformanceSupported", XML_FIELD_BOOL, ec2_type, burstable),
	XML_VALUE_FIELD(TYPE "/currentGeneration", XML_FIELD_BOOL, ec2_type, current),
	{ .path = NULL },
};

static const struct xml_field type_page_fields[] = {
	XML_TEXT_FIELD(TYPES "/nextToken", type_reading, next),
	{ .path = NULL },
};

/* Of several architectures (i386 beside x86_64) the one that runners are built for. */
static void take_arch(struct ec2_type *type, const char *text)
{
	if (strcmp(text, "x86_64") == 0 || strcmp(text, "arm64") == 0)
		(void)snprintf(type->arch, sizeof(type->arch), "%s", text);
}

static int end_type(struct type_reading *reading, struct fault *fault)
{
	int r;

	if (!reading->type.name[0])
		return fault_set(fault, EBADMSG, "ec2: an instance type without a name");
	r = reading->each(&reading->type, reading->context, fault);
	reading->type = (struct ec2_type){};
	return r < 0 ? r : 0;
}

static int on_type(const char *path, const char *text, void *context, struct fault *fault)
{
	struct type_reading *reading = context;
	int r;

	if (strcmp(path, TYPE) == 0)
		return end_type(reading, fault);
	if (strcmp(path, TYPE "/processorInfo/supportedArchitectures/item") == 0)
		take_arch(&reading->type, text);
	if (strcmp(path, TYPE "/supportedUsageClasses/item") == 0 && strcmp(text, "spot") == 0)
		reading->type.spot = true;

	r = xml_field_read(type_fields, path, text, &reading->type, fault);
	if (r == 0)
		r = xml_field_read(type_page_fields, path, text, reading, fault);
	return r < 0 ? r : 0;
}

int ec2_types_read(const char *body, size_t size, ec2_type_fn *each, void *context, char *ret_next,
		   size_t next_size, struct fault *fault)
{
	struct type_reading reading = { .each = each, .context = context };
	int r;

	if (next_size < sizeof(reading.next))
		return -EINVAL;
	r = xml_read(body, size, "ec2 DescribeInstanceTypes", on_type, &reading, fault);
	if (r < 0)
		return r;
	memcpy(ret_next, reading.next, sizeof(reading.next));
	return 0;
}

/* --- subnets --------------------------------------------------------------------------------- */

#define SUBNET "DescribeSubnetsResponse/subnetSet/item"

struct subnet_reading {
	struct ec2_subnet subnet;
	ec2_subnet_fn *each;
	void *context;
};

static const struct xml_field subnet_fields[] = {
	XML_TEXT_FIELD(SUBNET "/subnetId", ec2_subnet, id),
	XML_TEXT_FIELD(SUBNET "/availabilityZone", ec2_subnet, zone),
	XML_TEXT_FIELD(SUBNET "/vpcId", ec2_subnet, vpc),
	XML_VALUE_FIELD(SUBNET "/availableIpAddressCount", XML_FIELD_NUMBER, ec2_subnet,
			free_addresses),
	{ .path = NULL },
};

static int on_subnet(const char *path, const char *text, void *context, struct fault *fault)
{
	struct subnet_reading *reading = context;
	int r;

	if (strcmp(path, SUBNET) != 0) {
		r = xml_field_read(subnet_fields, path, text, &reading->subnet, fault);
		return r < 0 ? r : 0;
	}
	if (!reading->subnet.id[0])
		return fault_set(fault, EBADMSG, "ec2: a subnet without an id");
	r = reading->each(&reading->subnet, reading->context, fault);
	reading->subnet = (struct ec2_subnet){};
	return r < 0 ? r : 0;
}

int ec2_subnets_read(const char *body, size_t size, ec2_subnet_fn *each, void *context,
		     struct fault *fault)
{
	struct subnet_reading reading = { .each = each, .context = context };

	return xml_read(body, size, "ec2 DescribeSubnets", on_subnet, &reading, fault);
}
