/* The store's idea of now: one for all its users, whatever happens to the wall clock. */

#include <sys/mman.h>

#include "tests/rivals.h"
#include "tests/unit/sqlite-fixture.h"

#define DAY_MS (24 * 3600 * 1000ULL)
#define OPENERS 20

static uint64_t now_of(struct store *store)
{
	uint64_t now_ms = 0;

	ck_assert_int_eq(store->ops->now(store, &now_ms, NULL), 0);
	return now_ms;
}

/* A place whose boot is the test's to choose. */
static void boot(struct place *place, const char *id, uint64_t wall_ms)
{
	tree_write(place->tree, "boot_id", id);
	place->clock.now_wall_ms = wall_ms;
	place->clock.now_boot_usec = 20 * USEC_PER_SEC;
}

static void begin(struct place *place)
{
	place_init(place);
	place->boot_id_path = str_format("%s/boot_id", place->tree->path);
	ck_assert_ptr_nonnull(place->boot_id_path);
	place->options.boot_id_path = place->boot_id_path;
	boot(place, "first\n", FAKE_WALL_MS);
}

START_TEST(does_not_follow_a_wall_clock_that_jumps)
{
	_cleanup_(store_closep) struct store *store = NULL, *later = NULL;
	_cleanup_place_ struct place place;

	begin(&place);
	store = place_open(&place);
	ck_assert_uint_eq(now_of(store), FAKE_WALL_MS);
	place.clock.now_wall_ms += 400 * DAY_MS;
	ck_assert_uint_eq(now_of(store), FAKE_WALL_MS);
	later = place_open(&place);
	ck_assert_uint_eq(now_of(later), FAKE_WALL_MS);
	place.clock.now_wall_ms = 0;
	place.clock.now_boot_usec += 5 * USEC_PER_SEC;
	ck_assert_uint_eq(now_of(store), FAKE_WALL_MS + 5000);
	ck_assert_uint_eq(now_of(later), FAKE_WALL_MS + 5000);
}
END_TEST

START_TEST(follows_the_wall_clock_into_a_new_boot)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	begin(&place);
	store_close(place_open(&place));
	boot(&place, "second\n", FAKE_WALL_MS + DAY_MS);
	store = place_open(&place);
	ck_assert_uint_eq(now_of(store), FAKE_WALL_MS + DAY_MS);
}
END_TEST

START_TEST(does_not_go_back_behind_its_records)
{
	struct beat beat = { .id = "m-1", .phase = PHASE_READY, .period_ms = 5000, .boot_id = "x" };
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	struct beat_answer answer;

	begin(&place);
	store = place_open(&place);
	create(store, "m-1");
	fake_advance(&place.clock, DAY_MS);
	ck_assert_int_eq(store->ops->beat(store, &beat, &answer, NULL), 0);
	store_close(take_ptr(store));

	boot(&place, "second\n", 0);
	store = place_open(&place);
	ck_assert_uint_eq(now_of(store), FAKE_WALL_MS + DAY_MS);
}
END_TEST

START_TEST(does_not_go_back_behind_its_last_boot)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	begin(&place);
	store_close(place_open(&place));
	boot(&place, "second\n", 0);
	store_close(place_open(&place));
	boot(&place, "third\n", 1000);
	store = place_open(&place);
	ck_assert_uint_eq(now_of(store), FAKE_WALL_MS);
}
END_TEST

START_TEST(says_that_the_boot_has_no_id)
{
	_cleanup_place_ struct place place;

	begin(&place);
	tree_write(place.tree, "boot_id", "");
	place_assert_refuses(&place, EIO, "boot");
	place.options.boot_id_path = "/proc/nothing/boot_id";
	place_assert_refuses(&place, EIO, "/proc/nothing");
}
END_TEST

START_TEST(purges_more_than_fits_a_commit)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	begin(&place);
	store = place_open(&place);
	place_exec(&place,
		   "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
		   "WHERE i < 2500) INSERT INTO item (partition, kind, revision, "
		   "expires_ms, body) SELECT 'm-' || i, 'event', 1, i % 5 * 1000, '{}' FROM n");
	ck_assert_int_eq(store->ops->purge(store, NULL), 2000);
	ck_assert_int_eq(store->ops->purge(store, NULL), 0);
}
END_TEST

struct watches {
	struct place *place;
	uint64_t now_ms[OPENERS];
};

/* Every process has another wall clock, and the boot is new to all of them. */
static int read_now(size_t index, void *context)
{
	struct watches *watches = context;
	_cleanup_(store_closep) struct store *store = NULL;

	watches->place->clock.now_wall_ms += index * DAY_MS;
	if (place_try(watches->place, &store) < 0)
		return 1;
	watches->now_ms[index] = now_of(store);
	return 0;
}

START_TEST(is_the_same_for_all_who_open_after_a_boot)
{
	struct watches *watches = mmap(NULL, sizeof(*watches), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	_cleanup_place_ struct place place;

	begin(&place);
	store_close(place_open(&place));
	boot(&place, "second\n", FAKE_WALL_MS + DAY_MS);
	watches->place = &place;
	rivals_run(OPENERS, read_now, watches);
	for (size_t i = 1; i < OPENERS; i++)
		ck_assert_uint_eq(watches->now_ms[i], watches->now_ms[0]);
	munmap(watches, sizeof(*watches));
}
END_TEST

TEST_MAIN(does_not_follow_a_wall_clock_that_jumps, follows_the_wall_clock_into_a_new_boot,
	  does_not_go_back_behind_its_records, does_not_go_back_behind_its_last_boot,
	  says_that_the_boot_has_no_id, purges_more_than_fits_a_commit,
	  is_the_same_for_all_who_open_after_a_boot)
