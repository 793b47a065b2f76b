#include "controller/provider/ec2-calls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"

#define REQUEST_MAX (256UL * 1024)
/* A fleet of a thousand takes its time. */
#define FLEET_ATTEMPT_USEC (60 * USEC_PER_SEC)
#define FLEET_PATIENCE_USEC (150 * USEC_PER_SEC)

/* built: what the builder of the call's body has answered. */
static int perform(struct aws *aws, struct aws_call *call, int built, struct fault *fault)
{
	if (built < 0)
		return fault_set(fault, built, "ec2 %s cannot be asked: %m", call->operation);
	return aws_call(aws, call, fault);
}

/* --- types and subnets ----------------------------------------------------------------------- */

void ec2_types_done(struct ec2_types *types)
{
	free(types->rows);
	*types = (struct ec2_types){};
}

static int keep_type(const struct ec2_type *type, void *context, struct fault *fault)
{
	struct ec2_types *types = context;
	struct ec2_type *rows;

	if (types->n == EC2_TYPES_MAX)
		return fault_set(fault, E2BIG, "more than %d instance types", EC2_TYPES_MAX);
	rows = reallocarray(types->rows, types->n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	types->rows = rows;
	types->rows[types->n++] = *type;
	return 0;
}

int ec2_find_types(struct aws *aws, uint64_t cpu, const char *arch, struct ec2_types *ret,
		   struct fault *fault)
{
	_cleanup_ec2_types_ struct ec2_types types = {};
	char next[EC2_NEXT_MAX] = "", cpus[24];
	const char *const cpu_values[] = { cpus }, *const arch_values[] = { arch };
	const struct ec2_filter filters[] = {
		{ "vcpu-info.default-vcpus", cpu_values, 1 },
		{ "processor-info.supported-architecture", arch_values, 1 },
	};
	int r;

	(void)snprintf(cpus, sizeof(cpus), "%" PRIu64, cpu);
	for (unsigned page = 0; page == 0 || (next[0] && page < EC2_PAGES_MAX); page++) {
		_cleanup_aws_call_ struct aws_call call;

		aws_call_init(&call, AWS_EC2, "DescribeInstanceTypes", REQUEST_MAX);
		r = ec2_describe_types(filters, ARRAY_SIZE(filters), next, &call.body);
		r = perform(aws, &call, r, fault);
		if (r == 0)
			r = ec2_types_read(buf_text(&call.answer.body), call.answer.body.size,
					   keep_type, &types, next, sizeof(next), fault);
		if (r < 0)
			return r;
	}
	*ret = types;
	types = (struct ec2_types){};
	return 0;
}

static int keep_subnet(const struct ec2_subnet *subnet, void *context, struct fault *fault)
{
	struct ec2_subnets *subnets = context;

	if (subnets->n == EC2_SUBNETS_FOUND_MAX)
		return fault_set(fault, E2BIG, "more than %d subnets", EC2_SUBNETS_FOUND_MAX);
	subnets->rows[subnets->n++] = *subnet;
	return 0;
}

int ec2_find_subnets(struct aws *aws, const char *const *ids, size_t n, struct ec2_subnets *ret,
		     struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	*ret = (struct ec2_subnets){};
	aws_call_init(&call, AWS_EC2, "DescribeSubnets", REQUEST_MAX);
	r = perform(aws, &call, ec2_describe_subnets(ids, n, &call.body), fault);
	return r < 0 ? r
		     : ec2_subnets_read(buf_text(&call.answer.body), call.answer.body.size,
					keep_subnet, ret, fault);
}

/* --- the template ---------------------------------------------------------------------------- */

int ec2_find_template(struct aws *aws, const char *name, struct ec2_template_state *ret,
		      struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	aws_call_init(&call, AWS_EC2, "DescribeLaunchTemplates", REQUEST_MAX);
	r = perform(aws, &call, ec2_describe_template(name, &call.body), fault);
	if (r == 0)
		r = ec2_template_read(buf_text(&call.answer.body), call.answer.body.size, ret,
				      fault);
	return r;
}

/* --- instances ------------------------------------------------------------------------------- */

int ec2_launch(struct aws *aws, const struct ec2_fleet *fleet, struct ec2_fleet_answer *ret,
	       struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	aws_call_init(&call, AWS_EC2, "CreateFleet", REQUEST_MAX);
	call.attempt_usec = FLEET_ATTEMPT_USEC;
	call.patience_usec = FLEET_PATIENCE_USEC;
	r = perform(aws, &call, ec2_create_fleet(fleet, &call.body), fault);
	return r < 0 ? r
		     : ec2_fleet_read(buf_text(&call.answer.body), call.answer.body.size, ret,
				      fault);
}

struct look {
	struct ec2_instances *reader; /* owned; of the present attempt */
	ec2_instance_fn *each;
	void *context;
	struct fault fault;
	int r;
};

/* An attempt that broke off is made again from its beginning, and shows again what it has shown. */
static void begin_look(void *context)
{
	struct look *look = context;

	ec2_instances_close(look->reader);
	look->reader = NULL;
	look->fault = (struct fault){};
	look->r = ec2_instances_open(look->each, look->context, &look->reader);
}

static int feed_look(void *context, const char *data, size_t size)
{
	struct look *look = context;

	if (look->r == 0)
		look->r = ec2_instances_feed(look->reader, data, size, &look->fault);
	return look->r;
}

/* One page; next is read, and written. */
static int look_at_page(struct aws *aws, const struct ec2_filter *filters, size_t n_filters,
			struct look *look, char *next, size_t size, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	aws_call_init(&call, AWS_EC2, "DescribeInstances", REQUEST_MAX);
	call.begin = begin_look;
	call.sink = feed_look;
	call.context = look;
	r = ec2_describe_instances(filters, n_filters, EC2_PAGE_MAX, next, &call.body);
	r = perform(aws, &call, r, fault);
	if (look->r < 0) {
		if (fault)
			*fault = look->fault;
		return look->r;
	}
	if (r == 0 && look->reader)
		r = ec2_instances_finish(look->reader, fault);
	if (r == 0 && look->reader)
		r = str_copy(next, size, ec2_instances_next(look->reader));
	return r;
}

int ec2_find_instances(struct aws *aws, const struct ec2_filter *filters, size_t n_filters,
		       ec2_instance_fn *each, void *context, struct fault *fault)
{
	struct look look = { .each = each, .context = context };
	char next[EC2_NEXT_MAX] = "";
	int r = 0;

	for (unsigned page = 0; r == 0 && (page == 0 || next[0]); page++) {
		r = page == EC2_PAGES_MAX
			    ? fault_set(fault, E2BIG, "more than %d pages of instances", page)
			    : look_at_page(aws, filters, n_filters, &look, next, sizeof(next),
					   fault);
	}
	ec2_instances_close(look.reader);
	return r;
}

struct ended {
	char *state;
	size_t size;
};

static int keep_state(const struct ec2_instance *instance, void *context,
		      _unused_ struct fault *fault)
{
	struct ended *ended = context;

	return str_copy(ended->state, ended->size, instance->state);
}

int ec2_terminate(struct aws *aws, const char *id, char *ret_state, size_t size,
		  struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	_cleanup_ec2_instances_ struct ec2_instances *reader = NULL;
	struct ended ended = { ret_state, size };
	int r;

	ret_state[0] = '\0';
	aws_call_init(&call, AWS_EC2, "TerminateInstances", REQUEST_MAX);
	r = perform(aws, &call, ec2_terminate_instances(&id, 1, &call.body), fault);
	if (r == 0)
		r = ec2_instances_open(keep_state, &ended, &reader);
	if (r == 0 && reader)
		r = ec2_instances_feed(reader, buf_text(&call.answer.body), call.answer.body.size,
				       fault);
	if (r == 0 && reader)
		r = ec2_instances_finish(reader, fault);
	return r;
}
