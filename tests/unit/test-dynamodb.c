#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/dynamodb.h"
#include "tests/test.h"

#define KEY ((struct dynamodb_key){ .partition = "i-1", .kind = "machine" })
#define KEY_JSON "{\"pk\":{\"S\":\"i-1\"},\"sk\":{\"S\":\"machine\"}}"

static struct buf new_buf(void)
{
	struct buf buf;

	buf_init(&buf, 1 << 20);
	return buf;
}

START_TEST(reads_and_batches_by_key)
{
	const struct dynamodb_key keys[] = { KEY, { "i-2", "machine" } };
	_cleanup_buf_ struct buf one = new_buf(), many = new_buf();

	ck_assert_int_eq(dynamodb_get_item("t", &keys[0], true, &one), 0);
	ck_assert_str_eq(one.data, "{\"TableName\":\"t\",\"ReturnConsumedCapacity\":\"TOTAL\","
				   "\"Key\":" KEY_JSON ",\"ConsistentRead\":true}");
	ck_assert_int_eq(dynamodb_batch_get_item("t", keys, 2, false, &many), 0);
	ck_assert_str_eq(many.data, "{\"ReturnConsumedCapacity\":\"TOTAL\",\"RequestItems\":{\"t\":"
				    "{\"ConsistentRead\":false,\"Keys\":[" KEY_JSON
				    ",{\"pk\":{\"S\":\"i-2\"},\"sk\":{\"S\":\"machine\"}}]}}}");
}
END_TEST

START_TEST(batches_no_more_than_the_service_takes)
{
	struct dynamodb_key keys[DYNAMODB_BATCH_MAX + 1];
	_cleanup_buf_ struct buf buf = new_buf();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = KEY;
	ck_assert_int_eq(dynamodb_batch_get_item("t", keys, 0, true, &buf), -EINVAL);
	ck_assert_int_eq(dynamodb_batch_get_item("t", keys, ARRAY_SIZE(keys), true, &buf), -EINVAL);
	ck_assert_uint_eq(buf.size, 0);
	ck_assert_int_eq(dynamodb_batch_get_item("t", keys, DYNAMODB_BATCH_MAX, true, &buf), 0);
}
END_TEST

START_TEST(updates_on_conditions_and_asks_for_what_stands_there)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct dynamodb_value states[] = { dynamodb_text("idle"), dynamodb_text("created") };
	const struct dynamodb_key key = KEY;
	_cleanup_buf_ struct buf buf = new_buf();

	dynamodb_expression_init(&e);
	dynamodb_where_any(&e, "state", states, 2);
	dynamodb_where(&e, "seq", "=", dynamodb_number(UINT64_MAX));
	dynamodb_where_absent(&e, "run_key");
	dynamodb_where_present(&e, "pk");
	dynamodb_where_absent_or(&e, "boot_id", "boot_id", "=", dynamodb_text("\"x\""));
	dynamodb_set(&e, "state", dynamodb_text("claimed"));
	dynamodb_set(&e, "last", dynamodb_bool(true));
	dynamodb_remove(&e, "reason");
	dynamodb_remove(&e, "run_key");
	ck_assert_int_eq(dynamodb_update_item("t", &key, &e, &buf), 0);
	ck_assert_str_eq(
		buf.data,
		"{\"TableName\":\"t\",\"ReturnConsumedCapacity\":\"TOTAL\",\"Key\":" KEY_JSON ","
		"\"ConditionExpression\":\"#0 IN (:0, :1) AND #1 = :2 AND attribute_not_exists(#2)"
		" AND attribute_exists(#3) AND (attribute_not_exists(#4) OR #4 = :3)\","
		"\"ExpressionAttributeNames\":{\"#0\":\"state\",\"#1\":\"seq\",\"#2\":\"run_key\","
		"\"#3\":\"pk\",\"#4\":\"boot_id\",\"#5\":\"last\",\"#6\":\"reason\"},"
		"\"ExpressionAttributeValues\":{\":0\":{\"S\":\"idle\"},\":1\":{\"S\":\"created\"},"
		"\":2\":{\"N\":\"18446744073709551615\"},\":3\":{\"S\":\"\\\"x\\\"\"},"
		"\":4\":{\"S\":\"claimed\"},\":5\":{\"BOOL\":true}},"
		"\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\","
		"\"UpdateExpression\":\"SET #0 = :4, #5 = :5 REMOVE #6, #2\","
		"\"ReturnValues\":\"ALL_NEW\"}");
}
END_TEST

