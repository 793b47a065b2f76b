#include "common/net/imds.h"

#include <errno.h>
#include <string.h>

#include "tests/fake-clock.h"
#include "tests/fake-http.h"
#include "tests/test.h"

#define HOST "http://169.254.169.254"
#define TOKEN_URL HOST "/latest/api/token"
#define TOKEN_HEADER "X-aws-ec2-metadata-token"

struct bench {
	struct fake_clock clock;
	struct http http;
	const char *endpoint, *disabled;
	struct imds *imds;
	struct imds_answer got;
	struct fault fault;
};

static const char *bench_env(void *context, const char *name)
{
	const struct bench *bench = context;

	if (strcmp(name, "AWS_EC2_METADATA_SERVICE_ENDPOINT") == 0)
		return bench->endpoint;
	return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? bench->disabled : NULL;
}

static int bench_open(struct bench *bench)
{
	return imds_open(
		&(struct imds_options){
			.http = &bench->http,
			.clock = &bench->clock.clock,
			.env = bench_env,
			.env_context = bench,
		},
		&bench->imds, &bench->fault);
}

static void bench_done(struct bench *bench)
{
	imds_close(bench->imds);
	imds_answer_done(&bench->got);
	fake_http_done(&bench->http);
}
#define _cleanup_bench_ _cleanup_(bench_done)

static void answer(struct bench *bench, const char *method, int status, const char *body)
{
	fake_http_add(&bench->http, &(struct fake_answer){ .method = method,
							   .status = status,
							   .body = body,
							   .date_ms = FAKE_WALL_MS });
}

static int get(struct bench *bench)
{
	bench->fault = (struct fault){};
	return imds_get(bench->imds, IMDS_SPOT, "a spot notice", &bench->got, &bench->fault);
}

START_TEST(shows_one_token_for_many_questions_until_it_is_old)
{
	_cleanup_bench_ struct bench bench = { .clock = fake_clock_new() };

	ck_assert_int_eq(bench_open(&bench), 0);
	answer(&bench, "PUT", 200, "first");
	answer(&bench, "GET", 200, "one");
	answer(&bench, "GET", 200, "two");
	ck_assert_int_eq(get(&bench), 0);
	ck_assert_int_eq(get(&bench), 0);
	ck_assert_str_eq(secret_reveal(&bench.got.body), "two");
	ck_assert_uint_eq(bench.got.date_ms, FAKE_WALL_MS);
	ck_assert_uint_eq(bench.http.n_requests, 3);
	ck_assert_str_eq(bench.http.requests[0].url, TOKEN_URL);
	ck_assert_str_eq(
		fake_http_header(&bench.http.requests[0], "X-aws-ec2-metadata-token-ttl-seconds"),
		"21600");
	ck_assert_str_eq(bench.http.requests[1].url, HOST IMDS_SPOT);
	for (size_t i = 1; i < 3; i++)
		ck_assert_str_eq(fake_http_header(&bench.http.requests[i], TOKEN_HEADER), "first");

	fake_advance(&bench.clock, IMDS_TOKEN_SECONDS / 2 * MSEC_PER_SEC + 1);
	answer(&bench, "PUT", 200, "second");
	answer(&bench, "GET", 200, "three");
	ck_assert_int_eq(get(&bench), 0);
	ck_assert_str_eq(fake_http_header(&bench.http.requests[4], TOKEN_HEADER), "second");
}
END_TEST

START_TEST(replaces_a_token_that_is_refused_once)
{
	_cleanup_bench_ struct bench bench = { .clock = fake_clock_new() };

	ck_assert_int_eq(bench_open(&bench), 0);
	answer(&bench, "PUT", 200, "first");
	answer(&bench, "GET", 401, NULL);
	answer(&bench, "PUT", 200, "second");
	answer(&bench, "GET", 200, "found");
	ck_assert_int_eq(get(&bench), 0);
	ck_assert_str_eq(secret_reveal(&bench.got.body), "found");

	answer(&bench, "GET", 401, NULL);
	answer(&bench, "PUT", 200, "third");
	answer(&bench, "GET", 401, NULL);
	ck_assert_int_eq(get(&bench), -EACCES);
	ck_assert_int_eq(bench.fault.status, 401);
	ck_assert_uint_eq(bench.http.n_requests, 7);
}
END_TEST

