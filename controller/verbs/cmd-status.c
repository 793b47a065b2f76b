#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/verbs/report.h"
#include "controller/verbs/verbs.h"

struct status_flags {
	bool all;
};

static const struct setting status_rows[] = {
	{ NULL, "all", SETTING_BOOL, offsetof(struct status_flags, all), NULL, 0, 0, NULL, NULL,
	  "Terminated machines too" },
};

static bool is_asked_for(const struct machine *machine, const char *what)
{
	return !what || strcmp(machine->id, what) == 0 || strcmp(machine->run_key, what) == 0;
}

static int by_age(const void *a, const void *b)
{
	const struct machine *left = a, *right = b;

	if (left->created_ms != right->created_ms)
		return left->created_ms < right->created_ms ? -1 : 1;
	return strcmp(left->id, right->id);
}

static int run_status(const struct verb_call *call)
{
	_cleanup_records_ struct records all = {}, asked = {};
	const struct status_flags *flags = call->options;
	const char *what = call->argc > 0 ? call->argv[0] : NULL;
	struct edges *edges = call->context;
	struct fault fault = {};
	uint64_t now_ms = 0;
	int r;

	r = edges_open(edges, false, &fault);
	if (r == 0)
		r = controller_now(&edges->controller, &now_ms, &fault);
	if (r == 0)
		r = controller_scan(&edges->controller, &(struct machine_filter){}, &all, &fault);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (!is_asked_for(&all.rows[i], what))
			continue;
		if (what || flags->all || machine_is_live(&all.rows[i]))
			r = records_add(&asked, &all.rows[i]);
	}
	if (r < 0)
		return program_fail(r, &fault);
	if (what && asked.n == 0)
		return program_fail(
			fault_set(&fault, ENOENT, "no machine is '%s', or serves it", what),
			&fault);
	if (asked.n > 0)
		qsort(asked.rows, asked.n, sizeof(*asked.rows), by_age);
	return report_status(edges, &asked, now_ms);
}

const struct verb verb_status = {
	.name = "status",
	.args = "[MACHINE|RUN]",
	.help = "Show the machines and what they do",
	.examples = "paddock status\tevery live machine\n"
		    "paddock status --json 4711-1-default\tone run's, for programs",
	.max_args = 1,
	.options = status_rows,
	.n_options = ARRAY_SIZE(status_rows),
	.options_size = sizeof(struct status_flags),
	.run = run_status,
};

static int run_pool(const struct verb_call *call)
{
	_cleanup_records_ struct records idle = {};
	struct edges *edges = call->context;
	const struct machine_filter filter = {
		.states = 1u << MACHINE_IDLE | 1u << MACHINE_CREATED,
		.class_name = call->argc > 0 ? call->argv[0] : NULL,
	};
	struct fault fault = {};
	uint64_t now_ms = 0;
	int r;

	r = edges_open(edges, false, &fault);
	if (r == 0)
		r = controller_now(&edges->controller, &now_ms, &fault);
	if (r == 0)
		r = controller_scan(&edges->controller, &filter, &idle, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	if (idle.n == 0 && !edges_want_json(edges)) {
		printf("no idle machines%s%s\n", filter.class_name ? " of class " : "",
		       filter.class_name ? filter.class_name : "");
		return EXIT_OK;
	}
	if (idle.n > 0)
		qsort(idle.rows, idle.n, sizeof(*idle.rows), by_age);
	return report_status(edges, &idle, now_ms);
}

const struct verb verb_pool = {
	.name = "pool",
	.args = "[CLASS]",
	.help = "Show the idle machines that wait to be claimed",
	.max_args = 1,
	.run = run_pool,
};
