/*
 * Settings from INI files.
 *
 * inih does the parsing, but it forgives what we must not: it cuts long lines, long section names
 * and whatever stands behind a NUL byte without a word, knows sections only by the keys in them,
 *and takes an indented line for more of the value above. So it is fed through a reader of ours,
 *which counts lines, refuses what would be cut, opens the sections, and keeps the indentation only
 *where a list may go on:
 *
 *	[pool]
 *	types = m7i.large m7a.large
 *		c7g.*
 */

#include "common/base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/text.h"

#define SPACES " \t"
#define UTF8_MARK "\xef\xbb\xbf"
#define SECTION_MAX 49 /* inih cuts longer ones */

/* A key of this file, to notice the second one. There can be no more than the tables have rows. */
struct seen {
	char *section; /* owned */
	const struct setting *row;
	unsigned line;
};

struct reader {
	struct settings *settings;
	struct fault *fault;
	const char *path;
	const char *next, *end; /* what is still unread */
	unsigned line;          /* number of the line handed out last */
	bool more;              /* that line goes on with the list above */
	int error;              /* the first one; reading has stopped */

	char section[SECTION_MAX + 1]; /* empty before the first one */
	void *member;                  /* its values when it is one of the family, else NULL */
	const struct setting *list;    /* the key above, if it is a list; NULL: it is none */

	struct seen *seen; /* owned */
	size_t n_seen;
};

static void reader_done(struct reader *reader)
{
	for (size_t i = 0; i < reader->n_seen; i++)
		free(reader->seen[i].section);
	free(reader->seen);
}

/* Keeps the error for later, since neither callback of inih can return it. */
static void stop(struct reader *reader, int r)
{
	reader->error = fault_wrap(reader->fault, r, "%s:%u", reader->path, reader->line);
}

static bool is_family_section(const struct setting_family *family, const char *section)
{
	size_t size;

	if (!family)
		return false;
	size = strlen(family->prefix);
	return strncmp(section, family->prefix, size) == 0 && strchr(SPACES, section[size]);
}

static bool has_section(const struct settings *settings, const char *section)
{
	for (size_t i = 0; i < settings->n_rows; i++) {
		if (settings->rows[i].section && strcmp(settings->rows[i].section, section) == 0)
			return true;
	}
	return false;
}

static int refuse_section(const struct settings *settings, const char *section, struct fault *fault)
{
	const struct setting_family *family = settings->family;
	_cleanup_free_ const char **names = calloc(settings->n_rows + 1, sizeof(*names));
	char shown[SHOWN_TEXT_MAX], first[SECTION_MAX + 1];
	const char *behind = section + strcspn(section, SPACES), *nearest;
	size_t n = 0;

	if (!names)
		return -ENOMEM;

	(void)text_shown(section, shown, sizeof(shown));
	(void)snprintf(first, sizeof(first), "%.*s", (int)(behind - section), section);
	if (*behind && family && nearest_word(first, (const char *const[]){ family->prefix, NULL }))
		return fault_set(fault, EINVAL, "unknown section [%s]; did you mean [%s%s]?", shown,
				 family->prefix, shown + (behind - section));

	for (size_t i = 0; i < settings->n_rows; i++) {
		if (settings->rows[i].section)
			names[n++] = settings->rows[i].section;
	}
	nearest = nearest_word(section, names);
	if (nearest)
		return fault_set(fault, EINVAL, "unknown section [%s]; did you mean [%s]?", shown,
				 nearest);
	return fault_set(fault, EINVAL, "unknown section [%s]", shown);
}

static int open_section(struct reader *reader, const char *section)
{
	const struct setting_family *family = reader->settings->family;
	const char *name;
	int r;

	reader->member = NULL;
	reader->list = NULL;
	(void)snprintf(reader->section, sizeof(reader->section), "%s", section);

	if (!is_family_section(family, section)) {
		if (has_section(reader->settings, section))
			return 0;
		return refuse_section(reader->settings, section, reader->fault);
	}

	name = section + strlen(family->prefix);
	name += strspn(name, SPACES);
	if (*name == '\0')
		return fault_set(reader->fault, EINVAL, "[%s] lacks a name: write [%s NAME]",
				 section, family->prefix);

	r = family->open(reader->settings->values, name, &reader->member, reader->fault);
	if (r < 0)
		return fault_wrap(reader->fault, r, "[%s]", section);
	return 0;
}

