#include <errno.h>
#include <string.h>

#include "common/base/settings.h"
#include "tests/test.h"

struct values {
	char *name;
	uint64_t count, period_usec, memory_bytes;
	bool json, create;
	int usage;
	struct setting_list types;
};

static const char *const usages[] = { "on-demand", "spot", "reserved", NULL };

enum row { NAME, COUNT, PERIOD, MEMORY, JSON, CREATE, USAGE, TYPES, N_ROWS };

#define AT(member) offsetof(struct values, member)
static const struct setting rows[] = {
	[NAME] = { "run", "name", SETTING_TEXT, AT(name), NULL, 2, 8, NULL, "NAME", "A name" },
	[COUNT] = { "run", "instance-count", SETTING_U64, AT(count), "1", 1, 1000, NULL, "COUNT",
		    "A count" },
	[PERIOD] = { "agent", "beat-period", SETTING_DURATION, AT(period_usec), "5s",
		     200 * USEC_PER_MSEC, 300 * USEC_PER_SEC, NULL, NULL, "A period" },
	[MEMORY] = { "agent", "memory", SETTING_SIZE, AT(memory_bytes), "4M", 4096, 0, NULL, NULL,
		     "A size" },
	[JSON] = { NULL, "json", SETTING_BOOL, AT(json), NULL, 0, 0, NULL, NULL, "A switch" },
	[CREATE] = { "run", "create", SETTING_BOOL, AT(create), "yes", 0, 0, NULL, NULL,
		     "A switch that is on" },
	[USAGE] = { "run", "usage-class", SETTING_CHOICE, AT(usage), "spot", 0, 0, usages, NULL,
		    "A choice" },
	[TYPES] = { "run", "types", SETTING_LIST, AT(types), "a b", 0, 0, NULL, NULL, "A list" },
};

struct bench {
	struct values values;
	struct settings settings;
	struct fault fault;
};

static void bench_init(struct bench *bench)
{
	/* Defaults do not depend on what was in the memory before. */
	(void)memset(bench, 0xa5, sizeof(*bench));
	bench->fault = (struct fault){};
	bench->settings = (struct settings){};
	ck_assert_int_eq(
		settings_init(&bench->settings, rows, N_ROWS, &bench->values, NULL, &bench->fault),
		0);
}

static void bench_done(struct bench *bench)
{
	settings_done(&bench->settings);
}

#define _cleanup_bench_ _cleanup_(bench_done)

/* The value of a row as text. */
static void has_value(const struct bench *bench, enum row row, const char *expected)
{
	_cleanup_free_ char *text = settings_format(&bench->settings, row);

	ck_assert_str_eq(text, expected);
}

START_TEST(puts_the_defaults_in_place)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_ptr_null(bench.values.name);
	ck_assert_uint_eq(bench.values.count, 1);
	ck_assert_uint_eq(bench.values.period_usec, 5 * USEC_PER_SEC);
	ck_assert_uint_eq(bench.values.memory_bytes, 4 << 20);
	ck_assert(!bench.values.json);
	ck_assert(bench.values.create);
	ck_assert_int_eq(bench.values.usage, 1);
	ck_assert_uint_eq(bench.values.types.n, 2);
	ck_assert_str_eq(bench.values.types.words[1], "b");
}
END_TEST

START_TEST(refuses_a_default_that_its_own_row_forbids)
{
	static const struct setting bad[] = {
		{ "run", "types", SETTING_LIST, AT(types), "a b", 0, 0, NULL, NULL, "A list" },
		{ "run", "instance-count", SETTING_U64, AT(count), "0", 1, 9, NULL, "COUNT", "" },
	};
	struct values values;
	struct settings settings;
	struct fault fault = {};

	ck_assert_int_eq(settings_init(&settings, bad, ARRAY_SIZE(bad), &values, NULL, &fault),
			 -EINVAL);
	ck_assert_str_eq(fault.text, "default of instance-count: '0' is out of range: COUNT must "
				     "be from 1 to 9");
	ck_assert_ptr_null(values.types.words);
}
END_TEST

