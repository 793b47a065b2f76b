#include <errno.h>
#include <stdio.h>

#include "controller/verbs/report.h"
#include "controller/verbs/request.h"
#include "controller/verbs/verbs.h"

struct provision_flags {
	struct request_flags request;
	bool warm;
};

static const struct setting provision_rows[] = {
	REQUEST_ROWS(struct provision_flags),
	{ NULL, "warm", SETTING_BOOL, offsetof(struct provision_flags, warm), NULL, 0, 0, NULL,
	  NULL, "No run: see to it that --instance-count idle machines wait in the pool" },
};

static int run_warm(struct edges *edges, const struct provision_flags *flags)
{
	_cleanup_warm_result_ struct warm_result result = {};
	const struct resource_class *class_ =
		class_find(&edges->config.classes, flags->request.resource_class);
	struct fault fault = {};
	int r;

	if (!class_)
		return program_fail(fault_set(&fault, EINVAL, "there is no resource class '%s'",
					      flags->request.resource_class),
				    &fault);
	r = provision_warm(&edges->controller, class_, flags->request.instance_count,
			   flags->request.timeout_usec, &result, &fault);
	return r < 0 ? program_fail(r, &fault)
		     : report_warm(edges, flags->request.resource_class, &result);
}

static int run_plan(struct edges *edges, const struct provision_options *options)
{
	_cleanup_provision_result_ struct provision_result result = {};
	struct fault fault = {};
	int to_make;

	to_make = provision_plan(&edges->controller, options, &result, &fault);
	return to_make < 0 ? program_fail(to_make, &fault)
			   : report_plan(edges, &options->request, &result, (uint64_t)to_make);
}

static int provision(struct edges *edges, const struct provision_options *options)
{
	_cleanup_provision_result_ struct provision_result result = {};
	struct fault fault = {};
	uint64_t start_ms;
	int r;

	r = controller_now(&edges->controller, &start_ms, &fault);
	if (r == 0)
		r = provision_run(&edges->controller, options, &result, &fault);
	return r < 0 ? program_fail(r, &fault)
		     : report_provision(edges, &options->request, &result, start_ms);
}

static int request(const struct verb_call *call, const struct request_flags *flags,
		   struct provision_options *ret)
{
	struct edges *edges = call->context;
	struct fault fault = {};
	int r;

	*ret = (struct provision_options){ .timeout_usec = flags->timeout_usec };
	r = request_make(flags, &edges->config, &ret->request, &fault);
	if (r == 0)
		r = edges_open(edges, true, &fault);
	return r < 0 ? program_fail(r, &fault) : EXIT_OK;
}

static int run_provision(const struct verb_call *call)
{
	const struct provision_flags *flags = call->options;
	struct edges *edges = call->context;
	struct provision_options options;
	int code;

	code = request(call, &flags->request, &options);
	if (code != EXIT_OK)
		return code;
	if (flags->warm)
		return run_warm(edges, flags);
	return flags->request.dry_run ? run_plan(edges, &options) : provision(edges, &options);
}

const struct verb verb_provision = {
	.name = "provision",
	.help = "Hand out machines to a run: warm ones first, new ones for the rest",
	.details =
		"Takes idle machines out of the pool by conditional claims, makes what is missing, "
		"and waits until every machine's agent says that it listens for this very claim. "
		"The same run key asked again gives the same machines again. When it cannot be "
		"done, or at Ctrl-C, everything is given back.",
	.examples = "paddock provision --instance-count 2 --run 4711\ttwo machines of class large\n"
		    "paddock provision --no-create --timeout 30s\tonly what is warm\n"
		    "paddock provision --warm --instance-count 3\tkeep three idle in the pool",
	.options = provision_rows,
	.n_options = ARRAY_SIZE(provision_rows),
	.options_size = sizeof(struct provision_flags),
	.run = run_provision,
};

struct plan_flags {
	struct request_flags request;
};

static const struct setting plan_rows[] = { REQUEST_ROWS(struct plan_flags) };

static int run_plan_verb(const struct verb_call *call)
{
	const struct plan_flags *flags = call->options;
	struct provision_options options;
	int code;

	code = request(call, &flags->request, &options);
	return code != EXIT_OK ? code : run_plan(call->context, &options);
}

const struct verb verb_plan = {
	.name = "plan",
	.help = "Say what provision would do, and do nothing",
	.examples = "paddock plan --instance-count 5\twhat five machines would take",
	.options = plan_rows,
	.n_options = ARRAY_SIZE(plan_rows),
	.options_size = sizeof(struct plan_flags),
	.run = run_plan_verb,
};
