#include "agent/probe/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/exit.h"
#include "tests/unit/probe-fixture.h"

/* A PMU on the Xeon that a test may spoil; its answers are looked at in the report. */
static void run_xeon(void (*spoil)(struct fake_kernel *fake), struct probe_report *report)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");

	if (spoil)
		spoil(&fake);
	run(&fake, report);
}

static void run_vm(struct fake_kernel *fake, struct tree *tree, struct probe_report *report)
{
	*fake = fake_kernel(tree, "x86_64");
	fake->hypervisor = true;
	fake->hardware_error = ENOENT;
	run(fake, report);
}

START_TEST(trusts_a_pmu_that_counts_right)
{
	struct probe_report report;

	run_xeon(NULL, &report);
	assert_group(&report, PROBE_GROUP_CACHE, PROBE_WORKS, PROBE_REASON_MOVED);
	assert_row(&report, "cycles", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "instructions", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "branches", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "branch-misses", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "cache-misses", PROBE_WORKS, PROBE_REASON_MOVED);
	assert_row(&report, "cycles:D", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "task-clock", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "page-faults", PROBE_WORKS, PROBE_REASON_MOVED);
	assert_row(&report, "context-switches", PROBE_WORKS, PROBE_REASON_MOVED);
	assert_row(&report, "cpu-migrations", PROBE_WORKS, PROBE_REASON_MOVED);
	assert_group(&report, PROBE_GROUP_SCOPE, PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "general-counters", PROBE_WORKS, PROBE_REASON_COUNTERS_USABLE);
	assert_row(&report, "resctrl", PROBE_WORKS, PROBE_REASON_RESCTRL_MOUNTED);
	assert_row(&report, "resctrl.l3", PROBE_WORKS, PROBE_REASON_PRESENT_UNVERIFIED);
	assert_row(&report, "resctrl.l2", PROBE_ABSENT, PROBE_REASON_NOT_OFFERED);
	ck_assert_uint_eq(row_of(&report, "instructions")->seen.value, 2 * PROBE_LOOP_N + 15);
	ck_assert_uint_eq(row_of(&report, "resctrl.mon")->seen.value, 448);
	ck_assert_int_eq(probe_exit_code(&report), EXIT_OK);
}
END_TEST

START_TEST(says_that_a_vm_has_no_pmu_and_why)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_vm_without_pmu);
	struct probe_report report;
	struct fake_kernel fake;

	run_vm(&fake, tree, &report);
	assert_group(&report, PROBE_GROUP_PMU, PROBE_ABSENT, PROBE_REASON_HYPERVISOR_NO_VPMU);
	assert_group(&report, PROBE_GROUP_CACHE, PROBE_ABSENT, PROBE_REASON_HYPERVISOR_NO_VPMU);
	assert_group(&report, PROBE_GROUP_COUNTERS, PROBE_ABSENT, PROBE_REASON_HYPERVISOR_NO_VPMU);
	assert_group(&report, PROBE_GROUP_SCOPE, PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "resctrl", PROBE_ABSENT, PROBE_REASON_RESCTRL_HIDDEN);
	ck_assert_ptr_nonnull(strstr(row_of(&report, "cycles")->detail,
				     "PMU not available due to virtualization"));
	ck_assert_ptr_nonnull(strstr(row_of(&report, "cycles")->detail, "root would not help"));
	ck_assert_int_eq(probe_exit_code(&report), EXIT_UNAVAILABLE);
}
END_TEST

START_TEST(needs_no_load_to_see_that_there_is_no_pmu)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_vm_without_pmu);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake.hypervisor = true;
	fake.hardware_error = ENOENT;
	fake.prepared = -ENOMEM;
	run(&fake, &report);
	assert_group(&report, PROBE_GROUP_PMU, PROBE_ABSENT, PROBE_REASON_HYPERVISOR_NO_VPMU);
	assert_group(&report, PROBE_GROUP_CACHE, PROBE_ABSENT, PROBE_REASON_HYPERVISOR_NO_VPMU);
	assert_row(&report, "page-faults", PROBE_UNKNOWN, PROBE_REASON_WORKLOAD_FAILED);
}
END_TEST

