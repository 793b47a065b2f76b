#pragma once

/* What the probe's files share with each other and with their tests. */

#include <sched.h>

#include "agent/probe/probe.h"

/* How much each load does. Large enough for enabling and reading to be lost in it, small enough
 * for the whole probe to take well under a second. */
#define PROBE_LOOP_N 4000000ULL /* rounds of 2 instructions, 1 of them a taken branch */
#define PROBE_BITS_N (1ULL << 20)
#define PROBE_CHASE_NODES 8192ULL /* one a page of 4 KiB: more than any second-level TLB holds */
#define PROBE_CHASE_N (2 * PROBE_CHASE_NODES)
#define PROBE_TOUCH_N 256ULL
#define PROBE_BLOCK_N 8ULL
#define PROBE_BLOCK_NSEC 200000L /* a busy host may be late to sleep, and need not then */

/* One question to perf_event_open(). */
struct probe_event {
	const char *name;
	const char *capability;
	enum probe_group group;
	uint32_t type;
	uint64_t config;
	enum probe_load load;
	enum probe_truth truth;
	uint64_t expected, low, high;
	bool per_time; /* low and high are thousandths of the time it ran, not counts */
	enum probe_scope scope;
	bool pinned;
	bool core;
};

/* What the loads need, made when first wanted; zero-initialised. */
struct probe_work {
	void *chase; /* owned mapping of PROBE_CHASE_NODES pages */
	void *chase_head;
	unsigned char *bits; /* owned, PROBE_BITS_N bytes of 0 or 1 */
	void *pages;         /* owned mapping of PROBE_TOUCH_N pages */
	size_t page_size;
	uint64_t seed;
	cpu_set_t *affinity; /* owned; as the thread had it */
	size_t affinity_size;
	int other_cpu;
};

void probe_work_done(struct probe_work *work);
#define _cleanup_work_ _cleanup_(probe_work_done)

/* probe-load.c: the loads of probe_kernel_native. */
int probe_load_prepare(struct probe_work *work, enum probe_load load) _must_check_;
int probe_load_run(struct probe_work *work, enum probe_load load) _must_check_;
/* n rounds of the counted loop; 2 n instructions where probe_loop_is_exact. */
void probe_loop(uint64_t n);
extern const bool probe_loop_is_exact;

/* A run under way. */
struct probe_session {
	const struct probe_kernel *kernel;
	const struct clock *clock; /* may be NULL */
	struct deadline deadline;
	struct probe_work work;
	struct probe_report *report;
};

bool probe_out_of_time(const struct probe_session *session);
/* A zeroed row at the end of the report; never NULL: the tables' lengths are checked against
 * PROBE_ROWS_MAX when compiling. */
struct probe_row *probe_add_row(struct probe_report *report);

/* probe-context.c: a file that is not there leaves its fact unknown. *ret is zeroed. */
void probe_read_context(const struct probe_kernel *kernel, struct probe_context *ret);
/* Whether CAP_PERFMON, or CAP_SYS_ADMIN, lifts perf_event_paranoid. */
bool probe_is_capable(const struct probe_context *context);
/* Whether perf_event_paranoid and the capabilities allow it; true when they are not known. */
bool probe_policy_allows(const struct probe_context *context, enum probe_scope scope);
/* What is no printable ASCII becomes '?', so that a report is always valid UTF-8. */
void probe_clean(char *text);
/* The first line of a file without its newline; empty when it cannot be read. */
void probe_read_line(int root_fd, const char *path, char *text, size_t size);
/* Whether a whole word is in a text: "rdt" is not in "rdtscp". */
bool probe_has_word(const char *text, const char *word);

/* probe-platform.c: metal, VM, container; CPUID's counters; what the kernel said of the PMU. */
void probe_read_platform(const struct probe_kernel *kernel, struct probe_context *context);

/* probe-pmu.c */
extern const struct probe_event probe_events[];
extern const size_t probe_events_n;
/* A row for each event; sets all_hardware_enoent. */
void probe_ask_events(struct probe_session *session);
/* What perf_event_open() is asked: disabled, own user-mode code unless the event's scope is wider.
 */
struct perf_event_attr probe_event_attr(const struct probe_event *event);
/* Reads value and times of one event into *seen. */
void probe_read_event(const struct probe_kernel *kernel, int fd, struct probe_observation *seen);

/* probe-counters.c */
void probe_ask_counters(struct probe_session *session);

/* probe-resctrl.c: only looks. */
void probe_read_resctrl(int root_fd, struct probe_resctrl *resctrl);
void probe_ask_resctrl(struct probe_session *session);

/* probe-verdict.c: pure. Fills verdict, reason, brief, detail and cure from the rest. */
void probe_judge(const struct probe_context *context, struct probe_row *row);

/* probe-text.c: templates to the row's texts, cut at the size of each. */
void probe_write_texts(const struct probe_context *context, struct probe_row *row,
		       const char *brief, const char *detail, const char *cure);
