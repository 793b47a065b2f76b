/*
 * Offers in SQS, machines in DynamoDB, where the environment says that both are:
 *
 *	offers fill STORE CLASS N FITTING    makes the queue, N machines of which so many fit, and
 *	                                     offers all of them
 *	offers sweep STORE CLASS N WANTED    looks for so many of them, in one sweep, as provision
 *does offers serial STORE CLASS N          looks at N offers, one message at a time
 *
 * The last is how it was done before there was this pool: receive one message, judge it by what it
 * says, hide it or delete it, and then the next one.
 */

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/call.h"
#include "common/aws/sqs.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/domain/class.h"
#include "common/domain/offer.h"
#include "common/store/pool-sqs.h"
#include "tests/bench/bench-kit.h"

#define IDLE_MS (3600 * MSEC_PER_SEC)
#define ROUND_MAX 64 /* as provision does */
#define OFFERS_MAX 4000
#define CALL_MAX 65536
#define HIDDEN_SEC 60
#define FITTING "m7i.large"
#define UNFIT "m7i.xlarge"

struct scene {
	struct store *store;
	const char *class_name;
	uint64_t n, more; /* offers; fitting or wanted */
	struct fault fault;
};

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

static struct aws *open_aws(struct scene *scene)
{
	const struct aws_options options = { .env = get_env, .clock = &clock_system };
	struct aws *aws = NULL;

	bench_check(aws_open(&options, &aws, &scene->fault), &scene->fault);
	return aws;
}

static void ask(struct scene *scene, struct aws *aws, struct aws_call *call)
{
	bench_check(aws_call(aws, call, &scene->fault), &scene->fault);
}

static struct pool *open_pool(struct scene *scene)
{
	const struct pool_sqs_options options = { .store = scene->store, .clock = &clock_system };
	struct pool *pool = NULL;

	bench_check(pool_sqs_open(&options, &pool, &scene->fault), &scene->fault);
	return pool;
}

/* --- fill ------------------------------------------------------------------------------------ */

static void make_queue(struct scene *scene)
{
	const struct sqs_queue queue = { .visibility_sec = 30, .retention_sec = 3600 };
	_cleanup_free_ char *name = str_format("%s-%s", POOL_SQS_PREFIX, scene->class_name);
	_cleanup_(aws_closep) struct aws *aws = open_aws(scene);
	_cleanup_aws_call_ struct aws_call create;

	aws_call_init(&create, AWS_SQS, "CreateQueue", CALL_MAX);
	if (!name || sqs_create_queue(name, &queue, NULL, 0, &create.body) < 0)
		errx(1, "cannot ask for a queue");
	ask(scene, aws, &create);
}

static void offer(struct scene *scene, struct pool *pool, const char *prefix, size_t index)
{
	struct machine machine;
	char id[MACHINE_ID_MAX];

	bench_name(id, prefix, index);
	bench_check(store_get_one(scene->store, id, &machine, &scene->fault), &scene->fault);
	bench_check(pool_sqs_offer(pool, &machine, &scene->fault), &scene->fault);
}

/* Those that fit are spread, and one of them is the last. */
static int fill(struct scene *scene)
{
	const struct bench_kind fit = { scene->class_name, FITTING };
	const struct bench_kind unfit = { scene->class_name, UNFIT };
	_cleanup_free_ char *fit_prefix = str_format("%s-fit", scene->class_name);
	_cleanup_free_ char *unfit_prefix = str_format("%s-unfit", scene->class_name);
	_cleanup_(pool_closep) struct pool *pool = open_pool(scene);
	size_t n_fit = 0;

	if (!fit_prefix || !unfit_prefix)
		errx(1, "no memory");
	make_queue(scene);
	bench_make_idle_of(scene->store, &fit, fit_prefix, scene->more, IDLE_MS);
	bench_make_idle_of(scene->store, &unfit, unfit_prefix, scene->n - scene->more, IDLE_MS);
	for (size_t i = 0; i < scene->n; i++) {
		if ((i + 1) * scene->more / scene->n > n_fit)
			offer(scene, pool, fit_prefix, n_fit++);
		else
			offer(scene, pool, unfit_prefix, i - n_fit);
	}
	return 0;
}

