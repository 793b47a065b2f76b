#include <sys/stat.h>

#include "tests/unit/runner-fixture.h"

static const struct {
	char *argv[4];
	int exit_code;
	const char *detail;
	bool starts;
} endings[] = {
	{ { "true" }, 0, "", true },
	{ { "false" }, 1, "", true },
	{ { "sh", "-c", "exit 255" }, 255, "", true },
	{ { "sh", "-c", "kill -KILL $$" }, 137, "killed by SIGKILL", true },
	{ { "sh", "-c", "kill -SEGV $$" }, 139, "killed by SIGSEGV", true },
	{ { "no-such-program" }, 127, "cannot start 'no-such-program': No such file", false },
	{ { "/no/such/program" }, 127, "cannot start '/no/such/program': No such file", false },
	{ { "/proc/version/x" }, 127, "cannot start '/proc/version/x': Not a directory", false },
	{ { "" }, 127, "cannot start '': No such file", false },
	{ { "/" }, 126, "cannot start '/': Permission denied", false },
	{ { "/proc/version" }, 126, "cannot start '/proc/version': Permission denied", false },
};

START_TEST(tells_how_a_job_ended)
{
	_cleanup_(world_freep) struct world *w = world_new();

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		ck_assert_int_eq(world_try_start(w, 7, i + 1, endings[i].argv), 0);
		RUN_UNTIL(w, w->n_exited == i + 1);
		ck_assert_int_eq(w->exit_code, endings[i].exit_code);
		ck_assert_msg(strncmp(w->detail, endings[i].detail, strlen(endings[i].detail)) == 0,
			      "row %zu: '%s'", i, w->detail);
		ck_assert_int_eq(w->detail[0] == '\0', endings[i].detail[0] == '\0');
		ck_assert_uint_eq(w->n_started, endings[i].starts);
		ck_assert_uint_eq(w->seq, 7);
		ck_assert_uint_eq(w->number, i + 1);
		w->n_started = 0;
	}
	world_clean(w);
	ck_assert_str_eq(w->verdict.reason, "");
}
END_TEST

START_TEST(gives_back_what_a_job_wrote_and_keeps_it_in_logs)
{
	_cleanup_(world_freep) struct world *w = world_new();
	char text[64];

	world_run(w, "echo out; echo err >&2; printf 'a\\0b'");
	ck_assert_str_eq(w->errors, "err\n");
	ck_assert_uint_eq(w->output_size, 7);
	ck_assert_mem_eq(w->output, "out\na\0b", 7);
	ck_assert_int_eq(read_file_at(w->tree->fd, "job-7-1.err", text, sizeof(text)), 3);
	ck_assert_int_eq(read_file_at(w->tree->fd, "job-7-1.out", text, sizeof(text)), 7);
	ck_assert_mem_eq(text, "out\na\0b", 7);

	/* They outlive what the claim leaves. */
	world_clean(w);
	ck_assert(world_has(w, "job-7-1.out"));
}
END_TEST

START_TEST(cuts_a_log_at_its_limit_and_gives_back_the_end)
{
	_cleanup_(world_freep) struct world *w = world_new();
	_cleanup_free_ char *text = NULL;
	size_t size;

	w->options.log_max_bytes = 100000;
	world_run(w, "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end");
	ck_assert_int_eq(w->exit_code, 0);
	ck_assert_uint_eq(w->output_size, JOB_OUTPUT_MAX);
	ck_assert_str_eq(w->output + JOB_OUTPUT_MAX - strlen("xx\nthe end\n"), "xx\nthe end\n");

	ck_assert_int_eq(read_file_alloc_at(w->tree->fd, "job-7-1.out", 200000, &text, &size), 0);
	ck_assert_uint_lt(size, 100200);
	ck_assert_str_eq(text + 100000,
			 "\n[paddock: this log ends at its limit of 100000 bytes]\n");
}
END_TEST

START_TEST(refuses_a_log_that_is_no_plain_file)
{
	_cleanup_(world_freep) struct world *w = world_new();

	ck_assert_int_eq(symlinkat("/dev/full", w->tree->fd, "x"), 0);
	ck_assert_int_eq(renameat(w->tree->fd, "x", w->tree->fd, "job-7-1.out"), 0);
	ck_assert_int_eq(world_try_start(w, 7, 1, (char *[]){ "true", NULL }), -ELOOP);

	/* Nor does a FIFO, which nobody reads, make the agent wait. */
	ck_assert_int_eq(mkfifoat(w->tree->fd, "job-7-2.out", 0600), 0);
	ck_assert_int_eq(world_try_start(w, 7, 2, (char *[]){ "true", NULL }), -ENXIO);
	ck_assert_uint_eq(w->n_exited, 0);
}
END_TEST

