#include <errno.h>
#include <string.h>

#include "common/aws/sts.h"
#include "tests/fixtures/aws/answers.h"
#include "tests/test.h"

#define HEAD(action) "Action=" action "&Version=2011-06-15"

START_TEST(asks_who_we_are)
{
	struct sts_identity identity = {};
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	ck_assert_int_eq(sts_get_caller_identity(&buf), 0);
	ck_assert_str_eq(buf.data, HEAD("GetCallerIdentity"));
	ck_assert_int_eq(
		sts_identity_read(ANSWER_IDENTITY, strlen(ANSWER_IDENTITY), &identity, NULL), 0);
	ck_assert_str_eq(identity.account, "123456789012");
	ck_assert_str_eq(identity.arn, "arn:aws:iam::123456789012:user/Alice");
	ck_assert_str_eq(identity.user_id, "AIDACKCEVSQ6C2EXAMPLE");
	ck_assert_int_eq(sts_identity_read("<A/>", 4, &identity, NULL), -EBADMSG);
}
END_TEST

START_TEST(asks_for_a_role)
{
	const struct sts_role role = { .arn = "arn:aws:iam::1:role/r",
				       .session = "paddock",
				       .duration_sec = 900,
				       .external_id = "x y" };
	_cleanup_secret_ struct secret token = {};
	_cleanup_buf_ struct buf plain = {}, web = {};

	buf_init(&plain, 4096);
	buf_init(&web, 4096);
	ck_assert_int_eq(sts_assume_role(&role, &plain), 0);
	ck_assert_str_eq(plain.data, HEAD("AssumeRole") "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
							"&RoleSessionName=paddock"
							"&DurationSeconds=900&ExternalId=x%20y");
	ck_assert_int_eq(secret_set(&token, "a.b", 3), 0);
	ck_assert_int_eq(sts_assume_role_with_web_identity(&role, &token, &web), 0);
	ck_assert_str_eq(web.data, HEAD("AssumeRoleWithWebIdentity") "&RoleArn=arn%3Aaws%3Aiam%3A"
								     "%3A1%3Arole%2Fr"
								     "&RoleSessionName=paddock"
								     "&DurationSeconds=900"
								     "&WebIdentityToken=a.b");
}
END_TEST

START_TEST(reads_credentials_of_either_answer)
{
	static const char *const bodies[] = { ANSWER_CREDENTIALS, ANSWER_WEB_CREDENTIALS };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_sts_credentials_ struct sts_credentials credentials = {};

		ck_assert_int_eq(
			sts_credentials_read(bodies[i], strlen(bodies[i]), &credentials, NULL), 0);
		ck_assert_str_eq(credentials.access_key, "ASIAIOSFODNN7EXAMPLE");
		ck_assert_str_eq(secret_reveal(&credentials.secret_key),
				 "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY");
		ck_assert_str_eq(secret_reveal(&credentials.session_token),
				 "AQoDYXdzEPT//////////wEXAMPLE");
		ck_assert_uint_eq(credentials.expires_ms, 1795514400000);
	}
}
END_TEST

START_TEST(takes_no_credentials_that_are_not_whole_and_shows_none)
{
	for (size_t size = 0; size < strlen(ANSWER_CREDENTIALS); size++) {
		struct sts_credentials credentials = {};
		struct fault fault = {};

		ck_assert_int_eq(
			sts_credentials_read(ANSWER_CREDENTIALS, size, &credentials, &fault),
			-EBADMSG);
		ck_assert_ptr_null(strstr(fault.text, "EXAMPLE"));
		ck_assert_str_eq(credentials.access_key, "");
	}
	ck_assert_int_eq(sts_credentials_read("<AssumeRoleResponse/>", 21,
					      &(struct sts_credentials){}, NULL),
			 -EBADMSG);
}
END_TEST

TEST_MAIN(asks_who_we_are, asks_for_a_role, reads_credentials_of_either_answer,
	  takes_no_credentials_that_are_not_whole_and_shows_none)
