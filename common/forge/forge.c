#include "common/forge/forge.h"

#include <errno.h>
#include <string.h>

#include "common/forge/forge-none.h"

const char *const job_state_names[_JOB_STATE_MAX + 1] = {
	[JOB_NONE] = "none",
	[JOB_QUEUED] = "queued",
	[JOB_RUNNING] = "running",
	[JOB_DONE] = "done",
};

static void free_argv(char **argv, size_t argc)
{
	for (size_t i = 0; i < argc; i++)
		free(argv[i]);
	free(argv);
}

void job_done(struct job *job)
{
	free_argv(job->argv, job->argc);
	free(job->detail);
	free(job->output);
	free(job->errors);
	*job = (struct job){};
}

int job_set_command(struct job *job, char *const *argv, size_t argc)
{
	size_t bytes = 0;
	char **copy;

	if (argc == 0)
		return -EINVAL;
	if (argc > JOB_ARGS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < argc; i++) {
		bytes += strlen(argv[i]) + 1;
		if (bytes > JOB_COMMAND_MAX)
			return -E2BIG;
	}

	copy = calloc(argc + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < argc; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i]) {
			free_argv(copy, i);
			return -ENOMEM;
		}
	}

	free_argv(job->argv, job->argc);
	job->argv = copy;
	job->argc = argc;
	return 0;
}

void registration_done(struct registration *registration)
{
	job_done(&registration->job);
	*registration = (struct registration){};
}

static const struct {
	const char *name;
	int (*open)(struct store *store, struct forge **ret, struct fault *fault);
} forges[] = {
	{ "none", forge_none_open },
};

int forge_open(const char *name, struct store *store, struct forge **ret, struct fault *fault)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(forges); i++)
		if (strcmp(name, forges[i].name) == 0)
			return forges[i].open(store, ret, fault);

	r = fault_set(fault, EINVAL, "there is no forge '%.40s'", name);
	return fault_cure(fault, r, "use: none");
}
