/* Values, items and expressions of DynamoDB. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/dynamodb.h"
#include "common/base/parse.h"

#define NUMBER_TEXT_MAX 24
#define PLACEHOLDER_MAX 24

/* --- values and items ------------------------------------------------------------------------ */

/* {"N":"3"}; NULL when there is no memory. */
static struct json_object *value_new(struct dynamodb_value value)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	char digits[NUMBER_TEXT_MAX];
	int r = -ENOMEM;

	if (!object)
		return NULL;

	switch (value.type) {
	case DYNAMODB_TEXT:
		r = json_set_text(object, "S", value.text);
		break;
	case DYNAMODB_NUMBER:
		(void)snprintf(digits, sizeof(digits), "%" PRIu64, value.number);
		r = json_set_text(object, "N", digits);
		break;
	case DYNAMODB_BOOL:
		r = json_set_bool(object, "BOOL", value.number != 0);
		break;
	}
	return r == 0 ? take_ptr(object) : NULL;
}

int dynamodb_item_set(struct json_object *item, const char *name, struct dynamodb_value value)
{
	return json_set(item, name, value_new(value));
}

int dynamodb_item_new(const struct dynamodb_key *key, struct json_object **ret)
{
	_cleanup_json_ struct json_object *item = json_object_new_object();
	int r;

	if (!item)
		return -ENOMEM;
	r = dynamodb_item_set(item, DYNAMODB_PARTITION, dynamodb_text(key->partition));
	if (r == 0)
		r = dynamodb_item_set(item, DYNAMODB_KIND, dynamodb_text(key->kind));
	if (r < 0)
		return r;
	*ret = take_ptr(item);
	return 0;
}

/* What stands behind the type of an attribute: 1, 0 for no such attribute. */
static int get_attribute(struct json_object *item, const char *name, struct json_object **ret,
			 struct fault *fault)
{
	int r;

	r = json_get_object(item, name, ret, fault);
	if (r > 0 && json_object_object_length(*ret) != 1)
		return fault_set(fault, EBADMSG, "attribute '%s' is not of one type", name);
	return r;
}

static int other_type(const char *name, const char *wanted, struct fault *fault)
{
	return fault_set(fault, EBADMSG, "attribute '%s' is not of type %s", name, wanted);
}

int dynamodb_item_text(struct json_object *item, const char *name, const char **ret,
		       struct fault *fault)
{
	struct json_object *attribute = NULL;
	int r;

	r = get_attribute(item, name, &attribute, fault);
	if (r <= 0)
		return r;
	r = json_get_text(attribute, "S", ret, fault);
	return r == 0 ? other_type(name, "S", fault) : r;
}

int dynamodb_item_u64(struct json_object *item, const char *name, uint64_t *ret,
		      struct fault *fault)
{
	struct json_object *attribute = NULL;
	const char *text = NULL;
	int r;

	r = get_attribute(item, name, &attribute, fault);
	if (r <= 0)
		return r;
	r = json_get_text(attribute, "N", &text, fault);
	if (r <= 0)
		return r == 0 ? other_type(name, "N", fault) : r;
	if (parse_u64(text, ret) < 0)
		return fault_set(fault, EBADMSG, "attribute '%s': '%.40s' is no number from 0 on",
				 name, text);
	return 1;
}

int dynamodb_item_bool(struct json_object *item, const char *name, bool *ret, struct fault *fault)
{
	struct json_object *attribute = NULL;
	int r;

	r = get_attribute(item, name, &attribute, fault);
	if (r <= 0)
		return r;
	r = json_get_bool(attribute, "BOOL", ret, fault);
	return r == 0 ? other_type(name, "BOOL", fault) : r;
}

int dynamodb_item_key(struct json_object *item, struct dynamodb_key *ret, struct fault *fault)
{
	struct dynamodb_key key = {};
	int r;

	r = dynamodb_item_text(item, DYNAMODB_PARTITION, &key.partition, fault);
	if (r > 0)
		r = dynamodb_item_text(item, DYNAMODB_KIND, &key.kind, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "an item without %s and %s", DYNAMODB_PARTITION,
				 DYNAMODB_KIND);
	if (r < 0)
		return r;
	*ret = key;
	return 0;
}

/* --- expressions ----------------------------------------------------------------------------- */

void dynamodb_expression_init(struct dynamodb_expression *e)
{
	*e = (struct dynamodb_expression){
		.names = json_object_new_object(),
		.values = json_object_new_object(),
	};
	buf_init(&e->condition, DYNAMODB_EXPRESSION_MAX);
	buf_init(&e->set, DYNAMODB_EXPRESSION_MAX);
	buf_init(&e->remove, DYNAMODB_EXPRESSION_MAX);
	if (!e->names || !e->values)
		e->result = -ENOMEM;
}

