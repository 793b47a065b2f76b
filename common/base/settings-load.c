/*
 * What a program reads before it looks at its flags: the vendor's file, the administrator's, the
 * drop-ins beside that one, and the environment.
 */

#include "common/base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"

#define DROPIN_SUFFIX ".conf"

struct names {
	char *names[SETTINGS_DROPINS_MAX]; /* owned */
	size_t n;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Editors keep their copies under hidden names or with another suffix. */
static bool is_dropin(const char *name)
{
	size_t size = strlen(name);

	return name[0] != '.' && size > strlen(DROPIN_SUFFIX) &&
	       strcmp(name + size - strlen(DROPIN_SUFFIX), DROPIN_SUFFIX) == 0;
}

static int read_dropin_names(DIR *dir, struct names *names)
{
	struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (!is_dropin(entry->d_name))
			continue;
		if (names->n == SETTINGS_DROPINS_MAX)
			return -E2BIG;
		names->names[names->n] = strdup(entry->d_name);
		if (!names->names[names->n])
			return -ENOMEM;
		names->n++;
	}
}

static int load_dropins(struct settings *settings, const char *path, struct fault *fault)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_(names_done) struct names names = {};
	int r = open_dir_at(AT_FDCWD, path, &dir);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = read_dropin_names(dir, &names);
	if (r == -E2BIG)
		return fault_set(fault, E2BIG, "more than %d files in %s", SETTINGS_DROPINS_MAX,
				 path);
	if (r < 0)
		return fault_set(fault, r, "cannot read %s: %m", path);

	qsort(names.names, names.n, sizeof(*names.names), compare_names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *file = str_format("%s/%s", path, names.names[i]);

		if (!file)
			return -ENOMEM;
		r = settings_load_file(settings, file, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_if_there(struct settings *settings, const char *path, struct fault *fault)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return settings_load_file(settings, path, fault);
}

int settings_load_files(struct settings *settings, const char *root, const char *name,
			struct fault *fault)
{
	static const struct {
		int (*load)(struct settings *settings, const char *path, struct fault *fault);
		const char *directory, *suffix;
	} places[] = {
		{ load_if_there, "/usr/lib/paddock", ".conf" },
		{ load_if_there, "/etc/paddock", ".conf" },
		{ load_dropins, "/etc/paddock", ".conf.d" },
	};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path =
			str_format("%s%s/%s%s", root, places[i].directory, name, places[i].suffix);

		if (!path)
			return -ENOMEM;
		r = places[i].load(settings, path, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

/* For nearest_word(), without those that are flags only. The caller frees the array. */
static const char **variable_names(const struct settings *settings)
{
	const char **names = calloc(settings->n_rows + 1, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; names && i < settings->n_rows; i++) {
		if (settings->rows[i].section)
			names[n++] = settings->rows[i].name;
	}
	return names;
}

static int refuse_variable(const struct settings *settings, const char *name, struct fault *fault)
{
	_cleanup_free_ const char **names = variable_names(settings);
	struct setting row = {};
	char shown[SHOWN_TEXT_MAX], guess[SETTING_NAME_MAX], lower[SETTING_NAME_MAX] = "";
	size_t i;

	if (!names)
		return -ENOMEM;

	(void)text_shown(name, shown, sizeof(shown));
	name += strlen(SETTING_ENVIRONMENT_PREFIX);
	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)(name[i] == '_' ? '-' : name[i]);
	row.name = name[i] ? NULL : nearest_word(lower, names);
	if (row.name)
		return fault_set(fault, EINVAL, "environment: unknown setting %s; did you mean %s?",
				 shown, setting_environment_name(&row, guess, sizeof(guess)));
	return fault_set(fault, EINVAL, "environment: unknown setting %s", shown);
}

static int set_from_variable(struct settings *settings, const char *name, const char *value,
			     struct fault *fault)
{
	char text[SETTING_NAME_MAX];

	for (size_t i = 0; i < settings->n_rows; i++) {
		if (!settings->rows[i].section)
			continue;
		if (strcmp(setting_environment_name(&settings->rows[i], text, sizeof(text)),
			   name) != 0)
			continue;
		if (*value == '\0')
			return 0;
		return settings_set(settings, i, value, SETTING_FROM_ENVIRONMENT, fault);
	}
	return refuse_variable(settings, name, fault);
}

static bool is_listed(const char *word, const char *const *words)
{
	for (; words && *words; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

int settings_load_environment(struct settings *settings, char *const *environment,
			      const char *const *ignored, struct fault *fault)
{
	int r;

	for (; *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		_cleanup_free_ char *name = NULL;

		if (!equals || strncmp(*environment, SETTING_ENVIRONMENT_PREFIX,
				       strlen(SETTING_ENVIRONMENT_PREFIX)) != 0)
			continue;
		name = strndup(*environment, (size_t)(equals - *environment));
		if (!name)
			return -ENOMEM;
		if (is_listed(name, ignored))
			continue;

		r = set_from_variable(settings, name, equals + 1, fault);
		if (r < 0)
			return r;
	}
	return 0;
}
