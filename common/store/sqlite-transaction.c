/*
 * Every access is a transaction of one of three modes, and every writer says so from the start
 * (BEGIN IMMEDIATE): an upgrade from reading to writing could fail half-way with no way to wait.
 *
 * The waiting is ours, not sqlite3_busy_timeout(): it is bounded over a whole transaction, jitters,
 * and serves also where SQLite answers SQLITE_BUSY without asking its handler (sqlite-open.c). It
 * lives by the kernel's clock whatever clock the records live by: it waits for processes of this
 * host.
 *
 * A transaction also begins with a look whether path and -wal still are the files that we have
 * open. A claim written into a removed file would be a claim that nobody else can see.
 */

#include <errno.h>
#include <sys/stat.h>

#include "common/base/backoff.h"
#include "common/store/sqlite.h"

#define BUSY_TRIES_MAX 100000 /* a second bound, should the clock stand still */

static const struct backoff busy_backoff = {
	.first_usec = 200,
	.max_usec = 5 * USEC_PER_MSEC, /* a commit with its fsync takes about so long */
};

void sqlite_busy_start(struct sqlite_store *s)
{
	s->busy_until_usec = clock_boot_usec(&clock_system) + s->busy_usec;
	s->busy_tries = 0;
}

bool sqlite_busy_wait(struct sqlite_store *s)
{
	uint64_t now = clock_boot_usec(&clock_system);
	uint64_t wait = backoff_usec(&busy_backoff, s->busy_tries, (uint64_t)s->pid);

	if (now >= s->busy_until_usec || s->busy_tries >= BUSY_TRIES_MAX)
		return false;

	s->busy_tries++;
	if (wait > s->busy_until_usec - now)
		wait = s->busy_until_usec - now;
	(void)clock_sleep(&clock_system, wait); /* a signal only makes the wait shorter */
	return true;
}

int sqlite_on_busy(void *context, _unused_ int tries)
{
	return sqlite_busy_wait(context) ? 1 : 0;
}

/* -ESTALE when they were moved. Not knowing is another error: that one is for good. */
static int check_same_files(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	struct stat st = {};
	int moved = 0;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	    moved)
		return sqlite_fault(s, SQLITE_READONLY_DBMOVED, doing, fault);
	if (s->wal_ino == 0)
		return 0;
	if (stat(s->wal_path, &st) < 0 && errno != ENOENT)
		return fault_set(fault, errno, "cannot %s: cannot look at %s: %m", doing,
				 s->wal_path);
	if (st.st_dev != s->wal_dev || st.st_ino != s->wal_ino)
		return sqlite_fault(s, SQLITE_READONLY_DBMOVED, doing, fault);
	return 0;
}

/* Hasty commits are on disk with the next durable one at the latest: it syncs the same log. */
static int set_durable(struct sqlite_store *s, bool durable, struct fault *fault)
{
	int r;

	if (s->durable == durable)
		return 0;

	r = sqlite_exec(
		s, durable ? "PRAGMA main.synchronous = FULL" : "PRAGMA main.synchronous = NORMAL",
		"choose how hard to sync", fault);
	if (r < 0)
		return r;
	s->durable = durable;
	return 0;
}

static int check_usable(const struct sqlite_store *s, struct fault *fault)
{
	if (getpid() != s->pid)
		return fault_set(fault, ECHILD,
				 "%s was opened by process %d, not by this one: a "
				 "process must open its own",
				 s->path, (int)s->pid);
	if (s->scanning)
		return fault_set(fault, EDEADLK, "%s is being scanned: finish the scan first",
				 s->path);
	return 0;
}

static const char *const doing[] = {
	[SQLITE_MODE_READ] = "start reading",
	[SQLITE_MODE_WRITE] = "start writing",
	[SQLITE_MODE_HASTY] = "start writing",
};

int sqlite_begin(struct sqlite_store *s, enum sqlite_mode mode, struct sqlite_store **ret_open,
		 struct fault *fault)
{
	sqlite3_stmt *begin;
	int r;

	r = check_usable(s, fault);
	if (r < 0)
		return r;

	sqlite_busy_start(s);
	if (mode != SQLITE_MODE_READ) {
		r = set_durable(s, mode == SQLITE_MODE_WRITE, fault);
		if (r < 0)
			return r;
	}
	r = sqlite_statement(
		s, mode == SQLITE_MODE_READ ? STATEMENT_BEGIN_READ : STATEMENT_BEGIN_WRITE, &begin,
		fault);
	if (r < 0)
		return r;

	r = sqlite_step(s, begin, doing[mode], fault);
	if (r < 0)
		return r;

	*ret_open = s;
	return check_same_files(s, doing[mode], fault);
}

int sqlite_commit(struct sqlite_store **open, struct fault *fault)
{
	struct sqlite_store *s = *open;
	sqlite3_stmt *commit;
	int r;

	r = sqlite_statement(s, STATEMENT_COMMIT, &commit, fault);
	if (r < 0)
		return r;
	r = sqlite_step(s, commit, "commit", fault);
	if (r < 0)
		return r; /* still open: sqlite_rollbackp() ends it */

	*open = NULL;
	return 0;
}

void sqlite_rollbackp(struct sqlite_store **open)
{
	struct sqlite_store *s = *open;
	sqlite3_stmt *rollback;

	/* A full disk or damage may have rolled it back already. */
	if (!s || sqlite3_get_autocommit(s->db))
		return;
	if (sqlite_statement(s, STATEMENT_ROLLBACK, &rollback, NULL) == 0)
		(void)!sqlite_step(s, rollback, "roll back", NULL);
}
