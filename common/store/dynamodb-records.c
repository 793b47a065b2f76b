/* Machine records: read in batches, changed one by one and all at once. */

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/store/dynamodb-machine.h"
#include "common/store/dynamodb-store.h"

static struct dynamodb_store *store_of(struct store *store)
{
	return container_of(store, struct dynamodb_store, store);
}

/* --- reading --------------------------------------------------------------------------------- */

/* Up to DYNAMODB_BATCH_MAX ids of a batch, and what is still to be asked of them. */
struct chunk {
	const char *const *ids;
	struct machine *rows;
	size_t n;
	bool asked[DYNAMODB_BATCH_MAX]; /* has been answered, or is a copy of one before it */
};

static bool is_copy(const struct chunk *chunk, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(chunk->ids[k], chunk->ids[i]) == 0)
			return true;
	}
	return false;
}

static void chunk_init(struct chunk *chunk, const char *const *ids, struct machine *rows, size_t n)
{
	*chunk = (struct chunk){ .ids = ids, .rows = rows, .n = n };
	for (size_t i = 0; i < n; i++) {
		rows[i] = (struct machine){};
		chunk->asked[i] = is_copy(chunk, i);
	}
}

static int chunk_request(const struct dynamodb_store *s, const struct chunk *chunk,
			 struct buf *body)
{
	struct dynamodb_key keys[DYNAMODB_BATCH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < chunk->n; i++) {
		if (!chunk->asked[i])
			keys[n++] = (struct dynamodb_key){ chunk->ids[i], DYNAMODB_MACHINE };
	}
	return dynamodb_batch_get_item(s->table, keys, n, true, body);
}

static void chunk_take(struct chunk *chunk, const struct machine *machine)
{
	for (size_t i = 0; i < chunk->n; i++) {
		if (strcmp(chunk->ids[i], machine->id) == 0)
			chunk->rows[i] = *machine;
	}
}

/* What was left out is asked for again; everything else has been answered, with a record or
 * without.
 */
static int chunk_read(struct dynamodb_store *s, struct chunk *chunk, const struct aws_call *call,
		      struct fault *fault)
{
	_cleanup_dynamodb_page_ struct dynamodb_page page = {};
	int r = dynamodb_batch_read(buf_text(&call->answer.body), call->answer.body.size, s->table,
				    &page, fault);

	if (r < 0)
		return r;
	s->usage.capacity_milli += page.capacity_milli;
	for (size_t i = 0; i < page.n; i++) {
		struct machine machine;

		r = dynamodb_machine_from_item(json_object_array_get_idx(page.items, i), &machine,
					       fault);
		if (r < 0)
			return r;
		chunk_take(chunk, &machine);
	}
	for (size_t i = 0; i < chunk->n; i++)
		chunk->asked[i] = true;
	for (size_t k = 0; k < page.n_unprocessed; k++) {
		struct dynamodb_key key;

		r = dynamodb_item_key(json_object_array_get_idx(page.unprocessed, k), &key, fault);
		if (r < 0)
			return r;
		for (size_t i = 0; i < chunk->n; i++) {
			if (strcmp(chunk->ids[i], key.partition) == 0 && !is_copy(chunk, i))
				chunk->asked[i] = false;
		}
	}
	return 0;
}

static bool wants_more(const struct chunk *chunks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < chunks[i].n; k++) {
			if (!chunks[i].asked[k])
				return true;
		}
	}
	return false;
}

/* Asks for what all chunks still want. 1: the service was too busy for some of it. */
static int ask_once(struct dynamodb_store *s, struct chunk *chunks, size_t n, struct fault *fault)
{
	_cleanup_dynamodb_calls_ struct dynamodb_calls calls = {};
	int r = dynamodb_calls_new(n, &calls, fault);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!wants_more(&chunks[i], 1))
			continue;
		r = chunk_request(s, &chunks[i],
				  &dynamodb_calls_next(&calls, "BatchGetItem", i)->body);
		if (r < 0)
			return fault_set(fault, r, "cannot ask for records: %m");
	}
	if (calls.n > 0)
		r = dynamodb_perform(s, calls.rows, calls.n, fault);
	for (size_t k = 0; r == 0 && k < calls.n; k++)
		r = chunk_read(s, &chunks[calls.of[k]], &calls.rows[k], fault);
	return r < 0 ? r : wants_more(chunks, n);
}

