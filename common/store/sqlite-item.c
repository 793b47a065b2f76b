/* Side items: a body with a revision. An item past its time is treated as absent everywhere,
 * whether or not purge() has come by. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/sqlite.h"

#define PURGE_PER_COMMIT 1000 /* other writers get their turn in between */

static bool is_living(uint64_t expires_ms, uint64_t now_ms)
{
	return expires_ms == 0 || expires_ms > now_ms;
}

static int check_key(const char *partition, const char *kind, struct fault *fault)
{
	if (!partition[0] || strlen(partition) >= RUN_KEY_MAX || !kind[0] ||
	    strlen(kind) >= STORE_KIND_MAX)
		return fault_set(fault, EINVAL, "no item can be called '%.128s' / '%.24s'",
				 partition, kind);
	return 0;
}

/* Inside of a transaction; revision 0 when there is none, or none living. */
static int read_item(struct sqlite_store *s, const char *partition, const char *kind,
		     struct item *ret, struct fault *fault)
{
	_cleanup_reset_ sqlite3_stmt *statement = NULL;
	_cleanup_item_ struct item item = {};
	int r;

	r = sqlite_statement(s, STATEMENT_ITEM_GET, &statement, fault);
	if (r >= 0)
		r = str_copy(item.partition, sizeof(item.partition), partition);
	if (r >= 0)
		r = str_copy(item.kind, sizeof(item.kind), kind);
	if (r < 0)
		return r;

	sqlite_bind_text(statement, 1, partition);
	sqlite_bind_text(statement, 2, kind);
	r = sqlite_step(s, statement, "read an item", fault);
	if (r < 0)
		return r;
	if (r > 0 && is_living((uint64_t)sqlite3_column_int64(statement, 1), sqlite_now_ms(s))) {
		const char *body = (const char *)sqlite3_column_text(statement, 2);

		item.revision = (uint64_t)sqlite3_column_int64(statement, 0);
		item.expires_ms = (uint64_t)sqlite3_column_int64(statement, 1);
		/* Our tables forbid it, but a damaged file need not know that. */
		if (!body)
			return fault_set(fault, EBADMSG, "%s is damaged: '%s' / '%s' has no body",
					 s->path, partition, kind);
		item.body = strdup(body);
		if (!item.body)
			return fault_set(fault, ENOMEM, "out of memory");
	}

	*ret = item;
	item.body = NULL;
	return 0;
}

int sqlite_item_get(struct store *store, const char *partition, const char *kind, struct item *ret,
		    struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_item_ struct item item = {};
	int r;

	r = check_key(partition, kind, fault);
	if (r >= 0)
		r = sqlite_begin(s, SQLITE_MODE_READ, &open, fault);
	if (r >= 0)
		r = read_item(s, partition, kind, &item, fault);
	if (r >= 0)
		r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;
	if (item.revision == 0)
		return STORE_REFUSED;

	*ret = item;
	item.body = NULL;
	return 0;
}

static int write_item(struct sqlite_store *s, const struct item *item, uint64_t revision,
		      struct fault *fault)
{
	sqlite3_stmt *statement;
	int r;

	r = sqlite_statement(s, STATEMENT_ITEM_PUT, &statement, fault);
	if (r < 0)
		return r;
	sqlite_bind_text(statement, 1, item->partition);
	sqlite_bind_text(statement, 2, item->kind);
	sqlite_bind_u64(statement, 3, revision);
	sqlite_bind_u64(statement, 4, item->expires_ms);
	sqlite_bind_text(statement, 5, item->body);
	return sqlite_step(s, statement, "write an item", fault);
}

static int check_item(const struct item *item, struct fault *fault)
{
	if (!item->body)
		return fault_set(fault, EINVAL, "item '%s' / '%s' has no body", item->partition,
				 item->kind);
	if (strlen(item->body) > STORE_ITEM_BODY_MAX)
		return fault_set(fault, E2BIG, "item '%s' / '%s' is larger than %d bytes",
				 item->partition, item->kind, STORE_ITEM_BODY_MAX);
	return check_key(item->partition, item->kind, fault);
}

int sqlite_item_put(struct store *store, struct item *item, struct item *current,
		    struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_item_ struct item standing = {};
	int r;

	r = check_item(item, fault);
	if (r >= 0)
		r = sqlite_begin(s, SQLITE_MODE_WRITE, &open, fault);
	if (r >= 0)
		r = read_item(s, item->partition, item->kind, &standing, fault);
	if (r < 0)
		return r;

	if (standing.revision == item->revision) {
		r = write_item(s, item, item->revision + 1, fault);
		if (r >= 0)
			r = sqlite_commit(&open, fault);
		if (r < 0)
			return r;
		item->revision++;
		sqlite_ring(s, item->partition);
		return 0;
	}

	if (standing.body && standing.revision == item->revision + 1 &&
	    strcmp(standing.body, item->body) == 0) {
		item->revision++;
		return 0;
	}
	if (current) {
		*current = standing;
		standing.body = NULL;
	}
	return STORE_REFUSED;
}

