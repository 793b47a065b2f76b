/* Side items: revisions, expiry, scans. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "tests/store-contract.h"

/* Puts and returns what put returned; the item is gone afterwards. */
static int put(struct contract_world *world, const char *partition, const char *kind,
	       uint64_t revision, const char *body)
{
	_cleanup_item_ struct item item = contract_item(partition, kind, revision, body);
	int r = world->store->ops->item_put(world->store, &item, NULL, &world->fault);

	if (r == 0)
		ck_assert_uint_eq(item.revision, revision + 1);
	else
		ck_assert_uint_eq(item.revision, revision);
	return r;
}

static void put_until(struct contract_world *world, const char *partition, const char *kind,
		      uint64_t expires_ms)
{
	_cleanup_item_ struct item item = contract_item(partition, kind, 0, "{}");

	item.expires_ms = expires_ms;
	assert_fine(world, world->store->ops->item_put(world->store, &item, NULL, &world->fault));
}

static int get(struct contract_world *world, const char *partition, const char *kind,
	       struct item *ret)
{
	int r = world->store->ops->item_get(world->store, partition, kind, ret, &world->fault);

	ck_assert_msg(r == 0 || r == STORE_REFUSED, "%s", fault_text(&world->fault, r));
	return r;
}

static int take_away(struct contract_world *world, const char *partition, const char *kind,
		     uint64_t revision)
{
	return world->store->ops->item_remove(world->store, partition, kind, revision,
					      &world->fault);
}

static void assert_stands(struct contract_world *world, const char *partition, const char *kind,
			  uint64_t revision, const char *body)
{
	_cleanup_item_ struct item item = {};

	ck_assert_int_eq(get(world, partition, kind, &item), 0);
	ck_assert_str_eq(item.partition, partition);
	ck_assert_str_eq(item.kind, kind);
	ck_assert_uint_eq(item.revision, revision);
	ck_assert_str_eq(item.body, body);
}

static void assert_absent(struct contract_world *world, const char *partition, const char *kind)
{
	_cleanup_item_ struct item item = {};

	ck_assert_int_eq(get(world, partition, kind, &item), STORE_REFUSED);
}

void contract_gives_an_item_back(struct contract_world *world)
{
	_cleanup_(store_closep) struct store *other = contract_open(world);
	_cleanup_item_ struct item seen = {};

	ck_assert_int_eq(put(world, "m-1", "event", 0, "{\"text\":\"it's \\\"ü\\\"\"}"), 0);
	assert_stands(world, "m-1", "event", 1, "{\"text\":\"it's \\\"ü\\\"\"}");
	ck_assert_int_eq(put(world, "m-1", "event", 1, "{}"), 0);
	assert_stands(world, "m-1", "event", 2, "{}");
	assert_fine(world, other->ops->item_get(other, "m-1", "event", &seen, &world->fault));
	ck_assert_uint_eq(seen.revision, 2);
}

void contract_has_no_item_before_it_is_put(struct contract_world *world)
{
	assert_absent(world, "m-1", "event");
}

void contract_puts_only_over_the_revision_that_was_read(struct contract_world *world)
{
	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(put(world, "m-1", "event", 1, "2"), 0);
	for (uint64_t revision = 0; revision < 5; revision++)
		if (revision != 2)
			ck_assert_int_eq(put(world, "m-1", "event", revision, "3"), STORE_REFUSED);
	assert_stands(world, "m-1", "event", 2, "2");
}

void contract_shows_the_item_that_refused(struct contract_world *world)
{
	_cleanup_item_ struct item item = contract_item("m-1", "event", 0, "mine");
	_cleanup_item_ struct item current = {};

	ck_assert_int_eq(put(world, "m-1", "event", 0, "theirs"), 0);
	ck_assert_int_eq(world->store->ops->item_put(world->store, &item, &current, &world->fault),
			 STORE_REFUSED);
	ck_assert_str_eq(current.body, "theirs");
	ck_assert_uint_eq(current.revision, 1);
	ck_assert_str_eq(current.partition, "m-1");
	ck_assert_str_eq(current.kind, "event");
	ck_assert_str_eq(item.body, "mine");
}

