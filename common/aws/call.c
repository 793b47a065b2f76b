#include "common/aws/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/aws/dynamodb.h"
#include "common/aws/error.h"
#include "common/aws/sqs.h"
#include "common/aws/ssm.h"
#include "common/base/backoff.h"
#include "common/base/io.h"
#include "common/net/credentials.h"
#include "common/net/retry.h"
#include "common/net/sigv4.h"

#define JSON_10 "application/x-amz-json-1.0"
#define JSON_11 "application/x-amz-json-1.1"
#define FORM "application/x-www-form-urlencoded; charset=utf-8"
#define TARGET_MAX 128
#define HEADER_MAX 128

static const struct {
	const char *content_type;
	const char *target; /* NULL: the operation is in the body */
} protocols[_AWS_SERVICE_MAX] = {
	[AWS_DYNAMODB] = { JSON_10, DYNAMODB_TARGET },
	[AWS_SQS] = { JSON_10, SQS_TARGET },
	[AWS_EC2] = { FORM, NULL },
	[AWS_STS] = { FORM, NULL },
	[AWS_SSM] = { JSON_11, SSM_TARGET },
};

struct aws {
	struct aws_options options;
	struct http *http;
	bool own_http;
	struct credentials_source *source;
	struct credentials credentials; /* valid for the calls that are under way */
	char region[CREDENTIALS_REGION_MAX];
	struct endpoint endpoints[_AWS_SERVICE_MAX]; /* url empty: not asked for yet */
	struct sigv4_key keys[_AWS_SERVICE_MAX];
	struct retry_bucket buckets[_AWS_SERVICE_MAX];
	int64_t skew_ms; /* the services' time less ours */
	uint64_t n_calls;
};

int aws_open(const struct aws_options *options, struct aws **ret, struct fault *fault)
{
	const struct http_options http_options = {
		.clock = options->clock,
		.cancelled = options->cancelled,
		.cancelled_context = options->cancelled_context,
	};
	_cleanup_(aws_closep) struct aws *aws = calloc(1, sizeof(*aws));
	int r;

	if (!aws)
		return fault_set(fault, ENOMEM, "%m");
	aws->options = *options;
	for (int i = 0; i < _AWS_SERVICE_MAX; i++)
		aws->buckets[i] = (struct retry_bucket)RETRY_BUCKET_FULL;
	aws->http = options->http;
	aws->own_http = !options->http;
	if (aws->own_http) {
		r = http_open(&http_options, &aws->http, fault);
		if (r < 0)
			return r;
	}
	r = credentials_open(
		&(struct credentials_options){
			.profile = options->profile,
			.region = options->region,
			.home = options->home,
			.env = options->env,
			.env_context = options->env_context,
			.http = aws->http,
			.clock = options->clock,
			.seed = options->seed,
		},
		&aws->source);
	if (r < 0)
		return fault_set(fault, r, "%m");
	r = credentials_region(aws->source, aws_now_ms(aws), aws->region, fault);
	if (r < 0)
		return r;
	*ret = take_ptr(aws);
	return 0;
}

void aws_close(struct aws *aws)
{
	if (!aws)
		return;
	for (int i = 0; i < _AWS_SERVICE_MAX; i++)
		sigv4_key_done(&aws->keys[i]);
	credentials_done(&aws->credentials);
	if (aws->source)
		credentials_close(aws->source);
	if (aws->own_http && aws->http)
		http_close(aws->http);
	free(aws);
}

const char *aws_region(const struct aws *aws)
{
	return aws->region;
}

/* --- time ------------------------------------------------------------------------------------ */

uint64_t aws_now_ms(const struct aws *aws)
{
	return clock_wall_ms(aws->options.clock) + (uint64_t)aws->skew_ms;
}

/* What a Date header says is half a second old on the average. */
static void correct_clock(struct aws *aws, uint64_t date_ms)
{
	int64_t off_ms;

	if (date_ms == 0)
		return;
	off_ms = (int64_t)(date_ms + MSEC_PER_SEC / 2 - aws_now_ms(aws));
	if (off_ms > (int64_t)AWS_SKEW_MIN_MS || off_ms < -(int64_t)AWS_SKEW_MIN_MS)
		aws->skew_ms += off_ms;
}

/* --- one call -------------------------------------------------------------------------------- */

/* What one call is beside its exchange. */
struct under_way {
	struct aws *aws;
	struct aws_call *call;
	struct retry retry;
	uint64_t signed_ms;
	uint64_t seed;
	bool expired; /* it ended because the credentials have */
};

