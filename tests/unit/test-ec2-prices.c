#include <errno.h>
#include <string.h>

#include "common/base/buf.h"
#include "controller/provider/ec2-prices.h"
#include "tests/test.h"

static int parse(const char *text, struct ec2_prices *ret, struct fault *fault)
{
	return ec2_prices_parse(text, strlen(text), ret, fault);
}

START_TEST(reads_amounts_to_the_micro_dollar)
{
	static const struct {
		const char *text;
		uint64_t micros;
	} good[] = {
		{ "0.0912", 91200 }, { "0.000001", 1 },          { "12", 12000000 },
		{ "1.5", 1500000 },  { "100000", 100000000000 }, { "007.70", 7700000 },
	};
	uint64_t micros;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		micros = 0;
		ck_assert_msg(ec2_price_parse(good[i].text, &micros) == 0, "%s", good[i].text);
		ck_assert_uint_eq(micros, good[i].micros);
	}
}
END_TEST

START_TEST(refuses_what_is_no_amount)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{ "", -EINVAL },
		{ ".5", -EINVAL },
		{ "1.", -EINVAL },
		{ "1.0000001", -EINVAL },
		{ "-1", -EINVAL },
		{ "1e3", -EINVAL },
		{ "0,09", -EINVAL },
		{ "1 ", -EINVAL },
		{ "0", -ERANGE },
		{ "0.000000", -ERANGE },
		{ "100001", -ERANGE },
		{ "100000.000001", -ERANGE },
		{ "99999999999999999999999999", -ERANGE },
	};
	uint64_t micros = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(ec2_price_parse(bad[i].text, &micros) == bad[i].error, "%s",
			      bad[i].text);
	ck_assert_uint_eq(micros, 7);
}
END_TEST

START_TEST(prints_amounts_as_it_reads_them)
{
	static const char *const texts[] = { "0.0912", "12", "0.000001", "1.05", "100000" };
	char text[EC2_PRICE_TEXT_MAX];
	uint64_t micros;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ck_assert_int_eq(ec2_price_parse(texts[i], &micros), 0);
		ck_assert_str_eq(ec2_price_text(micros, text, sizeof(text)), texts[i]);
	}
}
END_TEST

START_TEST(finds_the_price_of_a_type_and_usage)
{
	_cleanup_ec2_prices_ struct ec2_prices prices = {};
	uint64_t micros = 0;

	ck_assert_int_eq(parse("# ours\n\nm7i.large on-demand 0.1008 # list\r\n"
			       "c7i.large\tspot  0.035\nm7i.large spot 0.04",
			       &prices, NULL),
			 0);
	ck_assert_uint_eq(prices.n, 3);
	ck_assert_int_eq(ec2_prices_lookup(&prices, "m7i.large", false, &micros), 0);
	ck_assert_uint_eq(micros, 100800);
	ck_assert_int_eq(ec2_prices_lookup(&prices, "m7i.large", true, &micros), 0);
	ck_assert_uint_eq(micros, 40000);
	ck_assert_int_eq(ec2_prices_lookup(&prices, "c7i.large", true, &micros), 0);
	ck_assert_uint_eq(micros, 35000);
	ck_assert_int_eq(ec2_prices_lookup(&prices, "c7i.large", false, &micros), -ENOENT);
	ck_assert_int_eq(ec2_prices_lookup(NULL, "c7i.large", true, &micros), -ENOENT);
	ck_assert_uint_eq(micros, 35000);
}
END_TEST

START_TEST(names_the_line_that_is_wrong)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "#\na.b spot", "line 2: not TYPE" },
		{ "a.b spot 1 2", "line 1: more than TYPE" },
		{ "\na.b reserved 1", "line 2: 'reserved'" },
		{ "a.b spot x\n", "line 1: 'x' is no price" },
		{ "a.b spot 0\n", "line 1: the price '0'" },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccdd spot 1", "line 1: 'aaaa" },
		{ "a.b spot 1\na.b on-demand 1\na.b spot 2", "a.b spot has two prices" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ec2_prices prices = {};
		struct fault fault = {};

		ck_assert_int_eq(parse(bad[i].text, &prices, &fault), -EBADMSG);
		ck_assert_msg(strstr(fault.text, bad[i].says), "%s", fault.text);
		ck_assert_ptr_null(prices.rows);
	}
}
END_TEST

START_TEST(limits_lines_and_rows)
{
	char line[EC2_PRICES_LINE_MAX + 1];
	_cleanup_buf_ struct buf buf = {};
	struct ec2_prices prices = {};
	struct fault fault = {};

	memset(line, ' ', sizeof(line));
	ck_assert_int_eq(ec2_prices_parse(line, EC2_PRICES_LINE_MAX - 1, &prices, NULL), 0);
	ck_assert_int_eq(ec2_prices_parse(line, EC2_PRICES_LINE_MAX, &prices, NULL), -EBADMSG);
	ck_assert_int_eq(ec2_prices_parse("a\0b", 3, &prices, NULL), -EBADMSG);
	buf_init(&buf, EC2_PRICES_SIZE_MAX);
	for (size_t i = 0; i <= EC2_PRICES_MAX; i++)
		ck_assert_int_eq(buf_printf(&buf, "t%zu spot 1\n", i), 0);
	ck_assert_int_eq(ec2_prices_parse(buf.data, buf.size, &prices, &fault), -EBADMSG);
	ck_assert_msg(strstr(fault.text, "line 8193: more than 8192"), "%s", fault.text);
}
END_TEST

START_TEST(names_the_file_that_it_cannot_read)
{
	struct ec2_prices prices = {};
	struct fault fault = {};

	ck_assert_int_eq(ec2_prices_load("absent/prices", &prices, &fault), -ENOENT);
	ck_assert_msg(strstr(fault.text, "absent/prices: No such file"), "%s", fault.text);
}
END_TEST

TEST_MAIN(reads_amounts_to_the_micro_dollar, refuses_what_is_no_amount,
	  prints_amounts_as_it_reads_them, finds_the_price_of_a_type_and_usage,
	  names_the_line_that_is_wrong, limits_lines_and_rows, names_the_file_that_it_cannot_read)
