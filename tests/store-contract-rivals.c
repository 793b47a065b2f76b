/* Many processes at one store, and hearing of each other. */

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "tests/rivals.h"
#include "tests/store-contract.h"

#define RIVALS 8
#define CLAIMS 24
#define COUNTS 10
#define CHILDREN 10

/* What the rivals share besides the store. */
struct arena {
	struct contract_world *world;
	atomic_uint claims[CLAIMS + 1]; /* by seq: how many believe that they won it */
	atomic_uint made;
};

static struct arena *arena_new(struct contract_world *world)
{
	struct arena *arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(arena, MAP_FAILED);
	arena->world = world;
	return arena;
}

/* A try that lost its patience is no result: again. */
static int change_surely(struct store *store, const struct change *change,
			 struct change_outcome *outcome)
{
	int r;

	do
		r = store_change_one(store, change, outcome, NULL);
	while (r == -EAGAIN);
	return r;
}

static int get_surely(struct store *store, const char *id, struct machine *ret)
{
	int r;

	do
		r = store_get_one(store, id, ret, NULL);
	while (r == -EAGAIN);
	return r;
}

/* The winner works and gives the machine back, as run and as agent. */
static int give_back(struct store *store, const struct change *claim, const struct machine *claimed)
{
	struct change change = contract_next(TRANSITION_DRAIN, claimed);
	struct change_outcome outcome;

	change.claimant = claim->claimant;
	if (change_surely(store, &change, &outcome) < 0 || outcome.result != CHANGE_DONE)
		return 3;
	change = contract_next(TRANSITION_OFFER, &outcome.record);
	if (change_surely(store, &change, &outcome) < 0 || outcome.result != CHANGE_DONE)
		return 4;
	return 0;
}

static int claim_again_and_again(size_t index, void *context)
{
	struct arena *arena = context;
	_cleanup_(store_closep) struct store *store = contract_open(arena->world);
	struct change_outcome outcome;
	struct machine machine;
	struct change claim;
	int r;

	for (;;) {
		if (get_surely(store, "m-1", &machine) != 0)
			return 1;
		if (machine.seq >= CLAIMS)
			return 0;
		if (machine.state != MACHINE_IDLE)
			continue;

		claim = contract_next(TRANSITION_CLAIM, &machine);
		snprintf(claim.claimant.run_key, sizeof(claim.claimant.run_key), "%zu-1-default",
			 index);
		if (change_surely(store, &claim, &outcome) < 0)
			return 2;
		if (outcome.result != CHANGE_DONE)
			continue;
		arena->claims[outcome.record.seq]++;
		r = give_back(store, &claim, &outcome.record);
		if (r != 0)
			return r;
	}
}

void contract_gives_each_claim_to_one_of_eight(struct contract_world *world)
{
	struct arena *arena = arena_new(world);

	contract_idle(world, "m-1");
	rivals_run(RIVALS, claim_again_and_again, arena);
	for (size_t seq = 1; seq <= CLAIMS; seq++)
		ck_assert_msg(arena->claims[seq] == 1, "claim %zu had %u winners", seq,
			      arena->claims[seq]);
	ck_assert_uint_eq(contract_get(world, "m-1").seq, CLAIMS);
	munmap(arena, sizeof(*arena));
}

/* Adds one by reading and conditional writing. */
static int count_up(struct store *store, const char *name)
{
	for (;;) {
		_cleanup_item_ struct item item = {};
		uint64_t value;
		int r;

		r = store->ops->item_get(store, "counter", "notes", &item, NULL);
		if (r == -EAGAIN)
			continue;
		/* "value by name": that no two bodies are the same by chance. */
		item.body[strcspn(item.body, " ")] = '\0';
		if (r != 0 || parse_u64(item.body, &value) < 0)
			return 1;
		free(item.body);
		item.body = str_format("%ju by %s", (uintmax_t)value + 1, name);
		do
			r = store->ops->item_put(store, &item, NULL, NULL);
		while (r == -EAGAIN);
		if (r <= 0)
			return r < 0 ? 2 : 0;
	}
}

static int count_again_and_again(size_t index, void *context)
{
	struct arena *arena = context;
	_cleanup_(store_closep) struct store *store = contract_open(arena->world);

	for (size_t i = 0; i < COUNTS; i++) {
		_cleanup_free_ char *name = str_format("%zu/%zu", index, i);
		int r = count_up(store, name);

		if (r != 0)
			return r;
	}
	return 0;
}

