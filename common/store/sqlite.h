#pragma once

/* What the files of the SQLite store share. Private to them: others include store.h. */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/store/store.h"

/* Statements that are prepared once, on first use, and kept. */
enum sqlite_statement {
	STATEMENT_BEGIN_READ,
	STATEMENT_BEGIN_WRITE,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_MACHINE_GET,
	STATEMENT_MACHINE_PUT,
	STATEMENT_MACHINE_BEAT,
	STATEMENT_MACHINE_FORGET,
	STATEMENT_MACHINE_COUNT,
	STATEMENT_ITEM_GET,
	STATEMENT_ITEM_PUT,
	STATEMENT_ITEM_REMOVE,
	STATEMENT_ITEM_PURGE,
	_STATEMENT_MAX,
};

struct sqlite_store {
	struct store store;
	const struct clock *clock;                /* borrowed: the time of records */
	char *path;                               /* owned: as SQLite resolved it */
	char *wal_path;                           /* owned */
	char *locks_path;                         /* owned */
	sqlite3 *db;                              /* owned */
	sqlite3_stmt *statements[_STATEMENT_MAX]; /* owned */
	pid_t pid;         /* who opened it: a connection does not survive fork() */
	int64_t offset_ms; /* the store's now = the host's boot time + this */
	int64_t shift_ms;  /* of our boot time from the host's: a time namespace */
	uint64_t busy_usec;
	uint64_t busy_until_usec; /* of the present transaction, by the kernel's clock */
	unsigned busy_tries;
	bool scanning; /* a callback of the caller's is running */
	bool durable;  /* PRAGMA synchronous is FULL, not NORMAL */
	dev_t wal_dev;
	ino_t wal_ino;
	int bell_fd; /* owned inotify, -1 = watches nothing */
	int bell_watch;
	char bell_id[MACHINE_ID_MAX];
};

static inline struct sqlite_store *sqlite_store_of(struct store *store)
{
	return container_of(store, struct sqlite_store, store);
}

/* sqlite-fault.c */

/* Turns a result code of SQLite's into our error and a fault; doing says what was tried: "read a
 * machine". */
int sqlite_fault(struct sqlite_store *s, int rc, const char *doing, struct fault *fault);
/* The process that holds a lock on the database: "process 123 (paddock)"; false when it cannot be
 * told. */
bool sqlite_lock_holder(struct sqlite_store *s, char *text, size_t size);

/* sqlite-transaction.c */

enum sqlite_mode {
	SQLITE_MODE_READ,
	SQLITE_MODE_WRITE, /* on disk when commit returns */
	SQLITE_MODE_HASTY, /* as whole, but the last ones may be lost when the power goes */
};

/* Waits for its turn, at most s->busy_usec. *ret_open is what sqlite_rollbackp() cleans up. */
int sqlite_begin(struct sqlite_store *s, enum sqlite_mode mode, struct sqlite_store **ret_open,
		 struct fault *fault) _must_check_;
int sqlite_commit(struct sqlite_store **open, struct fault *fault) _must_check_;
void sqlite_rollbackp(struct sqlite_store **open);
#define _cleanup_transaction_ _cleanup_(sqlite_rollbackp)

/* Starts a new wait for other processes; sqlite_begin() does so by itself. */
void sqlite_busy_start(struct sqlite_store *s);
/* Waits a little for them; false when it has been long enough. */
bool sqlite_busy_wait(struct sqlite_store *s);
int sqlite_on_busy(void *context, int tries); /* a handler for sqlite3_busy_handler() */

/* sqlite-statement.c */

/* Ready to be bound and stepped; borrowed. */
int sqlite_statement(struct sqlite_store *s, enum sqlite_statement which, sqlite3_stmt **ret,
		     struct fault *fault) _must_check_;
/* 1 a row, 0 done (and reset), or an error (and reset). */
int sqlite_step(struct sqlite_store *s, sqlite3_stmt *statement, const char *doing,
		struct fault *fault) _must_check_;
int sqlite_exec(struct sqlite_store *s, const char *sql, const char *doing,
		struct fault *fault) _must_check_;
DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize)
DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_reset)
#define _cleanup_finalize_ _cleanup_(sqlite3_finalizep)
#define _cleanup_reset_ _cleanup_(sqlite3_resetp)

/* The text must outlive the step. */
void sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text);
void sqlite_bind_u64(sqlite3_stmt *statement, int index, uint64_t value);

/* Columns in the order of machine_fields[]. */
int sqlite_write_columns(struct buf *sql) _must_check_;       /* "id", "state", … */
int sqlite_write_machine_table(struct buf *sql) _must_check_; /* CREATE TABLE machine */
int sqlite_read_machine(struct sqlite_store *s, sqlite3_stmt *statement, struct machine *ret,
			struct fault *fault) _must_check_;
/* -EINVAL for an enum out of its range. */
int sqlite_bind_machine(sqlite3_stmt *statement, const struct machine *machine) _must_check_;
int sqlite_bind_beat(sqlite3_stmt *statement, const struct machine *machine) _must_check_;

/* sqlite-open.c */

int sqlite_open_database(struct sqlite_store *s, const char *path, bool create,
			 const char *boot_id_path, struct fault *fault) _must_check_;
uint64_t sqlite_now_ms(const struct sqlite_store *s);

/* sqlite-machine.c, sqlite-item.c, sqlite-bell.c: members of store_ops. */

int sqlite_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
	       struct fault *fault);
int sqlite_change(struct store *store, const struct change *changes, size_t n,
		  struct change_outcome *ret, struct fault *fault);
int sqlite_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
		struct fault *fault);
int sqlite_scan(struct store *store, const struct machine_filter *filter, machine_fn *each,
		void *context, struct fault *fault);
int sqlite_forget(struct store *store, const char *id, uint64_t seq, struct fault *fault);

int sqlite_item_get(struct store *store, const char *partition, const char *kind, struct item *ret,
		    struct fault *fault);
int sqlite_item_put(struct store *store, struct item *item, struct item *current,
		    struct fault *fault);
int sqlite_item_remove(struct store *store, const char *partition, const char *kind,
		       uint64_t revision, struct fault *fault);
int sqlite_item_scan(struct store *store, const char *partition, const char *kind, item_fn *each,
		     void *context, struct fault *fault);
int sqlite_purge(struct store *store, struct fault *fault);

int sqlite_watch(struct store *store, const char *id, int *ret_fd, struct fault *fault);
void sqlite_watch_drain(struct store *store);
/* Rings for whoever watches this machine; what is no machine id is ignored. */
void sqlite_ring(const struct sqlite_store *s, const char *id);
void sqlite_unwatch(struct sqlite_store *s);
/* Takes the bell of a machine that is no more away. */
void sqlite_bell_remove(const struct sqlite_store *s, const char *id);
