#pragma once

/*
 * What this machine's performance counters and resctrl really do. Each row of a report says what
 * was asked, what happened, a verdict, a reason and a cure. The kernel is reached only through
 * struct probe_kernel, so that a scripted kernel or a captured machine can stand in for it.
 */

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/base/clock.h"
#include "common/base/macro.h"

#define PROBE_SCHEMA "paddock-probe/1"
#define PROBE_ROWS_MAX 48
#define PROBE_COUNTERS_MAX 16 /* no core PMU that we know has more general counters */
#define PROBE_SOURCES_MAX 160 /* a two-socket metal host lists about 90 event sources */
#define PROBE_BUDGET_USEC (10 * USEC_PER_SEC)

enum probe_verdict {
	PROBE_WORKS,    /* counted, and as far as it can be checked it counted right */
	PROBE_DEGRADED, /* multiplexed, busy, imprecise, not counted */
	PROBE_LIES,     /* opens and counts, but code with a known answer disagrees */
	PROBE_ABSENT,   /* not offered by the CPU, the hypervisor or the kernel */
	PROBE_DENIED,   /* may be there, but this process may not use it */
	PROBE_UNKNOWN,  /* skipped, or the question could not be asked */
	_PROBE_VERDICT_MAX,
};
extern const char *const probe_verdict_names[_PROBE_VERDICT_MAX + 1];

/* Codes for programs; their texts are in the decision table (probe-verdict.c). */
enum probe_reason {
	PROBE_REASON_TRUSTED, /* the count is the known one */
	PROBE_REASON_MOVED,   /* it counts; there is no exact answer to compare with */
	PROBE_REASON_NOTHING_TO_COUNT,
	PROBE_REASON_OUT_OF_TIME,
	PROBE_REASON_WORKLOAD_FAILED,
	PROBE_REASON_KERNEL_WITHOUT_PERF,
	PROBE_REASON_SECCOMP,
	PROBE_REASON_SYSCALL_BLOCKED,
	PROBE_REASON_DISTRO_PARANOID,
	PROBE_REASON_SCOPE_LIMITED,
	PROBE_REASON_LSM_OR_LOCKDOWN,
	PROBE_REASON_CAPABILITY_NEEDED,
	PROBE_REASON_HYPERVISOR_NO_VPMU,
	PROBE_REASON_NO_DRIVER_FOR_CPU,
	PROBE_REASON_EVENT_UNMAPPED,
	PROBE_REASON_FEATURE_UNSUPPORTED,
	PROBE_REASON_NO_DEVICE,
	PROBE_REASON_PMU_BUSY,
	PROBE_REASON_FILE_LIMIT,
	PROBE_REASON_BAD_REQUEST,
	PROBE_REASON_FAILED,
	PROBE_REASON_PINNED_UNSCHEDULABLE,
	PROBE_REASON_NOT_SCHEDULED,
	PROBE_REASON_MULTIPLEXED,
	PROBE_REASON_STUCK_ZERO,
	PROBE_REASON_SUSPECT_COUNT,
	PROBE_REASON_IMPRECISE,
	PROBE_REASON_COUNTERS_USABLE,
	PROBE_REASON_COUNTERS_TAKEN,
	PROBE_REASON_ONE_COUNTER,
	PROBE_REASON_NO_COUNTER,
	PROBE_REASON_NO_TRUSTED_EVENT,
	PROBE_REASON_RESCTRL_MOUNTED,
	PROBE_REASON_RESCTRL_NOT_MOUNTED,
	PROBE_REASON_RESCTRL_HIDDEN,
	PROBE_REASON_RESCTRL_CPU_LACKS,
	PROBE_REASON_RESCTRL_NOT_IN_KERNEL,
	PROBE_REASON_RESCTRL_DENIED,
	PROBE_REASON_PRESENT_UNVERIFIED,
	PROBE_REASON_NOT_OFFERED,
	_PROBE_REASON_MAX,
};
extern const char *const probe_reason_names[_PROBE_REASON_MAX + 1];

enum probe_group {
	PROBE_GROUP_PMU,      /* generic hardware events */
	PROBE_GROUP_CACHE,    /* hardware cache events */
	PROBE_GROUP_COUNTERS, /* how many events at once */
	PROBE_GROUP_SOFTWARE, /* the kernel's own events */
	PROBE_GROUP_SCOPE,    /* whose code this process may count */
	PROBE_GROUP_RESCTRL,
	_PROBE_GROUP_MAX,
};
extern const char *const probe_group_names[_PROBE_GROUP_MAX + 1];

