#include <stdio.h>
#include <string.h>

#include "common/base/settings.h"
#include "tests/test.h"

static const char *const usages[] = { "on-demand", "spot", NULL };

static const struct setting rows[] = {
	{ "s", "instance-count", SETTING_U64, 0, "1", 1, 1000, NULL, "COUNT", "How many machines" },
	{ "s", "beat-period", SETTING_DURATION, 0, "5s", 200 * USEC_PER_MSEC, 300 * USEC_PER_SEC,
	  NULL, NULL, "How often agents beat" },
	{ "s", "memory", SETTING_SIZE, 0, NULL, 4096, 0, NULL, NULL, "How much memory" },
	{ "s", "name", SETTING_TEXT, 0, NULL, 1, 64, NULL, NULL, "What it is called" },
	{ "s", "attempt", SETTING_U64, 0, "0", 0, 0, NULL, NULL, "Which one (default: next)" },
	{ "s", "create", SETTING_BOOL, 0, "yes", 0, 0, NULL, NULL, "Make machines" },
	{ "s", "json", SETTING_BOOL, 0, "no", 0, 0, NULL, NULL, "Short for --output json" },
	{ "s", "usage-class", SETTING_CHOICE, 0, "spot", 0, 0, usages, NULL, "How it is paid for" },
	{ "s", "reuse", SETTING_CHOICE, 0, NULL, 0, 0, usages, "RULE", "Who may have it next" },
	{ "s", "allowed-instance-types", SETTING_LIST, 0, "", 0, 0, NULL, "GLOBS",
	  "Only machines whose type matches one of these" },
};

static const char help[] = "  --instance-count COUNT      How many machines (default\n"
			   "                              1)\n"
			   "  --beat-period DURATION      How often agents beat\n"
			   "                              (default 5s)\n"
			   "  --memory SIZE               How much memory\n"
			   "  --name TEXT                 What it is called\n"
			   "  --attempt NUMBER            Which one (default: next)\n"
			   "  --[no-]create               Make machines\n"
			   "  --json                      Short for --output json\n"
			   "  --usage-class on-demand|spot\n"
			   "                              How it is paid for (default\n"
			   "                              spot)\n"
			   "  --reuse RULE                Who may have it next\n"
			   "  --allowed-instance-types GLOBS\n"
			   "                              Only machines whose type\n"
			   "                              matches one of these\n";

START_TEST(explains_each_flag_in_a_column_of_its_own)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	settings_print_help(rows, ARRAY_SIZE(rows), to, 58);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_str_eq(text, help);
}
END_TEST

static const char manual[] = "*--instance-count* _COUNT_\n"
			     "\tHow many machines. From 1 to 1000. Default: 1.\n\n"
			     "*--beat-period* _DURATION_\n"
			     "\tHow often agents beat. From 200ms to 5min. Default: 5s.\n\n"
			     "*--memory* _SIZE_\n"
			     "\tHow much memory. At least 4K.\n\n"
			     "*--name* _TEXT_\n"
			     "\tWhat it is called.\n\n"
			     "*--attempt* _NUMBER_\n"
			     "\tWhich one (default: next).\n\n"
			     "*--\\[no-\\]create*\n"
			     "\tMake machines. Default: yes.\n\n"
			     "*--json*\n"
			     "\tShort for --output json. Default: no.\n\n"
			     "*--usage-class* _on-demand\\|spot_\n"
			     "\tHow it is paid for. One of on-demand, spot. Default: spot.\n\n"
			     "*--reuse* _RULE_\n"
			     "\tWho may have it next. One of on-demand, spot.\n\n"
			     "*--allowed-instance-types* _GLOBS_\n"
			     "\tOnly machines whose type matches one of these.\n\n";

START_TEST(writes_each_flag_for_the_manual)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	settings_print_manual(rows, ARRAY_SIZE(rows), "--", to);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_str_eq(text, manual);
}
END_TEST

START_TEST(writes_keys_of_a_file_without_the_marks_of_a_flag)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	settings_print_manual(&rows[4], 2, "", to);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_str_eq(text, "*attempt* _NUMBER_\n\tWhich one (default: next).\n\n"
			       "*create*\n\tMake machines. Default: yes.\n\n");
}
END_TEST

TEST_MAIN(explains_each_flag_in_a_column_of_its_own, writes_each_flag_for_the_manual,
	  writes_keys_of_a_file_without_the_marks_of_a_flag)
