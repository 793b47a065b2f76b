/*
 * A stranger's text on its way to a person: shown in errors, cut, folded, in a table, as the
 * nearest of some words. First byte: a width; then one text a line.
 */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/settings.h"
#include "common/base/table.h"
#include "common/base/text.h"
#include "tests/fuzz/fuzz.h"

#define TEXTS_MAX 32
#define COLUMNS 3

static void check_text(const char *text)
{
	static const char *const words[] = { "status", "provision", "release", "run", "why", NULL };
	_cleanup_free_ char *copy = strdup(text);
	char shown[SHOWN_TEXT_MAX];

	FUZZ_CHECK(copy);
	FUZZ_CHECK(text_shown(text, shown, sizeof(shown)) == shown);
	FUZZ_CHECK(strlen(shown) < sizeof(shown));
	FUZZ_CHECK_TEXT(text_is_printable(shown), shown);
	if (text_is_printable(text) && strlen(text) < sizeof(shown))
		FUZZ_CHECK_TEXT(strcmp(shown, text) == 0, shown);

	for (size_t size = 0; size <= strlen(text); size++) {
		FUZZ_CHECK(utf8_cut(text, size) <= size);
		if (!text_is_printable(text))
			continue;
		copy[utf8_cut(text, size)] = '\0';
		FUZZ_CHECK_TEXT(text_is_printable(copy), copy);
		memcpy(copy, text, strlen(text) + 1);
	}
	text_make_utf8(copy);
	FUZZ_CHECK_TEXT(text_is_utf8(copy) && strlen(copy) == strlen(text), copy);
	FUZZ_CHECK_TEXT(text_is_utf8(text) == (strcmp(copy, text) == 0), copy);
	FUZZ_CHECK(text_is_utf8(text) || !text_is_printable(text));
	str_clean(copy);
	fuzz_check_harmless(copy);
	(void)nearest_word(text, words);
}

/* Folding changes blanks alone. */
static void check_fold(const char *text, unsigned width)
{
	_cleanup_free_ char *folded = NULL;
	size_t size;
	FILE *to = open_memstream(&folded, &size);
	const char *a = text, *b;

	FUZZ_CHECK(to);
	text_fold(text, 0, 2, width, to);
	FUZZ_CHECK(fclose(to) == 0);
	for (b = folded;; a++, b++) {
		a += strspn(a, " \t\r\n");
		b += strspn(b, " \t\r\n");
		FUZZ_CHECK_TEXT(*a == *b, folded);
		if (*a == '\0')
			break;
	}
}

static void check_table(char *const *texts, size_t n, unsigned width)
{
	static const struct table_column columns[COLUMNS] = { { "ONE", TABLE_LEFT },
							      { "TWO", TABLE_RIGHT },
							      { "THREE", TABLE_LEFT } };
	_cleanup_(table_freep) struct table *table = NULL;
	_cleanup_free_ char *printed = NULL;
	size_t size, lines = 0, rows = 0;
	FILE *to = open_memstream(&printed, &size);

	FUZZ_CHECK(to && table_new(columns, COLUMNS, &table) == 0);
	for (size_t i = 0; i + COLUMNS <= n; i += COLUMNS, rows++)
		FUZZ_CHECK(table_add(table, (const char *const *)texts + i) == 0);
	FUZZ_CHECK(table_print(table, to, width) == 0);
	FUZZ_CHECK(fclose(to) == 0);
	fuzz_check_harmless(printed);
	for (const char *c = printed; *c; c++)
		lines += *c == '\n';
	FUZZ_CHECK(lines == (rows > 0 ? rows + 1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	unsigned width = fuzz_take_byte(&input);
	char *texts[TEXTS_MAX];
	size_t n = 0;

	while (input.size > 0 && n < TEXTS_MAX) {
		texts[n] = fuzz_take_line(&input);
		check_text(texts[n]);
		check_fold(texts[n], width);
		n++;
	}
	check_table(texts, n, width);
	while (n > 0)
		free(texts[--n]);
	return 0;
}
