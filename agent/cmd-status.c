/* Asks the agents of this host how they stand: one by name, or all that have a directory below the
 * state directory. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "agent/home.h"
#include "agent/verbs.h"
#include "common/base/exit.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/table.h"
#include "common/domain/machine.h"

#define STATUS_MACHINES_MAX 4096

static int ask(int machines_fd, const char *machine, struct json_object **ret, struct fault *fault)
{
	_cleanup_close_ int fd = openat(machines_fd, machine, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fault_set(fault, errno, "no agent answers for %s: %m", machine);
	return fault_wrap(fault, control_ask(fd, HOME_SOCKET, "status", ret, fault), "%s", machine);
}

/* "1.2s", from a member in milliseconds. */
static const char *age(struct json_object *status, const char *key, char *text, size_t size)
{
	uint64_t ms;

	if (json_get_u64(status, key, &ms, NULL) <= 0)
		return "-";
	if (ms >= 10 * MSEC_PER_SEC)
		ms = ms / MSEC_PER_SEC * MSEC_PER_SEC;
	return format_duration(ms * USEC_PER_MSEC, text, size);
}

static const char *text_of(struct json_object *object, const char *key)
{
	const char *text = "-";

	(void)!json_get_text(object, key, &text, NULL);
	return text[0] ? text : "-";
}

static const struct table_column columns[] = {
	{ "MACHINE", TABLE_LEFT },    { "AGENT", TABLE_LEFT },        { "PHASE", TABLE_LEFT },
	{ "RECORD", TABLE_LEFT },     { "SEQ", TABLE_RIGHT },         { "RUN", TABLE_LEFT },
	{ "LAST BEAT", TABLE_RIGHT }, { "DEADLINE IN", TABLE_RIGHT }, { "STORE", TABLE_LEFT },
	{ "RUNNER", TABLE_LEFT },
};

static int add_row(struct table *table, struct json_object *status)
{
	char beat[DURATION_TEXT_MAX], deadline[DURATION_TEXT_MAX], seq[24], runner[64];
	struct json_object *part = NULL;
	const char *store = "-";
	uint64_t number = 0;

	(void)!json_get_u64(status, "seq", &number, NULL);
	(void)snprintf(seq, sizeof(seq), "%" PRIu64, number);
	if (json_get_object(status, "store", &part, NULL) > 0)
		store = text_of(part, "state");
	(void)snprintf(runner, sizeof(runner), "-");
	if (json_get_object(status, "runner", &part, NULL) > 0) {
		if (json_get_u64(part, "job", &number, NULL) > 0)
			(void)snprintf(runner, sizeof(runner), "%s, job %" PRIu64,
				       text_of(part, "name"), number);
		else
			(void)snprintf(runner, sizeof(runner), "%s", text_of(part, "name"));
	}

	return table_add(table, (const char *const[]){
					text_of(status, "machine"), text_of(status, "agent"),
					text_of(status, "phase"), text_of(status, "record"), seq,
					text_of(status, "run"),
					age(status, "last_beat_ms", beat, sizeof(beat)),
					age(status, "deadline_in_ms", deadline, sizeof(deadline)),
					store, runner });
}

static int print_table(struct json_object *agents)
{
	_cleanup_(table_freep) struct table *table = NULL;
	int r = table_new(columns, ARRAY_SIZE(columns), &table);

	for (size_t i = 0; r >= 0 && i < json_object_array_length(agents); i++)
		r = add_row(table, json_object_array_get_idx(agents, i));
	return r < 0 ? r : table_print(table, stdout, terminal_width(stdout));
}

static int print(struct json_object *result)
{
	const char *text = json_object_to_json_string_ext(
		result, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		return -ENOMEM;
	return puts(text) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

/* One agent: its status as it gave it. */
static int show_one(int machines_fd, const char *machine, bool json)
{
	_cleanup_json_ struct json_object *status = NULL, *agents = json_object_new_array();
	struct fault fault = {};
	int r;

	r = ask(machines_fd, machine, &status, &fault);
	if (r < 0) {
		int code = program_fail(r, &fault);

		return r == -EACCES || r == -EPERM ? code : EXIT_UNAVAILABLE;
	}
	if (json)
		r = print(status);
	else
		r = json_append(agents, json_object_get(status));
	if (r >= 0 && !json)
		r = print_table(agents);
	return r < 0 ? program_fail(r, NULL) : EXIT_OK;
}

static int collect(int machines_fd, struct json_object *agents, struct json_object *silent)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	size_t n = 0;
	int r = open_dir_at(machines_fd, ".", &dir);

	if (r < 0)
		return r;
	while ((entry = readdir(dir)) && n < STATUS_MACHINES_MAX) {
		struct json_object *status = NULL;

		if (!machine_id_is_valid(entry->d_name))
			continue;
		n++;
		if (ask(machines_fd, entry->d_name, &status, NULL) < 0)
			r = json_append(silent, json_object_new_string(entry->d_name));
		else
			r = json_append(agents, status);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Machines that are gone leave their logs behind, so a silent one is no error. */
static int show_all(int machines_fd, bool json)
{
	_cleanup_json_ struct json_object *result = json_object_new_object();
	struct json_object *agents = json_object_new_array(), *silent = json_object_new_array();
	int r;

	if (!result)
		return program_fail(-ENOMEM, NULL);
	if ((r = json_set_text(result, "schema", CONTROL_LIST_SCHEMA)) < 0 ||
	    (r = json_set(result, "agents", agents)) < 0 ||
	    (r = json_set(result, "silent", silent)) < 0)
		return program_fail(r, NULL);
	if (machines_fd >= 0)
		r = collect(machines_fd, agents, silent);
	if (r >= 0)
		r = json ? print(result) : print_table(agents);
	if (r < 0)
		return program_fail(r, NULL);
	if (json_object_array_length(agents) > 0)
		return EXIT_OK;
	if (!json)
		(void)fputs("no agent runs here\n", stderr);
	return EXIT_UNAVAILABLE;
}

static int run(const struct verb_call *call)
{
	const struct agent_program *program = call->context;
	const char *machine = program->config.machine;
	_cleanup_free_ char *state_dir = agent_config_state_dir(&program->config);
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct fault fault = {};

	path = state_dir ? str_format("%s/%s", state_dir, HOME_MACHINES) : NULL;
	if (!path) {
		int r = fault_set(&fault, EINVAL, "no state directory: HOME is not set");

		return program_fail(fault_cure(&fault, r, "--state-dir DIRECTORY"), &fault);
	}
	if (machine && !machine_id_is_valid(machine)) {
		int r = fault_set(&fault, EINVAL, "machine: '%s' is no id", machine);

		return program_fail(r, &fault);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT) {
		int r = fault_set(&fault, errno, "cannot open %s: %m", path);

		return program_fail(r, &fault);
	}
	if (!machine)
		return show_all(fd, output_is_json(call));
	return show_one(fd, machine, output_is_json(call));
}

const struct verb verb_status = {
	.name = "status",
	.help = "Ask the agents of this host how they stand",
	.details = "With --machine it asks one, else all below the state directory. Exits with 3 "
		   "when no agent answers.",
	.examples = "paddock-agent status --machine m-1 --json\tOne agent, for a program",
	.options = output_rows,
	.n_options = 2,
	.options_size = sizeof(struct output_options),
	.run = run,
};
