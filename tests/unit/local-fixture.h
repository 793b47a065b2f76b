#pragma once

/*
 * A provider of local machines whose agents are tests/fake-agent.c. The test is a subreaper, so
 * that all agents become its children: in the end it lets go of each one through its own pidfd.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/process.h"
#include "controller/provider/provider.h"
#include "tests/test.h"

#define WAIT_USEC (20 * USEC_PER_SEC)
#define STEP_USEC (2 * USEC_PER_MSEC)
#define LONG_GRACE (60 * USEC_PER_SEC) /* longer than any test may take */
#define COUNT_MAX 16
#define PATH_TEXT_MAX 4096

struct world {
	struct tree *tree;
	int proc_fd;
	char agent[PATH_TEXT_MAX];
	const char *flags[4];
	struct local_options options;
	struct resource_class class_;
	struct blueprint blueprint;
	struct provider *provider;
	struct handle handles[COUNT_MAX];
	struct fault fault;
};

/* Waits for a condition of the world outside. */
#define WAIT_UNTIL(condition)                                                      \
	do {                                                                       \
		struct deadline _deadline = deadline_in(&clock_system, WAIT_USEC); \
		while (!(condition)) {                                             \
			ck_assert_msg(!deadline_passed(&_deadline, &clock_system), \
				      "never came: %s", #condition);               \
			(void)clock_sleep(&clock_system, STEP_USEC);               \
		}                                                                  \
	} while (0)

/* The fake agent lies beside this test's own program. */
static inline void find_agent(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	ck_assert_uint_lt(strlen(path) + sizeof("/fake-agent"), size);
	(void)snprintf(path + strlen(path), size - strlen(path), "/fake-agent");
}

static inline struct world *world_new(const char *flag)
{
	struct world *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	w->tree = tree_new();
	w->proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(w->proc_fd, 0);
	find_agent(w->agent, sizeof(w->agent));
	w->flags[0] = flag;
	w->options = (struct local_options){
		.state_dir = w->tree->path,
		.agent_path = w->agent,
		.store_address = "sqlite:/no/such/store",
		.agent_flags = w->flags,
		.clock = &clock_system,
	};
	w->class_ = (struct resource_class){ .name = "large", .cpu = 2, .memory_mib = 4096 };
	w->blueprint = (struct blueprint){ .class_ = &w->class_, .correlation = "42-1-default" };
	return w;
}

static inline struct provider *world_provider(struct world *w)
{
	if (!w->provider)
		ck_assert_int_eq(provider_local_new(&w->options, &w->provider, &w->fault), 0);
	return w->provider;
}

/* Another process's view: nothing is known but what lies in the directory. */
static inline void world_forget_provider(struct world *w)
{
	provider_close(w->provider);
	w->provider = NULL;
}

static inline int world_provision(struct world *w, const char *token, size_t count)
{
	struct provider *provider = world_provider(w);
	struct intent intent = { .count = count };

	w->fault = (struct fault){};
	ck_assert_int_eq(str_copy(intent.token, sizeof(intent.token), token), 0);
	return provider->ops->provision(provider, &w->blueprint, &intent, w->handles, &w->fault);
}

static inline enum presence world_poll(struct world *w, const char *id)
{
	struct provider *provider = world_provider(w);
	enum presence presence;

	w->fault = (struct fault){};
	ck_assert_int_eq(provider->ops->poll(provider, &id, 1, &presence, &w->fault), 0);
	return presence;
}

static inline int world_teardown(struct world *w, const char *id, uint64_t grace_usec)
{
	struct provider *provider = world_provider(w);

	w->fault = (struct fault){};
	return provider->ops->teardown(provider, id, grace_usec, &w->fault);
}

static inline int world_forget(struct world *w, const char *id, bool keep_logs)
{
	struct provider *provider = world_provider(w);

	w->fault = (struct fault){};
	return provider->ops->forget(provider, id, keep_logs, &w->fault);
}

static inline bool world_has(struct world *w, const char *path)
{
	return faccessat(w->tree->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Who the agent says it is; pid 0: nothing yet. */
static inline struct process_identity world_agent(struct world *w, const char *id)
{
	_cleanup_free_ char *path = str_format("machines/%s/agent.json", id);
	struct process_identity identity = {};

	ck_assert_ptr_nonnull(path);
	(void)!process_read_identity_at(w->tree->fd, path, &identity, NULL);
	return identity;
}

static inline bool world_lives(struct world *w, const struct process_identity *identity)
{
	_cleanup_close_ int pidfd = process_open(w->proc_fd, identity);

	ck_assert(pidfd >= 0 || pidfd == -ESRCH);
	return pidfd >= 0;
}

/* Starts one machine, "t-0", and waits until its agent is there. */
static inline struct process_identity world_start(struct world *w)
{
	struct process_identity agent;

	ck_assert_int_eq(world_provision(w, "t", 1), 1);
	WAIT_UNTIL(world_poll(w, "t-0") == PRESENCE_THERE);
	agent = world_agent(w, "t-0");
	/* A test that kills pid 0 kills itself. */
	ck_assert_int_gt(agent.pid, 0);
	return agent;
}

/* Kills the test's own children, which nobody else can reap: their pids are surely theirs. */
static inline void kill_children(struct world *w)
{
	_cleanup_closedir_ DIR *dir = opendir(PROCESS_PROC);
	struct process_stat stat;
	struct dirent *entry;
	uint64_t pid;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (parse_u64(entry->d_name, &pid) == 0 &&
		    process_read_stat(w->proc_fd, (pid_t)pid, &stat) == 0 &&
		    stat.parent == getpid())
			ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
}

/* Round by round, because who is orphaned becomes a child only then. */
static inline void world_free(struct world *w)
{
	provider_close(w->provider);
	do
		kill_children(w);
	while (waitpid(-1, NULL, 0) > 0);
	ck_assert_int_eq(errno, ECHILD);
	close(w->proc_fd);
	tree_free(w->tree);
	free(w);
}
DEFINE_CLEANUP(struct world *, world_free)
