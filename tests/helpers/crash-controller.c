/*
 * The controller with a store that kills it: SIGKILL right after the CRASH_AT-th call has been
 * executed. With CRASH_AT unset or never reached it is the plain controller. With
 * CRASH_HOW=interrupt it gets SIGINT there instead. CRASH_COUNT names a file into which the number
 * of calls is written at the end.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "controller/verbs/edges.h"

struct crash_store {
	struct store store;
	struct store *inner; /* owned */
};

static uint64_t calls, crash_at;

static struct store *inner(struct store *store)
{
	return container_of(store, struct crash_store, store)->inner;
}

static int after_call(int r)
{
	const char *how = getenv("CRASH_HOW");

	if (++calls == crash_at)
		(void)raise(how && strcmp(how, "interrupt") == 0 ? SIGINT : SIGKILL);
	return r;
}

static int crash_now(struct store *s, uint64_t *ret, struct fault *f)
{
	return after_call(inner(s)->ops->now(inner(s), ret, f));
}

static int crash_get(struct store *s, const char *const *ids, size_t n, struct machine *ret,
		     struct fault *f)
{
	return after_call(inner(s)->ops->get(inner(s), ids, n, ret, f));
}

static int crash_change(struct store *s, const struct change *changes, size_t n,
			struct change_outcome *ret, struct fault *f)
{
	return after_call(inner(s)->ops->change(inner(s), changes, n, ret, f));
}

static int crash_beat(struct store *s, const struct beat *beat, struct beat_answer *ret,
		      struct fault *f)
{
	return after_call(inner(s)->ops->beat(inner(s), beat, ret, f));
}

static int crash_scan(struct store *s, const struct machine_filter *filter, machine_fn *each,
		      void *context, struct fault *f)
{
	return after_call(inner(s)->ops->scan(inner(s), filter, each, context, f));
}

static int crash_forget(struct store *s, const char *id, uint64_t seq, struct fault *f)
{
	return after_call(inner(s)->ops->forget(inner(s), id, seq, f));
}

static int crash_item_get(struct store *s, const char *partition, const char *kind,
			  struct item *ret, struct fault *f)
{
	return after_call(inner(s)->ops->item_get(inner(s), partition, kind, ret, f));
}

static int crash_item_put(struct store *s, struct item *item, struct item *current, struct fault *f)
{
	return after_call(inner(s)->ops->item_put(inner(s), item, current, f));
}

static int crash_item_remove(struct store *s, const char *partition, const char *kind,
			     uint64_t revision, struct fault *f)
{
	return after_call(inner(s)->ops->item_remove(inner(s), partition, kind, revision, f));
}

static int crash_item_scan(struct store *s, const char *partition, const char *kind, item_fn *each,
			   void *context, struct fault *f)
{
	return after_call(inner(s)->ops->item_scan(inner(s), partition, kind, each, context, f));
}

static int crash_purge(struct store *s, struct fault *f)
{
	return after_call(inner(s)->ops->purge(inner(s), f));
}

static int crash_describe(struct store *s, char *text, size_t size, struct fault *f)
{
	return inner(s)->ops->describe(inner(s), text, size, f);
}

static void crash_close(struct store *s)
{
	struct crash_store *crash = container_of(s, struct crash_store, store);

	store_close(crash->inner);
	free(crash);
}

static const struct store_ops crash_ops = {
	.name = "crash",
	.now = crash_now,
	.get = crash_get,
	.change = crash_change,
	.beat = crash_beat,
	.scan = crash_scan,
	.forget = crash_forget,
	.item_get = crash_item_get,
	.item_put = crash_item_put,
	.item_remove = crash_item_remove,
	.item_scan = crash_item_scan,
	.purge = crash_purge,
	.describe = crash_describe,
	.close = crash_close,
};

static struct store *wrap(struct store *store)
{
	struct crash_store *crash = calloc(1, sizeof(*crash));

	if (!crash)
		abort();
	crash->store.ops = &crash_ops;
	crash->inner = store;
	return &crash->store;
}

static void write_count(void)
{
	const char *path = getenv("CRASH_COUNT");
	_cleanup_free_ char *text = str_format("%llu\n", (unsigned long long)calls);

	if (path && text && replace_file_at(AT_FDCWD, path, text, strlen(text), 0600) < 0)
		abort();
}

int main(int argc, char **argv)
{
	static const struct hooks hooks = { .wrap_store = wrap };
	const char *at = getenv("CRASH_AT");
	int code;

	if (at && parse_u64(at, &crash_at) < 0)
		return EXIT_USAGE;
	code = controller_main(argc, argv, &hooks);
	write_count();
	return code;
}
