#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"
#include "common/net/credentials.h"
#include "common/net/sigv4.h"
#include "tests/test.h"

#define NOW_MS 1440938160000 /* 2015-08-30T12:36:00Z: that of the published signatures */
#define SECRET_KEY "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define CASES_MIN 30
#define LINES_MAX 16

static struct credentials example_credentials(const char *token)
{
	struct credentials credentials = { .key_id = "AKIDEXAMPLE" };

	ck_assert_int_eq(secret_set(&credentials.secret_key, SECRET_KEY, strlen(SECRET_KEY)), 0);
	ck_assert_int_eq(secret_set(&credentials.session_token, token, strlen(token)), 0);
	return credentials;
}

/* --- published signatures -------------------------------------------------------------------- */

/* A signed request, taken apart in place. */
struct published {
	struct sigv4_request request;
	const char *headers[LINES_MAX];
	const char *token, *authorization;
	bool content_sha256;
};

static bool has_name(const char *line, const char *name)
{
	return strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
}

static void read_first_line(char *line, struct sigv4_request *request)
{
	char *path = strchr(line, ' ') + 1, *end = strrchr(line, ' '), *query;

	path[-1] = '\0';
	*end = '\0';
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	request->method = line;
	request->path = path;
	request->path_size = strlen(path);
	request->query = query;
}

static void read_header(struct published *published, const char *line)
{
	const char *value = strchr(line, ':') + 1;

	if (has_name(line, "Host"))
		published->request.host = value;
	else if (has_name(line, "Authorization"))
		published->authorization = value;
	else if (has_name(line, "X-Amz-Security-Token"))
		published->token = value;
	else if (has_name(line, "X-Amz-Content-Sha256"))
		published->content_sha256 = true;
	published->headers[published->request.n_headers++] = line;
}

static void read_published(char *text, struct published *ret)
{
	char *line = strsep(&text, "\n");

	*ret = (struct published){ .token = "" };
	read_first_line(line, &ret->request);
	while (*(line = strsep(&text, "\n"))) {
		ck_assert_uint_lt(ret->request.n_headers, LINES_MAX);
		read_header(ret, line);
	}
	ret->request.headers = ret->headers;
	ret->request.body = text;
	ret->request.body_size = strlen(text);
}

static void check_published(const char *name, char *text)
{
	_cleanup_sigv4_signature_ struct sigv4_signature signature = {};
	_cleanup_credentials_ struct credentials credentials = {};
	struct published published;
	struct sigv4_scope scope;

	read_published(text, &published);
	credentials = example_credentials(published.token);
	scope = (struct sigv4_scope){
		.credentials = &credentials,
		.region = "us-east-1",
		.service = "service",
		.now_ms = NOW_MS,
		.path_as_sent = strstr(name, "-unnormalized") != NULL,
		.content_sha256 = published.content_sha256,
	};
	ck_assert_int_eq(sigv4_sign(&published.request, &scope, NULL, &signature), 0);
	ck_assert_msg(strcmp(signature.authorization, published.authorization) == 0, "%s:\n%s\n%s",
		      name, signature.authorization, published.authorization);
}

START_TEST(makes_the_signatures_that_aws_publishes)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	unsigned n = 0;

	ck_assert_int_eq(open_dir_at(AT_FDCWD, FIXTURES "/sigv4", &dir), 0);
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *text = NULL;

		if (!strstr(entry->d_name, ".txt"))
			continue;
		ck_assert_int_eq(read_file_alloc_at(dirfd(dir), entry->d_name, 65536, &text, NULL),
				 0);
		check_published(entry->d_name, text);
		n++;
	}
	ck_assert_uint_ge(n, CASES_MIN);
}
END_TEST

/* --- what is signed -------------------------------------------------------------------------- */

