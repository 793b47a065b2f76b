/*
 * sigv4-random COUNT SEED: random requests of the kinds that Paddock sends, each with the signature
 * of ours, a line of JSON each. tests/integration/sigv4-botocore.py signs them with the library of
 * the AWS CLI and compares.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/json.h"
#include "common/base/parse.h"
#include "common/net/credentials.h"
#include "common/net/sigv4.h"

#define TEXT_MAX 256
#define BODY_MAX 300
#define HEADERS_MAX 6
#define PARAMETERS_MAX 6

struct random {
	uint64_t state;
};

static uint64_t draw(struct random *random, uint64_t n)
{
	return mix64(random->state++) % n;
}

/* One of the characters, which may be of several bytes, separated by blanks. */
static const char *draw_word(struct random *random, const char *const *words, size_t n)
{
	return words[draw(random, n)];
}

static void draw_text(struct random *random, const char *const *words, size_t n, size_t count,
		      char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (; count > 0; count--) {
		const char *word = draw_word(random, words, n);

		if (used + strlen(word) >= size)
			return;
		used += (size_t)snprintf(ret + used, size - used, "%s", word);
	}
}

struct sample {
	struct sigv4_request request;
	struct sigv4_scope scope;
	struct credentials credentials;
	char path[TEXT_MAX], query[TEXT_MAX], body[BODY_MAX];
	char headers[HEADERS_MAX][TEXT_MAX];
	const char *header_list[HEADERS_MAX];
};

/* Percent-encoded, as all that we send is. */
static const char *const encoded[] = { "a",      "Z",   "0",   "-",   ".",   "_",   "~",
				       "%20",    "%2F", "%3D", "%26", "%25", "%2B", "%E1%88%B4",
				       "%C3%BC", "%00", "%7F", "%3A", "%2A" };
static const char *const values[] = { "a", "B", "7",  " ", "  ", "=", ",", ";",
				      ":", "/", "\"", "ü", "\t", "(", "*" };
static const char *const names[] = { "X-Amz-Target",
				     "x-amz-server-side-encryption",
				     "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
				     "X-AMZ-META-A",
				     "x-amz-meta-a-b",
				     "Content-MD5",
				     "User-Agent",
				     "Expect",
				     "X-Amzn-Trace-Id",
				     "If-None-Match" };
static const struct {
	const char *service, *host;
	bool s3;
} services[] = {
	{ "dynamodb", "dynamodb.eu-central-1.amazonaws.com", false },
	{ "sqs", "127.0.0.1:4566", false },
	{ "ec2", "ec2.us-east-1.amazonaws.com", false },
	{ "sts", "sts.amazonaws.com", false },
	{ "ssm", "ssm.cn-north-1.amazonaws.com.cn", false },
	{ "lambda", "lambda.us-gov-west-1.amazonaws.com", false },
	{ "s3", "bucket.s3.eu-west-1.amazonaws.com", true },
	{ "s3", "[::1]:9000", true },
};

static void draw_path(struct random *random, struct sample *sample)
{
	size_t parts = draw(random, 4), used = 0;

	for (; parts > 0; parts--) {
		char part[TEXT_MAX / 4];

		draw_text(random, encoded, ARRAY_SIZE(encoded), draw(random, 6), part,
			  sizeof(part));
		used += (size_t)snprintf(sample->path + used, sizeof(sample->path) - used, "/%s",
					 part);
	}
	if (used == 0 || draw(random, 4) == 0)
		(void)snprintf(sample->path + used, sizeof(sample->path) - used, "/");
	sample->request.path = sample->path;
	sample->request.path_size = strlen(sample->path);
}

static void draw_query(struct random *random, struct sample *sample)
{
	size_t n = draw(random, PARAMETERS_MAX + 1), used = 0;

	for (size_t i = 0; i < n; i++) {
		char name[24], value[24];

		draw_text(random, encoded, ARRAY_SIZE(encoded), 1 + draw(random, 2), name,
			  sizeof(name));
		draw_text(random, encoded, ARRAY_SIZE(encoded), draw(random, 3), value,
			  sizeof(value));
		used += (size_t)snprintf(sample->query + used, sizeof(sample->query) - used,
					 "%s%s%s%s", i > 0 ? "&" : "", name,
					 draw(random, 5) ? "=" : "", value);
	}
	sample->request.query = n > 0 ? sample->query : NULL;
}

