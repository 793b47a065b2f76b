/* Statements, and the columns of table machine, which are machine_fields[] and nothing else. */

#include <errno.h>
#include <string.h>

#include "common/store/sqlite.h"

#define SQL_MAX 16384

int sqlite_write_columns(struct buf *sql)
{
	int r = 0;

	for (const struct machine_field *field = machine_fields; field->name && r >= 0; field++)
		r = buf_printf(sql, "%s\"%s\"", field == machine_fields ? "" : ", ", field->name);
	return r;
}

int sqlite_write_machine_table(struct buf *sql)
{
	int r;

	r = buf_add_text(sql, "CREATE TABLE machine (");
	for (const struct machine_field *field = machine_fields; field->name && r >= 0; field++)
		r = buf_printf(sql, "%s\"%s\" %s NOT NULL%s", field == machine_fields ? "" : ", ",
			       field->name,
			       field->type == FIELD_TEXT || field->type == FIELD_ENUM ? "TEXT"
										      : "INTEGER",
			       field == machine_fields ? " PRIMARY KEY" : "");
	if (r < 0)
		return r;
	return buf_add_text(sql, ");");
}

static int write_get(struct buf *sql)
{
	int r;

	r = buf_add_text(sql, "SELECT ");
	if (r >= 0)
		r = sqlite_write_columns(sql);
	if (r >= 0)
		r = buf_add_text(sql, " FROM machine WHERE id = ?1");
	return r;
}

static int write_put(struct buf *sql)
{
	int r;

	r = buf_add_text(sql, "INSERT INTO machine (");
	if (r >= 0)
		r = sqlite_write_columns(sql);
	if (r >= 0)
		r = buf_add_text(sql, ") VALUES (?");
	for (const struct machine_field *field = machine_fields + 1; field->name && r >= 0; field++)
		r = buf_add_text(sql, ", ?");
	if (r >= 0)
		r = buf_add_text(sql, ") ON CONFLICT (id) DO UPDATE SET ");
	for (const struct machine_field *field = machine_fields + 1; field->name && r >= 0; field++)
		r = buf_printf(sql, "%s\"%s\" = excluded.\"%s\"",
			       field == machine_fields + 1 ? "" : ", ", field->name, field->name);
	return r;
}

static int write_beat(struct buf *sql)
{
	const char *separator = "";
	int r;

	r = buf_add_text(sql, "UPDATE machine SET ");
	for (const struct machine_field *field = machine_fields; field->name && r >= 0; field++) {
		if (!field->agents)
			continue;
		r = buf_printf(sql, "%s\"%s\" = ?", separator, field->name);
		separator = ", ";
	}
	return r < 0 ? r : buf_add_text(sql, " WHERE id = ?");
}

/* Either the text itself, or what writes it. */
static const struct {
	const char *text;
	int (*write)(struct buf *sql);
} statements[_STATEMENT_MAX] = {
	[STATEMENT_BEGIN_READ] = { .text = "BEGIN" },
	[STATEMENT_BEGIN_WRITE] = { .text = "BEGIN IMMEDIATE" },
	[STATEMENT_COMMIT] = { .text = "COMMIT" },
	[STATEMENT_ROLLBACK] = { .text = "ROLLBACK" },
	[STATEMENT_MACHINE_GET] = { .write = write_get },
	[STATEMENT_MACHINE_PUT] = { .write = write_put },
	[STATEMENT_MACHINE_BEAT] = { .write = write_beat },
	[STATEMENT_MACHINE_FORGET] = { .text = "DELETE FROM machine WHERE id = ?1 "
					       "AND state = 'terminated' AND seq = ?2" },
	[STATEMENT_MACHINE_COUNT] = { .text = "SELECT count(*) FROM machine" },
	[STATEMENT_ITEM_GET] = { .text = "SELECT revision, expires_ms, body FROM item "
					 "WHERE partition = ?1 AND kind = ?2" },
	[STATEMENT_ITEM_PUT] = { .text = "INSERT OR REPLACE INTO item "
					 "(partition, kind, revision, expires_ms, body) "
					 "VALUES (?1, ?2, ?3, ?4, ?5)" },
	[STATEMENT_ITEM_REMOVE] = { .text = "DELETE FROM item "
					    "WHERE partition = ?1 AND kind = ?2" },
	[STATEMENT_ITEM_PURGE] = { .text = "DELETE FROM item WHERE rowid IN "
					   "(SELECT rowid FROM item WHERE expires_ms > 0 "
					   "AND expires_ms <= ?1 LIMIT ?2)" },
};

