#pragma once

/* Text tables for a terminal: columns as wide as their widest cell, numbers to the right, the last
 * column cut at the width. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/macro.h"

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
	const char *title;
	enum table_align align;
};

/* More than anybody reads. */
#define TABLE_ROWS_MAX (256UL * 1024)
#define TABLE_COLUMNS_MAX 64

struct table; /* opaque */

/* columns is borrowed and must outlive the table. -EINVAL when there is none or too many. */
int table_new(const struct table_column *columns, size_t n, struct table **ret) _must_check_;
void table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free)

/* One row: n cells, copied; NULL shows as "-". Control characters are shown as "?". -ENOBUFS above
 * TABLE_ROWS_MAX rows. */
int table_add(struct table *table, const char *const *cells) _must_check_;
size_t table_rows(const struct table *table);

/* width 0: never cut. Titles only when there are rows. -EIO when the stream fails. */
int table_print(const struct table *table, FILE *to, unsigned width) _must_check_;

/* What the stream can do: its width (COLUMNS, else the terminal's, else 0 when not a terminal),
 * and whether colour is welcome (NO_COLOR, CLICOLOR_FORCE, TERM=dumb, isatty). */
unsigned terminal_width(FILE *stream);
bool terminal_colour(FILE *stream);
