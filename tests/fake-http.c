#include "tests/fake-http.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"

void fake_http_done(struct http *http)
{
	for (size_t i = 0; i < http->n_requests; i++) {
		struct fake_request *request = &http->requests[i];

		free(request->method);
		free(request->url);
		free(request->headers);
		free(request->body);
	}
	*http = (struct http){};
}

void fake_http_add(struct http *http, const struct fake_answer *answer)
{
	ck_assert_uint_lt(http->n_answers, FAKE_HTTP_MAX);
	http->answers[http->n_answers++] = *answer;
}

const char *fake_http_header(const struct fake_request *request, const char *name)
{
	static char value[HTTP_HEADER_MAX];
	const char *line = request->headers;
	size_t size = strlen(name);

	while (*line) {
		size_t length = strcspn(line, "\n");

		if (strncasecmp(line, name, size) == 0 && strncmp(line + size, ": ", 2) == 0) {
			(void)snprintf(value, sizeof(value), "%.*s", (int)(length - size - 2),
				       line + size + 2);
			return value;
		}
		line += length + 1;
	}
	return NULL;
}

/* --- http.h ---------------------------------------------------------------------------------- */

int http_open(_unused_ const struct http_options *options, _unused_ struct http **ret,
	      _unused_ struct fault *fault)
{
	return -EOPNOTSUPP;
}

void http_close(_unused_ struct http *http)
{
}

static void record(struct http *http, const struct http_request *request, uint64_t timeout_usec)
{
	struct fake_request *kept = &http->requests[http->n_requests++];
	_cleanup_buf_ struct buf headers;

	ck_assert_uint_le(http->n_requests, FAKE_HTTP_MAX);
	buf_init(&headers, HTTP_ANSWER_HEADERS_MAX);
	for (size_t i = 0; i < request->n_headers; i++)
		ck_assert_int_eq(buf_printf(&headers, "%s\n", request->headers[i]), 0);
	*kept = (struct fake_request){
		.method = strdup(request->method),
		.url = strdup(request->url),
		.headers = strdup(buf_text(&headers)),
		.body = str_format("%.*s", (int)request->body_size,
				   request->body ? (const char *)request->body : ""),
		.timeout_usec = timeout_usec,
	};
}

/* Nobody answers what nobody expects. */
static struct fake_answer next_answer(struct http *http, const struct http_request *request)
{
	for (size_t i = http->n_used; i < http->n_answers; i++) {
		struct fake_answer *answer = &http->answers[i];

		if ((answer->method && strcmp(answer->method, request->method) != 0) ||
		    (answer->url && strcmp(answer->url, request->url) != 0)) {
			ck_assert_msg(answer->repeats, "%s %s came, %s was expected",
				      request->method, request->url, answer->url);
			continue;
		}
		if (!answer->repeats)
			http->n_used = i + 1;
		return *answer;
	}
	return (struct fake_answer){ .result = -ECONNREFUSED };
}

static void perform_once(struct http *http, struct http_exchange *exchange)
{
	_cleanup_http_request_ struct http_request request = {};
	struct fake_answer answer;

	exchange->attempts++;
	buf_done(&exchange->answer.body);
	buf_init(&exchange->answer.body, exchange->answer_max);
	exchange->answer.status = 0;
	exchange->result = exchange->ops->prepare(exchange, &request, &exchange->fault);
	if (exchange->result == 0) {
		record(http, &request, exchange->timeout_usec);
		answer = next_answer(http, &request);
		exchange->result = answer.result;
		if (answer.result < 0)
			(void)fault_set(&exchange->fault, answer.result, "%s: %m", request.url);
		exchange->answer.status = answer.status;
		exchange->answer.date_ms = answer.date_ms;
		if (answer.body)
			ck_assert_int_eq(buf_add_text(&exchange->answer.body, answer.body), 0);
	}
}

int http_perform(struct http *http, struct http_exchange *exchanges, size_t n,
		 _unused_ struct fault *fault)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t wait_usec = 0;

		do {
			http->waited_usec += wait_usec;
			wait_usec = 0;
			perform_once(http, &exchanges[i]);
		} while (exchanges[i].ops->again(&exchanges[i], &wait_usec) > 0);
	}
	return 0;
}
