/*
 * How many events can be counted at once, found by trying.
 *
 * Neither CPUID nor the boot log tells: a watchdog holds a counter, a hypervisor gives out fewer
 * than it names, and some give more than one name for the same counter, so that the second reads
 * 0. So a group of n copies of one event that has no fixed counter of its own is opened behind a
 * software event, which is always ready. A group is counted all at once or not at all; n fits
 * when every copy ran all the time and counted right. What is found is true now: other users of
 * the PMU take their share.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"

/* In order of preference. Intel counts instructions on a fixed counter first, so they come last.
 */
static const char *const candidates[] = { "branches", "cache-references", "branch-misses",
					  "instructions" };

struct group {
	int leader;
	int members[PROBE_COUNTERS_MAX];
	size_t n;
};

static void close_group(const struct probe_kernel *kernel, struct group *group)
{
	for (size_t i = group->n; i > 0; i--)
		(void)kernel->ops->close(kernel, group->members[i - 1]);
	(void)kernel->ops->close(kernel, group->leader);
}

/* The leader alone; its members inherit being switched on from it. */
static int open_leader(const struct probe_kernel *kernel, struct group *group)
{
	static const struct probe_event dummy = { .type = PERF_TYPE_SOFTWARE,
						  .config = PERF_COUNT_SW_DUMMY };
	struct perf_event_attr attr = probe_event_attr(&dummy);

	group->n = 0;
	group->leader =
		kernel->ops->perf_event_open(kernel, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return group->leader < 0 ? group->leader : 0;
}

static int open_members(const struct probe_kernel *kernel, const struct probe_event *event,
			size_t n, struct group *group)
{
	struct perf_event_attr attr = probe_event_attr(event);
	int fd;

	attr.disabled = 0;
	while (group->n < n) {
		fd = kernel->ops->perf_event_open(kernel, &attr, 0, -1, group->leader,
						  PERF_FLAG_FD_CLOEXEC);
		if (fd < 0)
			return fd;
		group->members[group->n++] = fd;
	}
	return 0;
}

static bool member_counts(const struct probe_kernel *kernel, int fd,
			  const struct probe_observation *alone)
{
	struct probe_observation seen = {};

	probe_read_event(kernel, fd, &seen);
	if (!seen.counted || seen.running_ns < seen.enabled_ns)
		return false;
	return seen.value >= alone->value / 2;
}

/* 1 when all n counted, 0 when not, -errno when the question could not be put. */
static int run_group(struct probe_session *session, const struct probe_event *event,
		     const struct probe_observation *alone, const struct group *group)
{
	const struct probe_kernel *kernel = session->kernel;
	int r;

	r = kernel->ops->ioctl(kernel, group->leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
	if (r == 0)
		r = kernel->ops->run(kernel, &session->work, event->load);
	if (r == 0)
		r = kernel->ops->ioctl(kernel, group->leader, PERF_EVENT_IOC_DISABLE,
				       PERF_IOC_FLAG_GROUP);
	if (r < 0)
		return r;

	for (size_t i = 0; i < group->n; i++)
		if (!member_counts(kernel, group->members[i], alone))
			return 0;
	return 1;
}

/* x86 refuses a group that cannot fit when it is opened, with EINVAL; others, and x86 when only
 * the watchdog is in the way, open it and never count it. */
static int try_group(struct probe_session *session, const struct probe_event *event, size_t n,
		     const struct probe_observation *alone)
{
	struct group group;
	int r;

	r = session->kernel->ops->prepare(session->kernel, &session->work, event->load);
	if (r < 0)
		return r;
	r = open_leader(session->kernel, &group);
	if (r < 0)
		return r;

	r = open_members(session->kernel, event, n, &group);
	if (r == 0)
		r = run_group(session, event, alone, &group);
	else if (r == -EINVAL || r == -ENOSPC)
		r = 0;
	close_group(session->kernel, &group);
	return r;
}

static const struct probe_event *find_event(const char *name)
{
	for (size_t i = 0; i < probe_events_n; i++)
		if (strcmp(probe_events[i].name, name) == 0)
			return &probe_events[i];
	return NULL;
}

static bool counts_right(const struct probe_context *context, const struct probe_row *row)
{
	struct probe_row copy = *row;

	probe_judge(context, &copy);
	return copy.verdict == PROBE_WORKS;
}

/* The row of the first candidate that counts right, or NULL. */
static const struct probe_row *choose(const struct probe_report *report)
{
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		const struct probe_row *row = probe_find(report, candidates[i]);

		if (row && counts_right(&report->context, row))
			return row;
	}
	return NULL;
}

/* Upwards one by one: each step stands on the one below, so that a passing trouble at one n can
 * only make the answer smaller. An error (too many files, say) leaves no answer at all: the
 * counters may not have been what ended the search. */
static void search(struct probe_session *session, const struct probe_row *alone,
		   struct probe_observation *seen)
{
	const struct probe_event *event = find_event(alone->name);
	int r;

	seen->counted = true;
	seen->expected = session->report->context.pmu_general;
	for (size_t n = 1; n <= PROBE_COUNTERS_MAX; n++) {
		if (probe_out_of_time(session)) {
			seen->step = PROBE_STEP_SKIPPED;
			return;
		}
		r = try_group(session, event, n, &alone->seen);
		if (r < 0) {
			seen->step = PROBE_STEP_OPEN;
			seen->error = -r;
		}
		if (r <= 0)
			return;
		seen->value = n;
	}
}

void probe_ask_counters(struct probe_session *session)
{
	const struct probe_row *alone = choose(session->report);
	const struct probe_row *cycles = probe_find(session->report, "cycles");
	struct probe_row *row = probe_add_row(session->report);

	row->name = "general-counters";
	row->group = PROBE_GROUP_COUNTERS;
	(void)snprintf(row->asked, sizeof(row->asked), "groups of 1 to %d x %s", PROBE_COUNTERS_MAX,
		       alone ? alone->name : candidates[0]);

	if (alone) {
		search(session, alone, &row->seen);
		return;
	}
	/* Whatever keeps the first event away keeps the counters away. */
	if (probe_out_of_time(session)) {
		row->seen.step = PROBE_STEP_SKIPPED;
	} else if (cycles && cycles->seen.error > 0) {
		row->seen.step = cycles->seen.step;
		row->seen.error = cycles->seen.error;
	}
}