void dynamodb_expression_done(struct dynamodb_expression *e)
{
	buf_done(&e->condition);
	buf_done(&e->set);
	buf_done(&e->remove);
	json_object_put(take_ptr(e->names));
	json_object_put(take_ptr(e->values));
}

static void keep_error(struct dynamodb_expression *e, int r)
{
	if (r < 0 && e->result == 0)
		e->result = r == -ENOBUFS ? -E2BIG : r;
}

/* "#3": that of a name which has one already, or a new one. */
static void name_placeholder(struct dynamodb_expression *e, const char *name, char *ret)
{
	if (e->result < 0)
		return;
	json_object_object_foreach(e->names, placeholder, known)
	{
		if (strcmp(json_object_get_string(known), name) == 0) {
			(void)snprintf(ret, PLACEHOLDER_MAX, "%s", placeholder);
			return;
		}
	}
	(void)snprintf(ret, PLACEHOLDER_MAX, "#%d", json_object_object_length(e->names));
	keep_error(e, json_set_text(e->names, ret, name));
}

/* ":3", always a new one. */
static void value_placeholder(struct dynamodb_expression *e, struct dynamodb_value value, char *ret)
{
	if (e->result < 0)
		return;
	(void)snprintf(ret, PLACEHOLDER_MAX, ":%d", json_object_object_length(e->values));
	keep_error(e, json_set(e->values, ret, value_new(value)));
}

/* What stands between a condition and the one before it. */
static const char *and_then(const struct dynamodb_expression *e)
{
	return e->condition.size > 0 ? " AND " : "";
}

void dynamodb_where(struct dynamodb_expression *e, const char *name, const char *operator,
		    struct dynamodb_value value)
{
	char n[PLACEHOLDER_MAX] = "", v[PLACEHOLDER_MAX] = "";

	name_placeholder(e, name, n);
	value_placeholder(e, value, v);
	keep_error(e, buf_printf(&e->condition, "%s%s %s %s", and_then(e), n, operator, v));
}

void dynamodb_where_any(struct dynamodb_expression *e, const char *name,
			const struct dynamodb_value *values, size_t n)
{
	char placeholder[PLACEHOLDER_MAX] = "";

	if (n == 0 || n > DYNAMODB_IN_MAX) {
		keep_error(e, n == 0 ? -EINVAL : -E2BIG);
		return;
	}
	name_placeholder(e, name, placeholder);
	keep_error(e, buf_printf(&e->condition, "%s%s IN (", and_then(e), placeholder));
	for (size_t i = 0; i < n; i++) {
		value_placeholder(e, values[i], placeholder);
		keep_error(e, buf_printf(&e->condition, "%s%s", i > 0 ? ", " : "", placeholder));
	}
	keep_error(e, buf_add_text(&e->condition, ")"));
}

void dynamodb_where_present(struct dynamodb_expression *e, const char *name)
{
	char n[PLACEHOLDER_MAX] = "";

	name_placeholder(e, name, n);
	keep_error(e, buf_printf(&e->condition, "%sattribute_exists(%s)", and_then(e), n));
}

void dynamodb_where_absent(struct dynamodb_expression *e, const char *name)
{
	char n[PLACEHOLDER_MAX] = "";

	name_placeholder(e, name, n);
	keep_error(e, buf_printf(&e->condition, "%sattribute_not_exists(%s)", and_then(e), n));
}

void dynamodb_where_absent_or(struct dynamodb_expression *e, const char *absent, const char *name,
			      const char *operator, struct dynamodb_value value)
{
	char a[PLACEHOLDER_MAX] = "", n[PLACEHOLDER_MAX] = "", v[PLACEHOLDER_MAX] = "";

	name_placeholder(e, absent, a);
	name_placeholder(e, name, n);
	value_placeholder(e, value, v);
	keep_error(e, buf_printf(&e->condition, "%s(attribute_not_exists(%s) OR %s %s %s)",
				 and_then(e), a, n, operator, v));
}

void dynamodb_set(struct dynamodb_expression *e, const char *name, struct dynamodb_value value)
{
	char n[PLACEHOLDER_MAX] = "", v[PLACEHOLDER_MAX] = "";

	name_placeholder(e, name, n);
	value_placeholder(e, value, v);
	keep_error(e, buf_printf(&e->set, "%s%s = %s", e->set.size > 0 ? ", " : "", n, v));
}

void dynamodb_remove(struct dynamodb_expression *e, const char *name)
{
	char n[PLACEHOLDER_MAX] = "";

	name_placeholder(e, name, n);
	keep_error(e, buf_printf(&e->remove, "%s%s", e->remove.size > 0 ? ", " : "", n));
}
