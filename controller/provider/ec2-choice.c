#include "controller/provider/ec2-choice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

#define MEMORY_MIN (EC2_CAPACITY_MEMORY_MS / 60 / MSEC_PER_SEC)
#define REASONS_MAX 400

const char *const ec2_excluded_texts[_EC2_EXCLUDED_MAX] = {
	[EC2_EXCLUDED_ARCH] = "of another architecture",
	[EC2_EXCLUDED_SIZE] = "of another size",
	[EC2_EXCLUDED_GLOB] = "not among the allowed types",
	[EC2_EXCLUDED_METAL] = "metal, or not metal, other than the class says",
	[EC2_EXCLUDED_BURSTABLE] = "burstable",
	[EC2_EXCLUDED_OLD] = "of a former generation",
	[EC2_EXCLUDED_NO_SPOT] = "not to be had as spot",
	[EC2_EXCLUDED_PRICE_UNKNOWN] = "without a known price",
	[EC2_EXCLUDED_PRICE] = "above the highest price",
	[EC2_EXCLUDED_ADDRESSES] = "subnets without free addresses",
	[EC2_EXCLUDED_CAPACITY] = "pools without capacity lately",
	[EC2_EXCLUDED_LIMIT] = "pools more than are asked for",
};

/* A type that fits. */
struct candidate {
	const struct ec2_type *type;
	uint64_t micros; /* UINT64_MAX: unknown */
};

/* --- types ----------------------------------------------------------------------------------- */

static bool is_wanted_arch(const struct ec2_type *type, const char *arch)
{
	if (!arch)
		arch = "x86_64";
	return strcmp(type->arch, strcmp(arch, "aarch64") == 0 ? "arm64" : arch) == 0;
}

static bool is_globbed(const struct ec2_wish *wish, const char *name)
{
	for (size_t i = 0; i < wish->n_globs; i++)
		if (glob_matches(wish->globs[i], name))
			return true;
	return wish->n_globs == 0;
}

static bool is_spelled_out(const struct ec2_wish *wish, const char *name)
{
	for (size_t i = 0; i < wish->n_globs; i++)
		if (!strpbrk(wish->globs[i], "*?") && glob_matches(wish->globs[i], name))
			return true;
	return false;
}

/* Whatever the usage; _EC2_EXCLUDED_MAX: it fits. */
static enum ec2_excluded judge(const struct ec2_type *type, const struct ec2_wish *wish)
{
	const struct resource_class *class_ = wish->class_;

	if (!is_wanted_arch(type, class_->arch))
		return EC2_EXCLUDED_ARCH;
	if (type->cpu != class_->cpu || type->memory_mib < class_->memory_mib)
		return EC2_EXCLUDED_SIZE;
	if (!is_globbed(wish, type->name))
		return EC2_EXCLUDED_GLOB;
	if (type->metal != class_->metal)
		return EC2_EXCLUDED_METAL;
	if (type->burstable && !class_->burstable)
		return EC2_EXCLUDED_BURSTABLE;
	if (!type->current && !is_spelled_out(wish, type->name))
		return EC2_EXCLUDED_OLD;
	return _EC2_EXCLUDED_MAX;
}

static enum ec2_excluded judge_usage(const struct ec2_type *type, const struct ec2_wish *wish,
				     bool spot, uint64_t *ret_micros)
{
	*ret_micros = UINT64_MAX;
	if (spot && !type->spot)
		return EC2_EXCLUDED_NO_SPOT;
	if (ec2_prices_lookup(wish->prices, type->name, spot, ret_micros) < 0)
		return wish->max_price_micros > 0 ? EC2_EXCLUDED_PRICE_UNKNOWN : _EC2_EXCLUDED_MAX;
	if (wish->max_price_micros > 0 && *ret_micros > wish->max_price_micros)
		return EC2_EXCLUDED_PRICE;
	return _EC2_EXCLUDED_MAX;
}

static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->micros != y->micros)
		return x->micros < y->micros ? -1 : 1;
	if (x->type->memory_mib != y->type->memory_mib)
		return x->type->memory_mib < y->type->memory_mib ? -1 : 1;
	return strcmp(x->type->name, y->type->name);
}

