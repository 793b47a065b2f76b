/*
 * The manual page, as scdoc. Bold is what is typed as it stands, underlined what is replaced.
 */

#include "common/base/verb.h"

#include <ctype.h>
#include <string.h>

#include "common/base/command-line.h"
#include "common/base/io.h"
#include "common/base/text.h"

static void print_name(const struct program *program, FILE *to)
{
	for (const char *p = program->name; *p; p++)
		(void)fputc(toupper((unsigned char)*p), to);
	(void)fprintf(to, "(1) \"%s %s\"\n\n# NAME\n\n%s - ", program->name, program->version,
		      program->name);
	text_print_scdoc(program->summary, false, to);
	(void)fputs("\n\n# SYNOPSIS\n\n", to);
	(void)fprintf(to, "*%s* %s [_arguments_] [_flags_]\n\n", program->name,
		      program->fallback ? "[_verb_]" : "_verb_");
	(void)fprintf(to, "*%s* [_verb_] *--help*\n\n", program->name);
}

static void print_paragraphs(const char *text, FILE *to)
{
	text_print_scdoc(text, true, to);
	(void)fputs("\n\n", to);
}

/* Lines "command\tmeaning". */
static void print_examples(const char *examples, FILE *to)
{
	while (*examples) {
		size_t size = strcspn(examples, "\n"), command = strcspn(examples, "\t\n");
		_cleanup_free_ char *typed = strndup(examples, command);
		_cleanup_free_ char *meaning =
			command < size ? strndup(examples + command + 1, size - command - 1) : NULL;

		(void)fputc('*', to);
		text_print_scdoc(typed ? typed : "", false, to);
		(void)fputc('*', to);
		if (meaning) {
			(void)fputs("\n\t", to);
			text_print_scdoc(meaning, true, to);
		}
		(void)fputs("\n\n", to);
		examples += size + (examples[size] == '\n');
	}
}

static void print_verbs(const struct program *program, FILE *to)
{
	(void)fputs("# VERBS\n\n", to);
	if (program->fallback)
		(void)fprintf(to, "Without a verb, *%s* is run.\n\n", program->fallback->name);

	for (const struct verb *const *at = program->verbs; *at; at++) {
		const struct verb *verb = *at;

		(void)fprintf(to, "## %s\n\n*%s %s*", verb->name, program->name, verb->name);
		if (verb->args) {
			(void)fputs(" _", to);
			text_print_scdoc(verb->args, false, to);
			(void)fputc('_', to);
		}
		(void)fputs(verb->n_options > 0 ? " [_flags_]\n\n" : "\n\n", to);
		text_print_scdoc(verb->help, true, to);
		(void)fputs(".\n\n", to);
		if (verb->details)
			print_paragraphs(verb->details, to);
		settings_print_manual(verb->options, verb->n_options, "--", to);
		if (verb->examples) {
			(void)fputs("Examples:\n\n", to);
			print_examples(verb->examples, to);
		}
	}
}

static void print_flags(const struct program *program, FILE *to)
{
	const struct settings *settings = program->settings;

	(void)fputs("# FLAGS\n\n", to);
	(void)fputs("Every verb knows these. A flag may stand before or after the arguments, as\n"
		    "*--name* _value_ or *--name*=_value_; what follows *--* is no flag.\n\n",
		    to);
	for (size_t i = 0; settings && i < settings->n_rows; i++) {
		if (!settings->rows[i].section)
			settings_print_manual(&settings->rows[i], 1, "--", to);
	}
	settings_print_manual(program_flags, program_flags_n(program), "--", to);
}

static void print_settings(const struct settings *settings, FILE *to)
{
	const struct setting_family *family = settings->family;
	const char *section = "";

	(void)fputs("# SETTINGS\n\n", to);
	(void)fputs("Each is a flag of every verb, a variable of the environment, and a key in\n"
		    "the named section of a file.\n\n",
		    to);
	for (size_t i = 0; i < settings->n_rows; i++) {
		const struct setting *row = &settings->rows[i];

		if (!row->section)
			continue;
		if (strcmp(section, row->section) != 0)
			(void)fprintf(to, "## [%s]\n\n", row->section);
		section = row->section;
		settings_print_manual(row, 1, "--", to);
	}
	if (!family)
		return;
	(void)fprintf(to, "## [%s NAME]\n\n", family->prefix);
	(void)fputs("There may be many of these sections; their keys stand in files only.\n\n", to);
	settings_print_manual(family->rows, family->n_rows, "", to);
}

static void print_file(const char *path, const char *meaning, FILE *to)
{
	(void)fputc('_', to);
	text_print_scdoc(path, false, to);
	(void)fprintf(to, "_\n\t%s\n\n", meaning);
}

static void print_files(const struct program *program, FILE *to)
{
	_cleanup_free_ char *file = program->settings_file
					    ? strdup(program->settings_file)
					    : str_format("/etc/paddock/%s.conf", program->name);
	_cleanup_free_ char *vendor = NULL, *dropins = NULL;

	if (!file)
		return;
	vendor = str_format("/usr/lib/paddock%s", strrchr(file, '/') ? strrchr(file, '/') : "/");
	dropins = str_format("%s.d/*.conf", file);
	if (!vendor || !dropins)
		return;

	(void)fputs("# FILES\n\n", to);
	(void)fputs("Later ones win over earlier ones, the environment over files, and flags over "
		    "all.\nLines are *key* = _value_ below a [_section_]; comments begin with ; or "
		    "\\#. A key that\nis not known is an error. A list may go on in indented "
		    "lines.\n\n",
		    to);
	print_file(vendor, "The vendor's settings.", to);
	print_file(file, "The administrator's settings.", to);
	print_file(dropins, "Further ones, in order of their names.", to);
}

static void print_exit_codes(FILE *to)
{
	(void)fputs("# EXIT STATUS\n\n", to);
	for (const struct exit_row *row = exit_rows; row->meaning; row++) {
		(void)fprintf(to, "*%d*\n\t", (int)row->code);
		text_print_scdoc(row->meaning, true, to);
		(void)fputs("\n\n", to);
	}
}

void program_print_manual(const struct program *program, FILE *to)
{
	print_name(program, to);
	(void)fputs("# DESCRIPTION\n\n", to);
	print_paragraphs(program->details ? program->details : program->summary, to);
	print_verbs(program, to);
	print_flags(program, to);
	if (program->settings) {
		print_settings(program->settings, to);
		print_files(program, to);
		(void)fputs("# ENVIRONMENT\n\n*PADDOCK\\_NAME*\n\tThe setting of that name, in "
			    "capitals and with underscores: *PADDOCK\\_BEAT\\_PERIOD* is "
			    "beat-period. An empty value counts as none.\n\n",
			    to);
	}
	print_exit_codes(to);
	if (program->examples) {
		(void)fputs("# EXAMPLES\n\n", to);
		print_examples(program->examples, to);
	}
	/* scdoc closes what is indented only at a line that is not. */
	(void)fputs("; end\n", to);
}