START_TEST(takes_an_absent_attribute_for_a_comparison_of_another)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct dynamodb_key key = KEY;
	_cleanup_buf_ struct buf buf = new_buf();

	dynamodb_expression_init(&e);
	dynamodb_where_absent_or(&e, "pk", "expires_ms", "<=", dynamodb_number(5));
	dynamodb_where_absent_or(&e, "expires_ms", "expires_ms", ">", dynamodb_number(6));
	ck_assert_int_eq(dynamodb_delete_item("t", &key, &e, &buf), 0);
	ck_assert_ptr_nonnull(strstr(buf.data, "\"(attribute_not_exists(#0) OR #1 <= :0) AND "
					       "(attribute_not_exists(#1) OR #1 > :1)\""));
	ck_assert_ptr_nonnull(strstr(buf.data, "{\"#0\":\"pk\",\"#1\":\"expires_ms\"}"));
	ck_assert_ptr_nonnull(strstr(buf.data, "{\":0\":{\"N\":\"5\"},\":1\":{\"N\":\"6\"}}"));
}
END_TEST

START_TEST(puts_and_deletes_with_and_without_a_condition)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	_cleanup_json_ struct json_object *item = NULL;
	const struct dynamodb_key key = KEY;
	_cleanup_buf_ struct buf put = new_buf(), delete = new_buf();

	ck_assert_int_eq(dynamodb_item_new(&key, &item), 0);
	ck_assert_int_eq(dynamodb_item_set(item, "revision", dynamodb_number(7)), 0);
	dynamodb_expression_init(&e);
	dynamodb_where(&e, "revision", "<", dynamodb_number(7));
	ck_assert_int_eq(dynamodb_put_item("t", item, &e, &put), 0);
	ck_assert_str_eq(put.data,
			 "{\"TableName\":\"t\",\"ReturnConsumedCapacity\":\"TOTAL\",\"Item\":"
			 "{\"pk\":{\"S\":\"i-1\"},\"sk\":{\"S\":\"machine\"},"
			 "\"revision\":{\"N\":\"7\"}},\"ConditionExpression\":\"#0 < :0\","
			 "\"ExpressionAttributeNames\":{\"#0\":\"revision\"},"
			 "\"ExpressionAttributeValues\":{\":0\":{\"N\":\"7\"}},"
			 "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
	ck_assert_int_eq(dynamodb_delete_item("t", &key, NULL, &delete), 0);
	ck_assert_str_eq(
		delete.data,
		"{\"TableName\":\"t\",\"ReturnConsumedCapacity\":\"TOTAL\",\"Key\":" KEY_JSON "}");
}
END_TEST

START_TEST(goes_through_a_table_by_segments_and_pages)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	_cleanup_json_ struct json_object *start = NULL;
	const struct dynamodb_key key = KEY;
	_cleanup_buf_ struct buf buf = new_buf();
	struct dynamodb_search search = { .table = "t", .segment = 3, .segments = 4 };

	ck_assert_int_eq(dynamodb_item_new(&key, &start), 0);
	dynamodb_expression_init(&e);
	dynamodb_where(&e, "sk", "=", dynamodb_text("machine"));
	search.filter = &e;
	search.start = start;
	ck_assert_int_eq(dynamodb_scan(&search, &buf), 0);
	ck_assert_str_eq(
		buf.data,
		"{\"TableName\":\"t\",\"ReturnConsumedCapacity\":\"TOTAL\",\"ConsistentRead\":"
		"false,"
		"\"FilterExpression\":\"#0 = :0\",\"ExpressionAttributeNames\":{\"#0\":\"sk\"},"
		"\"ExpressionAttributeValues\":{\":0\":{\"S\":\"machine\"}},"
		"\"ExclusiveStartKey\":" KEY_JSON ",\"Segment\":3,\"TotalSegments\":4}");

	search.segment = 4;
	ck_assert_int_eq(dynamodb_scan(&search, &buf), -EINVAL);
	search.segments = 0;
	ck_assert_int_eq(dynamodb_scan(&search, &buf), -EINVAL);
}
END_TEST

START_TEST(queries_a_partition)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	_cleanup_buf_ struct buf all = new_buf(), one = new_buf();
	struct dynamodb_search search = { .table = "t", .partition = "i-1", .consistent = true };

	ck_assert_int_eq(dynamodb_query(&search, &all), 0);
	ck_assert_ptr_nonnull(strstr(all.data, "\"KeyConditionExpression\":\"#0 = :0\""));
	search.kind = "event";
	ck_assert_int_eq(dynamodb_query(&search, &one), 0);
	ck_assert_ptr_nonnull(
		strstr(one.data, "\"KeyConditionExpression\":\"#0 = :0 AND #1 = :1\""));
	search.filter = &e;
	ck_assert_int_eq(dynamodb_query(&search, &one), -EINVAL);
	search = (struct dynamodb_search){ .table = "t" };
	ck_assert_int_eq(dynamodb_query(&search, &one), -EINVAL);
}
END_TEST

