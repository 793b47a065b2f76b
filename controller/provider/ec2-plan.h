#pragma once

/*
 * What a launch asks EC2 for, as text in its intent: CreateFleet with the same client token must be
 * the same request, whoever sends it again. Words separated by spaces:
 *	usage=spot template=lt-… version=7 image=ami-… subnet=subnet-…/eu-west-1a …
 *type=m6i.large/0,2 where a type is followed by the subnets, by number, that are asked for it.
 */

#include "common/aws/ec2.h"
#include "common/base/fault.h"
#include "controller/provider/ec2-choice.h"

#define EC2_PLAN_SUBNETS_MAX 32

struct ec2_plan {
	bool spot;
	char template_id[EC2_ID_MAX];
	char template_version[24];
	char image[EC2_ID_MAX]; /* "": the template's */
	struct ec2_pool pools[EC2_POOLS_MAX];
	size_t n;
};

/* choice NULL: without pools. image NULL: the template's. -ENAMETOOLONG. */
int ec2_plan_make(const struct ec2_choice *choice, const char *template_id, const char *version,
		  const char *image, struct ec2_plan *ret) _must_check_;

/* The same bytes for the same plan, shorter than RUN_PLAN_MAX; owned by the caller. -EINVAL for a
 * plan without pools, template or version, or with more subnets than EC2_PLAN_SUBNETS_MAX. */
int ec2_plan_write(const struct ec2_plan *plan, char **ret) _must_check_;
/* -EBADMSG for whatever ec2_plan_write() does not write. */
int ec2_plan_read(const char *text, struct ec2_plan *ret, struct fault *fault) _must_check_;

/* The zone of a subnet; "" for one that the plan does not have. */
const char *ec2_plan_zone(const struct ec2_plan *plan, const char *subnet);
/* What stands in the record of a machine: the image, or "<template>:<version>". */
void ec2_plan_image(const struct ec2_plan *plan, char *ret, size_t size);
