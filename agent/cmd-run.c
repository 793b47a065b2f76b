#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agent/agent.h"
#include "agent/instance.h"
#include "agent/power-off.h"
#include "agent/verbs.h"
#include "common/base/exit.h"
#include "common/base/log.h"
#include "common/base/process.h"

/* For local the machine is this process, so each process is a boot of its own. */
static int make_boot_id(char *ret, size_t size)
{
	uint8_t random[16];
	int n;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return errno ? -errno : -EIO;
	random[6] = (uint8_t)(0x40 | (random[6] & 0x0f)); /* RFC 4122: version 4 … */
	random[8] = (uint8_t)(0x80 | (random[8] & 0x3f)); /* … of its own variant */
	n = snprintf(ret, size,
		     "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		     random[0], random[1], random[2], random[3], random[4], random[5], random[6],
		     random[7], random[8], random[9], random[10], random[11], random[12],
		     random[13], random[14], random[15]);
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

static int find_boot_id(const struct agent_config *config, char *ret, size_t size)
{
	_cleanup_close_ int proc_fd = -1;

	if (strcmp(config->provider, "local") == 0)
		return make_boot_id(ret, size);

	proc_fd = open(PROCESS_PROC, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return proc_fd < 0 ? -errno : process_boot_id(proc_fd, ret, size);
}

static uint64_t make_seed(void)
{
	uint64_t seed = 0;

	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	return seed;
}

/* The machine's id where nobody has given it: an instance of ec2 has one of its own. */
static int find_machine(struct agent_program *program, struct fault *fault)
{
	_cleanup_(http_closep) struct http *http = NULL;
	char machine[MACHINE_ID_MAX];
	int r;

	if (program->config.machine || !agent_config_is_ec2(&program->config))
		return 0;
	r = http_open(&(struct http_options){ .clock = &clock_system }, &http, fault);
	if (r < 0)
		return r;
	r = instance_identify(
		&(struct imds_options){
			.http = http,
			.clock = &clock_system,
			.env = instance_env,
		},
		machine, sizeof(machine), fault);
	if (r < 0)
		return r;
	r = settings_find(&program->settings, "machine", fault);
	if (r < 0)
		return r;
	return settings_set(&program->settings, (size_t)r, machine, SETTING_FROM_DEFAULT, fault);
}

/* 1 when the machine's life is over, 0 when it is this agent's that is. */
static int live(const struct agent_program *program, const struct home *home, const char *store,
		struct fault *fault)
{
	_cleanup_(agent_freep) struct agent *agent = NULL;
	const struct agent_config *config = &program->config;
	const struct agent_hooks *hooks = program->hooks;
	char boot_id[BOOT_ID_MAX];
	struct agent_options options = {
		.config = config,
		.boot_id = boot_id,
		.store_address = store,
		.home = home,
		.clock = &clock_system,
		.runner = hooks ? hooks->runner : &runner_spawn,
		.open_store = hooks ? hooks->open_store : store_open,
		.open_forge = forge_open,
		.open_pool = pool_open,
		.notices = agent_config_is_ec2(config) ? instance_notices : NULL,
		.seed = make_seed(),
	};
	int r;

	r = find_boot_id(config, boot_id, sizeof(boot_id));
	if (r < 0)
		return fault_set(fault, r, "cannot tell which boot this is: %m");
	r = agent_new(&options, &agent, fault);
	if (r < 0)
		return r;
	log_info("paddock-agent %s for machine %s (%s), process %d, store %s", PADDOCK_VERSION,
		 config->machine, config->provider, (int)getpid(), store);
	r = agent_run(agent);
	if (r < 0)
		return fault_set(fault, r, "the event loop failed: %m");
	return agent_is_over(agent);
}

/* After everything else, the lock included. */
static int end_machine(const struct agent_config *config, struct fault *fault)
{
	const char *program = agent_config_power_off(config);

	if (!program)
		return 0;
	log_info("the machine's life is over: %s", program);
	return power_off(program, fault);
}

static int run(const struct verb_call *call)
{
	struct agent_program *program = call->context;
	const struct agent_config *config = &program->config;
	_cleanup_home_ struct home home = { .fd = -1, .lock_fd = -1 };
	_cleanup_free_ char *state_dir = NULL, *store = NULL;
	struct fault fault = {};
	int r;

	log_init(&(struct log_options){ .program = "paddock-agent",
					.max_level = (enum log_level)config->log_level,
					.timestamps = true });
	(void)signal(SIGPIPE, SIG_IGN);
	r = find_machine(program, &fault);
	if (r >= 0)
		r = agent_config_check(config, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	log_set_field(LOG_FIELD_MACHINE, config->machine);

	state_dir = agent_config_state_dir(config);
	store = agent_config_store(config);
	if (!state_dir || !store) {
		r = fault_set(&fault, EINVAL, "no state directory: HOME is not set");
		return program_fail(fault_cure(&fault, r, "--state-dir DIRECTORY"), &fault);
	}

	r = home_open(state_dir, config->machine, (int)config->lock_fd, &home, &fault);
	if (r >= 0)
		r = live(program, &home, store, &fault);
	home_close(&home);
	if (r > 0)
		r = end_machine(config, &fault);
	return r < 0 ? program_fail(r, &fault) : EXIT_OK;
}

const struct verb verb_run = {
	.name = "run",
	.help = "Be the agent of a machine until its life is over",
	.details =
		"Beats, watches the machine's record, takes the registration of whoever claims it, "
		"runs its jobs, cleans up behind them and offers the machine again. It ends when "
		"its record says so, when its threshold has passed by a minute, and, after "
		"draining, on SIGTERM or SIGINT.\n\n"
		"There is one agent a machine: another one is refused with exit code 75.\n\n"
		"On an instance of EC2 (--provider ec2) it is told by the instance's metadata "
		"which "
		"machine this is and when it will be taken away: then it takes no new work, lets "
		"the "
		"job that runs go on until --notice-grace before the end, and, its life being "
		"over, "
		"runs --power-off. It waits for a minute for that service to come up.",
	.examples = "paddock-agent run --machine m-1\tThe agent of m-1, with the store of this "
		    "user or host",
	.run = run,
};
