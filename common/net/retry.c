#include "common/net/retry.h"

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/parse.h"

#define COST_TRANSIENT 14
#define COST_THROTTLED 5
#define EVENTUAL_REPEATS_MAX 10

static const int transient_errors[] = {
	ETIMEDOUT, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EPROTO, /* a handshake that was cut */
};

static const struct {
	int status;
	enum retry_kind kind;
} statuses[] = {
	{ 408, RETRY_TRANSIENT }, { 429, RETRY_THROTTLED }, { 500, RETRY_TRANSIENT },
	{ 502, RETRY_TRANSIENT }, { 503, RETRY_TRANSIENT }, { 504, RETRY_TRANSIENT },
	{ 509, RETRY_THROTTLED },
};

#define ANY _AWS_SERVICE_MAX

/* Before the status: EC2 throttles with 503, SQS with 403, DynamoDB with 400. */
static const struct {
	const char *code;
	enum retry_kind kind;
	enum aws_service service;
} codes[] = {
	{ "RequestTimeout", RETRY_TRANSIENT, ANY },
	{ "RequestTimeoutException", RETRY_TRANSIENT, ANY },
	{ "PriorRequestNotComplete", RETRY_TRANSIENT, ANY },

	{ "Throttling", RETRY_THROTTLED, ANY },
	{ "ThrottlingException", RETRY_THROTTLED, ANY },
	{ "ThrottledException", RETRY_THROTTLED, ANY },
	{ "RequestThrottledException", RETRY_THROTTLED, ANY },
	{ "RequestThrottled", RETRY_THROTTLED, ANY },
	{ "TooManyRequestsException", RETRY_THROTTLED, ANY },
	{ "ProvisionedThroughputExceededException", RETRY_THROTTLED, ANY },
	{ "TransactionInProgressException", RETRY_THROTTLED, ANY },
	{ "RequestLimitExceeded", RETRY_THROTTLED, ANY },
	{ "BandwidthLimitExceeded", RETRY_THROTTLED, ANY },
	{ "LimitExceededException", RETRY_THROTTLED, ANY },
	{ "SlowDown", RETRY_THROTTLED, ANY },
	{ "EC2ThrottledException", RETRY_THROTTLED, ANY },

	{ "ExpiredToken", RETRY_EXPIRED, ANY },
	{ "ExpiredTokenException", RETRY_EXPIRED, ANY },

	{ "ReplicatedWriteConflictException", RETRY_TRANSIENT, AWS_DYNAMODB },
	{ "TransactionConflictException", RETRY_TRANSIENT, AWS_DYNAMODB },
	{ "InternalServerError", RETRY_TRANSIENT, AWS_DYNAMODB },
	{ "OverLimit", RETRY_THROTTLED, AWS_SQS },
	{ "InternalError", RETRY_TRANSIENT, AWS_EC2 },
	{ "Unavailable", RETRY_TRANSIENT, AWS_EC2 },
	{ "InvalidInstanceID.NotFound", RETRY_EVENTUAL, AWS_EC2 },
	{ "IDPCommunicationError", RETRY_TRANSIENT, AWS_STS },
	{ "InternalError", RETRY_TRANSIENT, AWS_S3 },
	{ "BadDigest", RETRY_TRANSIENT, AWS_S3 },
};

/* A signature that the clock alone may have spoilt, or something else. */
static const struct {
	const char *code;
	bool is_sure;
} skew_codes[] = {
	{ "RequestTimeTooSkewed", true },   { "RequestExpired", true },
	{ "RequestInTheFuture", true },     { "InvalidSignatureException", false },
	{ "SignatureDoesNotMatch", false }, { "AuthFailure", false },
};

static const struct backoff throttled_backoff = { 1 * USEC_PER_SEC, 20 * USEC_PER_SEC };
static const struct backoff eventual_backoff = { 500 * USEC_PER_MSEC, 8 * USEC_PER_SEC };

struct policy {
	unsigned repeats_max;
	struct backoff transient_backoff;
};

static const struct policy dynamodb_policy = { 3, { 25 * USEC_PER_MSEC, 20 * USEC_PER_SEC } };
static const struct policy other_policy = { 2, { 50 * USEC_PER_MSEC, 20 * USEC_PER_SEC } };

static const struct policy *policy_of(enum aws_service service)
{
	return service == AWS_DYNAMODB ? &dynamodb_policy : &other_policy;
}

/* Whether the code that came is that one: a JSON __type may have a namespace in front of it, a
 * header something behind. */
