#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/provider/ec2-capacity.h"
#include "tests/test.h"

#define NOW UINT64_C(1000000)
#define SPOT true
#define ON_DEMAND false

static struct ec2_launch_error error(const char *code, const char *lifecycle)
{
	struct ec2_launch_error made = { .type = "r6i.large",
					 .zone = "eu-west-1a",
					 .subnet = "subnet-a" };

	(void)snprintf(made.code, sizeof(made.code), "%s", code);
	(void)snprintf(made.lifecycle, sizeof(made.lifecycle), "%s", lifecycle);
	return made;
}

static struct ec2_capacity after(const char *code, const char *lifecycle)
{
	struct ec2_launch_error made = error(code, lifecycle);
	struct ec2_capacity capacity = {};

	ck_assert(ec2_capacity_note(&capacity, &made, NOW));
	ck_assert_uint_eq(capacity.n, 1);
	return capacity;
}

static bool blocks(const struct ec2_capacity *capacity, const char *type, const char *zone,
		   const char *subnet, bool spot)
{
	return ec2_capacity_blocks(capacity, type, zone, subnet, spot, NOW);
}

START_TEST(remembers_a_pool_for_three_minutes)
{
	struct ec2_capacity capacity = after("InsufficientInstanceCapacity", "spot");
	uint64_t last = NOW + EC2_CAPACITY_MEMORY_MS - 1;

	ck_assert(ec2_capacity_blocks(&capacity, "r6i.large", "eu-west-1a", "s", SPOT, last));
	ck_assert(!ec2_capacity_blocks(&capacity, "r6i.large", "eu-west-1a", "s", SPOT, last + 1));
	ck_assert(!blocks(&capacity, "r6i.xlarge", "eu-west-1a", "subnet-a", SPOT));
	ck_assert(!blocks(&capacity, "r6i.large", "eu-west-1b", "subnet-a", SPOT));
	ck_assert(!blocks(&capacity, "r6i.large", "eu-west-1a", "subnet-a", ON_DEMAND));
	ck_assert(!blocks(NULL, "r6i.large", "eu-west-1a", "subnet-a", SPOT));
}
END_TEST

START_TEST(blocks_the_subnet_where_no_zone_was_named)
{
	struct ec2_launch_error made = error("UnfulfillableCapacity", "");
	struct ec2_capacity capacity = {};

	made.zone[0] = '\0';
	ck_assert(ec2_capacity_note(&capacity, &made, NOW));
	ck_assert(blocks(&capacity, "r6i.large", "eu-west-1a", "subnet-a", SPOT));
	ck_assert(blocks(&capacity, "r6i.large", "eu-west-1a", "subnet-a", ON_DEMAND));
	ck_assert(!blocks(&capacity, "r6i.large", "eu-west-1a", "subnet-b", SPOT));
}
END_TEST

