/* What is sent, and what becomes of each kind of answer. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/io.h"
#include "tests/unit/http-fixture.h"

/* Libcurl would ask first whether the server wants it: above 1 MiB. */
#define BODY_BYTES (1025UL * 1024)

START_TEST(sends_what_was_prepared_and_brings_the_answer)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};
	const char *head;

	get(http, server, "/ok", &exchange);
	ck_assert_int_eq(exchange.result, 0);
	ck_assert_int_eq(exchange.answer.status, 200);
	ck_assert_uint_eq(exchange.attempts, 1);
	ck_assert(!exchange.maybe_executed);
	head = buf_text(&exchange.answer.body);
	ck_assert_ptr_eq(strstr(head, "GET /ok?token=" SECRET " HTTP/1.1\r\n"), head);
	ck_assert_ptr_nonnull(strstr(head, "\r\nAuthorization: " SECRET "\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nUser-Agent: paddock/"));
}
END_TEST

START_TEST(sends_a_body_without_headers_that_nobody_asked_for)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_free_ char *body = calloc(1, BODY_BYTES + 1);
	struct call call = { .port = http_server_port(server), .path = "/ok", .method = "PUT" };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);
	const char *head;

	memset(body, 'b', BODY_BYTES);
	call.body = body;
	exchange.answer_max = 2UL * BODY_BYTES;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, 0);
	head = buf_text(&exchange.answer.body);
	ck_assert_ptr_eq(strstr(head, "PUT /ok"), head);
	ck_assert_ptr_null(strcasestr(head, "\r\nExpect:"));
	ck_assert_ptr_null(strcasestr(head, "\r\nContent-Type:"));
	ck_assert_ptr_null(strcasestr(head, "\r\nAccept-Encoding:"));
	ck_assert_uint_eq(strspn(strstr(head, "\r\n\r\n") + 4, "b"), BODY_BYTES);
}
END_TEST

START_TEST(says_that_an_empty_body_is_empty)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/ok", .method = "PUT" };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, 0);
	ck_assert_ptr_nonnull(strstr(buf_text(&exchange.answer.body), "\r\nContent-Length: 0\r\n"));
}
END_TEST

START_TEST(uses_a_connection_again)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();

	for (unsigned i = 0; i < 5; i++) {
		_cleanup_http_exchange_ struct http_exchange exchange = {};

		get(http, server, "/ok", &exchange);
		ck_assert_int_eq(exchange.result, 0);
	}
	ck_assert_uint_eq(http_server_requests(server), 5);
	ck_assert_uint_eq(http_server_connections(server), 1);
}
END_TEST

START_TEST(does_not_keep_a_fresh_connection)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/ok" };

	for (unsigned i = 0; i < 3; i++) {
		_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

		exchange.fresh = i != 2;
		perform(http, &exchange, 1);
		ck_assert_int_eq(exchange.result, 0);
	}
	ck_assert_uint_eq(http_server_connections(server), 3);
}
END_TEST

START_TEST(refuses_an_answer_that_is_too_large)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exact = {}, larger = {};

	get(http, server, "/size/4096", &exact);
	ck_assert_int_eq(exact.result, 0);
	ck_assert_uint_eq(exact.answer.body.size, 4096);
	get(http, server, "/size/4097", &larger);
	ck_assert_int_eq(larger.result, -EFBIG);
	ck_assert_uint_eq(larger.answer.body.size, 0);
}
END_TEST

/* Of one line, of all lines, and of all answers in front of the final one. */
START_TEST(refuses_headers_that_are_too_large)
{
	static const struct {
		const char *path;
		int result;
	} cases[] = {
		{ "/headers/60", 0 },      { "/headers/66", -EFBIG },  { "/line/60000", 0 },
		{ "/line/66000", -EFBIG }, { "/line/400000", -EFBIG }, { "/interim/60", 0 },
		{ "/interim/66", -EFBIG },
	};
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_http_exchange_ struct http_exchange exchange = {};

		get(http, server, cases[i].path, &exchange);
		ck_assert_msg(exchange.result == cases[i].result, "%s: %d, %s", cases[i].path,
			      exchange.result, exchange.fault.text);
	}
}
END_TEST