START_TEST(works_with_no_rows_at_all)
{
	struct settings settings;
	struct fault fault = {};

	ck_assert_int_eq(settings_init(&settings, NULL, 0, NULL, NULL, &fault), 0);
	ck_assert_int_eq(settings_find(&settings, "name", &fault), -ENOENT);
	settings_done(&settings);
	settings_done(&settings);
}
END_TEST

static const struct {
	enum row row;
	const char *text;
	const char *value; /* as settings_format() gives it */
} good[] = {
	{ NAME, "ab", "ab" },
	{ NAME, "12345678", "12345678" },
	{ NAME, "sch\xc3\xb6n!", "sch\xc3\xb6n!" },
	{ NAME, " x ", " x " },
	{ COUNT, "1", "1" },
	{ COUNT, "1000", "1000" },
	{ PERIOD, "200ms", "200ms" },
	{ PERIOD, "1", "1s" },
	{ PERIOD, "1min30s", "1min30s" },
	{ PERIOD, "300s", "5min" },
	{ MEMORY, "4096", "4K" },
	{ MEMORY, "4097", "4097" },
	{ MEMORY, "1025K", "1025K" },
	{ MEMORY, "3G", "3G" },
	{ MEMORY, "4096G", "4096G" },
	{ JSON, "yes", "yes" },
	{ JSON, "off", "no" },
	{ USAGE, "on-demand", "on-demand" },
	{ USAGE, "reserved", "reserved" },
	{ TYPES, "", "" },
	{ TYPES, " , ,\t", "" },
	{ TYPES, "m7i.*", "m7i.*" },
	{ TYPES, ",x,,y z\t w ", "x y z w" },
};

START_TEST(reads_values_and_writes_them_so_that_they_read_back)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_bench_ struct bench bench;

		bench_init(&bench);
		for (int pass = 0; pass < 2; pass++) {
			const char *text = pass == 0 ? good[i].text : good[i].value;
			int r = settings_set(&bench.settings, good[i].row, text, SETTING_FROM_FILE,
					     &bench.fault);

			ck_assert_msg(r == 0, "'%s': %s", text, bench.fault.text);
			has_value(&bench, good[i].row, good[i].value);
		}
	}
}
END_TEST

#define RANGE "DURATION must be from 200ms to 5min"

static const struct {
	enum row row;
	const char *text;
	const char *fault;
} bad[] = {
	{ NAME, "", "name: the value is empty" },
	{ NAME, "a", "name: 'a' is shorter than 2 bytes" },
	{ NAME, "123456789", "name: '123456789' is longer than 8 bytes" },
	{ NAME, "a\nb", "name: 'a?b' holds a byte that is no printable UTF-8" },
	{ NAME, "a\xff", "name: 'a?' holds a byte that is no printable UTF-8" },
	{ COUNT, "", "instance-count: '' is no whole number" },
	{ COUNT, "two", "instance-count: 'two' is no whole number" },
	{ COUNT, "1.5", "instance-count: '1.5' is no whole number" },
	{ COUNT, "0x10", "instance-count: '0x10' is no whole number" },
	{ COUNT, "\x1b[2J", "instance-count: '?[2J' is no whole number" },
	{ COUNT, "0", "instance-count: '0' is out of range: COUNT must be from 1 to 1000" },
	{ COUNT, "1001", "instance-count: '1001' is out of range: COUNT must be from 1 to 1000" },
	{ COUNT, "99999999999999999999",
	  "instance-count: '99999999999999999999' is out of range: COUNT must be from 1 to 1000" },
	{ PERIOD, "soon",
	  "beat-period: 'soon' is no duration, such as 250ms, 5s, 10min or 1h30min" },
	{ PERIOD, "199ms", "beat-period: '199ms' is out of range: " RANGE },
	{ PERIOD, "5min1ms", "beat-period: '5min1ms' is out of range: " RANGE },
	{ PERIOD, "999999999d", "beat-period: '999999999d' is out of range: " RANGE },
	{ MEMORY, "4 GB", "memory: '4 GB' is no size, such as 4096, 64K, 16M or 2G" },
	{ MEMORY, "4095", "memory: '4095' is out of range: SIZE must be at least 4K" },
	{ JSON, "maybe", "json: 'maybe' is neither yes nor no" },
	{ USAGE, "sopt",
	  "usage-class: 'sopt' is none of on-demand, spot, reserved; did you mean 'spot'?" },
	{ USAGE, "free", "usage-class: 'free' is none of on-demand, spot, reserved" },
	{ USAGE, "", "usage-class: '' is none of on-demand, spot, reserved" },
	{ TYPES, "x y\x7f", "types: 'y?' holds a byte that is no printable UTF-8" },
};

