#include <errno.h>
#include <string.h>

#include "common/base/exit.h"
#include "tests/unit/probe-fixture.h"

START_TEST(finds_how_many_counters_can_be_used)
{
	static const unsigned counters[] = { 1, 4, 8, 16 };

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		for (int way = 0; way < 4; way++) {
			_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
			struct fake_kernel fake = fake_kernel(tree, "x86_64");
			struct probe_report report;

			fake.counters = fake.cpuid_counters = counters[i];
			fake.refuses_at_open = way == 1;
			fake.shares = way == 2;
			fake.pretends = way == 3;
			run(&fake, &report);
			ck_assert_uint_eq(row_of(&report, "general-counters")->seen.value,
					  counters[i]);
			ck_assert_uint_le(fake.most_open, PROBE_COUNTERS_MAX + 1);
		}
	}
}
END_TEST

START_TEST(looks_no_further_than_its_limit_of_counters)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake.counters = 40;
	run(&fake, &report);
	ck_assert_uint_eq(row_of(&report, "general-counters")->seen.value, PROBE_COUNTERS_MAX);
	ck_assert_uint_eq(fake.most_open, PROBE_COUNTERS_MAX + 1);
}
END_TEST

START_TEST(has_no_counters_to_tell_of_where_nothing_is_ever_counted)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake.counters = 0;
	run(&fake, &report);
	assert_group(&report, PROBE_GROUP_PMU, PROBE_DEGRADED, PROBE_REASON_NOT_SCHEDULED);
	assert_row(&report, "general-counters", PROBE_UNKNOWN, PROBE_REASON_NO_TRUSTED_EVENT);
	ck_assert_int_eq(probe_exit_code(&report), EXIT_PARTIAL);
}
END_TEST

START_TEST(says_so_when_the_watchdog_holds_a_counter)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	tree_write(tree, "proc/sys/kernel/nmi_watchdog", "1\n");
	fake.counters = 7;
	run(&fake, &report);
	assert_row(&report, "general-counters", PROBE_DEGRADED, PROBE_REASON_COUNTERS_TAKEN);
	ck_assert_str_eq(row_of(&report, "general-counters")->brief, "7 of 8, watchdog is on");
}
END_TEST

START_TEST(does_not_take_a_limit_of_files_for_a_number_of_counters)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake.max_files = 4;
	run(&fake, &report);
	assert_row(&report, "cycles", PROBE_WORKS, PROBE_REASON_TRUSTED);
	assert_row(&report, "general-counters", PROBE_UNKNOWN, PROBE_REASON_FILE_LIMIT);
}
END_TEST

START_TEST(counts_counters_with_another_event_where_branches_are_missing)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct fake_kernel fake = fake_kernel(tree, "x86_64");
	struct probe_report report;

	fake_add_script(&fake, HW(BRANCH_INSTRUCTIONS))->open_error = ENOENT;
	run(&fake, &report);
	assert_row(&report, "general-counters", PROBE_WORKS, PROBE_REASON_COUNTERS_USABLE);
	ck_assert_ptr_nonnull(
		strstr(row_of(&report, "general-counters")->asked, "cache-references"));
}
END_TEST

TEST_MAIN(finds_how_many_counters_can_be_used, looks_no_further_than_its_limit_of_counters,
	  has_no_counters_to_tell_of_where_nothing_is_ever_counted,
	  says_so_when_the_watchdog_holds_a_counter,
	  does_not_take_a_limit_of_files_for_a_number_of_counters,
	  counts_counters_with_another_event_where_branches_are_missing)
