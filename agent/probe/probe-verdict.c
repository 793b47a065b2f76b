/*
 * From what was seen to a verdict, a reason and a cure: pure, so that every verdict has a test and
 * a stored observation can be judged again.
 *
 * There is one decision table for each kind of row, and the first rule that matches wins. A rule
 * matches when the errno is the one it names and its condition, if it has one, holds. Texts may
 * hold words in braces, which probe-text.c replaces by facts.
 *
 * The order matters most for errnos that mean several things. ENOENT of one event means that this
 * PMU has no such event; ENOENT of all of them that there is no PMU, since the kernel looks at
 * permissions first. EACCES means the policy only where the policy really forbids what was asked.
 */

#include <errno.h>
#include <string.h>

#include "agent/probe/probe-internal.h"

#define ANY_ERROR (-1)

struct rule {
	int error; /* seen.error must be this; ANY_ERROR: any but 0 */
	bool (*when)(const struct probe_context *context, const struct probe_row *row);
	enum probe_reason reason;
	enum probe_verdict verdict;
	const char *brief, *detail, *cure;
};

/* Conditions on the machine. */

static bool has_no_perf_file(const struct probe_context *context,
			     _unused_ const struct probe_row *row)
{
	return !context->has_paranoid;
}

static bool is_filtered(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return context->seccomp == 2;
}

static bool user_is_forbidden(const struct probe_context *context,
			      _unused_ const struct probe_row *row)
{
	return !probe_policy_allows(context, PROBE_SCOPE_USER);
}

static bool scope_is_forbidden(const struct probe_context *context, const struct probe_row *row)
{
	return !probe_policy_allows(context, row->scope);
}

static bool vm_has_no_pmu(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return context->all_hardware_enoent && context->core_pmu[0] == '\0' &&
	       context->platform == PROBE_PLATFORM_VM;
}

static bool has_no_pmu(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return context->all_hardware_enoent && context->core_pmu[0] == '\0';
}

static bool is_vm(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return context->platform == PROBE_PLATFORM_VM;
}

/* Conditions on a count. */

static bool was_skipped(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.step == PROBE_STEP_SKIPPED;
}

static bool load_failed(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.step == PROBE_STEP_RUN;
}

static bool reached_end(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.end_of_file;
}

static bool never_ran(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.running_ns == 0;
}

static bool ran_in_part(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.running_ns < row->seen.enabled_ns;
}

static bool ought_to_have_moved(_unused_ const struct probe_context *context,
				const struct probe_row *row)
{
	return row->seen.value == 0 && row->seen.truth != PROBE_TRUTH_NONE;
}

static bool vm_hides_count(const struct probe_context *context, const struct probe_row *row)
{
	return ought_to_have_moved(context, row) && row->group <= PROBE_GROUP_CACHE &&
	       is_vm(context, row);
}

static bool did_not_move(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.value == 0;
}

static bool is_far_off(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	const struct probe_observation *seen = &row->seen;

	return seen->truth == PROBE_TRUTH_EXACT &&
	       (seen->value < seen->low || seen->value > seen->high);
}

/* The bounds come from the time it ran; there is no one right count. */
static bool is_impossible(const struct probe_context *context, const struct probe_row *row)
{
	return is_far_off(context, row) && row->seen.expected == 0;
}

static bool is_too_low(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.truth == PROBE_TRUTH_WEAK && row->seen.value < row->seen.low;
}

static bool is_exact(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.truth == PROBE_TRUTH_EXACT;
}

/* Conditions on the number of counters: value is what could be used, expected CPUID's word. */

static bool was_not_counted(_unused_ const struct probe_context *context,
			    const struct probe_row *row)
{
	return !row->seen.counted;
}

static bool watchdog_takes_one(const struct probe_context *context, const struct probe_row *row)
{
	return context->nmi_watchdog == 1 && row->seen.value < row->seen.expected;
}

static bool are_fewer(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.value < row->seen.expected;
}

static bool is_one(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.value == 1;
}

/* Conditions on resctrl. */

static bool is_mounted(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return context->resctrl.path[0] != '\0';
}

static bool is_listed(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return context->resctrl.listed;
}

static bool cpu_has_resctrl(const struct probe_context *context,
			    _unused_ const struct probe_row *row)
{
	return context->resctrl.flags[0] != '\0';
}

static bool cpu_would_say(const struct probe_context *context, _unused_ const struct probe_row *row)
{
	return strcmp(context->arch, "x86_64") == 0;
}

