/*
 * The agent with a store and a runner that kill it: SIGKILL right before (CRASH_AT odd) or right
 * after (even) the call number (CRASH_AT + 1) / 2. With CRASH_AT unset or never reached it is the
 * plain agent. With CRASH_HOW=stop it is only stopped there. Before that it names the call in the
 * file CRASH_NOTE; when it ends and was neither, the number of its calls stands there.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/runner/supervise.h"
#include "agent/verbs.h"
#include "common/base/exit.h"
#include "common/base/io.h"
#include "common/base/parse.h"

struct crash_store {
	struct store store;
	struct store *inner; /* owned */
};

/* Of both threads: the loop calls the runner, the worker the store. */
static atomic_ullong calls;
static atomic_bool struck;
/* Held by a call of the store: who is stopped inside of one keeps the whole store locked, and that
 * is not what is tried here. */
static pthread_mutex_t in_store = PTHREAD_MUTEX_INITIALIZER;
static uint64_t crash_at;

static void note(const char *text)
{
	const char *path = getenv("CRASH_NOTE");

	if (path && replace_file_at(AT_FDCWD, path, text, strlen(text), 0600) < 0)
		abort();
}

static void strike(const char *when, unsigned long long call, const char *name)
{
	_cleanup_free_ char *text = str_format("%s call %llu: %s\n", when, call, name);
	const char *how = getenv("CRASH_HOW");

	if (!text)
		abort();
	note(text);
	struck = true;
	(void)pthread_mutex_lock(&in_store);
	/* To this thread: to the process it may come when the thread is inside of its next call. */
	(void)raise(how && strcmp(how, "stop") == 0 ? SIGSTOP : SIGKILL);
	(void)pthread_mutex_unlock(&in_store);
}

/* The call's number, for after(). */
static uint64_t before(const char *name)
{
	uint64_t call = atomic_fetch_add(&calls, 1) + 1;

	if (call * 2 - 1 == crash_at)
		strike("before", call, name);
	return call;
}

static int after(uint64_t call, const char *name, int r)
{
	if (call * 2 == crash_at)
		strike("after", call, name);
	return r;
}

/* The same for the store's. */
static uint64_t enter(const char *name)
{
	uint64_t call = before(name);

	(void)pthread_mutex_lock(&in_store);
	return call;
}

static int leave(uint64_t call, const char *name, int r)
{
	(void)pthread_mutex_unlock(&in_store);
	return after(call, name, r);
}

static struct store *inner(struct store *store)
{
	return container_of(store, struct crash_store, store)->inner;
}

static int crash_now(struct store *s, uint64_t *ret, struct fault *f)
{
	uint64_t call = enter("now");

	return leave(call, "now", inner(s)->ops->now(inner(s), ret, f));
}

static int crash_get(struct store *s, const char *const *ids, size_t n, struct machine *ret,
		     struct fault *f)
{
	uint64_t call = enter("get");

	return leave(call, "get", inner(s)->ops->get(inner(s), ids, n, ret, f));
}

static int crash_change(struct store *s, const struct change *changes, size_t n,
			struct change_outcome *ret, struct fault *f)
{
	const char *name = transition_rows[changes[0].transition].name;
	uint64_t call = enter(name);

	return leave(call, name, inner(s)->ops->change(inner(s), changes, n, ret, f));
}

static int crash_beat(struct store *s, const struct beat *beat, struct beat_answer *ret,
		      struct fault *f)
{
	uint64_t call = enter("beat");

	return leave(call, "beat", inner(s)->ops->beat(inner(s), beat, ret, f));
}

static int crash_item_get(struct store *s, const char *partition, const char *kind,
			  struct item *ret, struct fault *f)
{
	uint64_t call = enter("item_get");

	return leave(call, "item_get", inner(s)->ops->item_get(inner(s), partition, kind, ret, f));
}

static int crash_item_put(struct store *s, struct item *item, struct item *current, struct fault *f)
{
	uint64_t call = enter("item_put");

	return leave(call, "item_put", inner(s)->ops->item_put(inner(s), item, current, f));
}

static int crash_watch(struct store *s, const char *id, int *ret_fd, struct fault *f)
{
	uint64_t call = enter("watch");
	int r = inner(s)->ops->watch ? inner(s)->ops->watch(inner(s), id, ret_fd, f) : -EOPNOTSUPP;

	return leave(call, "watch", r);
}

static void crash_watch_drain(struct store *s)
{
	inner(s)->ops->watch_drain(inner(s));
}

static void crash_close(struct store *s)
{
	struct crash_store *crash = container_of(s, struct crash_store, store);

	store_close(crash->inner);
	free(crash);
}

/* What an agent asks of a store; the other members are the controller's. */
static const struct store_ops crash_ops = {
	.name = "crash",
	.now = crash_now,
	.get = crash_get,
	.change = crash_change,
	.beat = crash_beat,
	.item_get = crash_item_get,
	.item_put = crash_item_put,
	.watch = crash_watch,
	.watch_drain = crash_watch_drain,
	.close = crash_close,
};

static int crash_open(const char *address, bool create, const struct clock *clock,
		      struct store **ret, struct fault *fault)
{
	struct crash_store *crash = calloc(1, sizeof(*crash));
	uint64_t call = enter("open");
	int r;

	if (!crash)
		abort();
	r = leave(call, "open", store_open(address, create, clock, &crash->inner, fault));
	if (r < 0) {
		free(crash);
		return r;
	}
	crash->store.ops = &crash_ops;
	*ret = &crash->store;
	return 0;
}

static int crash_start(struct runner *runner, const struct runner_job *job, struct fault *fault)
{
	uint64_t call = before("start");

	return after(call, "start", runner_spawn.start(runner, job, fault));
}

static int crash_stop(struct runner *runner, uint64_t grace_usec)
{
	uint64_t call = before("stop");

	return after(call, "stop", runner_spawn.stop(runner, grace_usec));
}

static int crash_clean(struct runner *runner, uint64_t seq)
{
	uint64_t call = before("clean");

	return after(call, "clean", runner_spawn.clean(runner, seq));
}

static void crash_free(struct runner *runner)
{
	runner_spawn.free(runner);
}

static int crash_create(const struct runner_options *options,
			const struct runner_callbacks *callbacks, void *context,
			struct runner **ret);

static const struct runner_ops crash_runner = {
	.name = "spawn",
	.create = crash_create,
	.start = crash_start,
	.stop = crash_stop,
	.clean = crash_clean,
	.free = crash_free,
};

/* The real one, under other ops. */
static int crash_create(const struct runner_options *options,
			const struct runner_callbacks *callbacks, void *context,
			struct runner **ret)
{
	int r = runner_spawn.create(options, callbacks, context, ret);

	if (r >= 0)
		(*ret)->ops = &crash_runner;
	return r;
}

int main(int argc, char **argv)
{
	static const struct agent_hooks hooks = {
		.open_store = crash_open,
		.runner = &crash_runner,
	};
	_cleanup_free_ char *text = NULL;
	const char *at = getenv("CRASH_AT");
	int code;

	if (argc > 1 && strcmp(argv[1], SUPERVISE_ARGUMENT) == 0)
		return supervise_main(argc, argv);
	if (at && parse_u64(at, &crash_at) < 0)
		return EXIT_USAGE;
	code = agent_main(argc, argv, &hooks);
	text = str_format("%llu\n", (unsigned long long)calls);
	if (text && !struck)
		note(text);
	return code;
}
