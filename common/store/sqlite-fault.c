/*
 * What SQLite's result codes mean to us. SQLITE_IOERR and SQLITE_CANTOPEN hide the errno that says
 * what to do about it; sqlite3_system_errno() still has it.
 *
 * Who holds a lock is read from /proc/locks. Asking the kernel through a descriptor of our own
 * (F_GETLK) is out of the question: closing any descriptor of a file drops all POSIX locks that
 * this process holds on it, SQLite's included.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/store/sqlite.h"

#define LOCKS_TEXT_MAX 1048576
#define WAL_WRITE_LOCK                                                            \
	120 /* the byte of the -shm file that a writer locks: SQLite's WAL format \
	     */

/* "ID: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE START END" */
enum lock_field { LOCK_KIND = 1, LOCK_MODE = 3, LOCK_PID, LOCK_FILE, LOCK_START, LOCK_END, LOCK_N };

static bool split_lock(char *line, char *fields[LOCK_N])
{
	size_t n = 0;
	char *word;

	while (n < LOCK_N && (word = strsep(&line, " ")))
		if (*word)
			fields[n++] = word;
	return n == LOCK_N && strcmp(fields[LOCK_KIND], "->") != 0 &&
	       strcmp(fields[LOCK_MODE], "WRITE") == 0;
}

static bool name_file(const char *path, char *text, size_t size)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	snprintf(text, size, "%02x:%02x:%lu", major(st.st_dev), minor(st.st_dev),
		 (unsigned long)st.st_ino);
	return true;
}

/* Does this lock keep writers out? On the database itself any write lock does. */
static bool lock_blocks(char *const fields[LOCK_N], const char *db_file, const char *shm_file)
{
	uint64_t start, end;

	if (strcmp(fields[LOCK_FILE], db_file) == 0)
		return true;
	if (strcmp(fields[LOCK_FILE], shm_file) != 0 || parse_u64(fields[LOCK_START], &start) < 0)
		return false;
	if (parse_u64(fields[LOCK_END], &end) < 0)
		end = UINT64_MAX; /* "EOF" */
	return start <= WAL_WRITE_LOCK && end >= WAL_WRITE_LOCK;
}

static void describe_process(const char *pid, char *text, size_t size)
{
	_cleanup_free_ char *path = str_format("/proc/%s/comm", pid);
	char name[32];

	if (!path || read_file_at(AT_FDCWD, path, name, sizeof(name)) <= 0) {
		snprintf(text, size, "process %s", pid);
		return;
	}
	str_clean(name);
	snprintf(text, size, "process %s (%s)", pid, name);
}

bool sqlite_lock_holder(struct sqlite_store *s, char *text, size_t size)
{
	_cleanup_free_ char *shm_path = str_format("%s-shm", s->path);
	_cleanup_free_ char *locks = NULL;
	char db_file[64], shm_file[64] = "";
	char *fields[LOCK_N], *rest, *line;
	size_t locks_size;
	uint64_t pid;

	if (!shm_path || !name_file(s->path, db_file, sizeof(db_file)))
		return false;
	(void)name_file(shm_path, shm_file, sizeof(shm_file));
	if (read_file_alloc_at(AT_FDCWD, s->locks_path, LOCKS_TEXT_MAX, &locks, &locks_size) < 0)
		return false;

	rest = locks;
	while ((line = strsep(&rest, "\n"))) {
		if (!split_lock(line, fields) || !lock_blocks(fields, db_file, shm_file))
			continue;
		/* A holder in another PID namespace shows as 0 or -1. */
		if (parse_u64(fields[LOCK_PID], &pid) < 0 || pid == 0)
			continue;
		describe_process(fields[LOCK_PID], text, size);
		return true;
	}
	return false;
}

static int fault_locked(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	char holder[64] = "another process";
	bool told = sqlite_lock_holder(s, holder, sizeof(holder));
	int r;

	r = fault_set(fault, EAGAIN, "cannot %s: %s has been locked by %s for more than %u ms",
		      doing, s->path, holder, (unsigned)(s->busy_usec / USEC_PER_MSEC));
	return fault_cure(fault, r,
			  told ? "try again; if it stays so, end that process"
			       : "try again; if it stays so, find who holds it: fuser -v %s-shm",
			  s->path);
}

