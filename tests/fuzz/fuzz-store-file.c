/*
 * A file of any content at the store's path. First byte even: the rest is the file. Odd: the file
 * is a good store, changed in places: groups of two bytes where, in a file of 256 equal parts and
 * in that part, and one byte what.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/store-sqlite.h"
#include "tests/fake-clock.h"
#include "tests/fuzz/fuzz.h"

#define STORE_FILE "store.db"
#define STORE_SIZE_MAX ((size_t)1024 * 1024)

static struct fake_clock fake;

static int open_store(bool create, struct store **ret, struct fault *fault)
{
	char path[4096];
	const struct sqlite_options options = {
		.path = path,
		.create = create,
		.clock = &fake.clock,
		.busy_usec = USEC_PER_MSEC,
	};

	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), STORE_FILE);
	return store_sqlite_open(&options, ret, fault);
}

static void remove_store(void)
{
	static const char *const names[] = { STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
					     STORE_FILE "-journal" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(fuzz_dir_fd(), names[i], 0);
}

static void fill(struct store *store)
{
	struct change change = {
		.id = "m-1",
		.transition = TRANSITION_CREATE,
		.leases = { .boot_ms = 600000 },
	};
	struct change_outcome outcome;
	struct item item = { .partition = "m-1", .kind = "event" };
	char body[] = "{\"at\":1}";

	FUZZ_CHECK(store_change_one(store, &change, &outcome, NULL) == 0);
	item.body = body;
	FUZZ_CHECK(store->ops->item_put(store, &item, NULL, NULL) == 0);
}

/* A good store's bytes, made once. */
static const char *good_store(size_t *ret_size)
{
	static char *bytes;
	static size_t size;

	if (!bytes) {
		struct store *store = NULL;

		remove_store();
		FUZZ_CHECK(open_store(true, &store, NULL) == 0);
		fill(store);
		store_close(store);
		FUZZ_CHECK(read_file_alloc_at(fuzz_dir_fd(), STORE_FILE, STORE_SIZE_MAX, &bytes,
					      &size) == 0);
	}
	*ret_size = size;
	return bytes;
}

static void write_store(struct fuzz_input *input)
{
	size_t size;
	const char *good = good_store(&size);
	_cleanup_free_ char *bytes = NULL;

	remove_store();
	if (fuzz_take_byte(input) % 2 == 0) {
		fuzz_write_file(STORE_FILE, input->data, input->size);
		return;
	}
	bytes = malloc(size);
	FUZZ_CHECK(bytes);
	memcpy(bytes, good, size);
	while (input->size > 2) {
		size_t part = fuzz_take_byte(input) * (size / 256);

		bytes[(part + fuzz_take_byte(input)) % size] = (char)fuzz_take_byte(input);
	}
	fuzz_write_file(STORE_FILE, bytes, size);
}

/* Documented in store.h, besides those of the calls' own. */
static void check_error(int r, const struct fault *fault)
{
	if (r >= 0)
		return;
	FUZZ_CHECK_ERROR(r, EAGAIN, ETIMEDOUT, EIO, ENOSPC, EROFS, EACCES, EBADMSG, ESTALE, EINVAL,
			 E2BIG, EMEDIUMTYPE, EPROTONOSUPPORT, ENOENT, EOPNOTSUPP);
	FUZZ_CHECK(fault->text[0]);
	fuzz_check_harmless(fault->text);
}

static int see_machine(const struct machine *machine, _unused_ void *context)
{
	FUZZ_CHECK((int)machine->state >= 0 && machine->state < _MACHINE_STATE_MAX);
	FUZZ_CHECK(memchr(machine->id, '\0', sizeof(machine->id)));
	return 0;
}

static int see_item(const struct item *item, _unused_ void *context)
{
	FUZZ_CHECK(item->body && memchr(item->partition, '\0', sizeof(item->partition)));
	return 0;
}

static void use(struct store *store)
{
	const struct store_ops *call = store->ops;
	const struct beat beat = { .id = "m-1", .phase = PHASE_READY, .boot_id = "b" };
	struct fault fault = {};
	struct beat_answer answer;
	struct machine machine = {};
	_cleanup_item_ struct item item = {};
	char text[512];

	check_error(store_get_one(store, "m-1", &machine, &fault), &fault);
	check_error(call->beat(store, &beat, &answer, &fault), &fault);
	check_error(call->scan(store, &(struct machine_filter){}, see_machine, NULL, &fault),
		    &fault);
	check_error(call->item_get(store, "m-1", "event", &item, &fault), &fault);
	check_error(call->item_scan(store, NULL, "event", see_item, NULL, &fault), &fault);
	check_error(call->describe(store, text, sizeof(text), &fault), &fault);
	check_error(call->purge(store, &fault), &fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct store *store = NULL;
	struct fault fault = {};
	int r;

	fake = fake_clock_new();
	write_store(&input);
	r = open_store(true, &store, &fault);
	check_error(r, &fault);
	FUZZ_CHECK((r == 0) == !!store);
	if (store)
		use(store);
	store_close(store);
	return 0;
}
