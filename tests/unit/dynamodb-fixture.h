#pragma once

/* Writes as DynamoDB would carry them out, as far as our requests go: conditions joined by AND, of
 * two alternatives at most; SET of values, REMOVE. What it does not know ends the test. */

#include <string.h>

#include "common/aws/dynamodb.h"
#include "common/base/parse.h"
#include "tests/test.h"

/* Not an assertion, which would write a line for each of very many steps. */
#define MUST(condition)                                 \
	do {                                            \
		if (!(condition))                       \
			ck_abort_msg("%s", #condition); \
	} while (0)

static inline struct json_object *parsed(const char *text)
{
	struct json_object *object = NULL;
	struct fault fault = {};

	ck_assert_msg(json_parse(text, strlen(text), "request", &object, &fault) == 0, "%s: %s",
		      text, fault.text);
	return object;
}

static inline struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

static inline const char *member_text(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	return value ? json_object_get_string(value) : "";
}

struct update {
	struct json_object *request;
	struct json_object *item;
	const char *at; /* what is left of the expression */
};

static inline bool skip(struct update *u, const char *text)
{
	if (strncmp(u->at, text, strlen(text)) != 0)
		return false;
	u->at += strlen(text);
	return true;
}

/* "#3" or ":3", looked up. */
static inline struct json_object *placeholder(struct update *u)
{
	char name[16] = "";
	size_t n = 1 + strspn(u->at + 1, "0123456789");
	struct json_object *value;

	MUST((*u->at == '#' || *u->at == ':') && n < sizeof(name));
	memcpy(name, u->at, n);
	u->at += n;
	value = member(member(u->request, name[0] == '#' ? "ExpressionAttributeNames"
							 : "ExpressionAttributeValues"),
		       name);
	MUST(value);
	return value;
}

static inline struct json_object *attribute(struct update *u)
{
	return member(u->item, json_object_get_string(placeholder(u)));
}

/* The order of two numbers; one that is not there is in none. */
static inline bool holds_order(struct json_object *is, const char *operator,
			       struct json_object * than)
{
	uint64_t a, b;

	if (!is)
		return false;
	MUST(parse_u64(member_text(is, "N"), &a) == 0 &&
	     parse_u64(member_text(than, "N"), &b) == 0);
	if (a == b)
		return operator[1] == '=';
	return (a < b) == (operator[0] == '<');
}

static inline bool holds_comparison(struct update *u)
{
	static const char *const operators[] = { "<=", ">=", "<", ">" };
	struct json_object *is = attribute(u);

	MUST(skip(u, " "));
	if (skip(u, "= "))
		return json_object_equal(is, placeholder(u));
	if (skip(u, "<> "))
		return !json_object_equal(is, placeholder(u));
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (skip(u, operators[i])) {
			MUST(skip(u, " "));
			return holds_order(is, operators[i], placeholder(u));
		}
	}
	ck_abort_msg("%s", u->at);
}

static inline bool holds_simple(struct update *u)
{
	bool absent = skip(u, "attribute_not_exists(");
	bool is;

	if (!absent && !skip(u, "attribute_exists("))
		return holds_comparison(u);
	is = (attribute(u) == NULL) == absent;
	MUST(skip(u, ")"));
	return is;
}

static inline bool holds_one(struct update *u)
{
	bool is;

	if (!skip(u, "("))
		return holds_simple(u);
	is = holds_simple(u);
	MUST(skip(u, " OR "));
	is |= holds_simple(u);
	MUST(skip(u, ")"));
	return is;
}

/* A request without the expression asks for nothing. */
static inline bool expression_holds(struct update *u, const char *key)
{
	bool holds = true;

	u->at = member_text(u->request, key);
	if (*u->at == '\0')
		return true;
	do {
		holds &= holds_one(u);
	} while (skip(u, " AND "));
	MUST(*u->at == '\0');
	return holds;
}

static inline void carry_out(struct update *u)
{
	u->at = member_text(u->request, "UpdateExpression");
	if (skip(u, "SET ")) {
		do {
			const char *name = json_object_get_string(placeholder(u));

			MUST(skip(u, " = "));
			(void)json_object_object_add(u->item, name,
						     json_object_get(placeholder(u)));
		} while (skip(u, ", "));
		(void)skip(u, " ");
	}
	if (skip(u, "REMOVE ")) {
		do {
			json_object_object_del(u->item, json_object_get_string(placeholder(u)));
		} while (skip(u, ", "));
	}
	MUST(*u->at == '\0');
}

/* Whether the condition of the request holds of the item, which is then as the update leaves it. An
 * item that is not there is an empty object. */
static inline bool update_item(struct json_object *request, struct json_object *item)
{
	struct update u = { .request = request, .item = item };

	if (!expression_holds(&u, "ConditionExpression"))
		return false;
	carry_out(&u);
	if (!member(item, DYNAMODB_PARTITION)) {
		json_object_object_foreach(member(request, "Key"), key, value)
		{
			(void)json_object_object_add(item, key, json_object_get(value));
		}
	}
	return true;
}

/* The same for a PutItem; the item is owned. */
static inline bool put_item(struct json_object *request, struct json_object **item)
{
	struct update u = { .request = request, .item = *item };

	if (!expression_holds(&u, "ConditionExpression"))
		return false;
	json_object_put(*item);
	*item = json_object_get(member(request, "Item"));
	return true;
}

static inline bool delete_item(struct json_object *request, struct json_object **item)
{
	struct update u = { .request = request, .item = *item };

	if (!expression_holds(&u, "ConditionExpression"))
		return false;
	json_object_put(*item);
	*item = json_object_new_object();
	return true;
}

/* Whether a Scan shows the item. */
static inline bool filter_passes(struct json_object *request, struct json_object *item)
{
	struct update u = { .request = request, .item = item };

	return expression_holds(&u, "FilterExpression");
}