START_TEST(asks_the_first_question_in_the_scope_that_needs_no_right)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_vm_without_pmu);
	struct probe_report report;
	struct fake_kernel fake;

	/* As the kernel orders it: a wider scope is refused before the PMU is looked for. */
	machine_write(tree, machine_ordinary_user);
	tree_write(tree, "proc/sys/kernel/perf_event_paranoid", "2\n");
	fake = fake_kernel(tree, "x86_64");
	fake.hypervisor = true;
	fake.hardware_error = ENOENT;
	fake.scope_error = EACCES;
	run(&fake, &report);

	assert_group(&report, PROBE_GROUP_PMU, PROBE_ABSENT, PROBE_REASON_HYPERVISOR_NO_VPMU);
	assert_row(&report, "own-user", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "own-kernel", PROBE_DENIED, PROBE_REASON_SCOPE_LIMITED);
	assert_row(&report, "cpu-wide", PROBE_DENIED, PROBE_REASON_SCOPE_LIMITED);
	assert_row(&report, "context-switches", PROBE_DENIED, PROBE_REASON_SCOPE_LIMITED);
	ck_assert_ptr_nonnull(strstr(row_of(&report, "own-kernel")->cure, "paranoid=1"));
	ck_assert_ptr_nonnull(strstr(row_of(&report, "cpu-wide")->cure, "paranoid=0"));
	ck_assert_int_eq(probe_exit_code(&report), EXIT_UNAVAILABLE);
}
END_TEST

START_TEST(says_no_driver_where_there_is_no_hypervisor)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake.hardware_error = ENOENT;
	run(&fake, &report);
	assert_group(&report, PROBE_GROUP_PMU, PROBE_ABSENT, PROBE_REASON_NO_DRIVER_FOR_CPU);
	ck_assert_int_eq(probe_exit_code(&report), EXIT_UNAVAILABLE);
}
END_TEST

START_TEST(blames_the_policy_where_an_ordinary_user_may_count_nothing)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct probe_report report;
	struct fake_kernel fake = fake_kernel(tree, "x86_64");

	machine_write(tree, machine_ordinary_user);
	fake.hardware_error = fake.software_error = EACCES;
	run(&fake, &report);
	assert_group(&report, PROBE_GROUP_PMU, PROBE_DENIED, PROBE_REASON_DISTRO_PARANOID);
	assert_group(&report, PROBE_GROUP_COUNTERS, PROBE_DENIED, PROBE_REASON_DISTRO_PARANOID);
	assert_group(&report, PROBE_GROUP_SCOPE, PROBE_DENIED, PROBE_REASON_DISTRO_PARANOID);
	ck_assert_int_eq(probe_exit_code(&report), EXIT_PARTIAL);
}
END_TEST

START_TEST(blames_a_security_module_where_the_policy_allows)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake.hardware_error = EACCES;
	run(&fake, &report);
	assert_group(&report, PROBE_GROUP_PMU, PROBE_DENIED, PROBE_REASON_LSM_OR_LOCKDOWN);
	ck_assert_ptr_nonnull(strstr(row_of(&report, "cycles")->detail, "apparmor"));
}
END_TEST

START_TEST(tells_the_kinds_of_enosys_apart)
{
	static const struct {
		bool has_file, is_container;
		enum probe_verdict verdict;
		enum probe_reason reason;
		int exit_code;
	} cases[] = {
		{ false, false, PROBE_ABSENT, PROBE_REASON_KERNEL_WITHOUT_PERF, EXIT_UNAVAILABLE },
		{ true, true, PROBE_DENIED, PROBE_REASON_SECCOMP, EXIT_PARTIAL },
		{ true, false, PROBE_DENIED, PROBE_REASON_SYSCALL_BLOCKED, EXIT_PARTIAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(tree_freep) struct tree *tree = tree_new();
		struct fake_kernel fake = fake_kernel(tree, "x86_64");
		struct probe_report report;

		if (cases[i].has_file)
			tree_write(tree, "proc/sys/kernel/perf_event_paranoid", "2\n");
		if (cases[i].is_container)
			machine_write(tree, machine_container);
		fake.hardware_error = fake.software_error = ENOSYS;
		run(&fake, &report);
		assert_group(&report, PROBE_GROUP_PMU, cases[i].verdict, cases[i].reason);
		assert_group(&report, PROBE_GROUP_SCOPE, cases[i].verdict, cases[i].reason);
		ck_assert_int_eq(probe_exit_code(&report), cases[i].exit_code);
	}
}
END_TEST

static void hold_the_pmu(struct fake_kernel *fake)
{
	fake->hardware_error = EBUSY;
}

static void drop_instructions(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(INSTRUCTIONS))->open_error = ENOENT;
}

