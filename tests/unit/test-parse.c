#include <errno.h>
#include <string.h>

#include "common/base/parse.h"
#include "tests/test.h"

#define UNTOUCHED 42

struct number_case {
	const char *text;
	int r;
	uint64_t value;
};

static void check_numbers(const struct number_case *cases, size_t n,
			  int (*parse)(const char *text, uint64_t *ret))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = UNTOUCHED;
		int r = parse(cases[i].text, &value);

		ck_assert_msg(r == cases[i].r, "'%s': result %d", cases[i].text, r);
		ck_assert_msg(value == (r < 0 ? UNTOUCHED : cases[i].value), "'%s': value %ju",
			      cases[i].text, (uintmax_t)value);
	}
}

START_TEST(reads_whole_decimal_numbers_only)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "010", 0, 10 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "00000000000000000000000018446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551620", -ERANGE, 0 },
		{ "99999999999999999999999999999999999999", -ERANGE, 0 },
		{ "18446744073709551616x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "1,000", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
	};

	check_numbers(cases, ARRAY_SIZE(cases), parse_u64);
}
END_TEST

START_TEST(reads_durations)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "5", 0, 5000000 },
		{ "1us", 0, 1 },
		{ "250ms", 0, 250000 },
		{ "5s", 0, 5000000 },
		{ "10min", 0, 600000000 },
		{ "10m", 0, 600000000 },
		{ "1h", 0, 3600000000 },
		{ "2d", 0, 172800000000 },
		{ "1h30min", 0, 5400000000 },
		{ "1d2h3min4s5ms6us", 0, 93784005006 },
		{ "90min", 0, 5400000000 },
		{ "1h0s", 0, 3600000000 },
		{ "18446744073709551615us", 0, UINT64_MAX },
		{ "18446744073709s551615us", 0, UINT64_MAX },
		{ "18446744073709551616us", -ERANGE, 0 },
		{ "18446744073709s551616us", -ERANGE, 0 },
		{ "18446744073710", -ERANGE, 0 },
		{ "999999999999d", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999d1weeks", -EINVAL, 0 },
		{ "3 weeks", -EINVAL, 0 },
		{ "3w", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "ms", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },
		{ "5s ", -EINVAL, 0 },
		{ "1.5h", -EINVAL, 0 },
		{ "1h30", -EINVAL, 0 },
		{ "30min1h", -EINVAL, 0 },
		{ "1h1h", -EINVAL, 0 },
		{ "1min1m", -EINVAL, 0 },
		{ "5ss", -EINVAL, 0 },
		{ "5sms", -EINVAL, 0 },
		{ "infinity", -EINVAL, 0 },
	};

	check_numbers(cases, ARRAY_SIZE(cases), parse_duration);
}
END_TEST

START_TEST(reads_sizes)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "4096B", 0, 4096 },
		{ "64K", 0, 65536 },
		{ "64KiB", 0, 65536 },
		{ "16M", 0, 16777216 },
		{ "16MiB", 0, 16777216 },
		{ "2G", 0, 2147483648 },
		{ "2GiB", 0, 2147483648 },
		{ "3T", 0, 3298534883328 },
		{ "3TiB", 0, 3298534883328 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "16777215T", 0, 16777215ULL << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551616K", -ERANGE, 0 },
		{ "18446744073709551616X", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "64k", -EINVAL, 0 },
		{ "64KB", -EINVAL, 0 },
		{ "64Ki", -EINVAL, 0 },
		{ "64K1", -EINVAL, 0 },
		{ "64 K", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "50%", -EINVAL, 0 },
	};

	check_numbers(cases, ARRAY_SIZE(cases), parse_size);
}
END_TEST

