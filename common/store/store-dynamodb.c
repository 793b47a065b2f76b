#include "common/store/store-dynamodb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/aws/dynamodb-table.h"
#include "common/base/backoff.h"
#include "common/base/io.h"
#include "common/store/dynamodb-store.h"

#define CREATE_USEC (120 * USEC_PER_SEC) /* until a new table can be used */
#define EXPIRY_ATTRIBUTE "ttl"

/* --- calls ----------------------------------------------------------------------------------- */

int dynamodb_check(const struct dynamodb_store *s, struct fault *fault)
{
	if (getpid() != s->pid)
		return fault_set(fault, ECHILD,
				 "table %s was opened by process %d, not by this one: a process "
				 "must open its own",
				 s->table, (int)s->pid);
	if (s->scanning)
		return fault_set(fault, EDEADLK, "table %s is being scanned: finish the scan first",
				 s->table);
	return 0;
}

uint64_t dynamodb_now_ms(const struct dynamodb_store *s)
{
	return s->own_clock ? clock_wall_ms(s->clock) : aws_now_ms(s->aws);
}

void dynamodb_call_init(struct aws_call *call, const char *operation)
{
	aws_call_init(call, AWS_DYNAMODB, operation, DYNAMODB_BODY_MAX);
	call->patience_usec = DYNAMODB_PATIENCE_USEC;
}

int dynamodb_calls_new(size_t max, struct dynamodb_calls *ret, struct fault *fault)
{
	*ret = (struct dynamodb_calls){
		.rows = calloc(max + 1, sizeof(*ret->rows)),
		.of = calloc(max + 1, sizeof(*ret->of)),
	};
	return ret->rows && ret->of ? 0 : fault_set(fault, ENOMEM, "%m");
}

struct aws_call *dynamodb_calls_next(struct dynamodb_calls *calls, const char *operation, size_t of)
{
	struct aws_call *call = &calls->rows[calls->n];

	dynamodb_call_init(call, operation);
	calls->of[calls->n++] = of;
	return call;
}

void dynamodb_calls_done(struct dynamodb_calls *calls)
{
	for (size_t i = 0; i < calls->n; i++)
		aws_call_done(&calls->rows[i]);
	free(calls->rows);
	free(calls->of);
}

int dynamodb_perform(struct dynamodb_store *s, struct aws_call *calls, size_t n,
		     struct fault *fault)
{
	int r = aws_perform(s->aws, calls, n, fault);

	s->usage.calls += n;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (calls[i].result == 0 || calls[i].result == -ESTALE)
			continue;
		r = calls[i].result;
		if (fault)
			*fault = calls[i].fault;
	}
	return r;
}

int dynamodb_read_answer(struct dynamodb_store *s, const struct aws_call *call,
			 struct dynamodb_answer *ret, struct fault *fault)
{
	int r = dynamodb_answer_read(buf_text(&call->answer.body), call->answer.body.size, ret,
				     fault);

	if (r == 0)
		s->usage.capacity_milli += ret->capacity_milli;
	return r;
}

/* --- searches -------------------------------------------------------------------------------- */

struct segment {
	struct dynamodb_page page; /* the last one: it bears where the next one starts */
	bool done;
};

static int fill_page_call(struct dynamodb_store *s, const struct dynamodb_search_ops *ops,
			  const struct segment *segment, size_t number, void *context,
			  struct aws_call *call, struct fault *fault)
{
	int r;

	dynamodb_call_init(call, ops->operation);
	r = ops->make(s, number, segment->page.next, context, &call->body);
	return r < 0 ? fault_set(fault, r, "cannot ask for what is in table %s: %m", s->table) : 0;
}

static int show_page(struct dynamodb_store *s, const struct dynamodb_search_ops *ops,
		     struct segment *segment, const struct aws_call *call, void *context,
		     struct fault *fault)
{
	int r;