START_TEST(refuses_bad_values_and_keeps_the_old_one)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_bench_ struct bench bench;
		_cleanup_free_ char *before = NULL;
		char origin[64];

		bench_init(&bench);
		before = settings_format(&bench.settings, bad[i].row);
		ck_assert_int_eq(settings_set(&bench.settings, bad[i].row, bad[i].text,
					      SETTING_FROM_FILE, &bench.fault),
				 -EINVAL);
		ck_assert_str_eq(bench.fault.text, bad[i].fault);
		has_value(&bench, bad[i].row, before);
		ck_assert_str_eq(
			settings_origin_text(&bench.settings, bad[i].row, origin, sizeof(origin)),
			"default");
	}
}
END_TEST

START_TEST(names_a_value_as_the_place_it_came_from_does)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(
		settings_set(&bench.settings, COUNT, "x", SETTING_FROM_ENVIRONMENT, &bench.fault),
		-EINVAL);
	ck_assert_str_eq(bench.fault.text, "PADDOCK_INSTANCE_COUNT: 'x' is no whole number");
	ck_assert_int_eq(settings_set(&bench.settings, COUNT, "x", SETTING_FROM_FLAG, NULL),
			 -EINVAL);
	ck_assert_int_eq(settings_set(&bench.settings, COUNT, "x", SETTING_FROM_FLAG, &bench.fault),
			 -EINVAL);
	ck_assert_str_eq(bench.fault.text, "--instance-count: 'x' is no whole number");
}
END_TEST

START_TEST(takes_an_empty_text_for_none_where_the_row_allows_it)
{
	static const struct setting free_text = { "a", "note", SETTING_TEXT, 0,    "hello",
						  0,   0,      NULL,         NULL, "A note" };
	struct settings settings;
	struct fault fault = {};
	char *note;

	ck_assert_int_eq(settings_init(&settings, &free_text, 1, &note, NULL, &fault), 0);
	ck_assert_int_eq(settings_set(&settings, 0, "", SETTING_FROM_FLAG, &fault), -EINVAL);
	ck_assert_str_eq(fault.text, "--note: the value is empty");
	ck_assert_str_eq(note, "hello");
	ck_assert_int_eq(settings_set(&settings, 0, "", SETTING_FROM_FILE, &fault), 0);
	ck_assert_ptr_null(note);
	settings_done(&settings);
}
END_TEST

START_TEST(limits_a_text_without_a_limit_of_its_own)
{
	static const struct setting free_text = { "a", "note", SETTING_TEXT, 0,    NULL,
						  0,   0,      NULL,         NULL, "A note" };
	char text[257], *note = NULL;
	struct fault fault = {};

	(void)memset(text, 'x', sizeof(text));
	text[256] = '\0';
	ck_assert_int_eq(setting_read(&free_text, &note, text, false, &fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.text, "xxx...' is longer than 255 bytes"));
	text[255] = '\0';
	ck_assert_int_eq(setting_read(&free_text, &note, text, false, &fault), 0);
	settings_free_values(&free_text, 1, &note);
	ck_assert_ptr_null(note);
}
END_TEST

START_TEST(adds_up_the_flags_of_a_list_but_not_other_sources)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, "c", SETTING_FROM_FILE, NULL), 0);
	has_value(&bench, TYPES, "c");
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, "d", SETTING_FROM_ENVIRONMENT, NULL),
			 0);
	has_value(&bench, TYPES, "d");
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, "e f", SETTING_FROM_FLAG, NULL), 0);
	has_value(&bench, TYPES, "e f");
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, "g", SETTING_FROM_FLAG, NULL), 0);
	has_value(&bench, TYPES, "e f g");
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, "h", SETTING_FROM_FILE, NULL), 0);
	has_value(&bench, TYPES, "h");
}
END_TEST

