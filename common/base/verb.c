#include "common/base/verb.h"

#include <errno.h>
#include <string.h>

#include "common/base/command-line.h"
#include "common/base/exit.h"
#include "common/base/table.h"

#define HELP_WIDTH 80 /* where the terminal does not say */
#define HELP_WIDTH_MIN 50
#define HELP_WIDTH_MAX 110 /* longer lines are hard to read */

/* Whose name errors carry, also when it has ended; a process has one program. */
static struct program running;

int program_fail(int r, const struct fault *fault)
{
	program_complain(running.name ? &running : NULL, "%s", fault_text(fault, r));
	if (fault && fault->cure[0])
		(void)fprintf(stderr, "  try: %s\n", fault->cure);

	if (r == -EINVAL)
		return EXIT_USAGE;
	return fault_is_transient(r, fault) ? EXIT_AGAIN : EXIT_FAILED;
}

static int set_options(struct command_line *line)
{
	const struct verb *verb = line->verb;
	struct fault fault = {};
	int r;

	line->options_values = calloc(1, verb->options_size + 1);
	if (!line->options_values)
		return program_fail(-ENOMEM, NULL);
	r = settings_init(&line->options, verb->options, verb->n_options, line->options_values,
			  NULL, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	return command_line_apply(line, FLAG_VERB, &line->options);
}

static int load_settings(const struct command_line *line)
{
	const struct program *program = line->program;
	struct fault fault = {};
	int r;

	if (!program->settings)
		return EXIT_OK;
	r = program->load ? program->load(program->settings, line->config_path, &fault) : 0;
	if (r < 0) {
		int code = program_fail(r, &fault);

		/* A file that is missing, unreadable or too big is for the user to put right. */
		return code == EXIT_FAILED && r != -ENOMEM && r != -EIO ? EXIT_USAGE : code;
	}
	return command_line_apply(line, FLAG_PROGRAM, program->settings);
}

static int run_verb(struct command_line *line)
{
	int r = command_line_check_args(line);

	if (r == EXIT_OK)
		r = set_options(line);
	if (r == EXIT_OK)
		r = load_settings(line);
	if (r != EXIT_OK)
		return r;

	return line->verb->run(&(struct verb_call){
		.verb = line->verb,
		.argc = line->n_args,
		.argv = line->args,
		.options = line->options_values,
		.context = line->program->context,
	});
}

static unsigned help_width(void)
{
	unsigned width = terminal_width(stdout);

	if (width == 0)
		return HELP_WIDTH;
	if (width < HELP_WIDTH_MIN)
		return HELP_WIDTH_MIN;
	return width < HELP_WIDTH_MAX ? width : HELP_WIDTH_MAX;
}

/* "help" and "help VERB", for those whose fingers know it from elsewhere. */
static int run_help(struct command_line *line, const char *name)
{
	if (!name) {
		program_print_overview(line->program, true, stdout, help_width());
		return EXIT_OK;
	}
	for (const struct verb *const *verb = line->program->verbs; *verb; verb++) {
		if (strcmp((*verb)->name, name) != 0)
			continue;
		program_print_help(line->program, *verb, stdout, help_width());
		return EXIT_OK;
	}
	return command_line_refuse_verb(line, name);
}

static int print_version(const struct program *program)
{
	(void)printf("%s %s\n", program->name, program->version);
	return EXIT_OK;
}

/* No verb is named. */
static int run_without_verb(struct command_line *line, int argc, char **argv)
{
	const struct program *program = line->program;
	int at = command_line_first_word(program, program->fallback, argc, argv), r;

	if (at < argc && (!program->fallback || program->fallback->max_args == 0)) {
		at = command_line_first_word(program, NULL, argc, argv);
		if (at < argc && strcmp(argv[at], "help") == 0)
			return run_help(line, at + 1 < argc ? argv[at + 1] : NULL);
		if (at < argc)
			return command_line_refuse_word(line, at, argv);
	}
	if (command_line_wants_help(argc, argv))
		return run_help(line, NULL);

	line->verb = program->fallback;
	r = command_line_read(line, argc, argv, argc);
	if (r != EXIT_OK)
		return r;
	if (line->version)
		return print_version(program);
	if (line->verb)
		return run_verb(line);
	if (argc > 1)
		return command_line_refuse(line, NULL, "a verb is missing");
	program_print_overview(program, false, stdout, help_width());
	return EXIT_OK;
}

static int run(const struct program *program, int argc, char **argv)
{
	_cleanup_(command_line_done) struct command_line line = { .program = program };
	int at = argc, r;

	line.verb = command_line_find_verb(program, argc, argv, &at);
	if (!line.verb)
		return run_without_verb(&line, argc, argv);
	line.named = true;
	if (command_line_wants_help(argc, argv))
		return run_help(&line, line.verb->name);

	r = command_line_read(&line, argc, argv, at);
	if (r != EXIT_OK)
		return r;
	if (line.version)
		return print_version(program);
	return run_verb(&line);
}

int program_run(const struct program *program, int argc, char **argv)
{
	int code;

	running = *program;
	if (argc == 2 && strcmp(argv[1], PRINT_MANUAL_ARGUMENT) == 0) {
		program_print_manual(program, stdout);
		code = EXIT_OK;
	} else {
		code = run(program, argc, argv);
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;

	program_complain(program, "cannot write the output: %s", strerror(errno));
	return code == EXIT_OK ? EXIT_FAILED : code;
}
