#pragma once

/* The flags that say what is wanted, shared by provision, plan and run; named as the inputs of a
 * workflow step. */

#include "common/domain/run.h"
#include "controller/verbs/edges.h"

struct request_flags {
	uint64_t instance_count;
	uint64_t min_count; /* 0: as many as instance_count */
	char *resource_class;
	struct setting_list allowed_instance_types;
	int usage_class;
	uint64_t max_runtime_min; /* 0: the setting */
	struct setting_list needs;
	uint64_t timeout_usec;
	char *run;
	uint64_t attempt; /* 0: GITHUB_RUN_ATTEMPT, else 1 */
	char *name;
	char *repo;
	char *workflow;
	bool fork;
	bool no_create;
	bool dry_run;
};

#define REQUEST_AT(type, member) offsetof(type, request.member)

/* clang-format off */
#define REQUEST_ROWS(type) \
	{ NULL, "instance-count", SETTING_U64, REQUEST_AT(type, instance_count), "1", 1, \
	  RUN_MACHINES_MAX, NULL, "COUNT", "How many machines" }, \
	{ NULL, "min-count", SETTING_U64, REQUEST_AT(type, min_count), "0", 0, RUN_MACHINES_MAX, \
	  NULL, "COUNT", "Take fewer if there are at least so many (exit 4); 0: all or nothing" }, \
	{ NULL, "resource-class", SETTING_TEXT, REQUEST_AT(type, resource_class), "large", 1, \
	  CLASS_NAME_MAX - 1, NULL, "CLASS", "Size of the machines" }, \
	{ NULL, "allowed-instance-types", SETTING_LIST, REQUEST_AT(type, allowed_instance_types), \
	  NULL, 0, 0, NULL, "GLOBS", "Only types that match one of these: 'c* m7i.*'" }, \
	{ NULL, "usage-class", SETTING_CHOICE, REQUEST_AT(type, usage_class), "on-demand", 0, 0, \
	  usage_names, "CLASS", "on-demand or spot" }, \
	{ NULL, "max-runtime-min", SETTING_U64, REQUEST_AT(type, max_runtime_min), "0", 0, 10080, \
	  NULL, "MINUTES", "How long the machines may run; 0: the setting run-time" }, \
	{ NULL, "need", SETTING_LIST, REQUEST_AT(type, needs), NULL, 0, 0, NULL, "CAPABILITIES", \
	  "Only machines that proved these: pmu.instructions, resctrl.l3" }, \
	{ NULL, "timeout", SETTING_DURATION, REQUEST_AT(type, timeout_usec), "5min", USEC_PER_MSEC, \
	  86400 * USEC_PER_SEC, NULL, "DURATION", "How long to wait until they listen" }, \
	{ NULL, "run", SETTING_TEXT, REQUEST_AT(type, run), NULL, 1, 64, NULL, "ID", \
	  "Who asks: first part of the run key (default: GITHUB_RUN_ID, else made up)" }, \
	{ NULL, "attempt", SETTING_U64, REQUEST_AT(type, attempt), "0", 0, 1000000, NULL, "NUMBER", \
	  "Second part of the run key (default: GITHUB_RUN_ATTEMPT, else 1)" }, \
	{ NULL, "name", SETTING_TEXT, REQUEST_AT(type, name), "default", 1, 48, NULL, "NAME", \
	  "Third part of the run key, when one run asks more than once" }, \
	{ NULL, "repo", SETTING_TEXT, REQUEST_AT(type, repo), NULL, 1, 99, NULL, "OWNER/NAME", \
	  "For the reuse rule (default: GITHUB_REPOSITORY)" }, \
	{ NULL, "workflow", SETTING_TEXT, REQUEST_AT(type, workflow), NULL, 1, 63, NULL, "NAME", \
	  "For the reuse rule (default: GITHUB_WORKFLOW)" }, \
	{ NULL, "fork", SETTING_BOOL, REQUEST_AT(type, fork), NULL, 0, 0, NULL, NULL, \
	  "Code from a fork will run: nobody gets the machines afterwards" }, \
	{ NULL, "no-create", SETTING_BOOL, REQUEST_AT(type, no_create), NULL, 0, 0, NULL, NULL, \
	  "Only from the pool; exit 5 when it has too few" }, \
	{ NULL, "dry-run", SETTING_BOOL, REQUEST_AT(type, dry_run), NULL, 0, 0, NULL, NULL, \
	  "Only say what would be done" }
/* clang-format on */

/* Flags and environment to a request. -EINVAL with a sentence. */
int request_make(const struct request_flags *flags, const struct config *config,
		 struct request *ret, struct fault *fault) _must_check_;

/* The run key that flags, else environment, name; -EINVAL when neither does and make_up is false.
 */
int request_run_key(const char *run, uint64_t attempt, const char *name, bool make_up, char *ret,
		    size_t size, struct fault *fault) _must_check_;