int store_dynamodb_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
		       struct fault *fault)
{
	static const struct backoff backoff = { 50 * USEC_PER_MSEC, USEC_PER_SEC };
	struct dynamodb_store *s = store_of(store);
	size_t n_chunks = (n + DYNAMODB_BATCH_MAX - 1) / DYNAMODB_BATCH_MAX;
	_cleanup_free_ struct chunk *chunks = calloc(n_chunks + 1, sizeof(*chunks));
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	if (!chunks)
		return fault_set(fault, ENOMEM, "%m");
	if (n > STORE_BATCH_MAX)
		return fault_set(fault, E2BIG, "%zu records are more than %d at once", n,
				 STORE_BATCH_MAX);
	for (size_t i = 0; i < n_chunks; i++) {
		size_t first = i * DYNAMODB_BATCH_MAX, left = n - first;

		chunk_init(&chunks[i], ids + first, ret + first,
			   left < DYNAMODB_BATCH_MAX ? left : DYNAMODB_BATCH_MAX);
	}
	for (unsigned round = 0; round < DYNAMODB_ROUNDS_MAX; round++) {
		if (round > 0)
			(void)clock_sleep(s->clock,
					  backoff_usec(&backoff, round - 1, s->usage.calls));
		r = ask_once(s, chunks, n_chunks, fault);
		if (r <= 0)
			return r;
	}
	return fault_set(fault, EAGAIN, "table %s is too busy to be read", s->table);
}

/* --- changing -------------------------------------------------------------------------------- */

/* One change of a batch, from judgement to judgement. */
struct wish {
	const struct change *change;
	struct machine current; /* as last read */
	struct change_outcome outcome;
	size_t behind; /* 1 + the change of the same machine that goes first; 0: none */
	bool done;
};

/* Changes of one machine are made one after another, as they stand in the batch. */
static void find_order(struct wish *wishes, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k > 0 && wishes[i].behind == 0; k--) {
			if (strcmp(wishes[k - 1].change->id, wishes[i].change->id) == 0)
				wishes[i].behind = k;
		}
	}
}

static bool may_go(const struct wish *wishes, size_t i)
{
	return !wishes[i].done && (wishes[i].behind == 0 || wishes[wishes[i].behind - 1].done);
}

/* 1: to be written as outcome says; 0: decided without. */
static int judge(const struct dynamodb_store *s, struct wish *wish, struct fault *fault)
{
	int r = transition_apply(&wish->current, wish->change, dynamodb_now_ms(s), &wish->outcome);

	if (r < 0)
		return fault_set(fault, r, "a change of machine %s that makes no sense",
				 wish->change->id);
	wish->done = wish->outcome.result != CHANGE_DONE;
	return !wish->done;
}

/* The service has answered: it is written, or the record has moved and is judged again. */
static int read_change(struct dynamodb_store *s, struct wish *wish, const struct aws_call *call,
		       struct fault *fault)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	struct machine record = {};
	int r = dynamodb_read_answer(s, call, &answer, fault);

	if (r == 0 && answer.item)
		r = dynamodb_machine_from_item(answer.item, &record, fault);
	if (r < 0)
		return r;
	if (call->result == 0) {
		wish->outcome.record = record;
		wish->done = true;
	}
	wish->current = record;
	return 0;
}

/* Who waited for another change of the same machine goes on from where that left it. */
static void hand_on(struct wish *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!wishes[i].done && wishes[i].behind > 0 && wishes[wishes[i].behind - 1].done)
			wishes[i].current = wishes[wishes[i].behind - 1].outcome.record;
	}
}

static int fill_call(const struct dynamodb_store *s, const struct wish *wish, struct aws_call *call,
		     struct fault *fault)
{
	uint64_t slack_usec = wish->change->leases.claim_slack_ms * USEC_PER_MSEC / 2;
	int r;

	if (slack_usec > 0 && slack_usec < call->patience_usec)
		call->patience_usec = slack_usec;
	r = dynamodb_change_request(s->table, &wish->current, &wish->outcome.record, wish->change,
				    &call->body);
	return r < 0 ? fault_set(fault, r, "cannot ask for a change of %s: %m", wish->change->id)
		     : 0;
}

