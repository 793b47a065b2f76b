/*
 * The events and how each is asked for: open, enable, run a load that must move it, read.
 *
 * Opening alone proves nothing: a listed event may not open, an open one may never be counted, and
 * one that counts may stay at 0. The question is asked for our own thread, user mode only, wherever
 * the event allows it: only then does ENOENT mean "not there" for an ordinary user too, since the
 * kernel checks permissions before it looks for the PMU.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"

#define CACHE(id, result)                                              \
	(PERF_COUNT_HW_CACHE_##id | PERF_COUNT_HW_CACHE_OP_READ << 8 | \
	 PERF_COUNT_HW_CACHE_RESULT_##result << 16)

/* Exact, but for what interrupts and the calls around the load add: one per cent is far more. */
#define ABOUT(n) BETWEEN(n, (n) - (n) / 100, (n) + (n) / 100)
#define BETWEEN(n, from, to) \
	.truth = PROBE_TRUTH_EXACT, .expected = (n), .low = (from), .high = (to)
#define AT_LEAST(n) .truth = PROBE_TRUTH_WEAK, .low = (n)
/* Thousandths of the nanoseconds that it ran. */
#define PER_TIME(from, to) .truth = PROBE_TRUTH_EXACT, .low = (from), .high = (to), .per_time = true

/* A tenth of the loads: prefetchers and the kernel's small pages leave far more than that. */
#define MOST_LOADS AT_LEAST(PROBE_CHASE_N / 10)

const struct probe_event probe_events[] = {
	/* No core runs below 0.1 GHz or above 8 GHz; a VM that gets a tenth of a CPU still passes.
	 */
	{ "cycles", "pmu.cycles", PROBE_GROUP_PMU, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES,
	  PROBE_LOAD_LOOP, PER_TIME(100, 8000), .core = true },
	{ "instructions", "pmu.instructions", PROBE_GROUP_PMU, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_INSTRUCTIONS, PROBE_LOAD_LOOP, ABOUT(2 * PROBE_LOOP_N), .core = true },
	{ "branches", "pmu.branches", PROBE_GROUP_PMU, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_BRANCH_INSTRUCTIONS, PROBE_LOAD_LOOP, ABOUT(PROBE_LOOP_N) },
	/* Half of the bits cannot be foreseen; some cores also count misses of wrong paths. */
	{ "branch-misses", "pmu.branch-misses", PROBE_GROUP_PMU, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_BRANCH_MISSES, PROBE_LOAD_BITS,
	  BETWEEN(PROBE_BITS_N / 2, PROBE_BITS_N / 10, PROBE_BITS_N * 2) },
	{ "cache-references", "pmu.cache-references", PROBE_GROUP_PMU, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_CACHE_REFERENCES, PROBE_LOAD_CHASE, MOST_LOADS },
	{ "cache-misses", "pmu.cache-misses", PROBE_GROUP_PMU, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_CACHE_MISSES, PROBE_LOAD_CHASE, MOST_LOADS },
	{ "cycles:D", NULL, PROBE_GROUP_PMU, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES,
	  PROBE_LOAD_LOOP, PER_TIME(100, 8000), .pinned = true },

	{ "L1-dcache-loads", NULL, PROBE_GROUP_CACHE, PERF_TYPE_HW_CACHE, CACHE(L1D, ACCESS),
	  PROBE_LOAD_CHASE, MOST_LOADS },
	{ "L1-dcache-load-misses", NULL, PROBE_GROUP_CACHE, PERF_TYPE_HW_CACHE, CACHE(L1D, MISS),
	  PROBE_LOAD_CHASE, MOST_LOADS },
	{ "LLC-loads", NULL, PROBE_GROUP_CACHE, PERF_TYPE_HW_CACHE, CACHE(LL, ACCESS),
	  PROBE_LOAD_CHASE, MOST_LOADS },
	{ "LLC-load-misses", NULL, PROBE_GROUP_CACHE, PERF_TYPE_HW_CACHE, CACHE(LL, MISS),
	  PROBE_LOAD_CHASE, MOST_LOADS },
	{ "dTLB-load-misses", NULL, PROBE_GROUP_CACHE, PERF_TYPE_HW_CACHE, CACHE(DTLB, MISS),
	  PROBE_LOAD_CHASE, MOST_LOADS },

	{ "task-clock", NULL, PROBE_GROUP_SOFTWARE, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK,
	  PROBE_LOAD_LOOP, PER_TIME(500, 1100) },
	{ "page-faults", NULL, PROBE_GROUP_SOFTWARE, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS,
	  PROBE_LOAD_TOUCH, AT_LEAST(PROBE_TOUCH_N) },
	/* The next two happen in the kernel, and read 0 for ever where it is left out. */
	{ "context-switches", NULL, PROBE_GROUP_SOFTWARE, PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_CONTEXT_SWITCHES, PROBE_LOAD_BLOCK, AT_LEAST(1),
	  .scope = PROBE_SCOPE_KERNEL },
	{ "cpu-migrations", NULL, PROBE_GROUP_SOFTWARE, PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_CPU_MIGRATIONS, PROBE_LOAD_MIGRATE, AT_LEAST(1),
	  .scope = PROBE_SCOPE_KERNEL },

	/* Whose code may be counted is asked with a clock, so that it has an answer without a PMU.
	 */
	{ "own-user", NULL, PROBE_GROUP_SCOPE, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK,
	  PROBE_LOAD_LOOP, PER_TIME(500, 1100) },
	{ "own-kernel", NULL, PROBE_GROUP_SCOPE, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK,
	  PROBE_LOAD_LOOP, PER_TIME(500, 1100), .scope = PROBE_SCOPE_KERNEL },
	{ "cpu-wide", NULL, PROBE_GROUP_SCOPE, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK,
	  PROBE_LOAD_LOOP, PER_TIME(500, 1100), .scope = PROBE_SCOPE_CPU_WIDE },
};
const size_t probe_events_n = ARRAY_SIZE(probe_events);