/* --- sweep ----------------------------------------------------------------------------------- */

/* What a sweep has come to. */
struct tally {
	size_t seen, twice, won;
	char ids[OFFERS_MAX][MACHINE_ID_MAX];
};

static void note(struct tally *tally, const char *id)
{
	for (size_t i = 0; i < tally->seen; i++)
		tally->twice += strcmp(tally->ids[i], id) == 0;
	if (tally->seen == OFFERS_MAX ||
	    str_copy(tally->ids[tally->seen++], MACHINE_ID_MAX, id) < 0)
		errx(1, "more offers than there are");
}

static void claim(struct scene *scene, const struct offer *offers, const size_t *picked, size_t n,
		  enum offer_fate *fates, struct tally *tally)
{
	struct change changes[ROUND_MAX];
	struct change_outcome outcomes[ROUND_MAX];

	for (size_t i = 0; i < n; i++) {
		changes[i] = bench_claim(offers[picked[i]].machine.id, "1-1-default");
		changes[i].seq = offers[picked[i]].machine.seq;
	}
	if (n > 0)
		bench_check(scene->store->ops->change(scene->store, changes, n, outcomes,
						      &scene->fault),
			    &scene->fault);
	for (size_t i = 0; i < n; i++) {
		bool won = outcomes[i].result == CHANGE_DONE;

		fates[picked[i]] = won ? OFFER_CLAIMED : OFFER_LOST;
		tally->won += won;
	}
}

static void look(struct scene *scene, struct pool *pool, const struct offer *offers, size_t n,
		 struct tally *tally)
{
	const char *const types[] = { FITTING };
	const struct resource_class large = { .name = "large", .cpu = 2, .memory_mib = 4096 };
	struct resource_class class_ = large;
	const struct change claimant = bench_claim("any", "1-1-default");
	struct want want = { .class_ = &class_,
			     .types = types,
			     .n_types = ARRAY_SIZE(types),
			     .usage = USAGE_SPOT,
			     .claimant = claimant.claimant };
	enum offer_fate fates[ROUND_MAX];
	size_t picked[ROUND_MAX], n_picked = 0;
	uint64_t now_ms;

	if (str_copy(class_.name, sizeof(class_.name), scene->class_name) < 0)
		errx(1, "a name is too long");
	bench_check(scene->store->ops->now(scene->store, &now_ms, &scene->fault), &scene->fault);
	for (size_t i = 0; i < n; i++) {
		const struct machine *machine = &offers[i].machine;
		enum misfit misfit = want_judge(&want, machine, now_ms, CLAIM_SLACK_MS);

		note(tally, machine->id);
		fates[i] = OFFER_UNFIT;
		/* Nobody beats here. */
		if (misfit == MISFIT_NONE || misfit == MISFIT_STALE)
			picked[n_picked++] = i;
	}
	claim(scene, offers, picked, n_picked, fates, tally);
	bench_check(pool->ops->settle(pool, offers, fates, n, &scene->fault), &scene->fault);
}

static int sweep(struct scene *scene)
{
	static struct tally tally;
	struct pool *pool = open_pool(scene);
	struct offer offers[ROUND_MAX];
	double start = bench_now_s(), seconds;
	size_t max = scene->more > 0 && scene->more < ROUND_MAX ? scene->more : ROUND_MAX;
	int n;

	do {
		n = pool->ops->receive(pool, scene->class_name, offers, max, &scene->fault);
		bench_check(n, &scene->fault);
		look(scene, pool, offers, (size_t)n, &tally);
	} while (n > 0 && (scene->more == 0 || tally.won < scene->more));
	seconds = bench_now_s() - start;
	pool_close(pool);

	bench_report(scene->more > 0 ? "  until the last of them is claimed"
				     : "  until it is exhausted",
		     seconds, "s", scene->more > 0 ? "pool in SQS" : "pool in SQS; 1 sweep");
	bench_report("  with everything given back", bench_now_s() - start, "s", "");
	bench_report("  claimed", (double)tally.won, "", "");
	bench_report("  seen", (double)tally.seen, "offers",
		     tally.twice == 0 ? "each id once: yes" : "each id once: NO");
	bench_report("  offers looked at", (double)tally.seen / seconds, "offers/s", "");
	return tally.twice > 0 || tally.won < scene->more ||
	       (scene->more == 0 && tally.seen != scene->n);
}