	dynamodb_page_done(&segment->page);
	r = dynamodb_page_read(buf_text(&call->answer.body), call->answer.body.size, &segment->page,
			       fault);
	if (r < 0)
		return r;
	s->usage.capacity_milli += segment->page.capacity_milli;
	segment->done = !segment->page.next;
	for (size_t i = 0; r == 0 && i < segment->page.n; i++)
		r = ops->each(s, json_object_array_get_idx(segment->page.items, i), context, fault);
	return r < 0 ? r : 0;
}

/* The next page of every segment that has one. How many there were. */
static int search_once(struct dynamodb_store *s, const struct dynamodb_search_ops *ops,
		       struct segment *segments, void *context, struct fault *fault)
{
	struct aws_call calls[DYNAMODB_SEGMENTS];
	size_t of[DYNAMODB_SEGMENTS], n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ops->segments; i++) {
		if (segments[i].done)
			continue;
		r = fill_page_call(s, ops, &segments[i], i, context, &calls[n], fault);
		of[n++] = i;
	}
	if (r == 0 && n > 0)
		r = dynamodb_perform(s, calls, n, fault);
	for (size_t k = 0; r == 0 && k < n; k++)
		r = show_page(s, ops, &segments[of[k]], &calls[k], context, fault);
	for (size_t k = 0; k < n; k++)
		aws_call_done(&calls[k]);
	return r < 0 ? r : (int)n;
}

int dynamodb_search(struct dynamodb_store *s, const struct dynamodb_search_ops *ops, void *context,
		    struct fault *fault)
{
	struct segment segments[DYNAMODB_SEGMENTS] = {};
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	s->scanning = true;
	do
		r = search_once(s, ops, segments, context, fault);
	while (r > 0);
	s->scanning = false;
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		dynamodb_page_done(&segments[i].page);
	return r;
}

/* --- the table ------------------------------------------------------------------------------- */

/* One call about the table itself, whose body is there. */
static int ask_table(struct dynamodb_store *s, struct aws_call *call,
		     struct dynamodb_description *ret, struct fault *fault)
{
	int r = aws_call(s->aws, call, fault);

	if (r < 0)
		return r;
	return dynamodb_description_read(buf_text(&call->answer.body), call->answer.body.size, ret,
					 fault);
}

static int describe(struct dynamodb_store *s, struct dynamodb_description *ret, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	dynamodb_call_init(&call, "DescribeTable");
	r = dynamodb_describe_table(s->table, &call.body);
	return r < 0 ? fault_set(fault, r, "table %s: %m", s->table)
		     : ask_table(s, &call, ret, fault);
}

static int set_expiry(struct dynamodb_store *s, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	dynamodb_call_init(&call, "UpdateTimeToLive");
	r = dynamodb_expire_by(s->table, EXPIRY_ATTRIBUTE, &call.body);
	return r < 0 ? fault_set(fault, r, "table %s: %m", s->table)
		     : aws_call(s->aws, &call, fault);
}

static int wait_until_usable(struct dynamodb_store *s, struct dynamodb_description *ret,
			     struct fault *fault)
{
	static const struct backoff backoff = { 200 * USEC_PER_MSEC, 2 * USEC_PER_SEC };
	struct deadline deadline = deadline_in(s->clock, CREATE_USEC);
	int r;

	for (unsigned attempt = 0;; attempt++) {
		r = describe(s, ret, fault);
		if (r < 0 || strcmp(ret->status, "CREATING") != 0)
			return r;
		if (deadline_passed(&deadline, s->clock))
			return fault_set(fault, ETIMEDOUT, "table %s is still being created",
					 s->table);
		(void)clock_sleep(s->clock, backoff_usec(&backoff, attempt, s->usage.calls));
	}
}