static int prepare(struct http_exchange *exchange, struct http_request *request,
		   struct fault *fault)
{
	struct under_way *under_way = exchange->context;
	struct aws *aws = under_way->aws;
	const struct aws_call *call = under_way->call;
	const struct endpoint *endpoint = &aws->endpoints[call->service];
	const char *target = protocols[call->service].target;
	char text[TARGET_MAX], url[ENDPOINT_URL_MAX + 1];
	struct sigv4_scope scope = {
		.credentials = &aws->credentials,
		.region = endpoint->region,
		.service = endpoint->service,
		.now_ms = aws_now_ms(aws),
	};
	int r;

	if (call->begin)
		call->begin(call->context);
	under_way->signed_ms = scope.now_ms;
	request->method = "POST";
	request->body = buf_text(&call->body);
	request->body_size = call->body.size;
	(void)snprintf(url, sizeof(url), "%s/", endpoint->url);
	r = http_request_url(request, url);
	if (r == 0)
		r = http_request_header(request, "Content-Type",
					protocols[call->service].content_type);
	if (r == 0 && target) {
		(void)snprintf(text, sizeof(text), "%s%s", target, call->operation);
		r = http_request_header(request, "X-Amz-Target", text);
	}
	if (r < 0)
		return fault_set(fault, r, "cannot make a request to %s: %m", endpoint->service);
	return sigv4_sign_http(request, &scope, &aws->keys[call->service], fault);
}

static bool is_success(const struct http_exchange *exchange)
{
	return exchange->result == 0 && exchange->answer.status >= 200 &&
	       exchange->answer.status < 300;
}

/* Reads what the service refuses with; the errno. */
static int read_refusal(const struct under_way *under_way, const struct http_exchange *exchange,
			struct fault *fault)
{
	const struct aws_call *call = under_way->call;
	const struct http_answer *answer = &exchange->answer;
	char what[HEADER_MAX], type[HEADER_MAX];
	int r = http_answer_header(answer, "x-amzn-errortype", type, sizeof(type));

	(void)snprintf(what, sizeof(what), "%s %s",
		       under_way->aws->endpoints[call->service].service, call->operation);
	return aws_error(what, answer->status, r < 0 ? NULL : type, answer->body.data,
			 answer->body.size, fault);
}

static int again(struct http_exchange *exchange, uint64_t *ret_wait_usec)
{
	struct under_way *under_way = exchange->context;
	struct aws *aws = under_way->aws;
	enum aws_service service = under_way->call->service;
	struct fault fault = {};
	struct retry_cause cause = {
		.service = service,
		.error = exchange->result,
		.status = exchange->answer.status,
		.date_ms = exchange->answer.date_ms,
		.now_ms = under_way->signed_ms,
		.just_made = under_way->call->just_made,
	};
	char after[HEADER_MAX];
	uint64_t after_usec = 0;

	correct_clock(aws, exchange->answer.date_ms);
	if (is_success(exchange)) {
		retry_succeeded(&under_way->retry, &aws->buckets[service]);
		return 0;
	}
	if (exchange->result == 0) {
		(void)read_refusal(under_way, exchange, &fault);
		cause.code = fault.code;
	}
	if (retry_classify(&cause) == RETRY_EXPIRED) {
		under_way->expired = true;
		return 0;
	}
	if (http_answer_header(&exchange->answer, "x-amz-retry-after", after, sizeof(after)) == 0)
		(void)!retry_after_parse(after, &after_usec);
	return retry_next(&under_way->retry, &aws->buckets[service], &cause, after_usec,
			  under_way->seed, ret_wait_usec);
}

static int pass_on(struct http_exchange *exchange, const char *data, size_t size)
{
	struct under_way *under_way = exchange->context;

	return under_way->call->sink(under_way->call->context, data, size);
}

static const struct http_exchange_ops plain_ops = { .prepare = prepare, .again = again };
static const struct http_exchange_ops sink_ops = {
	.prepare = prepare,
	.again = again,
	.sink = pass_on,
};

void aws_call_init(struct aws_call *call, enum aws_service service, const char *operation,
		   size_t max)
{
	*call = (struct aws_call){ .service = service, .operation = operation };
	buf_init(&call->body, max);
}

void aws_call_done(struct aws_call *call)
{
	buf_done(&call->body);
	buf_done(&call->answer.body);
	buf_done(&call->answer.headers);
}