/* A line "[name]". */
static int read_section_line(struct reader *reader, const char *line)
{
	const char *name = line + 1 + strspn(line + 1, SPACES), *end = strchr(name, ']'), *behind;
	char section[SECTION_MAX + 1];

	if (!end)
		return fault_set(reader->fault, EINVAL, "'[' without a ']'");
	behind = end + 1 + strspn(end + 1, SPACES "\n");
	if (*behind && !strchr(";#", *behind))
		return fault_set(reader->fault, EINVAL, "something stands behind the ']'");

	while (end > name && strchr(SPACES, end[-1]))
		end--;
	if (end == name)
		return fault_set(reader->fault, EINVAL, "a section without a name");
	if (end - name > SECTION_MAX)
		return fault_set(reader->fault, EINVAL,
				 "the name of a section is longer than %d bytes", SECTION_MAX);

	(void)snprintf(section, sizeof(section), "%.*s", (int)(end - name), name);
	return open_section(reader, section);
}

static int refuse_bytes(struct reader *reader, const char *text, size_t size, size_t max)
{
	if (size > max)
		return fault_cure(
			reader->fault,
			fault_set(reader->fault, EINVAL, "the line is longer than %zu bytes", max),
			"a list may go on in indented lines below");

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return fault_set(reader->fault, EINVAL,
					 "byte 0x%02x in column %zu: this is no text", byte, i + 1);
	}
	return 0;
}

/* One line of the file, checked, to where inih reads from. 0 when it may go on. */
static int take_line(struct reader *reader, char *line, size_t room)
{
	const char *text = reader->next;
	const char *newline = memchr(text, '\n', (size_t)(reader->end - text));
	size_t size = (size_t)((newline ? newline : reader->end) - text), indent;
	int r;

	reader->next = newline ? newline + 1 : reader->end;
	reader->line++;
	if (size > 0 && text[size - 1] == '\r')
		size--;

	/* A newline and a NUL must fit behind it. */
	r = refuse_bytes(reader, text, size, room - 2);
	if (r < 0)
		return r;
	(void)memcpy(line, text, size);
	(void)memcpy(line + size, "\n", 2);

	indent = strspn(line, SPACES);
	reader->more = reader->list && indent > 0 && !strchr("[;#\n", line[indent]) &&
		       !strchr(line, '=') && !strstr(line, ": ");
	if (!reader->more)
		(void)memmove(line, line + indent, size + 2 - indent);
	return line[0] == '[' ? read_section_line(reader, line) : 0;
}

/* inih's ini_reader. */
static char *on_line(char *line, int room, void *context)
{
	struct reader *reader = context;
	int r;

	if (reader->error < 0 || reader->next == reader->end)
		return NULL;

	r = take_line(reader, line, (size_t)room);
	if (r == 0)
		return line;
	stop(reader, r);
	return NULL;
}

