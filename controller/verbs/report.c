#include "controller/verbs/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/parse.h"

struct json_object *machine_json(const struct machine *machine)
{
	struct json_object *object = NULL;

	return machine_to_json(machine, &object) == 0 ? object : NULL;
}

static const char *number(uint64_t value, char *text, size_t size)
{
	(void)snprintf(text, size, "%" PRIu64, value);
	return text;
}

static int print_table(struct table *table)
{
	int r = table_print(table, stdout, terminal_width(stdout));

	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	return r < 0 ? program_fail(r, NULL) : EXIT_OK;
}

int provision_exit_code(enum provision_end end)
{
	static const int codes[_PROVISION_END_MAX] = {
		[PROVISION_GRANTED] = EXIT_OK,          [PROVISION_PARTIAL] = EXIT_PARTIAL,
		[PROVISION_REFUSED] = EXIT_NO_CAPACITY, [PROVISION_INTERRUPTED] = EXIT_AGAIN,
		[PROVISION_CLOSED] = EXIT_FAILED,       [PROVISION_UNDECIDED] = EXIT_AGAIN,
	};

	return codes[end];
}

static const char *const end_words[_PROVISION_END_MAX] = {
	[PROVISION_GRANTED] = "granted", [PROVISION_PARTIAL] = "granted in part",
	[PROVISION_REFUSED] = "refused", [PROVISION_INTERRUPTED] = "given up",
	[PROVISION_CLOSED] = "closed",   [PROVISION_UNDECIDED] = "undecided",
};

/* When the agent said that it listens: the running lease counts from there. */
static uint64_t listening_ms(const struct machine *machine)
{
	if (machine->state != MACHINE_RUNNING)
		return 0;
	return machine->threshold_ms - machine->max_runtime_ms;
}

static bool is_warm(const struct provision_result *result, const struct machine *machine)
{
	/* Made for a run means claimed at birth. */
	return result->n_warm > 0 && machine->claimed_ms > machine->created_ms;
}

static int provision_body(const struct request *request, const struct provision_result *result,
			  struct json_object *body)
{
	struct json_object *machines = json_object_new_array();
	int r;

	r = json_set(body, "machines", machines);
	if (r == 0)
		r = json_set_text(body, "run", request->claimant.run_key);
	if (r == 0)
		r = json_set_text(body, "verdict", end_words[result->end]);
	if (r == 0)
		r = json_set_text(body, "reason", result->reason);
	if (r == 0)
		r = json_set_u64(body, "asked", request->count);
	if (r == 0)
		r = json_set_u64(body, "pool_hits", result->n_warm);
	if (r == 0)
		r = json_set_u64(body, "select_ms", result->select_usec / USEC_PER_MSEC);
	if (r == 0)
		r = json_set_u64(body, "wait_ms", result->wait_usec / USEC_PER_MSEC);
	for (size_t i = 0; r == 0 && i < result->machines.n; i++) {
		struct json_object *row = machine_json(&result->machines.rows[i]);

		r = json_append(machines, row);
		if (r == 0)
			r = json_set_u64(row, "listening_ms",
					 listening_ms(&result->machines.rows[i]));
	}
	return r;
}

static int provision_table(const struct provision_result *result, uint64_t start_ms)
{
	static const struct table_column columns[] = {
		{ "MACHINE", TABLE_LEFT }, { "FROM", TABLE_LEFT },    { "SEQ", TABLE_RIGHT },
		{ "STATE", TABLE_LEFT },   { "SELECT", TABLE_RIGHT }, { "LISTEN", TABLE_RIGHT },
		{ "UNTIL", TABLE_LEFT },
	};
	_cleanup_(table_freep) struct table *table = NULL;
	int r;

	r = table_new(columns, ARRAY_SIZE(columns), &table);
	for (size_t i = 0; r == 0 && i < result->machines.n; i++) {
		const struct machine *machine = &result->machines.rows[i];
		char select[DURATION_TEXT_MAX], listen[DURATION_TEXT_MAX], until[TIME_TEXT_MAX];
		char seq[24];

		r = table_row(table, machine->id, is_warm(result, machine) ? "pool" : "made",
			      number(machine->seq, seq, sizeof(seq)),
			      machine_state_names[machine->state],
			      age_text(start_ms, machine->claimed_ms, select, sizeof(select)),
			      age_text(machine->claimed_ms, listening_ms(machine), listen,
				       sizeof(listen)),
			      format_time_ms(machine->threshold_ms, until, sizeof(until)));
	}
	return r < 0 ? program_fail(r, NULL) : print_table(table);
}