static bool is_there(_unused_ const struct probe_context *context, const struct probe_row *row)
{
	return row->seen.counted;
}

static const struct rule event_rules[] = {
	{ 0, was_skipped, PROBE_REASON_OUT_OF_TIME, PROBE_UNKNOWN, "not asked, time was up",
	  "The probe's time was used up before it came to this row.",
	  "Run it again on a less busy machine." },
	{ ANY_ERROR, load_failed, PROBE_REASON_WORKLOAD_FAILED, PROBE_UNKNOWN,
	  "its workload failed ({errno})",
	  "The code that makes this event happen could not run: {error}.",
	  "Free some memory and run the probe again. A sandbox may forbid it, too." },
	{ ENOSYS, has_no_perf_file, PROBE_REASON_KERNEL_WITHOUT_PERF, PROBE_ABSENT,
	  "kernel built without perf",
	  "This kernel has no perf_event_open: ENOSYS, and "
	  "/proc/sys/kernel/perf_event_paranoid does not exist.",
	  "Boot a kernel with CONFIG_PERF_EVENTS=y." },
	{ ENOSYS, is_filtered, PROBE_REASON_SECCOMP, PROBE_DENIED, "seccomp filter (ENOSYS)",
	  "A seccomp filter of this process answers for perf_event_open; the kernel itself "
	  "has it.",
	  "Run it outside of the container. Or allow perf_event_open in its seccomp profile." },
	{ ENOSYS, NULL, PROBE_REASON_SYSCALL_BLOCKED, PROBE_DENIED, "call blocked by a sandbox",
	  "perf_event_open answers ENOSYS although this kernel has perf: something between us "
	  "and it answers, such as a sandbox that plays the kernel.",
	  "Run the probe on the host, outside of the sandbox." },
	{ EPERM, is_filtered, PROBE_REASON_SECCOMP, PROBE_DENIED, "seccomp filter (EPERM)",
	  "A seccomp filter of this process refuses perf_event_open.",
	  "Run it outside of the container. Or allow perf_event_open in its seccomp profile." },
	{ EPERM, NULL, PROBE_REASON_CAPABILITY_NEEDED, PROBE_DENIED, "not permitted (EPERM)",
	  "The kernel refused with EPERM, which perf_event_paranoid (here {paranoid}) does "
	  "not explain: a capability is asked for, or a security module says no.",
	  "Run as root, or give the program CAP_PERFMON (setcap cap_perfmon+ep)." },
	{ EACCES, user_is_forbidden, PROBE_REASON_DISTRO_PARANOID, PROBE_DENIED,
	  "perf_event_paranoid is {paranoid}",
	  "kernel.perf_event_paranoid is {paranoid}: this process may count nothing at all.",
	  "Set sysctl kernel.perf_event_paranoid=2, or run as root. 2 allows a program's own "
	  "user-mode code." },
	{ EACCES, scope_is_forbidden, PROBE_REASON_SCOPE_LIMITED, PROBE_DENIED,
	  "perf_event_paranoid is {paranoid}",
	  "kernel.perf_event_paranoid is {paranoid}: this process may count its own user-mode "
	  "code, but not this ({scope}).",
	  "Set sysctl kernel.perf_event_paranoid={needed}, or give it CAP_PERFMON." },
	{ EACCES, NULL, PROBE_REASON_LSM_OR_LOCKDOWN, PROBE_DENIED, "security module or lockdown",
	  "EACCES, although perf_event_paranoid ({paranoid}) and the capabilities allow it: a "
	  "security module or kernel lockdown decides here (lsm: {lsm}; lockdown: {lockdown}).",
	  "Allow perf_event in the security module's policy for this program." },
	{ ENOENT, vm_has_no_pmu, PROBE_REASON_HYPERVISOR_NO_VPMU, PROBE_ABSENT,
	  "this VM exposes no PMU",
	  "This VM exposes no PMU: every hardware event is refused with ENOENT, and there is "
	  "no core event source such as cpu (kernel log: {kernel}). Not a permission problem: "
	  "root would not help.",
	  "On EC2 take a larger size or .metal; root would not help. Older generations show "
	  "no PMU below a whole socket. Elsewhere, have the hypervisor give the guest a PMU." },
	{ ENOENT, has_no_pmu, PROBE_REASON_NO_DRIVER_FOR_CPU, PROBE_ABSENT,
	  "kernel has no PMU driver",
	  "The kernel drives no PMU on this machine: every hardware event is refused with "
	  "ENOENT and there is no core event source (kernel log: {kernel}). Not a permission "
	  "problem: root would not help.",
	  "Boot a newer kernel that knows this CPU. Look for nopmu on the kernel's command "
	  "line. If this is a VM after all, have its hypervisor give it a PMU." },
	{ ENOENT, NULL, PROBE_REASON_EVENT_UNMAPPED, PROBE_ABSENT, "this PMU has no such event",
	  "The PMU ({pmu}) maps nothing to this generic event; others of it can be counted.",
	  "Use a raw event of this CPU that comes close, if there is one." },
	{ EOPNOTSUPP, NULL, PROBE_REASON_FEATURE_UNSUPPORTED, PROBE_ABSENT,
	  "the PMU cannot do this",
	  "The PMU ({pmu}) knows the event but lacks what was asked of it (EOPNOTSUPP).",
	  "Nothing to change on this machine: another instance type may have it." },
	{ ENODEV, NULL, PROBE_REASON_NO_DEVICE, PROBE_ABSENT, "not on this CPU (ENODEV)",
	  "The kernel knows the event, but this CPU does not have it, or the CPU is offline.",
	  "Nothing to change on this machine: another instance type may have it." },
	{ ENXIO, NULL, PROBE_REASON_NO_DEVICE, PROBE_ABSENT, "not on this CPU (ENXIO)",
	  "The kernel knows the event, but this CPU does not have it, or the CPU is offline.",
	  "Nothing to change on this machine: another instance type may have it." },
	{ EBUSY, NULL, PROBE_REASON_PMU_BUSY, PROBE_DEGRADED, "in exclusive use by another",
	  "Somebody else holds the PMU for itself (EBUSY): a profiler, or a hypervisor.",
	  "Stop the other user of the PMU and run the probe again. It may be perf, a profiler "
	  "or a debugger." },
	{ EMFILE, NULL, PROBE_REASON_FILE_LIMIT, PROBE_UNKNOWN, "too many open files (EMFILE)",
	  "This process may open no more files, and each event is one.",
	  "Raise the limit (ulimit -n) and run the probe again." },
	{ ENFILE, NULL, PROBE_REASON_FILE_LIMIT, PROBE_UNKNOWN, "too many open files (ENFILE)",
	  "The whole system may open no more files, and each event is one.",
	  "Raise fs.file-max and run the probe again. Or end what holds the files." },
	{ EINVAL, NULL, PROBE_REASON_BAD_REQUEST, PROBE_UNKNOWN, "kernel refused the request",
	  "The kernel found the request itself wrong (EINVAL at {call}): it is too old for "
	  "it, or the probe has a fault.",
	  "Report this with the output of paddock-agent probe --json." },
	{ ANY_ERROR, NULL, PROBE_REASON_FAILED, PROBE_UNKNOWN, "failed ({errno})",
	  "The {call} call failed with {errno}: {error}.",
	  "Run the probe again. If it stays, report this with the output of paddock-agent "
	  "probe --json." },
	{ 0, reached_end, PROBE_REASON_PINNED_UNSCHEDULABLE, PROBE_DEGRADED,
	  "no counter for its own",
	  "A pinned event could not get a counter, and read() gave end of file: others hold "
	  "the counters, or the event fits none of them.",
	  "Stop other users of the PMU; kernel.nmi_watchdog=0 frees one counter." },
	{ 0, never_ran, PROBE_REASON_NOT_SCHEDULED, PROBE_DEGRADED, "opened but never counted",
	  "The event opened, but it was never put on a counter: others hold them (NMI "
	  "watchdog {watchdog}), or the event fits none of them.",
	  "Stop other users of the PMU; kernel.nmi_watchdog=0 frees one counter." },
	{ 0, ran_in_part, PROBE_REASON_MULTIPLEXED, PROBE_DEGRADED, "shared: counted {percent} %",
	  "The event was on a counter only {percent} % of the time: it shares it with others, "
	  "and its count is an estimate.",
	  "Stop other users of the PMU, or count fewer events at once." },
	{ 0, vm_hides_count, PROBE_REASON_STUCK_ZERO, PROBE_LIES, "stuck at 0",
	  "The event opens and runs all the time, but stays at 0 while code that must move it "
	  "runs: the hypervisor filters this event and hides that it does.",
	  "Do not use this count here. On EC2 take a larger size or .metal." },
	{ 0, ought_to_have_moved, PROBE_REASON_STUCK_ZERO, PROBE_LIES, "stuck at 0",
	  "The event opens and runs all the time, but stays at 0 while code that must move it "
	  "runs.",
	  "Do not use this count here. Try a raw event of this CPU, or a newer kernel." },
	{ 0, is_impossible, PROBE_REASON_SUSPECT_COUNT, PROBE_LIES, "impossible for its time",
	  "It counted {value} in {running} ns, where {low} to {high} is possible.",
	  "Do not use this count here. Compare with another kernel or instance type." },
	{ 0, is_far_off, PROBE_REASON_SUSPECT_COUNT, PROBE_LIES, "{ratio} x the right count",
	  "It counted {value} where {low} to {high} is right ({ratio} times {expected}).",
	  "Do not use this count here. Compare with another kernel or instance type." },
	{ 0, is_too_low, PROBE_REASON_IMPRECISE, PROBE_DEGRADED, "moves, but far too little",
	  "It counted {value} where at least {low} was expected: what it counts on this CPU "
	  "is not what its name says, or only a part of it.",
	  "Use it for comparing runs on this CPU at most." },
	{ 0, did_not_move, PROBE_REASON_NOTHING_TO_COUNT, PROBE_UNKNOWN, "nothing to count here",
	  "It stayed at 0, and this machine gives no way to make it move: that proves nothing.",
	  "Run the probe where it may use more than one CPU." },
	{ 0, is_exact, PROBE_REASON_TRUSTED, PROBE_WORKS, "counts right",
	  "The count of code with a known answer is right.", "" },
	{ 0, NULL, PROBE_REASON_MOVED, PROBE_WORKS, "counts, moved as asked",
	  "It moves when it should; there is no exact answer to compare it with.", "" },
};

