#include <errno.h>
#include <stdio.h>

#include "agent/probe/probe.h"
#include "agent/verbs.h"
#include "common/base/exit.h"
#include "common/base/table.h"

static int run(const struct verb_call *call)
{
	const struct probe_options options = { .clock = &clock_system };
	_cleanup_free_ struct probe_report *report = calloc(1, sizeof(*report));
	struct fault fault = {};
	int r;

	if (!report)
		return program_fail(-ENOMEM, NULL);
	r = probe_run(&options, report);
	if (r < 0) {
		(void)fault_set(&fault, r, "cannot probe this machine: %m");
		return program_fail(r, &fault);
	}

	if (output_is_json(call))
		r = probe_print_json(report, stdout);
	else
		r = probe_print_table(report, stdout, terminal_width(stdout));
	if (r >= 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0) {
		(void)fault_set(&fault, r, "cannot write the report: %m");
		return program_fail(r, &fault);
	}
	return probe_exit_code(report);
}

const struct verb verb_probe = {
	.name = "probe",
	.help = "Measure what this machine's performance counters and resctrl really do",
	.details = "Each row says what was asked, what happened, a verdict, why, and what to do "
		   "about it. Exits with 0 when all of the core works, 1 when something counts "
		   "wrongly, 3 when there is no PMU, 4 when it works in part.",
	.examples = "paddock-agent probe --json\tThe whole report for a program",
	.options = output_rows,
	.n_options = 2,
	.options_size = sizeof(struct output_options),
	.run = run,
};