static const char *const environment_lines[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	"PADDOCK_MACHINE=m-1",
	"PADDOCK_RUN_KEY=42-1-default",
	"PADDOCK_SEQ=7",
	"CI=true",
	"USER=tester",
};

START_TEST(gives_a_job_an_environment_of_its_own)
{
	_cleanup_(world_freep) struct world *w = world_new();
	const char *const extras[] = { "CI=true", "LANG=", "LANG=C.UTF-8", NULL };
	char *argv[] = { "env", NULL };
	const struct runner_job job = {
		.seq = 7, .number = 1, .run_key = "42-1-default", .argv = argv, .env = extras
	};
	size_t expected = 0, lines = 0;
	char line[PATH_TEXT_MAX];

	ck_assert_int_eq(setenv("AWS_SECRET_ACCESS_KEY", "secret", 1), 0);
	w->options.user = "tester";
	ck_assert_int_eq(world_runner(w)->ops->start(w->runner, &job, NULL), 0);
	RUN_UNTIL(w, w->n_exited == 1);

	for (size_t i = 0; i < ARRAY_SIZE(environment_lines); i++, expected++) {
		(void)snprintf(line, sizeof(line), "%s\n", environment_lines[i]);
		ck_assert_msg(strstr(w->output, line), "no '%s' in\n%s", line, w->output);
	}
	(void)snprintf(line, sizeof(line), "HOME=%s/work-7\n", w->tree->path);
	ck_assert_ptr_nonnull(strstr(w->output, line));
	(void)snprintf(line, sizeof(line), "TMPDIR=%s/work-7/tmp\n", w->tree->path);
	ck_assert_ptr_nonnull(strstr(w->output, line));
	expected += 2;

	for (const char *p = w->output; *p; p++)
		lines += *p == '\n';
	ck_assert_uint_eq(lines, expected);
}
END_TEST

START_TEST(refuses_what_is_no_environment_and_no_command)
{
	_cleanup_(world_freep) struct world *w = world_new();
	const char *const bad[] = { "NOTHING", "=x", "" };
	char *argv[] = { "true", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *const extras[] = { bad[i], NULL };
		const struct runner_job job = { .seq = 7, .argv = argv, .env = extras };

		ck_assert_int_eq(world_runner(w)->ops->start(w->runner, &job, NULL), -EINVAL);
	}
	ck_assert_int_eq(world_try_start(w, 7, 1, (char *[]){ NULL }), -EINVAL);
}
END_TEST

START_TEST(starts_a_job_with_nothing_of_the_agents)
{
	_cleanup_(world_freep) struct world *w = world_new();
	_cleanup_free_ char *expected =
		str_format("/dev/null\n0\n1\n2\n3\n%s/work-7\n", w->tree->path);
	sigset_t blocked;

	/* An agent blocks signals, ignores some, and has descriptors that nobody thought of. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	for (int fd = 50; fd < 60; fd++)
		ck_assert_int_eq(dup2(w->lock_fd, fd), fd);

	/* ls has its directory open. */
	world_run(w, "readlink /proc/self/fd/0; ls /proc/self/fd; pwd; umask >&2; "
		     "grep -E 'Sig(Blk|Ign)' /proc/self/status >&2");
	ck_assert_str_eq(w->output, expected);
	ck_assert_str_eq(w->errors, "0022\nSigBlk:\t0000000000000000\n"
				    "SigIgn:\t0000000000000000\n");
	for (int fd = 50; fd < 60; fd++)
		close(fd);
}
END_TEST

START_TEST(runs_one_job_at_a_time_in_the_directory_of_the_claim)
{
	_cleanup_(world_freep) struct world *w = world_new();
	char *argv[] = { "true", NULL };

	world_start(w, "touch first; test ! -e second");
	ck_assert_int_eq(world_try_start(w, 7, 2, argv), -EBUSY);
	ck_assert_int_eq(w->runner->ops->clean(w->runner, 7), -EBUSY);
	RUN_UNTIL(w, w->n_exited == 1);
	ck_assert_int_eq(w->exit_code, 0);
	world_run(w, "test -e first && touch second");
	ck_assert_int_eq(w->exit_code, 0);

	ck_assert_int_eq(w->runner->ops->clean(w->runner, 7), 0);
	ck_assert_int_eq(w->runner->ops->clean(w->runner, 7), -EBUSY);
	ck_assert_int_eq(world_try_start(w, 8, 1, argv), -EBUSY);
	RUN_UNTIL(w, w->n_cleaned == 1);
	ck_assert(w->verdict.clean);
	ck_assert(!world_has(w, "work-7"));
	ck_assert_int_eq(world_try_start(w, 8, 1, argv), 0);
	RUN_UNTIL(w, w->n_exited == 3);
	ck_assert_uint_eq(w->seq, 8);
}
END_TEST