void contract_takes_a_put_twice_for_one(struct contract_world *world)
{
	ck_assert_int_eq(put(world, "m-1", "event", 0, "same"), 0);
	ck_assert_int_eq(put(world, "m-1", "event", 0, "same"), 0);
	assert_stands(world, "m-1", "event", 1, "same");
	ck_assert_int_eq(put(world, "m-1", "event", 1, "next"), 0);
	ck_assert_int_eq(put(world, "m-1", "event", 1, "next"), 0);
	assert_stands(world, "m-1", "event", 2, "next");
	/* Somebody has written since: that is no answer that was lost. */
	ck_assert_int_eq(put(world, "m-1", "event", 0, "next"), STORE_REFUSED);
}

void contract_puts_nothing_over_what_is_gone(struct contract_world *world)
{
	_cleanup_item_ struct item item = contract_item("m-1", "event", 1, "late");
	_cleanup_item_ struct item current = {};

	ck_assert_int_eq(put(world, "m-1", "event", 0, "early"), 0);
	ck_assert_int_eq(take_away(world, "m-1", "event", 1), 0);
	ck_assert_int_eq(world->store->ops->item_put(world->store, &item, &current, &world->fault),
			 STORE_REFUSED);
	ck_assert_uint_eq(current.revision, 0);
	assert_absent(world, "m-1", "event");
}

void contract_limits_the_body(struct contract_world *world)
{
	_cleanup_free_ char *body = malloc(STORE_ITEM_BODY_MAX + 2);
	_cleanup_item_ struct item none = contract_item("m-1", "event", 1, "");

	memset(body, 'x', STORE_ITEM_BODY_MAX + 1);
	body[STORE_ITEM_BODY_MAX + 1] = '\0';
	ck_assert_int_eq(put(world, "m-1", "event", 0, body), -E2BIG);
	assert_absent(world, "m-1", "event");
	body[STORE_ITEM_BODY_MAX] = '\0';
	ck_assert_int_eq(put(world, "m-1", "event", 0, body), 0);
	assert_stands(world, "m-1", "event", 1, body);

	free(take_ptr(none.body));
	ck_assert_int_eq(world->store->ops->item_put(world->store, &none, NULL, &world->fault),
			 -EINVAL);
}

void contract_refuses_an_item_without_a_name(struct contract_world *world)
{
	_cleanup_item_ struct item item = {};

	ck_assert_int_eq(put(world, "", "event", 0, "x"), -EINVAL);
	ck_assert_int_eq(put(world, "m-1", "", 0, "x"), -EINVAL);
	ck_assert_int_eq(take_away(world, "", "event", 0), -EINVAL);
	ck_assert_int_eq(world->store->ops->item_get(world->store, "m-1",
						     "a-kind-that-is-much-too-long", &item,
						     &world->fault),
			 -EINVAL);
}

void contract_removes_the_revision_that_was_read(struct contract_world *world)
{
	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(put(world, "m-1", "event", 1, "2"), 0);
	ck_assert_int_eq(take_away(world, "m-1", "event", 1), STORE_REFUSED);
	ck_assert_int_eq(take_away(world, "m-1", "event", 3), STORE_REFUSED);
	assert_stands(world, "m-1", "event", 2, "2");
	ck_assert_int_eq(take_away(world, "m-1", "event", 2), 0);
	assert_absent(world, "m-1", "event");

	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(take_away(world, "m-1", "event", 0), 0);
	assert_absent(world, "m-1", "event");
}

void contract_removes_twice(struct contract_world *world)
{
	ck_assert_int_eq(take_away(world, "m-1", "event", 0), 0);
	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(take_away(world, "m-1", "event", 1), 0);
	ck_assert_int_eq(take_away(world, "m-1", "event", 1), 0);
}

static int count_item(_unused_ const struct item *item, void *context)
{
	++*(int *)context;
	return 0;
}

static int count(struct contract_world *world, const char *partition, const char *kind)
{
	int n = 0;

	assert_fine(world, world->store->ops->item_scan(world->store, partition, kind, count_item,
							&n, &world->fault));
	return n;
}

