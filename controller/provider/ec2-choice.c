#include "controller/provider/ec2-choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"

const char *const ec2_exclusion_texts[_EC2_EXCLUSION_MAX] = {
	[EC2_FITS] = "fit",
	[EC2_OTHER_CPU] = "with other CPU counts",
	[EC2_OTHER_MEMORY] = "with too little memory",
	[EC2_OTHER_ARCH] = "of another architecture",
	[EC2_NOT_NAMED] = "not among the allowed types",
	[EC2_METAL] = "bare metal, or not",
	[EC2_BURSTABLE] = "burstable",
	[EC2_OLD] = "of a former generation",
	[EC2_NO_SPOT] = "not to be had as spot",
	[EC2_PRICE_UNKNOWN] = "without a price in the table",
	[EC2_TOO_DEAR] = "above max-price",
};

static const char *arch_of(const struct resource_class *class_)
{
	return class_->arch && strcmp(class_->arch, "aarch64") == 0 ? "arm64" : "x86_64";
}

static bool has_wildcard(const char *glob)
{
	return glob[strcspn(glob, "*?")] != '\0';
}

/* Whether a glob allows it; and whether one names it outright. */
static bool is_allowed(const struct ec2_wish *wish, const char *type, bool *ret_named)
{
	bool allowed = wish->n_globs == 0;

	*ret_named = false;
	for (size_t i = 0; i < wish->n_globs; i++) {
		if (!glob_matches(wish->globs[i], type))
			continue;
		allowed = true;
		*ret_named |= !has_wildcard(wish->globs[i]);
	}
	return allowed;
}

static enum ec2_exclusion judge(const struct ec2_type *type, const struct ec2_wish *wish, bool spot)
{
	const struct resource_class *class_ = wish->class_;
	uint64_t price = ec2_prices_find(wish->prices, type->name, spot);
	bool named, allowed = is_allowed(wish, type->name, &named);

	if (type->cpu != class_->cpu)
		return EC2_OTHER_CPU;
	if (type->memory_mib < class_->memory_mib)
		return EC2_OTHER_MEMORY;
	if (strcmp(type->arch, arch_of(class_)) != 0)
		return EC2_OTHER_ARCH;
	if (!allowed)
		return EC2_NOT_NAMED;
	if (type->metal != class_->metal)
		return EC2_METAL;
	if (type->burstable && !class_->burstable)
		return EC2_BURSTABLE;
	if (!type->current && !named)
		return EC2_OLD;
	if (spot && !type->spot)
		return EC2_NO_SPOT;
	if (wish->max_price_micros > 0 && price == 0)
		return EC2_PRICE_UNKNOWN;
	if (wish->max_price_micros > 0 && price > wish->max_price_micros)
		return EC2_TOO_DEAR;
	return EC2_FITS;
}

/* A type that fits, with what the order goes by. */
struct candidate {
	const struct ec2_type *type;
	uint64_t price; /* UINT64_MAX: not known, behind all others */
};

static int by_price(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->price != y->price)
		return x->price < y->price ? -1 : 1;
	if (x->type->memory_mib != y->type->memory_mib)
		return x->type->memory_mib < y->type->memory_mib ? -1 : 1;
	return strcmp(x->type->name, y->type->name);
}

/* Returns how many fit. */
static size_t find_candidates(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
			      bool spot, struct candidate *ret, struct ec2_choice *choice)
{
	size_t n = 0;

	for (size_t i = 0; i < catalog->n_types; i++) {
		const struct ec2_type *type = &catalog->types[i];
		enum ec2_exclusion exclusion = judge(type, wish, spot);
		uint64_t price = ec2_prices_find(wish->prices, type->name, spot);

		choice->excluded[exclusion]++;
		if (exclusion != EC2_FITS)
			continue;
		ret[n++] = (struct candidate){ type, price > 0 ? price : UINT64_MAX };
	}
	if (n > 0)
		qsort(ret, n, sizeof(*ret), by_price);
	return n;
}

static bool has_zone(const struct ec2_choice *choice, const char *zone)
{
	for (size_t i = 0; i < choice->n; i++) {
		if (strcmp(choice->pools[i].zone, zone) == 0)
			return true;
	}
	return false;
}

