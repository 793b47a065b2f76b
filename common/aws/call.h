#pragma once

/*
 * Calls to AWS, N at once: endpoint, credentials, signature, retries and the services' clock, so
 * that whoever has a body of dynamodb.h, sqs.h or ec2.h only names the service and the operation.
 *
 * A call may be executed twice (common/net/http.h); nothing may be sent that this would hurt.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/net/endpoint.h"
#include "common/net/http.h"

#define AWS_ATTEMPT_USEC (10 * USEC_PER_SEC)  /* of one attempt, unless the call says otherwise */
#define AWS_PATIENCE_USEC (30 * USEC_PER_SEC) /* of a call with all its attempts */
#define AWS_ANSWER_MAX (16UL * 1024 * 1024)   /* a page of a Scan is 1 MB before it is JSON */
/* A clock that differs by less is taken for right: the header that it is compared with counts whole
 * seconds, and travels. */
#define AWS_SKEW_MIN_MS (2 * MSEC_PER_SEC)

struct aws_options {
	const char *profile, *region; /* flags or settings; NULL: as the AWS CLI finds them */
	const char *home;             /* ~/.aws lies below it */
	const char *(*env)(void *context, const char *name);
	void *env_context;
	const struct clock *clock;
	struct http *http;                /* borrowed; NULL: one of its own, with what follows */
	bool (*cancelled)(void *context); /* may be NULL */
	void *cancelled_context;
	uint64_t seed; /* spreads what many would do at the same moment */
};

/* One account and region; of one thread. The texts of the options must outlive it. */
struct aws;

/* Finds the region; nothing else is asked yet. -ENOENT without one. */
int aws_open(const struct aws_options *options, struct aws **ret, struct fault *fault) _must_check_;
void aws_close(struct aws *aws);
DEFINE_CLEANUP(struct aws *, aws_close)

const char *aws_region(const struct aws *aws);
/* The services' time, as their answers tell it: our wall clock, corrected where it is wrong. */
uint64_t aws_now_ms(const struct aws *aws);

struct aws_call {
	enum aws_service service;
	const char *operation;  /* constant text: "UpdateItem" */
	struct buf body;        /* owned */
	uint64_t attempt_usec;  /* 0: AWS_ATTEMPT_USEC */
	uint64_t patience_usec; /* 0: AWS_PATIENCE_USEC */
	bool fresh;             /* see http.h */
	bool just_made;         /* about what was made less than RETRY_EVENTUAL_USEC ago */
	/* Optional: takes a successful answer piece by piece; begin is called before each attempt.
	 */
	int (*sink)(void *context, const char *data, size_t size);
	void (*begin)(void *context);
	void *context;

	/* --- filled ---- */
	int result; /* 0: 2xx. Else aws_error_errno()'s, with the answer's body, or http.h's */
	struct http_answer answer;
	struct fault fault; /* when result < 0 */
	unsigned attempts;
	bool maybe_executed; /* although there is no answer */
};
/* An empty body that grows up to max bytes. */
void aws_call_init(struct aws_call *call, enum aws_service service, const char *operation,
		   size_t max);
void aws_call_done(struct aws_call *call);
#define _cleanup_aws_call_ _cleanup_(aws_call_done)

/* Makes all of them; each has its result afterwards. < 0 when nothing was sent: no credentials, no
 * endpoint, -ENOMEM. */
int aws_perform(struct aws *aws, struct aws_call *calls, size_t n,
		struct fault *fault) _must_check_;
/* One, whose result is returned and whose fault is given. */
int aws_call(struct aws *aws, struct aws_call *call, struct fault *fault) _must_check_;
