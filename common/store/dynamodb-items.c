/* Side items. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/dynamodb-side.h"
#include "common/store/dynamodb-store.h"

#define PURGE_AT_ONCE 64

static struct dynamodb_store *store_of(struct store *store)
{
	return container_of(store, struct dynamodb_store, store);
}

/* Sends a call whose body is there, and reads what it answers. */
static int ask(struct dynamodb_store *s, struct aws_call *call, struct dynamodb_answer *ret,
	       struct fault *fault)
{
	int r = dynamodb_perform(s, call, 1, fault);

	return r < 0 ? r : dynamodb_read_answer(s, call, ret, fault);
}

int store_dynamodb_item_get(struct store *store, const char *partition, const char *kind,
			    struct item *ret, struct fault *fault)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	_cleanup_aws_call_ struct aws_call call;
	struct dynamodb_store *s = store_of(store);
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	dynamodb_call_init(&call, "GetItem");
	r = dynamodb_side_get(s->table, partition, kind, &call.body, fault);
	if (r == 0)
		r = ask(s, &call, &answer, fault);
	if (r < 0)
		return r;
	return answer.item ? dynamodb_side_from_item(answer.item, dynamodb_now_ms(s), ret, fault)
			   : STORE_REFUSED;
}

int store_dynamodb_item_put(struct store *store, struct item *item, struct item *current,
			    struct fault *fault)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	_cleanup_aws_call_ struct aws_call call;
	struct dynamodb_store *s = store_of(store);
	uint64_t now_ms;
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	now_ms = dynamodb_now_ms(s);
	dynamodb_call_init(&call, "PutItem");
	r = dynamodb_side_put(s->table, item, now_ms, &call.body, fault);
	if (r == 0)
		r = ask(s, &call, &answer, fault);
	if (r == 0 && call.result < 0)
		r = dynamodb_side_put_verdict(item, answer.item, now_ms, current, fault);
	if (r == 0)
		item->revision++;
	return r;
}

int store_dynamodb_item_remove(struct store *store, const char *partition, const char *kind,
			       uint64_t revision, struct fault *fault)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	_cleanup_aws_call_ struct aws_call call;
	struct dynamodb_store *s = store_of(store);
	uint64_t now_ms;
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	now_ms = dynamodb_now_ms(s);
	dynamodb_call_init(&call, "DeleteItem");
	r = dynamodb_side_remove(s->table, partition, kind, revision, &call.body, fault);
	if (r == 0)
		r = ask(s, &call, &answer, fault);
	if (r < 0 || call.result == 0)
		return r;
	return answer.item ? dynamodb_side_remove_verdict(answer.item, now_ms, fault) : 0;
}

/* --- scans ----------------------------------------------------------------------------------- */

struct item_search {
	const char *partition, *kind;
	item_fn *each;
	void *context;
};

static int make_query(const struct dynamodb_store *s, _unused_ size_t segment,
		      struct json_object *start, void *context, struct buf *ret)
{
	const struct item_search *search = context;

	return dynamodb_side_query(s->table, search->partition, search->kind, start, ret, NULL);
}

static int make_scan(const struct dynamodb_store *s, size_t segment, struct json_object *start,
		     void *context, struct buf *ret)
{
	const struct dynamodb_part part = { segment, DYNAMODB_SEGMENTS, start };
	const struct item_search *search = context;

	return dynamodb_side_scan(s->table, search->kind, &part, ret, NULL);
}

static int show_item(struct dynamodb_store *s, struct json_object *object, void *context,
		     struct fault *fault)
{
	const struct item_search *search = context;
	_cleanup_item_ struct item item = {};
	int r = dynamodb_side_from_item(object, dynamodb_now_ms(s), &item, fault);

	if (r == STORE_REFUSED)
		return 0;
	return r < 0 ? r : search->each(&item, search->context);
}

int store_dynamodb_item_scan(struct store *store, const char *partition, const char *kind,
			     item_fn *each, void *context, struct fault *fault)
{
	static const struct dynamodb_search_ops query = { "Query", 1, make_query, show_item };
	static const struct dynamodb_search_ops scan = { "Scan", DYNAMODB_SEGMENTS, make_scan,
							 show_item };
	struct item_search search = { partition, kind, each, context };

	return dynamodb_search(store_of(store), partition ? &query : &scan, &search, fault);
}

/* --- purge ----------------------------------------------------------------------------------- */

/* What has expired as of now, some at a time: a scan may not write. */
struct purge {
	uint64_t now_ms;
	struct {
		char partition[RUN_KEY_MAX];
		char kind[STORE_KIND_MAX];
	} found[PURGE_AT_ONCE];
	size_t n;
};

static int make_expired(const struct dynamodb_store *s, size_t segment, struct json_object *start,
			void *context, struct buf *ret)
{
	const struct dynamodb_part part = { segment, DYNAMODB_SEGMENTS, start };
	const struct purge *purge = context;

	return dynamodb_side_scan_expired(s->table, purge->now_ms, &part, ret);
}

static int note_expired(_unused_ struct dynamodb_store *s, struct json_object *item, void *context,
			struct fault *fault)
{
	struct purge *purge = context;
	struct dynamodb_key key;
	int r = dynamodb_item_key(item, &key, fault);

	if (r < 0)
		return r;
	if (purge->n == PURGE_AT_ONCE)
		return -ENOBUFS; /* the next round finds them */
	r = str_copy(purge->found[purge->n].partition, RUN_KEY_MAX, key.partition);
	if (r == 0)
		r = str_copy(purge->found[purge->n].kind, STORE_KIND_MAX, key.kind);
	purge->n += r == 0;
	return 0;
}

static int remove_found(struct dynamodb_store *s, const struct purge *purge, struct fault *fault)
{
	_cleanup_dynamodb_calls_ struct dynamodb_calls calls = {};
	int r = dynamodb_calls_new(purge->n, &calls, fault), removed = 0;

	for (size_t i = 0; r == 0 && i < purge->n; i++) {
		const struct dynamodb_key key = { purge->found[i].partition, purge->found[i].kind };
		struct aws_call *call = dynamodb_calls_next(&calls, "DeleteItem", i);

		r = dynamodb_side_purge(s->table, &key, purge->now_ms, &call->body, fault);
	}
	if (r == 0)
		r = dynamodb_perform(s, calls.rows, calls.n, fault);
	for (size_t i = 0; r == 0 && i < calls.n; i++)
		removed += calls.rows[i].result == 0;
	return r < 0 ? r : removed;
}

int store_dynamodb_purge(struct store *store, struct fault *fault)
{
	static const struct dynamodb_search_ops ops = { "Scan", DYNAMODB_SEGMENTS, make_expired,
							note_expired };
	struct dynamodb_store *s = store_of(store);
	_cleanup_free_ struct purge *purge = calloc(1, sizeof(*purge));
	int r, removed = 0;

	if (!purge)
		return fault_set(fault, ENOMEM, "%m");
	do {
		*purge = (struct purge){ .now_ms = dynamodb_now_ms(s) };
		r = dynamodb_search(s, &ops, purge, fault);
		if (r < 0 && r != -ENOBUFS)
			return r;
		if (purge->n == 0)
			break;
		r = remove_found(s, purge, fault);
		if (r < 0)
			return r;
		removed += r;
	} while (purge->n == PURGE_AT_ONCE && r > 0);
	return removed;
}
