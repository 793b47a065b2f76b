#include "tests/unit/local-fixture.h"

#include <sys/stat.h>

START_TEST(makes_machines_and_gives_them_back_when_asked_again)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	struct process_identity first[3], again;
	char address[PATH_TEXT_MAX];

	ck_assert_int_eq(world_provision(w, "t", 3), 3);
	for (int i = 0; i < 3; i++) {
		const char id[] = { 't', '-', (char)('0' + i), '\0' };

		WAIT_UNTIL(world_poll(w, id) == PRESENCE_THERE);
		first[i] = world_agent(w, id);
		ck_assert_str_eq(w->handles[i].id, id);
		ck_assert_str_eq(w->handles[i].provider, "local");
		ck_assert_str_eq(w->handles[i].type, "local");
		ck_assert_str_eq(w->handles[i].correlation, "42-1-default");
		ck_assert_str_ne(w->handles[i].arch, "");
		(void)snprintf(address, sizeof(address), "%s/machines/%s", w->tree->path, id);
		ck_assert_str_eq(w->handles[i].address, address);
	}

	/* From another process, for more. */
	world_forget_provider(w);
	ck_assert_int_eq(world_provision(w, "t", 4), 4);
	WAIT_UNTIL(world_poll(w, "t-3") == PRESENCE_THERE);
	for (int i = 0; i < 3; i++) {
		again = world_agent(w, w->handles[i].id);
		ck_assert_int_eq(again.pid, first[i].pid);
		ck_assert_uint_eq(again.start_time, first[i].start_time);
		ck_assert(world_lives(w, &first[i]));
	}
}
END_TEST

START_TEST(starts_an_agent_with_the_lock_and_nothing_else)
{
	_cleanup_(world_freep) struct world *w = world_new("--further");
	_cleanup_free_ char *notes = NULL, *expected = NULL;
	struct stat info;
	size_t size;

	ck_assert_int_eq(setenv("AWS_SECRET_ACCESS_KEY", "secret", 1), 0);
	for (int fd = 50; fd < 60; fd++)
		ck_assert_int_eq(dup2(w->proc_fd, fd), fd);
	(void)world_start(w);

	ck_assert_int_eq(
		read_file_alloc_at(w->tree->fd, "machines/t-0/notes", 10000, &notes, &size), 0);
	expected =
		str_format("arg run\narg --machine\narg t-0\narg --state-dir\narg %s\n"
			   "arg --store\narg sqlite:/no/such/store\narg --lock-fd\narg 3\n"
			   "arg --further\n"
			   "env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
			   "env LANG=C.UTF-8\nfd 0\nfd 1\nfd 2\nfd 3\nfd 4\n"
			   "cwd /\nsession own\n",
			   w->tree->path);
	/* The agent's own: 4 is its machine's directory. */
	ck_assert_str_eq(notes, expected);

	ck_assert_int_eq(fstatat(w->tree->fd, "machines/t-0", &info, 0), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0700);
	ck_assert_int_eq(fstatat(w->tree->fd, "machines/t-0/agent.log", &info, 0), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0600);
	for (int fd = 50; fd < 60; fd++)
		close(fd);
}
END_TEST

START_TEST(never_starts_a_machine_twice)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	struct process_identity agent = world_start(w), again;

	ck_assert_int_eq(kill(agent.pid, SIGKILL), 0);
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_GONE);
	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	ck_assert_str_eq(w->handles[0].id, "t-0");
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_GONE);
	again = world_agent(w, "t-0");
	ck_assert_int_eq(again.pid, agent.pid);
}
END_TEST

START_TEST(starts_a_machine_whose_launcher_died_before_it_could)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	/* What such a launcher leaves: a directory with a free lock and no agent. */
	tree_write(w->tree, "machines/t-0/lock", "");
	tree_write(w->tree, "machines/t-0/handle.json", "{\"correlation\":\"42-1-default\"}");
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_GONE);
	(void)world_start(w);
}
END_TEST

START_TEST(starts_a_machine_once_however_many_ask)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	pid_t askers[8];
	size_t agents = 0;
	int status;

	(void)world_provider(w);
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		askers[i] = fork();
		ck_assert_int_ge(askers[i], 0);
		if (askers[i] == 0)
			_exit(world_provision(w, "t", 4) == 4 ? 0 : 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		ck_assert_int_eq(waitpid(askers[i], &status, 0), askers[i]);
		ck_assert_int_eq(status, 0);
	}

	/* Every agent says so in its log. */
	for (int i = 0; i < 4; i++) {
		char id[] = { 't', '-', (char)('0' + i), '\0' };
		_cleanup_free_ char *path = str_format("machines/%s/agent.log", id);
		char text[256];

		WAIT_UNTIL(world_poll(w, id) == PRESENCE_THERE);
		ck_assert_int_gt(read_file_at(w->tree->fd, path, text, sizeof(text)), 0);
		for (const char *p = text; (p = strstr(p, "fake agent")) != NULL; p++)
			agents++;
	}
	ck_assert_uint_eq(agents, 4);
}
END_TEST

