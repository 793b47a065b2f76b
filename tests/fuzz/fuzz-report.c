/*
 * What `paddock why` and `paddock status` show of records that others have written. Lines: the
 * machine, its death certificate, the run, the run's notes, each as JSON or empty; then the
 * machine's reason as it may stand in a column. A machine without a certificate is given one.
 */

#include <string.h>

#include "common/base/exit.h"
#include "common/base/io.h"
#include "controller/verbs/verbs.h"
#include "tests/fuzz/kit-store.h"
#include "tests/fuzz/fuzz.h"

static struct fuzz_store store;

/* The verbs open a real one, for edges know no other way. */
static struct store *put_ours_there(struct store *real)
{
	store_close(real);
	return &store.store;
}

static void make_store(const struct config *config)
{
	_cleanup_free_ char *address = config_store_address(config);
	static struct store *made; /* stays open: the last one out has much to do */

	FUZZ_CHECK(made || store_open(address, true, &clock_system, &made, NULL) == 0);
}

static void fill_store(struct fuzz_input *input)
{
	static const char *const kinds[] = { "event", "run", "notes" };
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ char *machine = fuzz_take_line(input), *reason = NULL;

	fuzz_store_init(&store);
	if (json_parse(machine, strlen(machine), "machine", &object, NULL) == 0)
		(void)!machine_from_json(object, &store.machine, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *body = fuzz_take_line(input);

		if (*body)
			fuzz_store_put(&store, kinds[i], body);
		else
			free(body);
	}
	reason = fuzz_take_line(input);
	if (*reason)
		(void)!str_copy(store.machine.reason, sizeof(store.machine.reason), reason);
}

/* Whether everything that there is was written by us: then it can be read. */
static bool certify(void)
{
	const struct controller controller = { .store = &store.store };

	if (store.machine.state == MACHINE_NONE || store.n_items > 0)
		return false;
	FUZZ_CHECK(controller_certify(&controller, &store.machine, "it is gone", 1, NULL) == 0);
	/* One that no store of ours takes is not shown. */
	return machine_record_size(&store.machine) <= MACHINE_RECORD_MAX;
}

static void show(struct edges *edges, const struct verb *verb, char *argument, bool must)
{
	_cleanup_fuzz_output_ struct fuzz_output output = {};
	_cleanup_json_ struct json_object *printed = NULL;
	_cleanup_free_ void *options = calloc(1, verb->options_size + 1);
	char *argv[] = { argument, NULL };
	struct fault fault = {};
	int code;

	FUZZ_CHECK(options &&
		   settings_read_defaults(verb->options, verb->n_options, options, NULL) == 0);
	fuzz_capture();
	code = verb->run(&(struct verb_call){
		.verb = verb,
		.argc = argument ? 1 : 0,
		.argv = argv,
		.options = options,
		.context = edges,
	});
	edges_close(edges);
	fuzz_release(&output);
	settings_free_values(verb->options, verb->n_options, options);

	FUZZ_CHECK_TEXT(!must || code == EXIT_OK, output.err);
	fuzz_check_harmless(output.err);
	if (!edges->config.json)
		fuzz_check_harmless(output.out);
	else if (code == EXIT_OK)
		FUZZ_CHECK_TEXT(
			json_parse(output.out, strlen(output.out), "output", &printed, &fault) == 0,
			fault.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hooks hooks = { .wrap_store = put_ours_there };
	struct fuzz_input input = { data, size };
	struct edges edges = { .hooks = &hooks };
	char key[] = "run-1-a";
	bool ours;

	FUZZ_CHECK(config_init(&edges.config, NULL) == 0);
	FUZZ_CHECK(settings_init(&edges.settings, config_rows, config_rows_n, &edges.config,
				 &config_family, NULL) == 0);
	edges.config.state_dir = strdup(fuzz_dir());
	fill_store(&input);
	ours = certify();
	make_store(&edges.config);
	for (int json = 0; json < 2; json++) {
		edges.config.json = json;
		show(&edges, &verb_why, key, ours);
		show(&edges, &verb_status, NULL, ours);
	}
	fuzz_store_done(&store);
	settings_done(&edges.settings);
	config_done(&edges.config);
	return 0;
}
