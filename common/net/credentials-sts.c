/* Temporary credentials from STS, and the two ways there with a token: a file's, and GitHub's. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/net/credentials-walk.h"
#include "common/net/sts-answer.h"
#include "common/net/url.h"

#define STS_VERSION "2011-06-15"
#define STS_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define STS_TRIES 3
#define STS_GLOBAL_HOST "https://sts.amazonaws.com"
#define STS_GLOBAL_REGION "us-east-1"
#define DURATION_MIN 900 /* STS's own limits */
#define DURATION_MAX 43200
#define SESSION_NAME_MAX 65
#define GITHUB_AUDIENCE "audience=sts.amazonaws.com"

/* --- the request's body ---------------------------------------------------------------------- */

struct field {
	const char *name, *value; /* NULL: left out */
};

static char *encode(char *to, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		    strchr("-._~", c)) {
			*to++ = *text;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

/* "a=b&c=d", in memory that is wiped: a token may be among the values. */
static int make_form(const struct field *fields, size_t n, struct secret *ret)
{
	size_t room = 1;
	char *to;

	for (size_t i = 0; i < n; i++) {
		if (fields[i].value)
			room += strlen(fields[i].name) + 3 * strlen(fields[i].value) + 2;
	}
	ret->bytes = calloc(1, room);
	if (!ret->bytes)
		return -ENOMEM;

	to = ret->bytes;
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].value)
			continue;
		if (to > ret->bytes)
			*to++ = '&';
		to = encode(to, fields[i].name);
		*to++ = '=';
		to = encode(to, fields[i].value);
	}
	ret->size = (size_t)(to - ret->bytes);
	return 0;
}

/* --- the call -------------------------------------------------------------------------------- */

/* Without a region, the one that STS had before it had regions. */
static int find_endpoint(struct walk *walk, struct endpoint *ret, struct fault *fault)
{
	static const char regional[] = "https://sts." STS_GLOBAL_REGION ".amazonaws.com";
	char region[CREDENTIALS_REGION_MAX] = STS_GLOBAL_REGION;
	int r = walk_region(walk, region, fault);
	bool known = r > 0;

	if (r < 0)
		return r;
	r = walk_endpoint(walk, AWS_STS, NULL, region, ret, fault);
	if (r >= 0 && !known && strcmp(ret->url, regional) == 0)
		(void)snprintf(ret->url, sizeof(ret->url), STS_GLOBAL_HOST);
	return r;
}

static int check_call(const struct sts_call *call, struct fault *fault)
{
	uint64_t seconds = DURATION_MIN;
	char shown[SHOWN_TEXT_MAX];

	if (call->duration && (parse_u64(call->duration, &seconds) < 0 || seconds < DURATION_MIN ||
			       seconds > DURATION_MAX))
		return fault_set(fault, EINVAL, "%s: duration_seconds is '%s', not %d to %d",
				 call->who, text_shown(call->duration, shown, sizeof(shown)),
				 DURATION_MIN, DURATION_MAX);
	return 0;
}

static int perform(struct walk *walk, const struct sts_call *call, const struct secret *form,
		   struct credentials *ret, struct fault *fault)
{
	char url[ENDPOINT_URL_MAX + 1];
	struct endpoint endpoint;
	_cleanup_secret_ struct secret body = {};
	struct sigv4_scope scope = {
		.credentials = call->signer,
		.region = endpoint.region,
		.service = "sts",
		.now_ms = walk->now_ms,
	};
	struct call http = {
		.what = call->who,
		.method = "POST",
		.url = url,
		.headers = { { "Content-Type", "application/x-www-form-urlencoded" } },
		.body = form,
		.timeout_usec = STS_TIMEOUT_USEC,
		.tries = STS_TRIES,
		.scope = call->token ? NULL : &scope,
	};
	int r, status = 0;

	r = find_endpoint(walk, &endpoint, fault);
	if (r < 0)
		return r;
	(void)snprintf(url, sizeof(url), "%s/", endpoint.url);
	r = call_perform(walk->source, &http, &status, &body, fault);
	if (r < 0)
		return r;
	if (status < 200 || status > 299)
		return sts_answer_error(secret_reveal(&body), body.size, status, call->who, fault);
	return sts_answer_credentials(secret_reveal(&body), body.size, call->who, ret, fault);
}

int sts_assume(struct walk *walk, const struct sts_call *call, struct credentials *ret,
	       struct fault *fault)
{
	char name[SESSION_NAME_MAX];
	struct field fields[] = {
		{ "Action", call->token ? "AssumeRoleWithWebIdentity" : "AssumeRole" },
		{ "Version", STS_VERSION },
		{ "RoleArn", call->role_arn },
		{ "RoleSessionName", call->session_name ? call->session_name : name },
		{ "DurationSeconds", call->duration },
		{ "ExternalId", call->external_id },
		{ "WebIdentityToken", call->token ? secret_reveal(call->token) : NULL },
	};
	_cleanup_secret_ struct secret form = {};
	int r = check_call(call, fault);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "paddock-%llu",
		       (unsigned long long)(walk->now_ms / MSEC_PER_SEC));
	r = make_form(fields, ARRAY_SIZE(fields), &form);
	if (r >= 0)
		r = perform(walk, call, &form, ret, fault);
	return r < 0 ? r : 1;
}

/* --- web identity ---------------------------------------------------------------------------- */

