#include "controller/config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/base/io.h"
#include "common/domain/run.h"
#include "common/store/pool.h"

#define MINUTES(n) (USEC_PER_SEC * 60 * (n))
#define DAYS(n) (USEC_PER_SEC * 60 * 60 * 24 * (n))

static const char *const output_names[] = { "table", "json", NULL };

#define AT(member) offsetof(struct config, member)

const struct setting config_rows[] = {
	{ "paddock", "store", SETTING_TEXT, AT(store), NULL, 0, 512, NULL, "ADDRESS",
	  "Where all state lives: sqlite:/path/paddock.db, or dynamodb:TABLE or "
	  "dynamodb:REGION/TABLE (default: SQLite below the state directory)" },
	{ "paddock", "pool", SETTING_TEXT, AT(pool), "table", 1, 32, NULL, "NAME",
	  "Where idle machines are offered: table or sqs" },
	{ "paddock", "provider", SETTING_TEXT, AT(provider), "local", 1, 15, NULL, "NAME",
	  "What makes machines: local or ec2" },
	{ "paddock", "forge", SETTING_TEXT, AT(forge), "none", 1, 15, NULL, "NAME",
	  "Where jobs come from: none (commands given to run and exec)" },
	{ "paddock", "output", SETTING_CHOICE, AT(output), "table", 0, 0, output_names, "FORMAT",
	  "How results are written: table or json" },
	{ NULL, "json", SETTING_BOOL, AT(json), NULL, 0, 0, NULL, NULL, "Short for --output json" },
	{ "paddock", "debug", SETTING_BOOL, AT(debug), "no", 0, 0, NULL, NULL,
	  "Say on stderr what is being done" },
	{ "paddock", "reuse", SETTING_CHOICE, AT(reuse), "same-repo", 0, 0, reuse_names, "RULE",
	  "Who may have a machine after another run: any, same-repo, same-workflow, never" },

	{ "local", "state-dir", SETTING_TEXT, AT(state_dir), NULL, 1, 200, NULL, "DIRECTORY",
	  "Where local machines and the SQLite store live (default: /var/lib/paddock, or the "
	  "user's state directory)" },
	{ "local", "agent-path", SETTING_TEXT, AT(agent_path), NULL, 1, 200, NULL, "FILE",
	  "The paddock-agent to start (default: the one beside this program)" },
	{ "local", "beat-period", SETTING_DURATION, AT(beat_usec), "5s", 200 * USEC_PER_MSEC,
	  MINUTES(5), NULL, "DURATION", "How often local agents beat" },

	{ "limits", "max-machines", SETTING_U64, AT(max_machines), "0", 0, RUN_MACHINES_MAX, NULL,
	  "COUNT", "The most machines that one run may have; 0: no limit but Paddock's own" },
	{ "limits", "launch-breaker", SETTING_U64, AT(launch_breaker), "5", 0, RUN_MACHINES_MAX,
	  NULL, "COUNT",
	  "Stop making machines after so many were lost without one coming up; 0: go on" },
	{ "limits", "max-price", SETTING_TEXT, AT(max_price), NULL, 1, 15, NULL, "DOLLARS",
	  "The most that one machine may cost an hour, by the table of --prices" },
	{ "limits", "prices", SETTING_TEXT, AT(prices), NULL, 1, 200, NULL, "FILE",
	  "What machines cost an hour: lines of TYPE USAGE DOLLARS" },

	{ "aws", "profile", SETTING_TEXT, AT(ec2.profile), NULL, 1, 128, NULL, "NAME",
	  "Profile of the AWS CLI's files (default: as the AWS CLI finds it)" },
	{ "aws", "region", SETTING_TEXT, AT(ec2.region), NULL, 1, 31, NULL, "NAME",
	  "AWS region (default: as the AWS CLI finds it)" },
	{ "aws", "aws-name", SETTING_TEXT, AT(ec2.name), "paddock", 1, 40, NULL, "NAME",
	  "What Paddock's things are called in AWS: launch template, queues, parameters" },
	{ "ec2", "ami-id", SETTING_TEXT, AT(ec2.ami_id), NULL, 1, 31, NULL, "AMI",
	  "Image of new machines (default: the launch template's)" },
	{ "ec2", "subnets", SETTING_TEXT, AT(ec2.subnets), NULL, 1, 512, NULL, "SUBNETS",
	  "Where machines are made: subnet ids, separated by spaces" },
	{ "ec2", "security-groups", SETTING_TEXT, AT(ec2.security_groups), NULL, 1, 256, NULL,
	  "GROUPS", "Their security groups, separated by spaces" },
	{ "ec2", "instance-profile", SETTING_TEXT, AT(ec2.instance_profile), NULL, 1, 128, NULL,
	  "NAME", "Their instance profile, by name" },
	{ "ec2", "hop-limit", SETTING_U64, AT(ec2.hop_limit), "1", 1, 64, NULL, "COUNT",
	  "Hop limit of their metadata service" },
	{ "ec2", "root-device", SETTING_TEXT, AT(ec2.root_device), NULL, 1, 31, NULL, "DEVICE",
	  "Root device of the image, such as /dev/xvda, whose volume is encrypted then (default: "
	  "as "
	  "the image and the account say)" },

	{ "times", "boot-time", SETTING_DURATION, AT(boot_usec), "10min", USEC_PER_SEC, DAYS(1),
	  NULL, "DURATION", "How long a new machine may take until its agent is ready" },
	{ "times", "idle-time", SETTING_DURATION, AT(idle_usec), "7min", USEC_PER_SEC, DAYS(7),
	  NULL, "DURATION", "How long an idle machine waits in the pool before it ends" },
	{ "times", "claim-time", SETTING_DURATION, AT(claim_usec), "5min", USEC_PER_SEC, DAYS(1),
	  NULL, "DURATION", "How long a claim holds while its runner is not listening" },
	{ "times", "drain-time", SETTING_DURATION, AT(drain_usec), "3min", USEC_PER_SEC, DAYS(1),
	  NULL, "DURATION", "How long a machine may take to prove itself clean" },
	{ "times", "run-time", SETTING_DURATION, AT(run_usec), "30min", USEC_PER_SEC, DAYS(7), NULL,
	  "DURATION", "How long a claim may run unless --max-runtime-min says so" },
	{ "times", "claim-slack", SETTING_DURATION, AT(claim_slack_usec), "30s", 0, MINUTES(10),
	  NULL, "DURATION", "Idle machines with less time left than this are not claimed" },
	{ "times", "reap-grace", SETTING_DURATION, AT(reap_grace_usec), "2min", USEC_PER_SEC,
	  DAYS(1), NULL, "DURATION", "How long after its threshold a machine is taken for dead" },
	{ "times", "poll-interval", SETTING_DURATION, AT(poll_usec), "10ms", USEC_PER_MSEC,
	  10 * USEC_PER_SEC, NULL, "DURATION", "First wait between two looks at the store" },
};
const size_t config_rows_n = ARRAY_SIZE(config_rows);

