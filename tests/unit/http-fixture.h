#pragma once

/* What the tests of HTTP share: exchanges with the server of tests/http-server.h. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/net/http.h"
#include "tests/http-server.h"
#include "tests/test.h"

#define LONG_USEC (20 * USEC_PER_SEC) /* nothing that a test waits for takes so long */
#define ANSWER_MAX 4096
#define SECRET "squeamish-ossifrage"

/* What one exchange of a test asks for, and what was seen of it. */
struct call {
	unsigned port;
	const char *path;
	const char *method; /* NULL: GET */
	const char *body;
	unsigned repeats; /* how often again() says 1 */
	uint64_t wait_usec;
	int prepare_result;
	int sink_result;

	unsigned asked;            /* again() */
	uint64_t prepared[2];      /* when the first two attempts were */
	uint64_t asked_usec;       /* when again() was asked for the last time */
	char sunk[ANSWER_MAX + 1]; /* what sink() got */
};

static inline int prepare(struct http_exchange *exchange, struct http_request *request,
			  struct fault *fault)
{
	struct call *call = exchange->context;
	char url[512];

	if (call->prepare_result < 0)
		return fault_set(fault, call->prepare_result, "no credentials");
	if (exchange->attempts <= ARRAY_SIZE(call->prepared))
		call->prepared[exchange->attempts - 1] = clock_boot_usec(&clock_system);

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s?token=" SECRET, call->port,
		       call->path);
	request->method = call->method ? call->method : "GET";
	request->body = call->body;
	request->body_size = call->body ? strlen(call->body) : 0;
	ck_assert_int_eq(http_request_url(request, url), 0);
	ck_assert_int_eq(http_request_header(request, "Authorization", SECRET), 0);
	return 0;
}

static inline int again(struct http_exchange *exchange, uint64_t *ret_wait_usec)
{
	struct call *call = exchange->context;

	call->asked++;
	call->asked_usec = clock_boot_usec(&clock_system);
	*ret_wait_usec = call->wait_usec;
	return call->asked <= call->repeats;
}

static inline int sink(struct http_exchange *exchange, const char *data, size_t size)
{
	struct call *call = exchange->context;
	size_t used = strlen(call->sunk);

	if (call->sink_result < 0)
		return call->sink_result;
	ck_assert_uint_lt(used + size, sizeof(call->sunk));
	memcpy(call->sunk + used, data, size);
	return 0;
}

_unused_ static const struct http_exchange_ops plain_ops = { .prepare = prepare, .again = again };
_unused_ static const struct http_exchange_ops sink_ops = { .prepare = prepare,
							    .again = again,
							    .sink = sink };

/* Whatever the environment says of proxies, and an earlier test in it. */
static inline struct http *open_http(void)
{
	static const char *const variables[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
						 "all_proxy",  "ALL_PROXY",   "no_proxy",
						 "NO_PROXY" };
	const struct http_options options = { .clock = &clock_system };
	struct http *http = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		(void)unsetenv(variables[i]);
	ck_assert_int_eq(http_open(&options, &http, NULL), 0);
	return http;
}

static inline struct http_exchange exchange_of(struct call *call)
{
	return (struct http_exchange){
		.ops = &plain_ops,
		.context = call,
		.deadline = deadline_in(&clock_system, LONG_USEC),
		.answer_max = ANSWER_MAX,
	};
}

/* What must hold of every result. */
static inline void check_result(const struct http_exchange *exchange)
{
	ck_assert_ptr_null(strstr(exchange->fault.text, SECRET));
	ck_assert_ptr_null(strstr(exchange->fault.cure, SECRET));
	ck_assert_int_eq(exchange->result < 0, exchange->fault.text[0] != '\0');
	ck_assert_int_eq(exchange->result < 0, exchange->answer.status == 0);
}

static inline void perform(struct http *http, struct http_exchange *exchanges, size_t n)
{
	ck_assert_int_eq(http_perform(http, exchanges, n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		check_result(&exchanges[i]);
}

/* One exchange for one path, by itself. */
static inline void get(struct http *http, const struct http_server *server, const char *path,
		       struct http_exchange *ret)
{
	struct call call = { .port = http_server_port(server), .path = path };

	*ret = exchange_of(&call);
	perform(http, ret, 1);
}
