#pragma once

/* STS: who we are, and becoming somebody else. Requests are forms, answers XML. */

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/base/secret.h"

/* GetCallerIdentity. */
int sts_get_caller_identity(struct buf *ret) _must_check_;

struct sts_identity {
	char account[16];
	char arn[2049];
	char user_id[129];
};
int sts_identity_read(const char *body, size_t size, struct sts_identity *ret,
		      struct fault *fault) _must_check_;

struct sts_role {
	const char *arn;
	const char *session;     /* its name, which shows up in logs */
	uint64_t duration_sec;   /* 0: the service's default */
	const char *external_id; /* AssumeRole; NULL: none */
};

/* AssumeRole; and AssumeRoleWithWebIdentity, which is sent without a signature. The body of the
 * latter holds the token. */
int sts_assume_role(const struct sts_role *role, struct buf *ret) _must_check_;
int sts_assume_role_with_web_identity(const struct sts_role *role, const struct secret *token,
				      struct buf *ret) _must_check_;

struct sts_credentials {
	char access_key[129];
	struct secret secret_key;
	struct secret session_token;
	uint64_t expires_ms;
};
/* Of both. */
int sts_credentials_read(const char *body, size_t size, struct sts_credentials *ret,
			 struct fault *fault) _must_check_;
void sts_credentials_done(struct sts_credentials *credentials);
#define _cleanup_sts_credentials_ _cleanup_(sts_credentials_done)