#undef AT
#define AT(member) offsetof(struct resource_class, member)

/* A class's memory is in MiB, as EC2 and the classes' own defaults count it. */
static const struct setting class_rows[] = {
	{ "class", "cpu", SETTING_U64, AT(cpu), NULL, 1, 4096, NULL, "COUNT",
	  "Exactly so many CPUs" },
	{ "class", "memory", SETTING_U64, AT(memory_mib), NULL, 1, 1ULL << 30, NULL, "MIB",
	  "At least so much memory, in MiB" },
	{ "class", "need", SETTING_TEXT, AT(needs), NULL, 1, NEEDS_MAX - 1, NULL, "CAPABILITIES",
	  "Capabilities that a machine must have proved, separated by spaces" },
	{ "class", "provider", SETTING_TEXT, AT(provider), NULL, 1, 15, NULL, "NAME",
	  "Only machines of this provider" },
	{ "class", "arch", SETTING_TEXT, AT(arch), NULL, 1, 15, NULL, "NAME",
	  "Only this architecture: x86_64, aarch64" },
	{ "class", "metal", SETTING_BOOL, AT(metal), NULL, 0, 0, NULL, NULL, "Only bare metal" },
	{ "class", "burstable", SETTING_BOOL, AT(burstable), NULL, 0, 0, NULL, NULL,
	  "Also types whose speed depends on credits" },
	{ "class", "warm", SETTING_U64, AT(warm), NULL, 0, 1000, NULL, "COUNT",
	  "So many machines are kept idle by refresh" },
	{ "class", "usage", SETTING_CHOICE, AT(usage), "on-demand", 0, 0, usage_names, "USAGE",
	  "What they are: on-demand, spot or spot-then-on-demand" },
	{ "class", "max", SETTING_U64, AT(max), NULL, 0, 100000, NULL, "COUNT",
	  "The most machines of this class that may live at once; 0: no limit" },
};