/* --- all of them ----------------------------------------------------------------------------- */

static int find_endpoints(struct aws *aws, const struct aws_call *calls, size_t n,
			  struct fault *fault)
{
	for (size_t i = 0; i < n; i++) {
		enum aws_service service = calls[i].service;
		int r;

		if (aws->endpoints[service].url[0])
			continue;
		r = credentials_endpoint(aws->source, service, NULL, aws->region,
					 &aws->endpoints[service], fault);
		if (r < 0)
			return r;
	}
	return 0;
}

static void begin(struct aws *aws, struct aws_call *call, struct under_way *under_way,
		  struct http_exchange *exchange)
{
	uint64_t patience_usec = call->patience_usec ? call->patience_usec : AWS_PATIENCE_USEC;

	*under_way = (struct under_way){
		.aws = aws,
		.call = call,
		.seed = mix64(aws->options.seed + aws->n_calls++),
	};
	*exchange = (struct http_exchange){
		.ops = call->sink ? &sink_ops : &plain_ops,
		.context = under_way,
		.deadline = deadline_in(aws->options.clock, patience_usec),
		.timeout_usec = call->attempt_usec ? call->attempt_usec : AWS_ATTEMPT_USEC,
		.answer_max = AWS_ANSWER_MAX,
		.fresh = call->fresh,
	};
}

static void finish(struct under_way *under_way, struct http_exchange *exchange)
{
	struct aws_call *call = under_way->call;

	call->result = exchange->result;
	call->fault = exchange->fault;
	call->attempts += exchange->attempts;
	call->maybe_executed = exchange->maybe_executed;
	if (exchange->result == 0 && !is_success(exchange))
		call->result = read_refusal(under_way, exchange, &call->fault);
	buf_done(&call->answer.body);
	buf_done(&call->answer.headers);
	call->answer = exchange->answer;
	exchange->answer = (struct http_answer){};
	http_exchange_done(exchange);
}

/* Those that ended because the credentials have come first, and are counted. */
static size_t keep_expired(struct under_way *under_way, struct http_exchange *exchanges, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct aws_call *call = under_way[i].call;

		if (!under_way[i].expired)
			finish(&under_way[i], &exchanges[i]);
		else {
			call->attempts += exchanges[i].attempts;
			http_exchange_done(&exchanges[i]);
			under_way[kept++].call = call;
		}
	}
	return kept;
}

static int perform(struct aws *aws, struct aws_call *calls, size_t n, struct under_way *under_way,
		   struct http_exchange *exchanges, struct fault *fault)
{
	size_t left;
	int r;

	for (size_t i = 0; i < n; i++) {
		calls[i].attempts = 0;
		begin(aws, &calls[i], &under_way[i], &exchanges[i]);
	}
	r = http_perform(aws->http, exchanges, n, fault);
	if (r < 0)
		return r;

	left = keep_expired(under_way, exchanges, n);
	if (left == 0)
		return 0;
	credentials_forget(aws->source);
	r = credentials_get(aws->source, aws_now_ms(aws), &aws->credentials, fault);
	if (r < 0)
		return r;
	for (size_t i = 0; i < left; i++)
		begin(aws, under_way[i].call, &under_way[i], &exchanges[i]);
	r = http_perform(aws->http, exchanges, left, fault);
	for (size_t i = 0; r == 0 && i < left; i++)
		finish(&under_way[i], &exchanges[i]);
	return r;
}

int aws_perform(struct aws *aws, struct aws_call *calls, size_t n, struct fault *fault)
{
	_cleanup_free_ struct under_way *under_way = calloc(n + 1, sizeof(*under_way));
	_cleanup_free_ struct http_exchange *exchanges = calloc(n + 1, sizeof(*exchanges));
	int r;

	if (!under_way || !exchanges)
		return fault_set(fault, ENOMEM, "%m");
	r = find_endpoints(aws, calls, n, fault);
	if (r == 0)
		r = credentials_get(aws->source, aws_now_ms(aws), &aws->credentials, fault);
	if (r == -ENOENT)
		return fault_wrap(fault, -ENOKEY, "AWS");
	return r < 0 ? r : perform(aws, calls, n, under_way, exchanges, fault);
}

int aws_call(struct aws *aws, struct aws_call *call, struct fault *fault)
{
	int r = aws_perform(aws, call, 1, fault);

	if (r < 0)
		return r;
	if (call->result < 0 && fault)
		*fault = call->fault;
	return call->result;
}
