/* What a container is given: ECS by a relative URI, EKS Pod Identity and others by a full one. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"
#include "common/net/credentials-walk.h"
#include "common/net/url.h"

#define WHAT "container credentials"
#define ECS_HOST "http://169.254.170.2"
#define TIMEOUT_USEC (2 * USEC_PER_SEC)
#define TRIES 3

/* Who may be asked without TLS: nobody else can stand between. */
static const char *const plain_hosts[] = { "169.254.170.2", "169.254.170.23", "fd00:ec2::23" };

/* Compared as addresses, as one address has many spellings. */
static bool is_same_host(const char *a, const char *b)
{
	struct in6_addr left, right;

	if (strcasecmp(a, b) == 0)
		return true;
	return inet_pton(AF_INET6, a, &left) == 1 && inet_pton(AF_INET6, b, &right) == 1 &&
	       memcmp(&left, &right, sizeof(left)) == 0;
}

static bool is_allowed(const struct url *url)
{
	if (url_is_private(url))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(plain_hosts); i++) {
		if (is_same_host(url->name, plain_hosts[i]))
			return true;
	}
	return false;
}

static int check_url(const char *text, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];
	struct url url;
	int r = url_split(text, &url);

	if (r < 0)
		return fault_set(fault, EINVAL,
				 "AWS_CONTAINER_CREDENTIALS_FULL_URI, '%s', is no http(s) URL",
				 url_shown(text, shown, sizeof(shown)));
	if (is_allowed(&url))
		return 0;
	r = fault_set(fault, EPERM,
		      "AWS_CONTAINER_CREDENTIALS_FULL_URI names '%s', which is not asked without "
		      "TLS",
		      text_shown(url.host, shown, sizeof(shown)));
	return fault_cure(fault, r, "use https, a loopback address, or an address of ECS or EKS");
}

static int find_url(const struct walk *walk, char **ret, struct fault *fault)
{
	const char *relative = walk_env(walk, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = walk_env(walk, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	char *url;
	int r;

	if (!relative && !full)
		return 0;
	if (relative && *relative != '/')
		return fault_set(fault, EINVAL,
				 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
	url = relative ? str_format(ECS_HOST "%s", relative) : strdup(full);
	if (!url)
		return -ENOMEM;
	r = check_url(url, fault);
	if (r < 0) {
		free(url);
		return r;
	}
	*ret = url;
	return 1;
}

/* EKS changes the file while we run. */
static int find_token(const struct walk *walk, struct secret *ret, struct fault *fault)
{
	const char *path = walk_env(walk, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = walk_env(walk, "AWS_CONTAINER_AUTHORIZATION_TOKEN");

	if (path)
		return fault_wrap(fault, read_token(walk, path, ret, fault), WHAT);
	if (!token)
		return 0;
	if (strpbrk(token, "\r\n"))
		return fault_set(fault, EINVAL,
				 "AWS_CONTAINER_AUTHORIZATION_TOKEN is not one line");
	return secret_set(ret, token, strlen(token));
}

int provide_container(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	_cleanup_secret_ struct secret token = {}, body = {};
	_cleanup_free_ char *url = NULL;
	struct call call = {
		.what = WHAT,
		.method = "GET",
		.timeout_usec = TIMEOUT_USEC,
		.tries = TRIES,
	};
	int r, status = 0;

	r = find_url(walk, &url, fault);
	if (r <= 0)
		return r;
	r = find_token(walk, &token, fault);
	if (r < 0)
		return r;
	call.url = url;
	if (token.size > 0) {
		call.headers[0].name = "Authorization";
		call.headers[0].value = secret_reveal(&token);
	}

	r = call_perform(walk->source, &call, &status, &body, fault);
	if (r < 0)
		return r;
	if (status != 200) {
		r = fault_set(fault, EACCES, WHAT ": HTTP %d", status);
		if (fault)
			fault->status = status;
		return r;
	}
	r = credentials_from_json(&body, WHAT, "Token", ret, fault);
	return r < 0 ? r : 1;
}
