/*
 * The table bound to values: defaults, one value at a time, and where each value came from.
 */

#include "common/base/settings.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/base/text.h"

int settings_init(struct settings *settings, const struct setting *rows, size_t n_rows,
		  void *values, const struct setting_family *family, struct fault *fault)
{
	/* One more than needed, since calloc() of nothing may give NULL. */
	_cleanup_free_ struct setting_origin *origins = calloc(n_rows + 1, sizeof(*origins));
	int r;

	if (!origins)
		return -ENOMEM;
	r = settings_read_defaults(rows, n_rows, values, fault);
	if (r < 0)
		return r;

	*settings = (struct settings){
		.rows = rows,
		.n_rows = n_rows,
		.values = values,
		.origins = take_ptr(origins),
		.family = family,
	};
	return 0;
}

void settings_done(struct settings *settings)
{
	settings_free_values(settings->rows, settings->n_rows, settings->values);
	for (size_t i = 0; i < settings->n_rows; i++)
		free(settings->origins[i].file);
	free(settings->origins);
	*settings = (struct settings){};
}

const char *setting_environment_name(const struct setting *row, char *text, size_t size)
{
	(void)snprintf(text, size, SETTING_ENVIRONMENT_PREFIX "%s", row->name);
	for (char *p = text; *p; p++)
		*p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
	return text;
}

/* Says in front of a fault which value it is about, in the words of whoever gave it. */
static int wrap_name(const struct setting *row, enum setting_source source, int r,
		     struct fault *fault)
{
	char name[SETTING_NAME_MAX];

	if (source == SETTING_FROM_ENVIRONMENT)
		return fault_wrap(fault, r,
				  "%s: ", setting_environment_name(row, name, sizeof(name)));
	return fault_wrap(fault, r, "%s%s: ", source == SETTING_FROM_FLAG ? "--" : "", row->name);
}

int settings_set(struct settings *settings, size_t row, const char *text,
		 enum setting_source source, struct fault *fault)
{
	const struct setting *setting = &settings->rows[row];
	struct setting_origin *origin = &settings->origins[row];
	bool again = source == SETTING_FROM_FLAG && origin->source == SETTING_FROM_FLAG;
	int r;

	if (source == SETTING_FROM_FLAG && setting->type == SETTING_TEXT && *text == '\0')
		return fault_set(fault, EINVAL, "--%s: the value is empty", setting->name);

	r = setting_read(setting, settings->values, text, again, fault);
	if (r < 0)
		return wrap_name(setting, source, r, fault);

	free(origin->file);
	*origin = (struct setting_origin){ .source = source };
	return 0;
}

int settings_find(const struct settings *settings, const char *name, struct fault *fault)
{
	_cleanup_free_ const char **names = calloc(settings->n_rows + 1, sizeof(*names));
	char shown[SHOWN_TEXT_MAX];
	const char *nearest;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < settings->n_rows; i++) {
		if (strcmp(settings->rows[i].name, name) == 0)
			return (int)i;
		names[i] = settings->rows[i].name;
	}

	(void)text_shown(name, shown, sizeof(shown));
	nearest = nearest_word(name, names);
	if (nearest)
		return fault_set(fault, ENOENT, "unknown setting '%s'; did you mean '%s'?", shown,
				 nearest);
	return fault_set(fault, ENOENT, "unknown setting '%s'", shown);
}

char *settings_format(const struct settings *settings, size_t row)
{
	return setting_format(&settings->rows[row], settings->values);
}

const char *settings_origin_text(const struct settings *settings, size_t row, char *text,
				 size_t size)
{
	static const char *const names[] = {
		[SETTING_FROM_DEFAULT] = "default",
		[SETTING_FROM_ENVIRONMENT] = "environment",
		[SETTING_FROM_FLAG] = "flag",
	};
	const struct setting_origin *origin = &settings->origins[row];

	if (origin->source == SETTING_FROM_FILE)
		(void)snprintf(text, size, "%s:%u", origin->file ? origin->file : "file",
			       origin->line);
	else
		(void)snprintf(text, size, "%s", names[origin->source]);
	return text;
}
