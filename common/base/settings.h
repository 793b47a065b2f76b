#pragma once

/*
 * One row of a table is all there is to say about a setting or a flag: its parser, default, range,
 * unit, help and manual text. The same rows serve the INI files, the environment, the command line
 * and the options of a single verb.
 *
 * Where a value comes from, the later ones winning: the row's default; /usr/lib/paddock/NAME.conf;
 * /etc/paddock/NAME.conf; /etc/paddock/NAME.conf.d/<*>.conf in order of name; PADDOCK_<NAME> in the
 * environment; the command line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

enum setting_type {
	SETTING_TEXT, /* char *, owned; min to max bytes (max 0: 255); NULL when empty or without a
			 default; UTF-8 without control characters */
	SETTING_U64,  /* uint64_t */
	SETTING_DURATION, /* uint64_t, microseconds; min and max too */
	SETTING_SIZE,     /* uint64_t, bytes */
	SETTING_BOOL,     /* bool; on the command line also --name alone and --no-name */
	SETTING_CHOICE,   /* int: index into choices */
	SETTING_LIST,     /* struct setting_list; words split at white space or commas; repeatable
			     flags and indented lines of a file add up; min and max count words */
	_SETTING_TYPE_MAX,
};

#define SETTING_LIST_MAX 64
struct setting_list {
	char **words; /* owned, each owned */
	size_t n;
};

struct setting {
	const char *section; /* INI section; NULL: a flag only */
	const char *name;    /* "beat-period" = key, --beat-period, PADDOCK_BEAT_PERIOD */
	enum setting_type type;
	size_t offset;        /* of the field in the values */
	const char *fallback; /* the default, read by the same parser; NULL: zero, NULL, empty */
	uint64_t min, max;    /* inclusive; max 0: no upper bound */
	const char *const *choices; /* SETTING_CHOICE: NULL-ended */
	const char *unit;           /* shown in help: "COUNT", "DURATION" */
	const char *help;           /* one sentence without a full stop */
};

/* Sections that come in numbers, like [class large]: each opens a set of values of its own. */
struct setting_family {
	const char *prefix; /* "class" */
	const struct setting *rows;
	size_t n_rows;
	/* The values of the member called name, made (with settings_read_defaults()) when it is
	 * new. -ENOSPC when there are too many, -EINVAL for a bad name. Called once a section. */
	int (*open)(void *values, const char *name, void **ret_member, struct fault *fault);
};

enum setting_source {
	SETTING_FROM_DEFAULT,
	SETTING_FROM_FILE,
	SETTING_FROM_ENVIRONMENT,
	SETTING_FROM_FLAG,
};

struct setting_origin {
	enum setting_source source;
	char *file; /* owned; NULL unless from a file */
	unsigned line;
};

/* A table bound to values. All rows' defaults are in place after settings_init(). */
struct settings {
	const struct setting *rows; /* borrowed */
	size_t n_rows;
	void *values;                        /* borrowed; the struct that offsets count from */
	struct setting_origin *origins;      /* owned, one a row */
	const struct setting_family *family; /* borrowed, may be NULL */
};

int settings_init(struct settings *settings, const struct setting *rows, size_t n_rows,
		  void *values, const struct setting_family *family,
		  struct fault *fault) _must_check_;
/* Frees origins and what the values own through these rows (not the family's). */
void settings_done(struct settings *settings);

/* For members of a family: puts the rows' defaults into values, whatever was there before; and
 * frees what one set of values owns through rows. */
int settings_read_defaults(const struct setting *rows, size_t n_rows, void *values,
			   struct fault *fault) _must_check_;
void settings_free_values(const struct setting *rows, size_t n_rows, void *values);

/* Reads text into the row's field of any values; the field stays as it was when that fails. With
 * add, the words of a list join those that are there. */
int setting_read(const struct setting *row, void *values, const char *text, bool add,
		 struct fault *fault) _must_check_;
/* The field as text that setting_read() reads back; owned by the caller; NULL: no memory. */
char *setting_format(const struct setting *row, const void *values);

/* Reads <root>/usr/lib/paddock/<name>.conf, <root>/etc/paddock/<name>.conf and its .conf.d; files
 * that are not there are no error. root "" is the real one. An unknown section or key, a key given
 * twice in one file, a bad value, a line that is too long, bytes that are no text: -EINVAL with
 * file, line, reason and the nearest known name. Files over SETTINGS_FILE_MAX bytes: -EFBIG. More
 * than SETTINGS_DROPINS_MAX files in .conf.d: -E2BIG. After an error the values are a mixture. */
#define SETTINGS_FILE_MAX ((size_t)256 * 1024)
#define SETTINGS_DROPINS_MAX 128
int settings_load_files(struct settings *settings, const char *root, const char *name,
			struct fault *fault) _must_check_;
int settings_load_file(struct settings *settings, const char *path,
		       struct fault *fault) _must_check_;
/* environ-style array; an unknown PADDOCK_* is an error unless listed in ignored (NULL-ended, may
 * be NULL). A variable with an empty value is like none: CI systems set those for absent inputs. */
int settings_load_environment(struct settings *settings, char *const *environment,
			      const char *const *ignored, struct fault *fault) _must_check_;

/* One value for one row, from text. Flags of a list add up; a flag's text may not be empty. */
int settings_set(struct settings *settings, size_t row, const char *text,
		 enum setting_source source, struct fault *fault) _must_check_;
/* Index of a name, -ENOENT (with the nearest name in the fault). */
int settings_find(const struct settings *settings, const char *name,
		  struct fault *fault) _must_check_;
/* setting_format() of a row. */
char *settings_format(const struct settings *settings, size_t row);
/* "default", "/etc/paddock/paddock.conf:12", "environment", "flag". Caller's buffer. */
const char *settings_origin_text(const struct settings *settings, size_t row, char *text,
				 size_t size);

/* Help lines of a table: "  --beat-period DURATION   How often … (default 5s)", folded at width (0:
 * never). */
void settings_print_help(const struct setting *rows, size_t n_rows, FILE *to, unsigned width);
/* The same rows as a scdoc list. mark stands before each name: "--", or "" for the keys of a file.
 */
void settings_print_manual(const struct setting *rows, size_t n_rows, const char *mark, FILE *to);

/* How the environment calls a row: "PADDOCK_BEAT_PERIOD". Caller's buffer. */
#define SETTING_ENVIRONMENT_PREFIX "PADDOCK_"
#define SETTING_NAME_MAX 64
const char *setting_environment_name(const struct setting *row, char *text, size_t size);

/* The word of a NULL-ended list nearest to text by edit distance (at most a third of its length),
 * else the only word that begins with text, or NULL. Case does not count. */
const char *nearest_word(const char *text, const char *const *words);
