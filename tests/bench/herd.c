/*
 * herd STORE N PERIOD_MS [offered]: N idle machines "m-0" … of class large in this store, and all
 * of their agents in one process; offered: in SQS, too. Says "ready" on stdout; then it beats for
 * each machine once a period and looks at each record once a second, 100 at once, evenly spread.
 * Whoever is claimed is running a moment later. Each claim that is noticed is a line "noticed
 * MILLISECONDS", since it was written, by the wall clock of this host. Ends with a signal.
 *
 * A beat that is under way while its machine begins to run would take the word of its agent back; a
 * real agent holds it back until then, and so does this.
 */

#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/aws/call.h"
#include "common/aws/sqs.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/store/pool-sqs.h"
#include "tests/bench/bench-kit.h"

#define MACHINES_MAX 1000
#define GROUP 100 /* a batch of DynamoDB's */
#define IDLE_MS (3600 * MSEC_PER_SEC)
#define WATCH_USEC USEC_PER_SEC
#define NONE SIZE_MAX
#define CALL_MAX 65536

struct herd {
	struct bench bench;
	uint64_t n, period_ms;
	char ids[MACHINES_MAX][MACHINE_ID_MAX];
	atomic_uint_fast64_t
		listens[MACHINES_MAX];        /* the seq of the claim that it serves; 0: none */
	struct machine records[MACHINES_MAX]; /* as it was claimed */
	atomic_bool held[MACHINES_MAX]; /* claimed, to be served: no beat, and its record stays */
	atomic_size_t beating;          /* whom a beat is under way for */
};

/* An agent lives on when the store is slow: the next beat or look makes up for it. */
static bool was_done(int r, const struct fault *fault)
{
	if (r < 0 && !fault_is_transient(r, fault))
		bench_check(r, fault);
	if (r < 0)
		warnx("%s", fault_text(fault, r));
	return r >= 0;
}

static void beat(struct herd *herd, struct store *store, size_t i)
{
	uint64_t seq = atomic_load(&herd->listens[i]);
	struct beat beat = {
		.phase = seq > 0 ? PHASE_LISTENING : PHASE_READY,
		.phase_seq = seq,
		.period_ms = herd->period_ms,
		.boot_id = BENCH_BOOT_ID,
		.version = PADDOCK_VERSION,
	};
	struct beat_answer answer;
	struct fault fault = {};

	memcpy(beat.id, herd->ids[i], sizeof(beat.id));
	(void)was_done(store->ops->beat(store, &beat, &answer, &fault), &fault);
}

static void *beat_all(void *context)
{
	struct herd *herd = context;
	struct store *store = bench_open(&herd->bench);
	const double pace = (double)herd->period_ms / 1e3 / (double)herd->n;
	double due = bench_now_s();

	for (size_t i = 0;; i = (i + 1) % herd->n) {
		double wait = due - bench_now_s();

		if (wait > 0)
			(void)clock_sleep(&clock_system, (uint64_t)(wait * 1e6));
		due += pace;
		atomic_store(&herd->beating, i);
		if (!atomic_load(&herd->held[i]))
			beat(herd, store, i);
		atomic_store(&herd->beating, NONE);
	}
	return NULL;
}

/* Those that are claimed begin to run. */
static void serve(struct herd *herd, struct store *store, const struct machine *records,
		  const size_t *which, size_t n)
{
	struct change changes[GROUP];
	struct change_outcome outcomes[GROUP];
	struct fault fault = {};
	bool done;

	for (size_t i = 0; i < n; i++) {
		const struct machine *record = &records[i];

		changes[i] = (struct change){
			.transition = TRANSITION_RUN,
			.seq = record->seq,
			.leases = bench_leases,
			.testimony = { .phase = PHASE_LISTENING,
				       .seq = record->seq,
				       .boot_id = BENCH_BOOT_ID },
		};
		memcpy(changes[i].id, record->id, sizeof(changes[i].id));
		memcpy(changes[i].claimant.run_key, record->run_key, sizeof(record->run_key));
		while (atomic_load(&herd->beating) == which[i])
			(void)clock_sleep(&clock_system, USEC_PER_MSEC);
	}
	done = was_done(store->ops->change(store, changes, n, outcomes, &fault), &fault);
	for (size_t i = 0; i < n; i++) {
		if (done && outcomes[i].result != CHANGE_REFUSED)
			atomic_store(&herd->listens[which[i]], records[i].seq);
		atomic_store(&herd->held[which[i]], false);
	}
}

