/*
 * The first receive asks for no more than is wanted, and each one after it for four times as much
 * as the last: what one run hides, its rivals do not see, and they make new machines instead.
 *
 * Settling finds messages by the offer's id and seq, so nothing that a caller still has can dangle.
 */

#include "common/store/pool-sqs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/domain/offer.h"
#include "common/store/pool-queue.h"
#include "common/store/pool-sweep.h"

#define ROUND_MAX ((size_t)POOL_RECEIVES_MAX * SQS_BATCH_MAX)
#define GROWTH 4

struct sqs_pool {
	struct pool pool;
	struct aws *aws; /* owned */
	const struct clock *clock;
	const char *prefix;
	uint64_t held_sec;

	char class_name[CLASS_NAME_MAX]; /* that the queue is for; "": none yet */
	struct pool_queue queue;
	struct pool_sweep sweep;
	size_t n_receives; /* of the last round of this sweep */
	unsigned rounds, empty;

	struct machine ready[ROUND_MAX]; /* to be shown */
	size_t n_ready, next;
	struct pool_sqs_counts counts;
};

/* One receive while it is judged. */
struct round {
	struct pool_catch caught;                      /* owned; all texts are borrowed from it */
	const struct sqs_message *messages[ROUND_MAX]; /* those that bear an offer */
	struct machine offers[ROUND_MAX];
	size_t n;
	struct machine records[ROUND_MAX];
	const char *delete[ROUND_MAX], *hide[ROUND_MAX]; /* receipts */
	size_t n_delete, n_hide;
	size_t n_seen, n_else; /* met before; anything else */
};

static void round_free(struct round *round)
{
	pool_catch_done(&round->caught);
	free(round);
}
DEFINE_CLEANUP(struct round *, round_free)

static struct sqs_pool *pool_of(struct pool *pool)
{
	return container_of(pool, struct sqs_pool, pool);
}

/* --- the sweep ------------------------------------------------------------------------------- */

/* Everything that is held, for others to see soon. What is no longer hidden is theirs already. */
static int give_back(struct sqs_pool *s, struct fault *fault)
{
	_cleanup_free_ const char **receipts = calloc(s->sweep.n + 1, sizeof(*receipts));
	uint64_t now_usec = clock_boot_usec(s->clock), left = 0;
	size_t n = 0;
	int r;

	if (!receipts)
		return fault_set(fault, ENOMEM, "%m");
	for (size_t i = 0; i < s->sweep.n; i++) {
		struct pool_message *message = &s->sweep.messages[i];

		if (message->mark != POOL_HELD)
			continue;
		message->mark = POOL_BACK;
		if (now_usec < message->until_usec)
			receipts[n++] = message->receipt;
	}
	r = pool_queue_hide(&s->queue, receipts, n, POOL_SQS_BACK_SEC, &left, fault);
	s->counts.left += left;
	return r;
}

static void end_sweep(struct sqs_pool *s)
{
	(void)give_back(s, NULL);
	pool_sweep_done(&s->sweep);
	s->n_ready = s->next = 0;
	s->n_receives = 0;
	s->rounds = s->empty = 0;
}

/* To the queue of this class. */
static int turn_to(struct sqs_pool *s, const char *class_name, struct fault *fault)
{
	char name[CLASS_NAME_MAX];
	struct pool_queue queue;
	int r;

	if (s->class_name[0] && strcmp(s->class_name, class_name) == 0)
		return 0;
	r = str_copy(name, sizeof(name), class_name);
	if (r < 0 || !name[0])
		return fault_set(fault, EINVAL, "'%.64s' is no class", class_name);
	r = pool_queue_find(s->aws, s->prefix, class_name, &queue, fault);
	if (r < 0)
		return r;
	end_sweep(s);
	s->queue = queue;
	memcpy(s->class_name, name, sizeof(name));
	return 0;
}

/* --- one receive ----------------------------------------------------------------------------- */

static void quarantine(struct sqs_pool *s, struct round *round, const struct sqs_message *message,
		       const struct fault *why)
{
	round->hide[round->n_hide++] = message->receipt;
	round->n_else++;
	s->counts.poison++;
	(void)!str_copy(s->counts.why, sizeof(s->counts.why), why->text);
}

static void read_offers(struct sqs_pool *s, struct round *round)
{
	struct fault why = {};

	for (size_t i = 0; i < round->caught.n; i++)
		for (size_t k = 0; k < round->caught.answers[i].n; k++) {
			const struct sqs_message *message = &round->caught.answers[i].messages[k];

			if (offer_from_text(message->body, strlen(message->body),
					    &round->offers[round->n], &why) < 0)
				quarantine(s, round, message, &why);
			else
				round->messages[round->n++] = message;
		}
	s->counts.received += round->caught.n_messages;
}

static int look_up(struct sqs_pool *s, struct round *round, struct fault *fault)
{
	struct store *store = s->pool.store;
	const char *ids[ROUND_MAX];

	if (round->n == 0)
		return 0;
	for (size_t i = 0; i < round->n; i++)
		ids[i] = round->offers[i].id;
	return store->ops->get(store, ids, round->n, round->records, fault);
}

