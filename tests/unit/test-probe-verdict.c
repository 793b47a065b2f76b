#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "tests/test.h"

/* What the machine is like; where nothing is said it is metal, has a PMU and allows everything. */
enum setting {
	PLAIN,
	NO_PERF_FILE,
	FILTERED,       /* seccomp */
	ALLOWS_NOTHING, /* perf_event_paranoid 3, no capabilities */
	ALLOWS_USER,    /* 2, no capabilities */
	VM_WITHOUT_PMU, /* every hardware event was ENOENT */
	METAL_WITHOUT_PMU,
	VM,
	WATCHDOG,
	RESCTRL_MOUNTED,
	RESCTRL_LISTED,
	RESCTRL_FLAGS,
	ARM,
};

static void set(char *text, size_t size, const char *value)
{
	ck_assert_int_lt(snprintf(text, size, "%s", value), (int)size);
}

static struct probe_context context_of(enum setting setting)
{
	bool no_pmu = setting == VM_WITHOUT_PMU || setting == METAL_WITHOUT_PMU;
	bool vm = setting == VM_WITHOUT_PMU || setting == VM;
	struct probe_context context = {
		.has_paranoid = setting != NO_PERF_FILE,
		.paranoid = setting == ALLOWS_NOTHING ? 3
			    : setting == ALLOWS_USER  ? 2
						      : -1,
		.seccomp = setting == FILTERED ? 2 : 0,
		.platform = vm ? PROBE_PLATFORM_VM : PROBE_PLATFORM_METAL,
		.all_hardware_enoent = no_pmu,
		.nmi_watchdog = setting == WATCHDOG,
		.resctrl.listed = setting == RESCTRL_LISTED || setting == RESCTRL_MOUNTED,
	};

	set(context.arch, sizeof(context.arch), setting == ARM ? "aarch64" : "x86_64");
	set(context.core_pmu, sizeof(context.core_pmu), no_pmu ? "" : "cpu");
	set(context.kernel_message, sizeof(context.kernel_message), no_pmu ? "no PMU driver" : "");
	set(context.resctrl.path, sizeof(context.resctrl.path),
	    setting == RESCTRL_MOUNTED ? "/sys/fs/resctrl" : "");
	set(context.resctrl.flags, sizeof(context.resctrl.flags),
	    setting == RESCTRL_FLAGS ? "rdt_a cat_l3" : "");
	return context;
}

#define SEEN(...)           \
	{                   \
		__VA_ARGS__ \
	}
#define FAILED(errno_value)                                     \
	{                                                       \
		.step = PROBE_STEP_OPEN, .error = (errno_value) \
	}
#define RAN(v, on, of) .counted = true, .value = (v), .running_ns = (on), .enabled_ns = (of)
#define EXACT(n) \
	.truth = PROBE_TRUTH_EXACT, .expected = (n), .low = (n)*99 / 100, .high = (n)*101 / 100
#define WEAK(n) .truth = PROBE_TRUTH_WEAK, .low = (n)
#define NUMBER(v, of) .counted = true, .value = (v), .expected = (of)