static void add_pool(struct ec2_choice *choice, const struct candidate *candidate,
		     const struct ec2_subnet *subnet)
{
	struct ec2_pool *pool = &choice->pools[choice->n];

	choice->n_zones += !has_zone(choice, subnet->zone);
	choice->n_types += choice->n == 0 ||
			   strcmp(choice->pools[choice->n - 1].type, candidate->type->name) != 0;
	*pool = (struct ec2_pool){};
	(void)!str_copy(pool->type, sizeof(pool->type), candidate->type->name);
	(void)!str_copy(pool->subnet, sizeof(pool->subnet), subnet->id);
	(void)!str_copy(pool->zone, sizeof(pool->zone), subnet->zone);
	choice->n++;
	if (candidate->price == UINT64_MAX)
		return;
	if (choice->cheapest_micros == 0)
		choice->cheapest_micros = candidate->price;
	choice->dearest_micros = candidate->price;
}

static void choose_pools(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
			 const struct candidate *candidates, size_t n, struct ec2_choice *choice)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < catalog->n_subnets; k++) {
			const struct ec2_subnet *subnet = &catalog->subnets[k];

			if (subnet->free_addresses == 0 ||
			    ec2_capacity_blocks(wish->capacity, candidates[i].type->name,
						subnet->zone, subnet->id, choice->spot,
						wish->now_ms))
				choice->n_short++;
			else if (choice->n == EC2_POOLS_MAX)
				choice->n_beyond++;
			else
				add_pool(choice, &candidates[i], subnet);
		}
	}
}

static int choose(const struct ec2_catalog *catalog, const struct ec2_wish *wish, bool spot,
		  struct ec2_choice *ret)
{
	_cleanup_free_ struct candidate *candidates =
		calloc(catalog->n_types + 1, sizeof(*candidates));
	size_t n;

	*ret = (struct ec2_choice){ .spot = spot };
	if (!candidates)
		return -ENOMEM;
	n = find_candidates(catalog, wish, spot, candidates, ret);
	choose_pools(catalog, wish, candidates, n, ret);
	return 0;
}

/* The most frequent reason first is not needed: there are few, and all are told. */
static int tell_none_fits(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
			  const struct ec2_choice *choice, struct fault *fault)
{
	char text[FAULT_TEXT_MAX / 2] = "";
	size_t at = 0;

	for (size_t i = 0; i < _EC2_EXCLUSION_MAX; i++) {
		int n;

		if (choice->excluded[i] == 0)
			continue;
		n = snprintf(text + at, sizeof(text) - at, "%s%zu %s", at > 0 ? ", " : "",
			     choice->excluded[i], ec2_exclusion_texts[i]);
		at += n > 0 && (size_t)n < sizeof(text) - at ? (size_t)n : 0;
	}
	return fault_cure(fault,
			  fault_set(fault, ENOSPC, "no %s type of %zu fits class %s: %s",
				    choice->spot ? "spot" : "on-demand", catalog->n_types,
				    wish->class_->name, text),
			  "look at the class, --allowed-instance-types and max-price");
}

static int tell(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
		const struct ec2_choice *choice, struct fault *fault)
{
	if (choice->n_short == 0)
		return tell_none_fits(catalog, wish, choice, fault);
	return fault_cure(fault,
			  fault_set(fault, ENOSPC,
				    "all %zu %s pools of %zu types were without capacity within "
				    "the last 3 min",
				    choice->n_short, choice->spot ? "spot" : "on-demand",
				    choice->excluded[EC2_FITS]),
			  "try again later, allow more types or zones, or another --usage-class");
}

int ec2_choose(const struct ec2_catalog *catalog, const struct ec2_wish *wish,
	       struct ec2_choice *ret, struct fault *fault)
{
	int r = choose(catalog, wish, wish->usage != USAGE_ON_DEMAND, ret);

	if (r == 0 && ret->n == 0 && wish->usage == USAGE_SPOT_THEN_ON_DEMAND)
		r = choose(catalog, wish, false, ret);
	if (r < 0)
		return fault_set(fault, ENOMEM, "out of memory");
	return ret->n > 0 ? 0 : tell(catalog, wish, ret, fault);
}

void ec2_choice_text(const struct ec2_choice *choice, char *text, size_t size)
{
	(void)snprintf(text, size, "%s, %zu type%s in %zu zone%s (%zu pools)",
		       choice->spot ? "spot" : "on-demand", choice->n_types,
		       choice->n_types == 1 ? "" : "s", choice->n_zones,
		       choice->n_zones == 1 ? "" : "s", choice->n);
}
