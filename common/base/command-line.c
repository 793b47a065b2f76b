/*
 * From argv to a verb.
 *
 * Whether "--x y" is a flag with a value or a switch and a word depends on the verb, and the verb
 * may stand behind its flags. So for each verb we look which word would be the first one if that
 * verb's flags applied; the verb whose own name is found there is the one that was meant.
 *
 * Everything about the flags is checked before any file is read; the program's own are put aside
 * and applied after the files, so that they win.
 */

#include "common/base/command-line.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/base/text.h"

#define HINT_MAX 256

void command_line_done(struct command_line *line)
{
	settings_done(&line->options);
	free(line->options_values);
	free(line->args);
}

static void _printf_(2, 0)
	print_error(const struct program *program, const char *format, va_list args)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: ", program ? program->name : program_invocation_short_name);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
}

void program_complain(const struct program *program, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(program, format, args);
	va_end(args);
}

int command_line_refuse(const struct command_line *line, const char *hint, const char *format, ...)
{
	const struct program *program = line->program;
	va_list args;

	va_start(args, format);
	print_error(program, format, args);
	va_end(args);

	if (hint && *hint)
		(void)fprintf(stderr, "  %s\n", hint);
	if (line->named)
		(void)fprintf(stderr, "  try: %s %s --help\n", program->name, line->verb->name);
	else
		(void)fprintf(stderr, "  try: %s --help\n", program->name);
	return EXIT_USAGE;
}

static int refuse_for_memory(const struct command_line *line)
{
	program_complain(line->program, "%s", strerror(ENOMEM));
	return EXIT_FAILED;
}

static bool is_flag(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static bool has_name(const char *name, const char *text, size_t size)
{
	return strlen(name) == size && memcmp(name, text, size) == 0;
}

/* The row of that name, or of the switch that "no-name" turns off. */
static bool find_row(const struct setting *rows, size_t n_rows, struct flag *flag)
{
	static const char no[] = "no-";
	const char *name = flag->name;
	size_t size = flag->name_size;

	for (size_t i = 0; i < n_rows; i++) {
		if (!has_name(rows[i].name, name, size))
			continue;
		flag->row = i;
		flag->setting = &rows[i];
		return true;
	}

	if (flag->negated || size <= strlen(no) || memcmp(name, no, strlen(no)) != 0)
		return false;
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].type != SETTING_BOOL ||
		    !has_name(rows[i].name, name + strlen(no), size - strlen(no)))
			continue;
		flag->row = i;
		flag->setting = &rows[i];
		flag->negated = true;
		return true;
	}
	return false;
}

static enum flag_kind find_built_in(const struct program *program, const struct flag *flag)
{
	if (has_name("help", flag->name, flag->name_size))
		return FLAG_HELP;
	if (has_name("version", flag->name, flag->name_size))
		return FLAG_VERSION;
	if (program->load && has_name("config", flag->name, flag->name_size))
		return FLAG_CONFIG;
	return FLAG_UNKNOWN;
}

/* The first verb that has such a row. */
static const struct verb *find_owner(const struct program *program, struct flag *flag)
{
	for (const struct verb *const *verb = program->verbs; *verb; verb++) {
		if (find_row((*verb)->options, (*verb)->n_options, flag))
			return *verb;
	}
	return NULL;
}

/* What a flag means to a verb, or to any verb when that is NULL. */
static struct flag find_flag(const struct program *program, const struct verb *verb,
			     const char *word)
{
	struct flag flag = { .name = word + 2 };
	const struct settings *settings = program->settings;

	if (word[1] != '-') {
		flag.name = word + 1;
		flag.name_size = strcspn(flag.name, "=");
		if (strcmp(word, "-h") == 0)
			flag.kind = FLAG_HELP;
		else if (strcmp(word, "-V") == 0)
			flag.kind = FLAG_VERSION;
		return flag;
	}

	flag.name_size = strcspn(flag.name, "=");
	flag.attached = flag.name[flag.name_size] == '=';
	if (flag.attached)
		flag.value = flag.name + flag.name_size + 1;

	if (verb && find_row(verb->options, verb->n_options, &flag))
		flag.kind = FLAG_VERB;
	else
		flag.kind = find_built_in(program, &flag);
	if (flag.kind == FLAG_UNKNOWN && settings &&
	    find_row(settings->rows, settings->n_rows, &flag))
		flag.kind = FLAG_PROGRAM;
	if (flag.kind == FLAG_UNKNOWN && !verb && find_owner(program, &flag))
		flag.kind = FLAG_VERB;
	return flag;
}

