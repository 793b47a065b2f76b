/* The words for the probe's enums: what reports show and programs match. */

#include "agent/probe/probe.h"

const char *const probe_verdict_names[_PROBE_VERDICT_MAX + 1] = {
	[PROBE_WORKS] = "works",   [PROBE_DEGRADED] = "degraded", [PROBE_LIES] = "lies",
	[PROBE_ABSENT] = "absent", [PROBE_DENIED] = "denied",     [PROBE_UNKNOWN] = "unknown",
};

const char *const probe_reason_names[_PROBE_REASON_MAX + 1] = {
	[PROBE_REASON_TRUSTED] = "trusted",
	[PROBE_REASON_MOVED] = "moved",
	[PROBE_REASON_NOTHING_TO_COUNT] = "nothing_to_count",
	[PROBE_REASON_OUT_OF_TIME] = "out_of_time",
	[PROBE_REASON_WORKLOAD_FAILED] = "workload_failed",
	[PROBE_REASON_KERNEL_WITHOUT_PERF] = "kernel_without_perf",
	[PROBE_REASON_SECCOMP] = "seccomp",
	[PROBE_REASON_SYSCALL_BLOCKED] = "syscall_blocked",
	[PROBE_REASON_DISTRO_PARANOID] = "distro_paranoid",
	[PROBE_REASON_SCOPE_LIMITED] = "scope_limited",
	[PROBE_REASON_LSM_OR_LOCKDOWN] = "lsm_or_lockdown",
	[PROBE_REASON_CAPABILITY_NEEDED] = "capability_needed",
	[PROBE_REASON_HYPERVISOR_NO_VPMU] = "hypervisor_no_vpmu",
	[PROBE_REASON_NO_DRIVER_FOR_CPU] = "no_driver_for_cpu",
	[PROBE_REASON_EVENT_UNMAPPED] = "event_unmapped",
	[PROBE_REASON_FEATURE_UNSUPPORTED] = "feature_unsupported",
	[PROBE_REASON_NO_DEVICE] = "no_device",
	[PROBE_REASON_PMU_BUSY] = "pmu_busy",
	[PROBE_REASON_FILE_LIMIT] = "file_limit",
	[PROBE_REASON_BAD_REQUEST] = "bad_request",
	[PROBE_REASON_FAILED] = "failed",
	[PROBE_REASON_PINNED_UNSCHEDULABLE] = "pinned_unschedulable",
	[PROBE_REASON_NOT_SCHEDULED] = "not_scheduled",
	[PROBE_REASON_MULTIPLEXED] = "multiplexed",
	[PROBE_REASON_STUCK_ZERO] = "stuck_zero",
	[PROBE_REASON_SUSPECT_COUNT] = "suspect_count",
	[PROBE_REASON_IMPRECISE] = "imprecise",
	[PROBE_REASON_COUNTERS_USABLE] = "counters_usable",
	[PROBE_REASON_COUNTERS_TAKEN] = "counters_taken",
	[PROBE_REASON_ONE_COUNTER] = "one_counter",
	[PROBE_REASON_NO_COUNTER] = "no_counter",
	[PROBE_REASON_NO_TRUSTED_EVENT] = "no_trusted_event",
	[PROBE_REASON_RESCTRL_MOUNTED] = "resctrl_mounted",
	[PROBE_REASON_RESCTRL_NOT_MOUNTED] = "resctrl_not_mounted",
	[PROBE_REASON_RESCTRL_HIDDEN] = "resctrl_hidden",
	[PROBE_REASON_RESCTRL_CPU_LACKS] = "resctrl_cpu_lacks",
	[PROBE_REASON_RESCTRL_NOT_IN_KERNEL] = "resctrl_not_in_kernel",
	[PROBE_REASON_RESCTRL_DENIED] = "resctrl_denied",
	[PROBE_REASON_PRESENT_UNVERIFIED] = "present_unverified",
	[PROBE_REASON_NOT_OFFERED] = "not_offered",
};

const char *const probe_group_names[_PROBE_GROUP_MAX + 1] = {
	[PROBE_GROUP_PMU] = "pmu",           [PROBE_GROUP_CACHE] = "cache",
	[PROBE_GROUP_COUNTERS] = "counters", [PROBE_GROUP_SOFTWARE] = "software",
	[PROBE_GROUP_SCOPE] = "scope",       [PROBE_GROUP_RESCTRL] = "resctrl",
};

const char *const probe_scope_names[_PROBE_SCOPE_MAX + 1] = {
	[PROBE_SCOPE_USER] = "own user-mode code",
	[PROBE_SCOPE_KERNEL] = "own code, kernel included",
	[PROBE_SCOPE_CPU_WIDE] = "a whole CPU",
};

const char *const probe_step_names[_PROBE_STEP_MAX + 1] = {
	[PROBE_STEP_DONE] = "done", [PROBE_STEP_SKIPPED] = "skipped",
	[PROBE_STEP_OPEN] = "open", [PROBE_STEP_ENABLE] = "enable",
	[PROBE_STEP_RUN] = "run",   [PROBE_STEP_READ] = "read",
	[PROBE_STEP_FILE] = "file",
};

const char *const probe_platform_names[] = {
	[PROBE_PLATFORM_UNKNOWN] = "unknown",
	[PROBE_PLATFORM_METAL] = "metal",
	[PROBE_PLATFORM_VM] = "vm",
};
