/* What a mailbox holds, what it refuses, and what it makes fit. */

#include "tests/unit/forge-fixture.h"

static char *filled(size_t size, const char *pattern)
{
	char *text = malloc(size + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < size; i++)
		text[i] = pattern[i % strlen(pattern)];
	text[size] = '\0';
	return text;
}

static void assert_output(const char *output, const char *expected)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	const struct job job = { .number = 1, .output = (char *)output };

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(scene.ops->end_job(scene.forge, "m-1", 5, &job, &scene.fault), 0);
	registration = look(&scene, 5);
	ck_assert_str_eq(registration.job.output, expected);
	ck_assert_str_eq(registration.job.errors, "");
	ck_assert_ptr_null(registration.job.detail);
}

START_TEST(blots_out_what_is_no_text)
{
	static const struct {
		const char *output, *expected;
	} cases[] = {
		{ "plain\n\ttext\r\n", "plain\n\ttext\r\n" },
		{ "\x1b[31mred\x1b[0m \x01", "\x1b[31mred\x1b[0m \x01" },
		{ "ü€\U0001f600/", "ü€\U0001f600/" },
		{ "a\xff\xfe z", "a?? z" },
		{ "cut \xe2\x82", "cut ??" },
		{ "\xc0\xaf overlong", "?? overlong" },
		{ "\xed\xa0\x80 surrogate", "??? surrogate" },
		{ "\xf5\x80\x80\x80", "????" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_output(cases[i].output, cases[i].expected);
}
END_TEST

START_TEST(keeps_the_end_of_much_output)
{
	_cleanup_free_ char *much = filled(JOB_OUTPUT_MAX + 100, "0123456789");
	_cleanup_free_ char *wide = filled(JOB_OUTPUT_MAX + 100, "€");

	assert_output(much, much + 100);
	/* 3 bytes a character: the one that the cut went through goes. */
	ck_assert_int_eq(JOB_OUTPUT_MAX % 3, 1);
	wide[JOB_OUTPUT_MAX + 100 - (JOB_OUTPUT_MAX + 100) % 3] = '\0';
	assert_output(wide, wide + strlen(wide) - JOB_OUTPUT_MAX + 1);
}
END_TEST

START_TEST(finds_room_for_the_worst_output)
{
	_cleanup_free_ char *worst = filled(JOB_OUTPUT_MAX, "\x01\x02");
	_cleanup_free_ char *command = filled(JOB_COMMAND_MAX - 1, "\"\n");
	const struct job end_of_job = { .number = 1, .output = worst, .errors = worst };
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	size_t length;

	scene_init(&scene);
	ck_assert_int_eq(job_set_command(&scene.job, &command, 1), 0);
	run_job(&scene);
	ck_assert_int_eq(scene.ops->end_job(scene.forge, "m-1", 5, &end_of_job, &scene.fault), 0);
	registration = look(&scene, 5);
	ck_assert_str_eq(registration.job.argv[0], command);
	length = strlen(registration.job.output);
	ck_assert_uint_gt(length, 8 * 1024);
	ck_assert_str_eq(registration.job.output, worst + JOB_OUTPUT_MAX - length);
	ck_assert_str_eq(registration.job.errors, worst + JOB_OUTPUT_MAX - length);
}
END_TEST

START_TEST(refuses_a_command_that_it_would_have_to_change)
{
	static const struct {
		const char *pattern;
		size_t size;
		int error;
	} cases[] = {
		{ "caf\xe9", 4, -EILSEQ },
		{ "\x01", JOB_COMMAND_MAX - 1, -E2BIG },
	};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *command = filled(cases[i].size, cases[i].pattern);

		ck_assert_int_eq(job_set_command(&scene.job, &command, 1), 0);
		ck_assert_int_eq(offer(&scene, 5 + i, true), cases[i].error);
		ck_assert_str_ne(scene.fault.cure, "");
		ck_assert_int_eq(offer(&scene, 5 + i, false), 0);
		ck_assert_int_eq(submit(&scene, 5 + i, &number), cases[i].error);
		ck_assert_int_eq(job_state(&scene, 5 + i), JOB_NONE);
	}
}
END_TEST

START_TEST(says_which_registration_is_damaged)
{
	static const char *const bodies[] = {
		"no JSON",
		"[]",
		"{\"seq\":\"5\"}",
		"{\"seq\":5,\"taken_by\":\"a-boot-id-that-is-longer-than-any-boot-id-can-be\"}",
		"{\"seq\":5,\"job\":{}}",
		"{\"seq\":5,\"job\":{\"argv\":[]}}",
		"{\"seq\":5,\"job\":{\"argv\":[1]}}",
		"{\"seq\":5,\"job\":{\"argv\":[\"x\"]}}",
		"{\"seq\":5,\"job\":{\"argv\":[\"x\"],\"state\":\"sleeping\"}}",
		"{\"seq\":5,\"job\":{\"argv\":[\"x\"],\"state\":\"done\",\"exit_code\":256}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_item_ struct item item = contract_item("m-1", MAILBOX_KIND, 0, bodies[i]);
		_cleanup_scene_ struct scene scene;

		scene_init(&scene);
		ck_assert_int_eq(scene.store->ops->item_put(scene.store, &item, NULL, NULL), 0);
		ck_assert_int_eq(take(&scene, 5, BOOT), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(scene.fault.text, "m-1"));
	}
}
END_TEST

TEST_MAIN(blots_out_what_is_no_text, keeps_the_end_of_much_output, finds_room_for_the_worst_output,
	  refuses_a_command_that_it_would_have_to_change, says_which_registration_is_damaged)