static size_t collect_types(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
			    struct candidate *candidates, struct ec2_choice *choice)
{
	size_t n = 0;

	for (size_t i = 0; i < catalog->n_types; i++) {
		struct candidate candidate = { .type = &catalog->types[i] };
		enum ec2_excluded excluded = judge(candidate.type, wish);

		if (excluded == _EC2_EXCLUDED_MAX)
			excluded =
				judge_usage(candidate.type, wish, choice->spot, &candidate.micros);
		if (excluded == _EC2_EXCLUDED_MAX)
			candidates[n++] = candidate;
		else
			choice->excluded[excluded]++;
	}
	if (n > 0)
		qsort(candidates, n, sizeof(*candidates), compare);
	return n;
}

/* --- subnets --------------------------------------------------------------------------------- */

/* The best subnet of each zone, as they first come. */
struct places {
	const struct ec2_subnet *subnets[EC2_SUBNETS_MAX];
	size_t n;
};

static void add_subnet(struct places *places, const struct ec2_subnet *subnet)
{
	for (size_t i = 0; i < places->n; i++) {
		if (strcmp(places->subnets[i]->zone, subnet->zone) != 0)
			continue;
		if (places->subnets[i]->free_addresses < subnet->free_addresses)
			places->subnets[i] = subnet;
		return;
	}
	if (places->n < EC2_SUBNETS_MAX)
		places->subnets[places->n++] = subnet;
}

/* A subnet that has just run out of addresses is none, although it was said to have some; so
 * another of its zone may take its place. */
static void collect_subnets(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
			    struct places *places, struct ec2_choice *choice)
{
	for (size_t i = 0; i < catalog->n_subnets; i++) {
		const struct ec2_subnet *subnet = &catalog->subnets[i];

		if (subnet->free_addresses == 0 ||
		    ec2_capacity_blocks_subnet(wish->capacity, subnet->id, wish->now_ms))
			choice->excluded[EC2_EXCLUDED_ADDRESSES]++;
		else
			add_subnet(places, subnet);
	}
}

/* --- pools ----------------------------------------------------------------------------------- */

static bool add_pool(struct ec2_choice *choice, const struct ec2_wish *wish,
		     const struct ec2_type *type, const struct ec2_subnet *subnet)
{
	struct ec2_pool *pool = &choice->pools[choice->n];

	if (ec2_capacity_blocks(wish->capacity, type->name, subnet->zone, subnet->id, choice->spot,
				wish->now_ms)) {
		choice->excluded[EC2_EXCLUDED_CAPACITY]++;
		return false;
	}
	if (choice->n == EC2_POOLS_MAX) {
		choice->excluded[EC2_EXCLUDED_LIMIT]++;
		return false;
	}
	_Static_assert(sizeof(pool->type) == sizeof(type->name), "of one size");
	_Static_assert(sizeof(pool->subnet) == sizeof(subnet->id), "of one size");
	_Static_assert(sizeof(pool->zone) == sizeof(subnet->zone), "of one size");
	memcpy(pool->type, type->name, sizeof(pool->type));
	memcpy(pool->subnet, subnet->id, sizeof(pool->subnet));
	memcpy(pool->zone, subnet->zone, sizeof(pool->zone));
	choice->n++;
	return true;
}

/* With many zones a type gets some of them only, each type others: several types matter more. */
static void add_pools(struct ec2_choice *choice, const struct ec2_wish *wish,
		      const struct candidate *candidates, size_t n, const struct places *places)
{
	size_t spread = n < EC2_TYPES_SPREAD ? n : EC2_TYPES_SPREAD, first = 0;

	for (size_t i = 0; i < n; i++) {
		size_t added = 0, most = EC2_POOLS_MAX / spread;

		for (size_t k = 0; k < places->n; k++) {
			if (added == most)
				choice->excluded[EC2_EXCLUDED_LIMIT]++;
			else if (add_pool(choice, wish, candidates[i].type,
					  places->subnets[(first + k) % places->n]))
				added++;
		}
		if (places->n > most)
			first = (first + most) % places->n;
	}
}

