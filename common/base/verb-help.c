#include "common/base/verb.h"

#include <string.h>

#include "common/base/command-line.h"
#include "common/base/text.h"

#define INDENT 2
#define MEANING_INDENT 6
#define VERB_GAP 3 /* between a verb and what it does */

const struct setting program_flags[] = {
	{ .name = "help", .type = SETTING_BOOL, .help = "Show this help; -h for short" },
	{ .name = "version", .type = SETTING_BOOL, .help = "Show the version; -V for short" },
	{ .name = "config", .unit = "FILE", .help = "Read the settings from this file" },
};

size_t program_flags_n(const struct program *program)
{
	return ARRAY_SIZE(program_flags) - (program->load ? 0 : 1);
}

/* Lines "command\tmeaning". */
static void print_examples(const char *examples, FILE *to, unsigned width)
{
	(void)fputs("\nExamples:\n", to);
	while (*examples) {
		size_t size = strcspn(examples, "\n"), command = strcspn(examples, "\t\n");
		_cleanup_free_ char *meaning = NULL;

		(void)fprintf(to, "  %.*s\n", (int)command, examples);
		if (command < size)
			meaning = strndup(examples + command + 1, size - command - 1);
		if (meaning) {
			(void)fprintf(to, "%*s", MEANING_INDENT, "");
			text_fold(meaning, MEANING_INDENT, MEANING_INDENT, width, to);
		}
		examples += size + (examples[size] == '\n');
	}
}

/* Whether the verb has an option of that name, which then hides the program's. */
static bool is_hidden(const struct verb *verb, const struct setting *row)
{
	for (size_t i = 0; verb && i < verb->n_options; i++) {
		if (strcmp(verb->options[i].name, row->name) == 0)
			return true;
	}
	return false;
}

/* What stands in no file, then the built-in ones. */
static void print_flags(const struct program *program, const struct verb *verb, FILE *to,
			unsigned width)
{
	const struct settings *settings = program->settings;

	(void)fprintf(to, "\n%s:\n", verb ? "Flags of every verb" : "Flags");
	for (size_t i = 0; settings && i < settings->n_rows; i++) {
		if (!settings->rows[i].section && !is_hidden(verb, &settings->rows[i]))
			settings_print_help(&settings->rows[i], 1, to, width);
	}
	settings_print_help(program_flags, program_flags_n(program), to, width);
}

static void print_settings(const struct program *program, const struct verb *verb, FILE *to,
			   unsigned width)
{
	const struct settings *settings = program->settings;
	const char *section = NULL;

	for (size_t i = 0; settings && i < settings->n_rows; i++) {
		const struct setting *row = &settings->rows[i];

		if (!row->section || is_hidden(verb, row))
			continue;
		if (!section && program->settings_file)
			(void)fprintf(to,
				      "\nSettings (also in %s and " SETTING_ENVIRONMENT_PREFIX
				      "*):\n",
				      program->settings_file);
		else if (!section)
			(void)fprintf(to,
				      "\nSettings (also in /etc/paddock/%s.conf "
				      "and " SETTING_ENVIRONMENT_PREFIX "*):\n",
				      program->name);
		if (!section || strcmp(section, row->section) != 0)
			(void)fprintf(to, " [%s]\n", row->section);
		section = row->section;
		settings_print_help(row, 1, to, width);
	}
}

static void print_verbs(const struct program *program, FILE *to, unsigned width)
{
	size_t longest = 0;

	for (const struct verb *const *verb = program->verbs; *verb; verb++) {
		if (strlen((*verb)->name) > longest)
			longest = strlen((*verb)->name);
	}

	(void)fputs("\nVerbs:\n", to);
	for (const struct verb *const *verb = program->verbs; *verb; verb++) {
		unsigned column = (unsigned)longest + INDENT + VERB_GAP;

		(void)fprintf(to, "%*s%-*s", INDENT, "", (int)longest + VERB_GAP, (*verb)->name);
		text_fold((*verb)->help, column, column, width, to);
	}
}

static void print_exit_codes(FILE *to, unsigned width)
{
	(void)fputs("\nExit codes:\n", to);
	for (const struct exit_row *row = exit_rows; row->meaning; row++) {
		int column = fprintf(to, "  %3d   ", (int)row->code);

		if (column > 0)
			text_fold(row->meaning, (unsigned)column, (unsigned)column, width, to);
	}
}

void program_print_overview(const struct program *program, bool full, FILE *to, unsigned width)
{
	(void)fprintf(to, "%s: ", program->name);
	text_fold(program->summary, (unsigned)strlen(program->name) + 2, 0, width, to);
	(void)fprintf(to, "\nUsage: %s %s [ARGUMENTS] [FLAGS]\n", program->name,
		      program->fallback ? "[VERB]" : "VERB");
	print_verbs(program, to, width);
	if (program->examples)
		print_examples(program->examples, to, width);
	(void)fputc('\n', to);

	if (!full) {
		(void)fprintf(to, "More of a verb: %s VERB --help\n", program->name);
		(void)fprintf(to, "Flags, settings and exit codes: %s --help\n", program->name);
		return;
	}
	(void)fprintf(to, "More of a verb: %s VERB --help\n", program->name);
	if (program->fallback) {
		(void)fprintf(to, "Without a verb: %s\n", program->fallback->name);
		if (program->fallback->n_options > 0)
			(void)fprintf(to, "\nFlags of %s:\n", program->fallback->name);
		settings_print_help(program->fallback->options, program->fallback->n_options, to,
				    width);
	}
	print_flags(program, NULL, to, width);
	print_settings(program, program->fallback, to, width);
	print_exit_codes(to, width);
}

void program_print_help(const struct program *program, const struct verb *verb, FILE *to,
			unsigned width)
{
	(void)fprintf(to, "Usage: %s %s%s%s%s\n\n", program->name, verb->name,
		      verb->args ? " " : "", verb->args ? verb->args : "",
		      verb->n_options > 0 ? " [FLAGS]" : "");
	text_fold(verb->help, 0, 0, width, to);
	if (verb->details) {
		(void)fputc('\n', to);
		text_fold_paragraphs(verb->details, 0, width, to);
	}

	if (verb->n_options > 0)
		(void)fputs("\nFlags:\n", to);
	settings_print_help(verb->options, verb->n_options, to, width);
	print_flags(program, verb, to, width);
	print_settings(program, verb, to, width);
	if (verb->examples)
		print_examples(verb->examples, to, width);
}
