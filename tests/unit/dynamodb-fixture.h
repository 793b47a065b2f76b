#pragma once

/* An UpdateItem as DynamoDB would carry it out, as far as our requests go: conditions joined by
 * AND, SET of values, REMOVE. What it does not know ends the test. */

#include <string.h>

#include "common/aws/dynamodb.h"
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

static inline bool holds_comparison(struct update *u)
{
	struct json_object *is = attribute(u);
	bool equal = skip(u, " = ");

	MUST(equal || skip(u, " <> "));
	return json_object_equal(is, placeholder(u)) == equal;
}

static inline bool holds_one(struct update *u)
{
	bool is;

	if (skip(u, "attribute_not_exists(") || skip(u, "attribute_exists(")) {
		bool wanted = u->at[-(int)strlen("not_exists(")] != 'n';

		is = (attribute(u) != NULL) == wanted;
		MUST(skip(u, ")"));
		return is;
	}
	if (!skip(u, "("))
		return holds_comparison(u);
	is = holds_comparison(u);
	MUST(skip(u, " OR attribute_not_exists("));
	is |= attribute(u) == NULL;
	MUST(skip(u, "))"));
	return is;
}

static inline bool condition_holds(struct update *u)
{
	bool holds = true;

	u->at = member_text(u->request, "ConditionExpression");
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

	if (!condition_holds(&u))
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
