#include "agent/instance.h"

#include <errno.h>
#include <string.h>

#include "tests/fake-clock.h"
#include "tests/fake-http.h"
#include "tests/test.h"

struct bench {
	struct fake_clock clock;
	struct http http;
	struct imds_options options;
	struct imds *imds;
	struct fault fault;
	char id[24];
};

static const char *no_variable(_unused_ void *context, _unused_ const char *name)
{
	return NULL;
}

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){ .clock = fake_clock_new() };
	bench->options = (struct imds_options){
		.http = &bench->http,
		.clock = &bench->clock.clock,
		.env = no_variable,
	};
	ck_assert_int_eq(imds_open(&bench->options, &bench->imds, NULL), 0);
}

static void bench_done(struct bench *bench)
{
	imds_close(bench->imds);
	fake_http_done(&bench->http);
}
#define _cleanup_bench_ _cleanup_(bench_done)

static void answer(struct bench *bench, const char *method, int status, const char *body)
{
	fake_http_add(&bench->http, &(struct fake_answer){ .method = method,
							   .status = status,
							   .body = body,
							   .date_ms = 1795508400000ULL });
}

START_TEST(learns_who_it_is_from_a_service_that_comes_up_late)
{
	_cleanup_bench_ struct bench bench;
	uint64_t before;

	bench_init(&bench);
	before = bench.clock.now_boot_usec;
	for (int i = 0; i < 3; i++)
		fake_http_add(&bench.http, &(struct fake_answer){ .result = -EHOSTUNREACH });
	answer(&bench, "PUT", 503, NULL);
	answer(&bench, "PUT", 200, "token");
	answer(&bench, "GET", 404, NULL);
	answer(&bench, "GET", 200, "i-0123456789abcdef0");
	ck_assert_int_eq(instance_identify(&bench.options, bench.id, sizeof(bench.id), NULL), 0);
	ck_assert_str_eq(bench.id, "i-0123456789abcdef0");
	ck_assert_uint_gt(bench.clock.now_boot_usec, before + USEC_PER_SEC);
	ck_assert_str_eq(bench.http.requests[6].url, "http://169.254.169.254" IMDS_INSTANCE_ID);
}
END_TEST

START_TEST(gives_up_in_the_end_and_says_what_to_do)
{
	_cleanup_bench_ struct bench bench;
	uint64_t waited;

	bench_init(&bench);
	waited = bench.clock.now_boot_usec;
	fake_http_add(&bench.http, &(struct fake_answer){ .result = -ETIMEDOUT, .repeats = true });
	ck_assert_int_eq(
		instance_identify(&bench.options, bench.id, sizeof(bench.id), &bench.fault),
		-ETIMEDOUT);
	waited = bench.clock.now_boot_usec - waited;
	ck_assert_uint_ge(waited, INSTANCE_WAIT_USEC);
	ck_assert_uint_lt(waited, INSTANCE_WAIT_USEC + 10 * USEC_PER_SEC);
	ck_assert_ptr_nonnull(strstr(bench.fault.text, "cannot learn which instance this is"));
	ck_assert_ptr_nonnull(strstr(bench.fault.cure, "--machine ID"));
	ck_assert(fault_is_transient(-ETIMEDOUT, &bench.fault));
}
END_TEST

START_TEST(sees_notices_and_that_there_are_none)
{
	_cleanup_bench_ struct bench bench;
	struct notice_look look = {}, none = {};

	bench_init(&bench);
	answer(&bench, "PUT", 200, "token");
	answer(&bench, "GET", 200, "{\"action\":\"stop\",\"time\":\"2026-11-24T08:22:00Z\"}");
	answer(&bench, "GET", 200, "{\"noticeTime\":\"2026-11-24T08:20:00Z\"}");
	answer(&bench, "GET", 404, NULL);
	answer(&bench, "GET", 404, NULL);
	instance_look(bench.imds, &bench.clock.clock, &look);
	ck_assert_int_eq(look.spot, NOTICE_GIVEN);
	ck_assert_int_eq(look.rebalance, NOTICE_GIVEN);
	ck_assert_uint_eq(look.ends_ms - look.said_ms, 120 * MSEC_PER_SEC);
	ck_assert_str_eq(look.fault.text, "");
	instance_look(bench.imds, &bench.clock.clock, &none);
	ck_assert_int_eq(none.spot, NOTICE_NONE);
	ck_assert_int_eq(none.rebalance, NOTICE_NONE);
	ck_assert_str_eq(none.fault.text, "");
}
END_TEST

START_TEST(knows_nothing_by_an_answer_that_is_none)
{
	static const struct fake_answer answers[] = {
		{ .result = -ETIMEDOUT },
		{ .result = -ECONNREFUSED },
		{ .status = 500 },
		{ .status = 429 },
		{ .status = 200 },
		{ .status = 200, .body = "{" },
		{ .status = 200, .body = "<html>" },
	};
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer(&bench, "PUT", 200, "token");
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct notice_look look = {};

		fake_http_add(&bench.http, &answers[i]);
		if (answers[i].status > 0)
			answer(&bench, "GET", 503, NULL);
		instance_look(bench.imds, &bench.clock.clock, &look);
		ck_assert_int_eq(look.spot, NOTICE_UNKNOWN);
		ck_assert_int_eq(look.rebalance, NOTICE_UNKNOWN);
		ck_assert_str_ne(look.fault.text, "");
	}
}
END_TEST

TEST_MAIN(learns_who_it_is_from_a_service_that_comes_up_late,
	  gives_up_in_the_end_and_says_what_to_do, sees_notices_and_that_there_are_none,
	  knows_nothing_by_an_answer_that_is_none)
