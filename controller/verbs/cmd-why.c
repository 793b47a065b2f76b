/* why: the run record, what was passed over, and the death certificates. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "controller/verbs/report.h"
#include "controller/verbs/verbs.h"

/* Puts the machine's item "event" in, when it has one. */
static int add_certificate(const struct controller *controller, const char *id,
			   struct json_object *row, struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	struct json_object *event = NULL;
	int r;

	r = controller->store->ops->item_get(controller->store, id, "event", &item, fault);
	if (r != 0)
		return r < 0 ? r : 0;
	r = json_parse(item.body, strlen(item.body), "death certificate", &event, fault);
	return r < 0 ? r : json_set(row, "event", event);
}

static int add_machine(const struct controller *controller, const struct machine *machine,
		       struct json_object *array, struct fault *fault)
{
	struct json_object *row = machine_json(machine);
	int r = json_append(array, row);

	return r < 0 ? r : add_certificate(controller, machine->id, row, fault);
}

static int add_run(const struct controller *controller, const char *key, struct json_object *body,
		   bool *ret_found, struct fault *fault)
{
	_cleanup_run_ struct run run = {};
	struct json_object *object = NULL;
	uint64_t revision;
	int r;

	*ret_found = false;
	r = controller_read_run(controller, key, &run, &revision, fault);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret_found = true;
	r = run_to_json(&run, &object);
	return r < 0 ? r : json_set(body, "run", object);
}

static int add_notes(const struct controller *controller, const char *key, struct json_object *body,
		     struct fault *fault)
{
	_cleanup_notes_ struct notes notes = {};
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "notes", array);

	if (r == 0)
		r = notes_read(controller, key, &notes, fault);
	for (size_t i = 0; r == 0 && i < notes.n; i++) {
		struct json_object *row = json_object_new_object();

		r = json_append(array, row);
		if (r == 0)
			r = json_set_text(row, "machine", notes.rows[i].machine);
		if (r == 0)
			r = json_set_text(row, "text", notes.rows[i].text);
		if (r == 0)
			r = json_set_u64(row, "at", notes.rows[i].at_ms);
	}
	return r < 0 ? r : 0;
}

/* The machine of that id, else those that serve or served the run. */
static int add_machines(const struct controller *controller, const char *what,
			struct json_object *body, size_t *ret_n, struct fault *fault)
{
	struct json_object *array = json_object_new_array();
	_cleanup_records_ struct records records = {};
	struct machine machine;
	int r = json_set(body, "machines", array);

	if (r == 0 && machine_id_is_valid(what)) {
		r = controller_get(controller, &what, 1, &machine, fault);
		if (r == 0 && machine.state != MACHINE_NONE)
			r = records_add(&records, &machine);
	}
	if (r == 0 && records.n == 0)
		r = controller_scan(controller, &(struct machine_filter){ .run_key = what },
				    &records, fault);
	for (size_t i = 0; r == 0 && i < records.n; i++)
		r = add_machine(controller, &records.rows[i], array, fault);
	*ret_n = records.n;
	return r;
}

static const char *text_of(struct json_object *object, const char *key)
{
	const char *text = NULL;

	return object && json_get_text(object, key, &text, NULL) > 0 ? text : "";
}

static uint64_t number_of(struct json_object *object, const char *key)
{
	uint64_t value = 0;

	return object && json_get_u64(object, key, &value, NULL) > 0 ? value : 0;
}

/* What others have written must not steer a terminal. */
static void _printf_(1, 2) print_line(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) >= 0) {
		str_clean(text);
		(void)puts(text);
		free(text);
	}
	va_end(args);
}