/* Refuses the second line for a key; remembers the first. */
static int mark_seen(struct reader *reader, const struct setting *row)
{
	struct seen *seen = reader->seen;

	for (size_t i = 0; i < reader->n_seen; i++) {
		if (seen[i].row == row && strcmp(seen[i].section, reader->section) == 0)
			return fault_set(reader->fault, EINVAL,
					 "setting '%s' of [%s] is given twice; it stands in line "
					 "%u already",
					 row->name, reader->section, seen[i].line);
	}

	seen = reallocarray(seen, reader->n_seen + 1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	reader->seen = seen;
	seen[reader->n_seen] = (struct seen){ strdup(reader->section), row, reader->line };
	if (!seen[reader->n_seen].section)
		return -ENOMEM;
	reader->n_seen++;
	return 0;
}

static bool is_in_section(const struct reader *reader, const struct setting *row)
{
	return reader->member || (row->section && strcmp(row->section, reader->section) == 0);
}

static int refuse_key(const struct reader *reader, const struct setting *rows, size_t n_rows,
		      const char *name)
{
	_cleanup_free_ const char **names = calloc(n_rows + 1, sizeof(*names));
	char shown[SHOWN_TEXT_MAX];
	const char *nearest;
	size_t n = 0;

	if (!names)
		return -ENOMEM;

	(void)text_shown(name, shown, sizeof(shown));
	for (size_t i = 0; i < n_rows; i++) {
		if (is_in_section(reader, &rows[i]))
			names[n++] = rows[i].name;
		else if (rows[i].section && strcmp(rows[i].name, name) == 0)
			return fault_set(reader->fault, EINVAL,
					 "setting '%s' belongs in [%s], not in [%s]", shown,
					 rows[i].section, reader->section);
	}
	nearest = nearest_word(name, names);
	if (nearest)
		return fault_set(reader->fault, EINVAL,
				 "unknown setting '%s' in [%s]; did you mean '%s'?", shown,
				 reader->section, nearest);
	return fault_set(reader->fault, EINVAL, "unknown setting '%s' in [%s]", shown,
			 reader->section);
}

static int set_from_file(struct reader *reader, const struct setting *row, const char *value)
{
	struct settings *settings = reader->settings;
	size_t i = (size_t)(row - settings->rows);
	char *path;
	int r;

	if (reader->member) {
		r = setting_read(row, reader->member, value, false, reader->fault);
		return fault_wrap(reader->fault, r, "%s", row->name);
	}

	path = strdup(reader->path);
	if (!path)
		return -ENOMEM;
	r = settings_set(settings, i, value, SETTING_FROM_FILE, reader->fault);
	if (r < 0) {
		free(path);
		return r;
	}
	settings->origins[i].file = path;
	settings->origins[i].line = reader->line;
	return 0;
}

static int read_key(struct reader *reader, const char *name, const char *value)
{
	const struct setting_family *family = reader->settings->family;
	const struct setting *rows = reader->member ? family->rows : reader->settings->rows;
	size_t n_rows = reader->member ? family->n_rows : reader->settings->n_rows;
	char shown[SHOWN_TEXT_MAX];
	int r;

	if (reader->section[0] == '\0')
		return fault_set(reader->fault, EINVAL,
				 "setting '%s' stands before the first [section]",
				 text_shown(name, shown, sizeof(shown)));

	for (size_t i = 0; i < n_rows; i++) {
		if (strcmp(rows[i].name, name) != 0 || !is_in_section(reader, &rows[i]))
			continue;
		r = mark_seen(reader, &rows[i]);
		if (r < 0)
			return r;
		reader->list = rows[i].type == SETTING_LIST ? &rows[i] : NULL;
		return set_from_file(reader, &rows[i], value);
	}
	return refuse_key(reader, rows, n_rows, name);
}

/* More words of the list above. inih strips comments behind values, but older ones not here. */
static int read_more(struct reader *reader, const char *value)
{
	void *values = reader->member ? reader->member : reader->settings->values;
	char words[INI_MAX_LINE];
	int r;

	(void)snprintf(words, sizeof(words), "%s", value);
	for (char *p = words; *p; p++) {
		if (p[0] == ';' && p > words && strchr(SPACES, p[-1])) {
			*p = '\0';
			break;
		}
	}
	r = setting_read(reader->list, values, words, true, reader->fault);
	return fault_wrap(reader->fault, r, "%s", reader->list->name);
}

/* inih's ini_handler: 1 to go on, 0 for an error. */
static int on_key(void *context, _unused_ const char *section, const char *name, const char *value)
{
	struct reader *reader = context;
	int r;

	/* Some builds of inih also tell of sections, and let a key stand alone. */
	if (!name)
		return 1;
	if (reader->error < 0 || !value)
		return 0;

	r = reader->more ? read_more(reader, value) : read_key(reader, name, value);
	if (r < 0)
		stop(reader, r);
	return r == 0;
}

static int parse_file(struct settings *settings, const char *path, const char *text, size_t size,
		      struct fault *fault)
{
	_cleanup_(reader_done) struct reader reader = {
		.settings = settings,
		.fault = fault,
		.path = path,
		.next = text,
		.end = text + size,
	};
	int bad_line;

	if (size >= strlen(UTF8_MARK) && memcmp(text, UTF8_MARK, strlen(UTF8_MARK)) == 0)
		reader.next += strlen(UTF8_MARK);

	bad_line = ini_parse_stream(on_line, &reader, on_key, &reader);
	if (bad_line > 0 && (reader.error == 0 || (unsigned)bad_line < reader.line))
		return fault_set(fault, EINVAL, "%s:%d: neither a [section] nor 'key = value'",
				 path, bad_line);
	if (bad_line < 0)
		return -ENOMEM;
	return reader.error;
}

static int read_file(const char *path, char **ret, size_t *ret_size, struct fault *fault)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return fault_set(fault, errno, "cannot read %s: %m", path);
	/* /dev/null is a fair way to say "none"; a fifo could make us wait for ever. */
	if (S_ISDIR(st.st_mode))
		return fault_set(fault, EISDIR, "cannot read %s: %m", path);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return fault_set(fault, EINVAL, "cannot read %s: it is no regular file", path);

	r = read_file_alloc_at(AT_FDCWD, path, SETTINGS_FILE_MAX, ret, ret_size);
	if (r == -EFBIG)
		return fault_set(fault, EFBIG, "%s is larger than %zu bytes", path,
				 SETTINGS_FILE_MAX);
	if (r < 0)
		return fault_set(fault, r, "cannot read %s: %m", path);
	return 0;
}

int settings_load_file(struct settings *settings, const char *path, struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = read_file(path, &text, &size, fault);

	if (r < 0)
		return r;
	return parse_file(settings, path, text, size, fault);
}