int report_provision(const struct edges *edges, const struct request *request,
		     const struct provision_result *result, uint64_t start_ms)
{
	int code = provision_exit_code(result->end);
	int printed;

	if (edges_want_json(edges)) {
		struct json_object *body = json_object_new_object();

		if (!body || provision_body(request, result, body) < 0) {
			json_object_put(body);
			return program_fail(-ENOMEM, NULL);
		}
		printed = print_json("paddock-provision/1", body);
		return printed != EXIT_OK ? printed : code;
	}

	if (result->machines.n > 0) {
		printf("run %s: %s, %zu of %" PRIu64 " machines (%zu out of the pool) in "
		       "%" PRIu64 " ms\n",
		       request->claimant.run_key, end_words[result->end], result->machines.n,
		       request->count, result->n_warm, result->wait_usec / USEC_PER_MSEC);
		printed = provision_table(result, start_ms);
		if (printed != EXIT_OK)
			return printed;
	}
	if (code != EXIT_OK)
		fprintf(stderr, "paddock: run %s: %s: %s\n  try: paddock why %s\n",
			request->claimant.run_key, end_words[result->end], result->reason,
			request->claimant.run_key);
	return code;
}

static int notes_array(const struct notes *notes, struct json_object *body)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "notes", array);

	for (size_t i = 0; r == 0 && i < notes->n; i++) {
		struct json_object *row = json_object_new_object();

		r = json_append(array, row);
		if (r == 0)
			r = json_set_text(row, "machine", notes->rows[i].machine);
		if (r == 0)
			r = json_set_text(row, "text", notes->rows[i].text);
	}
	return r;
}

static int outlook_json(const struct outlook *outlook, struct json_object *body)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "outlook", array);

	for (size_t i = 0; r == 0 && i < outlook->n; i++) {
		struct json_object *row = json_object_new_object();

		r = json_append(array, row);
		if (r == 0)
			r = json_set_text(row, "what", outlook->rows[i].what);
		if (r == 0)
			r = json_set_text(row, "text", outlook->rows[i].text);
	}
	return r;
}

static int plan_json(const struct request *request, const struct provision_result *result,
		     uint64_t to_make)
{
	struct json_object *body = json_object_new_object();
	struct json_object *claims = json_object_new_array();
	int r;

	if (!body) {
		json_object_put(claims);
		return program_fail(-ENOMEM, NULL);
	}
	r = json_set(body, "claim", claims);
	if (r == 0)
		r = json_set_text(body, "run", request->claimant.run_key);
	if (r == 0)
		r = json_set_u64(body, "make", request->no_create ? 0 : to_make);
	if (r == 0)
		r = json_set_u64(body, "missing", request->no_create ? to_make : 0);
	for (size_t i = 0; r == 0 && i < result->machines.n; i++)
		r = json_append(claims, json_object_new_string(result->machines.rows[i].id));
	if (r == 0)
		r = notes_array(&result->notes, body);
	if (r == 0)
		r = outlook_json(&result->outlook, body);
	if (r < 0) {
		json_object_put(body);
		return program_fail(r, NULL);
	}
	return print_json("paddock-plan/1", body);
}

int report_plan(const struct edges *edges, const struct request *request,
		const struct provision_result *result, uint64_t to_make)
{
	int code = request->no_create && to_make > 0 ? EXIT_NO_CAPACITY : EXIT_OK;

	if (edges_want_json(edges)) {
		int printed = plan_json(request, result, to_make);

		return printed != EXIT_OK ? printed : code;
	}
	for (size_t i = 0; i < result->machines.n; i++)
		printf("~ claim %s (%s)\n", result->machines.rows[i].id,
		       result->machines.rows[i].type);
	for (size_t i = 0; i < result->notes.n; i++)
		printf("  pass over %s: %s\n", result->notes.rows[i].machine,
		       result->notes.rows[i].text);
	if (to_make > 0 && request->no_create)
		printf("! %" PRIu64 " missing, and --no-create forbids making them\n", to_make);
	else if (to_make > 0)
		printf("+ make %" PRIu64 " of class %s\n", to_make, request->class_name);
	for (size_t i = 0; i < result->outlook.n; i++)
		printf("  %s: %s\n", result->outlook.rows[i].what, result->outlook.rows[i].text);
	return code;
}