static const struct rule counter_rules[] = {
	{ 0, was_skipped, PROBE_REASON_OUT_OF_TIME, PROBE_UNKNOWN, "not asked, time was up",
	  "The probe's time was used up before it came to this row.",
	  "Run it again on a less busy machine." },
	{ 0, was_not_counted, PROBE_REASON_NO_TRUSTED_EVENT, PROBE_UNKNOWN,
	  "no event to find out with",
	  "No event counts right, so how many counters can be used cannot be told.",
	  "See the rows of the events." },
	{ 0, did_not_move, PROBE_REASON_NO_COUNTER, PROBE_DEGRADED, "no counter free for a group",
	  "An event counts alone, but no group with it was ever counted.",
	  "Stop other users of the PMU; kernel.nmi_watchdog=0 frees one counter." },
	{ 0, watchdog_takes_one, PROBE_REASON_COUNTERS_TAKEN, PROBE_DEGRADED,
	  "{value} of {expected}, watchdog is on",
	  "{value} general counters can be used at once; CPUID says {expected}. The NMI "
	  "watchdog holds one.",
	  "Set sysctl kernel.nmi_watchdog=0: that frees one counter." },
	{ 0, are_fewer, PROBE_REASON_COUNTERS_TAKEN, PROBE_DEGRADED, "{value} of {expected} usable",
	  "{value} general counters can be used at once; CPUID says {expected}. Others hold "
	  "the rest, or the hypervisor does.",
	  "Stop other users of the PMU; a VM may just not get more." },
	{ 0, is_one, PROBE_REASON_ONE_COUNTER, PROBE_DEGRADED, "one at a time",
	  "Only one general counter can be used: a second event is multiplexed with the "
	  "first, so rates such as instructions per cycle are estimates.",
	  "On EC2 take a larger size or .metal. kernel.nmi_watchdog=0 frees one counter." },
	{ 0, NULL, PROBE_REASON_COUNTERS_USABLE, PROBE_WORKS, "usable at the same time",
	  "{value} general counters count at the same time.", "" },
};