/* Why this one can be no offer of this queue; false: it can. */
static bool is_stray(const struct sqs_pool *s, const struct machine *record, const char *id,
		     struct fault *ret)
{
	if (record->state == MACHINE_NONE)
		(void)fault_set(ret, ENOENT, "an offer names machine %s, which has no record", id);
	else if (strcmp(record->class_name, s->class_name) != 0)
		(void)fault_set(ret, EBADMSG, "an offer names machine %s, which is of class '%s'",
				id, record->class_name);
	else
		return false;
	return true;
}

static int meet(struct sqs_pool *s, struct round *round, const struct machine *record,
		const struct sqs_message *message, uint64_t start_usec)
{
	int r = pool_sweep_add(&s->sweep, pool_sweep_key(record->id, record->seq), message->id,
			       message->receipt, start_usec,
			       start_usec + s->held_sec * USEC_PER_SEC);

	switch (r) {
	case POOL_NEW:
		s->ready[s->n_ready++] = *record;
		round->n_else++;
		return 0;
	case POOL_SPARE:
		round->delete[round->n_delete++] = message->receipt;
		s->counts.spare++;
		round->n_seen++;
		return 0;
	case POOL_SEEN:
		s->counts.again++;
		round->n_seen++;
		return 0;
	default:
		return r;
	}
}

static int judge(struct sqs_pool *s, struct round *round, uint64_t start_usec, struct fault *fault)
{
	struct fault why = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < round->n; i++) {
		const struct machine *record = &round->records[i];

		if (is_stray(s, record, round->offers[i].id, &why)) {
			quarantine(s, round, round->messages[i], &why);
		} else if (record->state != MACHINE_IDLE || record->seq != round->offers[i].seq) {
			round->delete[round->n_delete++] = round->messages[i]->receipt;
			round->n_else++;
			s->counts.old++;
		} else {
			r = meet(s, round, record, round->messages[i], start_usec);
		}
	}
	return r < 0 ? fault_set(fault, r, "queue %s: %m", s->queue.name) : 0;
}

/* Deletes and hides what this receive has decided. */
static int tidy_up(struct sqs_pool *s, struct round *round, struct fault *fault)
{
	uint64_t left = 0;
	int r;

	r = pool_queue_delete(&s->queue, round->delete, round->n_delete, &left, fault);
	s->counts.left += left;
	if (r < 0)
		return r;
	left = 0;
	r = pool_queue_hide(&s->queue, round->hide, round->n_hide, POOL_SQS_QUARANTINE_SEC, &left,
			    fault);
	s->counts.left += left;
	return r;
}

static size_t receives_for(const struct sqs_pool *s, size_t max)
{
	size_t n = s->n_receives > 0 ? s->n_receives * GROWTH
				     : (max + SQS_BATCH_MAX - 1) / SQS_BATCH_MAX;

	return n < POOL_RECEIVES_MAX ? n : POOL_RECEIVES_MAX;
}

/* One receive of many messages. Whether it is worth another one. */
static int run_round(struct sqs_pool *s, size_t max, struct fault *fault)
{
	_cleanup_(round_freep) struct round *round = NULL;
	uint64_t start_usec = clock_boot_usec(s->clock);
	int r;

	if (s->rounds == POOL_ROUNDS_MAX || s->sweep.n + ROUND_MAX > POOL_SWEEP_MAX)
		return 0;
	round = calloc(1, sizeof(*round));
	if (!round)
		return fault_set(fault, ENOMEM, "%m");
	s->rounds++;
	s->n_receives = receives_for(s, max);
	s->n_ready = s->next = 0;

	r = pool_queue_receive(&s->queue, s->n_receives, s->held_sec, &round->caught, fault);
	if (r < 0)
		return r;
	read_offers(s, round);
	r = look_up(s, round, fault);
	if (r == 0)
		r = judge(s, round, start_usec, fault);
	if (r == 0)
		r = tidy_up(s, round, fault);
	if (r < 0)
		return r;

	s->empty = round->caught.n_messages > 0 ? 0 : s->empty + 1;
	return s->empty < POOL_EMPTY_MAX && (round->n_seen == 0 || round->n_else > 0);
}

/* --- the pool -------------------------------------------------------------------------------- */

static int sqs_pool_receive(struct pool *pool, const char *class_name, struct offer *ret,
			    size_t max, struct fault *fault)
{
	struct sqs_pool *s = pool_of(pool);
	size_t n = 0;
	int r;

	r = turn_to(s, class_name, fault);
	if (r < 0 || max == 0)
		return r;
	while (s->next == s->n_ready) {
		r = run_round(s, max, fault);
		if (r < 0)
			return r;
		if (r == 0) {
			s->empty = 0;
			return give_back(s, fault);
		}
	}
	while (n < max && s->next < s->n_ready)
		ret[n++] = (struct offer){ .machine = s->ready[s->next++] };
	s->counts.shown += n;
	return (int)n;
}

