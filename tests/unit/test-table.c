#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/base/io.h"
#include "common/base/table.h"
#include "tests/test.h"

#define _cleanup_table_ _cleanup_(table_freep)

static const struct table_column columns[] = {
	{ "ID", TABLE_LEFT },
	{ "SEQ", TABLE_RIGHT },
	{ "WHY", TABLE_LEFT },
};

static struct table *new_table(void)
{
	struct table *table = NULL;

	ck_assert_int_eq(table_new(columns, ARRAY_SIZE(columns), &table), 0);
	return table;
}

static void add(struct table *table, const char *a, const char *b, const char *c)
{
	const char *const cells[] = { a, b, c };

	ck_assert_int_eq(table_add(table, cells), 0);
}

static void check_print(const struct table *table, unsigned width, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	ck_assert_int_eq(table_print(table, to, width), 0);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_str_eq(text, expected);
}

START_TEST(makes_columns_as_wide_as_their_widest_cell)
{
	_cleanup_table_ struct table *table = new_table();

	add(table, "m-1", "7", "idle");
	add(table, "machine-2", "12345", "");
	add(table, "", "", "x");
	ck_assert_uint_eq(table_rows(table), 3);
	check_print(table, 0,
		    "ID           SEQ  WHY\n"
		    "m-1            7  idle\n"
		    "machine-2  12345\n"
		    "                  x\n");
}
END_TEST

START_TEST(prints_nothing_when_there_is_no_row)
{
	_cleanup_table_ struct table *table = new_table();

	ck_assert_uint_eq(table_rows(table), 0);
	check_print(table, 0, "");
}
END_TEST

START_TEST(leaves_no_blanks_at_the_end_of_a_line)
{
	static const struct table_column one[] = { { "NAME", TABLE_LEFT } };
	static const char *const cells[][1] = { { "a" }, { "longer" }, { "" } };
	_cleanup_table_ struct table *table = NULL;

	ck_assert_int_eq(table_new(one, 1, &table), 0);
	ck_assert_int_eq(table_add(table, cells[0]), 0);
	ck_assert_int_eq(table_add(table, cells[1]), 0);
	ck_assert_int_eq(table_add(table, cells[2]), 0);
	check_print(table, 0, "NAME\na\nlonger\n\n");
}
END_TEST

START_TEST(puts_numbers_to_the_right_in_the_last_column_too)
{
	static const struct table_column two[] = { { "A", TABLE_LEFT }, { "N", TABLE_RIGHT } };
	static const char *const cells[][2] = { { "a", "1" }, { "b", "100" } };
	_cleanup_table_ struct table *table = NULL;

	ck_assert_int_eq(table_new(two, 2, &table), 0);
	ck_assert_int_eq(table_add(table, cells[0]), 0);
	ck_assert_int_eq(table_add(table, cells[1]), 0);
	check_print(table, 0, "A    N\na    1\nb  100\n");
}
END_TEST

START_TEST(shows_what_is_missing_and_what_cannot_be_shown)
{
	_cleanup_table_ struct table *table = new_table();

	add(table, NULL, NULL, NULL);
	add(table, "a\nb", "\x1b[1m", "tab\there\xc2\x9b.");
	check_print(table, 0,
		    "ID    SEQ  WHY\n"
		    "-       -  -\n"
		    "a?b  ?[1m  tab?here??.\n");
}
END_TEST

START_TEST(counts_characters_not_bytes)
{
	_cleanup_table_ struct table *table = new_table();

	add(table, "größe", "1", "x");
	add(table, "abcdef", "2", "y");
	check_print(table, 0,
		    "ID      SEQ  WHY\n"
		    "größe     1  x\n"
		    "abcdef    2  y\n");
}
END_TEST

