#include "common/base/table.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/base/io.h"
#include "common/base/parse.h"

#define GAP "  "

/* Longer cells are cut: a table is for reading. */
#define CELL_MAX_BYTES 4096

/* What the last column keeps when the others leave it nothing; lines get too wide then. */
#define LAST_COLUMN_MIN 8

#define CUT_MARK "..."

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells;  /* owned, row after row; the first row holds the titles */
	size_t n_rows; /* with the titles */
	size_t max_rows;
	size_t widths[];
};

/* Columns that a text takes on the screen: characters, not bytes. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void table_free(struct table *table)
{
	if (!table)
		return;

	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

static char *copy_cell(const char *text)
{
	char *cell = strndup(text ? text : "-", CELL_MAX_BYTES);

	if (!cell)
		return NULL;
	cell[utf8_cut(cell, strlen(cell))] = '\0';
	str_clean(cell);
	return cell;
}

static int reserve_row(struct table *table)
{
	size_t max_rows = table->max_rows * 2 + 16;
	char **cells;

	if (table->n_rows > TABLE_ROWS_MAX)
		return -ENOBUFS;
	if (table->n_rows < table->max_rows)
		return 0;

	cells = reallocarray(table->cells, max_rows, table->n_columns * sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	table->max_rows = max_rows;
	return 0;
}

int table_add(struct table *table, const char *const *cells)
{
	char **row;
	int r;

	r = reserve_row(table);
	if (r < 0)
		return r;

	row = table->cells + table->n_rows * table->n_columns;
	for (size_t i = 0; i < table->n_columns; i++) {
		row[i] = copy_cell(cells[i]);
		if (row[i])
			continue;
		while (i-- > 0)
			free(row[i]);
		return -ENOMEM;
	}

	for (size_t i = 0; i < table->n_columns; i++) {
		size_t width = text_width(row[i]);

		if (width > table->widths[i])
			table->widths[i] = width;
	}
	table->n_rows++;
	return 0;
}

int table_new(const struct table_column *columns, size_t n, struct table **ret)
{
	const char *titles[TABLE_COLUMNS_MAX];
	struct table *table;
	int r;

	if (n == 0 || n > TABLE_COLUMNS_MAX)
		return -EINVAL;

	table = calloc(1, sizeof(*table) + n * sizeof(table->widths[0]));
	if (!table)
		return -ENOMEM;
	*table = (struct table){ .columns = columns, .n_columns = n };

	for (size_t i = 0; i < n; i++)
		titles[i] = columns[i].title;
	r = table_add(table, titles);
	if (r < 0) {
		table_free(table);
		return r;
	}
	*ret = table;
	return 0;
}

size_t table_rows(const struct table *table)
{
	return table->n_rows - 1;
}

/* The bytes of the first so many characters. */
static size_t bytes_of(const char *text, size_t width)
{
	const char *at = text;

	while (*at && width > 0) {
		at++;
		while (((unsigned char)*at & 0xc0) == 0x80)
			at++;
		width--;
	}
	return (size_t)(at - text);
}

/* room 0: never cut. */
static void print_cut(FILE *to, const char *text, size_t room)
{
	if (room == 0 || text_width(text) <= room)
		(void)fputs(text, to);
	else
		(void)fprintf(to, "%.*s" CUT_MARK, (int)bytes_of(text, room - strlen(CUT_MARK)),
			      text);
}

/* room is that of the last column. */
static void print_row(const struct table *table, FILE *to, const char *const *row, size_t room)
{
	size_t blanks = 0; /* printed once something follows them */

	for (size_t i = 0; i < table->n_columns; i++) {
		size_t width = text_width(row[i]);
		size_t padding = table->widths[i] - width;
		bool right = table->columns[i].align == TABLE_RIGHT;

		blanks += right ? padding : 0;
		if (width > 0) {
			(void)fprintf(to, "%*s", (int)blanks, "");
			print_cut(to, row[i], i == table->n_columns - 1 ? room : 0);
			blanks = 0;
		}
		blanks += (right ? 0 : padding) + strlen(GAP);
	}
	(void)fputc('\n', to);
}

/* What the width leaves to the last column; 0 for any. */
static size_t last_room(const struct table *table, unsigned width)
{
	size_t used = 0;

	if (width == 0)
		return 0;
	for (size_t i = 0; i < table->n_columns - 1; i++)
		used += table->widths[i] + strlen(GAP);
	return width > used + LAST_COLUMN_MIN ? width - used : LAST_COLUMN_MIN;
}

int table_print(const struct table *table, FILE *to, unsigned width)
{
	size_t room;

	if (table_rows(table) == 0)
		return 0;

	room = last_room(table, width);
	for (size_t i = 0; i < table->n_rows; i++)
		print_row(table, to, (const char *const *)table->cells + i * table->n_columns,
			  room);

	/* Only a flush tells that a disk is full. */
	if (fflush(to) != 0 || ferror(to))
		return -EIO;
	return 0;
}

unsigned terminal_width(FILE *stream)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (columns && parse_u64(columns, &width) == 0 && width > 0 && width <= UINT_MAX)
		return (unsigned)width;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

bool terminal_colour(FILE *stream)
{
	const char *no = getenv("NO_COLOR");
	const char *force = getenv("CLICOLOR_FORCE");
	const char *term = getenv("TERM");

	if (no && *no)
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return term && *term && strcmp(term, "dumb") != 0 && isatty(fileno(stream));
}