/* Each name once: how several of one name are signed, the published signatures say. */
static void draw_headers(struct random *random, struct sample *sample)
{
	size_t n = draw(random, HEADERS_MAX), first = draw(random, ARRAY_SIZE(names));

	for (size_t i = 0; i < n; i++) {
		char value[TEXT_MAX / 4];

		draw_text(random, values, ARRAY_SIZE(values), draw(random, 12), value,
			  sizeof(value));
		(void)snprintf(sample->headers[i], TEXT_MAX, "%s: x%s",
			       names[(first + i) % ARRAY_SIZE(names)], value);
		sample->header_list[i] = sample->headers[i];
	}
	sample->request.headers = sample->header_list;
	sample->request.n_headers = n;
}

static int draw_credentials(struct random *random, struct sample *sample)
{
	char text[41];
	int r;

	(void)snprintf(sample->credentials.key_id, sizeof(sample->credentials.key_id),
		       "AKIDEXAMPLE%llu", (unsigned long long)draw(random, 100));
	draw_text(random, encoded, 7, 40, text, sizeof(text));
	r = secret_set(&sample->credentials.secret_key, text, strlen(text));
	if (r >= 0 && draw(random, 2))
		r = secret_set(&sample->credentials.session_token, text, 20);
	return r;
}

static int draw_sample(struct random *random, struct sample *sample)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "HEAD" };
	static const char *const regions[] = { "us-east-1", "eu-central-1", "cn-north-1" };
	size_t service = draw(random, ARRAY_SIZE(services));

	sample->request = (struct sigv4_request){
		.method = draw_word(random, methods, ARRAY_SIZE(methods)),
		.host = services[service].host,
		.body = sample->body,
		.body_size = draw(random, 2) ? draw(random, BODY_MAX) : 0,
	};
	sample->scope = (struct sigv4_scope){
		.credentials = &sample->credentials,
		.region = draw_word(random, regions, ARRAY_SIZE(regions)),
		.service = services[service].service,
		.now_ms = 946684800000 + draw(random, 100ULL * 365 * 86400) * MSEC_PER_SEC,
		.path_as_sent = services[service].s3,
		.content_sha256 = services[service].s3,
	};
	for (size_t i = 0; i < sample->request.body_size; i++)
		sample->body[i] = (char)draw(random, 256);
	draw_path(random, sample);
	draw_query(random, sample);
	draw_headers(random, sample);
	return draw_credentials(random, sample);
}

static int set_body(struct json_object *object, const struct sample *sample)
{
	char hex[2 * BODY_MAX + 1] = "";

	for (size_t i = 0; i < sample->request.body_size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)sample->body[i]);
	return json_set_text(object, "body", hex);
}

/* The secrets are random, and of this test only. */
static int print_sample(const struct sample *sample, const struct sigv4_signature *signature)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *headers = json_object_new_array();
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "method", sample->request.method },
		{ "host", sample->request.host },
		{ "path", sample->path },
		{ "query", sample->request.query ? sample->request.query : "" },
		{ "region", sample->scope.region },
		{ "service", sample->scope.service },
		{ "key_id", sample->credentials.key_id },
		{ "secret_key", secret_reveal(&sample->credentials.secret_key) },
		{ "token", secret_reveal(&sample->credentials.session_token) },
		{ "date", signature->date },
		{ "content_sha256", signature->content_sha256 },
		{ "authorization", signature->authorization },
	};
	int r = json_set(object, "headers", headers);

	for (size_t i = 0; i < sample->request.n_headers && r >= 0; i++)
		r = json_append(headers, json_object_new_string(sample->headers[i]));
	for (size_t i = 0; i < ARRAY_SIZE(texts) && r >= 0; i++)
		r = json_set_text(object, texts[i].key, texts[i].value);
	if (r >= 0)
		r = set_body(object, sample);
	if (r >= 0)
		puts(json_text(object));
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_sigv4_key_ struct sigv4_key key = {};
	struct random random = {};
	uint64_t count = 0;

	if (argc != 3 || parse_u64(argv[1], &count) < 0 || parse_u64(argv[2], &random.state) < 0)
		return 2;

	for (; count > 0; count--) {
		_cleanup_sigv4_signature_ struct sigv4_signature signature = {};
		struct sample sample = {};
		int r = draw_sample(&random, &sample);

		if (r >= 0)
			r = sigv4_sign(&sample.request, &sample.scope, &key, &signature);
		if (r >= 0)
			r = print_sample(&sample, &signature);
		credentials_done(&sample.credentials);
		if (r < 0) {
			(void)fprintf(stderr, "sigv4-random: %s\n", strerror(-r));
			return 1;
		}
	}
	return 0;
}