START_TEST(cuts_the_last_column_at_the_width)
{
	_cleanup_table_ struct table *table = new_table();

	add(table, "m-1", "7", "exactly 20 wide, ok!");
	add(table, "m-2", "8", "ä very löng sentence that does not fit");
	check_print(table, 30,
		    "ID   SEQ  WHY\n"
		    "m-1    7  exactly 20 wide, ok!\n"
		    "m-2    8  ä very löng sente...\n");
	check_print(table, 29,
		    "ID   SEQ  WHY\n"
		    "m-1    7  exactly 20 wide,...\n"
		    "m-2    8  ä very löng sent...\n");
	check_print(table, 0,
		    "ID   SEQ  WHY\n"
		    "m-1    7  exactly 20 wide, ok!\n"
		    "m-2    8  ä very löng sentence that does not fit\n");
}
END_TEST

START_TEST(keeps_a_little_of_the_last_column_on_a_narrow_terminal)
{
	_cleanup_table_ struct table *table = new_table();

	add(table, "m-1", "7", "a sentence");
	for (unsigned width = 1; width <= 18; width++)
		check_print(table, width,
			    "ID   SEQ  WHY\n"
			    "m-1    7  a sen...\n");
}
END_TEST

START_TEST(copies_its_cells)
{
	_cleanup_table_ struct table *table = new_table();
	char id[] = "before";

	add(table, id, "1", "x");
	id[0] = 'x';
	check_print(table, 0, "ID      SEQ  WHY\nbefore    1  x\n");
}
END_TEST

START_TEST(cuts_cells_that_nobody_would_read)
{
	static const struct table_column one[] = { { "A", TABLE_LEFT } };
	_cleanup_table_ struct table *table = NULL;
	static const char euro[3] = { (char)0xe2, (char)0x82, (char)0xac };
	_cleanup_free_ char *cell = calloc(1, 10001);
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	for (size_t i = 0; i < 9999; i += 3)
		memcpy(cell + i, euro, sizeof(euro));
	ck_assert_int_eq(table_new(one, 1, &table), 0);
	ck_assert_int_eq(table_add(table, (const char *const[]){ cell }), 0);
	ck_assert_int_eq(table_print(table, to, 0), 0);
	ck_assert_int_eq(fclose(to), 0);
	/* 4096 bytes hold 1365 characters of three bytes; titles and newlines come on top. */
	ck_assert_uint_eq(size, 2 + 4095 + 1);
}
END_TEST

START_TEST(holds_many_rows)
{
	_cleanup_table_ struct table *table = new_table();
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	for (unsigned i = 0; i < 5000; i++)
		add(table, "id", "1", "x");
	ck_assert_uint_eq(table_rows(table), 5000);
	ck_assert_int_eq(table_print(table, to, 80), 0);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_uint_eq(size, strlen("ID  SEQ  WHY\n") + 5000 * strlen("id    1  x\n"));
}
END_TEST

START_TEST(holds_no_more_rows_than_its_limit)
{
	static const struct table_column one[] = { { "A", TABLE_LEFT } };
	static const char *const cells[] = { "x" };
	_cleanup_table_ struct table *table = NULL;

	ck_assert_int_eq(table_new(one, 1, &table), 0);
	for (size_t i = 0; i < TABLE_ROWS_MAX; i++)
		if (table_add(table, cells) < 0)
			ck_abort_msg("row %zu", i);
	ck_assert_int_eq(table_add(table, cells), -ENOBUFS);
	ck_assert_uint_eq(table_rows(table), TABLE_ROWS_MAX);
}
END_TEST

START_TEST(says_so_when_the_stream_fails)
{
	_cleanup_table_ struct table *table = new_table();
	FILE *to = fopen("/dev/full", "we");

	ck_assert_ptr_nonnull(to);
	add(table, "m-1", "7", "x");
	ck_assert_int_eq(table_print(table, to, 0), -EIO);
	(void)fclose(to);
}
END_TEST

START_TEST(needs_columns_but_not_too_many)
{
	struct table *table = NULL;

	ck_assert_int_eq(table_new(columns, 0, &table), -EINVAL);
	ck_assert_int_eq(table_new(columns, TABLE_COLUMNS_MAX + 1, &table), -EINVAL);
	ck_assert_ptr_null(table);
	table_free(NULL);
}
END_TEST

