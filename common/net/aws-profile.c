/*
 * The CLI reads these files with Python's configparser, whose habits are the format:
 *
 *  - a line that is indented further than the key above belongs to that key: it goes on with the
 *    value, or, when the value is empty, is a nested "key = value";
 *  - comments have a line of their own;
 *  - the first '=' or ':' ends the key.
 *
 * inih, which reads our own settings, has other habits, cuts long lines, and copies values to where
 * nobody wipes them.
 */

#include "common/net/aws-profile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/secret.h"
#include "common/base/text.h"

#define SPACES " \t"
#define UTF8_MARK "\xef\xbb\xbf"
#define KEY_MAX 128

struct entry {
	char *key; /* owned; lower case, nested ones with a '.' */
	struct secret value;
};

struct section {
	enum aws_file file;
	enum aws_section kind;
	bool prefixed; /* [profile default], which beats [default] */
	char *name;    /* owned */
	struct entry *entries;
	size_t n;
};

struct aws_profiles {
	struct section *sections; /* owned */
	size_t n;
	char *exposed; /* owned */
};

struct reader {
	struct aws_profiles *profiles;
	enum aws_file file;
	size_t section; /* index; SIZE_MAX: none yet */
	size_t indent;  /* of the key above */
	bool has_key;
	char key[KEY_MAX]; /* the key above, that indented lines belong to */
	struct fault *fault;
};

int aws_profiles_new(struct aws_profiles **ret)
{
	struct aws_profiles *profiles = calloc(1, sizeof(*profiles));

	if (!profiles)
		return -ENOMEM;
	*ret = profiles;
	return 0;
}

static void section_done(struct section *section)
{
	for (size_t i = 0; i < section->n; i++) {
		free(section->entries[i].key);
		secret_done(&section->entries[i].value);
	}
	free(section->entries);
	free(section->name);
}

void aws_profiles_free(struct aws_profiles *profiles)
{
	if (!profiles)
		return;
	for (size_t i = 0; i < profiles->n; i++)
		section_done(&profiles->sections[i]);
	free(profiles->sections);
	free(profiles->exposed);
	free(profiles);
}

/* --- sections -------------------------------------------------------------------------------- */

