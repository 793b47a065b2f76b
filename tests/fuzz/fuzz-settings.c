/*
 * Settings as text: one row's value, then the environment, with the controller's real rows and a
 * row of each further type. First line: the row, by its number's last digits; second: its value;
 * further lines: environment.
 */

#include <errno.h>
#include <string.h>

#include "common/base/settings.h"
#include "controller/config.h"
#include "tests/fuzz/fuzz.h"

#define VARIABLES_MAX 32

struct values {
	char *text;
	uint64_t number, size;
	bool flag;
	int choice;
	struct setting_list list;
};

static const char *const words[] = { "one", "two", "three", NULL };

#define AT(member) offsetof(struct values, member)
static const struct setting rows[] = {
	{ "a", "text", SETTING_TEXT, AT(text), "x", 0, 16, NULL, NULL, "Text" },
	{ "a", "number", SETTING_U64, AT(number), "5", 2, 70000, NULL, NULL, "Number" },
	{ "a", "size", SETTING_SIZE, AT(size), "64K", 0, 0, NULL, NULL, "Size" },
	{ "a", "flag", SETTING_BOOL, AT(flag), "yes", 0, 0, NULL, NULL, "Flag" },
	{ "a", "choice", SETTING_CHOICE, AT(choice), "two", 0, 0, words, NULL, "Choice" },
	{ "a", "list", SETTING_LIST, AT(list), "a b", 1, 5, NULL, NULL, "List" },
};

/* What setting_format() writes reads back to the same. */
static void check_format(const struct settings *settings, size_t row)
{
	_cleanup_free_ char *text = settings_format(settings, row), *again = NULL;
	const struct setting *setting = &settings->rows[row];
	struct fault fault = {};
	int r;

	FUZZ_CHECK(text);
	/* Empty stands for a text that is not set, which a minimum refuses. */
	if (*text == '\0')
		return;
	r = setting_read(setting, settings->values, text, false, &fault);
	FUZZ_CHECK_TEXT(r == 0, fault.text);
	again = settings_format(settings, row);
	FUZZ_CHECK_TEXT(again && strcmp(again, text) == 0, text);
}

static void check_row(struct settings *settings, size_t row, const char *value)
{
	_cleanup_free_ char *before = settings_format(settings, row), *after = NULL;
	struct fault fault = {};
	int r;

	r = settings_set(settings, row, value, SETTING_FROM_FLAG, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL);
		fuzz_check_harmless(fault.text);
		after = settings_format(settings, row);
		FUZZ_CHECK(before && after && strcmp(before, after) == 0);
	}
	check_format(settings, row);
}

static void check_environment(struct settings *settings, struct fuzz_input *input)
{
	char *variables[VARIABLES_MAX + 1] = {};
	struct fault fault = {};
	size_t n = 0;
	int r;

	while (input->size > 0 && n < VARIABLES_MAX)
		variables[n++] = fuzz_take_line(input);
	r = settings_load_environment(settings, variables, NULL, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL);
		fuzz_check_harmless(fault.text);
		fuzz_check_harmless(fault.cure);
	}
	for (size_t i = 0; i < settings->n_rows; i++)
		check_format(settings, i);
	while (n > 0)
		free(variables[--n]);
}

static void check_settings(const struct setting *table, size_t n, void *values,
			   const struct setting_family *family, struct fuzz_input input)
{
	struct settings settings;
	_cleanup_free_ char *value = NULL;
	size_t row = fuzz_take_byte(&input) % n;

	FUZZ_CHECK(settings_init(&settings, table, n, values, family, NULL) == 0);
	value = fuzz_take_line(&input);
	check_row(&settings, row, value);
	check_environment(&settings, &input);
	settings_done(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input input = { data, size };
	struct values values = {};
	struct config config;

	check_settings(rows, ARRAY_SIZE(rows), &values, NULL, input);
	FUZZ_CHECK(config_init(&config, NULL) == 0);
	check_settings(config_rows, config_rows_n, &config, &config_family, input);
	config_done(&config);
	return 0;
}