START_TEST(tells_what_is_not_there_from_what_did_not_answer)
{
	_cleanup_bench_ struct bench bench = { .clock = fake_clock_new() };

	ck_assert_int_eq(bench_open(&bench), 0);
	answer(&bench, "PUT", 200, "token");
	answer(&bench, "GET", 404, "<html>");
	ck_assert_int_eq(get(&bench), -ENOENT);
	ck_assert_str_eq(bench.fault.text, "instance metadata: HTTP 404 for a spot notice");
	answer(&bench, "GET", 503, NULL);
	ck_assert_int_eq(get(&bench), -EACCES);
	ck_assert_int_eq(bench.fault.status, 503);
	fake_http_add(&bench.http, &(struct fake_answer){ .result = -ETIMEDOUT });
	ck_assert_int_eq(get(&bench), -ETIMEDOUT);
	ck_assert(imds_found_nobody(-ETIMEDOUT));
	ck_assert(!imds_found_nobody(-ENOENT));
	ck_assert_uint_eq(bench.http.requests[3].timeout_usec, IMDS_TIMEOUT_USEC);
}
END_TEST

START_TEST(takes_a_404_for_a_token_for_no_answer_about_anything)
{
	_cleanup_bench_ struct bench bench = { .clock = fake_clock_new() };

	ck_assert_int_eq(bench_open(&bench), 0);
	answer(&bench, "PUT", 404, NULL);
	ck_assert_int_eq(get(&bench), -EACCES);
	answer(&bench, "PUT", 200, "two\nlines");
	ck_assert_int_eq(get(&bench), -EBADMSG);
	ck_assert_uint_eq(bench.http.n_requests, 2);
}
END_TEST

START_TEST(reads_a_line_that_fits)
{
	_cleanup_bench_ struct bench bench = { .clock = fake_clock_new() };
	char id[8] = "";

	ck_assert_int_eq(bench_open(&bench), 0);
	answer(&bench, "PUT", 200, "token");
	answer(&bench, "GET", 200, "i-12345\nrest");
	answer(&bench, "GET", 200, "i-123456");
	answer(&bench, "GET", 200, "\n");
	ck_assert_int_eq(
		imds_get_line(bench.imds, IMDS_INSTANCE_ID, "the id", id, sizeof(id), &bench.fault),
		0);
	ck_assert_str_eq(id, "i-12345");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(imds_get_line(bench.imds, IMDS_INSTANCE_ID, "the id", id,
					       sizeof(id), &bench.fault),
				 -EBADMSG);
	ck_assert_str_eq(id, "i-12345");
}
END_TEST

START_TEST(asks_where_the_environment_says_or_not_at_all)
{
	_cleanup_bench_ struct bench bench = {
		.clock = fake_clock_new(),
		.endpoint = "http://127.0.0.1:1338/",
	};
	_cleanup_bench_ struct bench none = { .clock = fake_clock_new(), .disabled = "TRUE" };
	_cleanup_bench_ struct bench bad = { .clock = fake_clock_new(), .endpoint = "127.0.0.1" };

	ck_assert_int_eq(bench_open(&bench), 0);
	answer(&bench, "PUT", 200, "token");
	ck_assert_int_eq(imds_reach(bench.imds, &bench.fault), 0);
	ck_assert_str_eq(bench.http.requests[0].url, "http://127.0.0.1:1338/latest/api/token");
	ck_assert_int_eq(bench_open(&none), -EOPNOTSUPP);
	ck_assert_int_eq(bench_open(&bad), -EINVAL);
}
END_TEST

TEST_MAIN(shows_one_token_for_many_questions_until_it_is_old, replaces_a_token_that_is_refused_once,
	  tells_what_is_not_there_from_what_did_not_answer,
	  takes_a_404_for_a_token_for_no_answer_about_anything, reads_a_line_that_fits,
	  asks_where_the_environment_says_or_not_at_all)
