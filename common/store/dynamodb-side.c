#include "common/store/dynamodb-side.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"
#include "common/store/dynamodb-machine.h"

#define REVISION "revision"
#define BODY "body"
#define EXPIRES_MS "expires_ms"
#define TTL "ttl"

/* --- what can be asked ----------------------------------------------------------------------- */

static bool is_name(const char *name, size_t size)
{
	return name[0] && strlen(name) < size && text_is_utf8(name);
}

static int check_key(const char *partition, const char *kind, struct fault *fault)
{
	if (!is_name(partition, RUN_KEY_MAX) || !is_name(kind, STORE_KIND_MAX) ||
	    strcmp(kind, DYNAMODB_MACHINE) == 0)
		return fault_set(fault, EINVAL, "no item can be called '%.128s' / '%.24s'",
				 partition, kind);
	return 0;
}

/* What is not UTF-8 would be stored as something else, and a put that was executed not be known
 * again. */
static int check_body(const struct item *item, struct fault *fault)
{
	if (!item->body || !text_is_utf8(item->body))
		return fault_set(fault, EINVAL, "item '%s' / '%s' has %s", item->partition,
				 item->kind, item->body ? "a body that is not UTF-8" : "no body");
	if (strlen(item->body) > STORE_ITEM_BODY_MAX)
		return fault_set(fault, E2BIG, "item '%s' / '%s' is larger than %d bytes",
				 item->partition, item->kind, STORE_ITEM_BODY_MAX);
	return 0;
}

/* --- items ----------------------------------------------------------------------------------- */

static int set_expiry(struct json_object *object, uint64_t expires_ms)
{
	uint64_t sec = expires_ms / 1000 + (expires_ms % 1000 != 0);
	int r;

	if (expires_ms == 0)
		return 0;
	r = dynamodb_item_set(object, EXPIRES_MS, dynamodb_number(expires_ms));
	return r < 0 ? r : dynamodb_item_set(object, TTL, dynamodb_number(sec));
}

int dynamodb_side_to_item(const struct item *item, struct json_object **ret, struct fault *fault)
{
	const struct dynamodb_key key = { .partition = item->partition, .kind = item->kind };
	_cleanup_json_ struct json_object *object = NULL;
	int r;

	r = check_key(item->partition, item->kind, fault);
	if (r == 0 && item->revision == 0)
		r = fault_set(fault, EINVAL, "item '%s' / '%s' has no revision", item->partition,
			      item->kind);
	if (r == 0)
		r = check_body(item, fault);
	if (r < 0)
		return r;

	r = dynamodb_item_new(&key, &object);
	if (r == 0)
		r = dynamodb_item_set(object, REVISION, dynamodb_number(item->revision));
	if (r == 0)
		r = dynamodb_item_set(object, BODY, dynamodb_text(item->body));
	if (r == 0)
		r = set_expiry(object, item->expires_ms);
	if (r < 0)
		return fault_set(fault, -r, "out of memory");
	*ret = take_ptr(object);
	return 0;
}

/* An expiry of 0 is a past one here, as it is for the conditions: we never write it. */
static int read_expiry(struct json_object *object, uint64_t now_ms, uint64_t *ret,
		       struct fault *fault)
{
	uint64_t expires_ms = 0;
	int r;

	r = dynamodb_item_u64(object, EXPIRES_MS, &expires_ms, fault);
	if (r < 0)
		return r;
	if (r > 0 && expires_ms <= now_ms)
		return STORE_REFUSED;
	*ret = expires_ms;
	return 0;
}

static int read_body(struct json_object *object, struct item *item, struct fault *fault)
{
	const char *body = NULL;
	int r;

	r = dynamodb_item_u64(object, REVISION, &item->revision, fault);
	if (r >= 0)
		r = dynamodb_item_text(object, BODY, &body, fault);
	if (r < 0)
		return r;
	if (item->revision == 0 || !body)
		return fault_set(fault, EBADMSG, "no revision, or no body");
	if (strlen(body) > STORE_ITEM_BODY_MAX)
		return fault_set(fault, EBADMSG, "a body of more than %d bytes",
				 STORE_ITEM_BODY_MAX);
	item->body = strdup(body);
	return item->body ? 0 : fault_set(fault, ENOMEM, "out of memory");
}

int dynamodb_side_from_item(struct json_object *object, uint64_t now_ms, struct item *ret,
			    struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	struct dynamodb_key key = {};
	int r;

	r = dynamodb_item_key(object, &key, fault);
	if (r < 0)
		return r;
	if (strcmp(key.kind, DYNAMODB_MACHINE) == 0)
		return STORE_REFUSED;
	if (check_key(key.partition, key.kind, NULL) < 0 ||
	    str_copy(item.partition, sizeof(item.partition), key.partition) < 0 ||
	    str_copy(item.kind, sizeof(item.kind), key.kind) < 0)
		return fault_set(fault, EBADMSG, "an item with a bad name: '%.128s' / '%.24s'",
				 key.partition, key.kind);

	r = read_expiry(object, now_ms, &item.expires_ms, fault);
	if (r == 0)
		r = read_body(object, &item, fault);
	if (r < 0)
		return fault_wrap(fault, r, "item '%s' / '%s'", item.partition, item.kind);
	if (r > 0)
		return r;
	*ret = item;
	item.body = NULL;
	return 0;
}

/* --- conditions ------------------------------------------------------------------------------ */

