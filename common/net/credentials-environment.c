/* Keys out of the environment. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/net/credentials-walk.h"

static int read_expiration(const struct walk *walk, uint64_t *ret_ms, struct fault *fault)
{
	const char *text = walk_env(walk, "AWS_CREDENTIAL_EXPIRATION");
	int r;

	if (!text || parse_time_ms(text, ret_ms) == 0)
		return 0;
	r = fault_set(fault, EINVAL, "AWS_CREDENTIAL_EXPIRATION is no time of ISO 8601");
	return fault_cure(fault, r, "write it like 2026-11-24T10:00:00Z");
}

int provide_environment(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	const char *key_id = walk_env(walk, "AWS_ACCESS_KEY_ID");
	const char *secret_key = walk_env(walk, "AWS_SECRET_ACCESS_KEY");
	const char *token = walk_env(walk, "AWS_SESSION_TOKEN");
	int r;

	if (!key_id && !secret_key)
		return 0;
	if (!key_id || !secret_key) {
		r = fault_set(fault, EINVAL, "%s is set, but %s is not",
			      key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			      key_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
		return fault_cure(fault, r, "set both, or neither to use a profile");
	}
	if (str_copy(ret->key_id, sizeof(ret->key_id), key_id) < 0)
		return fault_set(fault, EINVAL, "AWS_ACCESS_KEY_ID is too long for a key's id");

	r = secret_set(&ret->secret_key, secret_key, strlen(secret_key));
	if (r >= 0 && token)
		r = secret_set(&ret->session_token, token, strlen(token));
	if (r < 0)
		return r;
	r = read_expiration(walk, &ret->expires_ms, fault);
	return r < 0 ? r : 1;
}
