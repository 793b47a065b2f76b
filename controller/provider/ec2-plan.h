#pragma once

/* What a launch asked EC2 for, as the plan of an intent: replayed, it makes the same request, byte
 * for byte. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/domain/run.h"
#include "controller/provider/ec2-choice.h"

#define EC2_VERSION_MAX 24 /* bytes of a launch template's version */

struct ec2_plan {
	bool spot;
	char template_id[EC2_ID_MAX];
	char version[EC2_VERSION_MAX]; /* a number */
	char image[EC2_ID_MAX];        /* "": the template's */
	struct ec2_pool pools[EC2_POOLS_MAX];
	size_t n;
};

/* Deterministic; always fits RUN_PLAN_MAX. -EINVAL for a plan of no or too many pools, of more than
 * EC2_SUBNETS_MAX subnets, or with names that are none. *ret is the caller's. */
int ec2_plan_write(const struct ec2_plan *plan, char **ret) _must_check_;
/* -EBADMSG, and *ret untouched, for anything that ec2_plan_write() would not have written. */
int ec2_plan_read(const char *text, struct ec2_plan *ret, struct fault *fault) _must_check_;
