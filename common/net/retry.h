#pragma once

/*
 * Whether and when a call to AWS is made again: the SDKs' "standard" mode, pure. Each call may be
 * repeated a few times; all calls to one API share a bucket of tokens that repeating costs, so that
 * a service that is down gets few calls, not thrice as many.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/net/endpoint.h"

enum retry_kind {
	RETRY_NONE,      /* the same call would fail again */
	RETRY_TRANSIENT, /* the network or the server failed */
	RETRY_THROTTLED, /* it was too much; not executed */
	RETRY_EXPIRED,   /* credentials: get new ones first */
	RETRY_SKEW,      /* our clock: correct it by the answer's date first */
	RETRY_EVENTUAL,  /* what was just made is not seen everywhere yet */
	_RETRY_KIND_MAX,
};

/* How a call failed. */
struct retry_cause {
	enum aws_service service;
	int error;        /* of the exchange: 0 or -errno */
	int status;       /* of HTTP; 0: no answer */
	const char *code; /* the service's word, as it came: "…#ThrottlingException"; may be NULL */
	uint64_t date_ms; /* of the answer; 0: none */
	uint64_t now_ms;  /* by the clock that the call was signed with */
	bool just_made;   /* it is about what was made less than RETRY_EVENTUAL_USEC ago */
};
#define RETRY_EVENTUAL_USEC (60 * USEC_PER_SEC)
/* A clock that is off by less is not what a signature failed for: they hold for 5 minutes. */
#define RETRY_SKEW_MS (240 * MSEC_PER_SEC)

enum retry_kind retry_classify(const struct retry_cause *cause);

/* Of one API, for as long as the program runs. */
struct retry_bucket {
	unsigned tokens;
};
#define RETRY_BUCKET_MAX 500
#define RETRY_BUCKET_FULL                  \
	{                                  \
		.tokens = RETRY_BUCKET_MAX \
	}

/* Of one call; begins empty. */
struct retry {
	unsigned repeats;   /* of RETRY_TRANSIENT and RETRY_THROTTLED */
	unsigned eventual;  /* of RETRY_EVENTUAL */
	unsigned cost;      /* tokens that the last repeat took */
	bool has_refreshed; /* credentials: once */
	bool has_corrected; /* the clock: once */
};

/* 1 and the wait before the call is to be made again; 0 to give up. after_usec is what the server
 * asked for (retry_after_parse()), 0 when it did not: heeded, but for no more than
 * RETRY_AFTER_MORE_USEC beyond our own wait. The same seed gives the same waits. */
int retry_next(struct retry *retry, struct retry_bucket *bucket, const struct retry_cause *cause,
	       uint64_t after_usec, uint64_t seed, uint64_t *ret_wait_usec);
#define RETRY_AFTER_MORE_USEC (5 * USEC_PER_SEC)

/* The call succeeded: what its last repeat took goes back, or one token for none. */
void retry_succeeded(const struct retry *retry, struct retry_bucket *bucket);

/* x-amz-retry-after: milliseconds. -EINVAL, -ERANGE. */
int retry_after_parse(const char *text, uint64_t *ret_usec) _must_check_;