static int change_once(struct dynamodb_store *s, struct wish *wishes, size_t n, struct fault *fault)
{
	_cleanup_dynamodb_calls_ struct dynamodb_calls calls = {};
	int r = dynamodb_calls_new(n, &calls, fault);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!may_go(wishes, i))
			continue;
		r = judge(s, &wishes[i], fault);
		if (r <= 0)
			continue;
		r = fill_call(s, &wishes[i], dynamodb_calls_next(&calls, "UpdateItem", i), fault);
	}
	if (r == 0 && calls.n > 0)
		r = dynamodb_perform(s, calls.rows, calls.n, fault);
	for (size_t k = 0; r == 0 && k < calls.n; k++)
		r = read_change(s, &wishes[calls.of[k]], &calls.rows[k], fault);
	return r;
}

static bool all_done(const struct wish *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!wishes[i].done)
			return false;
	}
	return true;
}

static int change_all(struct dynamodb_store *s, struct wish *wishes, size_t n, struct fault *fault)
{
	size_t n_moved = 0;

	while (!all_done(wishes, n)) {
		bool waits = false;
		int r;

		for (size_t i = 0; i < n; i++)
			waits |= !wishes[i].done && !may_go(wishes, i);
		r = change_once(s, wishes, n, fault);
		if (r < 0)
			return r;
		hand_on(wishes, n);
		/* A round for a change that waited for another one is no try. */
		if (!waits && ++n_moved > DYNAMODB_ROUNDS_MAX)
			return fault_set(
				fault, EAGAIN,
				"records of table %s change faster than they can be judged",
				s->table);
	}
	return 0;
}

static int read_current(struct store *store, struct wish *wishes, size_t n, struct fault *fault)
{
	_cleanup_free_ const char **ids = calloc(n + 1, sizeof(*ids));
	_cleanup_free_ struct machine *rows = calloc(n + 1, sizeof(*rows));
	int r;

	if (!ids || !rows)
		return fault_set(fault, ENOMEM, "%m");
	for (size_t i = 0; i < n; i++)
		ids[i] = wishes[i].change->id;
	r = store_dynamodb_get(store, ids, n, rows, fault);
	for (size_t i = 0; r == 0 && i < n; i++)
		wishes[i].current = rows[i];
	return r;
}

/* Before anything is asked for: what makes no sense is refused whatever the record says. */
static int check_ids(const struct change *changes, size_t n, struct fault *fault)
{
	for (size_t i = 0; i < n; i++) {
		if (!machine_id_is_valid(changes[i].id))
			return fault_set(fault, EINVAL, "no machine can have the id '%.*s'",
					 MACHINE_ID_MAX, changes[i].id);
	}
	return 0;
}

int store_dynamodb_change(struct store *store, const struct change *changes, size_t n,
			  struct change_outcome *ret, struct fault *fault)
{
	struct dynamodb_store *s = store_of(store);
	_cleanup_free_ struct wish *wishes = NULL;
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	if (n > STORE_BATCH_MAX)
		return fault_set(fault, E2BIG, "%zu changes are more than %d at once", n,
				 STORE_BATCH_MAX);
	wishes = calloc(n + 1, sizeof(*wishes));
	if (!wishes)
		return fault_set(fault, ENOMEM, "%m");
	for (size_t i = 0; i < n; i++)
		wishes[i].change = &changes[i];
	find_order(wishes, n);
	r = check_ids(changes, n, fault);
	if (r == 0)
		r = read_current(store, wishes, n, fault);
	if (r == 0)
		r = change_all(s, wishes, n, fault);
	for (size_t i = 0; r == 0 && i < n; i++)
		ret[i] = wishes[i].outcome;
	return r;
}

/* --- beats ----------------------------------------------------------------------------------- */

/* 1: written; 0: refused by what stands there, which is in *record. */
static int send_beat(struct dynamodb_store *s, const struct machine *before,
		     const struct beat *beat, uint64_t now_ms, struct machine *record,
		     struct fault *fault)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	_cleanup_aws_call_ struct aws_call call;
	int r;

	dynamodb_call_init(&call, "UpdateItem");
	r = dynamodb_beat_request(s->table, before, beat, now_ms, &call.body);
	if (r < 0)
		return fault_set(fault, r, "a beat of machine %.*s that makes no sense",
				 MACHINE_ID_MAX, beat->id);
	r = dynamodb_perform(s, &call, 1, fault);
	if (r == 0)
		r = dynamodb_read_answer(s, &call, &answer, fault);
	*record = (struct machine){};
	if (r == 0 && answer.item)
		r = dynamodb_machine_from_item(answer.item, record, fault);
	return r < 0 ? r : call.result == 0;
}

