/* Instances, as they come. */

#include <errno.h>
#include <string.h>

#include "common/aws/ec2.h"
#include "common/aws/xml-field.h"
#include "common/base/io.h"
#include "common/net/xml.h"

#define ROOT "DescribeInstancesResponse"
#define ITEM ROOT "/reservationSet/item/instancesSet/item"
#define ENDED "TerminateInstancesResponse/instancesSet/item"

struct ec2_instances {
	struct xml *xml;
	ec2_instance_fn *each;
	void *context;
	struct ec2_instance instance; /* that is being read */
	struct ec2_tag tag;
	char next[EC2_NEXT_MAX];
};

static const struct xml_field instance_fields[] = {
	XML_TEXT_FIELD(ITEM "/instanceId", ec2_instance, id),
	XML_TEXT_FIELD(ITEM "/instanceType", ec2_instance, type),
	XML_TEXT_FIELD(ITEM "/instanceState/name", ec2_instance, state),
	XML_TEXT_FIELD(ITEM "/placement/availabilityZone", ec2_instance, zone),
	XML_TEXT_FIELD(ITEM "/subnetId", ec2_instance, subnet),
	XML_TEXT_FIELD(ITEM "/imageId", ec2_instance, image),
	XML_TEXT_FIELD(ITEM "/privateIpAddress", ec2_instance, private_ip),
	XML_TEXT_FIELD(ITEM "/instanceLifecycle", ec2_instance, lifecycle),
	XML_TEXT_FIELD(ITEM "/stateReason/code", ec2_instance, reason),
	XML_VALUE_FIELD(ITEM "/launchTime", XML_FIELD_TIME, ec2_instance, launched_ms),
	XML_TEXT_FIELD(ENDED "/instanceId", ec2_instance, id),
	XML_TEXT_FIELD(ENDED "/currentState/name", ec2_instance, state),
	{ .path = NULL },
};

static const struct xml_field tag_fields[] = {
	XML_TEXT_FIELD(ITEM "/tagSet/item/key", ec2_tag, key),
	XML_TEXT_FIELD(ITEM "/tagSet/item/value", ec2_tag, value),
	{ .path = NULL },
};

static const struct xml_field page_fields[] = {
	XML_TEXT_FIELD(ROOT "/nextToken", ec2_instances, next),
	{ .path = NULL },
};

static int end_tag(struct ec2_instances *instances, struct fault *fault)
{
	struct ec2_instance *instance = &instances->instance;

	if (instance->n_tags == EC2_TAGS_MAX)
		return fault_set(fault, EBADMSG, "ec2: instance %s has more than %d tags",
				 instance->id, EC2_TAGS_MAX);
	instance->tags[instance->n_tags++] = instances->tag;
	instances->tag = (struct ec2_tag){};
	return 0;
}

static int end_instance(struct ec2_instances *instances, struct fault *fault)
{
	int r;

	if (!instances->instance.id[0] || !instances->instance.state[0])
		return fault_set(fault, EBADMSG, "ec2: an instance without id or state");
	r = instances->each(&instances->instance, instances->context, fault);
	instances->instance = (struct ec2_instance){};
	return r < 0 ? r : 0;
}

static int on_element(const char *path, const char *text, void *context, struct fault *fault)
{
	struct ec2_instances *instances = context;
	int r;

	if (strcmp(path, ITEM) == 0 || strcmp(path, ENDED) == 0)
		return end_instance(instances, fault);
	if (strcmp(path, ITEM "/tagSet/item") == 0)
		return end_tag(instances, fault);

	r = xml_field_read(instance_fields, path, text, &instances->instance, fault);
	if (r == 0)
		r = xml_field_read(tag_fields, path, text, &instances->tag, fault);
	if (r == 0)
		r = xml_field_read(page_fields, path, text, instances, fault);
	return r < 0 ? r : 0;
}

int ec2_instances_open(ec2_instance_fn *each, void *context, struct ec2_instances **ret)
{
	_cleanup_ec2_instances_ struct ec2_instances *instances = calloc(1, sizeof(*instances));
	int r;

	if (!instances)
		return -ENOMEM;
	instances->each = each;
	instances->context = context;
	r = xml_open("ec2", on_element, instances, &instances->xml);
	if (r < 0)
		return r;
	*ret = take_ptr(instances);
	return 0;
}

void ec2_instances_close(struct ec2_instances *instances)
{
	if (!instances)
		return;
	xml_close(instances->xml);
	free(instances);
}

int ec2_instances_feed(struct ec2_instances *instances, const char *data, size_t size,
		       struct fault *fault)
{
	return xml_feed(instances->xml, data, size, fault);
}

int ec2_instances_finish(struct ec2_instances *instances, struct fault *fault)
{
	return xml_finish(instances->xml, fault);
}

const char *ec2_instances_next(const struct ec2_instances *instances)
{
	return instances->next;
}

const char *ec2_instance_tag(const struct ec2_instance *instance, const char *key)
{
	for (size_t i = 0; i < instance->n_tags; i++)
		if (strcmp(instance->tags[i].key, key) == 0)
			return instance->tags[i].value;
	return NULL;
}
