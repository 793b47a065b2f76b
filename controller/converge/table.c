/* The table of the store, where the store is one. It is reached as the store itself reaches it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"
#include "common/store/store-dynamodb.h"
#include "common/store/store.h"
#include "controller/converge/converge.h"

#define DELETE_USEC (120 * USEC_PER_SEC) /* until a deleted table has gone */

static size_t count(const struct converge *converge)
{
	return converge_dynamodb(converge->store_address) ? 1 : 0;
}

static int name_of(const struct converge *converge, _unused_ size_t i, char *text, size_t size,
		   struct fault *fault)
{
	const char *rest = converge_dynamodb(converge->store_address);

	if (str_copy(text, size, rest) < 0)
		return fault_set(fault, EINVAL, "the name of the table is too long");
	return 0;
}

/* The address's parts; *ret_region is to be freed. */
static int options_of(const struct converge *converge, char **ret_region,
		      struct dynamodb_options *ret, struct fault *fault)
{
	const char *rest = converge_dynamodb(converge->store_address);
	const char *slash = strchr(rest, '/');
	char *region = slash ? strndup(rest, (size_t)(slash - rest)) : NULL;

	if (slash && !region)
		return fault_set(fault, ENOMEM, "%m");
	*ret_region = region;
	*ret = (struct dynamodb_options){
		.table = slash ? slash + 1 : rest,
		.region = region,
		.clock = converge->clock,
	};
	return 0;
}

static int look_at(struct converge *converge, struct dynamodb_look *ret, struct fault *fault)
{
	_cleanup_free_ char *region = NULL;
	struct dynamodb_options options;
	int r;

	r = options_of(converge, &region, &options, fault);
	if (r == 0)
		r = store_dynamodb_look(&options, ret, fault);
	return r < 0 ? r
		     : str_copy(converge->store_region, sizeof(converge->store_region),
				ret->region);
}

static int look(struct converge *converge, _unused_ size_t i, enum thing_state *ret, char *why,
		size_t size, struct fault *fault)
{
	struct dynamodb_look table = {};
	int r;

	r = look_at(converge, &table, fault);
	if (r < 0)
		return r;
	*ret = THING_RIGHT;
	if (!table.status[0]) {
		*ret = THING_ABSENT;
	} else if (!table.fits) {
		r = fault_set(fault, EMEDIUMTYPE,
			      "it is another program's: its keys are not pk "
			      "and sk");
		return fault_cure(fault, r, "name another table in the setting store");
	} else if (!table.expires) {
		*ret = THING_WRONG;
		(void)snprintf(why, size, "what has expired was never deleted");
	}
	return 0;
}

static int mend(struct converge *converge, _unused_ size_t i, enum thing_state found,
		struct fault *fault)
{
	_cleanup_free_ char *region = NULL;
	struct dynamodb_options options;
	struct store *store = NULL;
	int r;

	r = options_of(converge, &region, &options, fault);
	if (r < 0)
		return r;
	if (found == THING_WRONG)
		return store_dynamodb_set_expiry(&options, fault);
	options.create = true;
	r = store_dynamodb_open(&options, &store, fault);
	store_close(store);
	return r;
}

/* Goes on until it has gone: one that is being made or deleted refuses both for a while. */
static int remove_table(struct converge *converge, _unused_ size_t i, struct fault *fault)
{
	static const struct backoff backoff = { 100 * USEC_PER_MSEC, 2 * USEC_PER_SEC };
	struct deadline deadline = deadline_in(converge->clock, DELETE_USEC);
	_cleanup_free_ char *region = NULL;
	struct dynamodb_options options;
	int r;

	r = options_of(converge, &region, &options, fault);
	for (unsigned attempt = 0; r == 0; attempt++) {
		struct dynamodb_look table = {};

		r = store_dynamodb_look(&options, &table, fault);
		if (r < 0 || !table.status[0])
			return r;
		if (strcmp(table.status, "DELETING") != 0)
			r = store_dynamodb_destroy(&options, fault);
		if (r == -EEXIST || r == -EBUSY)
			r = 0;
		if (r == 0 && deadline_passed(&deadline, converge->clock))
			return fault_set(fault, ETIMEDOUT, "the table is still there");
		if (r == 0 && clock_sleep(converge->clock,
					  backoff_usec(&backoff, attempt, converge->nonce)) > 0)
			return fault_set(fault, EINTR, "interrupted while the table goes");
	}
	return r;
}

const struct thing_ops thing_table = {
	.name = "table",
	.count = count,
	.name_of = name_of,
	.look = look,
	.mend = mend,
	.remove = remove_table,
	.rights = "dynamodb:DescribeTable, DescribeTimeToLive, CreateTable, TagResource, "
		  "UpdateTimeToLive, UpdateTable, DeleteTable",
};
