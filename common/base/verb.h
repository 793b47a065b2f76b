#pragma once

/* A command of a command-line tool. Each lives in its own file beside the function that runs it;
 * dispatch, help and manual come from the same table. */

#include <stddef.h>
#include <stdio.h>

#include "common/base/settings.h"

struct verb_call {
	const struct verb *verb;
	int argc;      /* what is left after the flags; behind "--" untouched */
	char **argv;   /* ends with a NULL that argc does not count, fit for execvp() */
	void *options; /* the verb's own values, filled from its rows */
	void *context; /* the program's */
};

struct verb {
	const char *name;
	const char *args;       /* as the help shows them: "RUN [-- COMMAND]"; may be NULL */
	const char *help;       /* one line, no full stop */
	const char *details;    /* for --help and the manual; paragraphs; may be NULL */
	const char *examples;   /* lines "command\tmeaning"; may be NULL */
	int min_args, max_args; /* max -1: any number */
	const struct setting *options;
	size_t n_options;
	size_t options_size; /* of the struct that the rows' offsets count from */
	/* Returns an exit code of exit.h. */
	int (*run)(const struct verb_call *call);
};

struct program {
	const char *name;     /* "paddock" */
	const char *summary;  /* one line */
	const char *details;  /* for the manual; paragraphs; may be NULL */
	const char *examples; /* as a verb's; the short help shows them; may be NULL */
	const char *version;
	/* What help and manual say of the settings' file; NULL: "/etc/paddock/<name>.conf". */
	const char *settings_file;
	const struct verb *const *verbs; /* NULL-ended, in the order the help shows */
	/* Run when no verb is given; may be NULL: short help. A word that is no verb is an error
	 * unless the fallback takes arguments. */
	const struct verb *fallback;
	/* Called between the flags and the verb, with the program's settings loaded from defaults
	 * only and the flags waiting: loads files and environment, then returns so that flags can
	 * be applied on top. config_path is that of --config, or NULL. May be NULL: then there is
	 * no --config. */
	int (*load)(struct settings *settings, const char *config_path, struct fault *fault);
	struct settings *settings; /* the program's own; flags of every verb; may be NULL */
	void *context;
};

/* The one function of common/ that answers the user: parses argv, prints help, version and usage
 * errors ("what, why, what to do" in at most three lines, with the nearest name), dispatches.
 *
 * Flags may stand before or after the verb and its arguments, "--name value" or "--name=value";
 * "--" ends them. A flag may be given once, but for lists. A value that begins with "--" must be
 * attached with "=". Built-in: --help -h, --version -V, --config FILE, and "help [VERB]"; rows of
 * the verb come before these, and these before the program's settings. --help works whatever else
 * is wrong. Returns an exit code. */
int program_run(const struct program *program, int argc, char **argv);

/* Help as program_run() prints it: of one verb, or of the program: without a verb the short form,
 * or the full one with flags, settings and exit codes. */
void program_print_help(const struct program *program, const struct verb *verb, FILE *to,
			unsigned width);
void program_print_overview(const struct program *program, bool full, FILE *to, unsigned width);

/* The whole manual page as scdoc, section 1. The build asks each program for its own by this one
 * argument, which help does not mention. */
#define PRINT_MANUAL_ARGUMENT "--print-manual"
void program_print_manual(const struct program *program, FILE *to);

/* How a verb reports a failure: "paddock: text" and, when there is one, "  try: cure", on stderr.
 * Maps the error to an exit code: -EINVAL usage, transient ones 75, else 1. */
int program_fail(int r, const struct fault *fault);
