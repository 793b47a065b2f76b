/*
 * The metadata of an EC2 instance, version 2 only: version 1 answers whoever can make this machine
 * send a request. One second and one attempt, as most machines are no instances and must not wait
 * to learn it.
 */

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"
#include "common/base/text.h"
#include "common/net/credentials-walk.h"
#include "common/net/url.h"

#define WHAT "instance metadata"
#define HOST "http://169.254.169.254"
#define HOST_IPV6 "http://[fd00:ec2::254]"
#define TOKEN_LIFE_SECONDS "21600" /* the longest that is given */
#define TIMEOUT_USEC USEC_PER_SEC
#define TRIES 1
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define REGION "/latest/meta-data/placement/region"
#define ROLE_MAX 129

static int find_host(const struct walk *walk, const char **ret, struct fault *fault)
{
	const char *host = walk_env(walk, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = walk_env(walk, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	char shown[SHOWN_TEXT_MAX];
	struct url url;

	if (!host)
		host = mode && strcasecmp(mode, "IPv6") == 0 ? HOST_IPV6 : HOST;
	if (url_split(host, &url) < 0 || url.query)
		return fault_set(fault, EINVAL,
				 "AWS_EC2_METADATA_SERVICE_ENDPOINT, '%s', is no http(s) URL",
				 url_shown(host, shown, sizeof(shown)));
	*ret = host;
	return 0;
}

static int ask(struct walk *walk, const char *host, const char *method, const char *path,
	       const char *header, const char *value, int *ret_status, struct secret *ret,
	       struct fault *fault)
{
	size_t size = strlen(host);
	_cleanup_free_ char *url = NULL;
	struct call call = {
		.what = WHAT,
		.method = method,
		.headers = { { header, value } },
		.timeout_usec = TIMEOUT_USEC,
		.tries = TRIES,
	};

	while (size > 0 && host[size - 1] == '/')
		size--;
	url = str_format("%.*s%s", (int)size, host, path);
	if (!url)
		return -ENOMEM;
	call.url = url;
	return call_perform(walk->source, &call, ret_status, ret, fault);
}

static int refuse_status(int status, const char *about, struct fault *fault)
{
	int r = fault_set(fault, EACCES, WHAT ": HTTP %d for %s", status, about);

	if (fault)
		fault->status = status;
	return r;
}

/* What every other request must show. 0 when nobody is there. */
static int get_token(struct walk *walk, const char *host, struct secret *ret, struct fault *fault)
{
	int status = 0, r;

	r = ask(walk, host, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds",
		TOKEN_LIFE_SECONDS, &status, ret, fault);
	if (r < 0)
		return call_found_nobody(r) ? 0 : r;
	if (status != 200) {
		r = refuse_status(status, "a token", fault);
		return fault_cure(fault, r,
				  "set AWS_EC2_METADATA_DISABLED=true where metadata is not to be "
				  "used");
	}
	if (ret->size == 0 || strpbrk(secret_reveal(ret), "\r\n"))
		return fault_set(fault, EBADMSG, WHAT ": the token is not one line");
	return 1;
}

/* 0 when this is no instance, or is not to be asked. */
static int open_metadata(struct walk *walk, const char **ret_host, struct secret *ret_token,
			 struct fault *fault)
{
	int r;

	if (walk_env_is_true(walk, "AWS_EC2_METADATA_DISABLED"))
		return 0;
	r = find_host(walk, ret_host, fault);
	return r < 0 ? r : get_token(walk, *ret_host, ret_token, fault);
}

/* The first line of a text. */
static int get_line(struct walk *walk, const char *host, const struct secret *token,
		    const char *path, const char *about, char *ret, size_t size,
		    struct fault *fault)
{
	_cleanup_secret_ struct secret body = {};
	int status = 0, r;
	size_t length;

	r = ask(walk, host, "GET", path, "X-aws-ec2-metadata-token", secret_reveal(token), &status,
		&body, fault);
	if (r < 0)
		return r;
	if (status != 200)
		return refuse_status(status, about, fault);
	length = strcspn(secret_reveal(&body), "\r\n");
	if (length == 0 || length >= size)
		return fault_set(fault, EBADMSG, WHAT ": what it says for %s is of no use", about);
	memcpy(ret, secret_reveal(&body), length);
	ret[length] = '\0';
	return 0;
}

static bool is_role_name(const char *name)
{
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("+=,.@_-", *name))
			return false;
	}
	return true;
}

static int find_role(struct walk *walk, const char *host, const struct secret *token,
		     char role[ROLE_MAX], struct fault *fault)
{
	struct fault own = {};
	int r = get_line(walk, host, token, ROLES, "the role", role, ROLE_MAX, &own);

	if (r == -EACCES && own.status == 404) {
		r = fault_set(fault, ENOENT, "this instance has no role");
		return fault_cure(fault, r,
				  "attach an instance profile, or give credentials in "
				  "another way");
	}
	if (r < 0) {
		if (fault)
			*fault = own;
		return r;
	}
	if (!is_role_name(role))
		return fault_set(fault, EBADMSG, WHAT ": the name of the role is none");
	return 0;
}

int provide_instance(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	_cleanup_secret_ struct secret token = {}, body = {};
	char role[ROLE_MAX] = "", path[sizeof(ROLES) + ROLE_MAX];
	const char *host = HOST;
	int status = 0, r;

	r = open_metadata(walk, &host, &token, fault);
	if (r <= 0)
		return r;
	r = find_role(walk, host, &token, role, fault);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), ROLES "%s", role);
	r = ask(walk, host, "GET", path, "X-aws-ec2-metadata-token", secret_reveal(&token), &status,
		&body, fault);
	if (r < 0)
		return r;
	if (status != 200)
		return refuse_status(status, "the role's credentials", fault);
	r = credentials_from_json(&body, WHAT, "Token", ret, fault);
	return r < 0 ? r : 1;
}

int instance_region(struct walk *walk, char ret[CREDENTIALS_REGION_MAX], struct fault *fault)
{
	_cleanup_secret_ struct secret token = {};
	const char *host = HOST;
	int r;

	r = open_metadata(walk, &host, &token, fault);
	if (r <= 0)
		return r;
	r = get_line(walk, host, &token, REGION, "the region", ret, CREDENTIALS_REGION_MAX, fault);
	return r < 0 ? r : 1;
}