static int create(struct dynamodb_store *s, struct dynamodb_description *ret, struct fault *fault)
{
	static const struct aws_tag tags[] = { { "paddock", "store" } };
	const struct dynamodb_table table = {
		.name = s->table,
		.tags = tags,
		.n_tags = ARRAY_SIZE(tags),
		.protected = true,
	};
	_cleanup_aws_call_ struct aws_call call;
	int r;

	dynamodb_call_init(&call, "CreateTable");
	r = dynamodb_create_table(&table, &call.body);
	if (r < 0)
		return fault_set(fault, r, "table %s: %m", s->table);
	r = ask_table(s, &call, ret, fault);
	/* Somebody else creates it too, or we did and did not hear of it. */
	if (r < 0 && r != -EEXIST && r != -EBUSY)
		return r;
	r = wait_until_usable(s, ret, fault);
	return r < 0 ? r : set_expiry(s, fault);
}

static int find_table(struct dynamodb_store *s, bool may_create, struct fault *fault)
{
	struct dynamodb_description table = {};
	int r = wait_until_usable(s, &table, fault);

	if (r == -ENOENT && may_create)
		r = create(s, &table, fault);
	if (r == -ENOENT)
		return fault_cure(fault,
				  fault_set(fault, ENOENT, "there is no table %s in %s", s->table,
					    aws_region(s->aws)),
				  "check the name, the region and the account; 'paddock refresh' "
				  "makes it");
	if (r < 0)
		return r;
	if (!table.fits)
		return fault_set(fault, EMEDIUMTYPE,
				 "table %s has other keys than Paddock's: pk and sk, both text",
				 s->table);
	return 0;
}

/* --- the store ------------------------------------------------------------------------------- */

static struct dynamodb_store *store_of(struct store *store)
{
	return container_of(store, struct dynamodb_store, store);
}

static int dynamodb_store_now(struct store *store, uint64_t *ret_ms, struct fault *fault)
{
	struct dynamodb_store *s = store_of(store);
	int r = dynamodb_check(s, fault);

	if (r == 0)
		*ret_ms = dynamodb_now_ms(s);
	return r;
}

static int count_machine(_unused_ const struct machine *machine, void *context)
{
	size_t *n = context;

	(*n)++;
	return 0;
}

static int dynamodb_store_describe(struct store *store, char *text, size_t size,
				   struct fault *fault)
{
	struct dynamodb_store *s = store_of(store);
	const struct machine_filter everything = {};
	struct dynamodb_description table = {};
	size_t n = 0;
	int r = dynamodb_check(s, fault);

	if (r == 0)
		r = describe(s, &table, fault);
	if (r == 0)
		r = store_dynamodb_scan(store, &everything, count_machine, &n, fault);
	if (r < 0)
		return r;
	(void)snprintf(text, size, "DynamoDB, table %s in %s, %s, %zu machine%s", s->table,
		       aws_region(s->aws), table.status, n, n == 1 ? "" : "s");
	return 0;
}

static void dynamodb_store_close(struct store *store)
{
	struct dynamodb_store *s = store_of(store);

	aws_close(s->aws);
	free(s);
}

static const struct store_ops dynamodb_ops = {
	.name = "DynamoDB",
	.now = dynamodb_store_now,
	.get = store_dynamodb_get,
	.change = store_dynamodb_change,
	.beat = store_dynamodb_beat,
	.scan = store_dynamodb_scan,
	.forget = store_dynamodb_forget,
	.item_get = store_dynamodb_item_get,
	.item_put = store_dynamodb_item_put,
	.item_remove = store_dynamodb_item_remove,
	.item_scan = store_dynamodb_item_scan,
	.purge = store_dynamodb_purge,
	.describe = dynamodb_store_describe,
	.close = dynamodb_store_close,
};

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