START_TEST(limits_the_words_of_a_list)
{
	static const struct setting few = {
		"a", "few", SETTING_LIST, 0, "x", 1, 3, NULL, NULL, ""
	};
	_cleanup_bench_ struct bench bench;
	struct setting_list list = {};
	struct fault fault = {};
	char text[2 * (SETTING_LIST_MAX + 1) + 1] = "";

	bench_init(&bench);
	for (size_t i = 0; i < SETTING_LIST_MAX; i++)
		(void)memcpy(text + 2 * i, "w ", 3);
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, text, SETTING_FROM_FLAG, NULL), 0);
	ck_assert_uint_eq(bench.values.types.n, SETTING_LIST_MAX);
	ck_assert_int_eq(settings_set(&bench.settings, TYPES, "x", SETTING_FROM_FLAG, &bench.fault),
			 -EINVAL);
	ck_assert_str_eq(bench.fault.text, "--types: more than 64 words");
	ck_assert_uint_eq(bench.values.types.n, SETTING_LIST_MAX);

	ck_assert_int_eq(setting_read(&few, &list, "a b c", false, &fault), 0);
	ck_assert_int_eq(setting_read(&few, &list, "d", true, &fault), -EINVAL);
	ck_assert_str_eq(fault.text, "4 words are out of range: from 1 to 3");
	ck_assert_int_eq(setting_read(&few, &list, "", false, &fault), -EINVAL);
	ck_assert_uint_eq(list.n, 3);
	settings_free_values(&few, 1, &list);
}
END_TEST

START_TEST(knows_where_a_value_came_from)
{
	_cleanup_bench_ struct bench bench;
	char text[64];

	bench_init(&bench);
	ck_assert_str_eq(settings_origin_text(&bench.settings, COUNT, text, sizeof(text)),
			 "default");
	ck_assert_int_eq(settings_set(&bench.settings, COUNT, "2", SETTING_FROM_FILE, NULL), 0);
	bench.settings.origins[COUNT].file = strdup("/etc/paddock/paddock.conf");
	bench.settings.origins[COUNT].line = 12;
	ck_assert_str_eq(settings_origin_text(&bench.settings, COUNT, text, sizeof(text)),
			 "/etc/paddock/paddock.conf:12");
	ck_assert_int_eq(settings_set(&bench.settings, COUNT, "3", SETTING_FROM_ENVIRONMENT, NULL),
			 0);
	ck_assert_str_eq(settings_origin_text(&bench.settings, COUNT, text, sizeof(text)),
			 "environment");
	ck_assert_ptr_null(bench.settings.origins[COUNT].file);
	ck_assert_int_eq(settings_set(&bench.settings, COUNT, "4", SETTING_FROM_FLAG, NULL), 0);
	ck_assert_str_eq(settings_origin_text(&bench.settings, COUNT, text, sizeof(text)), "flag");
}
END_TEST

START_TEST(finds_rows_by_name_and_guesses_the_name_that_was_meant)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(settings_find(&bench.settings, "beat-period", &bench.fault), PERIOD);
	ck_assert_int_eq(settings_find(&bench.settings, "json", &bench.fault), JSON);
	ck_assert_int_eq(settings_find(&bench.settings, "beat-perod", &bench.fault), -ENOENT);
	ck_assert_str_eq(bench.fault.text,
			 "unknown setting 'beat-perod'; did you mean 'beat-period'?");
	ck_assert_int_eq(settings_find(&bench.settings, "xyzzy", &bench.fault), -ENOENT);
	ck_assert_str_eq(bench.fault.text, "unknown setting 'xyzzy'");
	ck_assert_int_eq(settings_find(&bench.settings, "", NULL), -ENOENT);
}
END_TEST

TEST_MAIN(puts_the_defaults_in_place, refuses_a_default_that_its_own_row_forbids,
	  works_with_no_rows_at_all, reads_values_and_writes_them_so_that_they_read_back,
	  refuses_bad_values_and_keeps_the_old_one, names_a_value_as_the_place_it_came_from_does,
	  takes_an_empty_text_for_none_where_the_row_allows_it,
	  limits_a_text_without_a_limit_of_its_own,
	  adds_up_the_flags_of_a_list_but_not_other_sources, limits_the_words_of_a_list,
	  knows_where_a_value_came_from, finds_rows_by_name_and_guesses_the_name_that_was_meant)
