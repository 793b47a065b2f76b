/*
 * Who is asked in which order, and when again. The order is the AWS CLI's, so that Paddock acts as
 * who the user already is there; the only one that the CLI does not have is GitHub's.
 *
 * A provider that is configured but does not work ends the search: to go on would mean to act as
 * somebody else.
 */

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/net/credentials-walk.h"

static const struct provider providers[] = {
	{ "environment", true, false, provide_environment },
	{ "role of the profile", false, false, provide_role },
	{ "web identity of the environment", true, false, provide_web_identity_environment },
	{ "GitHub OIDC", true, false, provide_github },
	{ "web identity of the profile", false, false, provide_web_identity },
	{ "SSO or login", false, false, provide_sign_in },
	{ "credentials file", false, false, provide_credentials_file },
	{ "credential_process", false, false, provide_process },
	{ "config file", false, false, provide_config_file },
	{ "container", false, false, provide_container },
	{ "instance metadata", false, true, provide_instance },
};

int credentials_open(const struct credentials_options *options, struct credentials_source **ret)
{
	struct credentials_source *source = calloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	source->options = *options;
	source->provider = SIZE_MAX;
	*ret = source;
	return 0;
}

void credentials_close(struct credentials_source *source)
{
	if (!source)
		return;
	credentials_done(&source->current);
	sigv4_key_done(&source->key);
	free(source->exposed);
	free(source);
}

void credentials_forget(struct credentials_source *source)
{
	source->forgotten = true;
}

const char *credentials_provider(const struct credentials_source *source)
{
	return source->provider == SIZE_MAX ? NULL : providers[source->provider].name;
}

const char *credentials_exposed(const struct credentials_source *source)
{
	return source->exposed;
}

/* --- search ---------------------------------------------------------------------------------- */

static int refuse_nothing(const struct walk *walk, struct fault *fault)
{
	int r = fault_set(fault, ENOENT,
			  "there are no AWS credentials: neither in the environment, nor in the "
			  "profile '%s', nor from a container or an instance",
			  walk->profile);

	return fault_cure(fault, r,
			  "run 'aws configure', set AWS_PROFILE to one of your profiles, or give "
			  "this machine a role");
}

/* Asks all in turn, or only the one that answered before. */
static int search(struct walk *walk, size_t *ret_provider, struct credentials *ret,
		  struct fault *fault)
{
	size_t known = walk->source->provider;

	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		int r;

		if ((known != SIZE_MAX && i != known) || (walk->named && providers[i].environment))
			continue;
		r = providers[i].fetch(walk, ret, fault);
		if (r == 0)
			continue;
		*ret_provider = i;
		return r < 0 ? r : 0;
	}
	if (known != SIZE_MAX)
		return fault_set(fault, ENOENT, "%s does not give any more", providers[known].name);
	return refuse_nothing(walk, fault);
}

/* --- when ------------------------------------------------------------------------------------ */

static uint64_t left_ms(const struct credentials *credentials, uint64_t now_ms)
{
	if (credentials->expires_ms == 0)
		return UINT64_MAX;
	return credentials->expires_ms > now_ms ? credentials->expires_ms - now_ms : 0;
}

static void extend(const struct credentials_source *source, uint64_t now_ms,
		   struct credentials *credentials)
{
	uint64_t spread = mix64(source->options.seed ^ now_ms) %
			  (CREDENTIALS_SPREAD_MAX_MS - CREDENTIALS_SPREAD_MIN_MS + 1);

	if (left_ms(credentials, now_ms) <= CREDENTIALS_ADVISORY_MS)
		credentials->expires_ms =
			now_ms + CREDENTIALS_EXTENSION_MS + CREDENTIALS_SPREAD_MIN_MS + spread;
}

static int refresh(struct credentials_source *source, uint64_t now_ms, struct fault *fault)
{
	_cleanup_credentials_ struct credentials fresh = {};
	_cleanup_walk_ struct walk walk;
	size_t provider = SIZE_MAX;
	int r;

	walk_init(&walk, source, now_ms);
	source->hold_until_ms = now_ms + CREDENTIALS_HOLD_MS;
	r = search(&walk, &provider, &fresh, fault);
	if (r < 0)
		return r;

	if (providers[provider].extends)
		extend(source, now_ms, &fresh);
	if (left_ms(&fresh, now_ms) == 0) {
		r = fault_set(fault, EKEYEXPIRED, "the AWS credentials (%s) have expired",
			      providers[provider].name);
		return fault_cure(fault, r, "get new ones from where these came from");
	}

	credentials_move(&source->current, &fresh);
	source->provider = provider;
	source->forgotten = false;
	return 0;
}

int credentials_get(struct credentials_source *source, uint64_t now_ms, struct credentials *ret,
		    struct fault *fault)
{
	uint64_t left = source->provider == SIZE_MAX || source->forgotten
				? 0
				: left_ms(&source->current, now_ms);
	int r;

	/* Held also when the clock was set back. */
	if (left == 0 || (left <= CREDENTIALS_ADVISORY_MS &&
			  (now_ms >= source->hold_until_ms ||
			   source->hold_until_ms - now_ms > CREDENTIALS_HOLD_MS))) {
		bool must = left <= CREDENTIALS_MANDATORY_MS;

		r = refresh(source, now_ms, must ? fault : NULL);
		if (r < 0 && must) {
			source->hold_until_ms = 0;
			return fault_wrap(fault, r, "cannot get AWS credentials");
		}
	}
	return credentials_copy(ret, &source->current);
}