/* A port of which it is known that nobody listens there: it is bound. */
START_TEST(tells_that_a_connection_was_refused)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .path = "/ok" };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	call.port = ntohs(address.sin_port);
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -ECONNREFUSED);
	ck_assert_ptr_nonnull(strstr(exchange.fault.text, "GET 127.0.0.1:"));
	ck_assert_str_ne(exchange.fault.cure, "");
	ck_assert(!exchange.maybe_executed);
}
END_TEST

START_TEST(sends_twice_when_a_kept_connection_dies)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange first = {}, second = {};

	get(http, server, "/ok", &first);
	get(http, server, "/cut-kept", &second);
	ck_assert_int_eq(second.result, 0);
	ck_assert_int_eq(second.answer.status, 200);
	ck_assert_uint_eq(second.attempts, 1);
	ck_assert_uint_eq(http_server_requests(server), 1 + 2);
}
END_TEST

START_TEST(sends_once_on_a_fresh_connection)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/cut" };
	_cleanup_http_exchange_ struct http_exchange first = {}, exchange = exchange_of(&call);

	get(http, server, "/ok", &first);
	exchange.fresh = true;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -ECONNRESET);
	ck_assert(exchange.maybe_executed);
	ck_assert_uint_eq(http_server_requests(server), 1 + 1);
}
END_TEST

START_TEST(has_no_answer_when_the_body_is_cut)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};

	get(http, server, "/half", &exchange);
	ck_assert_int_eq(exchange.result, -ECONNRESET);
	ck_assert_uint_eq(exchange.answer.body.size, 0);
	ck_assert_uint_eq(exchange.answer.headers.size, 0);
	ck_assert(exchange.maybe_executed);
}
END_TEST

START_TEST(keeps_the_headers_of_the_final_answer_alone)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};
	char value[2048];

	get(http, server, "/interim/1", &exchange);
	ck_assert_int_eq(exchange.answer.status, 200);
	ck_assert_int_eq(http_answer_header(&exchange.answer, "X", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(
		http_answer_header(&exchange.answer, "Content-Length", value, sizeof(value)), 0);
	ck_assert_uint_eq(exchange.answer.date_ms, 0);
}
END_TEST

START_TEST(does_not_follow_a_redirect)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};
	char location[64];

	get(http, server, "/redirect", &exchange);
	ck_assert_int_eq(exchange.answer.status, 302);
	ck_assert_int_eq(
		http_answer_header(&exchange.answer, "location", location, sizeof(location)), 0);
	ck_assert_str_eq(location, "/ok");
	ck_assert_uint_eq(http_server_requests(server), 1);
}
END_TEST

START_TEST(refuses_what_is_no_http)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};

	get(http, server, "/garbage", &exchange);
	ck_assert_int_eq(exchange.result, -EPROTO);
}
END_TEST

START_TEST(reads_the_first_header_of_a_name_and_the_date)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};
	char date[64], small[sizeof(SERVER_DATE) - 1];

	get(http, server, "/dated", &exchange);
	ck_assert_uint_eq(exchange.answer.date_ms, SERVER_DATE_MS);
	ck_assert_int_eq(http_answer_header(&exchange.answer, "DATE", date, sizeof(date)), 0);
	ck_assert_str_eq(date, SERVER_DATE);
	ck_assert_int_eq(http_answer_header(&exchange.answer, "DATE", small, sizeof(small)),
			 -ENAMETOOLONG);
	ck_assert_int_eq(http_answer_header(&exchange.answer, "Dat", date, sizeof(date)), -ENOENT);
	ck_assert_int_eq(http_answer_header(&exchange.answer, "HTTP/1.1 200 X", date, sizeof(date)),
			 -ENOENT);
}
END_TEST

