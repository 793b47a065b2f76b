#include "agent/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "common/domain/machine.h"
#include "common/store/pool.h"

#define MINUTES(n) ((n)*60ULL * USEC_PER_SEC)
#define HOURS(n) MINUTES((n)*60ULL)
#define KIB 1024ULL
#define GIB (KIB * KIB * KIB)
#define AT(member) offsetof(struct agent_config, member)

static const char *const level_names[] = { "error", "warning", "info", "debug", NULL };

const struct setting agent_config_rows[] = {
	{ "agent", "machine", SETTING_TEXT, AT(machine), NULL, 1, MACHINE_ID_MAX - 1, NULL, "ID",
	  "The machine that this agent speaks for (default for ec2: the instance's id)" },
	{ "agent", "state-dir", SETTING_TEXT, AT(state_dir), NULL, 1, 200, NULL, "DIRECTORY",
	  "Where machines live (default: /var/lib/paddock, or the user's state directory)" },
	{ "agent", "store", SETTING_TEXT, AT(store), NULL, 1, 512, NULL, "ADDRESS",
	  "Where all state lives: sqlite:/path/paddock.db, or dynamodb:TABLE or "
	  "dynamodb:REGION/TABLE (default: SQLite below the state directory)" },
	{ "agent", "forge", SETTING_TEXT, AT(forge), "none", 1, 15, NULL, "NAME",
	  "Where jobs come from: none" },
	{ "agent", "provider", SETTING_TEXT, AT(provider), "local", 1, 15, NULL, "NAME",
	  "What made the machine; for local the machine is this very process" },
	{ "agent", "pool", SETTING_TEXT, AT(pool), "table", 1, 32, NULL, "NAME",
	  "Where it offers its machine while that is idle: table or sqs" },
	{ "agent", "aws-name", SETTING_TEXT, AT(aws_name), "paddock", 1, 40, NULL, "NAME",
	  "What comes before a class in the names of queues" },
	{ NULL, "lock-fd", SETTING_U64, AT(lock_fd), NULL, 0, 1ULL << 20, NULL, "FD",
	  "The machine's lock file, open and locked by whoever starts this agent" },
	{ "agent", "beat-period", SETTING_DURATION, AT(beat_usec), "5s", 200 * USEC_PER_MSEC,
	  MINUTES(5), NULL, "DURATION", "How often it beats" },
	{ "agent", "beat-period-running", SETTING_DURATION, AT(beat_running_usec), "30s",
	  200 * USEC_PER_MSEC, MINUTES(5), NULL, "DURATION",
	  "How often it beats while a claim is being served, if that is longer" },
	{ "agent", "watch", SETTING_DURATION, AT(watch_usec), "1s", 50 * USEC_PER_MSEC, MINUTES(1),
	  NULL, "DURATION", "How often it looks at its record where the store cannot ring" },
	{ "agent", "boot-time", SETTING_DURATION, AT(boot_usec), "10min", USEC_PER_SEC, HOURS(24),
	  NULL, "DURATION", "How long it waits for its record before it ends" },
	{ "agent", "stop-grace", SETTING_DURATION, AT(stop_grace_usec), "10s", 0, MINUTES(10), NULL,
	  "DURATION", "How long a job has between SIGTERM and SIGKILL" },
	{ "agent", "notice-poll", SETTING_DURATION, AT(notice_poll_usec), "2s", 200 * USEC_PER_MSEC,
	  MINUTES(1), NULL, "DURATION",
	  "How often an ec2 machine looks whether it will be taken away" },
	{ "agent", "notice-grace", SETTING_DURATION, AT(notice_grace_usec), "45s", 0, MINUTES(10),
	  NULL, "DURATION",
	  "How long before a machine is taken away the job that runs on it is ended" },
	{ "agent", "power-off", SETTING_TEXT, AT(power_off), NULL, 1, 200, NULL, "PROGRAM",
	  "Run when the machine's life is over, to end it (default: nothing; for ec2: poweroff)" },
	{ "agent", "job-log-max", SETTING_SIZE, AT(job_log_max_bytes), "64M", 64 * KIB, 64 * GIB,
	  NULL, "BYTES", "How much of each output stream of a job is kept" },
	{ "agent", "log-level", SETTING_CHOICE, AT(log_level), "info", 0, 0, level_names, "LEVEL",
	  "What is logged: error, warning, info or debug" },
};
const size_t agent_config_rows_n = ARRAY_SIZE(agent_config_rows);

