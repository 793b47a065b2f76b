#pragma once

/* Which pools of capacity a launch asks for: all that a run would take, without those that gave
 * nothing a moment ago. Pure. */

#include "common/aws/ec2.h"
#include "common/base/fault.h"
#include "common/domain/class.h"
#include "controller/provider/ec2-capacity.h"
#include "controller/provider/ec2-prices.h"

#define EC2_POOLS_MAX 60 /* Karpenter asks for no more types either */

/* What EC2 has for us. */
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
	const struct ec2_prices *prices; /* NULL: none */
	uint64_t max_price_micros;       /* 0: none */
	const struct ec2_capacity *capacity;
	uint64_t now_ms;
};

/* Why a type is none of ours; in the order of the tests. */
enum ec2_exclusion {
	EC2_FITS,
	EC2_OTHER_CPU,
	EC2_OTHER_MEMORY,
	EC2_OTHER_ARCH,
	EC2_NOT_NAMED, /* no glob matches */
	EC2_METAL,     /* bare metal where none is wanted, or the other way round */
	EC2_BURSTABLE,
	EC2_OLD, /* of a former generation, and not named outright */
	EC2_NO_SPOT,
	EC2_PRICE_UNKNOWN,
	EC2_TOO_DEAR,
	_EC2_EXCLUSION_MAX,
};
extern const char *const ec2_exclusion_texts[_EC2_EXCLUSION_MAX];

struct ec2_pool {
	char type[EC2_TYPE_MAX];
	char subnet[EC2_ID_MAX];
	char zone[EC2_ZONE_MAX];
};

struct ec2_choice {
	bool spot;
	struct ec2_pool pools[EC2_POOLS_MAX]; /* cheapest first, as far as prices are known */
	size_t n;
	size_t n_types, n_zones;             /* of the pools */
	size_t excluded[_EC2_EXCLUSION_MAX]; /* types, by reason; EC2_FITS: how many fit */
	size_t n_short;                      /* pools that would fit and are short of capacity */
	size_t n_beyond;                     /* pools beyond EC2_POOLS_MAX */
	uint64_t cheapest_micros, dearest_micros; /* of the types; 0: not known */
};

/* With spot-then-on-demand: spot as long as a pool of it is left. -ENOSPC where nothing is left,
 * and in the fault why; *ret tells the counts then, too. */
int ec2_choose(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
	       struct ec2_choice *ret, struct fault *fault) _must_check_;

/* "spot, 6 types in 3 zones (18 pools)". */
void ec2_choice_text(const struct ec2_choice *choice, char *text, size_t size);