static int machines_json(const char *schema, struct json_object *body,
			 const struct records *records)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "machines", array);

	for (size_t i = 0; r == 0 && i < records->n; i++)
		r = json_append(array, machine_json(&records->rows[i]));
	if (r < 0) {
		json_object_put(body);
		return program_fail(r, NULL);
	}
	return print_json(schema, body);
}

int report_warm(const struct edges *edges, const char *class_name, const struct warm_result *result)
{
	int code = result->missing == 0 ? EXIT_OK
		   : result->idle > 0   ? EXIT_PARTIAL
					: EXIT_NO_CAPACITY;

	if (edges_want_json(edges)) {
		struct json_object *body = json_object_new_object();
		int printed;

		if (!body || json_set_u64(body, "idle", result->idle) < 0 ||
		    json_set_u64(body, "launched", result->launched) < 0 ||
		    json_set_u64(body, "missing", result->missing) < 0 ||
		    json_set_text(body, "reason", result->reason) < 0) {
			json_object_put(body);
			return program_fail(-ENOMEM, NULL);
		}
		printed = machines_json("paddock-warm/1", body, &result->machines);
		return printed != EXIT_OK ? printed : code;
	}
	printf("class %s: %zu idle, %zu made\n", class_name, result->idle, result->launched);
	if (code != EXIT_OK)
		fprintf(stderr, "paddock: %zu missing%s%s\n", result->missing,
			result->reason[0] ? ": " : "", result->reason);
	return code;
}

static int release_json(const char *run_key, const struct release_result *result)
{
	struct json_object *body = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int r;

	if (!body) {
		json_object_put(array);
		return program_fail(-ENOMEM, NULL);
	}
	r = json_set(body, "machines", array);
	if (r == 0)
		r = json_set_text(body, "run", run_key);
	if (r == 0)
		r = json_set_bool(body, "known", result->known);
	for (size_t i = 0; r == 0 && i < result->n; i++) {
		const struct release_row *row = &result->rows[i];
		struct json_object *object = json_object_new_object();

		r = json_append(array, object);
		if (r == 0)
			r = json_set_text(object, "id", row->machine);
		if (r == 0)
			r = json_set_u64(object, "seq", row->seq);
		if (r == 0)
			r = json_set_text(object, "fate", release_fate_names[row->fate]);
		if (r == 0)
			r = json_set_text(object, "reason", row->reason);
		if (r == 0)
			r = json_set_u64(object, "wait_ms", row->wait_usec / USEC_PER_MSEC);
	}
	if (r < 0) {
		json_object_put(body);
		return program_fail(r, NULL);
	}
	return print_json("paddock-release/1", body);
}

int report_release(const struct edges *edges, const char *run_key,
		   const struct release_result *result)
{
	size_t busy = 0, pending = 0;
	int code;

	for (size_t i = 0; i < result->n; i++) {
		busy += result->rows[i].fate == RELEASE_BUSY;
		pending += result->rows[i].fate == RELEASE_PENDING;
	}
	code = busy + pending > 0 ? EXIT_PARTIAL : EXIT_OK;
	if (edges_want_json(edges)) {
		int printed = release_json(run_key, result);

		return printed != EXIT_OK ? printed : code;
	}

	for (size_t i = 0; i < result->n; i++) {
		const struct release_row *row = &result->rows[i];

		printf("%s seq %" PRIu64 ": %s%s%s after %" PRIu64 " ms\n", row->machine, row->seq,
		       release_fate_names[row->fate], row->reason[0] ? ": " : "", row->reason,
		       row->wait_usec / USEC_PER_MSEC);
	}
	if (result->n == 0)
		printf("run %s: closed; it held no machine%s\n", run_key,
		       result->known ? "" : " (it was not known before)");
	if (busy > 0)
		fprintf(stderr,
			"paddock: %zu busy and left alone\n"
			"  try: paddock release --wait %s (or --force to interrupt)\n",
			busy, run_key);
	if (pending > 0)
		fprintf(stderr, "paddock: %zu not clean yet\n  try: paddock release %s\n", pending,
			run_key);
	return code;
}