static int new_store(const struct dynamodb_options *options, struct dynamodb_store **ret,
		     struct fault *fault)
{
	struct aws_options aws = {
		.profile = options->profile,
		.home = getenv("HOME"),
		.env = get_env,
		.clock = options->clock,
		.seed = hash_text(options->table) ^ (uint64_t)getpid(),
	};
	struct dynamodb_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		(void)fault_set(fault, ENOMEM, "%m");
		return -ENOMEM;
	}
	s->store.ops = &dynamodb_ops;
	s->clock = options->clock;
	s->own_clock = options->own_clock;
	s->pid = getpid();
	r = str_copy(s->table, sizeof(s->table), options->table);
	if (r < 0 || strlen(s->table) < 3)
		r = fault_set(fault, EINVAL, "'%.255s' cannot be the name of a table",
			      options->table);
	else
		r = str_copy(s->region, sizeof(s->region), options->region ? options->region : "");
	aws.region = s->region[0] ? s->region : NULL;
	if (r == 0)
		r = aws_open(&aws, &s->aws, fault);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int store_dynamodb_open(const struct dynamodb_options *options, struct store **ret,
			struct fault *fault)
{
	struct dynamodb_store *s = NULL;
	int r = new_store(options, &s, fault);

	if (r < 0)
		return r;
	r = find_table(s, options->create, fault);
	if (r < 0) {
		store_close(&s->store);
		return r;
	}
	*ret = &s->store;
	return 0;
}

struct dynamodb_usage store_dynamodb_usage(const struct store *store)
{
	return container_of(store, struct dynamodb_store, store)->usage;
}

static int look_at_expiry(struct dynamodb_store *s, bool *ret, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	struct dynamodb_expiry expiry;
	int r;

	dynamodb_call_init(&call, "DescribeTimeToLive");
	r = dynamodb_describe_expiry(s->table, &call.body);
	if (r < 0)
		return fault_set(fault, r, "table %s: %m", s->table);
	r = aws_call(s->aws, &call, fault);
	if (r == 0)
		r = dynamodb_expiry_read(buf_text(&call.answer.body), call.answer.body.size,
					 &expiry, fault);
	if (r < 0)
		return r;
	*ret = strncmp(expiry.status, "ENABL", strlen("ENABL")) == 0 &&
	       strcmp(expiry.attribute, EXPIRY_ATTRIBUTE) == 0;
	return 0;
}

static int look(struct dynamodb_store *s, struct dynamodb_look *ret, struct fault *fault)
{
	struct dynamodb_description table = {};
	int r = describe(s, &table, fault);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = look_at_expiry(s, &ret->expires, fault);
	if (r < 0)
		return r;
	ret->fits = table.fits;
	return str_copy(ret->status, sizeof(ret->status), table.status);
}

int store_dynamodb_look(const struct dynamodb_options *options, struct dynamodb_look *ret,
			struct fault *fault)
{
	struct dynamodb_look found = {};
	struct dynamodb_store *s = NULL;
	int r = new_store(options, &s, fault);

	if (r < 0)
		return r;
	r = str_copy(found.region, sizeof(found.region), aws_region(s->aws));
	if (r == 0)
		r = look(s, &found, fault);
	store_close(&s->store);
	if (r == 0)
		*ret = found;
	return r;
}

int store_dynamodb_set_expiry(const struct dynamodb_options *options, struct fault *fault)
{
	struct dynamodb_store *s = NULL;
	int r = new_store(options, &s, fault);

	if (r < 0)
		return r;
	r = set_expiry(s, fault);
	store_close(&s->store);
	return r;
}

static int destroy(struct dynamodb_store *s, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call protect, delete;
	int r;

	dynamodb_call_init(&protect, "UpdateTable");
	dynamodb_call_init(&delete, "DeleteTable");
	r = dynamodb_protect_table(s->table, false, &protect.body);
	if (r == 0)
		r = dynamodb_delete_table(s->table, &delete.body);
	if (r < 0)
		return fault_set(fault, r, "table %s: %m", s->table);
	r = aws_call(s->aws, &protect, fault);
	if (r == 0)
		r = aws_call(s->aws, &delete, fault);
	return r == -ENOENT ? 0 : r;
}

int store_dynamodb_destroy(const struct dynamodb_options *options, struct fault *fault)
{
	struct dynamodb_store *s = NULL;
	int r = new_store(options, &s, fault);

	if (r < 0)
		return r;
	r = destroy(s, fault);
	store_close(&s->store);
	return r;
}