/* A row for each rule, in the order of the rules, and for each way of missing one. */
static const struct verdict_case {
	const char *name;
	enum setting setting;
	enum probe_group group;
	enum probe_scope scope;
	const char *capability;
	struct probe_observation seen;
	enum probe_verdict verdict;
	enum probe_reason reason;
	const char *brief; /* NULL: not looked at */
} cases[] = {
#define EVENT PROBE_GROUP_PMU, PROBE_SCOPE_USER, NULL
	{ "skipped", PLAIN, EVENT, SEEN(.step = PROBE_STEP_SKIPPED), PROBE_UNKNOWN,
	  PROBE_REASON_OUT_OF_TIME, NULL },
	{ "load failed", PLAIN, EVENT, SEEN(.step = PROBE_STEP_RUN, .error = ENOMEM), PROBE_UNKNOWN,
	  PROBE_REASON_WORKLOAD_FAILED, "its workload failed (ENOMEM)" },
	{ "a load's ENOENT is no PMU's", VM_WITHOUT_PMU, EVENT,
	  SEEN(.step = PROBE_STEP_RUN, .error = ENOENT), PROBE_UNKNOWN,
	  PROBE_REASON_WORKLOAD_FAILED, NULL },
	{ "ENOSYS, no file", NO_PERF_FILE, EVENT, FAILED(ENOSYS), PROBE_ABSENT,
	  PROBE_REASON_KERNEL_WITHOUT_PERF, NULL },
	{ "ENOSYS, seccomp", FILTERED, EVENT, FAILED(ENOSYS), PROBE_DENIED, PROBE_REASON_SECCOMP,
	  "seccomp filter (ENOSYS)" },
	{ "ENOSYS, file", PLAIN, EVENT, FAILED(ENOSYS), PROBE_DENIED, PROBE_REASON_SYSCALL_BLOCKED,
	  NULL },
	{ "EPERM, seccomp", FILTERED, EVENT, FAILED(EPERM), PROBE_DENIED, PROBE_REASON_SECCOMP,
	  "seccomp filter (EPERM)" },
	{ "EPERM", PLAIN, EVENT, FAILED(EPERM), PROBE_DENIED, PROBE_REASON_CAPABILITY_NEEDED,
	  NULL },
	{ "EACCES, policy", ALLOWS_NOTHING, EVENT, FAILED(EACCES), PROBE_DENIED,
	  PROBE_REASON_DISTRO_PARANOID, "perf_event_paranoid is 3" },
	{ "EACCES, scope", ALLOWS_USER, PROBE_GROUP_SOFTWARE, PROBE_SCOPE_KERNEL, NULL,
	  FAILED(EACCES), PROBE_DENIED, PROBE_REASON_SCOPE_LIMITED, "perf_event_paranoid is 2" },
	{ "EACCES, allowed scope", ALLOWS_USER, EVENT, FAILED(EACCES), PROBE_DENIED,
	  PROBE_REASON_LSM_OR_LOCKDOWN, NULL },
	{ "EACCES, all allowed", PLAIN, PROBE_GROUP_SCOPE, PROBE_SCOPE_CPU_WIDE, NULL,
	  FAILED(EACCES), PROBE_DENIED, PROBE_REASON_LSM_OR_LOCKDOWN, NULL },
	{ "EACCES, no file", NO_PERF_FILE, EVENT, FAILED(EACCES), PROBE_DENIED,
	  PROBE_REASON_LSM_OR_LOCKDOWN, NULL },
	{ "ENOENT, VM", VM_WITHOUT_PMU, EVENT, FAILED(ENOENT), PROBE_ABSENT,
	  PROBE_REASON_HYPERVISOR_NO_VPMU, "this VM exposes no PMU" },
	{ "ENOENT, metal", METAL_WITHOUT_PMU, EVENT, FAILED(ENOENT), PROBE_ABSENT,
	  PROBE_REASON_NO_DRIVER_FOR_CPU, NULL },
	{ "ENOENT, one event", PLAIN, EVENT, FAILED(ENOENT), PROBE_ABSENT,
	  PROBE_REASON_EVENT_UNMAPPED, NULL },
	{ "ENOENT, one event of a VM", VM, EVENT, FAILED(ENOENT), PROBE_ABSENT,
	  PROBE_REASON_EVENT_UNMAPPED, NULL },
	{ "EOPNOTSUPP", PLAIN, EVENT, FAILED(EOPNOTSUPP), PROBE_ABSENT,
	  PROBE_REASON_FEATURE_UNSUPPORTED, NULL },
	{ "ENODEV", PLAIN, EVENT, FAILED(ENODEV), PROBE_ABSENT, PROBE_REASON_NO_DEVICE, NULL },
	{ "ENXIO", PLAIN, EVENT, FAILED(ENXIO), PROBE_ABSENT, PROBE_REASON_NO_DEVICE, NULL },
	{ "EBUSY", PLAIN, EVENT, FAILED(EBUSY), PROBE_DEGRADED, PROBE_REASON_PMU_BUSY, NULL },
	{ "EMFILE", PLAIN, EVENT, FAILED(EMFILE), PROBE_UNKNOWN, PROBE_REASON_FILE_LIMIT,
	  "too many open files (EMFILE)" },
	{ "ENFILE", PLAIN, EVENT, FAILED(ENFILE), PROBE_UNKNOWN, PROBE_REASON_FILE_LIMIT,
	  "too many open files (ENFILE)" },
	{ "EINVAL", PLAIN, EVENT, FAILED(EINVAL), PROBE_UNKNOWN, PROBE_REASON_BAD_REQUEST, NULL },
	{ "any other errno", PLAIN, EVENT, SEEN(.step = PROBE_STEP_READ, .error = EIO),
	  PROBE_UNKNOWN, PROBE_REASON_FAILED, "failed (EIO)" },
	{ "an errno without a name", PLAIN, EVENT, FAILED(4000), PROBE_UNKNOWN, PROBE_REASON_FAILED,
	  "failed (not known)" },
	{ "end of file", PLAIN, EVENT, SEEN(.end_of_file = true), PROBE_DEGRADED,
	  PROBE_REASON_PINNED_UNSCHEDULABLE, NULL },
	{ "never ran", PLAIN, EVENT, SEEN(RAN(0, 0, 1000), EXACT(100)), PROBE_DEGRADED,
	  PROBE_REASON_NOT_SCHEDULED, NULL },
	{ "shared", PLAIN, EVENT, SEEN(RAN(43, 43, 100), EXACT(100)), PROBE_DEGRADED,
	  PROBE_REASON_MULTIPLEXED, "shared: counted 43 %" },
	{ "shared a little", PLAIN, EVENT, SEEN(RAN(100, 9999, 10000), EXACT(100)), PROBE_DEGRADED,
	  PROBE_REASON_MULTIPLEXED, "shared: counted 99 %" },
	{ "hardly ever", PLAIN, EVENT, SEEN(RAN(0, 31, 1000), EXACT(100)), PROBE_DEGRADED,
	  PROBE_REASON_MULTIPLEXED, "shared: counted 3.1 %" },
	{ "stuck in a VM", VM, EVENT, SEEN(RAN(0, 100, 100), EXACT(100)), PROBE_LIES,
	  PROBE_REASON_STUCK_ZERO, NULL },
	{ "stuck on metal", PLAIN, EVENT, SEEN(RAN(0, 100, 100), EXACT(100)), PROBE_LIES,
	  PROBE_REASON_STUCK_ZERO, NULL },
	{ "stuck, weak truth", PLAIN, EVENT, SEEN(RAN(0, 100, 100), WEAK(100)), PROBE_LIES,
	  PROBE_REASON_STUCK_ZERO, NULL },
	{ "a software event stuck in a VM", VM, PROBE_GROUP_SOFTWARE, PROBE_SCOPE_USER, NULL,
	  SEEN(RAN(0, 100, 100), WEAK(100)), PROBE_LIES, PROBE_REASON_STUCK_ZERO, NULL },
	{ "too fast for its time", PLAIN, EVENT,
	  SEEN(RAN(900, 100, 100), .truth = PROBE_TRUTH_EXACT, .low = 10, .high = 800), PROBE_LIES,
	  PROBE_REASON_SUSPECT_COUNT, "impossible for its time" },
	{ "16 times too much", PLAIN, EVENT, SEEN(RAN(1600, 100, 100), EXACT(100)), PROBE_LIES,
	  PROBE_REASON_SUSPECT_COUNT, "16.0 x the right count" },
	{ "a sixteenth", PLAIN, EVENT, SEEN(RAN(100, 100, 100), EXACT(1600)), PROBE_LIES,
	  PROBE_REASON_SUSPECT_COUNT, "0.06 x the right count" },
	{ "just outside", PLAIN, EVENT, SEEN(RAN(10101, 100, 100), EXACT(10000)), PROBE_LIES,
	  PROBE_REASON_SUSPECT_COUNT, NULL },
	{ "too little", PLAIN, EVENT, SEEN(RAN(99, 100, 100), WEAK(100)), PROBE_DEGRADED,
	  PROBE_REASON_IMPRECISE, NULL },
	{ "nothing promised, nothing moved", PLAIN, EVENT, SEEN(RAN(0, 100, 100)), PROBE_UNKNOWN,
	  PROBE_REASON_NOTHING_TO_COUNT, NULL },
	{ "just inside", PLAIN, EVENT, SEEN(RAN(10100, 100, 100), EXACT(10000)), PROBE_WORKS,
	  PROBE_REASON_TRUSTED, NULL },
	{ "exact", VM, EVENT, SEEN(RAN(100, 100, 100), EXACT(100)), PROBE_WORKS,
	  PROBE_REASON_TRUSTED, NULL },
	{ "moved", PLAIN, EVENT, SEEN(RAN(100, 100, 100), WEAK(100)), PROBE_WORKS,
	  PROBE_REASON_MOVED, NULL },
	{ "moved, nothing promised", PLAIN, EVENT, SEEN(RAN(1, 100, 100)), PROBE_WORKS,
	  PROBE_REASON_MOVED, NULL },
#define COUNTERS PROBE_GROUP_COUNTERS, PROBE_SCOPE_USER, NULL
	{ "counters: skipped", PLAIN, COUNTERS, SEEN(.step = PROBE_STEP_SKIPPED), PROBE_UNKNOWN,
	  PROBE_REASON_OUT_OF_TIME, NULL },
	{ "counters: no PMU", VM_WITHOUT_PMU, COUNTERS, FAILED(ENOENT), PROBE_ABSENT,
	  PROBE_REASON_HYPERVISOR_NO_VPMU, NULL },
	{ "counters: too many files", PLAIN, COUNTERS,
	  SEEN(.step = PROBE_STEP_OPEN, .error = EMFILE, NUMBER(3, 8)), PROBE_UNKNOWN,
	  PROBE_REASON_FILE_LIMIT, NULL },
	{ "counters: no event", PLAIN, COUNTERS, SEEN(), PROBE_UNKNOWN,
	  PROBE_REASON_NO_TRUSTED_EVENT, NULL },
	{ "counters: 0", PLAIN, COUNTERS, SEEN(NUMBER(0, 8)), PROBE_DEGRADED,
	  PROBE_REASON_NO_COUNTER, NULL },
	{ "counters: watchdog", WATCHDOG, COUNTERS, SEEN(NUMBER(7, 8)), PROBE_DEGRADED,
	  PROBE_REASON_COUNTERS_TAKEN, "7 of 8, watchdog is on" },
	{ "counters: taken", PLAIN, COUNTERS, SEEN(NUMBER(5, 8)), PROBE_DEGRADED,
	  PROBE_REASON_COUNTERS_TAKEN, "5 of 8 usable" },
	{ "counters: 1", PLAIN, COUNTERS, SEEN(NUMBER(1, 0)), PROBE_DEGRADED,
	  PROBE_REASON_ONE_COUNTER, NULL },
	{ "counters: all", WATCHDOG, COUNTERS, SEEN(NUMBER(8, 8)), PROBE_WORKS,
	  PROBE_REASON_COUNTERS_USABLE, NULL },
	{ "counters: CPUID silent", PLAIN, COUNTERS, SEEN(NUMBER(5, 0)), PROBE_WORKS,
	  PROBE_REASON_COUNTERS_USABLE, NULL },
#define RESCTRL PROBE_GROUP_RESCTRL, PROBE_SCOPE_USER, NULL
	{ "resctrl: EACCES", RESCTRL_MOUNTED, RESCTRL, FAILED(EACCES), PROBE_DENIED,
	  PROBE_REASON_RESCTRL_DENIED, NULL },
	{ "resctrl: EPERM", RESCTRL_MOUNTED, RESCTRL, FAILED(EPERM), PROBE_DENIED,
	  PROBE_REASON_RESCTRL_DENIED, NULL },
	{ "resctrl: other errno", RESCTRL_MOUNTED, RESCTRL, FAILED(EIO), PROBE_UNKNOWN,
	  PROBE_REASON_FAILED, NULL },
	{ "resctrl: mounted", RESCTRL_MOUNTED, RESCTRL, SEEN(), PROBE_WORKS,
	  PROBE_REASON_RESCTRL_MOUNTED, NULL },
	{ "resctrl: listed", RESCTRL_LISTED, RESCTRL, SEEN(), PROBE_UNKNOWN,
	  PROBE_REASON_RESCTRL_NOT_MOUNTED, NULL },
	{ "resctrl: flags only", RESCTRL_FLAGS, RESCTRL, SEEN(), PROBE_ABSENT,
	  PROBE_REASON_RESCTRL_NOT_IN_KERNEL, NULL },
	{ "resctrl: VM", VM, RESCTRL, SEEN(), PROBE_ABSENT, PROBE_REASON_RESCTRL_HIDDEN, NULL },
	{ "resctrl: CPU without", PLAIN, RESCTRL, SEEN(), PROBE_ABSENT,
	  PROBE_REASON_RESCTRL_CPU_LACKS, NULL },
	{ "resctrl: Arm", ARM, RESCTRL, SEEN(), PROBE_ABSENT, PROBE_REASON_RESCTRL_NOT_IN_KERNEL,
	  NULL },
#define FEATURE PROBE_GROUP_RESCTRL, PROBE_SCOPE_USER, "resctrl.l3"
	{ "feature: EACCES", RESCTRL_MOUNTED, FEATURE, FAILED(EACCES), PROBE_DENIED,
	  PROBE_REASON_RESCTRL_DENIED, NULL },
	{ "feature: EPERM", RESCTRL_MOUNTED, FEATURE, FAILED(EPERM), PROBE_DENIED,
	  PROBE_REASON_RESCTRL_DENIED, NULL },
	{ "feature: other errno", RESCTRL_MOUNTED, FEATURE, FAILED(EIO), PROBE_UNKNOWN,
	  PROBE_REASON_FAILED, NULL },
	{ "feature: there", RESCTRL_MOUNTED, FEATURE, SEEN(NUMBER(15, 0)), PROBE_WORKS,
	  PROBE_REASON_PRESENT_UNVERIFIED, NULL },
	{ "feature: not there", RESCTRL_MOUNTED, FEATURE, SEEN(), PROBE_ABSENT,
	  PROBE_REASON_NOT_OFFERED, NULL },
};

