/* How local machines end, and what is left of them. */

#include "tests/unit/local-fixture.h"

#include <sys/stat.h>

START_TEST(ends_a_machine_that_it_did_not_start_itself)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	struct process_identity agent = world_start(w);
	int status;

	world_forget_provider(w);
	ck_assert(world_lives(w, &agent));
	ck_assert_int_eq(world_teardown(w, "t-0", LONG_GRACE), 0);
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_GONE);
	ck_assert_int_eq(waitpid(agent.pid, &status, WNOHANG), agent.pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);

	/* Twice is once; and so is one that never was. */
	ck_assert_int_eq(world_teardown(w, "t-0", LONG_GRACE), 0);
	ck_assert_int_eq(world_teardown(w, "never-was", LONG_GRACE), 0);
}
END_TEST

START_TEST(insists_when_an_agent_does_not_end)
{
	_cleanup_(world_freep) struct world *w = world_new("--ignore-term");
	struct process_identity agent = world_start(w);
	int status;

	world_forget_provider(w);
	ck_assert_int_eq(world_teardown(w, "t-0", 20 * USEC_PER_MSEC), 0);
	ck_assert_int_eq(waitpid(agent.pid, &status, WNOHANG), agent.pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(ends_a_machine_that_is_only_starting)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	ck_assert_int_eq(world_teardown(w, "t-0", LONG_GRACE), 0);
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_GONE);
}
END_TEST

/* The clock of a world in which waiting takes no time. */
static uint64_t fast_now;

static uint64_t fast_wall_ms(_unused_ const struct clock *clock)
{
	return fast_now / 1000;
}

static uint64_t fast_boot_usec(_unused_ const struct clock *clock)
{
	return fast_now;
}

static int fast_sleep_until(_unused_ const struct clock *clock, uint64_t boot_usec)
{
	if (boot_usec > fast_now)
		fast_now = boot_usec;
	return 0;
}

static const struct clock_ops fast_ops = {
	.name = "fast",
	.wall_ms = fast_wall_ms,
	.boot_usec = fast_boot_usec,
	.sleep_until = fast_sleep_until,
};
static const struct clock fast_clock = { .ops = &fast_ops };

START_TEST(says_so_when_a_machine_has_not_gone_yet)
{
	_cleanup_(world_freep) struct world *w = world_new("--heir");
	struct process_identity agent = world_start(w);

	world_forget_provider(w);
	w->options.clock = &fast_clock;
	ck_assert_int_eq(world_teardown(w, "t-0", LONG_GRACE), -EINPROGRESS);
	ck_assert_ptr_nonnull(strstr(w->fault.text, "t-0"));
	ck_assert(!world_lives(w, &agent));
	tree_write(w->tree, "machines/t-0/release", "");
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_GONE);
	ck_assert_int_eq(world_teardown(w, "t-0", 0), 0);
}
END_TEST

START_TEST(does_not_signal_who_has_not_said_who_it_is)
{
	_cleanup_(world_freep) struct world *w = world_new("--unborn");

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	world_forget_provider(w);
	w->options.clock = &fast_clock;
	ck_assert_int_eq(world_teardown(w, "t-0", 0), -EINPROGRESS);
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_STARTING);
}
END_TEST

/* The same pid, but another start or another boot: the machine's agent is dead, and the process is
 * somebody else's. A held lock makes the machine look alive. */
START_TEST(never_signals_a_process_that_has_got_the_pid_since)
{
	for (int spoil_boot = 0; spoil_boot < 2; spoil_boot++) {
		_cleanup_(world_freep) struct world *w = world_new(NULL);
		_cleanup_close_ int dir_fd = -1, lock_fd = -1;
		struct process_identity agent;
		pid_t bystander;

		bystander = fork();
		ck_assert_int_ge(bystander, 0);
		if (bystander == 0)
			for (;;)
				pause();

		tree_write(w->tree, "machines/t-0/lock", "");
		ck_assert_int_eq(process_identify(w->proc_fd, bystander, &agent), 0);
		if (spoil_boot)
			agent.boot_id[3] = agent.boot_id[3] == '0' ? '1' : '0';
		else
			agent.start_time -= 1;
		dir_fd = openat(w->tree->fd, "machines/t-0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_eq(process_write_identity_at(dir_fd, "agent.json", &agent), 0);
		lock_fd = openat(dir_fd, "lock", O_RDWR | O_CLOEXEC);
		ck_assert_int_eq(flock(lock_fd, LOCK_EX | LOCK_NB), 0);

		w->options.clock = &fast_clock;
		ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_ENDING);
		ck_assert_int_eq(world_teardown(w, "t-0", 0), -EINPROGRESS);
		close(take_fd(lock_fd));
		ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_GONE);
		ck_assert_int_eq(world_teardown(w, "t-0", 0), 0);
		ck_assert_int_eq(waitpid(bystander, NULL, WNOHANG), 0);
	}
}
END_TEST

