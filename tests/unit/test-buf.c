#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/base/buf.h"
#include "tests/test.h"

START_TEST(is_an_empty_string_at_first)
{
	_cleanup_buf_ struct buf buf;

	buf_init(&buf, 10);
	ck_assert_str_eq(buf_text(&buf), "");
	ck_assert_uint_eq(buf.size, 0);
	ck_assert_int_eq(buf_add(&buf, "", 0), 0);
	ck_assert_int_eq(buf_printf(&buf, "%s", ""), 0);
	ck_assert_ptr_null(buf_take(&buf));
}
END_TEST

START_TEST(keeps_what_is_added_in_order)
{
	_cleanup_buf_ struct buf buf;

	buf_init(&buf, 100);
	ck_assert_int_eq(buf_add_text(&buf, "one"), 0);
	ck_assert_int_eq(buf_add(&buf, " \0two", 5), 0);
	ck_assert_int_eq(buf_printf(&buf, " %d", 3), 0);
	ck_assert_uint_eq(buf.size, 10);
	ck_assert_mem_eq(buf.data, "one \0two 3", 11);
}
END_TEST

/* An allocation of exactly what is needed lets ASan see a NUL that is written behind it. */
START_TEST(fills_to_the_last_byte_and_not_beyond)
{
	for (size_t max = 1; max <= 1030; max++) {
		_cleanup_buf_ struct buf buf;

		buf_init(&buf, max);
		for (size_t i = 0; i < max; i++)
			ck_assert_int_eq(buf_add(&buf, "x", 1), 0);
		ck_assert_uint_eq(buf.size, max);
		ck_assert_uint_eq(strlen(buf_text(&buf)), max);
		ck_assert_int_eq(buf_add(&buf, "y", 1), -ENOBUFS);
		ck_assert_int_eq(buf_printf(&buf, "%c", 'y'), -ENOBUFS);
		ck_assert_uint_eq(buf.size, max);
		ck_assert_uint_eq(strspn(buf_text(&buf), "x"), max);
	}
}
END_TEST

START_TEST(adds_nothing_of_what_does_not_fit)
{
	_cleanup_buf_ struct buf buf;

	buf_init(&buf, 5);
	ck_assert_int_eq(buf_add_text(&buf, "abc"), 0);
	ck_assert_int_eq(buf_add_text(&buf, "def"), -ENOBUFS);
	ck_assert_int_eq(buf_printf(&buf, "%s", "def"), -ENOBUFS);
	ck_assert_int_eq(buf_add(&buf, "x", SIZE_MAX), -ENOBUFS);
	ck_assert_str_eq(buf_text(&buf), "abc");
	ck_assert_int_eq(buf_add_text(&buf, "de"), 0);
	ck_assert_str_eq(buf_text(&buf), "abcde");
}
END_TEST

START_TEST(says_so_when_there_is_no_memory)
{
	_cleanup_buf_ struct buf buf;

	buf_init(&buf, SIZE_MAX);
	ck_assert_int_eq(buf_add_text(&buf, "abc"), 0);
	ck_assert_int_eq(buf_add(&buf, "x", SIZE_MAX - 3), -ENOMEM);
	ck_assert_str_eq(buf_text(&buf), "abc");
	ck_assert_int_eq(buf_add_text(&buf, "def"), 0);
	ck_assert_str_eq(buf_text(&buf), "abcdef");
}
END_TEST

START_TEST(prints_more_than_it_had_room_for)
{
	_cleanup_buf_ struct buf buf;

	buf_init(&buf, 10000);
	ck_assert_int_eq(buf_printf(&buf, "%05000d|", 7), 0);
	ck_assert_uint_eq(buf.size, 5001);
	ck_assert_str_eq(buf_text(&buf) + 4998, "07|");
}
END_TEST

START_TEST(is_empty_and_of_use_after_its_memory_was_taken)
{
	_cleanup_buf_ struct buf buf;
	_cleanup_free_ char *taken = NULL;

	buf_init(&buf, 4);
	ck_assert_int_eq(buf_add_text(&buf, "abc"), 0);
	taken = buf_take(&buf);
	ck_assert_str_eq(taken, "abc");
	ck_assert_str_eq(buf_text(&buf), "");
	ck_assert_int_eq(buf_add_text(&buf, "defg"), 0);
	ck_assert_str_eq(buf_text(&buf), "defg");
	ck_assert_int_eq(buf_add_text(&buf, "h"), -ENOBUFS);

	buf_done(&buf);
	ck_assert_str_eq(buf_text(&buf), "");
	ck_assert_int_eq(buf_add_text(&buf, "ijkl"), 0);
	ck_assert_str_eq(buf_text(&buf), "ijkl");
}
END_TEST

TEST_MAIN(is_an_empty_string_at_first, keeps_what_is_added_in_order,
	  fills_to_the_last_byte_and_not_beyond, adds_nothing_of_what_does_not_fit,
	  says_so_when_there_is_no_memory, prints_more_than_it_had_room_for,
	  is_empty_and_of_use_after_its_memory_was_taken)
