#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/verbs/verbs.h"

#define ORIGIN_TEXT_MAX 320

struct config_flags {
	bool origin;
};

static const struct setting config_flag_rows[] = {
	{ NULL, "origin", SETTING_BOOL, offsetof(struct config_flags, origin), NULL, 0, 0, NULL,
	  NULL, "Where each value comes from" },
};

static int print_settings(const struct settings *settings, bool origins)
{
	const char *section = "";

	for (size_t i = 0; i < settings->n_rows; i++) {
		const struct setting *row = &settings->rows[i];
		_cleanup_free_ char *value = NULL;
		char origin[ORIGIN_TEXT_MAX];

		if (!row->section)
			continue;
		value = settings_format(settings, i);
		if (!value)
			return -ENOMEM;
		if (strcmp(section, row->section) != 0)
			printf("%s[%s]\n", i > 0 ? "\n" : "", row->section);
		section = row->section;
		/* What is not set is shown as a comment: the output is a valid file. */
		printf("%s%s = %s", value[0] ? "" : "# ", row->name, value);
		if (origins)
			printf("%s; %s", value[0] ? "  " : " ",
			       settings_origin_text(settings, i, origin, sizeof(origin)));
		putchar('\n');
	}
	return 0;
}

static void print_classes(const struct class_table *classes)
{
	for (size_t i = 0; i < classes->n; i++) {
		const struct resource_class *row = &classes->rows[i];

		printf("\n[class %s]\ncpu = %" PRIu64 "\nmemory = %" PRIu64 "\n", row->name,
		       row->cpu, row->memory_mib);
		if (row->needs)
			printf("need = %s\n", row->needs);
		if (row->provider)
			printf("provider = %s\n", row->provider);
		if (row->arch)
			printf("arch = %s\n", row->arch);
		if (row->metal)
			printf("metal = yes\n");
		if (row->warm > 0)
			printf("warm = %" PRIu64 "\n", row->warm);
	}
}

static int settings_json(const struct settings *settings, struct json_object *body)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "settings", array);

	for (size_t i = 0; r == 0 && i < settings->n_rows; i++) {
		_cleanup_free_ char *value = settings_format(settings, i);
		struct json_object *row;
		char origin[ORIGIN_TEXT_MAX];

		if (!settings->rows[i].section)
			continue;
		row = json_object_new_object();
		r = json_append(array, row);
		if (r == 0)
			r = json_set_text(row, "name", settings->rows[i].name);
		if (r == 0)
			r = json_set_text(row, "value", value);
		if (r == 0)
			r = json_set_text(
				row, "origin",
				settings_origin_text(settings, i, origin, sizeof(origin)));
	}
	return r;
}

static int classes_json(const struct class_table *classes, struct json_object *body)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "classes", array);

	for (size_t i = 0; r == 0 && i < classes->n; i++) {
		struct json_object *row = json_object_new_object();

		r = json_append(array, row);
		if (r == 0)
			r = json_set_text(row, "name", classes->rows[i].name);
		if (r == 0)
			r = json_set_u64(row, "cpu", classes->rows[i].cpu);
		if (r == 0)
			r = json_set_u64(row, "memory_mib", classes->rows[i].memory_mib);
		if (r == 0)
			r = json_set_u64(row, "warm", classes->rows[i].warm);
	}
	return r;
}

static int run_config(const struct verb_call *call)
{
	const struct config_flags *flags = call->options;
	struct edges *edges = call->context;
	struct json_object *body;
	struct fault fault = {};
	int r;

	if (strcmp(call->argv[0], "show") != 0)
		return program_fail(
			fault_cure(&fault,
				   fault_set(&fault, EINVAL, "config cannot '%s'", call->argv[0]),
				   "paddock config show"),
			&fault);
	r = config_check(&edges->config, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	if (!edges_want_json(edges)) {
		r = print_settings(&edges->settings, flags->origin);
		if (r == 0)
			print_classes(&edges->config.classes);
		if (r == 0 && fflush(stdout) != 0)
			r = -errno;
		return r < 0 ? program_fail(r, NULL) : EXIT_OK;
	}

	body = json_object_new_object();
	if (!body || settings_json(&edges->settings, body) < 0 ||
	    classes_json(&edges->config.classes, body) < 0) {
		json_object_put(body);
		return program_fail(-ENOMEM, NULL);
	}
	return print_json("paddock-config/1", body);
}

const struct verb verb_config = {
	.name = "config",
	.args = "show",
	.help = "Show the settings as they are in force",
	.details =
		"The output is a valid settings file. With --origin each line says where its value "
		"comes from.",
	.examples = "paddock config show --origin\tand where each value comes from",
	.min_args = 1,
	.max_args = 1,
	.options = config_flag_rows,
	.n_options = ARRAY_SIZE(config_flag_rows),
	.options_size = sizeof(struct config_flags),
	.run = run_config,
};
