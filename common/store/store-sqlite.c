/*
 * One file, many processes, no server: controllers and agents of one host meet in an SQLite
 * database. SQLite's write-ahead log gives readers a snapshot while one writes; its one writer at a
 * time is what makes every change of ours conditional: read, transition_apply(), write, commit.
 *
 * What is where: sqlite-open.c opening, schema, the clock's anchor; sqlite-transaction.c waiting
 * and files that were taken away; sqlite-statement.c SQL and columns; sqlite-machine.c and
 * sqlite-item.c the records; sqlite-bell.c watching; sqlite-fault.c errors.
 */

#include "common/store/store-sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/store/sqlite.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define LOCKS_PATH "/proc/locks"

static int sqlite_now(struct store *store, uint64_t *ret_ms, _unused_ struct fault *fault)
{
	*ret_ms = sqlite_now_ms(sqlite_store_of(store));
	return 0;
}

/* For doctor, who can spare the time: reads the whole file. */
static int check_integrity(struct sqlite_store *s, struct fault *fault)
{
	static const char doing[] = "check the store";
	_cleanup_finalize_ sqlite3_stmt *statement = NULL;
	const char *text;
	int r, rc;

	rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, doing, fault);
	r = sqlite_step(s, statement, doing, fault);
	if (r <= 0)
		return r;
	text = (const char *)sqlite3_column_text(statement, 0);
	if (text && strcmp(text, "ok") == 0)
		return 0;
	return fault_set(fault, EBADMSG, "%s is damaged: %s", s->path, text ? text : "?");
}

static int sqlite_describe(struct store *store, char *text, size_t size, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_reset_ sqlite3_stmt *count = NULL;
	long long machines;
	int r;

	r = sqlite_begin(s, SQLITE_MODE_READ, &open, fault);
	if (r >= 0)
		r = check_integrity(s, fault);
	if (r >= 0)
		r = sqlite_statement(s, STATEMENT_MACHINE_COUNT, &count, fault);
	if (r >= 0)
		r = sqlite_step(s, count, "count machines", fault);
	if (r < 0)
		return r;

	machines = sqlite3_column_int64(count, 0);
	snprintf(text, size, "SQLite %s, schema %d, %s, %lld machine%s", sqlite3_libversion(),
		 SQLITE_SCHEMA_VERSION, s->path, machines, machines == 1 ? "" : "s");
	return 0;
}

static void sqlite_close(struct store *store)
{
	struct sqlite_store *s = sqlite_store_of(store);

	/* After fork() SQLite's idea of the locks is the parent's: touching anything here could
	 * take the log away from under it. */
	if (s->pid != getpid())
		return;

	sqlite_unwatch(s);
	for (size_t i = 0; i < _STATEMENT_MAX; i++)
		(void)sqlite3_finalize(s->statements[i]);
	(void)sqlite3_close(s->db);
	free(s->path);
	free(s->wal_path);
	free(s->locks_path);
	free(s);
}

static const struct store_ops sqlite_ops = {
	.name = "sqlite",
	.now = sqlite_now,
	.get = sqlite_get,
	.change = sqlite_change,
	.beat = sqlite_beat,
	.scan = sqlite_scan,
	.forget = sqlite_forget,
	.item_get = sqlite_item_get,
	.item_put = sqlite_item_put,
	.item_remove = sqlite_item_remove,
	.item_scan = sqlite_item_scan,
	.purge = sqlite_purge,
	.watch = sqlite_watch,
	.watch_drain = sqlite_watch_drain,
	.describe = sqlite_describe,
	.close = sqlite_close,
};

int store_sqlite_open(const struct sqlite_options *options, struct store **ret, struct fault *fault)
{
	_cleanup_(store_closep) struct store *store = NULL;
	const char *boot_id_path = options->boot_id_path ?: BOOT_ID_PATH;
	struct sqlite_store *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return fault_set(fault, ENOMEM, "out of memory");
	s->store.ops = &sqlite_ops;
	s->clock = options->clock;
	s->pid = getpid();
	s->busy_usec = options->busy_usec ?: SQLITE_BUSY_USEC;
	s->bell_fd = -1;
	store = &s->store;

	s->locks_path = strdup(options->locks_path ?: LOCKS_PATH);
	if (!s->locks_path)
		return fault_set(fault, ENOMEM, "out of memory");
	r = sqlite_open_database(s, options->path, options->create, boot_id_path, fault);
	if (r < 0)
		return r;

	*ret = take_ptr(store);
	return 0;
}