START_TEST(keeps_the_first_error_of_an_expression)
{
	_cleanup_expression_ struct dynamodb_expression empty = {}, large = {};
	const struct dynamodb_key key = KEY;
	_cleanup_buf_ struct buf buf = new_buf();

	dynamodb_expression_init(&empty);
	dynamodb_where_any(&empty, "state", NULL, 0);
	dynamodb_set(&empty, "a", dynamodb_number(1));
	ck_assert_int_eq(dynamodb_update_item("t", &key, &empty, &buf), -EINVAL);

	dynamodb_expression_init(&large);
	for (size_t i = 0; i < DYNAMODB_EXPRESSION_MAX / 8; i++)
		dynamodb_where(&large, "a", "=", dynamodb_number(i));
	ck_assert_int_eq(dynamodb_update_item("t", &key, &large, &buf), -E2BIG);
	ck_assert_uint_eq(buf.size, 0);
}
END_TEST

START_TEST(says_when_the_buffer_has_no_room)
{
	const struct dynamodb_key key = KEY;
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 20);
	ck_assert_int_eq(dynamodb_get_item("t", &key, true, &buf), -ENOBUFS);
	ck_assert_uint_eq(buf.size, 0);
}
END_TEST

/* --- answers --------------------------------------------------------------------------------- */

static struct dynamodb_answer answer_of(const char *body)
{
	struct dynamodb_answer answer = {};
	struct fault fault = {};

	ck_assert_msg(dynamodb_answer_read(body, strlen(body), &answer, &fault) == 0, "%s",
		      fault.text);
	return answer;
}

START_TEST(finds_the_item_of_an_answer_and_what_it_has_cost)
{
	static const struct {
		const char *body;
		bool found;
		uint64_t capacity_milli;
	} cases[] = {
		{ "{\"ConsumedCapacity\":{\"CapacityUnits\":0.5,\"TableName\":\"t\"},\"Item\":"
		  "{\"pk\":{\"S\":\"i-1\"}}}",
		  true, 500 },
		{ "{\"Attributes\":{\"pk\":{\"S\":\"i-1\"}},\"ConsumedCapacity\":"
		  "{\"CapacityUnits\":1.0}}",
		  true, 1000 },
		{ "{\"__type\":\"com.amazonaws.dynamodb.v20120810#"
		  "ConditionalCheckFailedException\","
		  "\"message\":\"The conditional request "
		  "failed\",\"Item\":{\"pk\":{\"S\":\"i-1\"}}}",
		  true, 0 },
		{ "{\"ConsumedCapacity\":{\"CapacityUnits\":2}}", false, 2000 },
		{ "{\"Item\":{}}", false, 0 },
		{ "{}", false, 0 },
		{ "", false, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dynamodb_answer_ struct dynamodb_answer answer = answer_of(cases[i].body);

		ck_assert_msg((answer.item != NULL) == cases[i].found, "case %zu", i);
		ck_assert_uint_eq(answer.capacity_milli, cases[i].capacity_milli);
	}
}
END_TEST

START_TEST(refuses_an_answer_that_is_none)
{
	static const char *const bodies[] = {
		"[]",
		"{",
		"{\"Item\":[]}",
		"{\"Item\":{\"pk\":{\"S\":\"i-1\"}}",
		"{\"ConsumedCapacity\":1}",
		"{\"ConsumedCapacity\":{\"CapacityUnits\":\"1\"}}",
		"{\"ConsumedCapacity\":{\"CapacityUnits\":-1}}",
		"{\"ConsumedCapacity\":{\"CapacityUnits\":1e300}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct dynamodb_answer answer = {};
		struct fault fault = {};

		ck_assert_msg(dynamodb_answer_read(bodies[i], strlen(bodies[i]), &answer, &fault) ==
				      -EBADMSG,
			      "%s", bodies[i]);
		ck_assert_ptr_null(answer.root);
		ck_assert_ptr_nonnull(strstr(fault.text, "dynamodb"));
	}
}
END_TEST

START_TEST(reads_attributes_by_their_types_and_exactly)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = answer_of(
		"{\"Item\":{\"pk\":{\"S\":\"i-1\"},\"sk\":{\"S\":\"machine\"},"
		"\"n\":{\"N\":\"18446744073709551615\"},\"b\":{\"BOOL\":false},"
		"\"large\":{\"N\":\"18446744073709551616\"},\"half\":{\"N\":\"0.5\"},"
		"\"number\":{\"N\":5},\"two\":{\"S\":\"a\",\"N\":\"1\"},\"null\":{\"NULL\":true},"
		"\"bare\":\"x\"}}");
	static const char *const bad_numbers[] = { "large", "half", "number", "two",
						   "null",  "bare", "pk",     "b" };
	struct dynamodb_key key = {};
	struct fault fault = {};
	uint64_t number = 0;
	bool flag = true;

	ck_assert_int_eq(dynamodb_item_key(answer.item, &key, &fault), 0);
	ck_assert_str_eq(key.partition, "i-1");
	ck_assert_str_eq(key.kind, "machine");
	ck_assert_int_eq(dynamodb_item_u64(answer.item, "n", &number, &fault), 1);
	ck_assert_uint_eq(number, UINT64_MAX);
	ck_assert_int_eq(dynamodb_item_bool(answer.item, "b", &flag, &fault), 1);
	ck_assert(!flag);
	ck_assert_int_eq(dynamodb_item_u64(answer.item, "none", &number, &fault), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad_numbers); i++)
		ck_assert_msg(dynamodb_item_u64(answer.item, bad_numbers[i], &number, &fault) ==
				      -EBADMSG,
			      "%s", bad_numbers[i]);
	ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(reads_pages_until_the_last)
{
	static const char page_text[] =
		"{\"ConsumedCapacity\":{\"CapacityUnits\":128.5,\"TableName\":\"t\"},\"Count\":2,"
		"\"Items\":[" KEY_JSON "," KEY_JSON "],\"LastEvaluatedKey\":" KEY_JSON
		",\"ScannedCount\":9}";
	static const char last_text[] = "{\"Count\":0,\"Items\":[],\"ScannedCount\":0}";
	static const char bad_text[] = "{\"Items\":[1]}";
	_cleanup_dynamodb_page_ struct dynamodb_page page = {}, last = {}, bad = {};

	ck_assert_int_eq(dynamodb_page_read(page_text, strlen(page_text), &page, NULL), 0);
	ck_assert_uint_eq(page.n, 2);
	ck_assert_str_eq(json_text(page.next), KEY_JSON);
	ck_assert_uint_eq(page.capacity_milli, 128500);
	ck_assert_int_eq(dynamodb_page_read(last_text, strlen(last_text), &last, NULL), 0);
	ck_assert_uint_eq(last.n, 0);
	ck_assert_ptr_null(last.next);
	ck_assert_int_eq(dynamodb_page_read(bad_text, strlen(bad_text), &bad, NULL), -EBADMSG);
}
END_TEST