static struct probe_row judge(const struct verdict_case *c)
{
	const struct probe_context context = context_of(c->setting);
	struct probe_row row = {
		.name = c->name,
		.group = c->group,
		.scope = c->scope,
		.capability = c->capability,
		.seen = c->seen,
	};

	probe_judge(&context, &row);
	return row;
}

START_TEST(gives_each_observation_its_verdict_and_reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct probe_row row = judge(&cases[i]);

		ck_assert_msg(row.verdict == cases[i].verdict, "%s: %s, not %s", cases[i].name,
			      probe_verdict_names[row.verdict],
			      probe_verdict_names[cases[i].verdict]);
		ck_assert_msg(row.reason == cases[i].reason, "%s: %s, not %s", cases[i].name,
			      probe_reason_names[row.reason], probe_reason_names[cases[i].reason]);
		if (cases[i].brief)
			ck_assert_str_eq(row.brief, cases[i].brief);
	}
}
END_TEST

START_TEST(has_a_case_for_every_reason_and_every_verdict)
{
	bool reasons[_PROBE_REASON_MAX] = {}, verdicts[_PROBE_VERDICT_MAX] = {};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reasons[cases[i].reason] = true;
		verdicts[cases[i].verdict] = true;
	}
	for (size_t i = 0; i < _PROBE_REASON_MAX; i++)
		ck_assert_msg(reasons[i], "no case for %s", probe_reason_names[i]);
	for (size_t i = 0; i < _PROBE_VERDICT_MAX; i++)
		ck_assert_msg(verdicts[i], "no case for %s", probe_verdict_names[i]);
}
END_TEST