static void where_revision(struct dynamodb_expression *e, uint64_t revision, uint64_t now_ms)
{
	struct dynamodb_value now = dynamodb_number(now_ms);

	if (revision == 0) {
		dynamodb_where_absent_or(e, DYNAMODB_PARTITION, EXPIRES_MS, "<=", now);
		return;
	}
	dynamodb_where(e, REVISION, "=", dynamodb_number(revision));
	dynamodb_where_absent_or(e, EXPIRES_MS, EXPIRES_MS, ">", now);
}

static void where_expired(struct dynamodb_expression *e, uint64_t now_ms)
{
	dynamodb_where(e, EXPIRES_MS, "<=", dynamodb_number(now_ms));
}

/* --- single items ---------------------------------------------------------------------------- */

int dynamodb_side_get(const char *table, const char *partition, const char *kind, struct buf *ret,
		      struct fault *fault)
{
	const struct dynamodb_key key = { .partition = partition, .kind = kind };
	int r;

	r = check_key(partition, kind, fault);
	return r < 0 ? r : dynamodb_get_item(table, &key, true, ret);
}

int dynamodb_side_put(const char *table, const struct item *item, uint64_t now_ms, struct buf *ret,
		      struct fault *fault)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	_cleanup_json_ struct json_object *object = NULL;
	struct item next = *item; /* borrows the body */
	int r;

	next.revision++;
	r = dynamodb_side_to_item(&next, &object, fault);
	if (r < 0)
		return r;
	dynamodb_expression_init(&e);
	where_revision(&e, item->revision, now_ms);
	return dynamodb_put_item(table, object, &e, ret);
}

int dynamodb_side_put_verdict(const struct item *wish, struct json_object *standing,
			      uint64_t now_ms, struct item *current, struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	int r = STORE_REFUSED;

	if (standing)
		r = dynamodb_side_from_item(standing, now_ms, &item, fault);
	if (r < 0)
		return r;
	if (r == 0 && item.body && item.revision == wish->revision + 1 &&
	    strcmp(item.body, wish->body) == 0)
		return 0;
	if (!current)
		return STORE_REFUSED;

	if (r > 0) {
		memcpy(item.partition, wish->partition, sizeof(item.partition));
		memcpy(item.kind, wish->kind, sizeof(item.kind));
	}
	*current = item;
	item.body = NULL;
	return STORE_REFUSED;
}

int dynamodb_side_remove(const char *table, const char *partition, const char *kind,
			 uint64_t revision, struct buf *ret, struct fault *fault)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct dynamodb_key key = { .partition = partition, .kind = kind };
	int r;

	r = check_key(partition, kind, fault);
	if (r < 0)
		return r;
	dynamodb_expression_init(&e);
	if (revision != 0)
		dynamodb_where(&e, REVISION, "=", dynamodb_number(revision));
	return dynamodb_delete_item(table, &key, &e, ret);
}

int dynamodb_side_remove_verdict(struct json_object *standing, uint64_t now_ms, struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	int r;

	if (!standing)
		return 0;
	r = dynamodb_side_from_item(standing, now_ms, &item, fault);
	if (r < 0)
		return r;
	return r == STORE_REFUSED ? 0 : STORE_REFUSED;
}

int dynamodb_side_purge(const char *table, const struct dynamodb_key *key, uint64_t now_ms,
			struct buf *ret, struct fault *fault)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	int r;

	r = check_key(key->partition, key->kind, fault);
	if (r < 0)
		return r;
	dynamodb_expression_init(&e);
	where_expired(&e, now_ms);
	return dynamodb_delete_item(table, key, &e, ret);
}

/* --- many items ------------------------------------------------------------------------------ */

int dynamodb_side_query(const char *table, const char *partition, const char *kind,
			struct json_object *start, struct buf *ret, struct fault *fault)
{
	const struct dynamodb_search search = {
		.table = table,
		.partition = partition,
		.kind = kind,
		.consistent = true,
		.start = start,
	};
	int r;

	r = check_key(partition, kind ? kind : "any", fault);
	return r < 0 ? r : dynamodb_query(&search, ret);
}

static int scan(const char *table, const struct dynamodb_expression *filter,
		const struct dynamodb_part *part, struct buf *ret)
{
	const struct dynamodb_search search = {
		.table = table,
		.filter = filter,
		.consistent = true,
		.segment = part->segment,
		.segments = part->segments,
		.start = part->start,
	};

	return dynamodb_scan(&search, ret);
}

static void where_side(struct dynamodb_expression *e)
{
	dynamodb_where(e, DYNAMODB_KIND, "<>", dynamodb_text(DYNAMODB_MACHINE));
}

int dynamodb_side_scan(const char *table, const char *kind, const struct dynamodb_part *part,
		       struct buf *ret, struct fault *fault)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	int r;

	r = check_key("any", kind ? kind : "any", fault);
	if (r < 0)
		return r;
	dynamodb_expression_init(&e);
	if (kind)
		dynamodb_where(&e, DYNAMODB_KIND, "=", dynamodb_text(kind));
	else
		where_side(&e);
	return scan(table, &e, part, ret);
}

int dynamodb_side_scan_expired(const char *table, uint64_t now_ms, const struct dynamodb_part *part,
			       struct buf *ret)
{
	_cleanup_expression_ struct dynamodb_expression e = {};

	dynamodb_expression_init(&e);
	where_side(&e);
	where_expired(&e, now_ms);
	return scan(table, &e, part, ret);
}
