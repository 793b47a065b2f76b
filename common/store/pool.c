#include "common/store/pool.h"

#include <errno.h>
#include <string.h>

#include "common/store/pool-sqs.h"
#include "common/store/pool-table.h"

static int open_sqs(struct store *store, uint64_t seed, struct pool **ret, struct fault *fault)
{
	const struct pool_sqs_options options = {
		.store = store,
		.clock = &clock_system,
		.seed = seed,
	};

	return pool_sqs_open(&options, ret, fault);
}

static const struct {
	const char *name;
	int (*open)(struct store *store, uint64_t seed, struct pool **ret, struct fault *fault);
} pools[] = {
	{ "table", pool_table_open },
	{ "sqs", open_sqs },
};

int pool_open(const char *name, struct store *store, uint64_t seed, struct pool **ret,
	      struct fault *fault)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		if (strcmp(name, pools[i].name) == 0)
			return pools[i].open(store, seed, ret, fault);

	r = fault_set(fault, EINVAL, "there is no pool of kind '%.40s'", name);
	return fault_cure(fault, r, "use: table, or sqs");
}
