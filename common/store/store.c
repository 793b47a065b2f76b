#include "common/store/store.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/store-dynamodb.h"
#include "common/store/store-sqlite.h"

void item_done(struct item *item)
{
	free(item->body);
	*item = (struct item){};
}

int store_watch(struct store *store, const char *id, int *ret_fd, struct fault *fault)
{
	if (!store->ops->watch)
		return fault_set(fault, EOPNOTSUPP, "a %s store cannot be watched",
				 store->ops->name);
	return store->ops->watch(store, id, ret_fd, fault);
}

int store_get_one(struct store *store, const char *id, struct machine *ret, struct fault *fault)
{
	struct machine machine;
	int r;

	r = store->ops->get(store, &id, 1, &machine, fault);
	if (r < 0)
		return r;

	*ret = machine;
	return machine.state == MACHINE_NONE ? STORE_REFUSED : 0;
}

int store_change_one(struct store *store, const struct change *change, struct change_outcome *ret,
		     struct fault *fault)
{
	struct change_outcome outcome;
	int r;

	r = store->ops->change(store, change, 1, &outcome, fault);
	if (r < 0)
		return r;

	*ret = outcome;
	return 0;
}

static int open_sqlite(const char *path, bool create, const struct clock *clock, struct store **ret,
		       struct fault *fault)
{
	const struct sqlite_options options = {
		.path = path,
		.create = create,
		.clock = clock,
	};

	return store_sqlite_open(&options, ret, fault);
}

/* "table" or "region/table". */
static int open_dynamodb(const char *rest, bool create, const struct clock *clock,
			 struct store **ret, struct fault *fault)
{
	_cleanup_free_ char *region = strdup(rest);
	char *slash = region ? strchr(region, '/') : NULL;
	const struct dynamodb_options options = {
		.table = slash ? slash + 1 : rest,
		.region = slash ? region : NULL,
		.create = create,
		.clock = clock,
	};

	if (!region)
		return fault_set(fault, ENOMEM, "%m");
	if (slash)
		*slash = '\0';
	return store_dynamodb_open(&options, ret, fault);
}

static const struct {
	const char *scheme;
	int (*open)(const char *rest, bool create, const struct clock *clock, struct store **ret,
		    struct fault *fault);
} schemes[] = {
	{ "dynamodb:", open_dynamodb },
	{ "sqlite:", open_sqlite },
};

int store_open(const char *address, bool create, const struct clock *clock, struct store **ret,
	       struct fault *fault)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t length = strlen(schemes[i].scheme);

		if (strncmp(address, schemes[i].scheme, length) == 0)
			return schemes[i].open(address + length, create, clock, ret, fault);
	}

	r = fault_set(fault, EINVAL, "store address '%.200s' names no kind of store", address);
	return fault_cure(fault, r,
			  "write it as sqlite:/absolute/path/to/paddock.db, or dynamodb:TABLE");
}
