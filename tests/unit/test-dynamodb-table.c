#include <errno.h>
#include <string.h>

#include "common/aws/dynamodb-table.h"
#include "tests/test.h"

#define DEFINITIONS                                                              \
	"\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":" \
	"\"S\"},{\"AttributeName\":\"sk\",\"AttributeType\":\"S\"}]"
#define SCHEMA                                                            \
	"\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}," \
	"{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}]"
#define REST                                                                        \
	"\"TableName\":\"t\",\"TableStatus\":\"ACTIVE\",\"TableArn\":"              \
	"\"arn:aws:dynamodb:us-east-1:123456789012:table/t\",\"CreationDateTime\":" \
	"1.363729002358E9,\"ItemCount\":3,\"TableSizeBytes\":900,"                  \
	"\"DeletionProtectionEnabled\":true"

START_TEST(makes_a_table_of_our_two_keys)
{
	static const struct aws_tag tags[] = { { "paddock", "t" }, { "team", "ci" } };
	const struct dynamodb_table table = {
		.name = "t", .tags = tags, .n_tags = 2, .protected = true
	};
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	ck_assert_int_eq(dynamodb_create_table(&table, &buf), 0);
	ck_assert_str_eq(buf.data, "{\"TableName\":\"t\"," DEFINITIONS "," SCHEMA
				   ",\"BillingMode\":\"PAY_PER_REQUEST\","
				   "\"DeletionProtectionEnabled\":true,\"Tags\":["
				   "{\"Key\":\"paddock\",\"Value\":\"t\"},"
				   "{\"Key\":\"team\",\"Value\":\"ci\"}]}");
}
END_TEST

START_TEST(sends_no_empty_list_of_tags)
{
	const struct dynamodb_table table = { .name = "t" };
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	ck_assert_int_eq(dynamodb_create_table(&table, &buf), 0);
	ck_assert_ptr_null(strstr(buf.data, "Tags"));
}
END_TEST

START_TEST(asks_by_name_and_changes_one_thing)
{
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 4096);
	ck_assert_int_eq(dynamodb_describe_table("t", &buf), 0);
	ck_assert_int_eq(dynamodb_delete_table("t", &buf), 0);
	ck_assert_int_eq(dynamodb_describe_expiry("t", &buf), 0);
	ck_assert_str_eq(buf.data,
			 "{\"TableName\":\"t\"}{\"TableName\":\"t\"}{\"TableName\":\"t\"}");
	buf.size = 0;
	ck_assert_int_eq(dynamodb_protect_table("t", false, &buf), 0);
	ck_assert_str_eq(buf.data, "{\"TableName\":\"t\",\"DeletionProtectionEnabled\":false}");
	buf.size = 0;
	ck_assert_int_eq(dynamodb_expire_by("t", "ttl", &buf), 0);
	ck_assert_str_eq(buf.data, "{\"TableName\":\"t\",\"TimeToLiveSpecification\":"
				   "{\"AttributeName\":\"ttl\",\"Enabled\":true}}");
}
END_TEST

static int describe(const char *body, struct dynamodb_description *ret, struct fault *fault)
{
	return dynamodb_description_read(body, strlen(body), ret, fault);
}

START_TEST(reads_a_description_under_either_name)
{
	struct dynamodb_description d = {};

	ck_assert_int_eq(describe("{\"Table\":{" DEFINITIONS "," SCHEMA "," REST "}}", &d, NULL),
			 0);
	ck_assert_str_eq(d.name, "t");
	ck_assert_str_eq(d.status, "ACTIVE");
	ck_assert_str_eq(d.arn, "arn:aws:dynamodb:us-east-1:123456789012:table/t");
	ck_assert(d.protected);
	ck_assert(d.fits);
	ck_assert_uint_eq(d.items, 3);
	ck_assert_uint_eq(d.bytes, 900);
	ck_assert_int_eq(describe("{\"TableDescription\":{" REST "}}", &d, NULL), 0);
	ck_assert(!d.fits);
}
END_TEST

START_TEST(knows_a_table_that_is_not_ours)
{
	static const char *const others[] = {
		"{\"Table\":{" DEFINITIONS "," REST
		",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}]}}",
		"{\"Table\":{" DEFINITIONS "," REST
		",\"KeySchema\":[{\"AttributeName\":\"sk\",\"KeyType\":\"HASH\"},"
		"{\"AttributeName\":\"pk\",\"KeyType\":\"RANGE\"}]}}",
		"{\"Table\":{" SCHEMA "," REST
		",\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"N\"},"
		"{\"AttributeName\":\"sk\",\"AttributeType\":\"S\"}]}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct dynamodb_description d = { .fits = true };

		ck_assert_int_eq(describe(others[i], &d, NULL), 0);
		ck_assert_msg(!d.fits, "case %zu", i);
	}
}
END_TEST

START_TEST(refuses_a_description_that_lacks_what_it_must_have)
{
	struct dynamodb_description d = {};
	struct fault fault = {};

	ck_assert_int_eq(describe("{}", &d, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "dynamodb: no description of a table");
	ck_assert_int_eq(describe("{\"Table\":{\"TableName\":\"t\"}}", &d, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "dynamodb: key 'TableStatus' is missing");
	ck_assert_int_eq(describe("{\"Table\":[]}", &d, &fault), -EBADMSG);
	ck_assert_str_eq(d.name, "");
}
END_TEST

START_TEST(reads_how_items_expire)
{
	static const char on[] = "{\"TimeToLiveDescription\":{\"AttributeName\":\"ttl\","
				 "\"TimeToLiveStatus\":\"ENABLED\"}}";
	static const char off[] = "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"DISABLED\"}}";
	struct dynamodb_expiry expiry = {};

	ck_assert_int_eq(dynamodb_expiry_read(on, strlen(on), &expiry, NULL), 0);
	ck_assert_str_eq(expiry.status, "ENABLED");
	ck_assert_str_eq(expiry.attribute, "ttl");
	ck_assert_int_eq(dynamodb_expiry_read(off, strlen(off), &expiry, NULL), 0);
	ck_assert_str_eq(expiry.status, "DISABLED");
	ck_assert_str_eq(expiry.attribute, "");
	ck_assert_int_eq(dynamodb_expiry_read("{}", 2, &expiry, NULL), -EBADMSG);
}
END_TEST

TEST_MAIN(makes_a_table_of_our_two_keys, sends_no_empty_list_of_tags,
	  asks_by_name_and_changes_one_thing, reads_a_description_under_either_name,
	  knows_a_table_that_is_not_ours, refuses_a_description_that_lacks_what_it_must_have,
	  reads_how_items_expire)
