/* Machine records. Each write reads under the write lock, asks transition_apply(), and writes: the
 * condition and the change cannot come apart. */

#include <errno.h>
#include <string.h>

#include "common/store/sqlite.h"

/* So many changes share one commit and its fsync; other writers get their turn in between. */
#define CHANGES_PER_COMMIT 128
#define SQL_MAX 8192

/* Inside of a transaction; state NONE when there is no record. */
static int read_one(struct sqlite_store *s, const char *id, struct machine *ret,
		    struct fault *fault)
{
	_cleanup_reset_ sqlite3_stmt *statement = NULL;
	int r;

	r = sqlite_statement(s, STATEMENT_MACHINE_GET, &statement, fault);
	if (r < 0)
		return r;
	sqlite_bind_text(statement, 1, id);
	r = sqlite_step(s, statement, "read a machine", fault);
	if (r > 0)
		return sqlite_read_machine(s, statement, ret, fault);
	*ret = (struct machine){};
	return r;
}

static int write_one(struct sqlite_store *s, const struct machine *machine, struct fault *fault)
{
	sqlite3_stmt *statement;
	int r;

	r = sqlite_statement(s, STATEMENT_MACHINE_PUT, &statement, fault);
	if (r < 0)
		return r;
	r = sqlite_bind_machine(statement, machine);
	if (r < 0)
		return fault_set(fault, -r, "machine '%s' has an impossible member", machine->id);
	return sqlite_step(s, statement, "write a machine", fault);
}

static int check_count(size_t n, struct fault *fault)
{
	if (n > STORE_BATCH_MAX)
		return fault_set(fault, E2BIG, "%zu machines at once are more than %d", n,
				 STORE_BATCH_MAX);
	return 0;
}

int sqlite_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
	       struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	int r;

	r = check_count(n, fault);
	if (r >= 0)
		r = sqlite_begin(s, SQLITE_MODE_READ, &open, fault);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = read_one(s, ids[i], &ret[i], fault);
	if (r < 0)
		return r;
	return sqlite_commit(&open, fault);
}

static int change_one(struct sqlite_store *s, const struct change *change,
		      struct change_outcome *ret, struct fault *fault)
{
	struct machine current;
	int r;

	r = read_one(s, change->id, &current, fault);
	if (r < 0)
		return r;
	r = transition_apply(&current, change, sqlite_now_ms(s), ret);
	if (r < 0)
		return fault_set(fault, -r, "the change of machine '%.64s' makes no sense",
				 change->id);
	return ret->result == CHANGE_DONE ? write_one(s, &ret->record, fault) : 0;
}

static int change_some(struct sqlite_store *s, const struct change *changes, size_t n,
		       struct change_outcome *ret, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	int r;

	r = sqlite_begin(s, SQLITE_MODE_WRITE, &open, fault);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = change_one(s, &changes[i], &ret[i], fault);
	if (r < 0)
		return r;
	r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;

	for (size_t i = 0; i < n; i++)
		if (ret[i].result == CHANGE_DONE)
			sqlite_ring(s, changes[i].id);
	return 0;
}

int sqlite_change(struct store *store, const struct change *changes, size_t n,
		  struct change_outcome *ret, struct fault *fault)
{
	struct sqlite_store *s = sqlite_store_of(store);
	int r;

	r = check_count(n, fault);
	for (size_t i = 0; i < n && r >= 0; i += CHANGES_PER_COMMIT) {
		size_t left = n - i;

		r = change_some(s, changes + i,
				left < CHANGES_PER_COMMIT ? left : CHANGES_PER_COMMIT, ret + i,
				fault);
	}
	return r;
}

/* Only the agent's columns, none of which is in an index. */
static int write_beat(struct sqlite_store *s, const struct machine *machine, struct fault *fault)
{
	sqlite3_stmt *statement;
	int r;

	r = sqlite_statement(s, STATEMENT_MACHINE_BEAT, &statement, fault);
	if (r < 0)
		return r;
	r = sqlite_bind_beat(statement, machine);
	if (r < 0)
		return fault_set(fault, -r, "a beat of '%s' with an impossible member",
				 machine->id);
	return sqlite_step(s, statement, "write a beat", fault);
}