static void drop_core(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CPU_CYCLES))->open_error = ENOENT;
	fake_add_script(fake, HW(INSTRUCTIONS))->open_error = ENOENT;
}

static void drop_branches(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(BRANCH_INSTRUCTIONS))->open_error = ENOENT;
}

static void stick_cache_misses(struct fake_kernel *fake)
{
	fake->hypervisor = true;
	fake_add_script(fake, HW(CACHE_MISSES))->value_permille = 0;
}

static void inflate_instructions(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(INSTRUCTIONS))->value_permille = 16000;
}

static void inflate_cycles(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CPU_CYCLES))->value_permille = 16000;
}

static void drift_branches(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(BRANCH_INSTRUCTIONS))->value_permille = 1011;
}

static void share_instructions(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(INSTRUCTIONS))->running_permille = 430;
}

static void starve_branch_misses(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(BRANCH_MISSES))->running_permille = 0;
}

static void refuse_to_pin(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CPU_CYCLES))->end_of_file = true;
}

static void fail_enable(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CACHE_MISSES))->enable_error = EINVAL;
}

static void fail_read(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CACHE_MISSES))->read_error = EIO;
}

static void halve_cache_misses(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CACHE_MISSES))->value_permille = 50;
}

static void fail_loads(struct fake_kernel *fake)
{
	fake->load_error = ENOMEM;
}

static void leave_no_files(struct fake_kernel *fake)
{
	fake->hardware_error = EMFILE;
}

static void promise_nothing(struct fake_kernel *fake)
{
	fake->prepared = 1;
	fake_add_script(fake, HW(CACHE_MISSES))->value_permille = 0;
}

