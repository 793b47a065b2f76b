#include "agent/runner/job-env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/io.h"

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static int check_extras(const char *const *extras, size_t *ret_n)
{
	size_t n = 0;

	for (; extras && extras[n]; n++) {
		if (n == JOB_ENV_EXTRAS_MAX)
			return -E2BIG;
		if (extras[n][0] == '=' || !strchr(extras[n], '='))
			return -EINVAL;
	}
	*ret_n = n;
	return 0;
}

/* Sets what the entry names, in the place of what had that name before. Takes the entry over, also
 * when there was no memory to make it. */
static int put(char **env, size_t *n, char *entry)
{
	size_t length;

	if (!entry)
		return -ENOMEM;

	length = name_length(entry) + 1;
	for (size_t i = 0; i < *n; i++)
		if (strncmp(env[i], entry, length) == 0) {
			free(env[i]);
			env[i] = entry;
			return 0;
		}
	env[(*n)++] = entry;
	return 0;
}

static char *user_entry(const char *user)
{
	if (user)
		return str_format("USER=%s", user);
	if (getuid() == 0)
		return str_format("USER=root");
	return str_format("USER=%u", (unsigned)getuid());
}

int job_env_make(const struct runner_options *options, const struct runner_job *job,
		 const char *home, char ***ret)
{
	char *own[] = {
		str_format("PATH=%s", JOB_PATH),
		str_format("HOME=%s", home),
		str_format("TMPDIR=%s/tmp", home),
		str_format("LANG=C.UTF-8"),
		user_entry(options->user),
		str_format("PADDOCK_MACHINE=%s", options->machine),
		str_format("PADDOCK_RUN_KEY=%s", job->run_key ?: ""),
		str_format("PADDOCK_SEQ=%llu", (unsigned long long)job->seq),
	};
	_cleanup_(job_env_freep) char **env = NULL;
	size_t n = 0, n_extras = 0;
	int r;

	r = check_extras(job->env, &n_extras);
	if (r >= 0) {
		env = calloc(ARRAY_SIZE(own) + n_extras + 1, sizeof(*env));
		r = env ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (r >= 0)
			r = put(env, &n, own[i]);
		else
			free(own[i]);
	}
	for (size_t i = 0; r >= 0 && i < n_extras; i++)
		r = put(env, &n, strdup(job->env[i]));
	if (r < 0)
		return r;

	*ret = take_ptr(env);
	return 0;
}

void job_env_free(char **env)
{
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	free(env);
}
