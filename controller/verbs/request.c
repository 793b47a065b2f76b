#include "controller/verbs/request.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/io.h"
#include "common/base/parse.h"

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

static int make_up_id(char *ret, size_t size)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	(void)snprintf(ret, size, "run%08" PRIx32, number);
	return 0;
}

int request_run_key(const char *run, uint64_t attempt, const char *name, bool make_up, char *ret,
		    size_t size, struct fault *fault)
{
	const char *id = run ? run : environment("GITHUB_RUN_ID");
	char made_up[16];
	int r;

	if (attempt == 0 && environment("GITHUB_RUN_ATTEMPT")) {
		r = parse_u64(environment("GITHUB_RUN_ATTEMPT"), &attempt);
		if (r < 0)
			return fault_set(fault, EINVAL, "GITHUB_RUN_ATTEMPT is '%s', not a number",
					 environment("GITHUB_RUN_ATTEMPT"));
	}
	if (!id && !make_up)
		return fault_cure(fault, fault_set(fault, EINVAL, "which run?"),
				  "give --run ID, or the run key as the argument");
	if (!id) {
		r = make_up_id(made_up, sizeof(made_up));
		if (r < 0)
			return r;
		id = made_up;
	}
	return run_key_make(id, attempt > 0 ? attempt : 1, name, ret, size, fault);
}

static int join(const struct setting_list *list, const char *flag, char *ret, size_t size,
		struct fault *fault)
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		int n = snprintf(ret + at, size - at, "%s%s", i > 0 ? " " : "", list->words[i]);

		if (n < 0 || (size_t)n >= size - at)
			return fault_set(fault, EINVAL, "--%s is longer than %zu characters", flag,
					 size - 1);
		at += (size_t)n;
	}
	return 0;
}

static int check_class(const struct request *request, const struct config *config,
		       struct fault *fault)
{
	const char *names[CLASSES_MAX + 1] = {};
	const char *nearest;
	int r;

	if (class_find(&config->classes, request->class_name))
		return 0;
	for (size_t i = 0; i < config->classes.n; i++)
		names[i] = config->classes.rows[i].name;
	nearest = nearest_word(request->class_name, names);
	r = fault_set(fault, EINVAL, "there is no resource class '%s'", request->class_name);
	return nearest ? fault_cure(fault, r, "--resource-class %s", nearest)
		       : fault_cure(fault, r, "paddock config show: a [class %s] can be added",
				    request->class_name);
}

int request_make(const struct request_flags *flags, const struct config *config,
		 struct request *ret, struct fault *fault)
{
	const char *repo = flags->repo ? flags->repo : environment("GITHUB_REPOSITORY");
	const char *workflow = flags->workflow ? flags->workflow : environment("GITHUB_WORKFLOW");
	int r;

	if (flags->min_count > flags->instance_count)
		return fault_set(fault, EINVAL,
				 "--min-count %" PRIu64 " is more than --instance-count %" PRIu64,
				 flags->min_count, flags->instance_count);
	*ret = (struct request){
		.count = flags->instance_count,
		.min_count = flags->min_count > 0 ? flags->min_count : flags->instance_count,
		.usage = (enum usage_class)flags->usage_class,
		.max_runtime_ms = flags->max_runtime_min * 60 * MSEC_PER_SEC,
		.no_create = flags->no_create,
		.claimant = { .fork = flags->fork, .reuse = (enum reuse)config->reuse },
	};
	r = request_run_key(flags->run, flags->attempt, flags->name, true, ret->claimant.run_key,
			    sizeof(ret->claimant.run_key), fault);
	if (r == 0)
		r = join(&flags->allowed_instance_types, "allowed-instance-types", ret->types,
			 sizeof(ret->types), fault);
	if (r == 0)
		r = join(&flags->needs, "need", ret->needs, sizeof(ret->needs), fault);
	if (r == 0)
		r = str_copy(ret->class_name, sizeof(ret->class_name), flags->resource_class);
	if (r == 0 && repo)
		r = str_copy(ret->claimant.repo, sizeof(ret->claimant.repo), repo);
	if (r == 0 && workflow)
		r = str_copy(ret->claimant.workflow, sizeof(ret->claimant.workflow), workflow);
	if (r == -ENAMETOOLONG)
		return fault_set(fault, EINVAL,
				 "the repository's or the workflow's name is too long");
	return r < 0 ? r : check_class(ret, config, fault);
}
