#include <errno.h>

#include "common/net/retry.h"
#include "tests/test.h"

#define NOW_MS UINT64_C(1700000000000)
#define SEEDS 100

START_TEST(classifies_each_failure)
{
	static const struct {
		enum aws_service service;
		int error, status;
		const char *code;
		enum retry_kind kind;
	} cases[] = {
		{ AWS_SQS, 0, 200, NULL, RETRY_NONE },
		{ AWS_SQS, -ETIMEDOUT, 0, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, -ECONNREFUSED, 0, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, -ECONNRESET, 0, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, -EHOSTUNREACH, 0, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, -EPROTO, 0, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, -EKEYREJECTED, 0, NULL, RETRY_NONE },
		{ AWS_SQS, -EFBIG, 0, NULL, RETRY_NONE },
		{ AWS_SQS, -ECANCELED, 0, NULL, RETRY_NONE },
		{ AWS_SQS, -ENOMEM, 0, NULL, RETRY_NONE },

		{ AWS_SQS, 0, 301, NULL, RETRY_NONE },
		{ AWS_SQS, 0, 400, "", RETRY_NONE },
		{ AWS_SQS, 0, 403, "AccessDenied", RETRY_NONE },
		{ AWS_SQS, 0, 408, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, 0, 429, NULL, RETRY_THROTTLED },
		{ AWS_SQS, 0, 500, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, 0, 501, NULL, RETRY_NONE },
		{ AWS_SQS, 0, 502, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, 0, 503, "Whatever", RETRY_TRANSIENT },
		{ AWS_SQS, 0, 504, NULL, RETRY_TRANSIENT },
		{ AWS_SQS, 0, 509, NULL, RETRY_THROTTLED },

		{ AWS_EC2, 0, 503, "RequestLimitExceeded", RETRY_THROTTLED },
		{ AWS_SQS, 0, 403, "RequestThrottled", RETRY_THROTTLED },
		{ AWS_SQS, 0, 403, "OverLimit", RETRY_THROTTLED },
		{ AWS_SSM, 0, 403, "OverLimit", RETRY_NONE },
		{ AWS_DYNAMODB, 0, 400, "com.amazonaws.dynamodb.v20120810#ThrottlingException",
		  RETRY_THROTTLED },
		{ AWS_DYNAMODB, 0, 400, "ThrottlingException:http://example.org/",
		  RETRY_THROTTLED },
		{ AWS_SQS, 0, 400, "RequestThrottled;Sender", RETRY_THROTTLED },
		{ AWS_DYNAMODB, 0, 400, "a#ThrottlingExceptions", RETRY_NONE },
		{ AWS_DYNAMODB, 0, 400, "Throttl", RETRY_NONE },
		{ AWS_DYNAMODB, 0, 400, "TransactionConflictException", RETRY_TRANSIENT },
		{ AWS_DYNAMODB, 0, 400, "ConditionalCheckFailedException", RETRY_NONE },
		{ AWS_EC2, 0, 400, "TransactionConflictException", RETRY_NONE },
		{ AWS_S3, 0, 400, "BadDigest", RETRY_TRANSIENT },
		{ AWS_S3, 0, 400, "RequestTimeout", RETRY_TRANSIENT },
		{ AWS_S3, 0, 503, "SlowDown", RETRY_THROTTLED },

		{ AWS_STS, 0, 403, "ExpiredToken", RETRY_EXPIRED },
		{ AWS_DYNAMODB, 0, 400, "x#ExpiredTokenException", RETRY_EXPIRED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct retry_cause cause = { .service = cases[i].service,
						   .error = cases[i].error,
						   .status = cases[i].status,
						   .code = cases[i].code };

		ck_assert_msg(retry_classify(&cause) == cases[i].kind, "case %zu", i);
	}
}
END_TEST

START_TEST(takes_a_failed_signature_for_skew_only_when_the_clocks_differ)
{
	static const struct {
		const char *code;
		uint64_t date_ms;
		enum retry_kind kind;
	} cases[] = {
		{ "RequestTimeTooSkewed", 0, RETRY_SKEW },
		{ "RequestExpired", NOW_MS, RETRY_SKEW },
		{ "RequestInTheFuture", NOW_MS, RETRY_SKEW },
		{ "SignatureDoesNotMatch", 0, RETRY_NONE },
		{ "SignatureDoesNotMatch", NOW_MS + RETRY_SKEW_MS, RETRY_NONE },
		{ "SignatureDoesNotMatch", NOW_MS + RETRY_SKEW_MS + 1, RETRY_SKEW },
		{ "InvalidSignatureException", NOW_MS - RETRY_SKEW_MS, RETRY_NONE },
		{ "InvalidSignatureException", NOW_MS - RETRY_SKEW_MS - 1, RETRY_SKEW },
		{ "AuthFailure", NOW_MS - RETRY_SKEW_MS - 1, RETRY_SKEW },
		{ "AccessDenied", NOW_MS - RETRY_SKEW_MS - 1, RETRY_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct retry_cause cause = { .status = 403,
						   .code = cases[i].code,
						   .date_ms = cases[i].date_ms,
						   .now_ms = NOW_MS };

		ck_assert_msg(retry_classify(&cause) == cases[i].kind, "case %zu", i);
	}
}
END_TEST

START_TEST(waits_for_what_was_just_made)
{
	struct retry_cause cause = { .service = AWS_EC2,
				     .status = 400,
				     .code = "InvalidInstanceID.NotFound" };
	struct retry_bucket bucket = {};
	struct retry retry = {};
	uint64_t wait;
	unsigned n = 0;

	ck_assert_int_eq(retry_next(&retry, &bucket, &cause, 0, 1, &wait), 0);
	cause.just_made = true;
	ck_assert_int_eq(retry_classify(&cause), RETRY_EVENTUAL);
	/* Costs no tokens: the service is well. Ends all the same. */
	while (retry_next(&retry, &bucket, &cause, 0, n, &wait) == 1) {
		ck_assert_uint_ge(wait, 250 * USEC_PER_MSEC);
		ck_assert_uint_le(wait, 8 * USEC_PER_SEC);
		n++;
	}
	ck_assert_uint_eq(n, 10);
	cause.service = AWS_SQS;
	ck_assert_int_eq(retry_classify(&cause), RETRY_NONE);
}
END_TEST

/* Attempts, not repeats, are what the SDKs count: one more. */
START_TEST(repeats_as_often_as_the_sdks_do)
{
	static const struct {
		enum aws_service service;
		int status;
		unsigned repeats;
		uint64_t first_usec; /* the ceiling of the first wait */
	} cases[] = {
		{ AWS_DYNAMODB, 500, 3, 25 * USEC_PER_MSEC },
		{ AWS_DYNAMODB, 429, 3, 1 * USEC_PER_SEC },
		{ AWS_EC2, 500, 2, 50 * USEC_PER_MSEC },
		{ AWS_EC2, 429, 2, 1 * USEC_PER_SEC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			const struct retry_cause cause = { .service = cases[i].service,
							   .status = cases[i].status };
			struct retry_bucket bucket = RETRY_BUCKET_FULL;
			struct retry retry = {};
			uint64_t wait;
			unsigned n = 0;

			while (retry_next(&retry, &bucket, &cause, 0, seed, &wait) == 1) {
				ck_assert_uint_le(wait, cases[i].first_usec << n);
				ck_assert_uint_ge(wait, (cases[i].first_usec << n) / 2);
				n++;
			}
			ck_assert_uint_eq(n, cases[i].repeats);
			ck_assert_uint_eq(retry.repeats, n);
		}
}
END_TEST

START_TEST(stops_repeating_when_the_bucket_is_empty)
{
	static const struct {
		int status;
		unsigned cost;
	} cases[] = { { 500, 14 }, { 429, 5 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct retry_cause cause = { .service = AWS_EC2, .status = cases[i].status };
		struct retry_bucket bucket = RETRY_BUCKET_FULL;
		unsigned n = 0;
		uint64_t wait;

		for (;; n++) {
			struct retry retry = {};

			if (retry_next(&retry, &bucket, &cause, 0, n, &wait) == 0)
				break;
			ck_assert_uint_eq(bucket.tokens, 500 - (n + 1) * cases[i].cost);
		}
		ck_assert_uint_eq(n, 500 / cases[i].cost);
	}
}
END_TEST

START_TEST(fills_the_bucket_with_successes)
{
	const struct retry_cause cause = { .service = AWS_EC2, .status = 500 };
	struct retry_bucket bucket = { .tokens = 100 };
	struct retry retry = {};
	uint64_t wait;

	retry_succeeded(&retry, &bucket);
	ck_assert_uint_eq(bucket.tokens, 101);
	ck_assert_int_eq(retry_next(&retry, &bucket, &cause, 0, 0, &wait), 1);
	ck_assert_int_eq(retry_next(&retry, &bucket, &cause, 0, 0, &wait), 1);
	ck_assert_uint_eq(bucket.tokens, 101 - 28);
	retry_succeeded(&retry, &bucket);
	ck_assert_uint_eq(bucket.tokens, 101 - 14);

	bucket.tokens = 495;
	retry_succeeded(&retry, &bucket);
	ck_assert_uint_eq(bucket.tokens, 500);
	retry = (struct retry){};
	retry_succeeded(&retry, &bucket);
	ck_assert_uint_eq(bucket.tokens, 500);
}
END_TEST

START_TEST(refreshes_credentials_and_corrects_the_clock_once_each_and_at_once)
{
	const struct retry_cause expired = { .status = 403, .code = "ExpiredToken" };
	const struct retry_cause skewed = { .status = 403, .code = "RequestExpired" };
	struct retry_bucket bucket = {};
	struct retry retry = {};
	uint64_t wait = 1;

	ck_assert_int_eq(retry_next(&retry, &bucket, &expired, 0, 0, &wait), 1);
	ck_assert_uint_eq(wait, 0);
	ck_assert_int_eq(retry_next(&retry, &bucket, &expired, 0, 0, &wait), 0);
	wait = 1;
	ck_assert_int_eq(retry_next(&retry, &bucket, &skewed, 0, 0, &wait), 1);
	ck_assert_uint_eq(wait, 0);
	ck_assert_int_eq(retry_next(&retry, &bucket, &skewed, 0, 0, &wait), 0);
}
END_TEST

START_TEST(heeds_what_the_server_asks_for_within_bounds)
{
	const struct retry_cause cause = { .service = AWS_EC2, .status = 429 };
	uint64_t own = 0, wait = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		static const uint64_t asked[] = { 1, 3 * USEC_PER_SEC, UINT64_MAX };

		for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
			struct retry_bucket bucket = RETRY_BUCKET_FULL;
			struct retry without = {}, with = {};
			uint64_t expected[] = { 0, asked[1], 0 };

			ck_assert_int_eq(retry_next(&without, &bucket, &cause, 0, seed, &own), 1);
			ck_assert_int_eq(retry_next(&with, &bucket, &cause, asked[i], seed, &wait),
					 1);
			expected[0] = own;
			expected[2] = own + RETRY_AFTER_MORE_USEC;
			ck_assert_uint_eq(wait, expected[i]);
		}
	}
}
END_TEST

START_TEST(reads_milliseconds)
{
	uint64_t usec = 1;

	ck_assert_int_eq(retry_after_parse("1500", &usec), 0);
	ck_assert_uint_eq(usec, 1500 * USEC_PER_MSEC);
	ck_assert_int_eq(retry_after_parse("", &usec), -EINVAL);
	ck_assert_int_eq(retry_after_parse("1.5", &usec), -EINVAL);
	ck_assert_int_eq(retry_after_parse("-1", &usec), -EINVAL);
	ck_assert_int_eq(retry_after_parse("18446744073709551615", &usec), -ERANGE);
	ck_assert_uint_eq(usec, 1500 * USEC_PER_MSEC);
}
END_TEST

TEST_MAIN(classifies_each_failure, takes_a_failed_signature_for_skew_only_when_the_clocks_differ,
	  waits_for_what_was_just_made, repeats_as_often_as_the_sdks_do,
	  stops_repeating_when_the_bucket_is_empty, fills_the_bucket_with_successes,
	  refreshes_credentials_and_corrects_the_clock_once_each_and_at_once,
	  heeds_what_the_server_asks_for_within_bounds, reads_milliseconds)