START_TEST(never_says_no_without_why_and_what_to_do)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct probe_row row = judge(&cases[i]);

		ck_assert_msg(row.brief[0] != '\0' && row.detail[0] != '\0', "%s", cases[i].name);
		ck_assert_msg((row.verdict == PROBE_WORKS) == (row.cure[0] == '\0'), "%s",
			      cases[i].name);
	}
}
END_TEST

static size_t sentence_length(const char *text)
{
	const char *end = strstr(text, ". ");

	return end ? (size_t)(end - text + 1) : strlen(text);
}

START_TEST(leaves_no_word_in_braces_and_fits_the_columns)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct probe_row row = judge(&cases[i]);

		ck_assert_msg(!strpbrk(row.brief, "{}") && !strpbrk(row.detail, "{}") &&
				      !strpbrk(row.cure, "{}"),
			      "%s: %s %s %s", cases[i].name, row.brief, row.detail, row.cure);
		/* What is left of 80 columns for the last one. */
		ck_assert_msg(strlen(row.brief) <= 29, "%s: %s", cases[i].name, row.brief);
		/* A cure's first sentence is a line of its own at the head of the report. */
		ck_assert_msg(sentence_length(row.cure) <= 70, "%s: %s", cases[i].name, row.cure);
		/* Long enough for any errno, but not filled to the brim by these. */
		ck_assert_uint_lt(strlen(row.detail), sizeof(row.detail) - 1);
		ck_assert_uint_lt(strlen(row.cure), sizeof(row.cure) - 1);
	}
}
END_TEST

