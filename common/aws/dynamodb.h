#pragma once

/*
 * DynamoDB: bodies of requests, and readers of answers. Pure; whoever sends them adds the header
 * X-Amz-Target, DYNAMODB_TARGET and the operation that each builder names.
 *
 * Every table of ours has the same two keys, both text: pk, the partition (a machine id or a run
 * key), and sk, the kind. An instance's role can then be held to its own partition.
 *
 * Numbers travel as text and are 64-bit integers here, never doubles.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/body.h"
#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/json.h"
#include "common/base/macro.h"

#define DYNAMODB_TARGET "DynamoDB_20120810."
#define DYNAMODB_PARTITION "pk"
#define DYNAMODB_KIND "sk"
#define DYNAMODB_BATCH_MAX 100       /* keys in one BatchGetItem */
#define DYNAMODB_EXPRESSION_MAX 4096 /* bytes of one expression: the service's limit */
#define DYNAMODB_IN_MAX 100          /* operands of one IN: the service's limit */

struct dynamodb_key {
	const char *partition;
	const char *kind;
};

/* --- values ---------------------------------------------------------------------------------- */

enum dynamodb_type { DYNAMODB_TEXT, DYNAMODB_NUMBER, DYNAMODB_BOOL };

struct dynamodb_value {
	enum dynamodb_type type;
	const char *text; /* borrowed */
	uint64_t number;  /* DYNAMODB_BOOL: 0 or 1 */
};

static inline struct dynamodb_value dynamodb_text(const char *text)
{
	return (struct dynamodb_value){ .type = DYNAMODB_TEXT, .text = text };
}

static inline struct dynamodb_value dynamodb_number(uint64_t number)
{
	return (struct dynamodb_value){ .type = DYNAMODB_NUMBER, .number = number };
}

static inline struct dynamodb_value dynamodb_bool(bool value)
{
	return (struct dynamodb_value){ .type = DYNAMODB_BOOL, .number = value };
}

/* An item is a JSON object of attributes, as it travels: {"pk":{"S":"i-1"},"seq":{"N":"3"}}. */
int dynamodb_item_new(const struct dynamodb_key *key, struct json_object **ret) _must_check_;
int dynamodb_item_set(struct json_object *item, const char *name,
		      struct dynamodb_value value) _must_check_;

/* 1 found, 0 absent (*ret untouched), -EBADMSG of another type, or no whole number of 64 bits. Text
 * is borrowed from the item. */
int dynamodb_item_text(struct json_object *item, const char *name, const char **ret,
		       struct fault *fault) _must_check_;
int dynamodb_item_u64(struct json_object *item, const char *name, uint64_t *ret,
		      struct fault *fault) _must_check_;
int dynamodb_item_bool(struct json_object *item, const char *name, bool *ret,
		       struct fault *fault) _must_check_;
/* Both keys, or -EBADMSG. */
int dynamodb_item_key(struct json_object *item, struct dynamodb_key *ret,
		      struct fault *fault) _must_check_;

/* --- expressions ----------------------------------------------------------------------------- */

/*
 * What must hold, and what is written. All conditions must hold together. Names and values get
 * placeholders of their own, so that no name is ever a reserved word and no value is ever syntax.
 *
 * The first error is kept in result, and a request that is built with the expression returns it:
 * -ENOMEM; -E2BIG for an expression that the service would refuse for its length; -EINVAL for one
 * without any operand.
 */
struct dynamodb_expression {
	struct buf condition;
	struct buf set;
	struct buf remove;
	struct json_object *names;  /* owned */
	struct json_object *values; /* owned */
	int result;
};

void dynamodb_expression_init(struct dynamodb_expression *e);
void dynamodb_expression_done(struct dynamodb_expression *e);
#define _cleanup_expression_ _cleanup_(dynamodb_expression_done)

/* operator: "=", "<>", "<", "<=", ">", ">=". An absent attribute holds for none of them but "<>".
 */
void dynamodb_where(struct dynamodb_expression *e, const char *name, const char *operator,
		    struct dynamodb_value value);
void dynamodb_where_any(struct dynamodb_expression *e, const char *name,
			const struct dynamodb_value *values, size_t n);