START_TEST(does_not_act_on_a_file_that_names_no_process)
{
	_cleanup_(world_freep) struct world *w = world_new("--unborn");
	static const char *const bad[] = {
		"",
		"{}",
		"{\"pid\":-1,\"start_time\":1,\"boot_id\":\"x\"}",
		"{\"pid\":1,\"start_time\":1,\"boot_id\":\"x\"}",
	};

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		tree_write(w->tree, "machines/t-0/agent.json", bad[i]);
		ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_THERE);
		ck_assert_int_eq(world_teardown(w, "t-0", 0), -EBADMSG);
	}
}
END_TEST

START_TEST(forgets_a_machine_but_keeps_its_logs)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	char text[64];

	(void)world_start(w);
	ck_assert_int_eq(world_forget(w, "t-0", true), -EBUSY);
	ck_assert(world_has(w, "machines/t-0/agent.json"));
	ck_assert_int_eq(world_teardown(w, "t-0", LONG_GRACE), 0);
	tree_write(w->tree, "machines/t-0/job-3-1.out", "output");
	tree_write(w->tree, "machines/t-0/job-3-1.err", "");
	tree_write(w->tree, "machines/t-0/work-3/a/b", "");
	ck_assert_int_eq(fchmodat(w->tree->fd, "machines/t-0/work-3/a", 0500, 0), 0);

	ck_assert_int_eq(world_forget(w, "t-0", true), 0);
	ck_assert_int_eq(unlinkat(w->tree->fd, "machines", AT_REMOVEDIR), 0);
	ck_assert(world_has(w, "logs/t-0/agent.log"));
	ck_assert_int_gt(read_file_at(w->tree->fd, "logs/t-0/job-3-1.out", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "output");
	ck_assert(world_has(w, "logs/t-0/job-3-1.err"));
	ck_assert(!world_has(w, "logs/t-0/lock"));
	ck_assert_int_eq(world_forget(w, "t-0", true), 0);
}
END_TEST

START_TEST(forgets_a_machine_with_its_logs)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	tree_write(w->tree, "machines/t-0/lock", "");
	tree_write(w->tree, "machines/t-0/agent.log", "");
	ck_assert_int_eq(world_forget(w, "t-0", false), 0);
	ck_assert(!world_has(w, "machines/t-0"));
	ck_assert(!world_has(w, "logs"));
}
END_TEST

START_TEST(starts_nothing_where_somebody_removed_the_lock_file)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	struct process_identity agent = world_start(w);

	ck_assert_int_eq(unlinkat(w->tree->fd, "machines/t-0/lock", 0), 0);
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_THERE);
	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	ck_assert_int_eq(world_forget(w, "t-0", true), -EBUSY);
	ck_assert(world_lives(w, &agent));
	ck_assert_int_eq(world_teardown(w, "t-0", LONG_GRACE), 0);
	ck_assert_int_eq(world_forget(w, "t-0", true), 0);

	tree_write(w->tree, "machines/u-0/handle.json", "");
	ck_assert_int_eq(world_provision(w, "u", 1), -EUCLEAN);
}
END_TEST

TEST_MAIN(ends_a_machine_that_it_did_not_start_itself, insists_when_an_agent_does_not_end,
	  ends_a_machine_that_is_only_starting, says_so_when_a_machine_has_not_gone_yet,
	  does_not_signal_who_has_not_said_who_it_is,
	  never_signals_a_process_that_has_got_the_pid_since,
	  does_not_act_on_a_file_that_names_no_process, forgets_a_machine_but_keeps_its_logs,
	  forgets_a_machine_with_its_logs, starts_nothing_where_somebody_removed_the_lock_file)