/* Whose code is counted; each needs a lower perf_event_paranoid than the one before. */
enum probe_scope {
	PROBE_SCOPE_USER,     /* this thread's own, user mode */
	PROBE_SCOPE_KERNEL,   /* and what the kernel does for it */
	PROBE_SCOPE_CPU_WIDE, /* everything on one CPU */
	_PROBE_SCOPE_MAX,
};
extern const char *const probe_scope_names[_PROBE_SCOPE_MAX + 1];

/* What is known of the right answer. */
enum probe_truth {
	PROBE_TRUTH_NONE,  /* nothing: 0 may be right */
	PROBE_TRUTH_WEAK,  /* at least low; less is imprecise, 0 is a lie */
	PROBE_TRUTH_EXACT, /* low to high; anything else is a lie */
};

/* The call at which a question came to its end. */
enum probe_step {
	PROBE_STEP_DONE,
	PROBE_STEP_SKIPPED, /* never asked: the time was up */
	PROBE_STEP_OPEN,
	PROBE_STEP_ENABLE,
	PROBE_STEP_RUN, /* the workload itself failed */
	PROBE_STEP_READ,
	PROBE_STEP_FILE, /* a file below /proc or /sys */
	_PROBE_STEP_MAX,
};
extern const char *const probe_step_names[_PROBE_STEP_MAX + 1];

/* What happened: everything that a verdict is made from, but for the machine around it. */
struct probe_observation {
	enum probe_step step;
	int error;        /* the positive errno of that step; 0: none */
	bool end_of_file; /* read() gave 0 bytes: a pinned event in error state */
	bool counted;     /* value is an answer */
	uint64_t value;
	uint64_t enabled_ns, running_ns;
	enum probe_truth truth;
	uint64_t expected, low, high; /* 0: not known */
};

struct probe_row {
	const char *name;       /* as perf calls it */
	const char *capability; /* the word for a machine record; NULL: none */
	const char
		*meaning; /* what a generic name stands for on this CPU; NULL: its name says it */
	enum probe_group group;
	enum probe_scope scope;
	bool core; /* without it there is no PMU to speak of */
	char asked[128];
	struct probe_observation seen;
	enum probe_verdict verdict;
	enum probe_reason reason;
	char brief[48];   /* the reason in a few words */
	char detail[384]; /* the reason in sentences */
	char cure[256];   /* what to do about it; empty: nothing to do */
};

enum probe_platform { PROBE_PLATFORM_UNKNOWN, PROBE_PLATFORM_METAL, PROBE_PLATFORM_VM };
extern const char *const probe_platform_names[];

struct probe_source {
	char name[32];
	uint64_t type;
	bool core; /* a CPU's own PMU */
};

struct probe_resctrl {
	bool listed;        /* in /proc/filesystems */
	char path[128];     /* where it is mounted; empty: nowhere */
	char flags[128];    /* the CPU's flags about it, separated by spaces */
	char features[160]; /* info/L3_MON/mon_features, separated by spaces */
};

/* The machine around the rows, from files below root_fd and from CPUID. An empty text, -1 or a
 * false has_…: not known. */
struct probe_context {
	char arch[16];
	char kernel[64];
	char cpu_vendor[32];
	char cpu_model[80];
	uint64_t cpus;
	enum probe_platform platform;
	bool container;
	char hypervisor[32];
	char product[64]; /* DMI: on EC2 the instance type */

	bool has_paranoid;
	int64_t paranoid;
	bool has_status;
	uint64_t capabilities; /* CapEff */
	uint64_t uid;
	uint64_t seccomp; /* 0 off, 1 strict, 2 filter */
	bool user_namespace;
	char lockdown[32];
	char lsm[96];
	int nmi_watchdog;

	struct probe_source sources[PROBE_SOURCES_MAX];
	size_t n_sources;
	char core_pmu[32];
	char kernel_message[160]; /* what the kernel said of the PMU at boot */
	uint64_t pmu_version;     /* by CPUID */
	uint64_t pmu_general;
	uint64_t pmu_fixed;

	struct probe_resctrl resctrl;
	bool all_hardware_enoent; /* set when the events have been asked for */
};

struct probe_report {
	struct probe_context context;
	struct probe_row rows[PROBE_ROWS_MAX];
	size_t n_rows;
	uint64_t taken_ms; /* wall clock; 0: no clock was given */
	uint64_t took_usec;
};

