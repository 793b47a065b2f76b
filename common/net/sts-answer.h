#pragma once

/* The XML in which STS answers: temporary credentials, or why there are none. */

#include "common/base/fault.h"
#include "common/net/credentials.h"

#define STS_MESSAGE_MAX 200

/* Credentials out of an answer with a 2xx status. -EBADMSG; what names the call in the fault. */
int sts_answer_credentials(const char *text, size_t size, const char *what, struct credentials *ret,
			   struct fault *fault) _must_check_;

/* Why not: puts the status, the code and STS's own sentence into the fault; returns -EACCES for
 * 4xx, -EREMOTEIO otherwise. Of the sentence only the first line is kept: behind it STS repeats the
 * request that it could not verify, with the session token. */
int sts_answer_error(const char *text, size_t size, int status, const char *what,
		     struct fault *fault);
