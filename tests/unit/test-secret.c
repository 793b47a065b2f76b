#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "common/base/secret.h"
#include "tests/test.h"

START_TEST(is_unset_at_first)
{
	_cleanup_secret_ struct secret secret = {};

	ck_assert_str_eq(secret_reveal(&secret), "");
	ck_assert_str_eq(secret_redacted(&secret), "[unset]");
}
END_TEST

START_TEST(keeps_a_copy_and_shows_it_only_when_asked)
{
	_cleanup_secret_ struct secret secret = {};
	char token[] = "hunter2";

	ck_assert_int_eq(secret_set(&secret, token, strlen(token)), 0);
	memset(token, 'x', sizeof(token) - 1);
	ck_assert_str_eq(secret_reveal(&secret), "hunter2");
	ck_assert_uint_eq(secret.size, 7);
	ck_assert_str_eq(secret_redacted(&secret), "[secret]");
}
END_TEST

START_TEST(takes_bytes_that_are_no_string)
{
	_cleanup_secret_ struct secret secret = {};

	ck_assert_int_eq(secret_set(&secret, "a\0b!!!", 3), 0);
	ck_assert_uint_eq(secret.size, 3);
	ck_assert_mem_eq(secret_reveal(&secret), "a\0b", 4);
}
END_TEST

START_TEST(is_replaced_also_by_a_part_of_itself)
{
	_cleanup_secret_ struct secret secret = {};

	ck_assert_int_eq(secret_set(&secret, "token: abc", 10), 0);
	ck_assert_int_eq(secret_set(&secret, secret_reveal(&secret) + 7, 3), 0);
	ck_assert_str_eq(secret_reveal(&secret), "abc");
	ck_assert_int_eq(secret_set(&secret, NULL, 0), 0);
	ck_assert_str_eq(secret_redacted(&secret), "[unset]");
}
END_TEST

START_TEST(keeps_the_old_one_when_the_new_one_is_too_large)
{
	_cleanup_secret_ struct secret secret = {};
	static char large[SECRET_MAX_BYTES + 1];

	memset(large, 'x', SECRET_MAX_BYTES + 1);
	ck_assert_int_eq(secret_set(&secret, "abc", 3), 0);
	ck_assert_int_eq(secret_set(&secret, large, SECRET_MAX_BYTES + 1), -EFBIG);
	ck_assert_str_eq(secret_reveal(&secret), "abc");
	ck_assert_int_eq(secret_set(&secret, large, SECRET_MAX_BYTES), 0);
	ck_assert_uint_eq(strlen(secret_reveal(&secret)), SECRET_MAX_BYTES);
}
END_TEST

START_TEST(is_empty_when_it_is_done_with_also_twice)
{
	struct secret secret = {};

	ck_assert_int_eq(secret_set(&secret, "abc", 3), 0);
	secret_done(&secret);
	ck_assert_ptr_null(secret.bytes);
	ck_assert_uint_eq(secret.size, 0);
	secret_done(&secret);
	ck_assert_str_eq(secret_reveal(&secret), "");
}
END_TEST

/* What lies at an address now. /proc reads freed memory too, and asks no sanitizer. */
static size_t count_at(const void *address, char c, size_t size)
{
	_cleanup_close_ int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	static char memory[SECRET_MAX_BYTES];
	ssize_t n = pread(fd, memory, size, (off_t)(uintptr_t)address);
	size_t count = 0;

	for (ssize_t i = 0; i < n; i++)
		count += memory[i] == c;
	return count;
}

START_TEST(wipes_what_it_held)
{
	struct secret secret = {};
	char bytes[5000];
	const void *first, *second;

	memset(bytes, 'S', sizeof(bytes));
	ck_assert_int_eq(secret_set(&secret, bytes, sizeof(bytes)), 0);
	first = secret.bytes;
	ck_assert_uint_eq(count_at(first, 'S', sizeof(bytes)), sizeof(bytes));
	memset(bytes, 'T', sizeof(bytes));
	ck_assert_int_eq(secret_set(&secret, bytes, sizeof(bytes)), 0);
	second = secret.bytes;
	ck_assert_uint_eq(count_at(first, 'S', sizeof(bytes)), 0);
	ck_assert_uint_eq(count_at(second, 'T', sizeof(bytes)), sizeof(bytes));
	secret_done(&secret);
	ck_assert_uint_eq(count_at(second, 'T', sizeof(bytes)), 0);
}
END_TEST

TEST_MAIN(is_unset_at_first, keeps_a_copy_and_shows_it_only_when_asked,
	  takes_bytes_that_are_no_string, is_replaced_also_by_a_part_of_itself,
	  keeps_the_old_one_when_the_new_one_is_too_large, is_empty_when_it_is_done_with_also_twice,
	  wipes_what_it_held)