int sqlite_item_remove(struct store *store, const char *partition, const char *kind,
		       uint64_t revision, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_item_ struct item standing = {};
	sqlite3_stmt *statement;
	int r;

	r = check_key(partition, kind, fault);
	if (r >= 0)
		r = sqlite_begin(s, SQLITE_MODE_WRITE, &open, fault);
	if (r >= 0)
		r = read_item(s, partition, kind, &standing, fault);
	if (r < 0)
		return r;
	if (standing.revision == 0)
		return 0;
	if (revision != 0 && standing.revision != revision)
		return STORE_REFUSED;

	r = sqlite_statement(s, STATEMENT_ITEM_REMOVE, &statement, fault);
	if (r < 0)
		return r;
	sqlite_bind_text(statement, 1, partition);
	sqlite_bind_text(statement, 2, kind);
	r = sqlite_step(s, statement, "remove an item", fault);
	if (r >= 0)
		r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;
	sqlite_ring(s, partition);
	return 0;
}

#define SCAN_COLUMNS "SELECT partition, kind, revision, expires_ms, body FROM item WHERE "
#define SCAN_REST "(?2 IS NULL OR kind = ?2) AND (expires_ms <= 0 OR expires_ms > ?3)"
static const char scan_all[] = SCAN_COLUMNS SCAN_REST;
static const char scan_partition[] = SCAN_COLUMNS "partition = ?1 AND " SCAN_REST;

/* The body stays SQLite's: item_fn may only look at it. */
static int show_item(struct sqlite_store *s, sqlite3_stmt *statement, item_fn *each, void *context,
		     struct fault *fault)
{
	const char *partition = (const char *)sqlite3_column_text(statement, 0);
	const char *kind = (const char *)sqlite3_column_text(statement, 1);
	struct item item = {
		.revision = (uint64_t)sqlite3_column_int64(statement, 2),
		.expires_ms = (uint64_t)sqlite3_column_int64(statement, 3),
		.body = (char *)sqlite3_column_text(statement, 4),
	};
	int r;

	if (!partition || str_copy(item.partition, sizeof(item.partition), partition) < 0 ||
	    !kind || str_copy(item.kind, sizeof(item.kind), kind) < 0 || !item.body)
		return fault_set(fault, EBADMSG, "%s has an item with a bad name", s->path);

	s->scanning = true;
	r = each(&item, context);
	s->scanning = false;
	return r;
}

int sqlite_item_scan(struct store *store, const char *partition, const char *kind, item_fn *each,
		     void *context, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_finalize_ sqlite3_stmt *statement = NULL;
	int r, rc;

	r = sqlite_begin(s, SQLITE_MODE_READ, &open, fault);
	if (r < 0)
		return r;
	rc = sqlite3_prepare_v2(s->db, partition ? scan_partition : scan_all, -1, &statement, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, "prepare a scan", fault);
	sqlite_bind_text(statement, 1, partition);
	sqlite_bind_text(statement, 2, kind);
	sqlite_bind_u64(statement, 3, sqlite_now_ms(s));

	while ((r = sqlite_step(s, statement, "scan items", fault)) > 0) {
		r = show_item(s, statement, each, context, fault);
		if (r < 0)
			return r;
	}
	return r;
}

static int purge_some(struct sqlite_store *s, int *ret_n, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	sqlite3_stmt *statement;
	int r, n;

	r = sqlite_begin(s, SQLITE_MODE_WRITE, &open, fault);
	if (r >= 0)
		r = sqlite_statement(s, STATEMENT_ITEM_PURGE, &statement, fault);
	if (r < 0)
		return r;
	sqlite_bind_u64(statement, 1, sqlite_now_ms(s));
	sqlite_bind_u64(statement, 2, PURGE_PER_COMMIT);
	r = sqlite_step(s, statement, "purge items", fault);
	if (r < 0)
		return r;
	n = sqlite3_changes(s->db);
	r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;

	*ret_n = n;
	return 0;
}

int sqlite_purge(struct store *store, struct fault *fault)
{
	struct sqlite_store *s = sqlite_store_of(store);
	int r, n, total = 0;

	do {
		r = purge_some(s, &n, fault);
		if (r < 0)
			return r;
		total += n;
	} while (n == PURGE_PER_COMMIT && total < INT_MAX - PURGE_PER_COMMIT);
	return total;
}