/* The counters' row and resctrl's rows come after these. */
_Static_assert(ARRAY_SIZE(probe_events) + 8 <= PROBE_ROWS_MAX, "the report holds all rows");

/* The two generic cache events are three different events, by vendor: never to be compared. */
static const struct {
	uint64_t config;
	const char *vendor; /* CPUID's word, or NULL: */
	const char *arch;
	const char *meaning;
} meanings[] = {
	{ PERF_COUNT_HW_CACHE_REFERENCES, "GenuineIntel", NULL, "last-level cache references" },
	{ PERF_COUNT_HW_CACHE_REFERENCES, "AuthenticAMD", NULL, "L2 accesses" },
	{ PERF_COUNT_HW_CACHE_REFERENCES, NULL, "aarch64", "L1 data cache accesses" },
	{ PERF_COUNT_HW_CACHE_MISSES, "GenuineIntel", NULL, "last-level cache misses" },
	{ PERF_COUNT_HW_CACHE_MISSES, "AuthenticAMD", NULL, "L2 misses" },
	{ PERF_COUNT_HW_CACHE_MISSES, NULL, "aarch64", "L1 data cache refills" },
};

static const char *event_meaning(const struct probe_event *event,
				 const struct probe_context *context)
{
	if (event->type != PERF_TYPE_HARDWARE)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].config != event->config)
			continue;
		if (meanings[i].vendor ? strcmp(meanings[i].vendor, context->cpu_vendor) == 0
				       : strcmp(meanings[i].arch, context->arch) == 0)
			return meanings[i].meaning;
	}
	return NULL;
}

struct perf_event_attr probe_event_attr(const struct probe_event *event)
{
	return (struct perf_event_attr){
		.type = event->type,
		/* The first published size: all that we set is in it, and every kernel takes it. */
		.size = PERF_ATTR_SIZE_VER0,
		.config = event->config,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = 1,
		.pinned = event->pinned,
		.exclude_kernel = event->scope == PROBE_SCOPE_USER,
		.exclude_hv = 1,
	};
}

void probe_read_event(const struct probe_kernel *kernel, int fd, struct probe_observation *seen)
{
	uint64_t answer[3] = {}; /* value, time enabled, time running */
	ssize_t n = kernel->ops->read(kernel, fd, answer, sizeof(answer));

	if (n == 0) {
		seen->end_of_file = true;
		return;
	}
	if (n != (ssize_t)sizeof(answer)) {
		seen->step = PROBE_STEP_READ;
		seen->error = n < 0 ? (int)-n : EIO;
		return;
	}
	seen->counted = true;
	seen->value = answer[0];
	seen->enabled_ns = answer[1];
	/* Nothing can run for longer than it is enabled; a kernel that says so must not make shares
	 * of more than all. */
	seen->running_ns = answer[2] < answer[1] ? answer[2] : answer[1];
}

