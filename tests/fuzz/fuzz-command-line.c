/*
 * argv, one word a line, for the controller or the agent: all of the program but its deeds. The
 * verbs keep their tables and only look at what they were given.
 */

#include <string.h>

#include "agent/config.h"
#include "agent/probe/probe.h"
#include "common/base/exit.h"
#include "common/base/verb.h"
#include "controller/config.h"
#include "controller/verbs/verbs.h"
#include "tests/fuzz/fuzz.h"

#define VERBS_MAX 32
#define WORDS_MAX 64

/* Every word is still there, and the array ends as execvp() wants it. */
static int look(const struct verb_call *call)
{
	FUZZ_CHECK(call->argc >= call->verb->min_args);
	FUZZ_CHECK(call->verb->max_args < 0 || call->argc <= call->verb->max_args);
	for (int i = 0; i < call->argc; i++)
		FUZZ_CHECK(call->argv[i]);
	FUZZ_CHECK(!call->argv[call->argc]);
	for (size_t i = 0; i < call->verb->n_options; i++) {
		_cleanup_free_ char *text = setting_format(&call->verb->options[i], call->options);

		FUZZ_CHECK(text);
	}
	return EXIT_OK;
}

static int load(_unused_ struct settings *settings, _unused_ const char *config_path,
		_unused_ struct fault *fault)
{
	return 0;
}

static void run(struct settings *settings, int argc, char **argv)
{
	static struct verb copies[VERBS_MAX];
	static const struct verb *list[VERBS_MAX + 1];
	_cleanup_fuzz_output_ struct fuzz_output output = {};
	const struct program program = {
		.name = "paddock",
		.summary = "As the real one, but does nothing",
		.version = PADDOCK_VERSION,
		.verbs = list,
		.load = load,
		.settings = settings,
	};
	int code;

	for (size_t i = 0; verbs[i]; i++) {
		FUZZ_CHECK(i < VERBS_MAX);
		copies[i] = *verbs[i];
		copies[i].run = look;
		list[i] = &copies[i];
	}

	fuzz_capture();
	code = program_run(&program, argc, argv);
	fuzz_release(&output);
	FUZZ_CHECK(code == EXIT_OK || code == EXIT_USAGE);
	/* A usage error says what, and where to look. */
	FUZZ_CHECK(code == EXIT_OK || strlen(output.err) > 0);
	fuzz_check_harmless(output.err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	char program[] = "paddock", *argv[WORDS_MAX + 2] = { program };
	struct settings settings;
	struct config config;
	int argc = 1;

	while (input.size > 0 && argc <= WORDS_MAX)
		argv[argc++] = fuzz_take_line(&input);

	FUZZ_CHECK(config_init(&config, NULL) == 0);
	FUZZ_CHECK(settings_init(&settings, config_rows, config_rows_n, &config, &config_family,
				 NULL) == 0);
	run(&settings, argc, argv);
	settings_done(&settings);
	config_done(&config);

	while (argc > 1)
		free(argv[--argc]);
	return 0;
}
