/*
 * Opening: is it ours, is it new, and what time is it.
 *
 * Twenty processes may find the same file missing. The file itself appears by mknod(): unlike
 * open() and close() it cannot drop the POSIX locks that another connection of this process holds.
 * An empty database counts as new until somebody, under the write lock, has made tables and header
 * in one transaction; whoever waited for that lock looks again and finds nothing left to do.
 *
 * Decision: the store's clock. Thresholds are judged by one clock that all processes of the host
 * share and that no operator's `date -s` and no NTP step can move: time since boot (which counts
 * suspend) plus an offset that the first opener of each boot writes into table meta under the
 * kernel's boot id. A new boot is anchored to the wall clock again, but never below the latest time
 * that the records show, so that a host whose clock starts in 1970 does not give every machine
 * decades to live. The price: a wall clock that was wrong when the boot was anchored stays wrong,
 * in what is shown, until the next boot; durations, which are all that decides, are not touched.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/store/sqlite.h"
#include "common/store/store-sqlite.h"

#define PATH_TEXT_MAX 480 /* SQLite's own limit is 512, with "-journal" behind it */
#define FILE_MODE 0600    /* a registration is nobody else's to read */
/* SQLite's smallest page. It takes a file of one byte for an empty one, and overwrites it. */
#define DATABASE_SIZE_MIN 512
#define SQL_MAX 16384
#define KERNEL_BOOT_ID_MAX 64
#define SHIFT_TEXT_MAX 160
#define NSEC_PER_MSEC 1000000

#define STRING(x) #x
#define NUMBER(x) STRING(x)

static const char more_tables[] =
	"CREATE INDEX machine_state ON machine (state);"
	"CREATE INDEX machine_run_key ON machine (run_key);"
	"CREATE TABLE item (partition TEXT NOT NULL, kind TEXT NOT NULL, "
	"revision INTEGER NOT NULL, expires_ms INTEGER NOT NULL, body TEXT NOT NULL, "
	"PRIMARY KEY (partition, kind));"
	"CREATE INDEX item_expires ON item (expires_ms) WHERE expires_ms > 0;"
	"CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value NOT NULL);"
	"PRAGMA application_id = " NUMBER(SQLITE_APPLICATION_ID) ";"
								 "PRAGMA user_version = " NUMBER(
									 SQLITE_SCHEMA_VERSION) ";";

static const char settings[] =
	"PRAGMA main.synchronous = FULL;"
	"PRAGMA journal_size_limit = 16777216;" /* the log shrinks again after a flood */
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA trusted_schema = OFF;";

