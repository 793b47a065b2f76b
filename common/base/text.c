#include "common/base/text.h"

#include <stdint.h>
#include <string.h>

#include "common/base/macro.h"

#define SPACES " \t\n"

/* How many of the bytes at text are one whole character that may be shown; 0: none. Overlong
 * forms, surrogates and code points above U+10FFFF are no UTF-8; C1 controls are not shown. */
static size_t printable_size(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t first;
	} forms[] = { { 0xe0, 0xc0, 0xa0 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

	if (text[0] < 0x80)
		return text[0] >= ' ' && text[0] != 0x7f ? 1 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t code = text[0] & (unsigned char)~forms[i].mask;

		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t j = 1; j <= i + 1; j++) {
			if ((text[j] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[j] & 0x3f);
		}
		if (code < forms[i].first || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return 0;
		return i + 2;
	}
	return 0;
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