static const struct rule resctrl_rules[] = {
	{ EACCES, NULL, PROBE_REASON_RESCTRL_DENIED, PROBE_DENIED, "not readable (EACCES)",
	  "resctrl is mounted, but this process may not read its info directory.",
	  "Run the probe as root." },
	{ EPERM, NULL, PROBE_REASON_RESCTRL_DENIED, PROBE_DENIED, "not readable (EPERM)",
	  "resctrl is mounted, but this process may not read its info directory.",
	  "Run the probe as root." },
	{ ANY_ERROR, NULL, PROBE_REASON_FAILED, PROBE_UNKNOWN, "failed ({errno})",
	  "Looking at resctrl failed with {errno}: {error}.",
	  "Run the probe again. If it stays, report this with the output of paddock-agent "
	  "probe --json." },
	{ 0, is_mounted, PROBE_REASON_RESCTRL_MOUNTED, PROBE_WORKS, "mounted",
	  "resctrl is mounted on {mount}.", "" },
	{ 0, is_listed, PROBE_REASON_RESCTRL_NOT_MOUNTED, PROBE_UNKNOWN, "there, but not mounted",
	  "The kernel has resctrl for this CPU (flags: {flags}), but it is mounted nowhere.",
	  "Run mount -t resctrl resctrl /sys/fs/resctrl, as root." },
	{ 0, cpu_has_resctrl, PROBE_REASON_RESCTRL_NOT_IN_KERNEL, PROBE_ABSENT,
	  "not in this kernel",
	  "The CPU has what resctrl needs (flags: {flags}), but /proc/filesystems does not "
	  "list it.",
	  "Boot a kernel with CONFIG_X86_CPU_RESCTRL=y. Look for rdt= on its command line, too." },
	{ 0, is_vm, PROBE_REASON_RESCTRL_HIDDEN, PROBE_ABSENT, "hidden by the hypervisor",
	  "The kernel offers no resctrl, and a VM does not see what of it the CPU has.",
	  "Needs bare metal: on EC2 a .metal type." },
	{ 0, cpu_would_say, PROBE_REASON_RESCTRL_CPU_LACKS, PROBE_ABSENT, "this CPU has none of it",
	  "The CPU's flags name nothing that resctrl could control or monitor.",
	  "Take a server CPU with Intel RDT or AMD QoS." },
	{ 0, NULL, PROBE_REASON_RESCTRL_NOT_IN_KERNEL, PROBE_ABSENT, "not in this kernel",
	  "/proc/filesystems does not list resctrl, and this architecture's CPUs do not say "
	  "whether they could do it.",
	  "Arm needs MPAM and a kernel newer than 7.0." },
};