START_TEST(reads_what_a_batch_was_too_busy_for)
{
	static const char text[] =
		"{\"Responses\":{\"t\":[" KEY_JSON "],\"other\":[]},\"UnprocessedKeys\":{\"t\":"
		"{\"Keys\":[" KEY_JSON "],\"ConsistentRead\":true}},\"ConsumedCapacity\":"
		"[{\"TableName\":\"t\",\"CapacityUnits\":1.0},{\"CapacityUnits\":0.5}]}";
	static const char empty[] = "{\"Responses\":{\"t\":[]},\"UnprocessedKeys\":{}}";
	_cleanup_dynamodb_page_ struct dynamodb_page page = {}, none = {};
	struct dynamodb_key key = {};

	ck_assert_int_eq(dynamodb_batch_read(text, strlen(text), "t", &page, NULL), 0);
	ck_assert_uint_eq(page.n, 1);
	ck_assert_uint_eq(page.n_unprocessed, 1);
	ck_assert_uint_eq(page.capacity_milli, 1500);
	ck_assert_int_eq(
		dynamodb_item_key(json_object_array_get_idx(page.unprocessed, 0), &key, NULL), 0);
	ck_assert_str_eq(key.partition, "i-1");
	ck_assert_int_eq(dynamodb_batch_read(empty, strlen(empty), "t", &none, NULL), 0);
	ck_assert_uint_eq(none.n + none.n_unprocessed, 0);
}
END_TEST

TEST_MAIN(reads_and_batches_by_key, batches_no_more_than_the_service_takes,
	  updates_on_conditions_and_asks_for_what_stands_there,
	  takes_an_absent_attribute_for_a_comparison_of_another,
	  puts_and_deletes_with_and_without_a_condition, goes_through_a_table_by_segments_and_pages,
	  queries_a_partition, keeps_the_first_error_of_an_expression,
	  says_when_the_buffer_has_no_room, finds_the_item_of_an_answer_and_what_it_has_cost,
	  refuses_an_answer_that_is_none, reads_attributes_by_their_types_and_exactly,
	  reads_pages_until_the_last, reads_what_a_batch_was_too_busy_for)
