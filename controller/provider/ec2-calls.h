#pragma once

/* EC2's operations as the provider needs them: each blocks, with its retries and pages, and answers
 * in EC2's own words. Nothing is decided here. */

#include "common/aws/call.h"
#include "common/aws/ec2.h"
#include "common/base/fault.h"

#define EC2_TYPES_MAX 2048       /* EC2 knows about 900 */
#define EC2_SUBNETS_FOUND_MAX 32 /* more are not asked for */
#define EC2_PAGE_MAX 1000        /* instances in one answer */
#define EC2_PAGES_MAX 1000       /* of one question */

struct ec2_types {
	struct ec2_type *rows; /* owned */
	size_t n;
};
void ec2_types_done(struct ec2_types *types);
#define _cleanup_ec2_types_ _cleanup_(ec2_types_done)

/* All types with so many CPUs of an architecture in EC2's words. */
int ec2_find_types(struct aws *aws, uint64_t cpu, const char *arch, struct ec2_types *ret,
		   struct fault *fault) _must_check_;

struct ec2_subnets {
	struct ec2_subnet rows[EC2_SUBNETS_FOUND_MAX];
	size_t n;
};
/* -ENOENT when one of them is not there. */
int ec2_find_subnets(struct aws *aws, const char *const *ids, size_t n, struct ec2_subnets *ret,
		     struct fault *fault) _must_check_;

/* The template of a name with its default version; -ENOENT. */
int ec2_find_template(struct aws *aws, const char *name, struct ec2_template_state *ret,
		      struct fault *fault) _must_check_;

/* *ret is the caller's; none of it is set on failure. */
int ec2_launch(struct aws *aws, const struct ec2_fleet *fleet, struct ec2_fleet_answer *ret,
	       struct fault *fault) _must_check_;

/* Every instance that passes the filters, shown while the answer is read: other calls may be made
 * from there, but what is shown is gone afterwards. */
int ec2_find_instances(struct aws *aws, const struct ec2_filter *filters, size_t n_filters,
		       ec2_instance_fn *each, void *context, struct fault *fault) _must_check_;

/* Tells one instance to end: 0 and its state then ("shutting-down", "terminated"); -ENOENT. */
int ec2_terminate(struct aws *aws, const char *id, char *ret_state, size_t size,
		  struct fault *fault) _must_check_;