START_TEST(reads_both_answers_in_any_case)
{
	static const struct {
		const char *text;
		int r;
		bool value;
	} cases[] = {
		{ "yes", 0, true },     { "no", 0, false },     { "true", 0, true },
		{ "false", 0, false },  { "on", 0, true },      { "off", 0, false },
		{ "1", 0, true },       { "0", 0, false },      { "Yes", 0, true },
		{ "FALSE", 0, false },  { "", -EINVAL, 0 },     { NULL, -EINVAL, 0 },
		{ "y", -EINVAL, 0 },    { "2", -EINVAL, 0 },    { "00", -EINVAL, 0 },
		{ " yes", -EINVAL, 0 }, { "yes ", -EINVAL, 0 }, { "maybe", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool untouched = !cases[i].value;
		bool value = untouched;
		int r = parse_bool(cases[i].text, &value);

		ck_assert_msg(r == cases[i].r, "'%s': result %d", cases[i].text, r);
		ck_assert_msg(value == (r < 0 ? untouched : cases[i].value), "'%s'", cases[i].text);
	}
}
END_TEST

START_TEST(prints_durations_with_the_largest_units)
{
	static const struct {
		uint64_t usec;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1us" },
		{ 1500, "1ms500us" },
		{ 250000, "250ms" },
		{ 5000000, "5s" },
		{ 90000000, "1min30s" },
		{ 3600000000, "1h" },
		{ 5400000000, "1h30min" },
		{ 86400000000, "1d" },
		{ 93784005006, "1d2h3min4s5ms6us" },
		{ UINT64_MAX, "213503982d8h1min49s551ms615us" },
	};
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(format_duration(cases[i].usec, text, sizeof(text)), cases[i].text);
}
END_TEST

START_TEST(reads_back_the_durations_it_prints)
{
	char text[DURATION_TEXT_MAX];
	uint64_t usec = 1, back;

	for (unsigned i = 0; i < 2000; i++) {
		ck_assert_int_eq(parse_duration(format_duration(usec, text, sizeof(text)), &back),
				 0);
		ck_assert_uint_eq(back, usec);
		usec = (usec * 6364136223846793005ULL + 1442695040888963407ULL) >> (i % 50);
	}
}
END_TEST

START_TEST(stays_within_a_small_array)
{
	char text[8];

	memset(text, 'x', sizeof(text));
	format_duration(93784005006, text, 6);
	ck_assert_mem_eq(text, "1d2h3\0xx", 8);
	format_duration(0, text, 2);
	ck_assert_str_eq(text, "0");
	format_time_ms(1, text, 5);
	ck_assert_str_eq(text, "1970");
	memset(text, 'x', sizeof(text));
	format_duration(5, text, 0);
	ck_assert_mem_eq(text, "xxxxxxxx", 8);
}
END_TEST

START_TEST(prints_times_as_iso_8601_in_utc)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "-" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ 999, "1970-01-01T00:00:00.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1795514400123, "2026-11-24T10:00:00.123Z" },
		{ 4102444799999, "2099-12-31T23:59:59.999Z" },
	};
	char text[TIME_TEXT_MAX];

	ck_assert_int_eq(setenv("TZ", "Asia/Kolkata", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(format_time_ms(cases[i].ms, text, sizeof(text)), cases[i].text);
	ck_assert_uint_lt(strlen(format_time_ms(UINT64_MAX, text, sizeof(text))),
			  TIME_TEXT_MAX - 1);
}
END_TEST

START_TEST(reads_times_as_iso_8601_in_utc)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ms;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2000-02-29T00:00:00.000Z", 0, 951782400000 },
		{ "2026-11-24T10:00:00.123Z", 0, 1795514400123 },
		{ "2026-11-24T10:00:00.1Z", 0, 1795514400100 },
		{ "2026-11-24T10:00:00.1239999Z", 0, 1795514400123 },
		{ "9999-12-31T23:59:59.999Z", 0, 253402300799999 },
		{ "1969-12-31T23:59:59Z", -ERANGE, 0 },
		{ "2026-02-29T00:00:00Z", -EINVAL, 0 },
		{ "2026-13-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-00-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-11-24T24:00:00Z", -EINVAL, 0 },
		{ "2026-11-24T10:00:60Z", -EINVAL, 0 },
		{ "2026-11-24T10:00:00", -EINVAL, 0 },
		{ "2026-11-24T10:00:00.Z", -EINVAL, 0 },
		{ "2026-11-24T10:00:00+00:00", -EINVAL, 0 },
		{ "2026-11-24 10:00:00Z", -EINVAL, 0 },
		{ "2026-11-24T10:00:00Z ", -EINVAL, 0 },
		{ "2026-11", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	ck_assert_int_eq(setenv("TZ", "Asia/Kolkata", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ms = 7;

		ck_assert_msg(parse_time_ms(cases[i].text, &ms) == cases[i].r, "'%s'",
			      cases[i].text);
		ck_assert_uint_eq(ms, cases[i].r == 0 ? cases[i].ms : 7);
	}
	ck_assert_int_eq(parse_time_ms(NULL, NULL), -EINVAL);
}
END_TEST

TEST_MAIN(reads_times_as_iso_8601_in_utc, reads_whole_decimal_numbers_only, reads_durations,
	  reads_sizes, reads_both_answers_in_any_case, prints_durations_with_the_largest_units,
	  reads_back_the_durations_it_prints, stays_within_a_small_array,
	  prints_times_as_iso_8601_in_utc)
