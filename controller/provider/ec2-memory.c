#include "controller/provider/ec2-memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"

#define KIND "capacity"

static void name_partition(const struct ec2_memory *memory, char *ret, size_t size)
{
	(void)snprintf(ret, size, "ec2-%s", memory->region);
}

/* Merges what stands there; the revision is 0 when nothing does. */
static int merge(struct ec2_memory *memory, uint64_t *ret_revision, struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	struct ec2_capacity theirs = {};
	char partition[RUN_KEY_MAX];
	int r;

	*ret_revision = 0;
	name_partition(memory, partition, sizeof(partition));
	r = memory->store->ops->item_get(memory->store, partition, KIND, &item, fault);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret_revision = item.revision;
	/* What cannot be read is written over. */
	if (ec2_capacity_read(item.body, strlen(item.body), &theirs, fault) == 0)
		ec2_capacity_merge(&memory->capacity, &theirs);
	return 0;
}

int ec2_memory_read(struct ec2_memory *memory, struct fault *fault)
{
	struct fault ignored;
	uint64_t revision;
	int r = merge(memory, &revision, &ignored);

	return r == -ENOMEM ? fault_set(fault, ENOMEM, "out of memory") : 0;
}

static int put(struct ec2_memory *memory, uint64_t revision, uint64_t now_ms)
{
	_cleanup_item_ struct item item = {
		.revision = revision,
		.expires_ms = now_ms + 2 * EC2_CAPACITY_MEMORY_MS,
		.kind = KIND,
	};
	struct fault ignored;
	int r;

	name_partition(memory, item.partition, sizeof(item.partition));
	ec2_capacity_expire(&memory->capacity, now_ms);
	r = ec2_capacity_write(&memory->capacity, &item.body);
	return r < 0 ? r : memory->store->ops->item_put(memory->store, &item, NULL, &ignored);
}

void ec2_memory_note(struct ec2_memory *memory, const struct ec2_launch_error *errors, size_t n,
		     uint64_t now_ms)
{
	int r = STORE_REFUSED;

	for (size_t i = 0; i < n; i++)
		(void)ec2_capacity_note(&memory->capacity, &errors[i], now_ms);
	for (unsigned tries = 0; r == STORE_REFUSED && tries < EC2_MEMORY_TRIES_MAX; tries++) {
		struct fault ignored;
		uint64_t revision;

		r = merge(memory, &revision, &ignored);
		if (r == 0)
			r = put(memory, revision, now_ms);
	}
}