/* A terminal of so many columns. */
static FILE *open_terminal(unsigned short width, int *ret_master)
{
	const struct winsize size = { .ws_col = width, .ws_row = 24 };
	char name[PATH_MAX];
	FILE *terminal;
	int master;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	terminal = fdopen(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), "w");
	ck_assert_ptr_nonnull(terminal);
	ck_assert_int_eq(ioctl(fileno(terminal), TIOCSWINSZ, &size), 0);
	*ret_master = master;
	return terminal;
}

static void set_environment(const char *name, const char *value)
{
	ck_assert_int_eq(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

START_TEST(is_as_wide_as_columns_says_else_as_the_terminal)
{
	static const struct {
		const char *columns;
		unsigned terminal, file;
	} cases[] = {
		{ NULL, 132, 0 },  { "100", 100, 100 },      { "", 132, 0 },
		{ "0", 132, 0 },   { "wide", 132, 0 },       { "-5", 132, 0 },
		{ "80x", 132, 0 }, { "4294967296", 132, 0 }, { "4294967295", UINT_MAX, UINT_MAX },
	};
	FILE *file = fopen("/dev/null", "we");
	int master;
	FILE *terminal = open_terminal(132, &master);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_environment("COLUMNS", cases[i].columns);
		ck_assert_uint_eq(terminal_width(terminal), cases[i].terminal);
		ck_assert_uint_eq(terminal_width(file), cases[i].file);
	}
	(void)fclose(terminal);
	(void)fclose(file);
	close(master);
}
END_TEST

START_TEST(is_colourful_where_that_is_welcome)
{
	static const struct {
		const char *no_color, *force, *term;
		bool terminal, file;
	} cases[] = {
		{ NULL, NULL, "xterm", true, false }, { NULL, NULL, "dumb", false, false },
		{ NULL, NULL, "", false, false },     { NULL, NULL, NULL, false, false },
		{ "1", NULL, "xterm", false, false }, { "", NULL, "xterm", true, false },
		{ "1", "1", "xterm", false, false },  { NULL, "1", "xterm", true, true },
		{ NULL, "1", "dumb", true, true },    { NULL, "0", "xterm", true, false },
		{ NULL, "", "xterm", true, false },
	};
	FILE *file = fopen("/dev/null", "we");
	int master;
	FILE *terminal = open_terminal(80, &master);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_environment("NO_COLOR", cases[i].no_color);
		set_environment("CLICOLOR_FORCE", cases[i].force);
		set_environment("TERM", cases[i].term);
		ck_assert_msg(terminal_colour(terminal) == cases[i].terminal, "case %zu", i);
		ck_assert_msg(terminal_colour(file) == cases[i].file, "case %zu, file", i);
	}
	(void)fclose(terminal);
	(void)fclose(file);
	close(master);
}
END_TEST

START_TEST(has_neither_width_nor_colour_without_a_descriptor)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);

	set_environment("COLUMNS", NULL);
	set_environment("NO_COLOR", NULL);
	set_environment("CLICOLOR_FORCE", NULL);
	set_environment("TERM", "xterm");
	ck_assert_uint_eq(terminal_width(memory), 0);
	ck_assert(!terminal_colour(memory));
	ck_assert_int_eq(fclose(memory), 0);
}
END_TEST

TEST_MAIN(makes_columns_as_wide_as_their_widest_cell, prints_nothing_when_there_is_no_row,
	  leaves_no_blanks_at_the_end_of_a_line, puts_numbers_to_the_right_in_the_last_column_too,
	  shows_what_is_missing_and_what_cannot_be_shown, counts_characters_not_bytes,
	  cuts_the_last_column_at_the_width, keeps_a_little_of_the_last_column_on_a_narrow_terminal,
	  copies_its_cells, cuts_cells_that_nobody_would_read, holds_many_rows,
	  holds_no_more_rows_than_its_limit, says_so_when_the_stream_fails,
	  needs_columns_but_not_too_many, is_as_wide_as_columns_says_else_as_the_terminal,
	  is_colourful_where_that_is_welcome, has_neither_width_nor_colour_without_a_descriptor)
