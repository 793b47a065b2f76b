#pragma once

/* The settings of the agent: one table (config.c), one struct. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/settings.h"

struct agent_config {
	char *machine;   /* owned by the settings, like every text here */
	char *state_dir; /* NULL: by user, see agent_config_state_dir() */
	char *store;     /* NULL: sqlite below the state directory */
	char *forge;
	char *provider;
	char *pool;       /* table, sqs */
	char *aws_name;   /* before the names of queues */
	uint64_t lock_fd; /* the machine's lock, inherited; 0: to be taken */
	uint64_t beat_usec;
	uint64_t beat_running_usec;
	uint64_t watch_usec;
	uint64_t boot_usec;
	uint64_t stop_grace_usec;
	uint64_t notice_poll_usec;
	uint64_t notice_grace_usec;
	char *power_off; /* NULL: see agent_config_power_off() */
	uint64_t job_log_max_bytes;
	int log_level; /* enum log_level */
};

extern const struct setting agent_config_rows[];
extern const size_t agent_config_rows_n;

/* Files and environment on top of the defaults: agent.conf and its agent.conf.d below root. Only
 * those variables that are the agent's own are read: it is started from the environment of
 * `paddock`, which has settings of its own there. */
int agent_config_load(struct settings *settings, const char *root, const char *path,
		      char *const *environment, struct fault *fault) _must_check_;

/* Of ec2 machines. */
bool agent_config_is_ec2(const struct agent_config *config);

/* What the rows alone cannot say, for an agent that is to run: -EINVAL without a machine, for an id
 * that is none, for a lock on a standard stream, and for an end of a machine that is not the
 * agent's to end. */
int agent_config_check(const struct agent_config *config, struct fault *fault) _must_check_;

/* Where machines live: the setting; else /var/lib/paddock for root; else the user's state directory
 * (XDG_STATE_HOME, else ~/.local/state). Owned by the caller; NULL: no memory, or no home. */
char *agent_config_state_dir(const struct agent_config *config);
/* What ends the machine, borrowed; NULL: nothing does. */
const char *agent_config_power_off(const struct agent_config *config);
/* Owned by the caller; NULL as above. */
char *agent_config_store(const struct agent_config *config);