static int sqs_pool_settle(struct pool *pool, const struct offer *offers,
			   const enum offer_fate *fates, size_t n, struct fault *fault)
{
	struct sqs_pool *s = pool_of(pool);
	_cleanup_free_ const char **receipts = calloc(n + 1, sizeof(*receipts));
	uint64_t left = 0;
	size_t n_gone = 0;
	int r;

	if (!receipts)
		return fault_set(fault, ENOMEM, "%m");
	for (size_t i = 0; i < n; i++) {
		const struct machine *machine = &offers[i].machine;
		struct pool_message *message =
			pool_sweep_find(&s->sweep, pool_sweep_key(machine->id, machine->seq));

		/* The unfit are held until the sweep ends, lest it meets them again and again. */
		if (fates[i] == OFFER_UNFIT || !message || message->mark == POOL_GONE)
			continue;
		message->mark = POOL_GONE;
		receipts[n_gone++] = message->receipt;
	}
	r = pool_queue_delete(&s->queue, receipts, n_gone, &left, fault);
	s->counts.left += left;
	return r;
}

static void sqs_pool_rewind(struct pool *pool)
{
	end_sweep(pool_of(pool));
}

static void sqs_pool_close(struct pool *pool)
{
	struct sqs_pool *s = pool_of(pool);

	end_sweep(s);
	aws_close(s->aws);
	free(s);
}

static void sqs_pool_describe(const struct pool *pool, char *ret, size_t size)
{
	const struct sqs_pool *s = container_of(pool, struct sqs_pool, pool);
	const struct pool_sqs_counts *counts = &s->counts;

	(void)snprintf(ret, size, "%" PRIu64 " messages, %" PRIu64 " old, %" PRIu64 " poison%s%s%s",
		       counts->received, counts->old, counts->poison, counts->why[0] ? " (" : "",
		       counts->why, counts->why[0] ? ")" : "");
}

static const struct pool_ops sqs_ops = {
	.name = "sqs",
	.apart = true,
	.receive = sqs_pool_receive,
	.settle = sqs_pool_settle,
	.rewind = sqs_pool_rewind,
	.offer = pool_sqs_offer,
	.describe = sqs_pool_describe,
	.close = sqs_pool_close,
};

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

static int open_aws(const struct pool_sqs_options *options, struct aws **ret, struct fault *fault)
{
	const struct aws_options aws = {
		.profile = options->profile,
		.region = options->region,
		.home = getenv("HOME"),
		.env = get_env,
		.clock = options->clock,
		.seed = options->seed,
	};

	return aws_open(&aws, ret, fault);
}

static const char *prefix_of(const struct pool_sqs_options *options)
{
	return options->prefix ? options->prefix : POOL_SQS_PREFIX;
}

int pool_sqs_open(const struct pool_sqs_options *options, struct pool **ret, struct fault *fault)
{
	struct sqs_pool *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fault_set(fault, ENOMEM, "%m");
	s->pool = (struct pool){ .ops = &sqs_ops, .store = options->store };
	s->clock = options->clock;
	s->prefix = prefix_of(options);
	s->held_sec = options->held_sec > 0 ? options->held_sec : POOL_SQS_HELD_SEC;
	r = open_aws(options, &s->aws, fault);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = &s->pool;
	return 0;
}

int pool_sqs_create(const struct pool_sqs_options *options, const char *const *class_names,
		    size_t n, struct fault *fault)
{
	const struct sqs_queue attributes = {
		.visibility_sec = POOL_SQS_HELD_SEC,
		.retention_sec = POOL_SQS_KEPT_SEC,
	};
	const struct aws_tag tag = { POOL_SQS_TAG, prefix_of(options) };
	_cleanup_(aws_closep) struct aws *aws = NULL;
	struct pool_queue queue;
	int r;

	r = open_aws(options, &aws, fault);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pool_queue_create(aws, prefix_of(options), class_names[i], &attributes, &tag,
				      &queue, fault);
	return r;
}

int pool_sqs_destroy(const struct pool_sqs_options *options, const char *const *class_names,
		     size_t n, struct fault *fault)
{
	_cleanup_(aws_closep) struct aws *aws = NULL;
	int r;

	r = open_aws(options, &aws, fault);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct pool_queue queue;

		r = pool_queue_find(aws, prefix_of(options), class_names[i], &queue, fault);
		if (r == 0)
			r = pool_queue_destroy(&queue, fault);
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int pool_sqs_offer(struct pool *pool, const struct machine *machine, struct fault *fault)
{
	struct sqs_pool *s = pool_of(pool);
	_cleanup_buf_ struct buf text;
	int r;

	buf_init(&text, OFFER_TEXT_MAX);
	r = offer_to_text(machine, &text);
	if (r < 0)
		return fault_set(fault, r, "machine %s cannot be offered: %m", machine->id);
	r = turn_to(s, machine->class_name, fault);
	return r < 0 ? r : pool_queue_send(&s->queue, buf_text(&text), fault);
}

struct pool_sqs_counts pool_sqs_counts(const struct pool *pool)
{
	return container_of(pool, struct sqs_pool, pool)->counts;
}
