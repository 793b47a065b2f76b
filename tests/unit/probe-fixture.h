#pragma once

/* What tests of whole probes share: a run against the scripted kernel, and looking at its rows. */

#include "tests/fake-kernel.h"
#include "tests/fixtures/probe/machines.h"
#include "tests/test.h"

#define HW(event) PERF_TYPE_HARDWARE, PERF_COUNT_HW_##event

static inline void run(struct fake_kernel *fake, struct probe_report *report)
{
	const struct probe_options options = {
		.kernel = &fake->kernel,
		.clock = fake->clock ? &fake->clock->clock : NULL,
	};

	ck_assert_int_eq(probe_run(&options, report), 0);
	ck_assert_uint_eq(fake->n_open, 0); /* every event was closed again */
}

static inline const struct probe_row *row_of(const struct probe_report *report, const char *name)
{
	const struct probe_row *row = probe_find(report, name);

	ck_assert_msg(row, "no row %s", name);
	return row;
}

static inline void assert_row(const struct probe_report *report, const char *name,
			      enum probe_verdict verdict, enum probe_reason reason)
{
	const struct probe_row *row = row_of(report, name);

	ck_assert_msg(row->verdict == verdict && row->reason == reason, "%s: %s (%s), not %s (%s)",
		      name, probe_verdict_names[row->verdict], probe_reason_names[row->reason],
		      probe_verdict_names[verdict], probe_reason_names[reason]);
}

static inline void assert_group(const struct probe_report *report, enum probe_group group,
				enum probe_verdict verdict, enum probe_reason reason)
{
	for (size_t i = 0; i < report->n_rows; i++)
		if (report->rows[i].group == group)
			assert_row(report, report->rows[i].name, verdict, reason);
}
