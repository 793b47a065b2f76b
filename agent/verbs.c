#include "agent/verbs.h"

#include <stdlib.h>
#include <string.h>

static const struct verb *const verbs[] = { &verb_run, &verb_probe, &verb_status, NULL };

static const char *const format_names[] = { "table", "json", NULL };

const struct setting output_rows[] = {
	{ NULL, "output", SETTING_CHOICE, offsetof(struct output_options, format), "table", 0, 0,
	  format_names, "FORMAT", "How the result is written: table or json" },
	{ NULL, "json", SETTING_BOOL, offsetof(struct output_options, json), NULL, 0, 0, NULL, NULL,
	  "Short for --output json" },
};
const size_t output_rows_n = ARRAY_SIZE(output_rows);

bool output_is_json(const struct verb_call *call)
{
	const struct output_options *options = call->options;

	return options->json || options->format == OUTPUT_JSON;
}

static int load(struct settings *settings, const char *config_path, struct fault *fault)
{
	/* No setting: where tests and packagers move things. */
	const char *root = getenv("PADDOCK_ROOT");

	return agent_config_load(settings, root ? root : "", config_path, environ, fault);
}

int agent_main(int argc, char **argv, const struct agent_hooks *hooks)
{
	struct agent_program state = { .hooks = hooks };
	const struct program program = {
		.name = "paddock-agent",
		.summary = "Lives on a machine: beats, runs the jobs of its claims, cleans up "
			   "behind them",
		.version = PADDOCK_VERSION,
		.settings_file = "/etc/paddock/agent.conf",
		.verbs = verbs,
		.load = load,
		.settings = &state.settings,
		.context = &state,
	};
	struct fault fault = {};
	int r;

	r = settings_init(&state.settings, agent_config_rows, agent_config_rows_n, &state.config,
			  NULL, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	r = program_run(&program, argc, argv);
	settings_done(&state.settings);
	return r;
}
