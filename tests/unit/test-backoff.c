#include "common/base/backoff.h"
#include "tests/test.h"

#define SEEDS 500

START_TEST(waits_between_half_the_ceiling_and_the_ceiling)
{
	const struct backoff backoff = { .first_usec = 1001, .max_usec = 50000 };
	static const uint64_t ceilings[] = { 1001, 2002, 4004, 8008, 16016, 32032, 50000, 50000 };

	for (unsigned attempt = 0; attempt < ARRAY_SIZE(ceilings); attempt++)
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			uint64_t wait = backoff_usec(&backoff, attempt, seed);

			ck_assert_uint_ge(wait, ceilings[attempt] / 2);
			ck_assert_uint_le(wait, ceilings[attempt]);
		}
}
END_TEST

START_TEST(spreads_waits_over_the_whole_range)
{
	const struct backoff backoff = { .first_usec = 1000, .max_usec = 1000 };
	unsigned thirds[3] = {};

	for (uint64_t seed = 0; seed < SEEDS; seed++)
		thirds[(backoff_usec(&backoff, 0, seed) - 500) * 3 / 501]++;
	for (size_t i = 0; i < ARRAY_SIZE(thirds); i++)
		ck_assert_uint_gt(thirds[i], SEEDS / 4);
}
END_TEST

START_TEST(reaches_both_ends_of_the_range)
{
	const struct backoff backoff = { .first_usec = 4, .max_usec = 4 };
	unsigned seen[5] = {};

	for (uint64_t seed = 0; seed < SEEDS; seed++)
		seen[backoff_usec(&backoff, 0, seed)]++;
	ck_assert_uint_eq(seen[0] + seen[1], 0);
	ck_assert_uint_gt(seen[2], 0);
	ck_assert_uint_gt(seen[3], 0);
	ck_assert_uint_gt(seen[4], 0);
}
END_TEST

START_TEST(gives_the_same_wait_for_the_same_attempt_and_seed)
{
	const struct backoff backoff = { .first_usec = 1000000, .max_usec = 1000000 };

	ck_assert_uint_eq(backoff_usec(&backoff, 3, 7), backoff_usec(&backoff, 3, 7));
	ck_assert_uint_ne(backoff_usec(&backoff, 3, 7), backoff_usec(&backoff, 3, 8));
	ck_assert_uint_ne(backoff_usec(&backoff, 3, 7), backoff_usec(&backoff, 4, 7));
}
END_TEST

START_TEST(stays_at_the_ceiling_after_any_number_of_attempts)
{
	static const unsigned attempts[] = { 10, 63, 64, 65, 1000, 4294967295 };
	const struct backoff backoff = { .first_usec = 1, .max_usec = 100 };

	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		ck_assert_uint_ge(backoff_usec(&backoff, attempts[i], i), 50);
		ck_assert_uint_le(backoff_usec(&backoff, attempts[i], i), 100);
	}
}
END_TEST

START_TEST(takes_the_extremes)
{
	const struct backoff none = {};
	const struct backoff first_above_max = { .first_usec = 100, .max_usec = 10 };
	const struct backoff endless = { .first_usec = UINT64_MAX, .max_usec = UINT64_MAX };

	ck_assert_uint_eq(backoff_usec(&none, 0, 1), 0);
	ck_assert_uint_eq(backoff_usec(&none, 70, 1), 0);
	ck_assert_uint_le(backoff_usec(&first_above_max, 0, 1), 10);
	ck_assert_uint_ge(backoff_usec(&endless, 0, 1), UINT64_MAX / 2);
	ck_assert_uint_ge(backoff_usec(&endless, 1, 1), UINT64_MAX / 2);
}
END_TEST

/* The first outputs of the reference splitmix64 with seed 1234567: its state steps by the golden
 * gamma, and each output is the mix of the state. */
START_TEST(mixes_as_splitmix64_does)
{
	static const uint64_t expected[] = { 6457827717110365317U, 3203168211198807973U,
					     9817491932198370423U };
	uint64_t state = 1234567;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		state += 0x9e3779b97f4a7c15;
		ck_assert_uint_eq(mix64(state), expected[i]);
	}
}
END_TEST

/* From the tables that the authors of FNV publish. */
START_TEST(hashes_as_fnv_1a_does)
{
	ck_assert_uint_eq(hash_text(""), 0xcbf29ce484222325);
	ck_assert_uint_eq(hash_text("a"), 0xaf63dc4c8601ec8c);
	ck_assert_uint_eq(hash_text("foobar"), 0x85944171f73967e8);
	ck_assert_uint_eq(hash_text("\xff"), 0xaf64724c8602eb6e);
}
END_TEST

TEST_MAIN(waits_between_half_the_ceiling_and_the_ceiling, spreads_waits_over_the_whole_range,
	  reaches_both_ends_of_the_range, gives_the_same_wait_for_the_same_attempt_and_seed,
	  stays_at_the_ceiling_after_any_number_of_attempts, takes_the_extremes,
	  mixes_as_splitmix64_does, hashes_as_fnv_1a_does)
