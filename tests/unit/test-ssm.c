#include <errno.h>
#include <string.h>

#include "common/aws/ssm.h"
#include "tests/fixtures/aws/answers.h"
#include "tests/test.h"

START_TEST(gets_and_puts_a_parameter)
{
	_cleanup_ssm_parameter_ struct ssm_parameter parameter = {};
	_cleanup_buf_ struct buf get = {}, put = {};

	buf_init(&get, 4096);
	buf_init(&put, 4096);
	ck_assert_int_eq(ssm_get_parameter("/p/key", &get), 0);
	ck_assert_str_eq(get.data, "{\"Name\":\"/p/key\",\"WithDecryption\":true}");
	ck_assert_int_eq(
		ssm_parameter_read(ANSWER_PARAMETER, strlen(ANSWER_PARAMETER), &parameter, NULL),
		0);
	ck_assert_str_eq(secret_reveal(&parameter.value), "hush");
	ck_assert_uint_eq(parameter.version, 3);
	ck_assert_int_eq(ssm_put_parameter("/p/key", &parameter.value, &put), 0);
	ck_assert_str_eq(put.data, "{\"Name\":\"/p/key\",\"Value\":\"hush\",\"Type\":"
				   "\"SecureString\",\"Overwrite\":true}");
}
END_TEST

START_TEST(puts_what_is_no_secret_in_clear_and_deletes)
{
	_cleanup_buf_ struct buf put = {}, gone = {};

	buf_init(&put, 4096);
	buf_init(&gone, 4096);
	ck_assert_int_eq(ssm_put_text("/p/store", "dynamodb:r/t", &put), 0);
	ck_assert_str_eq(put.data, "{\"Name\":\"/p/store\",\"Value\":\"dynamodb:r/t\",\"Type\":"
				   "\"String\",\"Overwrite\":true}");
	ck_assert_int_eq(ssm_delete_parameter("/p/store", &gone), 0);
	ck_assert_str_eq(gone.data, "{\"Name\":\"/p/store\"}");
}
END_TEST

START_TEST(refuses_an_answer_without_a_value_and_shows_none)
{
	static const char *const bodies[] = {
		"{}",
		"{\"Parameter\":{}}",
		"{\"Parameter\":{\"Value\":7}}",
		"{\"Parameter\":{\"Value\":\"hush\",\"Version\":\"hush\"}}",
		"{\"Parameter\":{\"Value\":\"hush",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct ssm_parameter parameter = {};
		struct fault fault = {};

		ck_assert_msg(ssm_parameter_read(bodies[i], strlen(bodies[i]), &parameter,
						 &fault) == -EBADMSG,
			      "case %zu", i);
		ck_assert_ptr_null(strstr(fault.text, "hush"));
	}
}
END_TEST

static int see(const struct ssm_instance *instance, void *context, _unused_ struct fault *fault)
{
	struct ssm_instance *seen = context;

	seen[seen[0].id[0] ? 1 : 0] = *instance;
	return 0;
}

START_TEST(tells_which_machines_answer)
{
	static const char *const ids[] = { "i-1", "i-2" };
	struct ssm_instance seen[2] = {};
	char next[SSM_NEXT_MAX] = "", small[1];
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	ck_assert_int_eq(ssm_describe_instances(ids, 2, "t", &buf), 0);
	ck_assert_str_eq(buf.data, "{\"Filters\":[{\"Key\":\"InstanceIds\",\"Values\":[\"i-1\","
				   "\"i-2\"]}],\"MaxResults\":50,\"NextToken\":\"t\"}");
	ck_assert_int_eq(ssm_describe_instances(ids, 0, "", &buf), -EINVAL);
	ck_assert_int_eq(ssm_instances_read(ANSWER_SSM_INSTANCES, strlen(ANSWER_SSM_INSTANCES), see,
					    seen, next, sizeof(next), NULL),
			 0);
	ck_assert_str_eq(next, "t");
	ck_assert_str_eq(seen[0].ping, "Online");
	ck_assert_str_eq(seen[0].version, "3.1");
	ck_assert_str_eq(seen[1].id, "i-2");
	ck_assert_str_eq(seen[1].ping, "ConnectionLost");
	ck_assert_int_eq(ssm_instances_read(ANSWER_SSM_INSTANCES, strlen(ANSWER_SSM_INSTANCES), see,
					    seen, small, sizeof(small), NULL),
			 -EBADMSG);
}
END_TEST

TEST_MAIN(gets_and_puts_a_parameter, puts_what_is_no_secret_in_clear_and_deletes,
	  refuses_an_answer_without_a_value_and_shows_none, tells_which_machines_answer)