START_TEST(gives_the_body_of_a_good_answer_to_the_sink)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call good = { .port = http_server_port(server), .path = "/size/100" };
	struct call bad = { .port = http_server_port(server), .path = "/status/500" };
	struct call large = { .port = http_server_port(server), .path = "/size/5000" };
	struct http_exchange exchanges[] = { exchange_of(&good), exchange_of(&bad),
					     exchange_of(&large) };

	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		exchanges[i].ops = &sink_ops;
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	ck_assert_uint_eq(strlen(good.sunk), 100);
	ck_assert_uint_eq(exchanges[0].answer.body.size, 0);
	ck_assert_str_eq(bad.sunk, "");
	ck_assert_str_eq(buf_text(&exchanges[1].answer.body), "no");
	ck_assert_int_eq(exchanges[2].result, -EFBIG);
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		http_exchange_done(&exchanges[i]);
}
END_TEST

START_TEST(ends_with_the_error_of_an_op_and_does_not_ask_again)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call unready = { .prepare_result = -EACCES, .repeats = 1 };
	struct call full = { .port = http_server_port(server),
			     .path = "/size/100",
			     .repeats = 1,
			     .sink_result = -ENOSPC };
	struct http_exchange exchanges[] = { exchange_of(&unready), exchange_of(&full) };

	exchanges[1].ops = &sink_ops;
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	ck_assert_int_eq(exchanges[0].result, -EACCES);
	ck_assert_str_eq(exchanges[0].fault.text, "no credentials");
	ck_assert_uint_eq(unready.asked, 0);
	ck_assert_int_eq(exchanges[1].result, -ENOSPC);
	ck_assert_uint_eq(full.asked, 0);
}
END_TEST

START_TEST(goes_around_the_proxy_to_what_is_near)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = {};

	ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	get(http, server, "/ok", &exchange);
	ck_assert_int_eq(exchange.result, 0);
}
END_TEST

static int again_never(_unused_ struct http_exchange *exchange, _unused_ uint64_t *ret_wait_usec)
{
	return 0;
}

static int prepare_far(struct http_exchange *exchange, struct http_request *request,
		       _unused_ struct fault *fault)
{
	request->method = "GET";
	ck_assert_int_eq(http_request_url(request, exchange->context), 0);
	return 0;
}

static const struct http_exchange_ops far_ops = { .prepare = prepare_far, .again = again_never };

START_TEST(asks_the_proxy_for_what_is_far)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(NULL);
	_cleanup_free_ char *proxy = str_format("http://127.0.0.1:%u", http_server_port(server));

	ck_assert_int_eq(setenv("http_proxy", proxy, 1), 0);
	exchange.ops = &far_ops;
	exchange.context = "http://paddock.invalid/ok";
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, 0);
	ck_assert_ptr_eq(strstr(buf_text(&exchange.answer.body), "GET http://paddock.invalid/ok "),
			 buf_text(&exchange.answer.body));
}
END_TEST

/* As it was signed. */
START_TEST(sends_a_path_as_it_is)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_free_ char *url = str_format("http://127.0.0.1:%u/a/../b//%%7e;(x)?c=%%2F&&d",
					      http_server_port(server));
	static const char line[] = "GET /a/../b//%7e;(x)?c=%2F&&d HTTP/1.1\r\n";
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(NULL);

	exchange.ops = &far_ops;
	exchange.context = url;
	perform(http, &exchange, 1);
	ck_assert_int_eq(strncmp(buf_text(&exchange.answer.body), line, strlen(line)), 0);
}
END_TEST