int sqlite_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
		struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	struct beat_answer answer;
	struct machine current;
	int r;

	if (!machine_id_is_valid(beat->id) || !beat->boot_id[0])
		return fault_set(fault, EINVAL, "a beat needs a machine and a boot");

	r = sqlite_begin(s, SQLITE_MODE_HASTY, &open, fault);
	if (r >= 0)
		r = read_one(s, beat->id, &current, fault);
	if (r < 0)
		return r;

	r = beat_apply(&current, beat, sqlite_now_ms(s), &answer);
	if (r < 0)
		return fault_set(fault, -r, "the record of '%s' is too large", beat->id);
	if (answer.accepted)
		r = write_beat(s, &answer.record, fault);
	if (r >= 0)
		r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;

	*ret = answer;
	return 0;
}

/* The texts of a filter and their columns; a parameter's number is its place here, from 1. */
struct scan_text {
	const char *column;
	const char *value;
};
enum { SCAN_TEXTS = 3 };

static int write_scan(struct buf *sql, const struct scan_text texts[SCAN_TEXTS], unsigned states)
{
	const char *separator = "";
	int r;

	r = buf_add_text(sql, "SELECT ");
	if (r >= 0)
		r = sqlite_write_columns(sql);
	if (r >= 0)
		r = buf_add_text(sql, " FROM machine WHERE true");
	for (int i = 0; i < SCAN_TEXTS && r >= 0; i++)
		if (texts[i].value)
			r = buf_printf(sql, " AND \"%s\" = ?%d", texts[i].column, i + 1);
	if (states == 0 || r < 0)
		return r;

	r = buf_add_text(sql, " AND state IN (");
	for (int state = 0; state < _MACHINE_STATE_MAX && r >= 0; state++) {
		if (!(states & 1U << state))
			continue;
		r = buf_printf(sql, "%s'%s'", separator, machine_state_names[state]);
		separator = ", ";
	}
	return r < 0 ? r : buf_add_text(sql, ")");
}

static int prepare_scan(struct sqlite_store *s, const struct machine_filter *filter,
			sqlite3_stmt **ret, struct fault *fault)
{
	const struct scan_text texts[SCAN_TEXTS] = {
		{ "run_key", filter->run_key },
		{ "class", filter->class_name },
		{ "provider", filter->provider },
	};
	_cleanup_buf_ struct buf sql = {};
	int r, rc;

	buf_init(&sql, SQL_MAX);
	r = write_scan(&sql, texts, filter->states);
	if (r < 0)
		return fault_set(fault, -r, "cannot put an SQL statement together");
	rc = sqlite3_prepare_v2(s->db, buf_text(&sql), -1, ret, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, "prepare a scan", fault);

	for (int i = 0; i < SCAN_TEXTS; i++)
		if (texts[i].value)
			sqlite_bind_text(*ret, i + 1, texts[i].value);
	return 0;
}

/* One snapshot: whatever changes meanwhile is seen as it was when the scan began. */
int sqlite_scan(struct store *store, const struct machine_filter *filter, machine_fn *each,
		void *context, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_finalize_ sqlite3_stmt *statement = NULL;
	struct machine machine;
	int r;

	r = sqlite_begin(s, SQLITE_MODE_READ, &open, fault);
	if (r >= 0)
		r = prepare_scan(s, filter, &statement, fault);
	if (r < 0)
		return r;

	while ((r = sqlite_step(s, statement, "scan machines", fault)) > 0) {
		r = sqlite_read_machine(s, statement, &machine, fault);
		if (r < 0)
			return r;
		s->scanning = true;
		r = each(&machine, context);
		s->scanning = false;
		if (r < 0)
			return r;
	}
	return r;
}

int sqlite_forget(struct store *store, const char *id, uint64_t seq, struct fault *fault)
{
	_cleanup_transaction_ struct sqlite_store *open = NULL;
	struct sqlite_store *s = sqlite_store_of(store);
	sqlite3_stmt *statement;
	struct machine left;
	int r;

	r = sqlite_begin(s, SQLITE_MODE_WRITE, &open, fault);
	if (r >= 0)
		r = sqlite_statement(s, STATEMENT_MACHINE_FORGET, &statement, fault);
	if (r < 0)
		return r;
	sqlite_bind_text(statement, 1, id);
	sqlite_bind_u64(statement, 2, seq);
	r = sqlite_step(s, statement, "forget a machine", fault);
	if (r >= 0)
		r = read_one(s, id, &left, fault);
	if (r >= 0)
		r = sqlite_commit(&open, fault);
	if (r < 0)
		return r;

	if (left.state != MACHINE_NONE)
		return STORE_REFUSED;
	sqlite_bell_remove(s, id);
	return 0;
}
