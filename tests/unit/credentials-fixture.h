#pragma once

/* A world to find credentials in: variables, files below a home, scripted HTTP, a clock that stands
 * still. Every secret in it has the word PLANTED in it, and no fault may. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/io.h"
#include "common/net/credentials.h"
#include "tests/fake-clock.h"
#include "tests/fake-http.h"
#include "tests/test.h"

#define PLANTED "PLANTED"
#define VARIABLES_MAX 16
#define MINUTES_MS (60 * MSEC_PER_SEC)
#define STS_URL "https://sts.eu-west-1.amazonaws.com/"
#define IMDS "http://169.254.169.254"
#define IMDS_ROLES IMDS "/latest/meta-data/iam/security-credentials/"

struct bench {
	struct fake_clock clock;
	struct http http;
	struct tree *home;
	struct {
		const char *name, *value;
	} variables[VARIABLES_MAX];
	size_t n_variables;
	struct credentials_options options;
	struct credentials_source *source;
	struct credentials got;
	struct fault fault;
	char text[2048]; /* an answer that a test builds */
};

static inline const char *bench_env(void *context, const char *name)
{
	const struct bench *bench = context;

	/* The last one counts. */
	for (size_t i = bench->n_variables; i > 0; i--) {
		if (strcmp(bench->variables[i - 1].name, name) == 0)
			return bench->variables[i - 1].value;
	}
	return NULL;
}

static inline void bench_init(struct bench *bench)
{
	*bench = (struct bench){ .clock = fake_clock_new(), .home = tree_new() };
	bench->options = (struct credentials_options){
		.home = bench->home->path,
		.env = bench_env,
		.env_context = bench,
		.http = &bench->http,
		.clock = &bench->clock.clock,
		.seed = 7,
	};
}

static inline void bench_done(struct bench *bench)
{
	credentials_close(bench->source);
	credentials_done(&bench->got);
	fake_http_done(&bench->http);
	tree_free(bench->home);
}
#define _cleanup_bench_ _cleanup_(bench_done)

static inline void set_variable(struct bench *bench, const char *name, const char *value)
{
	ck_assert_uint_lt(bench->n_variables, VARIABLES_MAX);
	bench->variables[bench->n_variables].name = name;
	bench->variables[bench->n_variables++].value = value;
}

static inline void answer(struct bench *bench, const char *method, const char *url, int status,
			  const char *body)
{
	fake_http_add(&bench->http,
		      &(struct fake_answer){
			      .method = method, .url = url, .status = status, .body = body });
}

/* Nobody there answers. */
static inline void nobody_answers(struct bench *bench, int result)
{
	fake_http_add(&bench->http, &(struct fake_answer){ .result = result, .repeats = true });
}

static inline void shows_no_secret(const struct fault *fault)
{
	ck_assert_msg(!strstr(fault->text, PLANTED), "%s", fault->text);
	ck_assert_msg(!strstr(fault->cure, PLANTED), "%s", fault->cure);
	ck_assert_msg(!strstr(fault->code, PLANTED), "%s", fault->code);
}

static inline int get(struct bench *bench)
{
	int r;

	if (!bench->source)
		ck_assert_int_eq(credentials_open(&bench->options, &bench->source), 0);
	bench->fault = (struct fault){};
	r = credentials_get(bench->source, bench->clock.now_wall_ms, &bench->got, &bench->fault);
	shows_no_secret(&bench->fault);
	return r;
}

static inline void gets_from(struct bench *bench, const char *key_id, const char *provider)
{
	int r = get(bench);

	ck_assert_msg(r == 0, "%s", bench->fault.text);
	ck_assert_str_eq(bench->got.key_id, key_id);
	ck_assert_str_eq(credentials_provider(bench->source), provider);
}

static inline void fails_with(struct bench *bench, int r, const char *text)
{
	int got = get(bench);
	const char *start = "cannot get AWS credentials: ";

	ck_assert_msg(got == r, "%d, not %d: %s", got, r, bench->fault.text);
	ck_assert_msg(strncmp(bench->fault.text, start, strlen(start)) == 0, "%s",
		      bench->fault.text);
	ck_assert_str_eq(bench->fault.text + strlen(start), text);
}

static inline bool has_cure(const struct bench *bench, const char *part)
{
	return strstr(bench->fault.cure, part) != NULL;
}

/* Answers as AWS gives them, that expire in so many minutes. */
static inline const char *sts_xml(struct bench *bench, const char *key_id, unsigned minutes)
{
	char stamp[32];
	time_t seconds = (time_t)(bench->clock.now_wall_ms / MSEC_PER_SEC) + minutes * 60L;

	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	(void)snprintf(bench->text, sizeof(bench->text),
		       "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
		       " <AssumeRoleResult><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>\n"
		       "  <Credentials><AccessKeyId>%s</AccessKeyId>"
		       "<SecretAccessKey>PLANTED-sts&amp;</SecretAccessKey>"
		       "<SessionToken>PLANTED-session</SessionToken><Expiration>%s</Expiration>"
		       "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
		       key_id, stamp);
	return bench->text;
}

static inline const char *imds_json(struct bench *bench, const char *key_id, int minutes)
{
	char stamp[32];
	time_t seconds = (time_t)(bench->clock.now_wall_ms / MSEC_PER_SEC) + minutes * 60L;

	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	(void)snprintf(bench->text, sizeof(bench->text),
		       "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"Type\":\"AWS-HMAC\","
		       "\"SecretAccessKey\":\"PLANTED-imds\",\"Token\":\"PLANTED-token\","
		       "\"Expiration\":\"%s\"}",
		       key_id, stamp);
	return bench->text;
}

/* All three answers of an instance. */
static inline void answer_as_instance(struct bench *bench, const char *key_id, int minutes)
{
	answer(bench, "PUT", IMDS "/latest/api/token", 200, "PLANTED-metadata");
	answer(bench, "GET", IMDS_ROLES, 200, "runner\n");
	answer(bench, "GET", IMDS_ROLES "runner", 200, imds_json(bench, key_id, minutes));
}

static inline const struct fake_request *request_of(const struct bench *bench, size_t i)
{
	ck_assert_uint_lt(i, bench->http.n_requests);
	return &bench->http.requests[i];
}
