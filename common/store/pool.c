#include "common/store/pool.h"

#include <errno.h>
#include <string.h>

#include "common/store/pool-sqs.h"
#include "common/store/pool-table.h"

static int open_table(const struct pool_options *options, struct pool **ret, struct fault *fault)
{
	return pool_table_open(options->store, options->seed, ret, fault);
}

static int open_sqs(const struct pool_options *options, struct pool **ret, struct fault *fault)
{
	const struct pool_sqs_options sqs = {
		.store = options->store,
		.prefix = options->prefix,
		.region = options->region,
		.profile = options->profile,
		.clock = options->clock,
		.seed = options->seed,
	};

	return pool_sqs_open(&sqs, ret, fault);
}

static const struct {
	const char *name;
	int (*open)(const struct pool_options *options, struct pool **ret, struct fault *fault);
} pools[] = {
	{ "table", open_table },
	{ "sqs", open_sqs },
};

int pool_check_name(const char *name, struct fault *fault)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		if (strcmp(name, pools[i].name) == 0)
			return 0;
	r = fault_set(fault, EINVAL, "there is no pool of kind '%.40s'", name);
	return fault_cure(fault, r, "use: table, or sqs");
}

int pool_open(const struct pool_options *options, struct pool **ret, struct fault *fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		if (strcmp(options->name, pools[i].name) == 0)
			return pools[i].open(options, ret, fault);
	return pool_check_name(options->name, fault);
}