void contract_treats_the_expired_as_absent(struct contract_world *world)
{
	uint64_t now_ms = contract_now(world);

	put_until(world, "m-1", "event", now_ms + 1000);
	put_until(world, "m-2", "event", 0);
	put_until(world, "m-3", "event", UINT64_MAX);
	fake_advance(&world->clock, 999);
	assert_stands(world, "m-1", "event", 1, "{}");
	ck_assert_int_eq(count(world, NULL, "event"), 3);

	fake_advance(&world->clock, 1);
	assert_absent(world, "m-1", "event");
	ck_assert_int_eq(count(world, "m-1", NULL), 0);
	ck_assert_int_eq(count(world, NULL, "event"), 2);
	ck_assert_int_eq(put(world, "m-1", "event", 1, "x"), STORE_REFUSED);
	ck_assert_int_eq(take_away(world, "m-1", "event", 7), 0);
	ck_assert_int_eq(put(world, "m-1", "event", 0, "new"), 0);
	assert_stands(world, "m-1", "event", 1, "new");
	assert_stands(world, "m-2", "event", 1, "{}");
	assert_stands(world, "m-3", "event", 1, "{}");
}

void contract_keeps_items_of_machines_apart(struct contract_world *world)
{
	struct machine before = contract_idle(world, "m-1"), after;

	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(put(world, "m-1", "probe", 0, "2"), 0);
	ck_assert_int_eq(put(world, "m-2", "event", 0, "3"), 0);
	ck_assert_int_eq(take_away(world, "m-1", "event", 0), 0);
	assert_stands(world, "m-1", "probe", 1, "2");
	assert_stands(world, "m-2", "event", 1, "3");
	after = contract_get(world, "m-1");
	contract_assert_same(&before, &after);
}

void contract_scans_items_by_partition_and_kind(struct contract_world *world)
{
	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(put(world, "m-1", "probe", 0, "2"), 0);
	ck_assert_int_eq(put(world, "m-2", "event", 0, "3"), 0);
	ck_assert_int_eq(count(world, NULL, NULL), 3);
	ck_assert_int_eq(count(world, "m-1", NULL), 2);
	ck_assert_int_eq(count(world, NULL, "event"), 2);
	ck_assert_int_eq(count(world, "m-2", "event"), 1);
	ck_assert_int_eq(count(world, "m-2", "probe"), 0);
	ck_assert_int_eq(count(world, "m-3", NULL), 0);
}

static int copy_body(const struct item *item, void *context)
{
	ck_assert_str_eq(item->partition, "m-1");
	ck_assert_str_eq(item->kind, "event");
	ck_assert_uint_eq(item->revision, 1);
	ck_assert_int_eq(str_copy(context, 16, item->body), 0);
	return -ECANCELED;
}

void contract_stops_an_item_scan_on_request(struct contract_world *world)
{
	char body[16] = "";

	ck_assert_int_eq(put(world, "m-1", "event", 0, "1"), 0);
	ck_assert_int_eq(world->store->ops->item_scan(world->store, "m-1", "event", copy_body, body,
						      &world->fault),
			 -ECANCELED);
	ck_assert_str_eq(body, "1");
	ck_assert_int_eq(put(world, "m-1", "event", 1, "2"), 0);
}

void contract_purges_only_what_has_expired(struct contract_world *world)
{
	uint64_t now_ms = contract_now(world);

	put_until(world, "m-1", "event", now_ms + 1000);
	put_until(world, "m-2", "event", now_ms + 5000);
	put_until(world, "m-3", "event", 0);
	ck_assert_int_ge(world->store->ops->purge(world->store, &world->fault), 0);
	ck_assert_int_eq(count(world, NULL, NULL), 3);
	fake_advance(&world->clock, 1000);
	ck_assert_int_ge(world->store->ops->purge(world->store, &world->fault), 0);
	ck_assert_int_eq(count(world, NULL, NULL), 2);
	assert_stands(world, "m-2", "event", 1, "{}");
	assert_stands(world, "m-3", "event", 1, "{}");
}
