/* Signatures for requests as http.h has them; sigv4.c knows no HTTP. */

#include <string.h>

#include "common/base/text.h"
#include "common/net/credentials.h"
#include "common/net/sigv4.h"
#include "common/net/url.h"

static int add_headers(struct http_request *request, const struct sigv4_scope *scope,
		       const struct sigv4_signature *signature)
{
	const struct {
		const char *name, *value;
	} headers[] = {
		{ "X-Amz-Date", signature->date },
		{ "X-Amz-Security-Token", secret_reveal(&scope->credentials->session_token) },
		{ "X-Amz-Content-Sha256", signature->content_sha256 },
		{ "Authorization", signature->authorization },
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		int r;

		if (headers[i].value[0] == '\0')
			continue;
		r = http_request_header(request, headers[i].name, headers[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

int sigv4_sign_http(struct http_request *request, const struct sigv4_scope *scope,
		    struct sigv4_key *key, struct fault *fault)
{
	_cleanup_sigv4_signature_ struct sigv4_signature signature = {};
	struct sigv4_request to_sign;
	char shown[SHOWN_TEXT_MAX];
	struct url url;
	int r;

	r = url_split(request->url, &url);
	if (r < 0)
		return fault_set(fault, r, "cannot sign a request to '%s': this is no URL",
				 url_shown(request->url, shown, sizeof(shown)));
	to_sign = (struct sigv4_request){
		.method = request->method,
		.host = url.host,
		.path = url.path,
		.path_size = (size_t)url.path_size,
		.query = url.query,
		.headers = (const char *const *)request->headers,
		.n_headers = request->n_headers,
		.body = request->body,
		.body_size = request->body_size,
	};

	r = sigv4_sign(&to_sign, scope, key, &signature);
	if (r >= 0)
		r = add_headers(request, scope, &signature);
	if (r < 0)
		return fault_set(fault, r, "cannot sign a request to %s for %s in '%s': %m",
				 url.host, scope->service, scope->region);
	return 0;
}