/* The first of a new boot, or one that came upon a record that moved: as long as the rule accepts
 * it.
 */
static int beat_on(struct dynamodb_store *s, const struct beat *beat, struct machine *record,
		   struct beat_answer *ret, struct fault *fault)
{
	int r = 0;

	for (unsigned round = 0; round < DYNAMODB_ROUNDS_MAX; round++) {
		struct machine before = *record;

		*ret = (struct beat_answer){ .record = before, .now_ms = dynamodb_now_ms(s) };
		if (before.state == MACHINE_NONE)
			return 0;
		r = beat_apply(&before, beat, ret->now_ms, ret);
		if (r < 0)
			return fault_set(fault, r, "a beat of machine %.*s that makes no sense",
					 MACHINE_ID_MAX, beat->id);
		if (!ret->accepted)
			return 0;
		r = send_beat(s, &before, beat, ret->now_ms, record, fault);
		if (r < 0)
			return r;
		ret->record = *record;
		if (r > 0)
			return 0;
	}
	return fault_set(fault, EAGAIN, "the record of %s changes faster than it can be judged",
			 beat->id);
}

static int read_one(struct store *store, const char *id, struct machine *ret, struct fault *fault)
{
	if (!machine_id_is_valid(id))
		return fault_set(fault, EINVAL, "no machine can have the id '%.*s'", MACHINE_ID_MAX,
				 id);
	return store_dynamodb_get(store, &id, 1, ret, fault);
}

int store_dynamodb_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
			struct fault *fault)
{
	struct dynamodb_store *s = store_of(store);
	struct beat_answer answer = {};
	struct machine record;
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	answer.now_ms = dynamodb_now_ms(s);
	/* A steady beat is one write. A reason is cut to what the record has room for, so that has
	 * to be known. */
	r = beat->reason[0] ? read_one(store, beat->id, &record, fault)
			    : send_beat(s, NULL, beat, answer.now_ms, &record, fault);
	if (r < 0)
		return r;
	answer.accepted = r > 0;
	answer.record = record;
	r = r > 0 ? 0 : beat_on(s, beat, &record, &answer, fault);
	if (r == 0)
		*ret = answer;
	return r;
}

/* --- scans, and the end ---------------------------------------------------------------------- */

struct machine_search {
	const struct machine_filter *filter;
	machine_fn *each;
	void *context;
};

static int make_scan(const struct dynamodb_store *s, size_t segment, struct json_object *start,
		     void *context, struct buf *ret)
{
	const struct machine_search *search = context;

	return dynamodb_machine_scan(s->table, search->filter, segment, DYNAMODB_SEGMENTS, start,
				     ret);
}

static int show_machine(_unused_ struct dynamodb_store *s, struct json_object *item, void *context,
			struct fault *fault)
{
	const struct machine_search *search = context;
	struct machine machine;
	int r = dynamodb_machine_from_item(item, &machine, fault);

	return r < 0 ? r : search->each(&machine, search->context);
}

int store_dynamodb_scan(struct store *store, const struct machine_filter *filter, machine_fn *each,
			void *context, struct fault *fault)
{
	static const struct dynamodb_search_ops ops = {
		.operation = "Scan",
		.segments = DYNAMODB_SEGMENTS,
		.make = make_scan,
		.each = show_machine,
	};
	struct machine_search search = { filter, each, context };

	return dynamodb_search(store_of(store), &ops, &search, fault);
}

int store_dynamodb_forget(struct store *store, const char *id, uint64_t seq, struct fault *fault)
{
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	_cleanup_aws_call_ struct aws_call call;
	struct dynamodb_store *s = store_of(store);
	int r = dynamodb_check(s, fault);

	if (r < 0)
		return r;
	dynamodb_call_init(&call, "DeleteItem");
	r = dynamodb_forget_request(s->table, id, seq, &call.body);
	if (r < 0)
		return fault_set(fault, r, "cannot forget '%s': %m", id);
	r = dynamodb_perform(s, &call, 1, fault);
	if (r == 0)
		r = dynamodb_read_answer(s, &call, &answer, fault);
	if (r < 0 || call.result == 0)
		return r;
	return answer.item ? STORE_REFUSED : 0;
}
