#include "agent/runner/job-logs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "tests/test.h"

static void open_logs(struct tree *tree, uint64_t seq, uint64_t number)
{
	int output_fd = -1, errors_fd = -1;

	ck_assert_int_eq(job_logs_open_at(tree->fd, seq, number, &output_fd, &errors_fd), 0);
	ck_assert_int_eq(write_all(output_fd, "out\n", 4), 0);
	ck_assert_int_eq(write_all(errors_fd, "err\n", 4), 0);
	close(output_fd);
	close(errors_fd);
}

static bool has(struct tree *tree, const char *name)
{
	return faccessat(tree->fd, name, F_OK, 0) == 0;
}

START_TEST(appends_to_files_that_only_their_owner_can_read)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct stat info;
	char text[32];

	open_logs(tree, 3, 1);
	open_logs(tree, 3, 1);
	ck_assert_int_eq(read_file_at(tree->fd, "job-3-1.out", text, sizeof(text)), 7);
	ck_assert_str_eq(text, "out\nout");
	ck_assert_int_eq(fstatat(tree->fd, "job-3-1.err", &info, 0), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0600);
}
END_TEST

START_TEST(keeps_the_logs_of_the_latest_jobs)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	char name[64];

	/* Older by number and not by name: 9 comes before 10. */
	for (uint64_t i = 0; i < JOB_LOGS_KEPT; i++)
		open_logs(tree, 9 + i / 8, 9 + i % 8);
	ck_assert(has(tree, "job-9-9.out"));

	tree_write(tree, "job-1.out", "not a job's");
	tree_write(tree, "job-1-2-3.out", "nor this");
	tree_write(tree, "agent.log", "nor this");
	open_logs(tree, 100, 1);
	open_logs(tree, 100, 2);
	ck_assert(!has(tree, "job-9-9.out") && !has(tree, "job-9-9.err"));
	ck_assert(!has(tree, "job-9-10.out") && !has(tree, "job-9-10.err"));
	ck_assert(has(tree, "job-9-11.out") && has(tree, "job-9-11.err"));
	ck_assert(has(tree, "job-100-1.out") && has(tree, "job-100-2.out"));
	ck_assert(has(tree, "job-1.out") && has(tree, "job-1-2-3.out") && has(tree, "agent.log"));
	(void)snprintf(name, sizeof(name), "job-%d-%d.out", 9 + (JOB_LOGS_KEPT - 1) / 8,
		       9 + (JOB_LOGS_KEPT - 1) % 8);
	ck_assert(has(tree, name));
}
END_TEST

TEST_MAIN(appends_to_files_that_only_their_owner_can_read, keeps_the_logs_of_the_latest_jobs)