/* CPUID's answer for one leaf. */
struct probe_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* A piece of code with a known effect (probe-internal.h). */
enum probe_load {
	PROBE_LOAD_LOOP,    /* a counted loop */
	PROBE_LOAD_BITS,    /* branches on fresh random bits */
	PROBE_LOAD_CHASE,   /* dependent loads of lines that are in no cache */
	PROBE_LOAD_TOUCH,   /* first touches of pages */
	PROBE_LOAD_BLOCK,   /* short sleeps */
	PROBE_LOAD_MIGRATE, /* to another CPU and back */
	_PROBE_LOAD_MAX,
};
struct probe_work;

struct probe_kernel;
struct json_object;

/* Results are 0 or more, or -errno, where the system call has -1 and errno. */
struct probe_kernel_ops {
	const char *name;

	int (*perf_event_open)(const struct probe_kernel *kernel, struct perf_event_attr *attr,
			       pid_t pid, int cpu, int group_fd, unsigned long flags);
	ssize_t (*read)(const struct probe_kernel *kernel, int fd, void *data, size_t size);
	int (*ioctl)(const struct probe_kernel *kernel, int fd, unsigned long request,
		     unsigned long arg);
	int (*close)(const struct probe_kernel *kernel, int fd);

	/* -EOPNOTSUPP where the architecture has no such instruction. */
	int (*cpuid)(const struct probe_kernel *kernel, uint32_t leaf, uint32_t subleaf,
		     struct probe_cpuid *ret);

	/* What run() needs, made outside of what is counted. 1: the load cannot promise its known
	 * answer on this machine. */
	int (*prepare)(const struct probe_kernel *kernel, struct probe_work *work,
		       enum probe_load load);
	/* The load itself, between enable and disable. A scripted kernel does nothing here and
	 * answers as if it had been run. */
	int (*run)(const struct probe_kernel *kernel, struct probe_work *work,
		   enum probe_load load);
};

struct probe_kernel {
	const struct probe_kernel_ops *ops;
	int root_fd;      /* what /proc and /sys are looked up in; borrowed */
	const char *arch; /* "x86_64", "aarch64": as uname has it */
};

extern const struct probe_kernel_ops probe_kernel_native;

struct probe_options {
	const struct probe_kernel *kernel; /* NULL: the one we run on */
	const struct clock *clock;         /* NULL: no times in the report, no limit of time */
	uint64_t budget_usec;              /* 0: PROBE_BUDGET_USEC; what is left then is skipped */
};

/* Asks everything. What cannot be asked becomes a row that says why; an error (-ENOMEM, -errno of
 * opening "/") leaves *ret undefined. *ret is about 70 KiB. Holds at most PROBE_COUNTERS_MAX + 1
 * event files open, uses up to 40 MiB for the loads, and puts the thread's affinity back. */
int probe_run(const struct probe_options *options, struct probe_report *ret) _must_check_;

/* NULL when the report has no such row. */
const struct probe_row *probe_find(const struct probe_report *report, const char *name);

/* The verdict on the PMU as a whole, and the row that decided it. */
enum probe_verdict probe_pmu_verdict(const struct probe_report *report,
				     const struct probe_row **ret_row);

/* enum exit_code: EXIT_FAILED something lies, EXIT_UNAVAILABLE no PMU, EXIT_PARTIAL degraded or
 * not all of the core could be had, else EXIT_OK. */
int probe_exit_code(const struct probe_report *report);

/* One line without a newline: "PMU works, 8 counters; resctrl absent". Returns text. */
#define PROBE_SUMMARY_MAX 160
const char *probe_summary(const struct probe_report *report, char *text, size_t size);

/* The capability words of the rows that work, sorted, one space between. 1 when the text was too
 * small for all: the words of the later rows are left out then. */
int probe_capabilities(const struct probe_report *report, char *text, size_t size);

/* For a person: five lines that answer, the rows, why and what to do, the evidence. width 0: lines
 * are not cut. -EIO when the stream fails. */
int probe_print_table(const struct probe_report *report, FILE *to, unsigned width) _must_check_;

/* For a program. The caller puts the object. */
int probe_to_json(const struct probe_report *report, struct json_object **ret) _must_check_;
/* The same, indented, with a newline at the end. */
int probe_print_json(const struct probe_report *report, FILE *to) _must_check_;