/* Whether the next word belongs to it. */
static bool wants_word(const struct flag *flag)
{
	if (flag->attached)
		return false;
	if (flag->kind == FLAG_CONFIG)
		return true;
	return flag->setting && flag->setting->type != SETTING_BOOL;
}

int command_line_first_word(const struct program *program, const struct verb *verb, int argc,
			    char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		struct flag flag;

		if (!is_flag(argv[i]))
			return i;
		flag = find_flag(program, verb, argv[i]);
		if (wants_word(&flag) && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
			i++;
	}
	return argc;
}

bool command_line_wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			return true;
	}
	return false;
}

const struct verb *command_line_find_verb(const struct program *program, int argc, char **argv,
					  int *ret_at)
{
	for (const struct verb *const *verb = program->verbs; *verb; verb++) {
		int at = command_line_first_word(program, *verb, argc, argv);

		if (at == argc || strcmp(argv[at], (*verb)->name) != 0)
			continue;
		*ret_at = at;
		return *verb;
	}
	return NULL;
}

struct names {
	const char **words; /* NULL-ended, owned */
	size_t n;
};

static void add_names(struct names *names, const struct setting *rows, size_t n_rows)
{
	const char **words = reallocarray(names->words, names->n + n_rows + 1, sizeof(*words));

	/* Without memory there is no guess, which is all that these are for. */
	if (!words)
		return;
	names->words = words;
	for (size_t i = 0; i < n_rows; i++)
		words[names->n++] = rows[i].name;
	words[names->n] = NULL;
}

/* The nearest flag that would have been understood, NULL when none is near. */
static const char *nearest_flag(const struct command_line *line, const char *name)
{
	const struct program *program = line->program;
	_cleanup_free_ const char **words = NULL;
	struct names names = {};

	if (line->verb)
		add_names(&names, line->verb->options, line->verb->n_options);
	for (const struct verb *const *verb = program->verbs; *verb && !line->verb; verb++)
		add_names(&names, (*verb)->options, (*verb)->n_options);
	if (program->settings)
		add_names(&names, program->settings->rows, program->settings->n_rows);
	add_names(&names, program_flags, program_flags_n(program));

	words = names.words;
	return words ? nearest_word(name, words) : NULL;
}

static int refuse_flag(const struct command_line *line, const char *word, struct flag *flag)
{
	_cleanup_free_ char *name = strndup(flag->name, flag->name_size);
	char shown[SHOWN_TEXT_MAX], hint[HINT_MAX] = "";
	const struct verb *owner;
	const char *nearest, *no = "";

	if (!name)
		return refuse_for_memory(line);

	owner = word[1] == '-' ? find_owner(line->program, flag) : NULL;
	nearest = nearest_flag(line, name);
	if (!nearest && strncmp(name, "no-", 3) == 0) {
		nearest = nearest_flag(line, name + 3);
		no = "no-";
	}
	if (owner)
		(void)snprintf(hint, sizeof(hint), "it is a flag of: %s %s", line->program->name,
			       owner->name);
	else if (nearest)
		(void)snprintf(hint, sizeof(hint), "did you mean --%s%s?", no, nearest);

	word = text_shown(word, shown, sizeof(shown));
	return command_line_refuse(line, hint, "unknown flag %.*s", (int)strcspn(word, "="), word);
}

static int keep_flag(struct command_line *line, const struct flag *flag)
{
	if (line->n_flags == COMMAND_LINE_FLAGS_MAX)
		return command_line_refuse(line, NULL, "more than %d flags",
					   COMMAND_LINE_FLAGS_MAX);
	for (size_t i = 0; i < line->n_flags; i++) {
		if (line->flags[i].setting == flag->setting && flag->setting->type != SETTING_LIST)
			return command_line_refuse(line, NULL, "--%s is given twice",
						   flag->setting->name);
	}
	line->flags[line->n_flags++] = *flag;
	return EXIT_OK;
}

