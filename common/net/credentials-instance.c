/* The credentials and the region of an EC2 instance, out of its metadata. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/net/credentials-walk.h"
#include "common/net/imds.h"

#define ROLE_MAX 129

static const char *env_of_walk(void *context, const char *name)
{
	return walk_env(context, name);
}

/* 0 when this is no instance, or is not to be asked. */
static int open_metadata(struct walk *walk, struct imds **ret, struct fault *fault)
{
	const struct imds_options options = {
		.http = walk->source->options.http,
		.clock = walk->source->options.clock,
		.env = env_of_walk,
		.env_context = walk,
	};
	_cleanup_(imds_closep) struct imds *imds = NULL;
	int r = imds_open(&options, &imds, fault);

	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return r;
	r = imds_reach(imds, fault);
	if (r < 0)
		return imds_found_nobody(r) ? 0 : r;
	*ret = take_ptr(imds);
	return 1;
}

static bool is_role_name(const char *name)
{
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("+=,.@_-", *name))
			return false;
	}
	return true;
}

static int find_role(struct imds *imds, char role[ROLE_MAX], struct fault *fault)
{
	int r = imds_get_line(imds, IMDS_ROLES, "the role", role, ROLE_MAX, fault);

	if (r == -ENOENT) {
		r = fault_set(fault, ENOENT, "this instance has no role");
		return fault_cure(fault, r,
				  "attach an instance profile, or give credentials in "
				  "another way");
	}
	if (r < 0)
		return r;
	if (!is_role_name(role))
		return fault_set(fault, EBADMSG, IMDS_WHAT ": the name of the role is none");
	return 0;
}

int provide_instance(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	_cleanup_(imds_closep) struct imds *imds = NULL;
	_cleanup_imds_answer_ struct imds_answer answer = {};
	char role[ROLE_MAX] = "", path[sizeof(IMDS_ROLES) + ROLE_MAX];
	int r;

	r = open_metadata(walk, &imds, fault);
	if (r <= 0)
		return r;
	r = find_role(imds, role, fault);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), IMDS_ROLES "%s", role);
	r = imds_get(imds, path, "the role's credentials", &answer, fault);
	/* Its role was taken away just now: configured all the same, and it does not work. */
	if (r < 0)
		return r == -ENOENT ? -EACCES : r;
	r = credentials_from_json(&answer.body, IMDS_WHAT, "Token", ret, fault);
	return r < 0 ? r : 1;
}

int instance_region(struct walk *walk, char ret[CREDENTIALS_REGION_MAX], struct fault *fault)
{
	_cleanup_(imds_closep) struct imds *imds = NULL;
	int r;

	r = open_metadata(walk, &imds, fault);
	if (r <= 0)
		return r;
	r = imds_get_line(imds, IMDS_REGION, "the region", ret, CREDENTIALS_REGION_MAX, fault);
	if (r < 0)
		return r == -ENOENT ? -EACCES : r;
	return 1;
}
