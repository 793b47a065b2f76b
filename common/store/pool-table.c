/*
 * Each receive is a fresh scan, so that offers are as new as the records. All rivals see the same
 * machines; what keeps twenty of them from running after the same one is the order: by a hash of
 * id and seed, thus another for each run, and the same for each sweep of one run.
 *
 * What a sweep has shown is remembered as 64-bit hashes. Should two ids ever share one, the second
 * waits for the next sweep.
 */

#include "common/store/pool-table.h"

#include <errno.h>

#include "common/base/backoff.h"

/* Idle machines that one sweep looks at; more than that and it is exhausted early. */
#define SWEEP_MAX (1U << 20)

struct table_pool {
	struct pool pool;
	uint64_t seed;
	uint64_t *seen; /* owned, sorted: keys of what was shown in this sweep */
	size_t n_seen;
};

/* One receive: the best (= smallest) keys so far. */
struct pick {
	const struct table_pool *from;
	struct offer *offers; /* the caller's */
	uint64_t *keys;       /* owned: of the offers */
	size_t n, max;
	size_t worst; /* index of the largest key, once full */
};

static uint64_t key_of(const struct table_pool *table, const struct machine *machine)
{
	return mix64(hash_text(machine->id) ^ mix64(table->seed));
}

static int compare_keys(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void find_worst(struct pick *pick)
{
	pick->worst = 0;
	for (size_t i = 1; i < pick->n; i++)
		if (pick->keys[i] > pick->keys[pick->worst])
			pick->worst = i;
}

static int on_machine(const struct machine *machine, void *context)
{
	struct pick *pick = context;
	uint64_t key = key_of(pick->from, machine);
	size_t at;

	if (pick->n == pick->max && key >= pick->keys[pick->worst])
		return 0;
	if (pick->from->n_seen > 0 &&
	    bsearch(&key, pick->from->seen, pick->from->n_seen, sizeof(key), compare_keys))
		return 0;

	at = pick->n < pick->max ? pick->n++ : pick->worst;
	pick->keys[at] = key;
	pick->offers[at] = (struct offer){ .machine = *machine };
	if (pick->n == pick->max)
		find_worst(pick);
	return 0;
}

static int compare_offers(const void *a, const void *b, void *context)
{
	const struct offer *x = a, *y = b;
	uint64_t keys[] = { key_of(context, &x->machine), key_of(context, &y->machine) };

	return compare_keys(&keys[0], &keys[1]);
}

static int remember(struct table_pool *table, const struct pick *pick)
{
	uint64_t *seen = reallocarray(table->seen, table->n_seen + pick->n, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	table->seen = seen;
	for (size_t i = 0; i < pick->n; i++)
		seen[table->n_seen++] = pick->keys[i];
	qsort(seen, table->n_seen, sizeof(*seen), compare_keys);
	return 0;
}

static int table_receive(struct pool *pool, const char *class_name, struct offer *ret, size_t max,
			 struct fault *fault)
{
	struct table_pool *table = container_of(pool, struct table_pool, pool);
	const struct machine_filter filter = {
		.states = 1U << MACHINE_IDLE,
		.class_name = class_name,
	};
	_cleanup_free_ uint64_t *keys = NULL;
	struct pick pick = { .from = table, .offers = ret, .max = max };
	int r;

	if (max > STORE_BATCH_MAX)
		pick.max = STORE_BATCH_MAX;
	if (pick.max == 0 || table->n_seen + pick.max > SWEEP_MAX)
		return 0;
	keys = calloc(pick.max, sizeof(*keys));
	if (!keys)
		return fault_set(fault, ENOMEM, "out of memory");
	pick.keys = keys;

	r = pool->store->ops->scan(pool->store, &filter, on_machine, &pick, fault);
	if (r < 0 || pick.n == 0)
		return r;
	r = remember(table, &pick);
	if (r < 0)
		return fault_set(fault, -r, "out of memory");
	qsort_r(ret, pick.n, sizeof(*ret), compare_offers, table);
	return (int)pick.n;
}

/* The records are the offers: the claim has said all there is to say. */
static int table_settle(_unused_ struct pool *pool, _unused_ const struct offer *offers,
			_unused_ const enum offer_fate *fates, _unused_ size_t n,
			_unused_ struct fault *fault)
{
	return 0;
}

static void table_rewind(struct pool *pool)
{
	struct table_pool *table = container_of(pool, struct table_pool, pool);

	table->n_seen = 0;
}

static void table_close(struct pool *pool)
{
	struct table_pool *table = container_of(pool, struct table_pool, pool);

	free(table->seen);
	free(table);
}

static const struct pool_ops table_ops = {
	.name = "table",
	.receive = table_receive,
	.settle = table_settle,
	.rewind = table_rewind,
	.close = table_close,
};

int pool_table_open(struct store *store, uint64_t seed, struct pool **ret, struct fault *fault)
{
	struct table_pool *table = calloc(1, sizeof(*table));

	if (!table)
		return fault_set(fault, ENOMEM, "out of memory");
	table->pool = (struct pool){ .ops = &table_ops, .store = store };
	table->seed = seed;
	*ret = &table->pool;
	return 0;
}
