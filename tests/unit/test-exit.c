#include <string.h>

#include "common/base/exit.h"
#include "tests/test.h"

START_TEST(explains_every_code_once_in_order)
{
	static const enum exit_code codes[] = { EXIT_OK,          EXIT_FAILED,  EXIT_USAGE,
						EXIT_UNAVAILABLE, EXIT_PARTIAL, EXIT_NO_CAPACITY,
						EXIT_AGAIN };
	size_t n = 0;

	for (; exit_rows[n].meaning; n++) {
		ck_assert_uint_lt(n, ARRAY_SIZE(codes));
		ck_assert_int_eq(exit_rows[n].code, codes[n]);
		ck_assert_uint_gt(strlen(exit_rows[n].meaning), 0);
	}
	ck_assert_uint_eq(n, ARRAY_SIZE(codes));
}
END_TEST

/* Scripts depend on the numbers. */
START_TEST(keeps_the_numbers_that_are_documented)
{
	ck_assert_int_eq(EXIT_OK, 0);
	ck_assert_int_eq(EXIT_FAILED, 1);
	ck_assert_int_eq(EXIT_USAGE, 2);
	ck_assert_int_eq(EXIT_UNAVAILABLE, 3);
	ck_assert_int_eq(EXIT_PARTIAL, 4);
	ck_assert_int_eq(EXIT_NO_CAPACITY, 5);
	ck_assert_int_eq(EXIT_AGAIN, 75);
}
END_TEST

TEST_MAIN(explains_every_code_once_in_order, keeps_the_numbers_that_are_documented)