void contract_counts_right_with_eight_writers(struct contract_world *world)
{
	_cleanup_item_ struct item item = contract_item("counter", "notes", 0, "0 by nobody");
	struct arena *arena = arena_new(world);
	uint64_t value;

	assert_fine(world, world->store->ops->item_put(world->store, &item, NULL, &world->fault));
	rivals_run(RIVALS, count_again_and_again, arena);
	item_done(&item);
	assert_fine(world, world->store->ops->item_get(world->store, "counter", "notes", &item,
						       &world->fault));
	item.body[strcspn(item.body, " ")] = '\0';
	ck_assert_int_eq(parse_u64(item.body, &value), 0);
	ck_assert_uint_eq(value, RIVALS * COUNTS);
	ck_assert_uint_eq(item.revision, RIVALS * COUNTS + 1);
	munmap(arena, sizeof(*arena));
}

static int bear(size_t index, void *context)
{
	struct arena *arena = context;
	_cleanup_(store_closep) struct store *store = contract_open(arena->world);
	struct change_outcome outcome;

	for (size_t i = 0; i < CHILDREN; i++) {
		_cleanup_free_ char *id = str_format("m-%zu-%zu", index, i);
		struct change change = contract_create(id);

		if (change_surely(store, &change, &outcome) < 0 || outcome.result != CHANGE_DONE)
			return 1;
	}
	return 0;
}

static int count_machine(_unused_ const struct machine *machine, void *context)
{
	++*(size_t *)context;
	return 0;
}

void contract_bears_all_machines_of_eight_parents(struct contract_world *world)
{
	struct arena *arena = arena_new(world);
	const struct machine_filter all = {};
	size_t n = 0;

	rivals_run(RIVALS, bear, arena);
	assert_fine(world,
		    world->store->ops->scan(world->store, &all, count_machine, &n, &world->fault));
	ck_assert_uint_eq(n, RIVALS * CHILDREN);
	munmap(arena, sizeof(*arena));
}

static int make_item(size_t index, void *context)
{
	struct arena *arena = context;
	_cleanup_(store_closep) struct store *store = contract_open(arena->world);
	_cleanup_free_ char *body = str_format("%zu", index);
	_cleanup_item_ struct item item = contract_item("run", "run", 0, body);
	int r;

	do
		r = store->ops->item_put(store, &item, NULL, NULL);
	while (r == -EAGAIN);
	if (r == 0)
		arena->made++;
	return r < 0 ? 1 : 0;
}

void contract_lets_one_of_eight_make_an_item(struct contract_world *world)
{
	struct arena *arena = arena_new(world);

	rivals_run(RIVALS, make_item, arena);
	ck_assert_uint_eq(arena->made, 1);
	munmap(arena, sizeof(*arena));
}

/* --- watching -------------------------------------------------------------------------------- */

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, timeout_ms) == 1;
}

/* Asserts that it rings, whatever the other store did, and only once. */
static void assert_rings(struct contract_world *world, int fd)
{
	ck_assert(is_readable(fd, 10000));
	world->store->ops->watch_drain(world->store);
	ck_assert(!is_readable(fd, 0));
}

void contract_rings_when_another_changes_the_machine(struct contract_world *world)
{
	_cleanup_(store_closep) struct store *other = contract_open(world);
	_cleanup_item_ struct item item = contract_item("m-1", "registration", 0, "{}");
	struct machine idle = contract_idle(world, "m-1");
	struct change claim = contract_next(TRANSITION_CLAIM, &idle);
	struct change_outcome outcome;
	int fd = -1, r;

	r = store_watch(world->store, "m-1", &fd, &world->fault);
	if (r == -EOPNOTSUPP)
		return;
	assert_fine(world, r);
	world->store->ops->watch_drain(world->store);
	ck_assert(!is_readable(fd, 0));

	assert_fine(world, store_change_one(other, &claim, &outcome, &world->fault));
	assert_rings(world, fd);
	assert_fine(world, other->ops->item_put(other, &item, NULL, &world->fault));
	assert_rings(world, fd);
	assert_fine(world, other->ops->item_remove(other, "m-1", "registration", 0, &world->fault));
	assert_rings(world, fd);
}

void contract_does_not_ring_for_other_machines(struct contract_world *world)
{
	_cleanup_(store_closep) struct store *other = contract_open(world);
	struct change create = contract_create("m-2");
	struct change_outcome outcome;
	int fd = -1, r;

	r = store_watch(world->store, "m-1", &fd, &world->fault);
	if (r == -EOPNOTSUPP)
		return;
	assert_fine(world, r);
	world->store->ops->watch_drain(world->store);
	assert_fine(world, store_change_one(other, &create, &outcome, &world->fault));
	ck_assert(!is_readable(fd, 0));
}