static int choose(const struct ec2_catalog *catalog, const struct ec2_wish *wish, bool spot,
		  struct ec2_choice *ret)
{
	_cleanup_free_ struct candidate *candidates =
		calloc(catalog->n_types + 1, sizeof(*candidates));
	struct places places = {};
	size_t n;

	if (!candidates)
		return -ENOMEM;
	*ret = (struct ec2_choice){ .spot = spot };
	n = collect_types(catalog, wish, candidates, ret);
	collect_subnets(catalog, wish, &places, ret);
	add_pools(ret, wish, candidates, n, &places);
	return 0;
}

/* --- why not --------------------------------------------------------------------------------- */

static int nothing_fits(const struct ec2_catalog *catalog, const struct ec2_choice *choice,
			struct fault *fault)
{
	_cleanup_buf_ struct buf buf = {};
	int r = 0;

	buf_init(&buf, REASONS_MAX);
	for (size_t i = 0; r == 0 && i < EC2_EXCLUDED_ADDRESSES; i++)
		if (choice->excluded[i] > 0)
			r = buf_printf(&buf, "%s%zu %s", buf.size > 0 ? ", " : "; ",
				       choice->excluded[i], ec2_excluded_texts[i]);
	r = fault_set(fault, ENOSPC, "no %s type fits: %zu types%s",
		      choice->spot ? "spot" : "on-demand", catalog->n_types, buf_text(&buf));
	if (choice->excluded[EC2_EXCLUDED_PRICE] + choice->excluded[EC2_EXCLUDED_PRICE_UNKNOWN] > 0)
		return fault_cure(fault, r, "raise the highest price, or add prices to the table");
	return fault_cure(fault, r, "allow more types, or change the resource class");
}

static int nothing_left(const struct ec2_catalog *catalog, const struct ec2_choice *choice,
			struct fault *fault)
{
	size_t types = catalog->n_types, pools = choice->excluded[EC2_EXCLUDED_CAPACITY];
	const char *usage = choice->spot ? "spot" : "on-demand";
	int r;

	for (size_t i = 0; i < EC2_EXCLUDED_ADDRESSES; i++)
		types -= choice->excluded[i];
	if (types == 0)
		return nothing_fits(catalog, choice, fault);
	if (pools == 0) {
		r = fault_set(fault, ENOSPC, "none of %zu subnets has free addresses",
			      catalog->n_subnets);
		return fault_cure(fault, r, "name more subnets, or larger ones");
	}
	r = fault_set(fault, ENOSPC,
		      "all %zu %s pools were without capacity within the last %" PRIu64 " min",
		      pools, usage, MEMORY_MIN);
	return fault_cure(fault, r, "try again later, or allow more types, subnets or usages");
}

int ec2_choose(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
	       struct ec2_choice *ret, struct fault *fault)
{
	bool spot = wish->usage != USAGE_ON_DEMAND;
	int r;

	r = choose(catalog, wish, spot, ret);
	if (r == 0 && ret->n == 0 && wish->usage == USAGE_SPOT_THEN_ON_DEMAND)
		r = choose(catalog, wish, false, ret);
	if (r < 0)
		return fault_set(fault, r, "choice of types: %m");
	return ret->n > 0 ? 0 : nothing_left(catalog, ret, fault);
}

/* --- for people ------------------------------------------------------------------------------ */

const char *ec2_choice_text(const struct ec2_choice *choice, char *text, size_t size)
{
	size_t types = 0, zones = 0;

	for (size_t i = 0; i < choice->n; i++) {
		bool new_type = true, new_zone = true;

		for (size_t k = 0; k < i; k++) {
			if (strcmp(choice->pools[k].type, choice->pools[i].type) == 0)
				new_type = false;
			if (strcmp(choice->pools[k].zone, choice->pools[i].zone) == 0)
				new_zone = false;
		}
		types += new_type;
		zones += new_zone;
	}
	(void)snprintf(text, size, "%s, %zu type%s in %zu zone%s (%zu pool%s)",
		       choice->spot ? "spot" : "on-demand", types, types == 1 ? "" : "s", zones,
		       zones == 1 ? "" : "s", choice->n, choice->n == 1 ? "" : "s");
	return text;
}