int provide_web_identity_environment(struct walk *walk, struct credentials *ret,
				     struct fault *fault)
{
	const char *path = walk_env(walk, "AWS_WEB_IDENTITY_TOKEN_FILE");
	_cleanup_secret_ struct secret token = {};
	struct sts_call call = {
		.who = "web identity",
		.role_arn = walk_env(walk, "AWS_ROLE_ARN"),
		.session_name = walk_env(walk, "AWS_ROLE_SESSION_NAME"),
		.token = &token,
	};
	int r;

	if (!path)
		return 0;
	if (!call.role_arn) {
		r = fault_set(fault, EINVAL,
			      "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
		return fault_cure(fault, r, "set AWS_ROLE_ARN to the role to assume");
	}
	r = read_token(walk, path, &token, fault);
	if (r < 0)
		return fault_wrap(fault, r, "%s", call.who);
	return sts_assume(walk, &call, ret, fault);
}

int profile_web_identity(struct walk *walk, const char *profile, struct credentials *ret,
			 struct fault *fault)
{
	const char *path = walk_value(walk, profile, "web_identity_token_file");
	char shown[SHOWN_TEXT_MAX], who[SHOWN_TEXT_MAX + 40];
	_cleanup_secret_ struct secret token = {};
	struct sts_call call = {
		.who = who,
		.role_arn = walk_value(walk, profile, "role_arn"),
		.session_name = walk_value(walk, profile, "role_session_name"),
		.duration = walk_value(walk, profile, "duration_seconds"),
		.token = &token,
	};
	int r;

	if (!path)
		return 0;
	(void)snprintf(who, sizeof(who), "web identity of the AWS profile '%s'",
		       text_shown(profile, shown, sizeof(shown)));
	if (!call.role_arn)
		return fault_set(fault, EINVAL,
				 "%s: web_identity_token_file is set, but role_arn "
				 "is not",
				 who);
	r = read_token(walk, path, &token, fault);
	if (r < 0)
		return fault_wrap(fault, r, "%s", who);
	return sts_assume(walk, &call, ret, fault);
}

int provide_web_identity(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	int r = walk_read(walk, fault);

	return r < 0 ? r : profile_web_identity(walk, walk->profile, ret, fault);
}

/* --- GitHub ---------------------------------------------------------------------------------- */

static int take_github_token(const struct secret *body, struct secret *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	const char *value = NULL;
	size_t size;
	int r = json_parse(secret_reveal(body), body->size, "GitHub OIDC", &object, fault);

	if (r < 0)
		return r;
	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "GitHub OIDC: the answer is no JSON object");
	r = json_get_text(object, "value", &value, fault);
	if (r < 0)
		return r;
	if (r == 0 || *value == '\0')
		return fault_set(fault, EBADMSG, "GitHub OIDC: the answer holds no token");

	size = strlen(value);
	r = secret_set(ret, value, size);
	explicit_bzero((char *)value, size);
	return r;
}

/* The bearer's token must not be read on the way. */
static int check_github_url(const char *text, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];
	struct url url;

	if (url_split(text, &url) == 0 && url_is_private(&url))
		return 0;
	return fault_set(fault, EINVAL, "ACTIONS_ID_TOKEN_REQUEST_URL, '%s', is no https URL",
			 url_shown(text, shown, sizeof(shown)));
}

/* A token of the workflow's, for STS to believe. */
static int ask_github(struct walk *walk, const char *url, const char *request_token,
		      struct secret *ret, struct fault *fault)
{
	_cleanup_secret_ struct secret authorization = {}, body = {};
	_cleanup_free_ char *whole = NULL;
	struct call http = {
		.what = "GitHub OIDC",
		.method = "GET",
		.timeout_usec = STS_TIMEOUT_USEC,
		.tries = STS_TRIES,
	};
	int r, status = 0;

	whole = str_format("%s%s" GITHUB_AUDIENCE, url, strchr(url, '?') ? "&" : "?");
	authorization.bytes = str_format("Bearer %s", request_token);
	if (!whole || !authorization.bytes)
		return -ENOMEM;
	authorization.size = strlen(authorization.bytes);
	http.url = whole;
	http.headers[0].name = "Authorization";
	http.headers[0].value = authorization.bytes;

	r = call_perform(walk->source, &http, &status, &body, fault);
	if (r < 0)
		return r;
	if (status != 200) {
		r = fault_set(fault, EACCES, "GitHub OIDC: HTTP %d", status);
		if (fault)
			fault->status = status;
		return fault_cure(fault, r, "the job needs 'permissions: id-token: write'");
	}
	return take_github_token(&body, ret, fault);
}

int provide_github(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	const char *url = walk_env(walk, "ACTIONS_ID_TOKEN_REQUEST_URL");
	const char *request_token = walk_env(walk, "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
	_cleanup_secret_ struct secret token = {};
	struct sts_call call = {
		.who = "GitHub OIDC",
		.role_arn = walk_env(walk, "AWS_ROLE_ARN"),
		.session_name = walk_env(walk, "AWS_ROLE_SESSION_NAME"),
		.token = &token,
	};
	int r;

	if (!url || !request_token || !call.role_arn)
		return 0;
	r = check_github_url(url, fault);
	if (r >= 0)
		r = ask_github(walk, url, request_token, &token, fault);
	if (r < 0)
		return r;
	return sts_assume(walk, &call, ret, fault);
}
