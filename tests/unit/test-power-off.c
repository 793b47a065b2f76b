#include "agent/power-off.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "tests/test.h"

/* A program in a directory of its own, which is all of PATH in front of the system's. */
static void make_program(struct tree *tree, const char *text)
{
	_cleanup_free_ char *path = str_format("%s/end-it", tree->path);
	_cleanup_free_ char *search = str_format("%s:/usr/bin:/bin", tree->path);

	tree_write(tree, "end-it", text);
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(setenv("PATH", search, 1), 0);
	ck_assert_int_eq(setenv("TREE", tree->path, 1), 0);
}

START_TEST(finds_the_program_and_gives_it_a_path_and_nothing_else)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *said = str_format("%s/said", tree->path);
	_cleanup_free_ char *text = str_format("#!/bin/sh\n[ $# -eq 0 ] && env >'%s'\n", said);
	_cleanup_free_ char *got = NULL;
	struct fault fault = {};
	size_t size;

	make_program(tree, text);
	ck_assert_int_eq(setenv("AWS_SECRET_ACCESS_KEY", "PLANTED", 1), 0);
	ck_assert_msg(power_off("end-it", &fault) == 0, "%s", fault.text);
	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, said, 4096, &got, &size), 0);
	ck_assert_ptr_nonnull(strstr(got, "PATH="));
	ck_assert_ptr_null(strstr(got, "PLANTED"));
	ck_assert_ptr_null(strstr(got, "TREE="));
}
END_TEST

/* The program is cp, which puts what the kernel says of it in its own script's place: a shell would
 * unblock signals by itself. */
START_TEST(gives_it_its_signals_back)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *path = str_format("%s/end-it", tree->path);
	_cleanup_free_ char *got = NULL;
	struct fault fault = {};
	const char *ignored;
	sigset_t term;
	size_t size;

	make_program(tree, "#!/bin/cp /proc/self/status\n");
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &term, NULL), 0);
	ck_assert_ptr_ne(signal(SIGPIPE, SIG_IGN), SIG_ERR);
	ck_assert_msg(power_off("end-it", &fault) == 0, "%s", fault.text);
	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, path, 4096, &got, &size), 0);
	ck_assert_ptr_nonnull(strstr(got, "SigBlk:\t0000000000000000"));
	/* Of the lower 28: the C library keeps two of the real-time ones to itself. */
	ignored = strstr(got, "SigIgn:\t");
	ck_assert_ptr_nonnull(ignored);
	ck_assert_int_eq(strncmp(ignored + strlen("SigIgn:\t") + 9, "0000000\n", 8), 0);
}
END_TEST

START_TEST(says_why_the_machine_goes_on)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct fault fault = {};

	make_program(tree, "#!/bin/sh\nexit 4\n");
	ck_assert_int_eq(power_off("end-it", &fault), -EIO);
	ck_assert_str_eq(fault.text, "cannot power off: end-it exited with 4");
	make_program(tree, "#!/bin/sh\nkill -KILL $$\n");
	ck_assert_int_eq(power_off("end-it", &fault), -EIO);
	ck_assert_str_eq(fault.text, "cannot power off: end-it died of SIGKILL");
	ck_assert_int_eq(power_off("no-such-program", &fault), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fault.text, "no-such-program"));
}
END_TEST

TEST_MAIN(finds_the_program_and_gives_it_a_path_and_nothing_else, gives_it_its_signals_back,
	  says_why_the_machine_goes_on)
