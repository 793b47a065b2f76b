/* What only root can arrange: mounts, and processes that a runner may not kill. */

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "tests/unit/runner-fixture.h"

#define NOBODY 65534
#define PROGRAM_MAX (64 * 1024 * 1024)

START_TEST(calls_a_machine_dirty_that_has_something_mounted)
{
	struct world *w = world_new();

	world_run(w, "mkdir -p a/mounted b && touch b/file && mount -t tmpfs none a/mounted && "
		     "touch a/mounted/precious");
	ck_assert_int_eq(w->exit_code, 0);
	world_clean(w);
	ck_assert(!w->verdict.clean);
	ck_assert_str_eq(w->verdict.reason, "cannot remove work-7: something is mounted there");
	ck_assert(world_has(w, "work-7/a/mounted/precious"));
	ck_assert(!world_has(w, "work-7/b"));

	ck_assert_int_eq(fchdir(w->tree->fd), 0);
	ck_assert_int_eq(umount("work-7/a/mounted"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	world_free(w);
}
END_TEST

static void copy_program(struct world *w, const char *name, mode_t mode)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, w->self_exe, PROGRAM_MAX, &data, &size), 0);
	ck_assert_int_eq(replace_file_at(w->tree->fd, name, data, size, 0755), 0);
	ck_assert_int_eq(fchmodat(w->tree->fd, name, mode, 0), 0);
}

START_TEST(gives_up_on_what_survives_but_holds_the_lock_for_it)
{
	_cleanup_(world_freep) struct world *w = world_new();
	_cleanup_free_ char *supervisor = str_format("%s/supervisor", w->tree->path);
	_cleanup_close_ int pidfd = -1, lock_fd = openat(w->tree->fd, "lock", O_RDWR | O_CLOEXEC);
	struct process_identity survivor;
	struct statvfs info;
	char expected[RUNNER_TEXT_MAX];

	ck_assert_int_eq(fstatvfs(w->tree->fd, &info), 0);
	if (info.f_flag & ST_NOSUID) {
		(void)fprintf(stderr, "not tested: %s is mounted nosuid\n", w->tree->path);
		return;
	}

	/* The runner and its job are nobody's, the survivor is root's. */
	copy_program(w, "supervisor", 0755);
	copy_program(w, "resister", 04755);
	w->options.self_exe = supervisor;
	w->options.resist_usec = 50 * USEC_PER_MSEC;
	ck_assert_int_eq(fchown(w->tree->fd, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, 0), 0);
	world_start(w, "../resister resist pid & while [ ! -s pid ]; do sleep 0.01; done");
	survivor = world_process(w, "pid");
	RUN_UNTIL(w, w->n_exited == 1);
	ck_assert_int_eq(w->exit_code, 0);
	ck_assert(world_lives(w, &survivor));

	world_clean(w);
	(void)snprintf(expected, sizeof(expected), "still alive after SIGKILL: resister (%d)",
		       (int)survivor.pid);
	ck_assert_str_eq(w->verdict.reason, expected);
	ck_assert_int_eq(world_try_start(w, 8, 1, (char *[]){ "true", NULL }), -EBUSY);

	/* Also when the agent has long gone. */
	runner_free(take_ptr(w->runner));
	close(w->lock_fd);
	w->lock_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(lock_fd, LOCK_EX | LOCK_NB), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);

	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	pidfd = process_open(w->proc_fd, &survivor);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(process_signal(pidfd, SIGKILL), 0);
	ck_assert_int_eq(flock(lock_fd, LOCK_EX), 0);
	ck_assert_int_eq(flock(lock_fd, LOCK_UN), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		calls_a_machine_dirty_that_has_something_mounted,
		gives_up_on_what_survives_but_holds_the_lock_for_it,
	};

	/* No mount of these tests is seen outside of them. */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		puts("1..0 # SKIP needs root, to mount and to have a process of another user");
		return EXIT_SUCCESS;
	}
	return test_main(__FILE__, tests, ARRAY_SIZE(tests));
}