/* Whether a variable ("PADDOCK_NAME=value") is one of the agent's settings. */
static bool is_ours(const struct settings *settings, const char *variable)
{
	char name[SETTING_NAME_MAX];

	for (size_t i = 0; i < settings->n_rows; i++) {
		const char *ours = setting_environment_name(&settings->rows[i], name, sizeof(name));

		if (strncmp(variable, ours, strlen(ours)) == 0 && variable[strlen(ours)] == '=')
			return true;
	}
	return false;
}

static int load_environment(struct settings *settings, char *const *environment,
			    struct fault *fault)
{
	_cleanup_free_ char **ours = NULL;
	size_t n = 0, kept = 0;

	while (environment[n])
		n++;
	ours = calloc(n + 1, sizeof(*ours));
	if (!ours)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (is_ours(settings, environment[i]))
			ours[kept++] = environment[i];
	}
	return settings_load_environment(settings, ours, NULL, fault);
}

int agent_config_load(struct settings *settings, const char *root, const char *path,
		      char *const *environment, struct fault *fault)
{
	int r;

	if (path)
		r = settings_load_file(settings, path, fault);
	else
		r = settings_load_files(settings, root, "agent", fault);
	if (r < 0)
		return r;
	return load_environment(settings, environment, fault);
}

bool agent_config_is_ec2(const struct agent_config *config)
{
	return strcmp(config->provider, "ec2") == 0;
}

const char *agent_config_power_off(const struct agent_config *config)
{
	if (config->power_off)
		return config->power_off;
	return agent_config_is_ec2(config) ? "poweroff" : NULL;
}

int agent_config_check(const struct agent_config *config, struct fault *fault)
{
	if (!config->machine) {
		int r = fault_set(fault, EINVAL, "no machine is named");

		return fault_cure(fault, r, "--machine ID");
	}
	if (!machine_id_is_valid(config->machine))
		return fault_set(fault, EINVAL,
				 "machine: '%s' is no id: letters, digits, '-', '_' and '.', "
				 "beginning with a letter or digit",
				 config->machine);
	if (pool_check_name(config->pool, fault) < 0)
		return -EINVAL;
	if (config->lock_fd == 1 || config->lock_fd == 2)
		return fault_set(fault, EINVAL, "lock-fd: %d is a standard stream",
				 (int)config->lock_fd);
	if (config->power_off && strcmp(config->provider, "local") == 0)
		return fault_set(fault, EINVAL,
				 "power-off: a local machine is this process, and ends with it");
	return 0;
}

char *agent_config_state_dir(const struct agent_config *config)
{
	const char *home;

	if (config->state_dir)
		return strdup(config->state_dir);
	if (geteuid() == 0)
		return strdup("/var/lib/paddock");

	home = getenv("XDG_STATE_HOME");
	if (home && home[0] == '/')
		return str_format("%s/paddock", home);
	home = getenv("HOME");
	return home && home[0] == '/' ? str_format("%s/.local/state/paddock", home) : NULL;
}

char *agent_config_store(const struct agent_config *config)
{
	_cleanup_free_ char *dir = NULL;

	if (config->store)
		return strdup(config->store);
	dir = agent_config_state_dir(config);
	return dir ? str_format("sqlite:%s/paddock.db", dir) : NULL;
}
