#include "common/store/pool.h"

#include <errno.h>
#include <string.h>

#include "common/store/pool-table.h"

static const struct {
	const char *name;
	int (*open)(struct store *store, uint64_t seed, struct pool **ret, struct fault *fault);
} pools[] = {
	{ "table", pool_table_open },
};

int pool_open(const char *name, struct store *store, uint64_t seed, struct pool **ret,
	      struct fault *fault)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		if (strcmp(name, pools[i].name) == 0)
			return pools[i].open(store, seed, ret, fault);

	r = fault_set(fault, EINVAL, "there is no pool of kind '%.40s'", name);
	return fault_cure(fault, r, "use: table");
}
