#include "common/net/imds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"
#include "common/base/text.h"
#include "common/net/url.h"

#define HOST "http://169.254.169.254"
#define HOST_IPV6 "http://[fd00:ec2::254]"
#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TOKEN_LIFE_HEADER "X-aws-ec2-metadata-token-ttl-seconds"
#define HTTP_UNAUTHORIZED 401

struct imds {
	struct imds_options options;
	char host[HTTP_URL_MAX]; /* no '/' at its end */
	struct secret token;
	struct deadline token_until;
};

/* One attempt. */
struct question {
	const char *method, *url;
	const char *header, *value;
};

static const char *env(const struct imds_options *options, const char *name)
{
	const char *value = options->env(options->env_context, name);

	return value && value[0] ? value : NULL;
}

static bool env_is_true(const struct imds_options *options, const char *name)
{
	const char *value = env(options, name);

	return value && strcasecmp(value, "true") == 0;
}

static int find_host(struct imds *imds, struct fault *fault)
{
	const char *host = env(&imds->options, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = env(&imds->options, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	char shown[SHOWN_TEXT_MAX];
	struct url url;
	size_t size;

	if (!host)
		host = mode && strcasecmp(mode, "IPv6") == 0 ? HOST_IPV6 : HOST;
	size = strlen(host);
	if (url_split(host, &url) < 0 || url.query || size >= sizeof(imds->host))
		return fault_set(fault, EINVAL,
				 "AWS_EC2_METADATA_SERVICE_ENDPOINT, '%s', is no http(s) URL",
				 url_shown(host, shown, sizeof(shown)));
	while (size > 0 && host[size - 1] == '/')
		size--;
	memcpy(imds->host, host, size);
	return 0;
}

int imds_open(const struct imds_options *options, struct imds **ret, struct fault *fault)
{
	_cleanup_(imds_closep) struct imds *imds = NULL;
	int r;

	if (env_is_true(options, "AWS_EC2_METADATA_DISABLED"))
		return fault_set(fault, EOPNOTSUPP,
				 IMDS_WHAT ": AWS_EC2_METADATA_DISABLED forbids to ask");
	imds = calloc(1, sizeof(*imds));
	if (!imds)
		return -ENOMEM;
	imds->options = *options;
	r = find_host(imds, fault);
	if (r < 0)
		return r;
	*ret = take_ptr(imds);
	return 0;
}

void imds_close(struct imds *imds)
{
	if (!imds)
		return;
	secret_done(&imds->token);
	free(imds);
}

void imds_answer_done(struct imds_answer *answer)
{
	secret_done(&answer->body);
	answer->date_ms = 0;
}

bool imds_found_nobody(int r)
{
	return r == -ETIMEDOUT || r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -ECONNRESET;
}

static int prepare(struct http_exchange *exchange, struct http_request *request,
		   struct fault *fault)
{
	const struct question *question = exchange->context;
	int r;

	request->method = question->method;
	r = http_request_url(request, question->url);
	if (r >= 0)
		r = http_request_header(request, question->header, question->value);
	return r < 0 ? fault_set(fault, r, "the request cannot be made: %m") : 0;
}

static int never_again(_unused_ struct http_exchange *exchange, _unused_ uint64_t *ret_wait_usec)
{
	return 0;
}

static const struct http_exchange_ops imds_ops = { .prepare = prepare, .again = never_again };

/* 0 for an answer of any status. */
static int ask(struct imds *imds, struct question *question, const char *path, int *ret_status,
	       struct imds_answer *ret, struct fault *fault)
{
	_cleanup_free_ char *url = str_format("%s%s", imds->host, path);
	_cleanup_http_exchange_ struct http_exchange exchange = {
		.ops = &imds_ops,
		.context = question,
		.timeout_usec = IMDS_TIMEOUT_USEC,
		.deadline = deadline_in(imds->options.clock, IMDS_TIMEOUT_USEC),
		.answer_max = IMDS_ANSWER_MAX,
	};
	struct buf *body = &exchange.answer.body;
	int r;

	if (!url)
		return -ENOMEM;
	question->url = url;
	r = http_perform(imds->options.http, &exchange, 1, fault);
	if (r < 0)
		return r;
	if (exchange.result >= 0)
		exchange.result = secret_set(&ret->body, buf_text(body), body->size);
	if (body->data)
		explicit_bzero(body->data, body->size);
	if (exchange.result < 0) {
		if (fault)
			*fault = exchange.fault;
		return fault_wrap(fault, exchange.result, IMDS_WHAT);
	}
	ret->date_ms = exchange.answer.date_ms;
	*ret_status = exchange.answer.status;
	return 0;
}

static int refuse_status(int error, int status, const char *about, struct fault *fault)
{
	int r = fault_set(fault, error, IMDS_WHAT ": HTTP %d for %s", status, about);

	if (fault)
		fault->status = status;
	return r;
}

int imds_reach(struct imds *imds, struct fault *fault)
{
	_cleanup_imds_answer_ struct imds_answer answer = {};
	char life[16];
	struct question question = {
		.method = "PUT",
		.header = TOKEN_LIFE_HEADER,
		.value = life,
	};
	int status = 0, r;

	(void)snprintf(life, sizeof(life), "%d", IMDS_TOKEN_SECONDS);
	if (imds->token.size > 0 && !deadline_passed(&imds->token_until, imds->options.clock))
		return 0;
	r = ask(imds, &question, "/latest/api/token", &status, &answer, fault);
	if (r < 0)
		return r;
	if (status != 200) {
		r = refuse_status(EACCES, status, "a token", fault);
		return fault_cure(fault, r,
				  "set AWS_EC2_METADATA_DISABLED=true where metadata is not to be "
				  "used");
	}
	if (answer.body.size == 0 || strpbrk(secret_reveal(&answer.body), "\r\n"))
		return fault_set(fault, EBADMSG, IMDS_WHAT ": the token is not one line");

	secret_done(&imds->token);
	imds->token = answer.body;
	answer.body = (struct secret){};
	imds->token_until = deadline_in(imds->options.clock, IMDS_TOKEN_SECONDS * USEC_PER_SEC / 2);
	return 0;
}

static int ask_with_token(struct imds *imds, const char *path, int *ret_status,
			  struct imds_answer *ret, struct fault *fault)
{
	struct question question = { .method = "GET", .header = TOKEN_HEADER };
	int r = imds_reach(imds, fault);

	if (r < 0)
		return r;
	question.value = secret_reveal(&imds->token);
	return ask(imds, &question, path, ret_status, ret, fault);
}

int imds_get(struct imds *imds, const char *path, const char *about, struct imds_answer *ret,
	     struct fault *fault)
{
	_cleanup_imds_answer_ struct imds_answer answer = {};
	int status = 0, r;

	r = ask_with_token(imds, path, &status, &answer, fault);
	if (r >= 0 && status == HTTP_UNAUTHORIZED) {
		secret_done(&imds->token);
		r = ask_with_token(imds, path, &status, &answer, fault);
	}
	if (r < 0)
		return r;
	if (status != 200)
		return refuse_status(status == 404 ? ENOENT : EACCES, status, about, fault);

	imds_answer_done(ret);
	*ret = answer;
	answer = (struct imds_answer){};
	return 0;
}

int imds_get_line(struct imds *imds, const char *path, const char *about, char *ret, size_t size,
		  struct fault *fault)
{
	_cleanup_imds_answer_ struct imds_answer answer = {};
	const char *text;
	size_t length;
	int r = imds_get(imds, path, about, &answer, fault);

	if (r < 0)
		return r;
	text = secret_reveal(&answer.body);
	length = strcspn(text, "\r\n");
	if (length == 0 || length >= size)
		return fault_set(fault, EBADMSG, IMDS_WHAT ": what it says for %s is of no use",
				 about);
	memcpy(ret, text, length);
	ret[length] = '\0';
	return 0;
}
