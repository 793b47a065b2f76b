#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/provider/ec2-plan.h"
#include "tests/test.h"

#define TEXT                                                            \
	"{\"usage\":\"spot\",\"template\":\"lt-0a\",\"version\":\"7\"," \
	"\"image\":\"ami-1\",\"subnets\":[\"subnet-b\",\"subnet-a\"],"  \
	"\"zones\":[\"eu-west-1b\",\"eu-west-1a\"],"                    \
	"\"types\":[\"r6i.large\",\"m7i.large\"],\"pools\":[\"0.0\",\"0.1\",\"1.1\"]}"

static const struct ec2_plan plan = {
	.spot = true,
	.template_id = "lt-0a",
	.version = "7",
	.image = "ami-1",
	.pools = { { "r6i.large", "subnet-b", "eu-west-1b" },
		   { "r6i.large", "subnet-a", "eu-west-1a" },
		   { "m7i.large", "subnet-a", "eu-west-1a" } },
	.n = 3,
};

START_TEST(writes_each_name_once)
{
	_cleanup_free_ char *text = NULL;

	ck_assert_int_eq(ec2_plan_write(&plan, &text), 0);
	ck_assert_str_eq(text, TEXT);
}
END_TEST

START_TEST(reads_what_it_writes)
{
	struct ec2_plan again = {};

	ck_assert_int_eq(ec2_plan_read(TEXT, &again, NULL), 0);
	ck_assert_mem_eq(&again, &plan, sizeof(plan));
}
END_TEST

START_TEST(names_no_image_where_the_template_has_it)
{
	_cleanup_free_ char *text = NULL;
	struct ec2_plan other = plan, again = {};

	other.spot = false;
	other.image[0] = '\0';
	memset(other.image, 0, sizeof(other.image));
	ck_assert_int_eq(ec2_plan_write(&other, &text), 0);
	ck_assert_ptr_null(strstr(text, "image"));
	ck_assert_ptr_nonnull(strstr(text, "\"usage\":\"on-demand\""));
	ck_assert_int_eq(ec2_plan_read(text, &again, NULL), 0);
	ck_assert_mem_eq(&again, &other, sizeof(other));
}
END_TEST

static void fill(char *to, size_t size, char prefix, size_t number)
{
	memset(to, prefix, size - 1);
	to[size - 1] = '\0';
	to[0] = (char)('a' + number % 26);
	to[1] = (char)('a' + number / 26);
}

START_TEST(fits_an_intent_with_the_most_and_longest_names)
{
	_cleanup_free_ char *text = NULL;
	struct ec2_plan most = { .n = EC2_POOLS_MAX, .version = "18446744073709551615" };
	struct ec2_plan again = {};

	fill(most.template_id, EC2_ID_MAX, 't', 0);
	fill(most.image, EC2_ID_MAX, 'i', 0);
	for (size_t i = 0; i < EC2_POOLS_MAX; i++) {
		fill(most.pools[i].type, EC2_TYPE_MAX, 't', i);
		fill(most.pools[i].subnet, EC2_ID_MAX, 's', i % EC2_SUBNETS_MAX);
		fill(most.pools[i].zone, EC2_ZONE_MAX, 'z', i % EC2_SUBNETS_MAX);
	}
	ck_assert_int_eq(ec2_plan_write(&most, &text), 0);
	ck_assert_uint_lt(strlen(text), RUN_PLAN_MAX);
	ck_assert_int_eq(ec2_plan_read(text, &again, NULL), 0);
	ck_assert_mem_eq(&again, &most, sizeof(most));
}
END_TEST

START_TEST(writes_no_plan_that_could_not_be_read)
{
	struct ec2_plan bad = plan;
	char *text = NULL;

	bad.n = 0;
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad.n = EC2_POOLS_MAX + 1;
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad = plan;
	bad.version[0] = '0';
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad = plan;
	bad.template_id[0] = '"';
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad = plan;
	bad.pools[1].zone[0] = '\0';
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad = plan;
	bad.pools[2].zone[0] = 'x'; /* one subnet in two zones */
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad = plan;
	bad.pools[1] = bad.pools[0];
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	bad = plan;
	bad.n = EC2_SUBNETS_MAX + 1;
	for (size_t i = 0; i < bad.n; i++) {
		bad.pools[i] = plan.pools[0];
		(void)snprintf(bad.pools[i].subnet, EC2_ID_MAX, "subnet-%zu", i);
	}
	ck_assert_int_eq(ec2_plan_write(&bad, &text), -EINVAL);
	ck_assert_ptr_null(text);
}
END_TEST

/* Replaces the first from in TEXT by to. */
static void change(const char *from, const char *to, char *text, size_t size)
{
	const char *at = strstr(TEXT, from);

	ck_assert_ptr_nonnull(at);
	(void)snprintf(text, size, "%.*s%s%s", (int)(at - TEXT), TEXT, to, at + strlen(from));
}

START_TEST(refuses_what_it_would_not_write)
{
	static const struct {
		const char *from, *to;
	} odd[] = {
		{ "spot", "reserved" },
		{ "spot", "on-demand-or-so-it-says" },
		{ "\"lt-0a\"", "7" },
		{ "lt-0a", "" },
		{ "\"7\"", "\"x\"" },
		{ "\"7\"", "\"07\"" },
		{ "ami-1", "ami 1" },
		{ "ami-1", "" },
		{ "\"subnet-b\",", "" },
		{ ",\"eu-west-1a\"", "" },
		{ "\"eu-west-1b\"", "1" },
		{ "[\"r6i.large\",\"m7i.large\"]", "{}" },
		{ "\"m7i.large\"", "\"r6i.large\"" },
		{ "\"m7i.large\"", "\"m7i.large\",\"c7i.large\"" },
		{ "0.1", "0.2" },
		{ "0.1", "2.1" },
		{ "0.1", "0.0" },
		{ "0.1", "01" },
		{ "0.1", "-0.1" },
		{ "0.1", "00.1" },
		{ "0.1", "99999999999.1" },
		{ "[\"0.0\",\"0.1\",\"1.1\"]", "[]" },
		{ "[\"0.0\",\"0.1\",\"1.1\"]", "null" },
		{ "\"version\"", "\"later\":1,\"version\"" },
		{ "\"version\"", " \"version\"" },
		{ "}", "" },
		{ "}", "} " },
	};
	char text[RUN_PLAN_MAX + 1];
	struct ec2_plan read;
	struct fault fault;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		read = (struct ec2_plan){};
		fault = (struct fault){};
		change(odd[i].from, odd[i].to, text, sizeof(text));
		ck_assert_msg(ec2_plan_read(text, &read, &fault) == -EBADMSG, "%s", text);
		ck_assert_str_ne(fault.text, "");
		ck_assert_uint_eq(read.n, 0);
	}
	memset(text, ' ', RUN_PLAN_MAX);
	text[RUN_PLAN_MAX] = '\0';
	ck_assert_int_eq(ec2_plan_read(text, &read, NULL), -EBADMSG);
	ck_assert_int_eq(ec2_plan_read("[]", &read, NULL), -EBADMSG);
	ck_assert_int_eq(ec2_plan_read("", &read, NULL), -EBADMSG);
}
END_TEST

TEST_MAIN(writes_each_name_once, reads_what_it_writes, names_no_image_where_the_template_has_it,
	  fits_an_intent_with_the_most_and_longest_names, writes_no_plan_that_could_not_be_read,
	  refuses_what_it_would_not_write)
