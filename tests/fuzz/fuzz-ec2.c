/* Answers of EC2 and STS. */

#include <errno.h>
#include <string.h>

#include "common/aws/ec2.h"
#include "common/aws/sts.h"
#include "tests/fuzz/fuzz.h"

static int see_instance(const struct ec2_instance *instance, void *context,
			_unused_ struct fault *fault)
{
	FUZZ_CHECK(instance->id[0] && instance->state[0]);
	FUZZ_CHECK(instance->n_tags <= EC2_TAGS_MAX);
	if (instance->n_tags > 0)
		FUZZ_CHECK(ec2_instance_tag(instance, instance->tags[0].key));
	(*(size_t *)context)++;
	return 0;
}

static int see_type(const struct ec2_type *type, _unused_ void *context,
		    _unused_ struct fault *fault)
{
	FUZZ_CHECK(type->name[0]);
	return 0;
}

static int see_subnet(const struct ec2_subnet *subnet, _unused_ void *context,
		      _unused_ struct fault *fault)
{
	FUZZ_CHECK(subnet->id[0]);
	return 0;
}

static void check_instances(const char *body, size_t size)
{
	_cleanup_ec2_instances_ struct ec2_instances *reader = NULL;
	struct fault fault = {};
	size_t n = 0;
	int r;

	FUZZ_CHECK(ec2_instances_open(see_instance, &n, &reader) == 0);
	r = ec2_instances_feed(reader, body, size / 2, &fault);
	if (r == 0)
		r = ec2_instances_feed(reader, body + size / 2, size - size / 2, &fault);
	if (r == 0)
		r = ec2_instances_finish(reader, &fault);
	if (r < 0)
		FUZZ_CHECK_ERROR(r, EBADMSG, E2BIG);
	FUZZ_CHECK(r == 0 || fault.text[0]);
}

static void check_sts(const char *body, size_t size)
{
	_cleanup_sts_credentials_ struct sts_credentials credentials = {};
	struct sts_identity identity = {};
	struct fault fault = {};
	int r;

	r = sts_identity_read(body, size, &identity, &fault);
	FUZZ_CHECK(r == 0 ? identity.account[0] != '\0' : !identity.account[0]);
	r = sts_credentials_read(body, size, &credentials, &fault);
	FUZZ_CHECK(r == 0 ? credentials.secret_key.size > 0 : !credentials.secret_key.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	_cleanup_ec2_fleet_answer_ struct ec2_fleet_answer fleet = {};
	struct ec2_template_state state = {};
	char next[EC2_NEXT_MAX] = "";
	struct fault fault = {};
	int r;

	r = ec2_fleet_read(body, size, &fleet, &fault);
	FUZZ_CHECK(r == 0 ? fleet.fleet_id[0] != '\0' : !fleet.launched && !fleet.errors);
	for (size_t i = 0; i < fleet.n_launched; i++)
		FUZZ_CHECK(fleet.launched[i].id[0]);
	for (size_t i = 0; i < fleet.n_errors; i++)
		FUZZ_CHECK(fleet.errors[i].error < 0);
	check_instances(body, size);
	r = ec2_template_read(body, size, &state, &fault);
	FUZZ_CHECK(r == 0 ? state.id[0] != '\0' : !state.id[0]);
	r = ec2_types_read(body, size, see_type, NULL, next, sizeof(next), &fault);
	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -E2BIG);
	r = ec2_subnets_read(body, size, see_subnet, NULL, &fault);
	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -E2BIG);
	check_sts(body, size);
	return 0;
}
