/* The settings' files of both programs, with their real tables. */

#include <errno.h>
#include <string.h>

#include "agent/config.h"
#include "common/base/io.h"
#include "common/base/settings.h"
#include "controller/config.h"
#include "tests/fuzz/fuzz.h"

/* All rows as lines of a file, or NULL where a value would not survive as one. */
static char *print_settings(const struct settings *settings)
{
	_cleanup_free_ char *all = strdup("");

	for (size_t i = 0; i < settings->n_rows; i++) {
		const struct setting *row = &settings->rows[i];
		_cleanup_free_ char *value = settings_format(settings, i);
		char *more;

		FUZZ_CHECK(all && value);
		/* A file has its own idea of quotes, comments and blanks. */
		if (strpbrk(value, ";#\"'") || strlen(value) > 150)
			return NULL;
		if (!row->section || *value == '\0' || value[strspn(value, " ")] == '\0')
			continue;
		more = str_format("%s[%s]\n%s = %s\n", all, row->section, row->name, value);
		free(all);
		all = more;
	}
	return take_ptr(all);
}

/* Returns what the file set, printed. */
static char *load(struct settings *settings, const void *data, size_t size)
{
	struct fault fault = {};
	char path[4096];
	int r;

	fuzz_write_file("settings.conf", data, size);
	(void)snprintf(path, sizeof(path), "%s/settings.conf", fuzz_dir());
	r = settings_load_file(settings, path, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL, ENOSPC, EFBIG);
		FUZZ_CHECK(strncmp(fault.text, path, strlen(path)) == 0);
		fuzz_check_harmless(fault.text);
		return NULL;
	}
	return print_settings(settings);
}

static void check_controller(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct settings settings;
	struct config config;

	for (int round = 0; round < 2; round++) {
		FUZZ_CHECK(config_init(&config, NULL) == 0);
		FUZZ_CHECK(settings_init(&settings, config_rows, config_rows_n, &config,
					 &config_family, NULL) == 0);
		if (round == 0)
			text = load(&settings, data, size);
		else if (text)
			again = load(&settings, text, strlen(text));
		(void)!config_check(&config, NULL);
		settings_done(&settings);
		config_done(&config);
	}
	FUZZ_CHECK_TEXT(!text || (again && strcmp(text, again) == 0), text);
}

static void check_agent(const uint8_t *data, size_t size)
{
	struct agent_config config = {};
	struct settings settings;

	FUZZ_CHECK(settings_init(&settings, agent_config_rows, agent_config_rows_n, &config, NULL,
				 NULL) == 0);
	free(load(&settings, data, size));
	(void)!agent_config_check(&config, NULL);
	settings_done(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_controller(data, size);
	check_agent(data, size);
	return 0;
}
