/*
 * A store whose tables are in order and whose values are not. Lines: an SQL value for each column
 * of a machine that differs ("column=value"), and for "item.column"; what is no value is taken for
 * text.
 */

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/store/store-sqlite.h"
#include "tests/fake-clock.h"
#include "tests/fuzz/fuzz.h"

static struct fake_clock fake;
static struct store *store;
static sqlite3 *raw; /* the same file, behind the store's back */

static void exec(const char *sql)
{
	FUZZ_CHECK_TEXT(sqlite3_exec(raw, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(raw));
}

static void open_once(void)
{
	_cleanup_free_ char *path = str_format("%s/row.db", fuzz_dir());
	struct sqlite_options options = { .path = path, .create = true, .clock = &fake.clock };

	if (store)
		return;
	fake = fake_clock_new();
	FUZZ_CHECK(path && store_sqlite_open(&options, &store, NULL) == 0);
	FUZZ_CHECK(sqlite3_open(path, &raw) == SQLITE_OK);
	exec("PRAGMA synchronous = OFF");
}

static void put_rows(void)
{
	struct change change = {
		.id = "m-1",
		.transition = TRANSITION_CREATE,
		.leases = { .boot_ms = 600000 },
	};
	struct change_outcome outcome;
	struct item item = { .partition = "m-1", .kind = "event" };
	char body[] = "{\"at\":1}";

	exec("DELETE FROM machine; DELETE FROM item");
	FUZZ_CHECK(store_change_one(store, &change, &outcome, NULL) == 0);
	item.body = body;
	FUZZ_CHECK(store->ops->item_put(store, &item, NULL, NULL) == 0);
}

/* A number, a real number, a blob or a text, by what it looks like. */
static void bind(sqlite3_stmt *statement, const char *text)
{
	size_t size = strlen(text);
	uint64_t number;

	if (parse_u64(text + (*text == '-'), &number) == 0)
		(void)sqlite3_bind_int64(statement, 1,
					 (sqlite3_int64)(*text == '-' ? 0 - number : number));
	else if (*text == '.')
		(void)sqlite3_bind_double(statement, 1, (double)size / 7);
	else if (*text == '#')
		(void)sqlite3_bind_blob(statement, 1, text + 1, (int)size - 1, SQLITE_STATIC);
	else
		(void)sqlite3_bind_text(statement, 1, text, (int)size, SQLITE_STATIC);
}

static void set_value(char *line)
{
	char *value = strchr(line, '='), sql[256];
	sqlite3_stmt *statement = NULL;
	const char *table = "machine", *column = line;

	if (!value || strchr(line, '"'))
		return;
	*value++ = '\0';
	if (strncmp(line, "item.", strlen("item.")) == 0) {
		table = "item";
		column = line + strlen("item.");
	}
	(void)snprintf(sql, sizeof(sql), "UPDATE OR IGNORE %s SET \"%.64s\" = ?1", table, column);
	if (sqlite3_prepare_v2(raw, sql, -1, &statement, NULL) != SQLITE_OK)
		return;
	bind(statement, value);
	(void)sqlite3_step(statement);
	(void)sqlite3_finalize(statement);
}

static void check_error(int r, const struct fault *fault)
{
	if (r >= 0)
		return;
	FUZZ_CHECK_ERROR(r, EBADMSG, EINVAL, E2BIG);
	FUZZ_CHECK(fault->text[0]);
}

static int see_machine(const struct machine *machine, _unused_ void *context)
{
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		const char *text = machine_field_text(machine, field);

		FUZZ_CHECK(field->type != FIELD_TEXT || strlen(text) < field->size);
		FUZZ_CHECK(field->type != FIELD_ENUM || text);
	}
	return 0;
}

static int see_item(const struct item *item, _unused_ void *context)
{
	FUZZ_CHECK(item->body);
	return 0;
}

static void use(void)
{
	const struct beat beat = { .id = "m-1", .phase = PHASE_READY, .boot_id = "b" };
	struct change change = {
		.id = "m-1",
		.transition = TRANSITION_CREATE,
		.leases = { .boot_ms = 600000 },
	};
	const struct store_ops *call = store->ops;
	_cleanup_item_ struct item item = {};
	struct change_outcome outcome;
	struct machine machine = {};
	struct beat_answer answer;
	struct fault fault = {};

	check_error(store_get_one(store, "m-1", &machine, &fault), &fault);
	check_error(call->scan(store, &(struct machine_filter){}, see_machine, NULL, &fault),
		    &fault);
	check_error(call->beat(store, &beat, &answer, &fault), &fault);
	check_error(store_change_one(store, &change, &outcome, &fault), &fault);
	check_error(call->item_get(store, "m-1", "event", &item, &fault), &fault);
	check_error(call->item_scan(store, NULL, NULL, see_item, NULL, &fault), &fault);
	check_error(call->forget(store, "m-1", 1, &fault), &fault);
	check_error(call->purge(store, &fault), &fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };

	open_once();
	put_rows();
	while (input.size > 0) {
		_cleanup_free_ char *line = fuzz_take_line(&input);

		set_value(line);
	}
	use();
	return 0;
}
