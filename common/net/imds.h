#pragma once

/*
 * The metadata service of an EC2 instance, version 2 only: version 1 answers whoever can make this
 * machine send a request. Each question is one attempt with a short time: most machines are no
 * instances and must not wait to learn it. Blocking; of one thread.
 */

#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/base/secret.h"
#include "common/net/http.h"

#define IMDS_WHAT "instance metadata"
#define IMDS_TIMEOUT_USEC (1 * USEC_PER_SEC)
#define IMDS_ANSWER_MAX SECRET_MAX_BYTES
#define IMDS_TOKEN_SECONDS 21600 /* the longest that is given; kept for half of that */

#define IMDS_INSTANCE_ID "/latest/meta-data/instance-id"
#define IMDS_REGION "/latest/meta-data/placement/region"
#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"
#define IMDS_SPOT "/latest/meta-data/spot/instance-action"
#define IMDS_REBALANCE "/latest/meta-data/events/recommendations/rebalance"

struct imds;

/* All borrowed. */
struct imds_options {
	struct http *http;
	const struct clock *clock;
	/* A variable; NULL, or empty, when it is not set. */
	const char *(*env)(void *context, const char *name);
	void *env_context;
};

/* Asks nothing yet. -EOPNOTSUPP when AWS_EC2_METADATA_DISABLED says that nothing may be asked;
 * -EINVAL for an AWS_EC2_METADATA_SERVICE_ENDPOINT that is no URL. */
int imds_open(const struct imds_options *options, struct imds **ret,
	      struct fault *fault) _must_check_;
void imds_close(struct imds *imds);
DEFINE_CLEANUP(struct imds *, imds_close)

/* Gets the token that every question must show, unless there is one. Errors as imds_get(); see
 * imds_found_nobody(). */
int imds_reach(struct imds *imds, struct fault *fault) _must_check_;

struct imds_answer {
	struct secret body;
	uint64_t date_ms; /* the service's own clock; 0: it did not say */
};
void imds_answer_done(struct imds_answer *answer);
#define _cleanup_imds_answer_ _cleanup_(imds_answer_done)

/* about: what is asked for, for the fault: "the region". -ENOENT when it is not there (404);
 * -EACCES, with the fault's status, for any other answer than 200; -ETIMEDOUT and the like, as
 * http_exchange.result, when there was none. A token that is refused is replaced once. *ret, {} or
 * an older one, is replaced. */
int imds_get(struct imds *imds, const char *path, const char *about, struct imds_answer *ret,
	     struct fault *fault) _must_check_;
/* The same for its first line; -EBADMSG when that is empty or does not fit. */
int imds_get_line(struct imds *imds, const char *path, const char *about, char *ret, size_t size,
		  struct fault *fault) _must_check_;

/* Whether nobody answered, which may mean that this is no instance. */
bool imds_found_nobody(int r);
