#include <errno.h>
#include <string.h>

#include "common/aws/form.h"
#include "tests/test.h"

START_TEST(encodes_all_but_the_unreserved)
{
	_cleanup_buf_ struct buf buf = {};
	struct form form;

	buf_init(&buf, 4096);
	form_begin(&form, &buf, "Act", "1");
	form_add(&form, "aZ09-_.~", "Plain");
	form_add(&form, " +&=/\xc3\xa9\n", "Member.%d", 1);
	form_add(&form, NULL, "Absent");
	form_add(&form, "", "Empty");
	form_add_u64(&form, UINT64_MAX, "Number");
	ck_assert_int_eq(form_end(&form), 0);
	ck_assert_str_eq(buf.data, "Action=Act&Version=1&Plain=aZ09-_.~&Member.1=%20%2B%26%3D%2F"
				   "%C3%A9%0A&Empty=&Number=18446744073709551615");
}
END_TEST

START_TEST(leaves_alone_what_it_is_told_to)
{
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	ck_assert_int_eq(form_encode(&buf, "a/b c:d", "/:"), 0);
	ck_assert_str_eq(buf.data, "a/b%20c:d");
}
END_TEST

START_TEST(keeps_the_first_error)
{
	_cleanup_buf_ struct buf buf = {};
	char name[400] = "";
	struct form form;

	buf_init(&buf, 4096);
	memset(name, 'n', sizeof(name) - 1);
	form_begin(&form, &buf, "Act", "1");
	form_add(&form, "v", "%s", name);
	form_add(&form, "v", "Good");
	ck_assert_int_eq(form_end(&form), -EINVAL);

	buf.size = 0;
	buf.max = 25;
	form_begin(&form, &buf, "Act", "1");
	form_add(&form, "too much for it", "Name");
	form_add(&form, "v", "N");
	ck_assert_int_eq(form_end(&form), -ENOBUFS);
	ck_assert_uint_le(buf.size, 25);
}
END_TEST

TEST_MAIN(encodes_all_but_the_unreserved, leaves_alone_what_it_is_told_to, keeps_the_first_error)