static int refresh_json(const struct refresh_result *result, const struct converge *converge)
{
	struct json_object *body = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int r;

	if (!body) {
		json_object_put(array);
		return program_fail(-ENOMEM, NULL);
	}
	r = json_set(body, "actions", array);
	if (r == 0)
		r = json_set_u64(body, "seen", result->seen);
	if (r == 0)
		r = json_set_u64(body, "launched", result->launched);
	if (r == 0)
		r = json_set_u64(body, "orphans", result->orphans);
	if (r == 0)
		r = json_set_u64(body, "outdated", result->outdated);
	if (r == 0)
		r = things_json(converge, body);
	if (r == 0)
		r = json_set_u64(body, "offered", result->offered);
	if (r == 0)
		r = json_set_bool(body, "held_still", result->held_still);
	for (size_t i = 0; r == 0 && i < result->n; i++) {
		const struct refresh_row *row = &result->rows[i];
		struct json_object *object = json_object_new_object();

		r = json_append(array, object);
		if (r == 0)
			r = json_set_text(object, "id", row->machine.id);
		if (r == 0)
			r = json_set_text(object, "action", refresh_names[row->verdict]);
		if (r == 0)
			r = json_set_text(object, "why", row->why);
		if (r == 0)
			r = json_set_bool(object, "done", row->done);
	}
	if (r < 0) {
		json_object_put(body);
		return program_fail(r, NULL);
	}
	return print_json("paddock-refresh/1", body);
}

int report_refresh(const struct edges *edges, bool dry_run, const struct converge *converge,
		   const struct refresh_result *result)
{
	int code = result->held_still ? EXIT_PARTIAL : EXIT_OK;

	if (edges_want_json(edges)) {
		int printed = refresh_json(result, converge);

		return printed != EXIT_OK ? printed : code;
	}
	for (size_t i = 0; i < result->n; i++) {
		const struct refresh_row *row = &result->rows[i];

		printf("- %s %s: %s%s\n", refresh_names[row->verdict], row->machine.id, row->why,
		       dry_run || row->done || row->verdict == REFRESH_HOLD ? "" : " (not yet)");
	}
	printf("%zu live, %zu to act on, %zu made, %zu leftovers removed\n", result->seen,
	       result->n, result->launched, result->orphans);
	if (result->outdated > 0)
		printf("%zu idle of an outdated image: left to expire\n", result->outdated);
	if (result->held_still)
		fprintf(stderr,
			"paddock: too many machines fell silent at once; none is reaped for that\n"
			"  try: paddock doctor\n");
	return code;
}

void report_follow(const struct follow *follows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct follow *follow = &follows[i];

		if (follow->state == FOLLOW_LOST)
			fprintf(stderr, "paddock: %s: the command was lost: %s\n", follow->machine,
				follow->detail);
		else if (follow->detail[0])
			fprintf(stderr, "paddock: %s: %s\n", follow->machine, follow->detail);
		else if (n > 1 && follow->state == FOLLOW_DONE && follow->exit_code != 0)
			fprintf(stderr, "paddock: %s: exit code %d\n", follow->machine,
				follow->exit_code);
	}
}

int report_status(const struct edges *edges, const struct records *records, uint64_t now_ms)
{
	static const struct table_column columns[] = {
		{ "MACHINE", TABLE_LEFT }, { "CLASS", TABLE_LEFT }, { "STATE", TABLE_LEFT },
		{ "PHASE", TABLE_LEFT },   { "SEQ", TABLE_RIGHT },  { "BEAT", TABLE_RIGHT },
		{ "LEFT", TABLE_RIGHT },   { "RUN", TABLE_LEFT },   { "REASON", TABLE_LEFT },
	};
	_cleanup_(table_freep) struct table *table = NULL;
	int r;

	if (edges_want_json(edges)) {
		struct json_object *body = json_object_new_object();

		if (!body || json_set_u64(body, "now_ms", now_ms) < 0) {
			json_object_put(body);
			return program_fail(-ENOMEM, NULL);
		}
		return machines_json("paddock-status/1", body, records);
	}
	if (records->n == 0) {
		printf("no machines\n");
		return EXIT_OK;
	}

	r = table_new(columns, ARRAY_SIZE(columns), &table);
	for (size_t i = 0; r == 0 && i < records->n; i++) {
		const struct machine *machine = &records->rows[i];
		char seq[24], beat[DURATION_TEXT_MAX], left[DURATION_TEXT_MAX];
		bool live = machine_is_live(machine);

		r = table_row(
			table, machine->id, machine->class_name,
			machine_state_names[machine->state], machine_phase_names[machine->phase],
			number(machine->seq, seq, sizeof(seq)),
			age_text(machine->beat_ms, now_ms, beat, sizeof(beat)),
			live ? age_text(now_ms, machine->threshold_ms, left, sizeof(left)) : "-",
			machine->run_key[0] ? machine->run_key : "-", machine->reason);
	}
	return r < 0 ? program_fail(r, NULL) : print_table(table);
}
