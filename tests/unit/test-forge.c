#include "common/forge/forge.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "tests/test.h"

START_TEST(copies_a_command)
{
	_cleanup_job_ struct job job = {};
	char word[] = "echo";
	char *const argv[] = { word, "" };

	ck_assert_int_eq(job_set_command(&job, argv, 2), 0);
	word[0] = 'X';
	ck_assert_uint_eq(job.argc, 2);
	ck_assert_str_eq(job.argv[0], "echo");
	ck_assert_str_eq(job.argv[1], "");
	ck_assert_ptr_null(job.argv[2]);
	ck_assert_int_eq(job_set_command(&job, argv, 1), 0);
	ck_assert_uint_eq(job.argc, 1);
	ck_assert_str_eq(job.argv[0], "Xcho");
}
END_TEST

START_TEST(limits_a_command)
{
	_cleanup_free_ char *large = malloc(JOB_COMMAND_MAX + 1);
	_cleanup_job_ struct job job = {};
	char *argv[JOB_ARGS_MAX + 1];

	memset(large, 'x', JOB_COMMAND_MAX);
	large[JOB_COMMAND_MAX] = '\0';
	ck_assert_int_eq(job_set_command(&job, &large, 1), -E2BIG);
	large[JOB_COMMAND_MAX - 1] = '\0';
	ck_assert_int_eq(job_set_command(&job, &large, 1), 0);

	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		argv[i] = "x";
	ck_assert_int_eq(job_set_command(&job, argv, JOB_ARGS_MAX + 1), -E2BIG);
	ck_assert_int_eq(job_set_command(&job, argv, 0), -EINVAL);
	/* What was there stays. */
	ck_assert_uint_eq(job.argc, 1);
	ck_assert_int_eq(job_set_command(&job, argv, JOB_ARGS_MAX), 0);
}
END_TEST

START_TEST(names_every_state_of_a_job)
{
	for (int i = 0; i < _JOB_STATE_MAX; i++)
		ck_assert_ptr_nonnull(job_state_names[i]);
	ck_assert_ptr_null(job_state_names[_JOB_STATE_MAX]);
}
END_TEST

START_TEST(knows_its_kinds)
{
	struct fault fault = {};
	struct forge *forge;

	ck_assert_int_eq(forge_open("gitlab", NULL, &forge, &fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.text, "gitlab"));
	ck_assert_int_eq(forge_open("none", NULL, &forge, &fault), 0);
	ck_assert_str_eq(forge->ops->name, "none");
	forge_close(forge);
	forge_close(NULL);
}
END_TEST

TEST_MAIN(copies_a_command, limits_a_command, names_every_state_of_a_job, knows_its_kinds)