/* Multiplication would overflow only after a day, and no load runs that long. */
static uint64_t per_mille(uint64_t ns, uint64_t rate)
{
	return ns / 1000 * rate + ns % 1000 * rate / 1000;
}

static void set_truth(const struct probe_event *event, bool promised,
		      struct probe_observation *seen)
{
	if (!promised && !event->per_time)
		return;
	seen->truth = event->truth;
	seen->expected = event->expected;
	seen->low = event->low;
	seen->high = event->high;
	if (event->per_time) {
		seen->low = per_mille(seen->running_ns, event->low);
		seen->high = per_mille(seen->running_ns, event->high);
	}
}

static void fail(struct probe_observation *seen, enum probe_step step, int r)
{
	seen->step = step;
	seen->error = -r;
}

/* Between open and close, and still off: what prepare() does is not counted. */
static void count(struct probe_session *session, const struct probe_event *event, int fd,
		  struct probe_observation *seen)
{
	const struct probe_kernel *kernel = session->kernel;
	int promised, r;

	promised = kernel->ops->prepare(kernel, &session->work, event->load);
	if (promised < 0)
		return fail(seen, PROBE_STEP_RUN, promised);

	r = kernel->ops->ioctl(kernel, fd, PERF_EVENT_IOC_ENABLE, 0);
	if (r < 0)
		return fail(seen, PROBE_STEP_ENABLE, r);

	r = kernel->ops->run(kernel, &session->work, event->load);
	if (r < 0)
		return fail(seen, PROBE_STEP_RUN, r);

	r = kernel->ops->ioctl(kernel, fd, PERF_EVENT_IOC_DISABLE, 0);
	if (r < 0)
		return fail(seen, PROBE_STEP_READ, r);

	probe_read_event(kernel, fd, seen);
	set_truth(event, promised == 0, seen);
}

/* Opening comes first: what the kernel says must not depend on whether a load can be made. */
static void ask(struct probe_session *session, const struct probe_event *event,
		struct probe_observation *seen)
{
	const struct probe_kernel *kernel = session->kernel;
	bool wide = event->scope == PROBE_SCOPE_CPU_WIDE;
	struct perf_event_attr attr = probe_event_attr(event);
	int fd;

	fd = kernel->ops->perf_event_open(kernel, &attr, wide ? -1 : 0, wide ? 0 : -1, -1,
					  PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return fail(seen, PROBE_STEP_OPEN, fd);

	count(session, event, fd, seen);
	(void)kernel->ops->close(kernel, fd);
}

static void describe(const struct probe_event *event, const struct probe_context *context,
		     struct probe_row *row)
{
	bool wide = event->scope == PROBE_SCOPE_CPU_WIDE;

	row->name = event->name;
	row->capability = event->capability;
	row->meaning = event_meaning(event, context);
	row->group = event->group;
	row->scope = event->scope;
	row->core = event->core;
	(void)snprintf(row->asked, sizeof(row->asked),
		       "perf_event_open type=%" PRIu32 " config=0x%" PRIx64
		       " pid=%d cpu=%d exclude_kernel=%d exclude_hv=1%s",
		       event->type, event->config, wide ? -1 : 0, wide ? 0 : -1,
		       event->scope == PROBE_SCOPE_USER, event->pinned ? " pinned=1" : "");
}

/* Whether there is any PMU shows only when all have been asked. */
static bool all_are_enoent(const struct probe_report *report)
{
	bool asked = false;

	for (size_t i = 0; i < report->n_rows; i++) {
		const struct probe_row *row = &report->rows[i];

		if (row->group > PROBE_GROUP_CACHE || row->seen.step == PROBE_STEP_SKIPPED)
			continue;
		if (row->seen.error != ENOENT)
			return false;
		asked = true;
	}
	return asked;
}

void probe_ask_events(struct probe_session *session)
{
	struct probe_report *report = session->report;

	for (size_t i = 0; i < probe_events_n; i++) {
		struct probe_row *row = probe_add_row(report);

		describe(&probe_events[i], &report->context, row);
		if (probe_out_of_time(session))
			row->seen.step = PROBE_STEP_SKIPPED;
		else
			ask(session, &probe_events[i], &row->seen);
	}
	report->context.all_hardware_enoent = all_are_enoent(report);
}