static const struct rule resctrl_feature_rules[] = {
	{ EACCES, NULL, PROBE_REASON_RESCTRL_DENIED, PROBE_DENIED, "not readable (EACCES)",
	  "resctrl is mounted, but this process may not read its info directory.",
	  "Run the probe as root." },
	{ EPERM, NULL, PROBE_REASON_RESCTRL_DENIED, PROBE_DENIED, "not readable (EPERM)",
	  "resctrl is mounted, but this process may not read its info directory.",
	  "Run the probe as root." },
	{ ANY_ERROR, NULL, PROBE_REASON_FAILED, PROBE_UNKNOWN, "failed ({errno})",
	  "Looking at resctrl failed with {errno}: {error}.",
	  "Run the probe again. If it stays, report this with the output of paddock-agent "
	  "probe --json." },
	{ 0, is_there, PROBE_REASON_PRESENT_UNVERIFIED, PROBE_WORKS, "offered, effect not tried",
	  "The kernel offers it; whether it has an effect was not tried.", "" },
	{ 0, NULL, PROBE_REASON_NOT_OFFERED, PROBE_ABSENT, "not offered by this CPU",
	  "resctrl is mounted, but its info directory does not name this resource.",
	  "Nothing to change on this machine: another CPU may have it." },
};

static bool rule_matches(const struct rule *rule, const struct probe_context *context,
			 const struct probe_row *row)
{
	if (rule->error == ANY_ERROR ? row->seen.error == 0 : row->seen.error != rule->error)
		return false;
	return !rule->when || rule->when(context, row);
}

/* Each table ends with rules that match whatever is left. */
static const struct rule *first_match(const struct rule *rules, const struct probe_context *context,
				      const struct probe_row *row)
{
	while (!rule_matches(rules, context, row))
		rules++;
	return rules;
}

/* A row that could not even be asked is judged by what the events' rules say of its errno. */
static const struct rule *rules_for(const struct probe_row *row)
{
	if (row->group == PROBE_GROUP_RESCTRL)
		return row->capability ? resctrl_feature_rules : resctrl_rules;
	if (row->group == PROBE_GROUP_COUNTERS && row->seen.error == 0)
		return counter_rules;
	return event_rules;
}

void probe_judge(const struct probe_context *context, struct probe_row *row)
{
	const struct rule *rule = first_match(rules_for(row), context, row);

	row->verdict = rule->verdict;
	row->reason = rule->reason;
	probe_write_texts(context, row, rule->brief, rule->detail, rule->cure);
}
