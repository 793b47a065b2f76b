#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "tests/test.h"

START_TEST(shows_what_can_be_shown_of_a_text)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\xc3\xb6 \xe2\x82\xac \xf0\x9f\x90\x8e",
		  "\xc3\xb6 \xe2\x82\xac \xf0\x9f\x90\x8e" },
		{ "a\x1b[31mb\r\n\t\x7f", "a?[31mb????" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" }, /* a C1 control */
		{ "\xff\xfe", "??" },
		{ "a\xc3", "a?" }, /* cut off */
		{ "\xe2\x82", "??" },
		{ "\xc0\xaf\xe0\x80\xaf", "?????" }, /* overlong */
		{ "\xed\xa0\x80", "???" },           /* a surrogate */
		{ "\xf4\x90\x80\x80", "????" },      /* above U+10FFFF */
		{ "123456789012345", "123456789012345" },
		{ "1234567890123456", "123456789012..." },
		{ "12345678901234567", "123456789012..." },
		{ "12345678901\xc3\xb6xxxx", "12345678901..." },
	};
	char shown[16];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_str_eq(text_shown(cases[i].text, shown, sizeof(shown)), cases[i].shown);
		if (strlen(cases[i].text) == strlen(cases[i].shown))
			ck_assert_int_eq(text_is_printable(cases[i].text),
					 strcmp(cases[i].text, cases[i].shown) == 0);
	}
}
END_TEST

/* What was printed, in memory that lives until the next call. */
struct printed {
	char *text;
	size_t size;
	FILE *to;
};

static void printed_open(struct printed *printed)
{
	printed->to = open_memstream(&printed->text, &printed->size);
	ck_assert_ptr_nonnull(printed->to);
}

static void printed_is(struct printed *printed, const char *expected)
{
	ck_assert_int_eq(fclose(printed->to), 0);
	ck_assert_str_eq(printed->text, expected);
	free(printed->text);
}

START_TEST(folds_words_at_the_width)
{
	static const struct {
		const char *text;
		unsigned column, indent, width;
		const char *folded;
	} cases[] = {
		{ "", 0, 0, 10, "\n" },
		{ "one two three", 0, 0, 0, "one two three\n" },
		{ "one two three", 0, 2, 9, "one two\n  three\n" },
		{ "one two", 0, 0, 7, "one two\n" },
		{ "aa bb cc dd ee", 0, 0, 5, "aa bb\ncc dd\nee\n" },
		{ "one two", 1, 0, 7, "one\ntwo\n" },
		{ "incomprehensibilities are long", 0, 1, 8,
		  "incomprehensibilities\n are\n long\n" },
		{ "  spaces \t and\nlines ", 0, 0, 80, "spaces and lines\n" },
		{ "\xc3\xb6\xc3\xb6 \xc3\xb6\xc3\xb6 x", 0, 0, 5,
		  "\xc3\xb6\xc3\xb6 \xc3\xb6\xc3\xb6\nx\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct printed printed;

		printed_open(&printed);
		text_fold(cases[i].text, cases[i].column, cases[i].indent, cases[i].width,
			  printed.to);
		printed_is(&printed, cases[i].folded);
	}
}
END_TEST

START_TEST(folds_paragraphs_and_leaves_indented_lines_alone)
{
	static const struct {
		const char *text;
		unsigned indent;
		const char *folded;
	} cases[] = {
		{ "", 2, "" },
		{ "one", 2, "  one\n" },
		{ "one\n", 0, "one\n" },
		{ "one two\nthree four", 1, " one two\n three\n four\n" },
		{ "one\n\ntwo\n", 0, "one\n\ntwo\n" },
		{ "one:\n  a  very  long  line\ntwo", 0, "one:\n  a  very  long  line\ntwo\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct printed printed;

		printed_open(&printed);
		text_fold_paragraphs(cases[i].text, cases[i].indent, 10, printed.to);
		printed_is(&printed, cases[i].folded);
	}
}
END_TEST

START_TEST(escapes_what_the_manual_would_take_for_markup)
{
	static const struct {
		const char *text, *escaped;
	} cases[] = {
		{ "plain -x text.", "plain -x text." },
		{ "*bold* a_b c++ [x|y] back\\slash",
		  "\\*bold\\* a\\_b c\\+\\+ \\[x\\|y\\] back\\\\slash" },
		{ ".so /etc/passwd", "__.so /etc/passwd" },
		{ "'quoted'", "__'quoted'" },
		{ "- item", "__- item" },
		{ "# head\n; comment\n  text", "__\\# head\n__; comment\ntext" },
		{ "[table]", "__\\[table\\]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct printed printed;

		printed_open(&printed);
		text_print_scdoc(cases[i].text, true, printed.to);
		printed_is(&printed, cases[i].escaped);
	}
}
END_TEST

START_TEST(does_not_escape_a_beginning_in_the_middle_of_a_line)
{
	struct printed printed;

	printed_open(&printed);
	text_print_scdoc("-x\n-y", false, printed.to);
	printed_is(&printed, "-x\n__-y");
}
END_TEST

TEST_MAIN(shows_what_can_be_shown_of_a_text, folds_words_at_the_width,
	  folds_paragraphs_and_leaves_indented_lines_alone,
	  escapes_what_the_manual_would_take_for_markup,
	  does_not_escape_a_beginning_in_the_middle_of_a_line)