/* The proxy answers whatever it is asked, with the request. */
START_TEST(tells_near_from_far)
{
	static const struct {
		char *url;
		bool is_near;
	} cases[] = {
		{ "http://127.9.9.9:1/", true },
		{ "http://localhost:1/", true },
		{ "http://LocalHost:1/", true },
		{ "http://[::1]:1/", true },
		{ "http://169.254.170.2:1/", true },
		{ "http://[fe80::1]:1/", true },
		{ "http://[fd00:ec2::254]:1/", true },
		{ "http://10.127.0.1/", false },
		{ "http://169.253.170.2/", false },
		{ "http://[fd00:ec3::254]/", false },
		{ "http://[::2]/", false },
		{ "http://localhost.invalid/", false },
		{ "http://127.0.0.1.invalid/", false },
	};
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_free_ char *proxy = str_format("http://127.0.0.1:%u", http_server_port(server));
	struct http_exchange exchanges[ARRAY_SIZE(cases)];

	ck_assert_int_eq(setenv("http_proxy", proxy, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		exchanges[i] = exchange_of(NULL);
		exchanges[i].ops = &far_ops;
		exchanges[i].context = cases[i].url;
		if (cases[i].is_near)
			exchanges[i].timeout_usec = 300 * USEC_PER_MSEC;
	}
	perform(http, exchanges, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *body = buf_text(&exchanges[i].answer.body);
		bool by_proxy = strncmp(body, "GET http://", strlen("GET http://")) == 0;

		ck_assert_msg(by_proxy != cases[i].is_near, "%s", cases[i].url);
		http_exchange_done(&exchanges[i]);
	}
}
END_TEST

/* Of an op: it would wait for itself. */
static int perform_within(struct http_exchange *exchange, _unused_ struct http_request *request,
			  struct fault *fault)
{
	struct call call = {};
	struct http_exchange inner = exchange_of(&call);

	return http_perform(exchange->context, &inner, 1, fault);
}

static const struct http_exchange_ops within_ops = { .prepare = perform_within,
						     .again = again_never };

START_TEST(refuses_to_be_used_from_within)
{
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(NULL);

	exchange.ops = &within_ops;
	exchange.context = http;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -EBUSY);
}
END_TEST

static int prepare_nothing(_unused_ struct http_exchange *exchange,
			   _unused_ struct http_request *request, _unused_ struct fault *fault)
{
	return 0;
}

static const struct http_exchange_ops nothing_ops = { .prepare = prepare_nothing,
						      .again = again_never };

START_TEST(refuses_a_request_without_a_url)
{
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(NULL);

	exchange.ops = &nothing_ops;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -EINVAL);
}
END_TEST

START_TEST(tells_that_a_name_is_unknown)
{
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(NULL);

	exchange.ops = &far_ops;
	exchange.context = "http://paddock.invalid/";
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -EHOSTUNREACH);
	ck_assert_ptr_nonnull(strstr(exchange.fault.text, "paddock.invalid"));
	ck_assert(!exchange.maybe_executed);
}
END_TEST

START_TEST(refuses_a_server_that_speaks_no_tls)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	_cleanup_free_ char *url = str_format("https://127.0.0.1:%u/", http_server_port(server));
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(NULL);

	exchange.ops = &far_ops;
	exchange.context = url;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -EPROTO);
	ck_assert(!exchange.maybe_executed);
}
END_TEST

TEST_MAIN(sends_what_was_prepared_and_brings_the_answer,
	  sends_a_body_without_headers_that_nobody_asked_for, says_that_an_empty_body_is_empty,
	  uses_a_connection_again, does_not_keep_a_fresh_connection,
	  refuses_an_answer_that_is_too_large, refuses_headers_that_are_too_large,
	  tells_that_a_connection_was_refused, sends_twice_when_a_kept_connection_dies,
	  sends_once_on_a_fresh_connection, has_no_answer_when_the_body_is_cut,
	  keeps_the_headers_of_the_final_answer_alone, does_not_follow_a_redirect,
	  refuses_what_is_no_http, reads_the_first_header_of_a_name_and_the_date,
	  gives_the_body_of_a_good_answer_to_the_sink,
	  ends_with_the_error_of_an_op_and_does_not_ask_again,
	  goes_around_the_proxy_to_what_is_near, asks_the_proxy_for_what_is_far,
	  sends_a_path_as_it_is, tells_near_from_far, refuses_to_be_used_from_within,
	  refuses_a_request_without_a_url, tells_that_a_name_is_unknown,
	  refuses_a_server_that_speaks_no_tls)