/* Beside the looks: no machine waits with its look for another one's claim. */
static void *serve_all(void *context)
{
	struct herd *herd = context;
	struct store *store = bench_open(&herd->bench);

	for (;;) {
		struct machine records[GROUP];
		size_t which[GROUP], n = 0;

		for (size_t i = 0; i < herd->n && n < GROUP; i++) {
			if (!atomic_load(&herd->held[i]))
				continue;
			records[n] = herd->records[i];
			which[n++] = i;
		}
		if (n > 0)
			serve(herd, store, records, which, n);
		else
			(void)clock_sleep(&clock_system, USEC_PER_MSEC);
	}
	return NULL;
}

static void see(struct herd *herd, size_t i, const struct machine *record, uint64_t now_ms)
{
	if (record->state != MACHINE_CLAIMED || atomic_load(&herd->held[i]) ||
	    atomic_load(&herd->listens[i]) == record->seq)
		return;
	if (herd->records[i].seq != record->seq)
		printf("noticed %lld\n", (long long)now_ms - (long long)record->claimed_ms);
	herd->records[i] = *record;
	atomic_store(&herd->held[i], true);
}

static void look(struct herd *herd, struct store *store, size_t first, size_t n)
{
	struct machine records[GROUP];
	const char *ids[GROUP] = {};
	struct fault fault = {};
	uint64_t now_ms;

	for (size_t i = 0; i < n; i++)
		ids[i] = herd->ids[first + i];
	if (!was_done(store->ops->get(store, ids, n, records, &fault), &fault))
		return;
	now_ms = clock_wall_ms(&clock_system);
	for (size_t i = 0; i < n; i++)
		see(herd, first + i, &records[i], now_ms);
	(void)fflush(stdout);
}

static _Noreturn void watch_all(struct herd *herd, struct store *store)
{
	const uint64_t groups = (herd->n + GROUP - 1) / GROUP;
	double due = bench_now_s();

	for (uint64_t group = 0;; group = (group + 1) % groups) {
		uint64_t first = group * GROUP;
		double wait = due - bench_now_s();

		if (wait > 0)
			(void)clock_sleep(&clock_system, (uint64_t)(wait * 1e6));
		due += (double)WATCH_USEC / 1e6 / (double)groups;
		look(herd, store, first, herd->n - first < GROUP ? herd->n - first : GROUP);
	}
}

/* --- offers ---------------------------------------------------------------------------------- */

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

static void make_queue(void)
{
	const struct sqs_queue queue = { .visibility_sec = 30, .retention_sec = 3600 };
	const struct aws_options options = { .env = get_env, .clock = &clock_system };
	_cleanup_(aws_closep) struct aws *aws = NULL;
	_cleanup_aws_call_ struct aws_call create;
	struct fault fault = {};

	bench_check(aws_open(&options, &aws, &fault), &fault);
	aws_call_init(&create, AWS_SQS, "CreateQueue", CALL_MAX);
	bench_check(sqs_create_queue(POOL_SQS_PREFIX "-large", &queue, NULL, 0, &create.body),
		    &fault);
	bench_check(aws_call(aws, &create, &fault), &fault);
}

static void offer_all(struct herd *herd, struct store *store)
{
	const struct pool_sqs_options options = { .store = store, .clock = &clock_system };
	_cleanup_(pool_closep) struct pool *pool = NULL;
	struct fault fault = {};

	make_queue();
	bench_check(pool_sqs_open(&options, &pool, &fault), &fault);
	for (size_t i = 0; i < herd->n; i++) {
		struct machine machine;

		bench_check(store_get_one(store, herd->ids[i], &machine, &fault), &fault);
		bench_check(pool_sqs_offer(pool, &machine, &fault), &fault);
	}
}

int main(int argc, char **argv)
{
	static struct herd herd;
	struct store *store;
	pthread_t thread;

	if (argc < 4 || parse_u64(argv[2], &herd.n) < 0 || herd.n == 0 || herd.n > MACHINES_MAX ||
	    parse_u64(argv[3], &herd.period_ms) < 0 || herd.period_ms == 0)
		errx(2, "herd STORE N PERIOD_MS [offered]");
	herd.bench.address = argv[1];
	atomic_store(&herd.beating, NONE);
	store = bench_open(&herd.bench);
	bench_make_idle(store, "m", herd.n, IDLE_MS);
	for (size_t i = 0; i < herd.n; i++)
		bench_name(herd.ids[i], "m", i);
	if (argc > 4)
		offer_all(&herd, store);
	/* Until a beat has told the period a machine counts as lost after 15 s without one. */
	for (size_t i = 0; i < herd.n; i++)
		beat(&herd, store, i);
	if (pthread_create(&thread, NULL, beat_all, &herd) != 0 ||
	    pthread_create(&thread, NULL, serve_all, &herd) != 0)
		errx(1, "cannot make a thread");
	puts("ready");
	watch_all(&herd, store);
}
