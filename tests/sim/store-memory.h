#pragma once

/*
 * A store in this process's memory, held to the same contract as the others. Records are judged by
 * transition_apply() and beat_apply(), as everywhere. The simulator hangs its checks on it: every
 * write is shown to on_write, with the record before and after.
 */

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/store/store.h"

#define MEMORY_ROWS_MAX 4096

struct memory_row {
	struct machine machine;
	struct machine before; /* as it was until the last write; state NONE: there was none */
	uint64_t written_usec; /* by memory_db.now_usec() */
};

/* What is shared by all connections. */
struct memory_db {
	struct memory_row *rows; /* owned */
	size_t n_rows;
	struct item *items; /* owned, with their bodies */
	size_t n_items;

	/* May be NULL. change: NULL for a beat. forgotten: after is NULL. */
	void (*on_write)(struct memory_db *db, const struct machine *before,
			 const struct machine *after, const struct change *change);
	/* May be NULL. Before an item is written; standing: NULL, or what is there. */
	void (*on_item)(struct memory_db *db, const struct item *standing, const struct item *item);
	/* May be NULL: time for written_usec. */
	uint64_t (*now_usec)(struct memory_db *db);
	/* May be NULL: what a scan sees of this row instead of its machine, or NULL: nothing. */
	const struct machine *(*seen)(struct memory_db *db, const struct memory_row *row,
				      const struct machine_filter *filter);
};

struct memory_db *memory_db_new(void);
void memory_db_free(struct memory_db *db);
const struct memory_row *memory_db_row(const struct memory_db *db, const char *id);
const struct machine *memory_db_find(const struct memory_db *db, const char *id);

/* A connection, with its own idea of time. The store's now is clock_wall_ms(). */
struct store *store_memory_open(struct memory_db *db, const struct clock *clock);