static const struct {
	const char *agent;
	int r;
	const char *text;
} unusable[] = {
	{ "/no/such/agent", -ENOENT, "cannot start the agent /no/such/agent: No such file" },
	{ "/proc/version", -EACCES, "cannot start the agent /proc/version: Permission denied" },
	{ "/", -EACCES, "cannot start the agent /: Permission denied" },
};

START_TEST(says_what_is_wrong_with_an_agent_and_leaves_nothing)
{
	for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
		_cleanup_(world_freep) struct world *w = world_new(NULL);

		w->options.agent_path = unusable[i].agent;
		ck_assert_int_eq(world_provision(w, "t", 3), unusable[i].r);
		ck_assert_msg(strncmp(w->fault.text, unusable[i].text, strlen(unusable[i].text)) ==
				      0,
			      "row %zu: %s", i, w->fault.text);
		ck_assert_ptr_nonnull(strstr(w->fault.cure, "--agent-path"));
		ck_assert(world_has(w, "machines"));
		/* Not even under another name: an empty directory can be removed. */
		ck_assert_int_eq(unlinkat(w->tree->fd, "machines", AT_REMOVEDIR), 0);
	}
}
END_TEST

START_TEST(gives_back_what_there_is_when_no_more_can_be_started)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	ck_assert_int_eq(world_provision(w, "t", 2), 2);
	world_forget_provider(w);
	w->options.agent_path = "/no/such/agent";
	ck_assert_int_eq(world_provision(w, "t", 4), 2);
	ck_assert_ptr_nonnull(strstr(w->fault.text, "/no/such/agent"));
	ck_assert_str_eq(w->handles[1].id, "t-1");
}
END_TEST

START_TEST(says_where_it_cannot_write)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	tree_write(w->tree, "machines", "a file in the way");
	ck_assert_int_eq(world_provision(w, "t", 1), -ENOTDIR);
	ck_assert_ptr_nonnull(strstr(w->fault.text, "machines"));
	ck_assert_ptr_nonnull(strstr(w->fault.cure, "--state-dir"));
}
END_TEST

START_TEST(takes_more_than_the_host_has_unless_told_otherwise)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	w->class_.cpu = 100000;
	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	world_forget_provider(w);

	w->options.no_oversubscribe = true;
	ck_assert_int_eq(world_provision(w, "u", 1), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(w->fault.text, "class large wants 100000 CPUs"));
	/* What is there already is given back all the same. */
	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	w->class_.cpu = 1;
	w->class_.memory_mib = 1ULL << 40;
	ck_assert_int_eq(world_provision(w, "u", 1), -ENOSPC);
	w->class_.memory_mib = 1;
	ck_assert_int_eq(world_provision(w, "u", 1), 1);
}
END_TEST

START_TEST(makes_only_machines_of_its_type_and_architecture)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	const char *const types[] = { "c7*", "loc*" };

	w->blueprint.types = types;
	w->blueprint.n_types = 1;
	ck_assert_int_eq(world_provision(w, "t", 1), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(w->fault.text, "'local'"));
	w->blueprint.n_types = 2;
	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	w->class_.arch = (char *)"pdp11";
	ck_assert_int_eq(world_provision(w, "u", 1), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(w->fault.text, "pdp11"));
}
END_TEST

START_TEST(tells_how_a_machine_stands)
{
	_cleanup_(world_freep) struct world *w = world_new("--heir");
	struct process_identity agent;

	/* It may be another state directory's. */
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_UNKNOWN);
	agent = world_start(w);
	ck_assert_int_eq(world_poll(w, "t-1"), PRESENCE_UNKNOWN);
	ck_assert_int_eq(world_poll(w, "../t-0"), PRESENCE_UNKNOWN);

	/* The agent has ended, but a process that it left holds the lock. */
	ck_assert_int_eq(kill(agent.pid, SIGKILL), 0);
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_ENDING);
	ck_assert_int_eq(world_forget(w, "t-0", true), -EBUSY);
	tree_write(w->tree, "machines/t-0/release", "");
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_GONE);
	ck_assert_int_eq(world_forget(w, "t-0", true), 0);
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_GONE);
}
END_TEST

START_TEST(is_starting_until_the_agent_says_who_it_is)
{
	_cleanup_(world_freep) struct world *w = world_new("--unborn");

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_STARTING);
	WAIT_UNTIL(world_has(w, "machines/t-0/notes"));
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_STARTING);
}
END_TEST