/* Signs a request with such headers, and gives the Authorization. */
static char *sign_headers(const char *const *headers, size_t n, const char *host)
{
	_cleanup_credentials_ struct credentials credentials = example_credentials("");
	const struct sigv4_request request = {
		.method = "POST",
		.host = host,
		.path = "/",
		.path_size = 1,
		.headers = headers,
		.n_headers = n,
	};
	const struct sigv4_scope scope = {
		.credentials = &credentials,
		.region = "us-east-1",
		.service = "sqs",
		.now_ms = NOW_MS,
	};
	struct sigv4_signature signature = {};

	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &signature), 0);
	return signature.authorization;
}

START_TEST(leaves_out_what_others_may_change_on_the_way)
{
	static const char *const headers[] = {
		"Content-Type: application/x-amz-json-1.0",
		"X-Amz-Target: AmazonSQS.SendMessage",
		"User-Agent: paddock",
		"Expect:",
		"Connection: close",
		"Transfer-Encoding: chunked",
		"X-Amzn-Trace-Id: Root=1",
		"Authorization: other",
		"Host: other",
		"X-Amz-Date: other",
	};
	_cleanup_free_ char *all = sign_headers(headers, ARRAY_SIZE(headers), "h");
	_cleanup_free_ char *two = sign_headers(headers, 2, "h");

	ck_assert_str_eq(all, two);
	ck_assert(strstr(all, "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "));
}
END_TEST

START_TEST(signs_the_port_of_the_host)
{
	_cleanup_free_ char *without = sign_headers(NULL, 0, "h");
	_cleanup_free_ char *with = sign_headers(NULL, 0, "h:4566");

	ck_assert_str_ne(without, with);
}
END_TEST

START_TEST(sorts_a_name_before_those_that_it_begins)
{
	static const char *const headers[] = {
		"x-amz-server-side-encryption-aws-kms-key-id: k",
		"x-amz-server-side-encryption: aws:kms",
	};
	_cleanup_free_ char *text = sign_headers(headers, 2, "h");

	ck_assert(strstr(text, ";x-amz-server-side-encryption;"
			       "x-amz-server-side-encryption-aws-kms-key-id,"));
}
END_TEST

/* --- S3 -------------------------------------------------------------------------------------- */

static char *sign_path(const char *path, bool path_as_sent)
{
	_cleanup_credentials_ struct credentials credentials = example_credentials("");
	const struct sigv4_request request = {
		.method = "GET", .host = "h", .path = path, .path_size = strlen(path)
	};
	const struct sigv4_scope scope = { .credentials = &credentials,
					   .region = "us-east-1",
					   .service = "lambda",
					   .now_ms = NOW_MS,
					   .path_as_sent = path_as_sent };
	struct sigv4_signature signature = {};

	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &signature), 0);
	return signature.authorization;
}

START_TEST(encodes_a_path_once_more_for_all_but_s3)
{
	_cleanup_free_ char *others = sign_path("/f/arn%3Aaws/./x", false);
	_cleanup_free_ char *s3 = sign_path("/f/arn%253Aaws/x", true);

	ck_assert_str_eq(others, s3);
}
END_TEST

static void sign_s3(const char *path, const char *payload_hash, struct sigv4_signature *ret)
{
	_cleanup_credentials_ struct credentials credentials = example_credentials("");
	const struct sigv4_request request = {
		.method = "PUT",
		.host = "bucket.s3.us-east-1.amazonaws.com",
		.path = path,
		.path_size = strlen(path),
		.body = "x",
		.body_size = 1,
	};
	const struct sigv4_scope scope = {
		.credentials = &credentials,
		.region = "us-east-1",
		.service = "s3",
		.now_ms = NOW_MS,
		.payload_hash = payload_hash,
		SIGV4_S3,
	};

	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, ret), 0);
}