START_TEST(knows_what_each_error_is_about)
{
	static const struct {
		const char *code, *lifecycle;
		bool other_type, other_subnet, spot, on_demand;
	} cases[] = {
		{ "InsufficientInstanceCapacity", "on-demand", false, false, false, true },
		{ "ReservationCapacityExceeded", "on-demand", false, false, false, true },
		{ "Unsupported", "spot", false, false, true, false },
		{ "SpotMaxPriceTooLow", "spot", false, false, true, false },
		{ "MaxSpotInstanceCountExceeded", "", true, true, true, false },
		{ "VcpuLimitExceeded", "on-demand", true, true, false, true },
		{ "VcpuLimitExceeded", "", true, true, false, true },
		{ "VcpuLimitExceeded", "spot", true, true, true, false },
		{ "MaxFleetCountExceeded", "spot", true, true, true, false },
		{ "MaxFleetCountExceeded", "", true, true, true, true },
		{ "InsufficientFreeAddressesInSubnet", "spot", true, false, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ec2_capacity capacity = after(cases[i].code, cases[i].lifecycle);
		bool spot = blocks(&capacity, "r6i.large", "eu-west-1a", "subnet-a", SPOT);
		bool on_demand = blocks(&capacity, "r6i.large", "eu-west-1a", "subnet-a", false);
		bool use = cases[i].spot;

		ck_assert_msg(spot == cases[i].spot, "%s", cases[i].code);
		ck_assert_msg(on_demand == cases[i].on_demand, "%s", cases[i].code);
		ck_assert_msg(blocks(&capacity, "c7i.large", "eu-west-1a", "subnet-a", use) ==
				      cases[i].other_type,
			      "%s", cases[i].code);
		ck_assert_msg(blocks(&capacity, "r6i.large", "eu-west-1b", "subnet-b", use) ==
				      cases[i].other_subnet,
			      "%s", cases[i].code);
	}
}
END_TEST

START_TEST(tells_a_full_subnet_from_a_pool_in_it)
{
	struct ec2_capacity full = after("InsufficientFreeAddressesInSubnet", "spot");
	struct ec2_launch_error made = error("InsufficientInstanceCapacity", "");
	struct ec2_capacity pool = {};

	made.zone[0] = '\0';
	ck_assert(ec2_capacity_note(&pool, &made, NOW));
	ck_assert(ec2_capacity_blocks_subnet(&full, "subnet-a", NOW));
	ck_assert(!ec2_capacity_blocks_subnet(&full, "subnet-b", NOW));
	ck_assert(!ec2_capacity_blocks_subnet(&pool, "subnet-a", NOW));
	ck_assert(!ec2_capacity_blocks_subnet(NULL, "subnet-a", NOW));
}
END_TEST

START_TEST(remembers_no_error_of_another_kind)
{
	struct ec2_launch_error made = error("InvalidParameterValue", "spot");
	struct ec2_capacity capacity = {};

	ck_assert(!ec2_capacity_note(&capacity, &made, NOW));
	made = error("InsufficientInstanceCapacity", "spot");
	made.type[0] = '\0';
	ck_assert(!ec2_capacity_note(&capacity, &made, NOW));
	made = error("InsufficientFreeAddressesInSubnet", "spot");
	made.subnet[0] = '\0';
	ck_assert(!ec2_capacity_note(&capacity, &made, NOW));
	ck_assert_uint_eq(capacity.n, 0);
}
END_TEST

START_TEST(is_not_fooled_by_a_clock_that_was_ahead)
{
	struct ec2_capacity capacity = after("InsufficientInstanceCapacity", "spot");

	ck_assert(!ec2_capacity_blocks(&capacity, "r6i.large", "eu-west-1a", "s", SPOT, NOW - 1));
	ec2_capacity_expire(&capacity, NOW);
	ck_assert_uint_eq(capacity.n, 1);
	ec2_capacity_expire(&capacity, NOW + EC2_CAPACITY_MEMORY_MS);
	ck_assert_uint_eq(capacity.n, 0);
}
END_TEST

START_TEST(lets_the_oldest_yield)
{
	struct ec2_launch_error made = error("InsufficientInstanceCapacity", "spot");
	struct ec2_capacity capacity = {};

	for (size_t i = 0; i <= EC2_CAPACITY_ROWS_MAX; i++) {
		(void)snprintf(made.type, sizeof(made.type), "t%zu", i);
		ck_assert(ec2_capacity_note(&capacity, &made, NOW - i % 7 - (i == 3 ? 100 : 0)));
	}
	ck_assert_uint_eq(capacity.n, EC2_CAPACITY_ROWS_MAX);
	for (size_t i = 0; i <= EC2_CAPACITY_ROWS_MAX; i++) {
		(void)snprintf(made.type, sizeof(made.type), "t%zu", i);
		ck_assert(blocks(&capacity, made.type, "eu-west-1a", "s", SPOT) == (i != 3));
	}
}
END_TEST

START_TEST(merges_so_that_the_later_expiry_wins)
{
	struct ec2_capacity a = after("InsufficientInstanceCapacity", "spot"), b = a;
	struct ec2_capacity other = after("VcpuLimitExceeded", "on-demand");

	b.rows[0].until_ms += 5;
	ec2_capacity_merge(&a, &b);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_uint_eq(a.rows[0].until_ms, NOW + EC2_CAPACITY_MEMORY_MS + 5);
	b.rows[0].until_ms -= 50;
	ec2_capacity_merge(&a, &b);
	ck_assert_uint_eq(a.rows[0].until_ms, NOW + EC2_CAPACITY_MEMORY_MS + 5);
	ec2_capacity_merge(&a, &other);
	ck_assert_uint_eq(a.n, 2);
}
END_TEST

START_TEST(reads_what_it_writes)
{
	struct ec2_capacity capacity = after("InsufficientInstanceCapacity", "spot"), again = {};
	struct ec2_capacity other = after("InsufficientFreeAddressesInSubnet", "");
	_cleanup_free_ char *text = NULL;

	ec2_capacity_merge(&capacity, &other);
	ck_assert_int_eq(ec2_capacity_write(&capacity, &text), 0);
	ck_assert_str_eq(text, "{\"rows\":[{\"type\":\"r6i.large\",\"zone\":\"eu-west-1a\","
			       "\"usage\":\"spot\",\"until\":1180000},"
			       "{\"subnet\":\"subnet-a\",\"until\":1180000}]}");
	ck_assert_int_eq(ec2_capacity_read(text, strlen(text), &again, NULL), 0);
	ck_assert_mem_eq(&again, &capacity, sizeof(again));
}
END_TEST

START_TEST(fits_its_text_with_the_most_and_longest_rows)
{
	static struct ec2_capacity capacity, again;
	_cleanup_free_ char *text = NULL;

	capacity.n = EC2_CAPACITY_ROWS_MAX;
	for (size_t i = 0; i < capacity.n; i++) {
		struct ec2_shortage *row = &capacity.rows[i];

		memset(row->type, 't', sizeof(row->type) - 1);
		memset(row->zone, 'z', sizeof(row->zone) - 1);
		memset(row->subnet, 's', sizeof(row->subnet) - 1);
		row->type[0] = (char)('a' + i % 16);
		row->type[1] = (char)('a' + i / 16);
		row->until_ms = UINT64_MAX;
	}
	ck_assert_int_eq(ec2_capacity_write(&capacity, &text), 0);
	ck_assert_uint_le(strlen(text), EC2_CAPACITY_TEXT_MAX);
	ck_assert_int_eq(ec2_capacity_read(text, strlen(text), &again, NULL), 0);
	ck_assert_mem_eq(&again, &capacity, sizeof(again));
}
END_TEST

START_TEST(refuses_what_is_no_memory_and_passes_over_what_it_does_not_know)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"rows\":{}}",
		"{\"rows\":[1]}",
		"{\"rows\":[{\"type\":1}]}",
		"{\"rows\":[{\"usage\":\"reserved\"}]}",
		"{\"rows\":[{\"until\":-1}]}",
		"{\"rows\":[{\"type\":\"aaaaaaaaaabbbbbbbbbbccccccccccdd\"}]}",
	};
	static const char good[] = "{\"later\":1,\"rows\":[{\"later\":2,\"until\":7}]}";
	struct ec2_capacity capacity = {};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fault fault = {};

		ck_assert_msg(ec2_capacity_read(bad[i], strlen(bad[i]), &capacity, &fault) ==
				      -EBADMSG,
			      "%s", bad[i]);
		ck_assert_str_ne(fault.text, "");
		ck_assert_uint_eq(capacity.n, 0);
	}
	ck_assert_int_eq(ec2_capacity_read(good, strlen(good), &capacity, NULL), 0);
	ck_assert_uint_eq(capacity.n, 1);
}
END_TEST

TEST_MAIN(remembers_a_pool_for_three_minutes, blocks_the_subnet_where_no_zone_was_named,
	  knows_what_each_error_is_about, tells_a_full_subnet_from_a_pool_in_it,
	  remembers_no_error_of_another_kind, is_not_fooled_by_a_clock_that_was_ahead,
	  lets_the_oldest_yield, merges_so_that_the_later_expiry_wins, reads_what_it_writes,
	  fits_its_text_with_the_most_and_longest_rows,
	  refuses_what_is_no_memory_and_passes_over_what_it_does_not_know)