START_TEST(answers_when_there_is_nothing_to_stop_or_clean)
{
	_cleanup_(world_freep) struct world *w = world_new();

	ck_assert_int_eq(world_runner(w)->ops->stop(w->runner, 0), 0);
	ck_assert_uint_eq(w->n_stopped, 0);
	RUN_UNTIL(w, w->n_stopped == 1);
	world_clean(w);
	ck_assert(w->verdict.clean);
	ck_assert_uint_eq(w->n_exited, 0);
}
END_TEST

START_TEST(lets_a_job_end_in_its_own_way_when_stopped)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_start(w, "trap 'echo bye; exit 3' TERM; echo $$ >pid; while :; do sleep 0.01; done");
	(void)world_process(w, "pid");
	world_stop(w, LONG_GRACE);
	ck_assert_uint_eq(w->n_exited, 1);
	ck_assert_int_eq(w->exit_code, 3);
	ck_assert_str_eq(w->detail, "stopped");
	ck_assert_str_eq(w->output, "bye\n");
	world_clean(w);
	ck_assert_str_eq(w->verdict.reason, "");
}
END_TEST

START_TEST(kills_a_job_that_will_not_end)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_start(w, "trap '' TERM; sleep 1000 & echo $! >child; echo $$ >pid; "
		       "while :; do sleep 1000; done");
	(void)world_process(w, "pid");
	world_stop(w, 50 * USEC_PER_MSEC);
	ck_assert_uint_eq(w->n_exited, 1);
	ck_assert_int_eq(w->exit_code, 137);
	ck_assert_str_eq(w->detail, "killed: it did not end within 50ms of SIGTERM");
	world_clean(w);
	ck_assert_str_eq(w->verdict.reason, "");
}
END_TEST

START_TEST(shortens_the_grace_but_never_lengthens_it)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_start(w, "trap '' TERM; echo $$ >pid; while :; do sleep 1000; done");
	(void)world_process(w, "pid");
	ck_assert_int_eq(w->runner->ops->stop(w->runner, LONG_GRACE), 0);
	ck_assert_int_eq(w->runner->ops->stop(w->runner, 10 * USEC_PER_MSEC), 0);
	ck_assert_int_eq(w->runner->ops->stop(w->runner, LONG_GRACE), 0);
	RUN_UNTIL(w, w->n_stopped == 1);
	ck_assert_uint_eq(w->n_exited, 1);
	ck_assert_int_eq(w->exit_code, 137);
}
END_TEST

START_TEST(stops_a_job_that_has_only_been_started)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_start(w, "while :; do sleep 1000; done");
	world_stop(w, LONG_GRACE);
	ck_assert_uint_eq(w->n_exited, 1);
	ck_assert_int_eq(w->exit_code, 143);
	ck_assert_str_eq(w->detail, "stopped");
}
END_TEST

START_TEST(stops_a_job_that_is_stopped_by_a_signal)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_start(w, "echo $$ >pid; kill -STOP $$");
	(void)world_process(w, "pid");
	world_stop(w, LONG_GRACE);
	ck_assert_int_eq(w->exit_code, 143);
}
END_TEST

/* Background processes belong to the job, also in process groups of their own. */
static const char *const ordinary[] = {
	"sleep 1000 & echo $! >pid",
	"trap '' TERM HUP; sleep 1000 & echo $! >pid",
	"timeout 900 sleep 1000 & echo $! >pid",
	"(sleep 1000 & echo $! >pid) &",
};

START_TEST(ends_what_a_job_left_in_the_background)
{
	_cleanup_(world_freep) struct world *w = world_new();
	struct process_identity left;

	for (size_t i = 0; i < ARRAY_SIZE(ordinary); i++) {
		_cleanup_free_ char *script = str_format(
			"%s\nwhile [ ! -e go ]; do sleep 0.01; done; exit 5", ordinary[i]);

		world_start(w, script);
		left = world_process(w, "pid");
		ck_assert(world_lives(w, &left));
		tree_write(w->tree, "work-7/go", "");
		RUN_UNTIL(w, w->n_exited == i + 1);
		ck_assert_int_eq(w->exit_code, 5);
		ck_assert_str_eq(w->detail, "");
		ck_assert(!world_lives(w, &left));

		world_clean(w);
		ck_assert_msg(w->verdict.clean, "row %zu: %s", i, w->verdict.reason);
	}
}
END_TEST