START_TEST(judges_each_way_an_event_can_go_wrong)
{
	static const struct {
		void (*spoil)(struct fake_kernel *fake);
		const char *row;
		enum probe_verdict verdict;
		enum probe_reason reason;
		int exit_code;
	} cases[] = {
		{ hold_the_pmu, "cycles", PROBE_DEGRADED, PROBE_REASON_PMU_BUSY, EXIT_PARTIAL },
		{ drop_instructions, "instructions", PROBE_ABSENT, PROBE_REASON_EVENT_UNMAPPED,
		  EXIT_PARTIAL },
		{ drop_core, "cycles", PROBE_ABSENT, PROBE_REASON_EVENT_UNMAPPED,
		  EXIT_UNAVAILABLE },
		{ drop_branches, "branches", PROBE_ABSENT, PROBE_REASON_EVENT_UNMAPPED, EXIT_OK },
		{ stick_cache_misses, "cache-misses", PROBE_LIES, PROBE_REASON_STUCK_ZERO,
		  EXIT_FAILED },
		{ inflate_instructions, "instructions", PROBE_LIES, PROBE_REASON_SUSPECT_COUNT,
		  EXIT_FAILED },
		{ inflate_cycles, "cycles", PROBE_LIES, PROBE_REASON_SUSPECT_COUNT, EXIT_FAILED },
		{ drift_branches, "branches", PROBE_LIES, PROBE_REASON_SUSPECT_COUNT, EXIT_FAILED },
		{ share_instructions, "instructions", PROBE_DEGRADED, PROBE_REASON_MULTIPLEXED,
		  EXIT_PARTIAL },
		{ starve_branch_misses, "branch-misses", PROBE_DEGRADED, PROBE_REASON_NOT_SCHEDULED,
		  EXIT_PARTIAL },
		{ refuse_to_pin, "cycles:D", PROBE_DEGRADED, PROBE_REASON_PINNED_UNSCHEDULABLE,
		  EXIT_PARTIAL },
		{ refuse_to_pin, "cycles", PROBE_WORKS, PROBE_REASON_TRUSTED, EXIT_PARTIAL },
		{ fail_enable, "cache-misses", PROBE_UNKNOWN, PROBE_REASON_BAD_REQUEST, EXIT_OK },
		{ fail_read, "cache-misses", PROBE_UNKNOWN, PROBE_REASON_FAILED, EXIT_OK },
		{ halve_cache_misses, "cache-misses", PROBE_DEGRADED, PROBE_REASON_IMPRECISE,
		  EXIT_PARTIAL },
		{ fail_loads, "cycles", PROBE_UNKNOWN, PROBE_REASON_WORKLOAD_FAILED, EXIT_PARTIAL },
		{ leave_no_files, "cycles", PROBE_UNKNOWN, PROBE_REASON_FILE_LIMIT, EXIT_PARTIAL },
		{ promise_nothing, "cache-misses", PROBE_UNKNOWN, PROBE_REASON_NOTHING_TO_COUNT,
		  EXIT_OK },
		{ promise_nothing, "instructions", PROBE_WORKS, PROBE_REASON_MOVED, EXIT_OK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_report report;

		run_xeon(cases[i].spoil, &report);
		assert_row(&report, cases[i].row, cases[i].verdict, cases[i].reason);
		ck_assert_msg(probe_exit_code(&report) == cases[i].exit_code, "case %zu: exit %d",
			      i, probe_exit_code(&report));
	}
}
END_TEST

static void outrun_cycles(struct fake_kernel *fake)
{
	fake_add_script(fake, HW(CPU_CYCLES))->running_permille = UINT32_MAX;
}

START_TEST(makes_no_share_of_more_than_all)
{
	struct probe_report report;
	const struct probe_row *row;

	run_xeon(outrun_cycles, &report);
	row = row_of(&report, "cycles");
	ck_assert_uint_gt(row->seen.running_ns, 0);
	ck_assert_uint_eq(row->seen.running_ns, row->seen.enabled_ns);
}
END_TEST

START_TEST(skips_what_it_has_no_time_for)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct fake_clock clock = fake_clock_new();
	struct probe_report report;

	fake.clock = &clock;
	fake.run_ms = 4000; /* the third load is the last one within ten seconds */
	run(&fake, &report);
	assert_row(&report, "branches", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "branch-misses", PROBE_UNKNOWN, PROBE_REASON_OUT_OF_TIME);
	assert_row(&report, "general-counters", PROBE_UNKNOWN, PROBE_REASON_OUT_OF_TIME);
	ck_assert_uint_eq(report.took_usec, 12 * USEC_PER_SEC);
	ck_assert_uint_eq(report.taken_ms, FAKE_WALL_MS);
}
END_TEST

START_TEST(does_not_mistake_one_unmapped_event_for_no_pmu)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_graviton_guest);
	struct fake_kernel fake = fake_kernel(tree, "aarch64");
	struct probe_report report;

	/* A core that maps nothing but cycles and instructions. */
	fake_add_script(&fake, HW(BRANCH_INSTRUCTIONS))->open_error = ENOENT;
	fake_add_script(&fake, HW(BRANCH_MISSES))->open_error = ENOENT;
	fake_add_script(&fake, HW(CACHE_REFERENCES))->open_error = ENOENT;
	fake_add_script(&fake, HW(CACHE_MISSES))->open_error = ENOENT;
	fake.scope_error = EACCES;
	fake.counters = 2;
	run(&fake, &report);
	assert_row(&report, "cycles", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "cache-misses", PROBE_ABSENT, PROBE_REASON_EVENT_UNMAPPED);
	ck_assert_uint_eq(row_of(&report, "general-counters")->seen.value, 2);
	assert_row(&report, "resctrl", PROBE_ABSENT, PROBE_REASON_RESCTRL_HIDDEN);
	ck_assert_int_eq(probe_exit_code(&report), EXIT_OK);
}
END_TEST

