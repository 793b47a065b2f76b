#pragma once

/* The settings of the controller: one table (config.c), one struct. Lengths of time are in
 * microseconds here; config_leases() turns them into what records carry. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/settings.h"
#include "common/domain/class.h"
#include "common/domain/transition.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON };

/* What AWS needs to be told; NULL where the AWS CLI's own settings, or EC2's defaults, do. Lists
 * are separated by spaces. */
struct ec2_config {
	char *profile;
	char *region;
	char *name; /* of the launch template, and before the names of queues and parameters */
	char *ami_id;
	char *subnets;
	char *security_groups;
	char *instance_profile;
	uint64_t hop_limit; /* of the metadata service */
	char *root_device;  /* the image's; NULL: not told */
};

struct config {
	char *store;      /* address of the store; NULL: sqlite below state_dir */
	char *pool;       /* table, sqs */
	char *provider;   /* local, ec2 */
	char *forge;      /* none */
	char *state_dir;  /* NULL: by user, see config_state_dir() */
	char *agent_path; /* NULL: beside this program */
	int output;       /* enum output_format */
	bool json;        /* --json: the same as --output json */
	bool debug;       /* everything on stderr */

	uint64_t boot_usec;
	uint64_t idle_usec;
	uint64_t claim_usec;
	uint64_t drain_usec;
	uint64_t run_usec;
	uint64_t claim_slack_usec;
	uint64_t reap_grace_usec;
	uint64_t beat_usec; /* handed to local agents */
	uint64_t poll_usec; /* first wait between two looks at the store; grows to POLL_MAX_USEC */
	int reuse;          /* enum reuse */

	/* Money; 0 and NULL: no limit. */
	uint64_t max_machines;   /* of one run */
	uint64_t launch_breaker; /* burned one after the other without one coming up */
	char *max_price;         /* dollars an hour for one machine, as text */
	char *prices;            /* file: what machines cost */

	struct ec2_config ec2;

	struct class_table classes;
};

#define POLL_MAX_USEC (250 * USEC_PER_MSEC)

extern const struct setting config_rows[];
extern const size_t config_rows_n;
extern const struct setting_family config_family; /* [class NAME] */

/* Puts the default classes in; call before any settings are loaded. */
int config_init(struct config *config, struct fault *fault) _must_check_;
/* Frees the classes; settings_done() frees the rest. */
void config_done(struct config *config);

/* What the rows alone cannot say: classes with cpu and memory, grace above the agent's own, …
 * -EINVAL. */
int config_check(const struct config *config, struct fault *fault) _must_check_;

void config_leases(const struct config *config, struct leases *ret);

/* Where local state lives: the setting; else /var/lib/paddock for root; else
 * $XDG_STATE_HOME/paddock, else $HOME/.local/state/paddock. Owned by the caller; NULL: no memory,
 * or no home. */
char *config_state_dir(const struct config *config);
/* The store's address, "sqlite:<state dir>/paddock.db" unless set. Owned by the caller. */
char *config_store_address(const struct config *config);
/* The agent to start: the setting; else paddock-agent beside this program, else in ../agent/ (a
 * build tree); else the one in PATH is not looked for. Owned by the caller. */
char *config_agent_path(const struct config *config);
