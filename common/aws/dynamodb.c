/* Requests about items. */

#include "common/aws/dynamodb.h"

#include <errno.h>

/* --- pieces of bodies ------------------------------------------------------------------------ */

/* {"TableName":…,"ReturnConsumedCapacity":"TOTAL"} */
static int body_new(const char *table, struct json_object **ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	int r;

	if (!body)
		return -ENOMEM;
	r = json_set_text(body, "TableName", table);
	if (r == 0)
		r = json_set_text(body, "ReturnConsumedCapacity", "TOTAL");
	if (r < 0)
		return r;
	*ret = take_ptr(body);
	return 0;
}

static int set_key(struct json_object *body, const struct dynamodb_key *key)
{
	struct json_object *item = NULL;
	int r;

	r = dynamodb_item_new(key, &item);
	return r < 0 ? r : json_set(body, "Key", item);
}

/* An object of placeholders; one that is empty must not be sent. */
static int set_placeholders(struct json_object *body, const char *key, struct json_object *object)
{
	if (json_object_object_length(object) == 0)
		return 0;
	return json_set(body, key, json_object_get(object));
}

static int set_expression(struct json_object *body, const char *key, const struct buf *text)
{
	return text->size > 0 ? json_set_text(body, key, buf_text(text)) : 0;
}

/* Only what is used may be named: the service refuses placeholders that occur nowhere. */
static int set_condition(struct json_object *body, const char *key,
			 const struct dynamodb_expression *e)
{
	int r = e->result;

	if (r == 0)
		r = set_expression(body, key, &e->condition);
	if (r == 0)
		r = set_placeholders(body, "ExpressionAttributeNames", e->names);
	if (r == 0)
		r = set_placeholders(body, "ExpressionAttributeValues", e->values);
	return r;
}

/* A write that is refused shows what has refused it. */
static int set_write_condition(struct json_object *body, const struct dynamodb_expression *e)
{
	int r;

	if (!e)
		return 0;
	r = set_condition(body, "ConditionExpression", e);
	if (r == 0 && e->condition.size > 0)
		r = json_set_text(body, "ReturnValuesOnConditionCheckFailure", "ALL_OLD");
	return r;
}

/* --- single items ---------------------------------------------------------------------------- */

int dynamodb_get_item(const char *table, const struct dynamodb_key *key, bool consistent,
		      struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table, &body);
	if (r == 0)
		r = set_key(body, key);
	if (r == 0)
		r = json_set_bool(body, "ConsistentRead", consistent);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* "SET #0 = :0 REMOVE #1" */
static int set_update(struct json_object *body, const struct dynamodb_expression *e)
{
	_cleanup_buf_ struct buf text = {};
	int r = 0;

	buf_init(&text, DYNAMODB_EXPRESSION_MAX);
	if (e->set.size > 0)
		r = buf_printf(&text, "SET %s", buf_text(&e->set));
	if (r == 0 && e->remove.size > 0)
		r = buf_printf(&text, "%sREMOVE %s", text.size > 0 ? " " : "",
			       buf_text(&e->remove));
	if (r < 0)
		return r == -ENOBUFS ? -E2BIG : r;
	return set_expression(body, "UpdateExpression", &text);
}

int dynamodb_update_item(const char *table, const struct dynamodb_key *key,
			 const struct dynamodb_expression *e, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table, &body);
	if (r == 0)
		r = set_key(body, key);
	if (r == 0)
		r = set_write_condition(body, e);
	if (r == 0)
		r = set_update(body, e);
	if (r == 0)
		r = json_set_text(body, "ReturnValues", "ALL_NEW");
	return r < 0 ? r : aws_body_add(ret, body);
}

int dynamodb_put_item(const char *table, struct json_object *item,
		      const struct dynamodb_expression *condition, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table, &body);
	if (r == 0)
		r = json_set(body, "Item", json_object_get(item));
	if (r == 0)
		r = set_write_condition(body, condition);
	return r < 0 ? r : aws_body_add(ret, body);
}

int dynamodb_delete_item(const char *table, const struct dynamodb_key *key,
			 const struct dynamodb_expression *condition, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table, &body);
	if (r == 0)
		r = set_key(body, key);
	if (r == 0)
		r = set_write_condition(body, condition);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* --- many items ------------------------------------------------------------------------------ */

int dynamodb_batch_get_item(const char *table, const struct dynamodb_key *keys, size_t n,
			    bool consistent, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	struct json_object *tables = NULL, *ours = NULL, *array = NULL, *item;
	int r;

	if (!body)
		return -ENOMEM;
	if (n == 0 || n > DYNAMODB_BATCH_MAX)
		return -EINVAL;

	r = json_set_text(body, "ReturnConsumedCapacity", "TOTAL");
	if (r == 0)
		r = aws_body_object(body, "RequestItems", &tables);
	if (r == 0)
		r = aws_body_object(tables, table, &ours);
	if (r == 0)
		r = json_set_bool(ours, "ConsistentRead", consistent);
	if (r == 0)
		r = aws_body_array(ours, "Keys", &array);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = dynamodb_item_new(&keys[i], &item);
		if (r == 0)
			r = json_append(array, item);
	}
	return r < 0 ? r : aws_body_add(ret, body);
}

/* What Query and Scan have in common. */
static int search_new(const struct dynamodb_search *search, struct json_object **ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(search->table, &body);
	if (r == 0)
		r = json_set_bool(body, "ConsistentRead", search->consistent);
	if (r == 0 && search->filter)
		r = set_condition(body, "FilterExpression", search->filter);
	if (r == 0 && search->start)
		r = json_set(body, "ExclusiveStartKey", json_object_get(search->start));
	if (r < 0)
		return r;
	*ret = take_ptr(body);
	return 0;
}

static int set_key_condition(struct json_object *body, const struct dynamodb_search *search)
{
	_cleanup_expression_ struct dynamodb_expression e = {};

	dynamodb_expression_init(&e);
	dynamodb_where(&e, DYNAMODB_PARTITION, "=", dynamodb_text(search->partition));
	if (search->kind)
		dynamodb_where(&e, DYNAMODB_KIND, "=", dynamodb_text(search->kind));
	return set_condition(body, "KeyConditionExpression", &e);
}

int dynamodb_query(const struct dynamodb_search *search, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	/* A filter's placeholders would have to be told from the key's. */
	if (!search->partition || search->filter)
		return -EINVAL;
	r = search_new(search, &body);
	if (r == 0)
		r = set_key_condition(body, search);
	return r < 0 ? r : aws_body_add(ret, body);
}

int dynamodb_scan(const struct dynamodb_search *search, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	if (search->segments > 0 ? search->segment >= search->segments : search->segment > 0)
		return -EINVAL;
	r = search_new(search, &body);
	if (r == 0 && search->segments > 0)
		r = json_set_u64(body, "Segment", search->segment);
	if (r == 0 && search->segments > 0)
		r = json_set_u64(body, "TotalSegments", search->segments);
	return r < 0 ? r : aws_body_add(ret, body);
}