/* --- serial ---------------------------------------------------------------------------------- */

static void find_queue(struct scene *scene, struct aws *aws, char *ret, size_t size)
{
	_cleanup_free_ char *name = str_format("%s-%s", POOL_SQS_PREFIX, scene->class_name);
	_cleanup_aws_call_ struct aws_call find;

	aws_call_init(&find, AWS_SQS, "GetQueueUrl", CALL_MAX);
	if (!name || sqs_get_queue_url(name, &find.body) < 0)
		errx(1, "cannot ask for a queue");
	ask(scene, aws, &find);
	bench_check(sqs_url_read(buf_text(&find.answer.body), find.answer.body.size, ret, size,
				 &scene->fault),
		    &scene->fault);
}

/* Whether there was one. */
static bool look_at_one(struct scene *scene, struct aws *aws, const char *url)
{
	_cleanup_sqs_messages_ struct sqs_messages messages = {};
	_cleanup_aws_call_ struct aws_call get, put;
	struct machine machine;
	bool fits;
	int r;

	aws_call_init(&get, AWS_SQS, "ReceiveMessage", CALL_MAX);
	aws_call_init(&put, AWS_SQS, "ChangeMessageVisibilityBatch", CALL_MAX);
	if (sqs_receive(url, 1, 1, HIDDEN_SEC, &get.body) < 0)
		errx(1, "cannot ask for a message");
	ask(scene, aws, &get);
	bench_check(sqs_messages_read(buf_text(&get.answer.body), get.answer.body.size, &messages,
				      &scene->fault),
		    &scene->fault);
	if (messages.n == 0)
		return false;
	bench_check(offer_from_text(messages.messages[0].body, strlen(messages.messages[0].body),
				    &machine, &scene->fault),
		    &scene->fault);
	fits = strcmp(machine.type, FITTING) == 0;
	if (fits)
		put.operation = "DeleteMessageBatch";
	r = fits ? sqs_delete_batch(url, &messages.messages[0].receipt, 1, &put.body)
		 : sqs_hide_batch(url, &messages.messages[0].receipt, 1, HIDDEN_SEC, &put.body);
	if (r < 0)
		errx(1, "cannot ask for a message to be hidden");
	ask(scene, aws, &put);
	return true;
}

static int serial(struct scene *scene)
{
	_cleanup_(aws_closep) struct aws *aws = open_aws(scene);
	double start = bench_now_s();
	char url[SQS_URL_MAX];
	size_t seen = 0;

	find_queue(scene, aws, url, sizeof(url));
	while (seen < scene->n && look_at_one(scene, aws, url))
		seen++;
	bench_report("  offers looked at", (double)seen / (bench_now_s() - start), "offers/s", "");
	return seen != scene->n;
}

static const struct {
	const char *name;
	int (*run)(struct scene *scene);
} verbs[] = {
	{ "fill", fill },
	{ "sweep", sweep },
	{ "serial", serial },
};

int main(int argc, char **argv)
{
	struct scene scene = {};
	struct bench bench = {};

	if (argc < 5 || parse_u64(argv[4], &scene.n) < 0 || scene.n == 0 || scene.n > OFFERS_MAX ||
	    (argc > 5 && (parse_u64(argv[5], &scene.more) < 0 || scene.more > scene.n)))
		errx(2, "offers fill|sweep|serial STORE CLASS N [FITTING|WANTED]");
	scene.class_name = argv[3];
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		int status;

		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		bench.address = argv[2];
		scene.store = bench_open(&bench);
		status = verbs[i].run(&scene);
		store_close(scene.store);
		return status;
	}
	errx(2, "there is no verb '%s'", argv[1]);
}
