#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/provider/ec2-choice.h"
#include "tests/test.h"

#define NOW UINT64_C(1000000)
#define TYPE(name_, memory_)                                                          \
	{                                                                             \
		.name = (name_), .arch = "x86_64", .cpu = 2, .memory_mib = (memory_), \
		.spot = true, .current = true                                         \
	}

static const struct ec2_type types[] = {
	TYPE("r6i.large", 16384),
	TYPE("m7i.large", 8192),
	TYPE("c7i.large", 4096),
	{ .name = "c7g.large", .arch = "arm64", .cpu = 2, .memory_mib = 4096, .current = true },
	{ .name = "c7i.xlarge", .arch = "x86_64", .cpu = 4, .memory_mib = 8192, .current = true },
	TYPE("c7i.small", 2048),
	{ .name = "t3.large",
	  .arch = "x86_64",
	  .cpu = 2,
	  .memory_mib = 8192,
	  .burstable = true,
	  .spot = true,
	  .current = true },
	{ .name = "x.metal",
	  .arch = "x86_64",
	  .cpu = 2,
	  .memory_mib = 8192,
	  .metal = true,
	  .spot = true,
	  .current = true },
	{ .name = "m1.large", .arch = "x86_64", .cpu = 2, .memory_mib = 8192, .spot = true },
	{ .name = "u7i.large", .arch = "x86_64", .cpu = 2, .memory_mib = 8192, .current = true },
};
static const struct ec2_subnet subnets[] = {
	{ "subnet-a", "eu-west-1a", "vpc", 10 },
	{ "subnet-b", "eu-west-1b", "vpc", 10 },
	{ "subnet-c", "eu-west-1c", "vpc", 0 },
	{ "subnet-d", "eu-west-1a", "vpc", 20 },
};
static const struct ec2_catalog catalog = { types, ARRAY_SIZE(types), subnets,
					    ARRAY_SIZE(subnets) };
static struct resource_class large = { .name = "large", .cpu = 2, .memory_mib = 4096 };

static struct ec2_wish new_wish(enum usage_class usage)
{
	return (struct ec2_wish){ .class_ = &large, .usage = usage, .now_ms = NOW };
}

static void check_pool(const struct ec2_choice *choice, size_t i, const char *type,
		       const char *subnet)
{
	ck_assert_uint_lt(i, choice->n);
	ck_assert_str_eq(choice->pools[i].type, type);
	ck_assert_str_eq(choice->pools[i].subnet, subnet);
}

START_TEST(takes_the_smallest_first_in_the_best_subnet_of_each_zone)
{
	struct ec2_wish wish = new_wish(USAGE_SPOT);
	char text[EC2_CHOICE_TEXT_MAX];
	struct ec2_choice choice;

	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, NULL), 0);
	ck_assert(choice.spot);
	ck_assert_uint_eq(choice.n, 6);
	check_pool(&choice, 0, "c7i.large", "subnet-d");
	check_pool(&choice, 1, "c7i.large", "subnet-b");
	check_pool(&choice, 2, "m7i.large", "subnet-d");
	check_pool(&choice, 5, "r6i.large", "subnet-b");
	ck_assert_str_eq(choice.pools[1].zone, "eu-west-1b");
	ck_assert_str_eq(ec2_choice_text(&choice, text, sizeof(text)),
			 "spot, 3 types in 2 zones (6 pools)");
}
END_TEST

START_TEST(counts_why_a_type_does_not_fit)
{
	static const char *const globs[] = { "*.large", "*.metal", "*.small", "*.xlarge" };
	struct ec2_wish wish = new_wish(USAGE_SPOT);
	struct ec2_choice choice;

	wish.globs = globs;
	wish.n_globs = ARRAY_SIZE(globs);
	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, NULL), 0);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_ARCH], 1);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_SIZE], 2);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_GLOB], 0);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_METAL], 1);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_BURSTABLE], 1);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_OLD], 1);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_NO_SPOT], 1);
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_ADDRESSES], 1);
}
END_TEST

