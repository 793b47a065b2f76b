#include <errno.h>
#include <string.h>

#include "common/aws/s3.h"
#include "tests/test.h"

START_TEST(encodes_the_path_of_an_object_once)
{
	static const struct {
		const char *bucket, *key, *path;
	} cases[] = {
		{ NULL, "a/b.json", "/a/b.json" },
		{ "reports", "a/b.json", "/reports/a/b.json" },
		{ NULL, "a b+c%(*)~", "/a%20b%2Bc%25%28%2A%29~" },
		{ NULL, "caf\xc3\xa9", "/caf%C3%A9" },
		{ NULL, "a//b/", "/a//b/" },
		{ NULL, "..a/b..", "/..a/b.." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf buf = {};

		buf_init(&buf, 4096);
		ck_assert_int_eq(s3_object_path(cases[i].bucket, cases[i].key, &buf), 0);
		ck_assert_str_eq(buf.data, cases[i].path);
	}
}
END_TEST

START_TEST(refuses_keys_that_a_path_cannot_hold)
{
	static const char *const keys[] = { "", "/a", "..", "a/../b", "./a", "a/." };
	char longest[S3_KEY_MAX + 2] = "";
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ck_assert_msg(s3_object_path(NULL, keys[i], &buf) == -EINVAL, "'%s'", keys[i]);
	memset(longest, 'k', S3_KEY_MAX + 1);
	ck_assert_int_eq(s3_object_path(NULL, longest, &buf), -EINVAL);
	longest[S3_KEY_MAX] = '\0';
	ck_assert_int_eq(s3_object_path(NULL, longest, &buf), 0);
}
END_TEST

START_TEST(knows_a_bucket_that_a_host_can_be_named_after)
{
	ck_assert(s3_bucket_is_valid("my-reports-1"));
	ck_assert(!s3_bucket_is_valid("ab"));
	ck_assert(!s3_bucket_is_valid("Reports"));
	ck_assert(!s3_bucket_is_valid("my.reports"));
	ck_assert(!s3_bucket_is_valid("-reports"));
	ck_assert(!s3_bucket_is_valid("reports-"));
	ck_assert(!s3_bucket_is_valid("a/../b"));
}
END_TEST

TEST_MAIN(encodes_the_path_of_an_object_once, refuses_keys_that_a_path_cannot_hold,
	  knows_a_bucket_that_a_host_can_be_named_after)
