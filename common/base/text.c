#include "common/base/text.h"

#include <string.h>

#include "common/base/macro.h"

#define SPACES " \t\n"

size_t text_utf8_length(const char *from)
{
	const unsigned char *text = (const unsigned char *)from;
	/* First bytes, and the range of the second: no overlong forms, surrogates or > U+10FFFF. */
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} forms[] = {
		{ 0x01, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((text[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

bool text_is_utf8(const char *text)
{
	while (*text) {
		size_t length = text_utf8_length(text);

		if (length == 0)
			return false;
		text += length;
	}
	return true;
}

void text_make_utf8(char *text)
{
	while (*text) {
		size_t length = text_utf8_length(text);

		if (length == 0) {
			*text = '?';
			length = 1;
		}
		text += length;
	}
}

/* How many of the bytes at text are one whole character that may be shown; 0: none. Control
 * characters are not, the C1 ones of U+0080 to U+009F among them. */
static size_t printable_size(const unsigned char *text)
{
	if (text[0] < ' ' || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0))
		return 0;
	return text_utf8_length((const char *)text);
}

bool text_is_printable(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t step;

	for (; *p; p += step) {
		step = printable_size(p);
		if (step == 0)
			return false;
	}
	return true;
}

const char *text_shown(const char *text, char *to, size_t size)
{
	static const char more[] = "...";
	const unsigned char *from = (const unsigned char *)text;
	bool whole = strlen(text) < size;
	size_t used = 0, step;

	for (; *from; from += step) {
		size_t printable = printable_size(from);

		step = printable > 0 ? printable : 1;
		if (!whole && used + step + sizeof(more) > size) {
			(void)memcpy(to + used, more, sizeof(more));
			return to;
		}
		if (printable > 0)
			(void)memcpy(to + used, from, step);
		else
			to[used] = '?';
		used += step;
	}
	to[used] = '\0';
	return to;
}

/* Columns that the bytes take: one for each character, which is true of all that we write. */
static unsigned columns(const char *text, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < size; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

static void fold(const char *text, const char *end, unsigned column, unsigned indent,
		 unsigned width, FILE *to)
{
	bool first = true; /* of the line */
	size_t size;

	for (text += strspn(text, SPACES); text < end; text += strspn(text, SPACES)) {
		size = strcspn(text, SPACES);
		if (!first && width > 0 && column + 1 + columns(text, size) > width) {
			(void)fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		if (!first) {
			(void)fputc(' ', to);
			column++;
		}
		(void)fwrite(text, 1, size, to);
		column += columns(text, size);
		text += size;
		first = false;
	}
	(void)fputc('\n', to);
}

void text_fold(const char *text, unsigned column, unsigned indent, unsigned width, FILE *to)
{
	fold(text, text + strlen(text), column, indent, width, to);
}

/* The end of the lines that can be folded together, at least one. */
static const char *paragraph_end(const char *text)
{
	for (;;) {
		text += strcspn(text, "\n");
		if (*text == '\0' || strchr(SPACES, text[1]))
			return text;
		text++;
	}
}

void text_fold_paragraphs(const char *text, unsigned indent, unsigned width, FILE *to)
{
	const char *end;

	while (*text) {
		bool as_it_is = strchr(SPACES, *text);

		end = as_it_is ? text + strcspn(text, "\n") : paragraph_end(text);
		if (end > text)
			(void)fprintf(to, "%*s", (int)indent, "");
		if (as_it_is)
			(void)fprintf(to, "%.*s\n", (int)(end - text), text);
		else
			fold(text, end, indent, indent, width, to);
		text = *end ? end + 1 : end;
	}
}

void text_print_scdoc(const char *text, bool line_start, FILE *to)
{
	bool first = line_start; /* of the line */

	for (; *text; text++) {
		if (first && (*text == ' ' || *text == '\t'))
			continue;
		/* An empty stretch of underlined text hides that the line begins with markup: an
		 * escaped full stop would reach roff as it is. */
		if (first && strchr("-.;#`[|]'", *text))
			(void)fputs("__", to);
		if (strchr("\\*_+#`[]|", *text))
			(void)fputc('\\', to);
		(void)fputc(*text, to);
		first = *text == '\n';
	}
}