static int open_section(struct reader *reader, enum aws_section kind, bool prefixed,
			const char *name)
{
	struct aws_profiles *profiles = reader->profiles;
	struct section *sections;
	char *copy;

	reader->has_key = false;
	for (size_t i = 0; i < profiles->n; i++) {
		const struct section *section = &profiles->sections[i];

		if (section->file == reader->file && section->kind == kind &&
		    section->prefixed == prefixed && strcmp(section->name, name) == 0) {
			reader->section = i;
			return 0;
		}
	}

	if (profiles->n == AWS_PROFILE_SECTIONS_MAX)
		return fault_set(reader->fault, EINVAL, "more than %d sections",
				 AWS_PROFILE_SECTIONS_MAX);
	sections = reallocarray(profiles->sections, profiles->n + 1, sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	profiles->sections = sections;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	sections[profiles->n] = (struct section){
		.file = reader->file,
		.kind = kind,
		.prefixed = prefixed,
		.name = copy,
	};
	reader->section = profiles->n++;
	return 0;
}

/* Takes quotes from around a name. */
static char *unquote(char *name)
{
	size_t size = strlen(name);

	if (size >= 2 && (name[0] == '"' || name[0] == '\'') && name[size - 1] == name[0]) {
		name[size - 1] = '\0';
		name++;
	}
	return name;
}

/* Of the config file: the first word says what it is. */
static int open_config_section(struct reader *reader, char *header)
{
	static const struct {
		const char *word;
		enum aws_section kind;
	} words[] = {
		{ "profile", AWS_SECTION_PROFILE },
		{ "services", AWS_SECTION_SERVICES },
	};
	size_t size = strcspn(header, SPACES);

	if (strcmp(header, "default") == 0)
		return open_section(reader, AWS_SECTION_PROFILE, false, header);
	for (size_t i = 0; i < ARRAY_SIZE(words) && header[size]; i++) {
		if (strlen(words[i].word) != size || memcmp(header, words[i].word, size) != 0)
			continue;
		return open_section(reader, words[i].kind, true,
				    unquote(header + size + strspn(header + size, SPACES)));
	}
	return open_section(reader, AWS_SECTION_OTHER, false, header);
}

static int read_section_line(struct reader *reader, const char *line, size_t size)
{
	const char *start = line + 1, *end = memrchr(line, ']', size);
	char header[AWS_PROFILE_NAME_MAX];

	if (!end)
		return fault_set(reader->fault, EINVAL, "'[' without a ']'");
	while (start < end && strchr(SPACES, *start))
		start++;
	while (end > start && strchr(SPACES, end[-1]))
		end--;
	if (start == end)
		return fault_set(reader->fault, EINVAL, "a section without a name");
	if ((size_t)(end - start) >= sizeof(header))
		return fault_set(reader->fault, EINVAL,
				 "the name of a section is longer than %zu bytes",
				 sizeof(header) - 1);

	(void)snprintf(header, sizeof(header), "%.*s", (int)(end - start), start);
	if (reader->file == AWS_FILE_CREDENTIALS)
		return open_section(reader, AWS_SECTION_PROFILE, false, header);
	return open_config_section(reader, header);
}

/* --- keys ------------------------------------------------------------------------------------ */

static struct entry *find_entry(const struct section *section, const char *key)
{
	for (size_t i = 0; i < section->n; i++) {
		if (strcmp(section->entries[i].key, key) == 0)
			return &section->entries[i];
	}
	return NULL;
}

static int set_value(struct section *section, const char *key, const char *value, size_t size)
{
	struct entry *entry = find_entry(section, key), *entries;
	char *copy;

	if (entry)
		return secret_set(&entry->value, value, size);

	if (section->n == AWS_PROFILE_KEYS_MAX)
		return -E2BIG;
	entries = reallocarray(section->entries, section->n + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	section->entries = entries;
	copy = strdup(key);
	if (!copy)
		return -ENOMEM;
	entries[section->n++] = (struct entry){ .key = copy };
	return secret_set(&entries[section->n - 1].value, value, size);
}

/* A line that goes on with the value above, behind a newline. */
static int extend_value(struct section *section, const char *key, const char *more, size_t size)
{
	struct entry *entry = find_entry(section, key);
	struct secret longer;
	size_t old = entry->value.size;

	if (old + 1 + size > SECRET_MAX_BYTES)
		return -EFBIG;
	longer.size = old + 1 + size;
	longer.bytes = malloc(longer.size + 1);
	if (!longer.bytes)
		return -ENOMEM;
	(void)snprintf(longer.bytes, longer.size + 1, "%s\n%.*s", secret_reveal(&entry->value),
		       (int)size, more);
	secret_done(&entry->value);
	entry->value = longer;
	return 0;
}

/* The key in lower case behind prefix; -EINVAL when there is none or it is too long. */
static int make_key(char ret[KEY_MAX], const char *prefix, const char *key, size_t size)
{
	size_t used = strlen(prefix);

	while (size > 0 && strchr(SPACES, key[size - 1]))
		size--;
	if (size == 0 || used + size + 2 > KEY_MAX)
		return -EINVAL;

	memmove(ret, prefix, used);
	if (used > 0)
		ret[used++] = '.';
	for (size_t i = 0; i < size; i++)
		ret[used + i] = (char)tolower((unsigned char)key[i]);
	ret[used + size] = '\0';
	return 0;
}

static int refuse_line(const struct reader *reader)
{
	return fault_cure(reader->fault,
			  fault_set(reader->fault, EINVAL, "neither a [section] nor 'key = value'"),
			  "the line is not shown, as it may hold a secret");
}

static int read_key(struct reader *reader, const char *line, size_t size, bool nested)
{
	struct section *section = &reader->profiles->sections[reader->section];
	const char *end = line + size, *mark = line;
	char key[KEY_MAX];

	while (mark < end && *mark != '=' && (nested || *mark != ':'))
		mark++;
	if (mark == end)
		return refuse_line(reader);
	if (make_key(key, nested ? reader->key : "", line, (size_t)(mark - line)) < 0)
		return fault_set(reader->fault, EINVAL,
				 "a value without a key, or a key of more than %d bytes",
				 KEY_MAX - 1);

	if (!nested) {
		reader->has_key = true;
		memcpy(reader->key, key, sizeof(key));
	}
	for (mark++; mark < end && strchr(SPACES, *mark); mark++)
		;
	return set_value(section, key, mark, (size_t)(end - mark));
}

/* --- lines ----------------------------------------------------------------------------------- */

static bool is_nesting(const struct reader *reader)
{
	const struct section *section = &reader->profiles->sections[reader->section];

	return find_entry(section, reader->key)->value.size == 0;
}

static int read_line(struct reader *reader, const char *line, size_t size)
{
	size_t indent = 0;

	while (size > 0 && (strchr(SPACES, line[size - 1]) || line[size - 1] == '\r'))
		size--;
	while (indent < size && strchr(SPACES, line[indent]))
		indent++;
	line += indent;
	size -= indent;
	if (size == 0 || *line == '#' || *line == ';')
		return 0;

	for (size_t i = 0; i < size; i++) {
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return fault_set(reader->fault, EINVAL, "a control character");
	}

	if (reader->has_key && indent > reader->indent) {
		if (is_nesting(reader))
			return read_key(reader, line, size, true);
		return extend_value(&reader->profiles->sections[reader->section], reader->key, line,
				    size);
	}
	reader->indent = indent;
	if (*line == '[')
		return read_section_line(reader, line, size);
	if (reader->section == SIZE_MAX)
		return fault_set(reader->fault, EINVAL, "a line before the first [section]");
	return read_key(reader, line, size, false);
}

int aws_profiles_parse(struct aws_profiles *profiles, enum aws_file file, const char *path,
		       const char *text, size_t size, struct fault *fault)
{
	struct reader reader = {
		.profiles = profiles,
		.file = file,
		.section = SIZE_MAX,
		.fault = fault,
	};
	const char *at = text, *end = text + size;
	unsigned line = 1;

	if (size >= strlen(UTF8_MARK) && memcmp(at, UTF8_MARK, strlen(UTF8_MARK)) == 0)
		at += strlen(UTF8_MARK);

	for (; at < end; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		int r = read_line(&reader, at, (size_t)((newline ? newline : end) - at));

		if (r == -EFBIG)
			r = fault_set(fault, EINVAL, "the value is longer than %lu bytes",
				      SECRET_MAX_BYTES);
		if (r == -E2BIG)
			r = fault_set(fault, EINVAL, "more than %d keys in one section",
				      AWS_PROFILE_KEYS_MAX);
		if (r < 0)
			return fault_wrap(fault, r, "%s:%u", path, line);
		at = newline ? newline + 1 : end;
	}
	return 0;
}

/* --- files ----------------------------------------------------------------------------------- */

/* A fifo could make us wait for ever; that others can read it is noted. */
static int check_file(struct aws_profiles *profiles, enum aws_file file, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return -EINVAL;

	if (file == AWS_FILE_CREDENTIALS && S_ISREG(st.st_mode) && (st.st_mode & 077) &&
	    !profiles->exposed) {
		profiles->exposed = strdup(path);
		if (!profiles->exposed)
			return -ENOMEM;
	}
	return 0;
}

int aws_profiles_load(struct aws_profiles *profiles, enum aws_file file, const char *path,
		      struct fault *fault)
{
	_cleanup_secret_ struct secret text = {};
	int r = check_file(profiles, file, path);

	if (r >= 0)
		r = read_file_alloc_at(AT_FDCWD, path, AWS_PROFILE_FILE_MAX, &text.bytes,
				       &text.size);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == -EFBIG)
		return fault_set(fault, r, "%s is larger than %lu bytes", path,
				 AWS_PROFILE_FILE_MAX);
	if (r < 0)
		return fault_set(fault, r, "cannot read %s: %m", path);
	return aws_profiles_parse(profiles, file, path, text.bytes, text.size, fault);
}

/* --- questions ------------------------------------------------------------------------------- */

bool aws_profiles_has(const struct aws_profiles *profiles, enum aws_section section,
		      const char *name)
{
	for (size_t i = 0; i < profiles->n; i++) {
		if (profiles->sections[i].kind == section &&
		    strcmp(profiles->sections[i].name, name) == 0)
			return true;
	}
	return false;
}

const char *aws_profiles_get_from(const struct aws_profiles *profiles, enum aws_file file,
				  enum aws_section section, const char *name, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < profiles->n; i++) {
		const struct section *candidate = &profiles->sections[i];
		const struct entry *entry;

		if (candidate->file != file || candidate->kind != section ||
		    strcmp(candidate->name, name) != 0)
			continue;
		entry = find_entry(candidate, key);
		if (entry && entry->value.size > 0 && (!value || candidate->prefixed))
			value = secret_reveal(&entry->value);
	}
	return value;
}

const char *aws_profiles_get(const struct aws_profiles *profiles, enum aws_section section,
			     const char *name, const char *key)
{
	const char *value =
		aws_profiles_get_from(profiles, AWS_FILE_CREDENTIALS, section, name, key);

	return value ? value : aws_profiles_get_from(profiles, AWS_FILE_CONFIG, section, name, key);
}

const char *aws_profiles_exposed(const struct aws_profiles *profiles)
{
	return profiles->exposed;
}