START_TEST(asks_process_groups_of_a_jobs_own_to_end_too)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_start(w, "timeout 900 sh -c 'trap \"echo group; exit\" TERM; echo $$ >pid; "
		       "while :; do sleep 0.01; done' & wait");
	(void)world_process(w, "pid");
	world_stop(w, LONG_GRACE);
	ck_assert_str_eq(w->output, "group\n");
	world_clean(w);
	ck_assert_str_eq(w->verdict.reason, "");
}
END_TEST

/* Who leaves the session wants to outlive the job. */
static const char *const escapes[] = {
	"setsid sh -c 'echo $$ >pid; exec sleep 1000' &",
	"setsid sh -c 'trap \"\" TERM HUP; echo $$ >pid; while :; do sleep 1000; done' &",
	/* A daemon: its parent ends, so that it is nobody's child that the job knows of. */
	"(setsid sh -c 'sleep 1000 & echo $! >pid' &)",
};

START_TEST(ends_who_escaped_and_calls_the_machine_dirty)
{
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		_cleanup_(world_freep) struct world *w = world_new();
		_cleanup_free_ char *script = NULL;
		struct process_identity left;
		char expected[64];

		script = str_format("%s\nwhile [ ! -e go ]; do sleep 0.01; done; exit 5",
				    escapes[i]);
		world_start(w, script);
		left = world_process(w, "pid");
		tree_write(w->tree, "work-7/go", "");
		RUN_UNTIL(w, w->n_exited == 1);
		ck_assert_int_eq(w->exit_code, 5);
		ck_assert(!world_lives(w, &left));

		world_clean(w);
		ck_assert(!w->verdict.clean);
		ck_assert_msg(strstr(w->verdict.reason, "had left the job"), "row %zu: %s", i,
			      w->verdict.reason);
		(void)snprintf(expected, sizeof(expected), " (%d)", (int)left.pid);
		ck_assert_msg(strstr(w->verdict.reason, expected), "row %zu: %s", i,
			      w->verdict.reason);

		/* For ever: what it may have done elsewhere is not known. */
		world_run(w, "true");
		world_clean(w);
		ck_assert(!w->verdict.clean);
	}
}
END_TEST

START_TEST(names_a_few_of_many_who_escaped)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_run(w, "for i in 1 2 3 4 5 6; do setsid sh -c \"echo $$ >pid$i; exec sleep 1000\" & "
		     "done; for i in 1 2 3 4 5 6; do while [ ! -s pid$i ]; do sleep 0.01; done; "
		     "done");
	world_clean(w);
	ck_assert(!w->verdict.clean);
	ck_assert_ptr_eq(strstr(w->verdict.reason, "6 processes had left the job: "),
			 w->verdict.reason);
	ck_assert_str_eq(w->verdict.reason + strlen(w->verdict.reason) - 5, ", ...");
}
END_TEST

START_TEST(leaves_nothing_alive_when_the_agent_dies)
{
	struct world *w = world_new();
	struct process_identity leader, member, escaped;

	world_start(w, "trap '' TERM HUP; sleep 1000 & echo $! >member; "
		       "(setsid sh -c 'sleep 1000 & echo $! >escaped' &); echo $$ >leader; "
		       "while :; do sleep 1000; done");
	member = world_process(w, "member");
	escaped = world_process(w, "escaped");
	leader = world_process(w, "leader");

	/* The agent's death closes its socket, which is all that this does; world_free() proves
	 * that no process is left, and that the lock is free then. */
	ck_assert(world_lives(w, &leader) && world_lives(w, &member) && world_lives(w, &escaped));
	world_free(w);
}
END_TEST

START_TEST(holds_the_lock_as_long_as_a_job_lives)
{
	_cleanup_(world_freep) struct world *w = world_new();
	_cleanup_close_ int other = openat(w->tree->fd, "lock", O_RDWR | O_CLOEXEC);

	world_start(w, "echo $$ >pid; while :; do sleep 1000; done");
	(void)world_process(w, "pid");
	/* As if the agent had died: its own hold is gone, the supervisor's is not. */
	close(w->lock_fd);
	w->lock_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);

	world_stop(w, LONG_GRACE);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(flock(other, LOCK_UN), 0);
}
END_TEST