/* The flag at argv[*at], and its value; *at is moved to the last word of it. */
static int read_flag(struct command_line *line, int argc, char **argv, int *at)
{
	struct flag flag = find_flag(line->program, line->verb, argv[*at]);
	const char *name = flag.setting ? flag.setting->name : "config";

	if (flag.kind == FLAG_UNKNOWN)
		return refuse_flag(line, argv[*at], &flag);
	if (flag.attached && (flag.negated || flag.kind == FLAG_HELP || flag.kind == FLAG_VERSION))
		return command_line_refuse(line, NULL, "--%.*s takes no value", (int)flag.name_size,
					   flag.name);
	if (flag.kind == FLAG_VERSION) {
		line->version = true;
		return EXIT_OK;
	}

	if (wants_word(&flag)) {
		if (*at + 1 == argc || strncmp(argv[*at + 1], "--", 2) == 0)
			return command_line_refuse(line, NULL, "--%s needs a value", name);
		flag.value = argv[++*at];
	} else if (!flag.attached) {
		flag.value = flag.negated ? "no" : "yes";
	}

	if (flag.setting)
		return keep_flag(line, &flag);
	if (flag.kind != FLAG_CONFIG)
		return EXIT_OK;
	if (line->config_path)
		return command_line_refuse(line, NULL, "--config is given twice");
	if (*flag.value == '\0')
		return command_line_refuse(line, NULL, "--config: the value is empty");
	line->config_path = flag.value;
	return EXIT_OK;
}

int command_line_read(struct command_line *line, int argc, char **argv, int verb_at)
{
	bool flags_end = false;
	int r;

	line->args = calloc((size_t)argc + 1, sizeof(*line->args));
	if (!line->args)
		return refuse_for_memory(line);

	for (int i = 1; i < argc; i++) {
		if (i == verb_at)
			continue;
		if (flags_end || !is_flag(argv[i])) {
			line->args[line->n_args++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			flags_end = true;
			continue;
		}
		r = read_flag(line, argc, argv, &i);
		if (r != EXIT_OK)
			return r;
	}
	return EXIT_OK;
}

int command_line_check_args(const struct command_line *line)
{
	const struct verb *verb = line->verb;
	char shown[SHOWN_TEXT_MAX], hint[HINT_MAX];

	(void)snprintf(hint, sizeof(hint), "usage: %s%s%s%s%s", line->program->name,
		       line->named ? " " : "", line->named ? verb->name : "", verb->args ? " " : "",
		       verb->args ? verb->args : "");
	if (line->n_args < verb->min_args)
		return command_line_refuse(line, hint, "%s: too few arguments", verb->name);
	if (verb->max_args >= 0 && line->n_args > verb->max_args)
		return command_line_refuse(
			line, hint, "%s: '%s' is one argument too many", verb->name,
			text_shown(line->args[verb->max_args], shown, sizeof(shown)));
	return EXIT_OK;
}

int command_line_apply(const struct command_line *line, enum flag_kind kind,
		       struct settings *settings)
{
	struct fault fault = {};
	int r;

	for (size_t i = 0; i < line->n_flags; i++) {
		if (line->flags[i].kind != kind)
			continue;
		r = settings_set(settings, line->flags[i].row, line->flags[i].value,
				 SETTING_FROM_FLAG, &fault);
		if (r == -EINVAL)
			return command_line_refuse(line, fault.cure, "%s", fault_text(&fault, r));
		if (r < 0)
			return program_fail(r, &fault);
	}
	return EXIT_OK;
}

int command_line_refuse_verb(const struct command_line *line, const char *word)
{
	const struct verb *const *verbs = line->program->verbs;
	_cleanup_free_ const char **names = NULL;
	char shown[SHOWN_TEXT_MAX], hint[HINT_MAX] = "";
	const char *nearest;
	size_t n = 0;

	while (verbs[n])
		n++;
	names = calloc(n + 1, sizeof(*names));
	if (!names)
		return refuse_for_memory(line);
	for (size_t i = 0; i < n; i++)
		names[i] = verbs[i]->name;

	nearest = nearest_word(word, names);
	if (nearest)
		(void)snprintf(hint, sizeof(hint), "did you mean %s?", nearest);
	return command_line_refuse(line, hint, "unknown verb '%s'",
				   text_shown(word, shown, sizeof(shown)));
}

int command_line_refuse_word(const struct command_line *line, int at, char **argv)
{
	for (int i = 1; i < at; i++) {
		struct flag flag;

		if (!is_flag(argv[i]))
			continue;
		flag = find_flag(line->program, NULL, argv[i]);
		if (flag.kind == FLAG_UNKNOWN)
			return refuse_flag(line, argv[i], &flag);
	}
	return command_line_refuse_verb(line, argv[at]);
}
