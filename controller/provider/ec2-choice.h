#pragma once

/* Which pools of capacity, a type in a subnet each, a launch asks for. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/ec2.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/domain/class.h"
#include "controller/provider/ec2-capacity.h"
#include "controller/provider/ec2-prices.h"

#define EC2_POOLS_MAX 60
#define EC2_SUBNETS_MAX 16 /* of one choice: all its names must fit an intent's plan */
/* So many types stand in a choice, if there are, before more subnets. */
#define EC2_TYPES_SPREAD 5
#define EC2_CHOICE_TEXT_MAX 128

struct ec2_catalog {
	const struct ec2_type *types;
	size_t n_types;
	const struct ec2_subnet *subnets;
	size_t n_subnets;
};

struct ec2_wish {
	const struct resource_class *class_;
	const char *const *globs; /* n 0: any type */
	size_t n_globs;
	enum usage_class usage;
	const struct ec2_prices *prices;     /* NULL: none */
	uint64_t max_price_micros;           /* 0: none */
	const struct ec2_capacity *capacity; /* NULL: nothing is remembered */
	uint64_t now_ms;
};

/* Why a type, a subnet or a pool of both is not asked for; the first reason counts. In the order of
 * the tests. */
enum ec2_excluded {
	EC2_EXCLUDED_ARCH,
	EC2_EXCLUDED_SIZE,
	EC2_EXCLUDED_GLOB,
	EC2_EXCLUDED_METAL, /* metal and not wanted, or the other way round */
	EC2_EXCLUDED_BURSTABLE,
	EC2_EXCLUDED_OLD, /* former generation, and no glob spells it out */
	EC2_EXCLUDED_NO_SPOT,
	EC2_EXCLUDED_PRICE_UNKNOWN, /* and there is a limit */
	EC2_EXCLUDED_PRICE,
	EC2_EXCLUDED_ADDRESSES, /* subnets, not types */
	EC2_EXCLUDED_CAPACITY,  /* pools */
	EC2_EXCLUDED_LIMIT,     /* pools: EC2_POOLS_MAX are enough */
	_EC2_EXCLUDED_MAX,
};
extern const char *const ec2_excluded_texts[_EC2_EXCLUDED_MAX]; /* "of another size" */

struct ec2_pool {
	char type[EC2_TYPE_MAX];
	char subnet[EC2_ID_MAX];
	char zone[EC2_ZONE_MAX];
};

struct ec2_choice {
	bool spot;
	struct ec2_pool pools[EC2_POOLS_MAX]; /* the best first */
	size_t n;
	size_t excluded[_EC2_EXCLUDED_MAX];
};

/* The cheapest first where prices are known, then the smallest, then by name; each in every zone.
 * Of several subnets in a zone the one with the most free addresses: a fleet takes no pool twice.
 * -ENOSPC with a fault that names cause and cure, and *ret filled but for the pools, when nothing
 * is left. */
int ec2_choose(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
	       struct ec2_choice *ret, struct fault *fault) _must_check_;

/* "spot, 6 types in 3 zones (18 pools)". Returns text. */
const char *ec2_choice_text(const struct ec2_choice *choice, char *text, size_t size);
