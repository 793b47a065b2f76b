/* How providers ask: one small request, and the tokens that they show. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"
#include "common/net/credentials-walk.h"

#define TOKEN_FILE_MAX SECRET_MAX_BYTES

static const struct backoff call_backoff = { 100 * USEC_PER_MSEC, 2 * USEC_PER_SEC };

struct caller {
	struct credentials_source *source;
	const struct call *call;
};

/* --- requests -------------------------------------------------------------------------------- */

static int prepare(struct http_exchange *exchange, struct http_request *request,
		   struct fault *fault)
{
	const struct caller *caller = exchange->context;
	const struct call *call = caller->call;
	int r;

	request->method = call->method;
	if (call->body) {
		request->body = secret_reveal(call->body);
		request->body_size = call->body->size;
	}
	r = http_request_url(request, call->url);
	for (size_t i = 0; i < CALL_HEADERS_MAX && call->headers[i].name && r >= 0; i++)
		r = http_request_header(request, call->headers[i].name, call->headers[i].value);
	if (r < 0)
		return fault_set(fault, r, "the request cannot be made: %m");
	if (call->scope)
		return sigv4_sign_http(request, call->scope, &caller->source->key, fault);
	return 0;
}

static bool is_worth_another(const struct http_exchange *exchange)
{
	int status = exchange->answer.status;

	if (exchange->result < 0)
		return fault_is_transient(exchange->result, NULL);
	return status == 429 || status >= 500;
}

static int again(struct http_exchange *exchange, uint64_t *ret_wait_usec)
{
	const struct caller *caller = exchange->context;

	if (exchange->attempts >= caller->call->tries || !is_worth_another(exchange))
		return 0;
	*ret_wait_usec =
		backoff_usec(&call_backoff, exchange->attempts - 1, caller->source->options.seed);
	return 1;
}

static const struct http_exchange_ops call_ops = { .prepare = prepare, .again = again };

static int take_answer(struct http_exchange *exchange, const struct call *call, int *ret_status,
		       struct secret *ret_body, struct fault *fault)
{
	struct buf *body = &exchange->answer.body;
	int r = exchange->result;

	if (r >= 0)
		r = secret_set(ret_body, buf_text(body), body->size);
	if (body->data)
		explicit_bzero(body->data, body->size);
	if (r < 0) {
		if (fault)
			*fault = exchange->fault;
		return fault_wrap(fault, r, "%s", call->what);
	}
	*ret_status = exchange->answer.status;
	return 0;
}

int call_perform(struct credentials_source *source, const struct call *call, int *ret_status,
		 struct secret *ret_body, struct fault *fault)
{
	struct caller caller = { source, call };
	_cleanup_http_exchange_ struct http_exchange exchange = {
		.ops = &call_ops,
		.context = &caller,
		.timeout_usec = call->timeout_usec,
		/* Waiting between attempts included. */
		.deadline = deadline_in(source->options.clock,
					call->tries * (call->timeout_usec + call_backoff.max_usec)),
		.answer_max = CALL_ANSWER_MAX,
	};
	int r = http_perform(source->options.http, &exchange, 1, fault);

	if (r < 0)
		return r;
	return take_answer(&exchange, call, ret_status, ret_body, fault);
}

/* --- tokens ---------------------------------------------------------------------------------- */

int read_token(const struct walk *walk, const char *path, struct secret *ret, struct fault *fault)
{
	_cleanup_secret_ struct secret text = {};
	_cleanup_free_ char *whole = NULL;
	size_t size;
	int r = walk_path(walk, path, &whole);

	if (r < 0)
		return r;
	r = read_file_alloc_at(AT_FDCWD, whole, TOKEN_FILE_MAX, &text.bytes, &text.size);
	if (r < 0)
		return fault_set(fault, r, "cannot read the token in %s: %m", whole);

	size = strcspn(text.bytes, "\r\n");
	if (size == 0 || size + strspn(text.bytes + size, "\r\n") != text.size)
		return fault_set(fault, EBADMSG, "%s holds no token: it is not one line", whole);
	return secret_set(ret, text.bytes, size);
}
