#pragma once

/* What EC2 has for us: template, subnets and types, each asked for once and then remembered for the
 * life of the program, which is short. */

#include "common/base/words.h"
#include "controller/provider/ec2-calls.h"
#include "controller/provider/ec2-choice.h"
#include "controller/provider/ec2-prices.h"
#include "controller/provider/provider.h"

struct ec2_catalog_cache {
	struct aws *aws;           /* borrowed */
	const char *name;          /* borrowed: the template's */
	struct words *wanted;      /* owned: subnet ids of the settings */
	struct ec2_prices prices;  /* owned; none: n 0 */
	uint64_t max_price_micros; /* 0: none */

	char template_id[EC2_ID_MAX]; /* "": not asked yet */
	char template_version[24];
	struct ec2_subnets subnets; /* n 0: not asked yet */
	struct ec2_types types;
	uint64_t types_cpu; /* what they were asked for; 0: not asked yet */
	char types_arch[16];
};

/* Reads the settings: prices, ceiling, subnets. -EINVAL. */
int ec2_catalog_init(struct ec2_catalog_cache *cache, const struct ec2_options *options,
		     struct fault *fault) _must_check_;
void ec2_catalog_done(struct ec2_catalog_cache *cache);

/* -ENOENT with a cure where nobody has made it. */
int ec2_catalog_find_template(struct ec2_catalog_cache *cache, struct fault *fault) _must_check_;

/* Template, subnets and the types that a class can be made of; what *ret points to is the cache's,
 * until the next call. -EINVAL where no subnets are set. */
int ec2_catalog_open(struct ec2_catalog_cache *cache, const struct resource_class *class_,
		     struct ec2_catalog *ret, struct fault *fault) _must_check_;
