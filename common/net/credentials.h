#pragma once

/*
 * Where AWS credentials come from: the environment, the profiles of the AWS CLI, web identity,
 * a program, the container, the instance; in the order of docs/aws-credentials.md. All of it lies
 * behind one source, which keeps what it found and gets it anew before it expires.
 *
 * Secrets are in struct secret only. They are in no fault, log, argv or environment, and are wiped
 * when freed. (json-c, expat and libcurl work on copies of their own, which are not all wiped.)
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/base/secret.h"
#include "common/net/endpoint.h"
#include "common/net/http.h"

#define CREDENTIALS_KEY_ID_MAX 129 /* AWS's own limit is 128 characters */
#define CREDENTIALS_REGION_MAX 64

struct credentials {
	char key_id[CREDENTIALS_KEY_ID_MAX]; /* no secret: it is a part of every signature */
	struct secret secret_key;
	struct secret session_token; /* empty: none */
	uint64_t expires_ms;         /* wall time; 0: never */
};
void credentials_done(struct credentials *credentials);
#define _cleanup_credentials_ _cleanup_(credentials_done)
/* *to is replaced. */
int credentials_copy(struct credentials *to, const struct credentials *from) _must_check_;
/* The same without a copy: *from is empty afterwards. */
void credentials_move(struct credentials *to, struct credentials *from);

#define CREDENTIALS_MINUTE_MS (60 * MSEC_PER_SEC)
/* Credentials are got anew within the first, if that works; within the second it has to work. */
#define CREDENTIALS_ADVISORY_MS (15 * CREDENTIALS_MINUTE_MS)
#define CREDENTIALS_MANDATORY_MS (10 * CREDENTIALS_MINUTE_MS)
/* How long nothing is asked again after that was tried, as long as what is there holds. */
#define CREDENTIALS_HOLD_MS CREDENTIALS_MINUTE_MS
/* What the instance hands out is used for this long, and up to the spread more, when it is about to
 * expire: the metadata service hands out old ones while AWS has trouble, and these go on working.
 */
#define CREDENTIALS_EXTENSION_MS CREDENTIALS_ADVISORY_MS
#define CREDENTIALS_SPREAD_MIN_MS (2 * CREDENTIALS_MINUTE_MS)
#define CREDENTIALS_SPREAD_MAX_MS (10 * CREDENTIALS_MINUTE_MS)

/* All texts are borrowed and must outlive the source. */
struct credentials_options {
	const char *profile; /* of the command line; NULL: AWS_PROFILE, AWS_DEFAULT_PROFILE,
				"default" */
	const char *region;  /* of the command line; NULL: see credentials_region() */
	const char *home;    /* ~/.aws lies below it; NULL: only files that variables name */
	/* A variable, NULL when it is not set. An empty one counts as not set. */
	const char *(*env)(void *context, const char *name);
	void *env_context;
	struct http *http;
	const struct clock *clock;     /* for deadlines; what is valid is decided by `now` */
	uint64_t seed;                 /* spreads what many would do at the same moment */
	uint64_t process_timeout_usec; /* of credential_process; 0: a minute */
};

struct credentials_source; /* of one thread */

/* -ENOMEM is the only error: nothing is asked yet. */
int credentials_open(const struct credentials_options *options,
		     struct credentials_source **ret) _must_check_;
void credentials_close(struct credentials_source *source);
DEFINE_CLEANUP(struct credentials_source *, credentials_close)

/* Credentials that are valid at now_ms; *ret, {} or older ones, is replaced. -ENOENT when there are
 * none anywhere; what is configured but does not work is an error, and nothing else is tried. */
int credentials_get(struct credentials_source *source, uint64_t now_ms, struct credentials *ret,
		    struct fault *fault) _must_check_;

/* A service said that they have expired (ExpiredToken): the next get asks anew. */
void credentials_forget(struct credentials_source *source);

/* Who gave the credentials ("environment", "instance metadata"); NULL before the first get. */
const char *credentials_provider(const struct credentials_source *source);

/* A credentials file, read so far, that other users can read too: something to warn of. NULL. */
const char *credentials_exposed(const struct credentials_source *source);

/* --region, AWS_REGION, AWS_DEFAULT_REGION, the profile, the instance. -ENOENT. */
int credentials_region(struct credentials_source *source, uint64_t now_ms,
		       char ret[CREDENTIALS_REGION_MAX], struct fault *fault) _must_check_;

/* Where a service is, by a flag (url; NULL: none), the environment and the profile: see
 * endpoint_resolve(), whose errors it has; -EINVAL also for a switch of the profile that is none.
 */
int credentials_endpoint(struct credentials_source *source, enum aws_service service,
			 const char *url, const char *region, struct endpoint *ret,
			 struct fault *fault) _must_check_;
