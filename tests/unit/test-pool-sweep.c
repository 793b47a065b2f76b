/* What a sweep remembers of the offers that it has met. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/pool-sweep.h"
#include "tests/test.h"

#define NOW 1000
#define UNTIL 2000

static int add(struct pool_sweep *sweep, uint64_t key, const char *message, const char *receipt)
{
	return pool_sweep_add(sweep, key, message, receipt, NOW, UNTIL);
}

START_TEST(tells_offers_apart_by_id_and_seq)
{
	ck_assert_uint_eq(pool_sweep_key("m-1", 1), pool_sweep_key("m-1", 1));
	ck_assert_uint_ne(pool_sweep_key("m-1", 1), pool_sweep_key("m-1", 2));
	ck_assert_uint_ne(pool_sweep_key("m-1", 1), pool_sweep_key("m-2", 1));
}
END_TEST

START_TEST(finds_nothing_before_the_first)
{
	_cleanup_pool_sweep_ struct pool_sweep sweep = {};

	ck_assert_ptr_null(pool_sweep_find(&sweep, 1));
	ck_assert_int_eq(add(&sweep, 1, "a", "r"), POOL_NEW);
	ck_assert_ptr_null(pool_sweep_find(&sweep, 2));
	ck_assert_int_eq(pool_sweep_find(&sweep, 1)->mark, POOL_HELD);
}
END_TEST

/* 257 and 1 stand in the same slot at first, so does what comes around at its end. */
START_TEST(keeps_apart_what_shares_a_slot)
{
	static const uint64_t keys[] = { 1, 257, 513, 255, 511, 0 };
	_cleanup_pool_sweep_ struct pool_sweep sweep = {};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ck_assert_int_eq(add(&sweep, keys[i], "a", "r"), POOL_NEW);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ck_assert_uint_eq(pool_sweep_find(&sweep, keys[i])->key, keys[i]);
}
END_TEST

START_TEST(keeps_the_last_receipt_of_a_message_that_comes_again)
{
	_cleanup_pool_sweep_ struct pool_sweep sweep = {};
	struct pool_message *message;

	ck_assert_int_eq(add(&sweep, 1, "a", "first"), POOL_NEW);
	ck_assert_int_eq(pool_sweep_add(&sweep, 1, "a", "second", NOW, UNTIL + 1), POOL_SEEN);
	message = pool_sweep_find(&sweep, 1);
	ck_assert_str_eq(message->receipt, "second");
	ck_assert_uint_eq(message->until_usec, UNTIL + 1);
	ck_assert_uint_eq(sweep.n, 1);
}
END_TEST

START_TEST(spares_a_second_message_only_while_the_first_is_held)
{
	_cleanup_pool_sweep_ struct pool_sweep sweep = {};

	ck_assert_int_eq(add(&sweep, 1, "a", "r-a"), POOL_NEW);
	ck_assert_int_eq(add(&sweep, 1, "b", "r-b"), POOL_SPARE);
	ck_assert_str_eq(pool_sweep_find(&sweep, 1)->receipt, "r-a");

	/* No longer hidden: others may have deleted it since. */
	ck_assert_int_eq(pool_sweep_add(&sweep, 1, "b", "r-b", UNTIL, UNTIL + 9), POOL_SEEN);
	ck_assert_str_eq(pool_sweep_find(&sweep, 1)->receipt, "r-b");

	pool_sweep_find(&sweep, 1)->mark = POOL_BACK;
	ck_assert_int_eq(add(&sweep, 1, "c", "r-c"), POOL_SEEN);
	ck_assert_int_eq(pool_sweep_find(&sweep, 1)->mark, POOL_HELD);
	pool_sweep_find(&sweep, 1)->mark = POOL_GONE;
	ck_assert_int_eq(add(&sweep, 1, "d", "r-d"), POOL_SEEN);
}
END_TEST

START_TEST(has_a_limit_and_finds_everything_up_to_it)
{
	_cleanup_pool_sweep_ struct pool_sweep sweep = {};

	for (uint64_t i = 0; i < POOL_SWEEP_MAX; i++)
		ck_assert_int_eq(add(&sweep, pool_sweep_key("m", i), "a", "r"), POOL_NEW);
	ck_assert_int_eq(add(&sweep, pool_sweep_key("m", POOL_SWEEP_MAX), "a", "r"), -ENOBUFS);
	ck_assert_uint_eq(sweep.n, POOL_SWEEP_MAX);
	for (uint64_t i = 0; i < POOL_SWEEP_MAX; i++)
		ck_assert_uint_eq(pool_sweep_find(&sweep, pool_sweep_key("m", i))->key,
				  pool_sweep_key("m", i));
	ck_assert_int_eq(add(&sweep, pool_sweep_key("m", 0), "a", "r"), POOL_SEEN);
}
END_TEST

TEST_MAIN(tells_offers_apart_by_id_and_seq, finds_nothing_before_the_first,
	  keeps_apart_what_shares_a_slot, keeps_the_last_receipt_of_a_message_that_comes_again,
	  spares_a_second_message_only_while_the_first_is_held,
	  has_a_limit_and_finds_everything_up_to_it)