/* Makes the file and its directory entry last. */
static int create_file(const char *path, struct fault *fault)
{
	_cleanup_free_ char *directory = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash;

	if (!directory)
		return -ENOMEM;
	slash = strrchr(directory, '/');
	slash[slash == directory] = '\0';

	if (mknod(path, S_IFREG | FILE_MODE, 0) < 0 && errno != EEXIST) {
		int r = fault_set(fault, errno, "cannot make %s: %s", path, strerror(errno));

		return fault_cure(fault, r, "%s must exist and be writable", directory);
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return fault_set(fault, errno, "cannot sync %s: %s", directory, strerror(errno));
	return 0;
}

static int check_path(const char *path, bool create, struct fault *fault)
{
	struct stat st;
	int r;

	if (path[0] != '/') {
		r = fault_set(fault, EINVAL,
			      "'%.200s' is no absolute path: agents run in other directories",
			      path);
		return fault_cure(fault, r, "write it as sqlite:/absolute/path/to/paddock.db");
	}
	if (strlen(path) > PATH_TEXT_MAX) {
		r = fault_set(fault, EINVAL, "'%.100s…' is longer than %d bytes", path,
			      PATH_TEXT_MAX);
		return fault_cure(fault, r, "move the store to a shorter path");
	}

	if (stat(path, &st) < 0) {
		if (errno == ENOENT && create)
			return create_file(path, fault);
		r = fault_set(fault, errno, "cannot open %s: %s", path, strerror(errno));
		if (r != -ENOENT)
			return r;
		return fault_cure(fault, r,
				  "the first `paddock provision` makes it; or the path "
				  "is not the one that was meant");
	}
	if (S_ISDIR(st.st_mode)) {
		r = fault_set(fault, EISDIR, "%s is a directory", path);
		return fault_cure(fault, r, "name a file in it: %.200s/paddock.db", path);
	}
	if (!S_ISREG(st.st_mode)) {
		r = fault_set(fault, EMEDIUMTYPE, "%s is no regular file", path);
		return fault_cure(fault, r, "name another path");
	}
	if (st.st_size > 0 && st.st_size < DATABASE_SIZE_MIN) {
		r = fault_set(fault, EBADMSG, "%s is not an SQLite database", path);
		return fault_cure(fault, r, "name another path; the file was left as it is");
	}
	return 0;
}

static int query_i64(struct sqlite_store *s, const char *sql, const char *doing, int64_t *ret,
		     struct fault *fault)
{
	_cleanup_finalize_ sqlite3_stmt *statement = NULL;
	int r, rc;

	rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, doing, fault);
	r = sqlite_step(s, statement, doing, fault);
	if (r < 0)
		return r;
	*ret = r > 0 ? sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

enum identity { IDENTITY_NEW, IDENTITY_OURS };

/* What the file is, inside of a transaction. */
static int identify(struct sqlite_store *s, enum identity *ret, struct fault *fault)
{
	static const char opening[] = "open the store";
	int64_t application = 0, version = 0, tables = 0;
	int r;

	r = query_i64(s, "PRAGMA application_id", opening, &application, fault);
	if (r >= 0)
		r = query_i64(s, "PRAGMA user_version", opening, &version, fault);
	if (r >= 0)
		r = query_i64(s, "SELECT count(*) FROM sqlite_master", opening, &tables, fault);
	if (r < 0)
		return r;

	if (application == 0 && version == 0 && tables == 0) {
		*ret = IDENTITY_NEW;
		return 0;
	}
	if (application != SQLITE_APPLICATION_ID) {
		r = fault_set(fault, EMEDIUMTYPE, "%s is the SQLite database of another program",
			      s->path);
		return fault_cure(fault, r, "name another path; the file was left as it is");
	}
	if (version != SQLITE_SCHEMA_VERSION) {
		r = fault_set(fault, EPROTONOSUPPORT,
			      "%s has schema %lld; this version of Paddock knows schema %d",
			      s->path, (long long)version, SQLITE_SCHEMA_VERSION);
		return fault_cure(fault, r, "use the version of Paddock that wrote it");
	}
	*ret = IDENTITY_OURS;
	return 0;
}

static int look(struct sqlite_store *s, enum identity *ret, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	int r;

	r = sqlite_begin(s, SQLITE_MODE_READ, &open, fault);
	if (r < 0)
		return r;
	r = identify(s, ret, fault);
	if (r < 0)
		return r;
	return sqlite_commit(&open, fault);
}

/* The switch to WAL needs the file for itself for a moment, and SQLite does not ask its busy
 * handler then. Nothing happens where it is WAL already. */
static int switch_to_wal(struct sqlite_store *s, struct fault *fault)
{
	static const char doing[] = "switch the store to write-ahead logging";
	int r, rc;

	sqlite_busy_start(s);
	for (;;) {
		_cleanup_finalize_ sqlite3_stmt *statement = NULL;
		const char *mode;

		rc = sqlite3_prepare_v2(s->db, "PRAGMA main.journal_mode = WAL", -1, &statement,
					NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(statement);
		if ((rc & 0xff) == SQLITE_BUSY && sqlite_busy_wait(s))
			continue;
		if (rc != SQLITE_ROW)
			return sqlite_fault(s, rc, doing, fault);

		mode = (const char *)sqlite3_column_text(statement, 0);
		if (mode && strcmp(mode, "wal") == 0)
			return 0;
		r = fault_set(fault, EOPNOTSUPP,
			      "cannot %s: the file system of %s shares no memory", doing, s->path);
		return fault_cure(fault, r, "put the store on a local disk");
	}
}

static int make_tables(struct sqlite_store *s, struct fault *fault)
{
	_cleanup_buf_ struct buf sql = {};
	int r;

	buf_init(&sql, SQL_MAX);
	r = sqlite_write_machine_table(&sql);
	if (r >= 0)
		r = buf_add_text(&sql, more_tables);
	if (r < 0)
		return fault_set(fault, -r, "cannot put the schema together");
	return sqlite_exec(s, buf_text(&sql), "make the tables", fault);
}

/* A number of /proc/self/timens_offsets, and where the next one begins. */
static int64_t read_number(char **at)
{
	char *word = *at + strspn(*at, " ");
	size_t length = strcspn(word, " \n");
	bool negative = word[0] == '-';
	uint64_t value;

	*at = word + length + (word[length] != '\0');
	word[length] = '\0';
	if (parse_u64(word + negative, &value) < 0 || value > INT64_MAX / MSEC_PER_SEC)
		return 0;
	return negative ? -(int64_t)value : (int64_t)value;
}

/* In a time namespace the time since boot is shifted, and the boot id is not: all processes of the
 * host must tell the same time. 0 where the kernel has no such namespaces. */
static int64_t read_shift_ms(void)
{
	static const char name[] = "boottime";
	char text[SHIFT_TEXT_MAX], *at;
	int64_t shift_ms;

	if (read_file_at(AT_FDCWD, "/proc/self/timens_offsets", text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, name);
	if (!at)
		return 0;
	at += strlen(name);
	shift_ms = read_number(&at) * (int64_t)MSEC_PER_SEC;
	return shift_ms + read_number(&at) / (int64_t)NSEC_PER_MSEC;
}

/* Of the host. */
static int64_t boot_ms(const struct sqlite_store *s)
{
	return (int64_t)(clock_boot_usec(s->clock) / USEC_PER_MSEC) - s->shift_ms;
}

/* 1 and the offset when this boot has one already. */
static int read_anchor(struct sqlite_store *s, const char *boot_id, int64_t *ret_offset_ms,
		       struct fault *fault)
{
	static const char doing[] = "read the clock's anchor";
	_cleanup_finalize_ sqlite3_stmt *statement = NULL;
	int r, rc;

	rc = sqlite3_prepare_v2(s->db,
				"SELECT o.value FROM meta b, meta o WHERE b.name = 'boot_id' "
				"AND b.value = ?1 AND o.name = 'offset_ms'",
				-1, &statement, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, doing, fault);
	sqlite_bind_text(statement, 1, boot_id);
	r = sqlite_step(s, statement, doing, fault);
	if (r > 0)
		*ret_offset_ms = sqlite3_column_int64(statement, 0);
	return r;
}

static int write_anchor(struct sqlite_store *s, const char *boot_id, int64_t *ret_offset_ms,
			struct fault *fault)
{
	static const char doing[] = "write the clock's anchor";
	_cleanup_finalize_ sqlite3_stmt *statement = NULL;
	int64_t now = (int64_t)clock_wall_ms(s->clock);
	int64_t latest = 0, offset;
	int r, rc;

	r = query_i64(s,
		      "SELECT max((SELECT coalesce(max(max(beat_ms, created_ms, claimed_ms)), 0) "
		      "FROM machine), (SELECT coalesce(max(value), 0) FROM meta "
		      "WHERE name = 'latest_ms'))",
		      doing, &latest, fault);
	if (r < 0)
		return r;
	if (now < latest)
		now = latest;
	offset = now - boot_ms(s);

	rc = sqlite3_prepare_v2(s->db,
				"INSERT OR REPLACE INTO meta (name, value) VALUES "
				"('boot_id', ?1), ('offset_ms', ?2), ('latest_ms', ?3)",
				-1, &statement, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, doing, fault);
	sqlite_bind_text(statement, 1, boot_id);
	(void)sqlite3_bind_int64(statement, 2, offset);
	(void)sqlite3_bind_int64(statement, 3, now);
	r = sqlite_step(s, statement, doing, fault);
	if (r < 0)
		return r;
	*ret_offset_ms = offset;
	return 0;
}

/* Whatever is still missing, under the write lock: somebody may have been faster. */
static int complete(struct sqlite_store *s, const char *boot_id, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	enum identity identity = IDENTITY_OURS;
	int64_t offset_ms = 0;
	int r;

	r = sqlite_begin(s, SQLITE_MODE_WRITE, &open, fault);
	if (r < 0)
		return r;
	r = identify(s, &identity, fault);
	if (r >= 0 && identity == IDENTITY_NEW)
		r = make_tables(s, fault);
	if (r < 0)
		return r;
	r = read_anchor(s, boot_id, &offset_ms, fault);
	if (r == 0)
		r = write_anchor(s, boot_id, &offset_ms, fault);
	if (r < 0)
		return r;
	r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;

	s->offset_ms = offset_ms;
	return 0;
}

static int read_boot_id(const char *path, char *text, size_t size, struct fault *fault)
{
	int r;

	r = read_file_at(AT_FDCWD, path, text, size);
	if (r < 0)
		return fault_set(fault, EIO, "cannot read this boot's id from %s: %s", path,
				 strerror(-r)); /* -ENOENT would read as: no store */
	if (!*text)
		return fault_set(fault, EIO, "%s is empty: this boot has no id", path);
	return 0;
}

static int connect_database(struct sqlite_store *s, const char *path, struct fault *fault)
{
	int rc;

	s->path = strdup(path);
	if (!s->path)
		return -ENOMEM;
	rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
	if (!s->db)
		return fault_set(fault, ENOMEM, "out of memory");
	(void)sqlite3_extended_result_codes(s->db, 1);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, "open the store", fault);

	/* Through symbolic links: all openers must mean the same -wal and the same bells. */
	free(s->path);
	s->path = strdup(sqlite3_db_filename(s->db, "main"));
	s->wal_path = s->path ? str_format("%s-wal", s->path) : NULL;
	if (!s->wal_path)
		return -ENOMEM;
	if (sqlite3_db_readonly(s->db, "main") == 1)
		return sqlite_fault(s, SQLITE_READONLY, "open the store", fault);

	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_busy_handler(s->db, sqlite_on_busy, s);
	return 0;
}

static int remember_wal(struct sqlite_store *s, struct fault *fault)
{
	struct stat st;

	if (stat(s->wal_path, &st) < 0)
		return fault_set(fault, errno, "cannot look at %s: %s", s->wal_path,
				 strerror(errno));
	s->wal_dev = st.st_dev;
	s->wal_ino = st.st_ino;
	return 0;
}

int sqlite_open_database(struct sqlite_store *s, const char *path, bool create,
			 const char *boot_id_path, struct fault *fault)
{
	enum identity identity = IDENTITY_OURS;
	char boot_id[KERNEL_BOOT_ID_MAX];
	int r;

	r = check_path(path, create, fault);
	if (r >= 0)
		r = read_boot_id(boot_id_path, boot_id, sizeof(boot_id), fault);
	/* Another clock than the kernel's knows of no namespace. */
	s->shift_ms = s->clock == &clock_system ? read_shift_ms() : 0;
	if (r >= 0)
		r = connect_database(s, path, fault);
	if (r >= 0)
		r = look(s, &identity, fault);
	if (r < 0)
		return r;
	if (identity == IDENTITY_NEW && !create) {
		r = fault_set(fault, ENOENT, "%s is empty: there is no store in it yet", s->path);
		return fault_cure(fault, r, "the first `paddock provision` makes it");
	}

	r = switch_to_wal(s, fault);
	if (r >= 0)
		r = sqlite_exec(s, settings, "set the store up", fault);
	if (r < 0)
		return r;
	s->durable = true;

	r = identity == IDENTITY_NEW ? 0 : read_anchor(s, boot_id, &s->offset_ms, fault);
	if (r == 0)
		r = complete(s, boot_id, fault);
	if (r < 0)
		return r;
	return remember_wal(s, fault);
}

uint64_t sqlite_now_ms(const struct sqlite_store *s)
{
	return (uint64_t)(boot_ms(s) + s->offset_ms);
}