START_TEST(takes_an_old_type_that_is_spelled_out)
{
	static const char *const globs[] = { "m1.large" };
	struct ec2_wish wish = new_wish(USAGE_ON_DEMAND);
	struct ec2_choice choice;

	wish.globs = globs;
	wish.n_globs = 1;
	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, NULL), 0);
	ck_assert(!choice.spot);
	ck_assert_uint_eq(choice.n, 2);
	check_pool(&choice, 0, "m1.large", "subnet-d");
}
END_TEST

START_TEST(takes_the_cheapest_first_and_nothing_above_the_limit)
{
	static struct ec2_price rows[] = { { "c7i.large", true, 50 },
					   { "m7i.large", true, 90 },
					   { "r6i.large", true, 40 } };
	static const struct ec2_prices prices = { rows, 3 };
	struct ec2_wish wish = new_wish(USAGE_SPOT);
	struct ec2_choice choice;
	struct fault fault = {};

	wish.prices = &prices;
	wish.max_price_micros = 50;
	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, NULL), 0);
	ck_assert_uint_eq(choice.n, 4);
	check_pool(&choice, 0, "r6i.large", "subnet-d");
	check_pool(&choice, 2, "c7i.large", "subnet-d");
	ck_assert_uint_eq(choice.excluded[EC2_EXCLUDED_PRICE], 1);
	wish.prices = NULL;
	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, &fault), -ENOSPC);
	ck_assert_msg(strstr(fault.text, "no spot type fits: 10 types; 1 of another arch"), "%s",
		      fault.text);
	ck_assert_msg(strstr(fault.text, "3 without a known price"), "%s", fault.text);
	ck_assert_msg(strstr(fault.cure, "price"), "%s", fault.cure);
}
END_TEST

START_TEST(goes_on_demand_when_no_spot_is_left)
{
	static struct ec2_capacity capacity = { .rows = { { .spot = true } }, .n = 1 };
	struct ec2_wish wish = new_wish(USAGE_SPOT_THEN_ON_DEMAND);
	struct ec2_choice choice;
	struct fault fault = {};

	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, NULL), 0);
	ck_assert(choice.spot);
	capacity.rows[0].until_ms = NOW + 1;
	wish.capacity = &capacity;
	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, NULL), 0);
	ck_assert(!choice.spot);
	wish.usage = USAGE_SPOT;
	ck_assert_int_eq(ec2_choose(&catalog, &wish, &choice, &fault), -ENOSPC);
	ck_assert_str_eq(fault.text,
			 "all 6 spot pools were without capacity within the last 3 min");
	ck_assert_str_ne(fault.cure, "");
}
END_TEST

START_TEST(takes_several_types_where_there_are_many_zones)
{
	static struct ec2_subnet many[EC2_SUBNETS_MAX + 1];
	const struct ec2_catalog wide = { types, 3, many, ARRAY_SIZE(many) };
	struct ec2_wish wish = new_wish(USAGE_SPOT);
	struct ec2_choice choice;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		(void)snprintf(many[i].id, EC2_ID_MAX, "subnet-%zu", i);
		(void)snprintf(many[i].zone, EC2_ZONE_MAX, "zone-%zu", i);
		many[i].free_addresses = 1;
	}
	ck_assert_int_eq(ec2_choose(&wide, &wish, &choice, NULL), 0);
	ck_assert_uint_eq(choice.n, 3 * EC2_SUBNETS_MAX);
	check_pool(&choice, 2 * EC2_SUBNETS_MAX, "r6i.large", "subnet-0");
}
END_TEST

TEST_MAIN(takes_the_smallest_first_in_the_best_subnet_of_each_zone, counts_why_a_type_does_not_fit,
	  takes_an_old_type_that_is_spelled_out,
	  takes_the_cheapest_first_and_nothing_above_the_limit, goes_on_demand_when_no_spot_is_left,
	  takes_several_types_where_there_are_many_zones)
