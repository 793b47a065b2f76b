#include "controller/provider/ec2-catalog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"

static int read_max_price(const char *text, uint64_t *ret, struct fault *fault)
{
	int r = ec2_price_parse(text, ret);

	return r < 0 ? fault_set(fault, EINVAL,
				 "max-price is '%s', which is no price: dollars an hour, such as "
				 "0.25",
				 text)
		     : 0;
}

int ec2_catalog_init(struct ec2_catalog_cache *cache, const struct ec2_options *options,
		     struct fault *fault)
{
	int r;

	*cache = (struct ec2_catalog_cache){ .aws = options->aws, .name = options->name };
	r = words_split(options->subnets, &cache->wanted);
	if (r == 0 && options->prices)
		r = ec2_prices_load(options->prices, &cache->prices, fault);
	if (r == 0 && options->max_price && !options->prices)
		r = fault_cure(fault,
			       fault_set(fault, EINVAL, "max-price is set, but no table of prices"),
			       "prices = FILE, with lines of TYPE USAGE DOLLARS");
	if (r == 0 && options->max_price)
		r = read_max_price(options->max_price, &cache->max_price_micros, fault);
	if (r < 0)
		ec2_catalog_done(cache);
	return r;
}

void ec2_catalog_done(struct ec2_catalog_cache *cache)
{
	words_free(cache->wanted);
	ec2_prices_done(&cache->prices);
	ec2_types_done(&cache->types);
	*cache = (struct ec2_catalog_cache){};
}

int ec2_catalog_find_template(struct ec2_catalog_cache *cache, struct fault *fault)
{
	struct ec2_template_state state = {};
	int r;

	if (cache->template_id[0])
		return 0;
	r = ec2_find_template(cache->aws, cache->name, &state, fault);
	if (r == -ENOENT)
		return fault_cure(fault,
				  fault_set(fault, ENOENT, "there is no launch template '%s' in %s",
					    cache->name, aws_region(cache->aws)),
				  "paddock refresh makes it");
	if (r < 0)
		return r;
	(void)snprintf(cache->template_version, sizeof(cache->template_version), "%" PRIu64,
		       state.default_version);
	return str_copy(cache->template_id, sizeof(cache->template_id), state.id);
}

static int find_subnets(struct ec2_catalog_cache *cache, struct fault *fault)
{
	const struct words *wanted = cache->wanted;

	if (cache->subnets.n > 0)
		return 0;
	if (wanted->n == 0 || wanted->n > EC2_SUBNETS_FOUND_MAX)
		return fault_cure(
			fault,
			fault_set(fault, EINVAL, "%zu subnets are set; 1 to %d are needed",
				  wanted->n, EC2_SUBNETS_FOUND_MAX),
			"subnets = subnet-… subnet-…, best one for each availability zone");
	return ec2_find_subnets(cache->aws, wanted->words, wanted->n, &cache->subnets, fault);
}

/* EC2's word for it. */
static const char *arch_of(const struct resource_class *class_)
{
	return class_->arch && strcmp(class_->arch, "aarch64") == 0 ? "arm64" : "x86_64";
}

static int find_types(struct ec2_catalog_cache *cache, const struct resource_class *class_,
		      struct fault *fault)
{
	const char *arch = arch_of(class_);
	int r;

	if (cache->types_cpu == class_->cpu && strcmp(cache->types_arch, arch) == 0)
		return 0;
	ec2_types_done(&cache->types);
	cache->types_cpu = 0;
	r = ec2_find_types(cache->aws, class_->cpu, arch, &cache->types, fault);
	if (r == 0)
		r = str_copy(cache->types_arch, sizeof(cache->types_arch), arch);
	if (r == 0)
		cache->types_cpu = class_->cpu;
	return r;
}

int ec2_catalog_open(struct ec2_catalog_cache *cache, const struct resource_class *class_,
		     struct ec2_catalog *ret, struct fault *fault)
{
	int r;

	r = ec2_catalog_find_template(cache, fault);
	if (r == 0)
		r = find_subnets(cache, fault);
	if (r == 0)
		r = find_types(cache, class_, fault);
	if (r < 0)
		return r;
	*ret = (struct ec2_catalog){
		.types = cache->types.rows,
		.n_types = cache->types.n,
		.subnets = cache->subnets.rows,
		.n_subnets = cache->subnets.n,
	};
	return 0;
}