START_TEST(names_everything_that_programs_match)
{
	for (size_t i = 0; i < _PROBE_REASON_MAX; i++) {
		ck_assert_ptr_nonnull(probe_reason_names[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(probe_reason_names[i], probe_reason_names[j]);
	}
	for (size_t i = 0; i < _PROBE_GROUP_MAX; i++)
		ck_assert_ptr_nonnull(probe_group_names[i]);
	for (size_t i = 0; i < _PROBE_SCOPE_MAX; i++)
		ck_assert_ptr_nonnull(probe_scope_names[i]);
	for (size_t i = 0; i < _PROBE_STEP_MAX; i++)
		ck_assert_ptr_nonnull(probe_step_names[i]);
}
END_TEST

START_TEST(cuts_a_long_kernel_message_at_the_field)
{
	struct probe_context context = context_of(VM_WITHOUT_PMU);
	struct probe_row row = { .seen = FAILED(ENOENT) };

	memset(context.kernel_message, 'x', sizeof(context.kernel_message) - 1);
	context.kernel_message[sizeof(context.kernel_message) - 1] = '\0';
	probe_judge(&context, &row);
	ck_assert_uint_lt(strlen(row.detail), sizeof(row.detail));
	ck_assert_ptr_nonnull(strstr(row.detail, "xxxx"));
}
END_TEST

TEST_MAIN(gives_each_observation_its_verdict_and_reason,
	  has_a_case_for_every_reason_and_every_verdict, never_says_no_without_why_and_what_to_do,
	  leaves_no_word_in_braces_and_fits_the_columns, names_everything_that_programs_match,
	  cuts_a_long_kernel_message_at_the_field)