START_TEST(signs_for_s3_what_s3_makes_of_the_path)
{
	_cleanup_sigv4_signature_ struct sigv4_signature encoded = {}, raw = {}, other = {};

	/* S3 encodes what was sent raw, and nothing twice. */
	sign_s3("/a%28b%29//../c", NULL, &encoded);
	sign_s3("/a(b)//../c", NULL, &raw);
	sign_s3("/a(b)/c", NULL, &other);
	ck_assert_str_eq(encoded.authorization, raw.authorization);
	ck_assert_str_ne(raw.authorization, other.authorization);
}
END_TEST

START_TEST(tells_s3_the_hash_of_the_body)
{
	_cleanup_sigv4_signature_ struct sigv4_signature own = {}, given = {};

	sign_s3("/k", NULL, &own);
	ck_assert_str_eq(own.content_sha256,
			 "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
	ck_assert(strstr(own.authorization, "SignedHeaders=host;x-amz-content-sha256;x-amz-date"));
	sign_s3("/k", "UNSIGNED-PAYLOAD", &given);
	ck_assert_str_eq(given.content_sha256, "UNSIGNED-PAYLOAD");
	ck_assert_str_ne(own.authorization, given.authorization);
}
END_TEST

/* --- the key --------------------------------------------------------------------------------- */

static void sign_in_scope(const char *secret, const char *region, uint64_t now_ms,
			  struct sigv4_key *key, struct sigv4_signature *ret)
{
	_cleanup_credentials_ struct credentials credentials = { .key_id = "K" };
	const struct sigv4_request request = {
		.method = "GET", .host = "h", .path = "/", .path_size = 1
	};
	const struct sigv4_scope scope = {
		.credentials = &credentials,
		.region = region,
		.service = "ec2",
		.now_ms = now_ms,
	};

	ck_assert_int_eq(secret_set(&credentials.secret_key, secret, strlen(secret)), 0);
	ck_assert_int_eq(sigv4_sign(&request, &scope, key, ret), 0);
}

START_TEST(derives_a_key_anew_when_what_it_is_made_of_changes)
{
	static const struct {
		const char *secret, *region;
		uint64_t now_ms;
		bool anew;
	} steps[] = {
		{ "s", "eu-west-1", NOW_MS, true },
		{ "s", "eu-west-1", NOW_MS + 60000, false },
		{ "t", "eu-west-1", NOW_MS + 60000, true },
		{ "t", "eu-west-2", NOW_MS + 60000, true },
		{ "t", "eu-west-2", NOW_MS + 86400000, true },
		{ "t", "eu-west-2", NOW_MS + 86400001, false },
	};
	_cleanup_sigv4_key_ struct sigv4_key key = {}, before = {};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_sigv4_signature_ struct sigv4_signature kept = {}, fresh = {};

		sign_in_scope(steps[i].secret, steps[i].region, steps[i].now_ms, &key, &kept);
		sign_in_scope(steps[i].secret, steps[i].region, steps[i].now_ms, NULL, &fresh);
		ck_assert_str_eq(kept.authorization, fresh.authorization);
		ck_assert((memcmp(&key, &before, sizeof(key)) != 0) == steps[i].anew);
		before = key;
	}
}
END_TEST

START_TEST(wipes_a_key)
{
	static const struct sigv4_key empty;
	_cleanup_sigv4_signature_ struct sigv4_signature signature = {};
	struct sigv4_key key = {};

	sign_in_scope("s", "eu-west-1", NOW_MS, &key, &signature);
	sigv4_key_done(&key);
	ck_assert_mem_eq(&key, &empty, sizeof(key));
}
END_TEST

/* --- what cannot be signed ------------------------------------------------------------------- */