static bool is_code(const char *came, const char *code)
{
	const char *name = strrchr(came, '#');
	size_t size;

	name = name ? name + 1 : came;
	size = strcspn(name, ":;");
	return size == strlen(code) && strncmp(name, code, size) == 0;
}

static bool is_off(const struct retry_cause *cause)
{
	uint64_t date = cause->date_ms, now = cause->now_ms;

	return date > 0 && (date > now ? date - now : now - date) > RETRY_SKEW_MS;
}

static enum retry_kind classify_code(const struct retry_cause *cause)
{
	for (size_t i = 0; i < ARRAY_SIZE(skew_codes); i++)
		if (is_code(cause->code, skew_codes[i].code))
			return skew_codes[i].is_sure || is_off(cause) ? RETRY_SKEW : RETRY_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if ((codes[i].service == ANY || codes[i].service == cause->service) &&
		    is_code(cause->code, codes[i].code))
			return codes[i].kind;
	return RETRY_NONE;
}

enum retry_kind retry_classify(const struct retry_cause *cause)
{
	enum retry_kind kind = RETRY_NONE;

	if (cause->error < 0) {
		for (size_t i = 0; i < ARRAY_SIZE(transient_errors); i++)
			if (cause->error == -transient_errors[i])
				return RETRY_TRANSIENT;
		return RETRY_NONE;
	}
	if (cause->status < 300)
		return RETRY_NONE;

	if (cause->code && *cause->code)
		kind = classify_code(cause);
	if (kind == RETRY_EVENTUAL)
		return cause->just_made ? kind : RETRY_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(statuses) && kind == RETRY_NONE; i++)
		if (cause->status == statuses[i].status)
			kind = statuses[i].kind;
	return kind;
}

static bool take_once(bool *taken, uint64_t *ret_wait_usec)
{
	if (*taken)
		return false;
	*taken = true;
	*ret_wait_usec = 0;
	return true;
}

/* Ours, or the server's while that is not much longer. */
static uint64_t heed(uint64_t wait_usec, uint64_t after_usec)
{
	if (after_usec > wait_usec + RETRY_AFTER_MORE_USEC)
		after_usec = wait_usec + RETRY_AFTER_MORE_USEC;
	return after_usec > wait_usec ? after_usec : wait_usec;
}

static int take_repeat(struct retry *retry, struct retry_bucket *bucket, bool is_throttled,
		       const struct policy *policy, uint64_t after_usec, uint64_t seed,
		       uint64_t *ret_wait_usec)
{
	const struct backoff *backoff =
		is_throttled ? &throttled_backoff : &policy->transient_backoff;
	unsigned cost = is_throttled ? COST_THROTTLED : COST_TRANSIENT;

	if (retry->repeats >= policy->repeats_max || bucket->tokens < cost)
		return 0;
	bucket->tokens -= cost;
	retry->cost = cost;
	*ret_wait_usec = heed(backoff_usec(backoff, retry->repeats, seed), after_usec);
	retry->repeats++;
	return 1;
}

int retry_next(struct retry *retry, struct retry_bucket *bucket, const struct retry_cause *cause,
	       uint64_t after_usec, uint64_t seed, uint64_t *ret_wait_usec)
{
	enum retry_kind kind = retry_classify(cause);

	switch (kind) {
	case RETRY_TRANSIENT:
	case RETRY_THROTTLED:
		return take_repeat(retry, bucket, kind == RETRY_THROTTLED,
				   policy_of(cause->service), after_usec, seed, ret_wait_usec);
	case RETRY_EXPIRED:
		return take_once(&retry->has_refreshed, ret_wait_usec);
	case RETRY_SKEW:
		return take_once(&retry->has_corrected, ret_wait_usec);
	case RETRY_EVENTUAL:
		if (retry->eventual >= EVENTUAL_REPEATS_MAX)
			return 0;
		*ret_wait_usec = backoff_usec(&eventual_backoff, retry->eventual++, seed);
		return 1;
	default:
		return 0;
	}
}

void retry_succeeded(const struct retry *retry, struct retry_bucket *bucket)
{
	unsigned back = retry->cost > 0 ? retry->cost : 1;

	bucket->tokens =
		back < RETRY_BUCKET_MAX - bucket->tokens ? bucket->tokens + back : RETRY_BUCKET_MAX;
}

int retry_after_parse(const char *text, uint64_t *ret_usec)
{
	uint64_t msec;
	int r = parse_u64(text, &msec);

	if (r < 0)
		return r;
	if (msec > UINT64_MAX / USEC_PER_MSEC)
		return -ERANGE;
	*ret_usec = msec * USEC_PER_MSEC;
	return 0;
}