START_TEST(sees_that_an_agent_died_at_once)
{
	_cleanup_(world_freep) struct world *w = world_new("--die");
	siginfo_t info;

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_GONE);
	/* And it is no zombie: not even one that could be reaped is left. */
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_GONE &&
		   waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(world_teardown(w, "t-0", 0), 0);
}
END_TEST

START_TEST(does_not_know_what_it_cannot_see)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);

	/* Not a directory: neither there nor gone. */
	tree_write(w->tree, "machines/t-0", "");
	ck_assert_int_eq(world_poll(w, "t-0"), PRESENCE_UNKNOWN);
	ck_assert_str_ne(w->fault.text, "");
	ck_assert_int_eq(symlinkat("..", w->tree->fd, "machines/t-1"), 0);
	ck_assert_int_eq(world_poll(w, "t-1"), PRESENCE_UNKNOWN);
}
END_TEST

struct listed {
	size_t n;
	struct handle handles[COUNT_MAX];
	enum presence presence[COUNT_MAX];
};

static int note_listed(const struct handle *handle, enum presence presence, void *context)
{
	struct listed *listed = context;

	ck_assert_uint_lt(listed->n, COUNT_MAX);
	listed->handles[listed->n] = *handle;
	listed->presence[listed->n++] = presence;
	return listed->n == 3 ? -ECANCELED : 0;
}

START_TEST(lists_what_there_is)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	struct listed listed = {};
	struct process_identity agent;

	ck_assert_int_eq(world_provider(w)->ops->list(w->provider, note_listed, &listed, NULL), 0);
	ck_assert_uint_eq(listed.n, 0);

	agent = world_start(w);
	ck_assert_int_gt(agent.pid, 1);
	tree_write(w->tree, "machines/.new-abcdef/lock", "");
	tree_write(w->tree, "machines/old/lock", "");
	ck_assert_int_eq(world_provider(w)->ops->list(w->provider, note_listed, &listed, NULL), 0);
	ck_assert_uint_eq(listed.n, 2);
	for (size_t i = 0; i < 2; i++) {
		bool old = strcmp(listed.handles[i].id, "old") == 0;

		ck_assert_int_eq(listed.presence[i], old ? PRESENCE_GONE : PRESENCE_THERE);
		ck_assert_str_eq(listed.handles[i].provider, "local");
		ck_assert_str_eq(listed.handles[i].correlation, old ? "" : "42-1-default");
		ck_assert_str_eq(listed.handles[i].type, old ? "" : "local");
		ck_assert_ptr_nonnull(strstr(listed.handles[i].address, listed.handles[i].id));
	}

	/* Who asks can end it. */
	ck_assert_int_eq(world_provider(w)->ops->list(w->provider, note_listed, &listed, NULL),
			 -ECANCELED);
}
END_TEST

START_TEST(clears_away_what_killed_processes_left)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	_cleanup_close_ int lock_fd = -1;

	tree_write(w->tree, "machines/.new-empty/x", "");
	ck_assert_int_eq(unlinkat(w->tree->fd, "machines/.new-empty/x", 0), 0);
	tree_write(w->tree, "machines/.new-locked/lock", "");
	tree_write(w->tree, "machines/.new-broken/handle.json", "");
	tree_write(w->tree, "machines/.gone-u-0/lock", "");
	tree_write(w->tree, "machines/.gone-u-1/agent.json", "");
	tree_write(w->tree, "machines/.new-busy/lock", "");
	tree_write(w->tree, "machines/other/lock", "");
	lock_fd = openat(w->tree->fd, "machines/.new-busy/lock", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(lock_fd, LOCK_EX | LOCK_NB), 0);

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	ck_assert(!world_has(w, "machines/.new-empty"));
	ck_assert(!world_has(w, "machines/.new-locked"));
	ck_assert(!world_has(w, "machines/.new-broken"));
	ck_assert(!world_has(w, "machines/.gone-u-0"));
	ck_assert(!world_has(w, "machines/.gone-u-1"));
	ck_assert(world_has(w, "machines/.new-busy/lock"));
	ck_assert(world_has(w, "machines/other/lock"));
}
END_TEST

TEST_MAIN(makes_machines_and_gives_them_back_when_asked_again,
	  starts_an_agent_with_the_lock_and_nothing_else, never_starts_a_machine_twice,
	  starts_a_machine_whose_launcher_died_before_it_could,
	  starts_a_machine_once_however_many_ask,
	  says_what_is_wrong_with_an_agent_and_leaves_nothing,
	  gives_back_what_there_is_when_no_more_can_be_started, says_where_it_cannot_write,
	  takes_more_than_the_host_has_unless_told_otherwise,
	  makes_only_machines_of_its_type_and_architecture, tells_how_a_machine_stands,
	  is_starting_until_the_agent_says_who_it_is, sees_that_an_agent_died_at_once,
	  does_not_know_what_it_cannot_see, lists_what_there_is,
	  clears_away_what_killed_processes_left)
