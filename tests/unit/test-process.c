#include "common/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/io.h"
#include "tests/test.h"

#define WAIT_USEC (20 * USEC_PER_SEC)

static int proc_open(void)
{
	int fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* A child that does nothing until it is told to end. */
static pid_t child_new(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void child_end(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static const struct {
	const char *text;
	int r;
	struct process_stat stat;
} stats[] = {
	{ "7 (sh) S 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 1 1\n",
	  0,
	  { 7, 3, 7, 5, 'S', 4711, "sh" } },
	/* A name may look like the end of itself, and may hold control characters. */
	{ "7 (a) R 1 (b) Z 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 12 1 1\n",
	  0,
	  { 7, 3, 7, 5, 'Z', 12, "a) R 1 (b" } },
	{ "7 (\033[2J\n\303\244) S 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 12 1 1\n",
	  0,
	  { 7, 3, 7, 5, 'S', 12, "?[2J???" } },
	{ "7 () S 0 0 0 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 18446744073709551615\n",
	  0,
	  { 7, 0, 0, 0, 'S', UINT64_MAX, "" } },
	{ "", -EBADMSG, {} },
	{ "7", -EBADMSG, {} },
	{ "7 )sh( S 3 7 5", -EBADMSG, {} },
	{ "7 (sh)", -EBADMSG, {} },
	{ "7 (sh) S 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0", -EBADMSG, {} },
	{ "7 (sh) SS 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711", -EBADMSG, {} },
	{ "7 (sh) S -3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711", -EBADMSG, {} },
	{ "7 (sh) S 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 47x11", -EBADMSG, {} },
	{ "7 (sh) S 3 7 5000000000 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711", -EBADMSG, {} },
};

START_TEST(reads_what_the_kernel_says_of_a_process)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct process_stat stat;

	for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
		memset(&stat, 0x55, sizeof(stat));
		tree_write(tree, "7/stat", stats[i].text);
		ck_assert_msg(process_read_stat(tree->fd, 7, &stat) == stats[i].r, "row %zu", i);
		if (stats[i].r < 0) {
			ck_assert_int_eq(stat.parent, 0x55555555);
			continue;
		}
		ck_assert_int_eq(stat.pid, stats[i].stat.pid);
		ck_assert_int_eq(stat.parent, stats[i].stat.parent);
		ck_assert_int_eq(stat.group, stats[i].stat.group);
		ck_assert_int_eq(stat.session, stats[i].stat.session);
		ck_assert_int_eq(stat.state, stats[i].stat.state);
		ck_assert_uint_eq(stat.start_time, stats[i].stat.start_time);
		ck_assert_str_eq(stat.name, stats[i].stat.name);
	}
	ck_assert_int_eq(process_read_stat(tree->fd, 8, &stat), -ESRCH);
}
END_TEST

START_TEST(opens_the_very_process_that_was_identified)
{
	_cleanup_close_ int proc_fd = proc_open(), pidfd = -1;
	pid_t child = child_new();
	struct process_identity identity;
	struct deadline soon = deadline_in(&clock_system, 0);
	struct deadline later = deadline_in(&clock_system, WAIT_USEC);

	ck_assert_int_eq(process_identify(proc_fd, child, &identity), 0);
	ck_assert_int_eq(identity.pid, child);
	pidfd = process_open(proc_fd, &identity);
	ck_assert_int_ge(pidfd, 0);

	ck_assert_int_eq(process_wait(pidfd, &soon, &clock_system), 0);
	/* Not SIGTERM: the child has inherited the test framework's handler, which passes it on. */
	ck_assert_int_eq(process_signal(pidfd, SIGKILL), 0);
	ck_assert_int_eq(process_wait(pidfd, &later, &clock_system), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(process_signal(pidfd, SIGKILL), -ESRCH);
}
END_TEST

/* What a reused pid looks like: the same number, started at another time or in another boot. */
START_TEST(never_opens_another_process_with_the_same_pid)
{
	_cleanup_close_ int proc_fd = proc_open();
	pid_t child = child_new();
	struct process_identity identity, other;

	ck_assert_int_eq(process_identify(proc_fd, child, &identity), 0);
	other = identity;
	other.start_time--;
	ck_assert_int_eq(process_open(proc_fd, &other), -ESRCH);
	other = identity;
	other.start_time++;
	ck_assert_int_eq(process_open(proc_fd, &other), -ESRCH);
	other = identity;
	other.boot_id[0] = other.boot_id[0] == '0' ? '1' : '0';
	ck_assert_int_eq(process_open(proc_fd, &other), -ESRCH);

	/* It has not been touched. */
	ck_assert_int_eq(waitpid(child, NULL, WNOHANG), 0);
	child_end(child);
}
END_TEST

START_TEST(takes_a_process_that_waits_to_be_reaped_for_ended)
{
	_cleanup_close_ int proc_fd = proc_open(), pidfd = -1;
	struct deadline later = deadline_in(&clock_system, WAIT_USEC);
	pid_t child = child_new();
	struct process_identity identity;
	struct process_stat stat;

	ck_assert_int_eq(process_identify(proc_fd, child, &identity), 0);
	pidfd = process_open_child(child);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(process_signal(pidfd, SIGKILL), 0);
	ck_assert_int_eq(process_wait(pidfd, &later, &clock_system), 1);

	ck_assert_int_eq(process_read_stat(proc_fd, child, &stat), 0);
	ck_assert(process_is_dead(&stat));
	ck_assert_int_eq(process_open(proc_fd, &identity), -ESRCH);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(process_open(proc_fd, &identity), -ESRCH);
	ck_assert_int_eq(process_identify(proc_fd, child, &identity), -ESRCH);
}
END_TEST

START_TEST(keeps_an_identity_in_a_file)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	const struct process_identity identity = {
		.pid = 4711,
		.start_time = 99887766,
		.boot_id = "02f19da6-b4bf-4851-87dc-ea47dfe4fe15",
	};
	struct process_identity read;

	ck_assert_int_eq(process_read_identity_at(tree->fd, "agent.json", &read, NULL), -ENOENT);
	ck_assert_int_eq(process_write_identity_at(tree->fd, "agent.json", &identity), 0);
	ck_assert_int_eq(process_read_identity_at(tree->fd, "agent.json", &read, NULL), 0);
	ck_assert_int_eq(read.pid, identity.pid);
	ck_assert_uint_eq(read.start_time, identity.start_time);
	ck_assert_str_eq(read.boot_id, identity.boot_id);
}
END_TEST

#define BOOT "\"boot_id\":\"b\""

/* Above all none that kill() would take for a group, for everybody, or for init. */
static const char *const bad_identities[] = {
	"",
	"{",
	"[]",
	"{}",
	"{\"pid\":5,\"start_time\":5}",
	"{\"pid\":5," BOOT "}",
	"{\"start_time\":5," BOOT "}",
	"{\"pid\":0,\"start_time\":5," BOOT "}",
	"{\"pid\":1,\"start_time\":5," BOOT "}",
	"{\"pid\":-1,\"start_time\":5," BOOT "}",
	"{\"pid\":-5,\"start_time\":5," BOOT "}",
	"{\"pid\":4294967295,\"start_time\":5," BOOT "}",
	"{\"pid\":\"5\",\"start_time\":5," BOOT "}",
	"{\"pid\":5,\"start_time\":5,\"boot_id\":\"a boot id that is longer than any could be\"}",
};

START_TEST(refuses_a_file_that_names_no_process)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *large = calloc(1, 100 * 1024);
	struct process_identity read = { .pid = 77 };
	struct fault fault;

	for (size_t i = 0; i < ARRAY_SIZE(bad_identities); i++) {
		fault = (struct fault){};
		tree_write(tree, "agent.json", bad_identities[i]);
		ck_assert_msg(process_read_identity_at(tree->fd, "agent.json", &read, &fault) ==
				      -EBADMSG,
			      "row %zu", i);
		ck_assert_ptr_nonnull(strstr(fault.text, "agent.json"));
		ck_assert_int_eq(read.pid, 77);
	}

	ck_assert_ptr_nonnull(large);
	memset(large, ' ', 100 * 1024 - 1);
	tree_write(tree, "agent.json", large);
	ck_assert_int_eq(process_read_identity_at(tree->fd, "agent.json", &read, &fault), -EBADMSG);
}
END_TEST

START_TEST(says_so_where_there_is_no_procfs)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct process_identity identity = { .pid = getpid() };

	ck_assert_int_eq(process_open(tree->fd, &identity), -ENOENT);
	ck_assert_int_eq(process_identify(tree->fd, getpid(), &identity), -ESRCH);
}
END_TEST

TEST_MAIN(reads_what_the_kernel_says_of_a_process, opens_the_very_process_that_was_identified,
	  never_opens_another_process_with_the_same_pid,
	  takes_a_process_that_waits_to_be_reaped_for_ended, keeps_an_identity_in_a_file,
	  refuses_a_file_that_names_no_process, says_so_where_there_is_no_procfs)
