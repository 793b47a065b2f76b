#pragma once

/* Where EC2 had no capacity lately, so that the next launch does not ask there again. Pure but for
 * its memory. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/ec2.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define EC2_CAPACITY_MEMORY_MS UINT64_C(180000) /* 3 min */
#define EC2_CAPACITY_ROWS_MAX 256               /* the one that expires first yields */
#define EC2_CAPACITY_TEXT_MAX 65536             /* bytes of its JSON */

/* What a row blocks: pools that match in whatever is not empty. All empty: the whole usage. */
struct ec2_shortage {
	char type[EC2_TYPE_MAX];
	char zone[EC2_ZONE_MAX];
	char subnet[EC2_ID_MAX];
	bool spot;      /* this usage, … */
	bool any_usage; /* … or both */
	uint64_t until_ms;
};

/* All zero is empty. Needs no clean-up. */
struct ec2_capacity {
	struct ec2_shortage rows[EC2_CAPACITY_ROWS_MAX];
	size_t n;
};

/* Whether the error was one of capacity, and is remembered from now on. */
bool ec2_capacity_note(struct ec2_capacity *capacity, const struct ec2_launch_error *error,
		       uint64_t now_ms);
/* NULL blocks nothing. A row's expiry never counts for longer than EC2_CAPACITY_MEMORY_MS, so that
 * a clock that was wrong blocks nothing for long. */
bool ec2_capacity_blocks(const struct ec2_capacity *capacity, const char *type, const char *zone,
			 const char *subnet, bool spot, uint64_t now_ms);
/* Whether the subnet is blocked, whatever the type and usage. */
bool ec2_capacity_blocks_subnet(const struct ec2_capacity *capacity, const char *subnet,
				uint64_t now_ms);
/* Adds what other knows; of the same row the later expiry wins. */
void ec2_capacity_merge(struct ec2_capacity *capacity, const struct ec2_capacity *other);
/* Forgets what has expired. */
void ec2_capacity_expire(struct ec2_capacity *capacity, uint64_t now_ms);

/* As JSON, for an item of the store. -EBADMSG, and *ret untouched, for what is none; unknown keys
 * are passed over. */
int ec2_capacity_write(const struct ec2_capacity *capacity, char **ret) _must_check_;
int ec2_capacity_read(const char *text, size_t size, struct ec2_capacity *ret,
		      struct fault *fault) _must_check_;