void dynamodb_where_present(struct dynamodb_expression *e, const char *name);
void dynamodb_where_absent(struct dynamodb_expression *e, const char *name);
/* Either is enough: that the one attribute is absent, or that the comparison holds of the other,
 * which may be the same. */
void dynamodb_where_absent_or(struct dynamodb_expression *e, const char *absent, const char *name,
			      const char *operator, struct dynamodb_value value);

void dynamodb_set(struct dynamodb_expression *e, const char *name, struct dynamodb_value value);
void dynamodb_remove(struct dynamodb_expression *e, const char *name);

/* --- requests -------------------------------------------------------------------------------- */

/* GetItem. */
int dynamodb_get_item(const char *table, const struct dynamodb_key *key, bool consistent,
		      struct buf *ret) _must_check_;

/* BatchGetItem, 1 to DYNAMODB_BATCH_MAX different keys: -EINVAL. */
int dynamodb_batch_get_item(const char *table, const struct dynamodb_key *keys, size_t n,
			    bool consistent, struct buf *ret) _must_check_;

/* UpdateItem. The answer is the whole item as the write has left it, strongly consistent; that of a
 * condition which does not hold (-ESTALE) is the item that refused it. Neither costs a read. */
int dynamodb_update_item(const char *table, const struct dynamodb_key *key,
			 const struct dynamodb_expression *e, struct buf *ret) _must_check_;

/* PutItem and DeleteItem; the condition may be NULL. */
int dynamodb_put_item(const char *table, struct json_object *item,
		      const struct dynamodb_expression *condition, struct buf *ret) _must_check_;
int dynamodb_delete_item(const char *table, const struct dynamodb_key *key,
			 const struct dynamodb_expression *condition, struct buf *ret) _must_check_;

/* Which items a Query or a Scan is after; its answers come by pages. */
struct dynamodb_search {
	const char *table;
	const char *partition;                    /* of a Query */
	const char *kind;                         /* of a Query; NULL: any */
	const struct dynamodb_expression *filter; /* of a Scan: its conditions; NULL: none */
	bool consistent;
	uint64_t segment;          /* of a Scan: which of the segments */
	uint64_t segments;         /* 0: the whole table at once */
	struct json_object *start; /* borrowed: next of the page before; NULL: the first page */
};
/* Query; -EINVAL without a partition, or with a filter. */
int dynamodb_query(const struct dynamodb_search *search, struct buf *ret) _must_check_;
/* Scan; -EINVAL for a segment that is none of the segments. */
int dynamodb_scan(const struct dynamodb_search *search, struct buf *ret) _must_check_;

/* --- answers --------------------------------------------------------------------------------- */

/* Of GetItem, UpdateItem, PutItem and DeleteItem, and of a condition that did not hold. */
struct dynamodb_answer {
	struct json_object *root; /* owned */
	struct json_object *item; /* borrowed from root; NULL: there is none */
	uint64_t capacity_milli;  /* thousandths of the units that it has cost; 0: not told */
};
int dynamodb_answer_read(const char *body, size_t size, struct dynamodb_answer *ret,
			 struct fault *fault) _must_check_;
void dynamodb_answer_done(struct dynamodb_answer *answer);
#define _cleanup_dynamodb_answer_ _cleanup_(dynamodb_answer_done)

/* Of Query and Scan, and of BatchGetItem. */
struct dynamodb_page {
	struct json_object *root;  /* owned */
	struct json_object *items; /* borrowed: an array of items; NULL: none */
	size_t n;
	struct json_object *next; /* borrowed: where the next page starts; NULL: this is the last */
	struct json_object *unprocessed; /* borrowed: an array of keys that BatchGetItem was too
					    busy for, to be asked again; NULL: none */
	size_t n_unprocessed;
	uint64_t capacity_milli;
};
int dynamodb_page_read(const char *body, size_t size, struct dynamodb_page *ret,
		       struct fault *fault) _must_check_;
int dynamodb_batch_read(const char *body, size_t size, const char *table, struct dynamodb_page *ret,
			struct fault *fault) _must_check_;
void dynamodb_page_done(struct dynamodb_page *page);
#define _cleanup_dynamodb_page_ _cleanup_(dynamodb_page_done)
