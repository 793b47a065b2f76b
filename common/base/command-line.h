#pragma once

/* What argv says, understood but not yet done: the verb, its flags and its words. For program_run()
 * alone. Functions that may have to refuse return an exit code, and have told the user. */

#include "common/base/exit.h"
#include "common/base/verb.h"

enum flag_kind { FLAG_UNKNOWN, FLAG_VERB, FLAG_PROGRAM, FLAG_HELP, FLAG_VERSION, FLAG_CONFIG };

/* What a word that begins with '-' means. */
struct flag {
	enum flag_kind kind;
	size_t row;
	const struct setting *setting; /* NULL for a built-in */
	bool negated;                  /* --no-name */
	bool attached;                 /* --name=value */
	const char *name;              /* without dashes, up to an '=' */
	size_t name_size;
	const char *value; /* behind the '=', or the next word, or "yes" or "no"; NULL: missing */
};

#define COMMAND_LINE_FLAGS_MAX 256

struct command_line {
	const struct program *program;
	const struct verb *verb; /* NULL: there is none to run */
	bool named;              /* it was given, and is not just the program's fallback */
	struct settings options; /* the verb's, owned */
	void *options_values;    /* owned */
	struct flag flags[COMMAND_LINE_FLAGS_MAX];
	size_t n_flags;
	char **args; /* the words that are no flags; owned, the strings are argv's */
	int n_args;
	const char *config_path;
	bool version;
};

void command_line_done(struct command_line *line);

/* The verb and where it stands; NULL when none is named. */
const struct verb *command_line_find_verb(const struct program *program, int argc, char **argv,
					  int *ret_at);

/* Index of the first word that is no flag and no flag's value, if verb is the one meant; argc when
 * there is none. With verb NULL, the flags of all verbs are known. */
int command_line_first_word(const struct program *program, const struct verb *verb, int argc,
			    char **argv);

bool command_line_wants_help(int argc, char **argv);

/* Everything but the verb itself, which stands at verb_at. */
int command_line_read(struct command_line *line, int argc, char **argv, int verb_at) _must_check_;

/* Whether the words are as many as the verb takes. */
int command_line_check_args(const struct command_line *line) _must_check_;

/* Sets what the flags of one kind say. */
int command_line_apply(const struct command_line *line, enum flag_kind kind,
		       struct settings *settings) _must_check_;

/* The first word, at argv[at], is no verb: a flag before it may be to blame. */
int command_line_refuse_word(const struct command_line *line, int at, char **argv);
int command_line_refuse_verb(const struct command_line *line, const char *word);

/* Says what is wrong with the command line, what may help (hint, may be NULL) and where to look. */
int command_line_refuse(const struct command_line *line, const char *hint, const char *format, ...)
	_printf_(3, 4);

/* "paddock: text" on stderr. */
void program_complain(const struct program *program, const char *format, ...) _printf_(2, 3);

/* The built-in flags; those behind the first program_flags_n() are not this program's. */
extern const struct setting program_flags[];
size_t program_flags_n(const struct program *program);
