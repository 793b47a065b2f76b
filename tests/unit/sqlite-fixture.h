#pragma once

/* A database in a directory of its own, opened through our store or behind its back. */

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/store-sqlite.h"
#include "tests/fake-clock.h"
#include "tests/store-contract.h"
#include "tests/test.h"

struct place {
	struct tree *tree;
	char *path;
	char *boot_id_path; /* NULL: the kernel's */
	struct fake_clock clock;
	struct fault fault;
	struct sqlite_options options;
};

static inline void place_init(struct place *place)
{
	*place = (struct place){ .tree = tree_new(), .clock = fake_clock_new() };
	place->path = str_format("%s/paddock.db", place->tree->path);
	ck_assert_ptr_nonnull(place->path);
	place->options = (struct sqlite_options){
		.path = place->path,
		.create = true,
		.clock = &place->clock.clock,
	};
}

static inline void place_done(struct place *place)
{
	tree_free(place->tree);
	free(place->path);
	free(place->boot_id_path);
}
#define _cleanup_place_ _cleanup_(place_done)

static inline int place_try(struct place *place, struct store **ret)
{
	place->fault = (struct fault){};
	return store_sqlite_open(&place->options, ret, &place->fault);
}

static inline struct store *place_open(struct place *place)
{
	struct store *store = NULL;
	int r = place_try(place, &store);

	ck_assert_msg(r == 0, "%s", fault_text(&place->fault, r));
	return store;
}

/* It does not open, with this error, and says this word about it. */
static inline void place_assert_refuses(struct place *place, int error, const char *word)
{
	struct store *store = NULL;
	int r = place_try(place, &store);

	ck_assert_ptr_null(store);
	ck_assert_msg(r == -error, "%d, not %d: %s", r, -error, fault_text(&place->fault, r));
	ck_assert_msg(strstr(place->fault.text, word), "'%s' does not say '%s'", place->fault.text,
		      word);
}

static inline sqlite3 *place_raw(struct place *place)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(place->path, &db), SQLITE_OK);
	return db;
}

static inline void raw_exec(sqlite3 *db, const char *sql)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
}

/* Runs SQL on the database behind the store's back. */
static inline void place_exec(struct place *place, const char *sql)
{
	sqlite3 *db = place_raw(place);

	raw_exec(db, sql);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static inline int try_create(struct store *store, const char *id, struct fault *fault)
{
	struct change change = contract_create(id);
	struct change_outcome outcome;

	return store_change_one(store, &change, &outcome, fault);
}

static inline void create(struct store *store, const char *id)
{
	struct fault fault = {};
	int r = try_create(store, id, &fault);

	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
}

static inline enum machine_state state_of(struct store *store, const char *id)
{
	struct machine machine = {};
	struct fault fault = {};
	int r = store_get_one(store, id, &machine, &fault);

	ck_assert_msg(r >= 0, "%s", fault_text(&fault, r));
	return machine.state;
}

/* The same through SQLite's own eyes. */
static inline void assert_whole(struct store *store)
{
	struct fault fault = {};
	char text[512];
	int r = store->ops->describe(store, text, sizeof(text), &fault);

	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
}
