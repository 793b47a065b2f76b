#pragma once

/* What the providers of credentials share. For common/net/credentials*.c alone. */

#include <stdbool.h>

#include "common/net/aws-profile.h"
#include "common/net/credentials.h"
#include "common/net/sigv4.h"

struct credentials_source {
	struct credentials_options options;
	struct credentials current;
	size_t provider;        /* row of the table that gave current; SIZE_MAX: none yet */
	uint64_t hold_until_ms; /* nothing is asked before, as long as current holds */
	bool forgotten;         /* current is said to be no good */
	struct sigv4_key key;   /* for STS */
	char *exposed;          /* owned; see credentials_exposed() */
};

/* One search for credentials. The files are read when the first provider wants them, and forgotten
 * at the end: they may be other ones next time, and hold secrets. */
struct walk {
	struct credentials_source *source;
	uint64_t now_ms;
	struct aws_profiles *profiles; /* owned; NULL: not read yet */
	const char *profile;
	bool named; /* on the command line, which then outranks the environment */
};

void walk_init(struct walk *walk, struct credentials_source *source, uint64_t now_ms);
void walk_done(struct walk *walk);
#define _cleanup_walk_ _cleanup_(walk_done)

/* A variable that is set and not empty; NULL. */
const char *walk_env(const struct walk *walk, const char *name);
bool walk_env_is_true(const struct walk *walk, const char *name);
/* A path of the user's, with "~/" made whole. -ENOMEM. */
int walk_path(const struct walk *walk, const char *path, char **ret) _must_check_;
/* Reads the files; afterwards walk_value() works. -ENOENT when a profile was named that is not
 * there. */
int walk_read(struct walk *walk, struct fault *fault) _must_check_;
/* A key of a profile; NULL. */
const char *walk_value(const struct walk *walk, const char *profile, const char *key);
/* --region, the variables, the profile; 0 when none of them says. */
int walk_region(struct walk *walk, char ret[CREDENTIALS_REGION_MAX],
		struct fault *fault) _must_check_;

struct provider {
	const char *name;
	/* Not asked when a profile was named on the command line. */
	bool environment;
	/* What is about to expire is extended; see CREDENTIALS_EXTENSION_MS. */
	bool extends;
	/* 1 found, 0 not configured. < 0: configured, but it does not work. */
	int (*fetch)(struct walk *walk, struct credentials *ret, struct fault *fault);
};

int provide_environment(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_role(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_web_identity_environment(struct walk *walk, struct credentials *ret,
				     struct fault *fault);
int provide_web_identity(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_github(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_sign_in(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_credentials_file(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_process(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_config_file(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_container(struct walk *walk, struct credentials *ret, struct fault *fault);
int provide_instance(struct walk *walk, struct credentials *ret, struct fault *fault);

/* The same for a profile that is not the walk's own: the source of a role. */
int profile_static(struct walk *walk, const char *profile, enum aws_file file,
		   struct credentials *ret, struct fault *fault) _must_check_;
int profile_process(struct walk *walk, const char *profile, struct credentials *ret,
		    struct fault *fault) _must_check_;
int profile_web_identity(struct walk *walk, const char *profile, struct credentials *ret,
			 struct fault *fault) _must_check_;
int profile_sign_in(struct walk *walk, const char *profile, struct fault *fault) _must_check_;

/* --- requests -------------------------------------------------------------------------------- */

#define CALL_HEADERS_MAX 3
#define CALL_ANSWER_MAX SECRET_MAX_BYTES

struct call {
	const char *what; /* for faults: "instance metadata" */
	const char *method, *url;
	struct {
		const char *name, *value;
	} headers[CALL_HEADERS_MAX]; /* up to the first without a name */
	const struct secret *body;   /* NULL: none */
	uint64_t timeout_usec;       /* of one attempt */
	unsigned tries;
	const struct sigv4_scope *scope; /* to sign with; NULL: not */
};

/* One request, blocking. 0 for an answer of any status; < 0 as http_exchange.result, with a
 * fault. */
int call_perform(struct credentials_source *source, const struct call *call, int *ret_status,
		 struct secret *ret_body, struct fault *fault) _must_check_;

/* A token out of a file, read anew each time, without the newline at its end. */
int read_token(const struct walk *walk, const char *path, struct secret *ret,
	       struct fault *fault) _must_check_;

/* --- answers in JSON ------------------------------------------------------------------------- */

/* token_key is the name of the session token there. Without an Expiration they never expire. */
int credentials_from_json(const struct secret *text, const char *what, const char *token_key,
			  struct credentials *ret, struct fault *fault) _must_check_;

/* --- STS ------------------------------------------------------------------------------------- */

struct sts_call {
	const char *who; /* for faults: "profile 'x'" */
	const char *role_arn;
	const char *session_name;         /* NULL: one of ours */
	const char *duration;             /* seconds as text; NULL: STS's own default */
	const char *external_id;          /* NULL: none */
	const struct secret *token;       /* of the web identity; NULL: sign instead */
	const struct credentials *signer; /* of AssumeRole */
};

/* AssumeRoleWithWebIdentity when there is a token, else AssumeRole. */
int sts_assume(struct walk *walk, const struct sts_call *call, struct credentials *ret,
	       struct fault *fault) _must_check_;

int walk_endpoint(struct walk *walk, enum aws_service service, const char *url, const char *region,
		  struct endpoint *ret, struct fault *fault) _must_check_;

/* The region of the instance; 0 when this is none. */
int instance_region(struct walk *walk, char ret[CREDENTIALS_REGION_MAX],
		    struct fault *fault) _must_check_;
