/* Bells: who changes a machine rings for whoever watches it. */

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "tests/unit/sqlite-fixture.h"

#define BELL "paddock.db.bell/m-1"

static bool is_readable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

static bool is_there(const struct place *place, const char *name)
{
	return faccessat(place->tree->fd, name, F_OK, 0) == 0;
}

static int watch(struct place *place, struct store *store, const char *id)
{
	int fd = -1;
	int r = store_watch(store, id, &fd, &place->fault);

	ck_assert_msg(r == 0, "%s", fault_text(&place->fault, r));
	store->ops->watch_drain(store);
	return fd;
}

START_TEST(makes_no_bell_by_ringing)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	ck_assert(!is_there(&place, "paddock.db.bell"));
	watch(&place, store, "m-2");
	create(store, "m-3");
	ck_assert(!is_there(&place, "paddock.db.bell/m-3"));
}
END_TEST

START_TEST(takes_its_bell_down)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store = place_open(&place);
	watch(&place, store, "m-1");
	ck_assert(is_there(&place, BELL));
	store_close(take_ptr(store));
	ck_assert(!is_there(&place, BELL));
}
END_TEST

START_TEST(hangs_its_bell_again_when_an_earlier_agent_took_it)
{
	_cleanup_(store_closep) struct store *earlier = NULL, *later = NULL;
	_cleanup_place_ struct place place;
	int fd;

	place_init(&place);
	earlier = place_open(&place);
	later = place_open(&place);
	watch(&place, earlier, "m-1");
	fd = watch(&place, later, "m-1");
	store_close(take_ptr(earlier));
	ck_assert(is_readable(fd));
	later->ops->watch_drain(later);
	later->ops->watch_drain(later);
	ck_assert(!is_readable(fd));
	ck_assert(is_there(&place, BELL));
	create(later, "m-1");
	ck_assert(is_readable(fd));
}
END_TEST

START_TEST(rings_for_the_change_and_not_for_the_refusal)
{
	_cleanup_(store_closep) struct store *store = NULL, *watcher = NULL;
	_cleanup_place_ struct place place;
	struct item item = { .partition = "m-1", .kind = "event", .revision = 3, .body = "{}" };
	struct beat beat = { .id = "m-1", .phase = PHASE_READY, .period_ms = 5000, .boot_id = "x" };
	struct beat_answer answer;
	int fd;

	place_init(&place);
	store = place_open(&place);
	watcher = place_open(&place);
	fd = watch(&place, watcher, "m-1");
	create(store, "m-1");
	ck_assert(is_readable(fd));
	watcher->ops->watch_drain(watcher);
	create(store, "m-1");
	ck_assert_int_eq(store->ops->item_put(store, &item, NULL, NULL), STORE_REFUSED);
	ck_assert_int_eq(store->ops->beat(store, &beat, &answer, NULL), 0);
	ck_assert(!is_readable(fd));
}
END_TEST

START_TEST(takes_the_bell_of_a_forgotten_machine_down)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	struct change change;
	struct change_outcome outcome;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	change = contract_next(TRANSITION_TERMINATE, &(struct machine){ .id = "m-1" });
	ck_assert_int_eq(store_get_one(store, "m-1", &outcome.record, NULL), 0);
	change.threshold_ms = outcome.record.threshold_ms;
	ck_assert_int_eq(store_change_one(store, &change, &outcome, NULL), 0);
	ck_assert_int_eq(outcome.result, CHANGE_DONE);

	tree_write(place.tree, BELL, ""); /* of an agent that was killed */
	ck_assert_int_eq(store->ops->forget(store, "m-1", outcome.record.seq, NULL), 0);
	ck_assert(!is_there(&place, BELL));
}
END_TEST

START_TEST(watches_one_machine)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	int fd, again;

	place_init(&place);
	store = place_open(&place);
	fd = watch(&place, store, "m-1");
	ck_assert_int_eq(store_watch(store, "m-1", &again, NULL), 0);
	ck_assert_int_eq(again, fd);
	ck_assert_int_eq(store_watch(store, "m-2", &again, NULL), -EBUSY);
}
END_TEST

START_TEST(touches_nothing_outside_its_directory)
{
	static const char *const partitions[] = { "../victim", "..", ".", "/etc/hostname" };
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct stat st;
	int fd;

	place_init(&place);
	store = place_open(&place);
	watch(&place, store, "m-1");
	tree_write(place.tree, "victim", "");
	ck_assert_int_eq(utimensat(place.tree->fd, "victim", old, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(partitions); i++) {
		_cleanup_item_ struct item item = contract_item(partitions[i], "notes", 0, "{}");

		ck_assert_int_eq(store->ops->item_put(store, &item, NULL, NULL), 0);
		ck_assert_int_eq(store_watch(store, partitions[i], &fd, NULL), -EINVAL);
	}
	ck_assert_int_eq(fstatat(place.tree->fd, "victim", &st, 0), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1);
}
END_TEST

START_TEST(goes_on_without_bells_where_none_can_hang)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	int fd;

	place_init(&place);
	tree_write(place.tree, "paddock.db.bell", "a file");
	store = place_open(&place);
	ck_assert_int_eq(store_watch(store, "m-1", &fd, &place.fault), -ENOTDIR);
	ck_assert_ptr_nonnull(strstr(place.fault.text, "paddock.db.bell"));
	create(store, "m-1");
}
END_TEST

TEST_MAIN(makes_no_bell_by_ringing, takes_its_bell_down,
	  hangs_its_bell_again_when_an_earlier_agent_took_it,
	  rings_for_the_change_and_not_for_the_refusal, takes_the_bell_of_a_forgotten_machine_down,
	  watches_one_machine, touches_nothing_outside_its_directory,
	  goes_on_without_bells_where_none_can_hang)
