#pragma once

/*
 * Which pools of EC2's capacity gave nothing a moment ago. A pool is an instance type in a zone
 * (or, where only its addresses ran out, a subnet), as spot or on-demand; an error that speaks of
 * the whole account blocks all of a usage. Pure.
 *
 * Which codes mean what: Karpenter's pkg/errors (unfulfillable and account-wide ones), and EC2's
 * list of error codes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/ec2.h"
#include "common/base/fault.h"

#define EC2_CAPACITY_MEMORY_MS (3 * 60 * 1000ULL)
#define EC2_CAPACITY_ROWS_MAX 256

struct ec2_shortage {
	char type[EC2_TYPE_MAX]; /* "" : any */
	char place[EC2_ID_MAX];  /* a zone, or a subnet; "": any */
	bool spot;
	char code[64];
	uint64_t until_ms;
};

struct ec2_capacity {
	struct ec2_shortage rows[EC2_CAPACITY_ROWS_MAX];
	size_t n;
};

/* Remembers what a launch has met. Errors that say nothing of capacity are passed over. The one
 * that would be forgotten first yields where there is no room. */
void ec2_capacity_note(struct ec2_capacity *capacity, const struct ec2_launch_error *error,
		       uint64_t now_ms);

/* What blocks a pool; NULL: nothing that is known. */
const struct ec2_shortage *ec2_capacity_blocks(const struct ec2_capacity *capacity,
					       const char *type, const char *zone,
					       const char *subnet, bool spot, uint64_t now_ms);

/* Adds what others know; of two that speak of the same, the later end counts. */
void ec2_capacity_merge(struct ec2_capacity *capacity, const struct ec2_capacity *other);

/* JSON, without what is over by now. Owned by the caller. */
int ec2_capacity_write(const struct ec2_capacity *capacity, uint64_t now_ms,
		       char **ret) _must_check_;
/* -EBADMSG; unknown members are passed over. */
int ec2_capacity_read(const char *text, struct ec2_capacity *ret, struct fault *fault) _must_check_;
