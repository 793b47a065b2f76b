#include "controller/verbs/verbs.h"

#include <errno.h>

const struct verb *const verbs[] = {
	&verb_run,     &verb_provision, &verb_exec,   &verb_release, &verb_status,
	&verb_why,     &verb_plan,      &verb_pool,   &verb_logs,    &verb_refresh,
	&verb_destroy, &verb_config,    &verb_doctor, &verb_demo,    NULL,
};

int check_run_key(const char *key, struct fault *fault)
{
	if (run_key_is_valid(key))
		return 0;
	return fault_cure(fault, fault_set(fault, EINVAL, "'%s' is no run key", key),
			  "the key that provision printed: ID-ATTEMPT-NAME");
}
