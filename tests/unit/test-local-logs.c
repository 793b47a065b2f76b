#include "controller/provider/local-logs.h"

#include <sys/stat.h>

#include "tests/unit/local-fixture.h"

START_TEST(keeps_the_logs_of_the_latest_machines_only)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	char path[64], id[32];

	for (int i = 0; i < LOCAL_LOGS_KEPT; i++) {
		struct timespec times[2] = { { .tv_sec = 1000 - i }, { .tv_sec = 1000 - i } };

		(void)snprintf(path, sizeof(path), "logs/m-%d/agent.log", i);
		tree_write(w->tree, path, "");
		(void)snprintf(path, sizeof(path), "logs/m-%d", i);
		ck_assert_int_eq(utimensat(w->tree->fd, path, times, 0), 0);
	}
	for (int i = 0; i < 2; i++) {
		(void)snprintf(id, sizeof(id), "t-%d", i);
		(void)snprintf(path, sizeof(path), "machines/%s/agent.log", id);
		tree_write(w->tree, path, "");
		(void)snprintf(path, sizeof(path), "machines/%s/lock", id);
		tree_write(w->tree, path, "");
		ck_assert_int_eq(world_forget(w, id, true), 0);
	}
	ck_assert(world_has(w, "logs/t-0/agent.log") && world_has(w, "logs/t-1/agent.log"));
	(void)snprintf(path, sizeof(path), "logs/m-%d", LOCAL_LOGS_KEPT - 1);
	ck_assert(!world_has(w, path));
	(void)snprintf(path, sizeof(path), "logs/m-%d", LOCAL_LOGS_KEPT - 2);
	ck_assert(!world_has(w, path));
	(void)snprintf(path, sizeof(path), "logs/m-%d", LOCAL_LOGS_KEPT - 3);
	ck_assert(world_has(w, path));
}
END_TEST

static const struct {
	const char *log;
	int r;
} logs[] = {
	{ "agent", 0 },
	{ "job-3-1.out", 0 },
	{ "job-3-1.err", 0 },
	{ "job-3-2.out", -ENOENT },
	{ "agent.log", -EINVAL },
	{ "lock", -EINVAL },
	{ "agent.json", -EINVAL },
	{ "", -EINVAL },
	{ ".", -EINVAL },
	{ "job-3-1", -EINVAL },
	{ "job-3-1.out/../agent.json", -EINVAL },
	{ "../t-0/agent.log", -EINVAL },
	{ "job--1.out", -EINVAL },
	{ "job-3-x.out", -EINVAL },
	{ "job-3-1.outer", -EINVAL },
	{ "/etc/passwd", -EINVAL },
};

static void check_logs(struct world *w, const char *when)
{
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		_cleanup_close_ int fd = -1;
		char text[32];
		int r;

		w->fault = (struct fault){};
		r = world_provider(w)->ops->open_log(w->provider, "t-0", logs[i].log, &fd,
						     &w->fault);
		ck_assert_msg(r == logs[i].r, "%s, row %zu: %d", when, i, r);
		ck_assert_int_eq(r < 0, w->fault.text[0] != '\0');
		if (r == 0)
			ck_assert_int_eq(read(fd, text, sizeof(text)), 5);
	}
}

START_TEST(opens_logs_and_nothing_else)
{
	_cleanup_(world_freep) struct world *w = world_new(NULL);
	int fd = -1;

	tree_write(w->tree, "machines/t-0/lock", "");
	tree_write(w->tree, "machines/t-0/agent.log", "hello");
	tree_write(w->tree, "machines/t-0/job-3-1.out", "hello");
	tree_write(w->tree, "machines/t-0/job-3-1.err", "hello");
	check_logs(w, "there");
	ck_assert_int_eq(world_forget(w, "t-0", true), 0);
	check_logs(w, "gone");

	ck_assert_int_eq(
		world_provider(w)->ops->open_log(w->provider, "../logs/t-0", "agent", &fd, NULL),
		-EINVAL);
	ck_assert_int_eq(symlinkat("/etc/passwd", w->tree->fd, "logs/t-0/job-9-9.out"), 0);
	ck_assert_int_eq(
		world_provider(w)->ops->open_log(w->provider, "t-0", "job-9-9.out", &fd, NULL),
		-ELOOP);
	ck_assert_int_eq(fd, -1);
}
END_TEST

TEST_MAIN(keeps_the_logs_of_the_latest_machines_only, opens_logs_and_nothing_else)