START_TEST(calls_the_machine_dirty_when_a_supervisor_is_killed)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_run(w, "kill -KILL $PPID; while :; do sleep 1000; done");
	ck_assert_int_eq(w->exit_code, 137);
	ck_assert_str_eq(w->detail, "the supervisor of a job was killed by signal 9");
	world_clean(w);
	ck_assert(!w->verdict.clean);
	ck_assert_str_eq(w->verdict.reason, w->detail);
}
END_TEST

START_TEST(calls_the_machine_dirty_when_a_job_took_its_lock_away)
{
	static const char *const scripts[] = { "rm ../lock", "rm ../lock; : >../lock" };

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		_cleanup_(world_freep) struct world *w = world_new();

		world_run(w, scripts[i]);
		world_clean(w);
		ck_assert_str_eq(w->verdict.reason, "the machine's lock is no longer in its place");
		/* For the fixture, which looks whether it can be had again. */
		tree_write(w->tree, "lock", "");
	}
}
END_TEST

START_TEST(removes_what_a_job_made_hard_to_remove)
{
	_cleanup_(world_freep) struct world *w = world_new();

	world_run(w, "mkdir -p a/b/c && touch a/b/c/d && ln -s / a/link && ln -s a loop && "
		     "chmod 0 a/b/c a/b a && chmod 500 .");
	ck_assert_int_eq(w->exit_code, 0);
	world_clean(w);
	ck_assert_str_eq(w->verdict.reason, "");
	ck_assert(!world_has(w, "work-7"));
}
END_TEST

START_TEST(does_not_follow_what_a_job_put_in_the_place_of_its_directory)
{
	_cleanup_(world_freep) struct world *w = world_new();

	tree_write(w->tree, "precious/file", "x");
	world_run(w, "cd .. && rm -r work-7 && ln -s precious work-7");
	ck_assert_int_eq(w->exit_code, 0);
	ck_assert_int_eq(world_try_start(w, 7, 2, (char *[]){ "true", NULL }), -ENOTDIR);
	world_clean(w);
	ck_assert_str_eq(w->verdict.reason, "");
	ck_assert(world_has(w, "precious/file"));
	ck_assert(!world_has(w, "work-7"));
}
END_TEST

START_TEST(says_what_is_wrong_when_a_job_cannot_be_prepared)
{
	_cleanup_(world_freep) struct world *w = world_new();
	char *argv[] = { "true", NULL };
	const struct runner_job job = { .seq = 7, .number = 1, .argv = argv };
	struct fault fault = {};

	tree_write(w->tree, "work-7", "not a directory");
	ck_assert_int_eq(world_runner(w)->ops->start(w->runner, &job, &fault), -ENOTDIR);
	ck_assert_ptr_nonnull(strstr(fault.text, "work-7: Not a directory"));

	ck_assert_int_eq(unlinkat(w->tree->fd, "work-7", 0), 0);
	w->runner->ops->free(w->runner);
	w->runner = NULL;
	w->options.self_exe = "/no/such/agent";
	ck_assert_int_eq(world_runner(w)->ops->start(w->runner, &job, &fault), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fault.text, "cannot start the job"));
}
END_TEST

TEST_MAIN(tells_how_a_job_ended, gives_back_what_a_job_wrote_and_keeps_it_in_logs,
	  cuts_a_log_at_its_limit_and_gives_back_the_end, refuses_a_log_that_is_no_plain_file,
	  gives_a_job_an_environment_of_its_own, refuses_what_is_no_environment_and_no_command,
	  starts_a_job_with_nothing_of_the_agents,
	  runs_one_job_at_a_time_in_the_directory_of_the_claim,
	  answers_when_there_is_nothing_to_stop_or_clean,
	  lets_a_job_end_in_its_own_way_when_stopped, kills_a_job_that_will_not_end,
	  shortens_the_grace_but_never_lengthens_it, stops_a_job_that_has_only_been_started,
	  stops_a_job_that_is_stopped_by_a_signal, ends_what_a_job_left_in_the_background,
	  asks_process_groups_of_a_jobs_own_to_end_too,
	  ends_who_escaped_and_calls_the_machine_dirty, names_a_few_of_many_who_escaped,
	  leaves_nothing_alive_when_the_agent_dies, holds_the_lock_as_long_as_a_job_lives,
	  calls_the_machine_dirty_when_a_supervisor_is_killed,
	  calls_the_machine_dirty_when_a_job_took_its_lock_away,
	  removes_what_a_job_made_hard_to_remove,
	  does_not_follow_what_a_job_put_in_the_place_of_its_directory,
	  says_what_is_wrong_when_a_job_cannot_be_prepared)