static int fault_full(struct sqlite_store *s, const char *doing, int error, struct fault *fault)
{
	int r = fault_set(fault, ENOSPC, "cannot %s: no room for %s: %s", doing, s->path,
			  strerror(error));

	return fault_cure(fault, r, "make room there; nothing was half-written");
}

static int fault_damaged(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	int r = fault_set(fault, EBADMSG, "cannot %s: %s is damaged: %s", doing, s->path,
			  sqlite3_errmsg(s->db));

	return fault_cure(fault, r,
			  "stop what uses it, keep a copy, then: sqlite3 %.100s .recover; or begin "
			  "anew with another file",
			  s->path);
}

static int fault_not_ours(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	int r = fault_set(fault, EBADMSG, "cannot %s: %s is not an SQLite database", doing,
			  s->path);

	return fault_cure(fault, r, "name another path; the file was left as it is");
}

static int fault_moved(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	int r = fault_set(fault, ESTALE, "cannot %s: %s was removed or replaced while in use",
			  doing, s->path);

	return fault_cure(fault, r, "start again with the file that is there now, if it is meant");
}

/* Why a file may not be written, in the kernel's own words. */
static int fault_read_only(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	int error = EACCES, r;

	if (faccessat(AT_FDCWD, s->path, W_OK, AT_EACCESS) < 0)
		error = errno;
	if (error != EROFS && error != EACCES)
		error = EACCES;
	r = fault_set(fault, error, "cannot %s: %s and its directory must be writable: %s", doing,
		      s->path, strerror(error));
	return fault_cure(fault, r, "check mount, owner and mode of both");
}

/* The connection remembers the errno that stood when it gave up, which clearing up may have
 * overwritten; each file remembers its own last one. */
static int system_errno(struct sqlite_store *s)
{
	sqlite3_file *log = NULL;
	int error = sqlite3_system_errno(s->db);

	if (error == 0 &&
	    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
	    log && log->pMethods)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
	if (error == 0)
		(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

static int fault_system(struct sqlite_store *s, const char *doing, struct fault *fault)
{
	int error = system_errno(s);

	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return fault_full(s, doing, error, fault);
	case EACCES:
	case EPERM:
	case EROFS:
		return fault_read_only(s, doing, fault);
	case ENOENT:
	case EISDIR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return fault_set(fault, error, "cannot %s: %s: %s", doing, s->path,
				 strerror(error));
	default:
		return fault_set(fault, EIO, "cannot %s: %s: %s (%s)", doing, s->path,
				 sqlite3_errmsg(s->db), strerror(error));
	}
}

int sqlite_fault(struct sqlite_store *s, int rc, const char *doing, struct fault *fault)
{
	if (rc == SQLITE_READONLY_DBMOVED)
		return fault_moved(s, doing, fault);
	if (rc == SQLITE_IOERR_NOMEM)
		return fault_set(fault, ENOMEM, "cannot %s: out of memory", doing);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* it lost the race for a reader's lock too many times */
		return fault_locked(s, doing, fault);
	case SQLITE_FULL:
		return fault_full(s, doing, ENOSPC, fault);
	case SQLITE_CORRUPT:
		return fault_damaged(s, doing, fault);
	case SQLITE_NOTADB:
		return fault_not_ours(s, doing, fault);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return fault_read_only(s, doing, fault);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return fault_system(s, doing, fault);
	case SQLITE_NOMEM:
		return fault_set(fault, ENOMEM, "cannot %s: out of memory", doing);
	case SQLITE_TOOBIG:
		return fault_set(fault, E2BIG, "cannot %s: too large for %s", doing, s->path);
	case SQLITE_ERROR: /* our statements are fixed: it is the tables that are wrong */
		return fault_damaged(s, doing, fault);
	default:
		return fault_set(fault, EIO, "cannot %s: %s: %s", doing, s->path,
				 sqlite3_errmsg(s->db));
	}
}