static int open_class(void *values, const char *name, void **ret_member, struct fault *fault)
{
	struct class_table *classes = &((struct config *)values)->classes;
	struct resource_class *row;

	for (size_t i = 0; i < classes->n; i++) {
		if (strcmp(classes->rows[i].name, name) != 0)
			continue;
		*ret_member = &classes->rows[i];
		return 0;
	}
	if (!machine_id_is_valid(name) || strlen(name) >= sizeof(row->name))
		return fault_set(
			fault, EINVAL,
			"'%s' is no name for a class: letters, digits, '-', '_' and '.', at "
			"most %zu",
			name, sizeof(row->name) - 1);
	if (classes->n == CLASSES_MAX)
		return fault_set(fault, ENOSPC, "more than %d classes", CLASSES_MAX);

	row = &classes->rows[classes->n++];
	*row = (struct resource_class){};
	if (str_copy(row->name, sizeof(row->name), name) < 0)
		return -EINVAL;
	*ret_member = row;
	return settings_read_defaults(class_rows, ARRAY_SIZE(class_rows), row, fault);
}

const struct setting_family config_family = {
	.prefix = "class",
	.rows = class_rows,
	.n_rows = ARRAY_SIZE(class_rows),
	.open = open_class,
};

int config_init(struct config *config, struct fault *fault)
{
	*config = (struct config){};
	for (size_t i = 0; i < class_defaults_n; i++) {
		void *member = NULL;
		struct resource_class *row;
		int r;

		r = open_class(config, class_defaults[i].name, &member, fault);
		if (r < 0 || !member)
			return r;
		row = member;
		row->cpu = class_defaults[i].cpu;
		row->memory_mib = class_defaults[i].memory_mib;
	}
	return 0;
}

void config_done(struct config *config)
{
	for (size_t i = 0; i < config->classes.n; i++)
		settings_free_values(class_rows, ARRAY_SIZE(class_rows), &config->classes.rows[i]);
	config->classes.n = 0;
}

int config_check(const struct config *config, struct fault *fault)
{
	for (size_t i = 0; i < config->classes.n; i++) {
		const struct resource_class *row = &config->classes.rows[i];

		if (row->cpu == 0 || row->memory_mib == 0)
			return fault_set(fault, EINVAL,
					 "[class %s] has no %s: a class needs cpu and memory",
					 row->name, row->cpu == 0 ? "cpu" : "memory");
	}
	if (pool_check_name(config->pool, fault) < 0)
		return -EINVAL;
	if (config->idle_usec <= config->claim_slack_usec)
		return fault_set(
			fault, EINVAL,
			"idle-time is not above claim-slack: no machine could ever be claimed");
	return 0;
}

void config_leases(const struct config *config, struct leases *ret)
{
	*ret = (struct leases){
		.boot_ms = config->boot_usec / USEC_PER_MSEC,
		.idle_ms = config->idle_usec / USEC_PER_MSEC,
		.claim_ms = config->claim_usec / USEC_PER_MSEC,
		.drain_ms = config->drain_usec / USEC_PER_MSEC,
		.max_runtime_ms = config->run_usec / USEC_PER_MSEC,
		.claim_slack_ms = config->claim_slack_usec / USEC_PER_MSEC,
		.reap_grace_ms = config->reap_grace_usec / USEC_PER_MSEC,
	};
}

char *config_state_dir(const struct config *config)
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

char *config_store_address(const struct config *config)
{
	_cleanup_free_ char *dir = NULL;

	if (config->store)
		return strdup(config->store);
	dir = config_state_dir(config);
	return dir ? str_format("sqlite:%s/paddock.db", dir) : NULL;
}

char *config_agent_path(const struct config *config)
{
	static const char *const places[] = { "paddock-agent", "../agent/paddock-agent" };
	char self[PATH_MAX];
	ssize_t n;
	char *slash;

	if (config->agent_path)
		return strdup(config->agent_path);

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = str_format("%s/%s", self, places[i]);

		if (!path || access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return str_format("%s/%s", self, places[0]);
}