START_TEST(refuses_what_cannot_be_signed)
{
	static const char *const bad_headers[] = { "no colon", ": no name", "a: b\r\nc: d" };
	_cleanup_credentials_ struct credentials credentials = example_credentials("");
	struct credentials none = { .key_id = "K" };
	struct sigv4_request request = {
		.method = "GET", .host = "h", .path = "/", .path_size = 1, .n_headers = 1
	};
	struct sigv4_scope scope = { .credentials = &credentials, .region = "r", .service = "s" };
	struct sigv4_signature untouched = {};
	const char *many[HTTP_HEADERS_MAX + 8];
	char query[2 * SIGV4_QUERY_MAX + 3];

	for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
		request.headers = &bad_headers[i];
		ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &untouched), -EINVAL);
	}

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "x-amz-a: b";
	request.headers = many;
	request.n_headers = ARRAY_SIZE(many);
	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &untouched), -E2BIG);

	request.n_headers = 0;
	for (size_t i = 0; i + 1 < sizeof(query); i++)
		query[i] = i % 2 ? '&' : 'q';
	query[sizeof(query) - 1] = '\0';
	request.query = query;
	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &untouched), -E2BIG);

	request.query = NULL;
	scope.now_ms = UINT64_MAX;
	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &untouched), -EINVAL);
	scope.now_ms = NOW_MS;
	scope.credentials = &none;
	ck_assert_int_eq(sigv4_sign(&request, &scope, NULL, &untouched), -EINVAL);
	ck_assert_ptr_null(untouched.authorization);
}
END_TEST

/* --- on top of http.h ------------------------------------------------------------------------ */

START_TEST(adds_its_headers_to_a_request)
{
	_cleanup_credentials_ struct credentials credentials = example_credentials("token");
	const struct sigv4_scope scope = { .credentials = &credentials,
					   .region = "us-east-1",
					   .service = "s3",
					   .now_ms = NOW_MS,
					   SIGV4_S3 };
	static const char *const expected[] = {
		"X-Amz-Date: 20150830T123600Z",
		"X-Amz-Security-Token: token",
		"X-Amz-Content-Sha256: e3b0c442",
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/s3/"
		"aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
		"x-amz-security-token, Signature=",
	};
	struct http_request request = { .method = "GET" };
	struct fault fault = {};

	ck_assert_int_eq(http_request_url(&request, "http://h:9000/b/k?list-type=2"), 0);
	ck_assert_int_eq(sigv4_sign_http(&request, &scope, NULL, &fault), 0);
	ck_assert_uint_eq(request.n_headers, ARRAY_SIZE(expected));
	for (size_t i = 0; i < request.n_headers; i++) {
		ck_assert_msg(strncmp(request.headers[i], expected[i], strlen(expected[i])) == 0,
			      "%s", request.headers[i]);
		free(request.headers[i]);
	}
	free(request.headers);
	free(request.url);
}
END_TEST

START_TEST(says_what_it_cannot_sign_without_showing_a_value)
{
	_cleanup_credentials_ struct credentials credentials = example_credentials("to\nken");
	const struct sigv4_scope scope = { .credentials = &credentials,
					   .region = "us-east-1",
					   .service = "sts",
					   .now_ms = NOW_MS };
	struct http_request request = { .method = "GET", .url = "https://sts.example/" };
	struct fault fault = {};

	ck_assert_int_eq(sigv4_sign_http(&request, &scope, NULL, &fault), -EINVAL);
	ck_assert_str_eq(fault.text, "cannot sign a request to sts.example for sts in 'us-east-1': "
				     "Invalid argument");
	request.url = "sts.example";
	ck_assert_int_eq(sigv4_sign_http(&request, &scope, NULL, &fault), -EINVAL);
}
END_TEST

TEST_MAIN(makes_the_signatures_that_aws_publishes, leaves_out_what_others_may_change_on_the_way,
	  signs_the_port_of_the_host, sorts_a_name_before_those_that_it_begins,
	  encodes_a_path_once_more_for_all_but_s3, signs_for_s3_what_s3_makes_of_the_path,
	  tells_s3_the_hash_of_the_body, derives_a_key_anew_when_what_it_is_made_of_changes,
	  wipes_a_key, refuses_what_cannot_be_signed, adds_its_headers_to_a_request,
	  says_what_it_cannot_sign_without_showing_a_value)