static void print_run(struct json_object *run)
{
	struct json_object *request = NULL;
	char created[TIME_TEXT_MAX], decided[TIME_TEXT_MAX];

	if (!run)
		return;
	(void)!json_get_object(run, "request", &request, NULL);
	print_line("run %s: %s%s%s", text_of(run, "key"), text_of(run, "verdict"),
		   text_of(run, "reason")[0] ? ": " : "", text_of(run, "reason"));
	print_line("  asked %s, decided %s, start %" PRIu64,
		   format_time_ms(number_of(run, "created_ms"), created, sizeof(created)),
		   format_time_ms(number_of(run, "decided_ms"), decided, sizeof(decided)),
		   number_of(run, "fence"));
	if (request)
		print_line("  for %" PRIu64 " of class %s", number_of(request, "count"),
			   text_of(request, "class"));
}

static void print_event(struct json_object *event)
{
	char at[TIME_TEXT_MAX], beat[TIME_TEXT_MAX];

	if (!event)
		return;
	print_line("  ended %s by its %s: %s%s%s",
		   format_time_ms(number_of(event, "at"), at, sizeof(at)), text_of(event, "by"),
		   text_of(event, "why"), text_of(event, "reason")[0] ? "; " : "",
		   text_of(event, "reason"));
	print_line("  then: phase %s, seq %" PRIu64 ", run %s, last beat %s",
		   text_of(event, "phase"), number_of(event, "seq"),
		   text_of(event, "run")[0] ? text_of(event, "run") : "-",
		   format_time_ms(number_of(event, "last_beat"), beat, sizeof(beat)));
}

static void print_machines(struct json_object *array)
{
	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		struct json_object *row = json_object_array_get_idx(array, i);
		struct json_object *event = NULL;

		print_line("machine %s: %s, phase %s of seq %" PRIu64 "%s%s", text_of(row, "id"),
			   text_of(row, "state"), text_of(row, "phase"),
			   number_of(row, "phase_seq"), text_of(row, "reason")[0] ? ": " : "",
			   text_of(row, "reason"));
		(void)!json_get_object(row, "event", &event, NULL);
		print_event(event);
	}
}

static void print_notes(struct json_object *array)
{
	if (!array || json_object_array_length(array) == 0)
		return;
	print_line("passed over or lost:");
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *row = json_object_array_get_idx(array, i);
		const char *machine = text_of(row, "machine");

		print_line("  %s%s%s", machine, machine[0] ? ": " : "", text_of(row, "text"));
	}
}

static int print_why(struct json_object *body)
{
	struct json_object *run = NULL, *machines = NULL, *notes = NULL;

	(void)!json_get_object(body, "run", &run, NULL);
	(void)!json_get_array(body, "machines", &machines, NULL);
	(void)!json_get_array(body, "notes", &notes, NULL);
	print_run(run);
	print_machines(machines);
	print_notes(notes);
	return fflush(stdout) == 0 ? EXIT_OK : program_fail(-errno, NULL);
}

static int run_why(const struct verb_call *call)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	const char *what = call->argv[0];
	struct edges *edges = call->context;
	struct fault fault = {};
	size_t n_machines = 0;
	bool found = false;
	int r;

	if (!body)
		return program_fail(-ENOMEM, NULL);
	r = check_run_key(what, &fault);
	if (r == 0)
		r = edges_open(edges, false, &fault);
	if (r == 0)
		r = add_run(&edges->controller, what, body, &found, &fault);
	if (r == 0)
		r = add_machines(&edges->controller, what, body, &n_machines, &fault);
	if (r == 0)
		r = add_notes(&edges->controller, what, body, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	if (!found && n_machines == 0)
		return program_fail(
			fault_cure(&fault,
				   fault_set(&fault, ENOENT, "nothing is known of '%s'", what),
				   "paddock status --all"),
			&fault);
	return edges_want_json(edges) ? print_json("paddock-why/1", take_ptr(body))
				      : print_why(body);
}

const struct verb verb_why = {
	.name = "why",
	.args = "RUN|MACHINE",
	.help = "Explain what became of a run or a machine",
	.details =
		"For a run: its verdict, what it got, and every machine that was passed over or "
		"lost, with the reason. For a machine: its state and, when it has ended, its death "
		"certificate.",
	.examples = "paddock why 4711-1-default\twhy that run got what it got",
	.min_args = 1,
	.max_args = 1,
	.run = run_why,
};
