#include "common/base/settings.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/parse.h"
#include "common/base/text.h"

/* Where the explanations begin: far enough for most flags; the rest get a line of their own. */
#define HELP_COLUMN 30

/* A row's choices, default and range are of our own making; what is longer is cut. */
#define HELP_TEXT_MAX 2048

/* The word that stands for the value; empty for a flag that needs none. */
static void add_unit(struct buf *text, const struct setting *row)
{
	static const char *const units[_SETTING_TYPE_MAX] = {
		[SETTING_TEXT] = "TEXT", [SETTING_U64] = "NUMBER", [SETTING_DURATION] = "DURATION",
		[SETTING_SIZE] = "SIZE", [SETTING_LIST] = "LIST",
	};
	const char *unit = row->unit ? row->unit : units[row->type];

	if (row->type == SETTING_BOOL)
		return;
	if (unit) {
		(void)!buf_add_text(text, unit);
		return;
	}
	for (size_t i = 0; row->choices[i]; i++)
		(void)!buf_printf(text, "%s%s", i > 0 ? "|" : "", row->choices[i]);
}

/* A switch that is on by default is there to be turned off. */
static const char *negation(const struct setting *row)
{
	bool on;

	return row->type == SETTING_BOOL && row->fallback && parse_bool(row->fallback, &on) == 0 &&
			       on
		       ? "[no-]"
		       : "";
}

/* Some defaults need words of their own, which are then in the help. */
static bool has_default_to_show(const struct setting *row)
{
	return row->fallback && row->fallback[0] && !strstr(row->help, "(default");
}

void settings_print_help(const struct setting *rows, size_t n_rows, FILE *to, unsigned width)
{
	for (size_t i = 0; i < n_rows; i++) {
		_cleanup_buf_ struct buf flag, unit, help;
		int used;

		buf_init(&flag, HELP_TEXT_MAX);
		buf_init(&unit, HELP_TEXT_MAX);
		buf_init(&help, HELP_TEXT_MAX);

		add_unit(&unit, &rows[i]);
		used = fprintf(to, "  --%s%s%s%s", negation(&rows[i]), rows[i].name,
			       unit.size > 0 ? " " : "", buf_text(&unit));
		if (used < 0 || used + 2 > HELP_COLUMN) {
			(void)fputc('\n', to);
			used = 0;
		}
		(void)fprintf(to, "%*s", HELP_COLUMN - used, "");

		(void)!buf_add_text(&help, rows[i].help);
		/* Which way a switch stands shows in how it is written. */
		if (rows[i].type != SETTING_BOOL && has_default_to_show(&rows[i]))
			(void)!buf_printf(&help, " (default %s)", rows[i].fallback);
		text_fold(buf_text(&help), HELP_COLUMN, HELP_COLUMN, width, to);
	}
}

/* A bound, written as a value of the row would be. */
static void add_number(struct buf *text, const struct setting *row, uint64_t value)
{
	_cleanup_free_ char *number =
		setting_format(&(struct setting){ .type = row->type }, &value);

	(void)!buf_add_text(text, number ? number : "?");
}

static void add_range(struct buf *text, const struct setting *row)
{
	if (row->type != SETTING_U64 && row->type != SETTING_DURATION && row->type != SETTING_SIZE)
		return;
	if (row->min == 0 && row->max == 0)
		return;

	(void)!buf_add_text(text, row->max > 0 ? " From " : " At least ");
	add_number(text, row, row->min);
	if (row->max > 0) {
		(void)!buf_add_text(text, " to ");
		add_number(text, row, row->max);
	}
	(void)!buf_add_text(text, ".");
}

static void add_choices(struct buf *text, const struct setting *row)
{
	if (row->type != SETTING_CHOICE)
		return;
	for (size_t i = 0; row->choices[i]; i++)
		(void)!buf_printf(text, "%s%s", i > 0 ? ", " : " One of ", row->choices[i]);
	(void)!buf_add_text(text, ".");
}

void settings_print_manual(const struct setting *rows, size_t n_rows, const char *mark, FILE *to)
{
	for (size_t i = 0; i < n_rows; i++) {
		_cleanup_buf_ struct buf unit, help;

		buf_init(&unit, HELP_TEXT_MAX);
		buf_init(&help, HELP_TEXT_MAX);

		add_unit(&unit, &rows[i]);
		(void)!buf_printf(&help, "%s.", rows[i].help);
		add_choices(&help, &rows[i]);
		add_range(&help, &rows[i]);
		if (has_default_to_show(&rows[i]))
			(void)!buf_printf(&help, " Default: %s.", rows[i].fallback);

		(void)fprintf(to, "*%s", mark);
		text_print_scdoc(*mark ? negation(&rows[i]) : "", false, to);
		(void)fprintf(to, "%s*", rows[i].name);
		if (unit.size > 0) {
			(void)fputs(" _", to);
			text_print_scdoc(buf_text(&unit), false, to);
			(void)fputc('_', to);
		}
		(void)fputs("\n\t", to);
		text_print_scdoc(buf_text(&help), true, to);
		(void)fputs("\n\n", to);
	}
}