int sqlite_statement(struct sqlite_store *s, enum sqlite_statement which, sqlite3_stmt **ret,
		     struct fault *fault)
{
	_cleanup_buf_ struct buf sql = {};
	const char *text = statements[which].text;
	int r, rc;

	if (s->statements[which]) {
		*ret = s->statements[which];
		return 0;
	}

	buf_init(&sql, SQL_MAX);
	if (!text) {
		r = statements[which].write(&sql);
		if (r < 0)
			return fault_set(fault, -r, "cannot put an SQL statement together");
		text = buf_text(&sql);
	}
	rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s->statements[which],
				NULL);
	if (rc != SQLITE_OK)
		return sqlite_fault(s, rc, "prepare a statement", fault);

	*ret = s->statements[which];
	return 0;
}

int sqlite_step(struct sqlite_store *s, sqlite3_stmt *statement, const char *doing,
		struct fault *fault)
{
	int rc, r = 0;

	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		r = sqlite_fault(s, rc, doing, fault); /* before the reset overwrites its words */
	(void)sqlite3_reset(statement);
	return r;
}

int sqlite_exec(struct sqlite_store *s, const char *sql, const char *doing, struct fault *fault)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_fault(s, rc, doing, fault);
}

/* Cannot fail: the text is not copied, and no statement is bound while it runs. */
void sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	(void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

/* SQLite's integers have a sign; the bits make the way there and back unharmed. */
void sqlite_bind_u64(sqlite3_stmt *statement, int index, uint64_t value)
{
	(void)sqlite3_bind_int64(statement, index, (sqlite3_int64)value);
}

static int bind_field(sqlite3_stmt *statement, int index, const struct machine *machine,
		      const struct machine_field *field)
{
	const char *text = machine_field_text(machine, field);

	if (text)
		sqlite_bind_text(statement, index, text);
	else if (field->type == FIELD_ENUM)
		return -EINVAL; /* out of its range: it could not be read back */
	else
		sqlite_bind_u64(statement, index, machine_field_u64(machine, field));
	return 0;
}

int sqlite_bind_machine(sqlite3_stmt *statement, const struct machine *machine)
{
	int index = 1, r = 0;

	for (const struct machine_field *field = machine_fields; field->name && r >= 0; field++)
		r = bind_field(statement, index++, machine, field);
	return r;
}

int sqlite_bind_beat(sqlite3_stmt *statement, const struct machine *machine)
{
	int index = 1, r = 0;

	for (const struct machine_field *field = machine_fields; field->name && r >= 0; field++)
		if (field->agents)
			r = bind_field(statement, index++, machine, field);
	sqlite_bind_text(statement, index, machine->id);
	return r;
}

static int read_column(sqlite3_stmt *statement, int column, const struct machine_field *field,
		       struct machine *machine)
{
	const char *text;

	if (field->type == FIELD_U64 || field->type == FIELD_BOOL) {
		if (sqlite3_column_type(statement, column) != SQLITE_INTEGER)
			return -EBADMSG;
		machine_field_set_u64(machine, field,
				      (uint64_t)sqlite3_column_int64(statement, column));
		return 0;
	}
	text = (const char *)sqlite3_column_text(statement, column);
	return text ? machine_field_set_text(machine, field, text) : -EBADMSG;
}

int sqlite_read_machine(struct sqlite_store *s, sqlite3_stmt *statement, struct machine *ret,
			struct fault *fault)
{
	int r, column = 0;

	*ret = (struct machine){};
	for (const struct machine_field *field = machine_fields; field->name; field++, column++) {
		r = read_column(statement, column, field, ret);
		if (r < 0) {
			r = fault_set(fault, EBADMSG, "%s: machine '%s' has a bad %s", s->path,
				      ret->id, field->name);
			return fault_cure(fault, r,
					  "this version of Paddock did not write it; look at it "
					  "with: sqlite3 %.100s",
					  s->path);
		}
	}
	return 0;
}