/* Where /sys is not to be seen, the events themselves must tell. */
START_TEST(sees_a_pmu_in_any_event_that_is_there)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	drop_core(&fake);
	run(&fake, &report);
	ck_assert(!report.context.all_hardware_enoent);
	assert_row(&report, "cycles", PROBE_ABSENT, PROBE_REASON_EVENT_UNMAPPED);
}
END_TEST

/* Seen with an emulated Arm core: cycles and nothing else. */
START_TEST(calls_a_pmu_with_only_half_of_its_core_degraded)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_graviton_guest);
	struct fake_kernel fake = fake_kernel(tree, "aarch64");
	struct probe_report report;
	const struct probe_row *row;

	for (uint64_t config = PERF_COUNT_HW_INSTRUCTIONS; config <= PERF_COUNT_HW_BRANCH_MISSES;
	     config++)
		fake_add_script(&fake, PERF_TYPE_HARDWARE, config)->open_error = ENOENT;
	run(&fake, &report);
	ck_assert_int_eq(probe_pmu_verdict(&report, &row), PROBE_DEGRADED);
	ck_assert_str_eq(row->name, "instructions");
	assert_row(&report, "general-counters", PROBE_UNKNOWN, PROBE_REASON_NO_TRUSTED_EVENT);
	ck_assert_int_eq(probe_exit_code(&report), EXIT_PARTIAL);
}
END_TEST

/* Whether the kernel here lets us open a software event, asked without the probe. */
static bool has_task_clock(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = PERF_ATTR_SIZE_VER0,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		(void)close((int)fd);
	return fd >= 0;
}

static unsigned count_open_files(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	return n;
}

/* What must hold whatever the machine: each row has its reason, and the parts agree. */
START_TEST(makes_sense_on_this_very_machine)
{
	const struct probe_options options = { .clock = &clock_system };
	struct probe_report report;
	const struct probe_row *row;
	unsigned files = count_open_files();
	enum probe_verdict pmu;
	int code;

	ck_assert_int_eq(probe_run(&options, &report), 0);
	ck_assert_uint_eq(count_open_files(), files);
	if (has_task_clock())
		assert_row(&report, "task-clock", PROBE_WORKS, PROBE_REASON_TRUSTED);
	ck_assert_uint_gt(report.n_rows, 15);
	for (size_t i = 0; i < report.n_rows; i++) {
		row = &report.rows[i];
		ck_assert_msg(row->brief[0] != '\0' && row->detail[0] != '\0', "%s", row->name);
		if (row->verdict != PROBE_WORKS)
			ck_assert_msg(row->cure[0] != '\0', "%s", row->name);
		if (row->verdict == PROBE_WORKS && row->group <= PROBE_GROUP_CACHE)
			ck_assert_msg(row->seen.value > 0, "%s", row->name);
	}

	pmu = probe_pmu_verdict(&report, &row);
	code = probe_exit_code(&report);
	if (report.context.all_hardware_enoent)
		ck_assert(pmu == PROBE_ABSENT && code != EXIT_OK && code != EXIT_PARTIAL);
	if (code == EXIT_UNAVAILABLE)
		ck_assert_int_eq(pmu, PROBE_ABSENT);
	if (code == EXIT_OK)
		ck_assert_int_eq(pmu, PROBE_WORKS);
	ck_assert_uint_lt(report.took_usec, 2 * PROBE_BUDGET_USEC);
}
END_TEST

TEST_MAIN(trusts_a_pmu_that_counts_right, says_that_a_vm_has_no_pmu_and_why,
	  needs_no_load_to_see_that_there_is_no_pmu,
	  asks_the_first_question_in_the_scope_that_needs_no_right,
	  says_no_driver_where_there_is_no_hypervisor,
	  blames_the_policy_where_an_ordinary_user_may_count_nothing,
	  blames_a_security_module_where_the_policy_allows, tells_the_kinds_of_enosys_apart,
	  judges_each_way_an_event_can_go_wrong, makes_no_share_of_more_than_all,
	  skips_what_it_has_no_time_for, does_not_mistake_one_unmapped_event_for_no_pmu,
	  sees_a_pmu_in_any_event_that_is_there, calls_a_pmu_with_only_half_of_its_core_degraded,
	  makes_sense_on_this_very_machine)
