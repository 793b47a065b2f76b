/* When things are sent, and when no more. */

#include <errno.h>
#include <string.h>

#include "tests/unit/http-fixture.h"

START_TEST(has_64_under_way_and_the_others_wait_for_their_turn)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/gate/64" };
	struct http_exchange exchanges[200];

	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		exchanges[i] = exchange_of(&call);
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		ck_assert_int_eq(exchanges[i].result, 0);
		ck_assert_int_eq(exchanges[i].answer.status, 200);
		ck_assert_uint_eq(exchanges[i].attempts, 1);
		http_exchange_done(&exchanges[i]);
	}
	ck_assert_uint_eq(http_server_requests(server), ARRAY_SIZE(exchanges));
	/* None of the first 64 was answered before all of them were there; the others used their
	 * connections. */
	ck_assert_uint_eq(http_server_connections(server), HTTP_EXCHANGES_MAX);
}
END_TEST

START_TEST(ends_an_attempt_when_its_time_is_up)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/silent", .repeats = 1 };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	exchange.timeout_usec = 50 * USEC_PER_MSEC;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(exchange.fault.text, "no answer within 50ms"));
	ck_assert_uint_ge(call.prepared[1] - call.prepared[0], 50 * USEC_PER_MSEC);
	ck_assert_uint_eq(exchange.attempts, 2);
	ck_assert(exchange.maybe_executed);
}
END_TEST

START_TEST(ends_all_attempts_at_the_deadline)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/silent", .repeats = 9 };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	exchange.deadline = deadline_in(&clock_system, 50 * USEC_PER_MSEC);
	exchange.timeout_usec = LONG_USEC;
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -ETIMEDOUT);
	ck_assert_uint_eq(exchange.attempts, 1);
	ck_assert(deadline_passed(&exchange.deadline, &clock_system));
}
END_TEST

START_TEST(sends_nothing_after_the_deadline)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server), .path = "/ok" };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	exchange.deadline = deadline_in(&clock_system, 0);
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -ETIMEDOUT);
	ck_assert_uint_eq(exchange.attempts, 0);
	ck_assert_uint_eq(call.asked, 0);
	ck_assert_uint_eq(http_server_connections(server), 0);
}
END_TEST

START_TEST(keeps_the_last_answer_when_the_wait_would_pass_the_deadline)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call call = { .port = http_server_port(server),
			     .path = "/status/503",
			     .repeats = 9,
			     .wait_usec = UINT64_MAX };
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, 0);
	ck_assert_int_eq(exchange.answer.status, 503);
	ck_assert_str_eq(buf_text(&exchange.answer.body), "no");
	ck_assert_uint_eq(call.asked, 1);
	ck_assert(!deadline_passed(&exchange.deadline, &clock_system));
}
END_TEST

START_TEST(waits_before_it_sends_again_and_delays_nobody_else)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call slow = { .port = http_server_port(server),
			     .path = "/status/503",
			     .repeats = 1,
			     .wait_usec = 400 * USEC_PER_MSEC };
	struct call quick = { .port = http_server_port(server), .path = "/ok", .repeats = 4 };
	struct http_exchange exchanges[] = { exchange_of(&slow), exchange_of(&quick) };

	perform(http, exchanges, ARRAY_SIZE(exchanges));
	ck_assert_int_eq(exchanges[0].answer.status, 503);
	ck_assert_uint_eq(exchanges[0].attempts, 2);
	ck_assert_uint_ge(slow.prepared[1] - slow.prepared[0], slow.wait_usec);
	ck_assert_uint_eq(exchanges[1].attempts, 5);
	ck_assert_uint_lt(quick.asked_usec, slow.prepared[1]);
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		http_exchange_done(&exchanges[i]);
}
END_TEST

/* More than there are places, all of them waiting: a wait takes no place. */
START_TEST(sends_others_while_many_wait)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call slow[HTTP_EXCHANGES_MAX];
	struct call quick = { .port = http_server_port(server), .path = "/ok" };
	struct http_exchange exchanges[HTTP_EXCHANGES_MAX + 1];

	for (size_t i = 0; i < HTTP_EXCHANGES_MAX; i++) {
		slow[i] = (struct call){ .port = http_server_port(server),
					 .path = "/status/503",
					 .repeats = 1,
					 .wait_usec = 400 * USEC_PER_MSEC };
		exchanges[i] = exchange_of(&slow[i]);
	}
	exchanges[HTTP_EXCHANGES_MAX] = exchange_of(&quick);
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	for (size_t i = 0; i < HTTP_EXCHANGES_MAX; i++)
		ck_assert_uint_lt(quick.asked_usec, slow[i].prepared[1]);
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		http_exchange_done(&exchanges[i]);
}
END_TEST

static bool has_requests(void *context)
{
	return http_server_requests(context) == HTTP_EXCHANGES_MAX;
}

START_TEST(gives_up_all_that_is_under_way_when_cancelled)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	const struct http_options options = { .clock = &clock_system,
					      .cancelled = has_requests,
					      .cancelled_context = server };
	_cleanup_(http_closep) struct http *http = NULL;
	struct call call = { .port = http_server_port(server), .path = "/silent", .repeats = 99 };
	struct http_exchange exchanges[HTTP_EXCHANGES_MAX + 1];

	ck_assert_int_eq(http_open(&options, &http, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		exchanges[i] = exchange_of(&call);
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++)
		ck_assert_int_eq(exchanges[i].result, -ECANCELED);
	ck_assert(exchanges[0].maybe_executed);
	ck_assert_uint_eq(exchanges[HTTP_EXCHANGES_MAX].attempts, 0);
	ck_assert(!exchanges[HTTP_EXCHANGES_MAX].maybe_executed);
	ck_assert_uint_eq(call.asked, 0);
}
END_TEST

static bool was_asked(void *context)
{
	const struct call *call = context;

	return call->asked > 0;
}

START_TEST(keeps_no_cancel_waiting_for_a_wait)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	struct call call = { .port = http_server_port(server),
			     .path = "/status/503",
			     .repeats = 1,
			     .wait_usec = LONG_USEC / 2 };
	const struct http_options options = { .clock = &clock_system,
					      .cancelled = was_asked,
					      .cancelled_context = &call };
	_cleanup_(http_closep) struct http *http = NULL;
	_cleanup_http_exchange_ struct http_exchange exchange = exchange_of(&call);

	ck_assert_int_eq(http_open(&options, &http, NULL), 0);
	perform(http, &exchange, 1);
	ck_assert_int_eq(exchange.result, -ECANCELED);
	ck_assert_uint_lt(clock_boot_usec(&clock_system) - call.asked_usec, call.wait_usec);
	ck_assert_uint_eq(exchange.attempts, 1);
}
END_TEST

/* It comes first, and leaves its place to the last of those that keep theirs for too long. */
START_TEST(keeps_the_last_answer_when_no_place_comes_free_until_the_deadline)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call first = { .port = http_server_port(server),
			      .path = "/status/503",
			      .repeats = 1,
			      .wait_usec = 50 * USEC_PER_MSEC };
	struct call silent = { .port = http_server_port(server), .path = "/silent" };
	struct http_exchange exchanges[HTTP_EXCHANGES_MAX + 1];

	exchanges[0] = exchange_of(&first);
	exchanges[0].deadline = deadline_in(&clock_system, 1 * USEC_PER_SEC);
	for (size_t i = 1; i < ARRAY_SIZE(exchanges); i++) {
		exchanges[i] = exchange_of(&silent);
		exchanges[i].deadline = deadline_in(&clock_system, 1100 * USEC_PER_MSEC);
	}
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	ck_assert_uint_eq(exchanges[0].attempts, 1);
	ck_assert_int_eq(exchanges[0].result, 0);
	ck_assert_int_eq(exchanges[0].answer.status, 503);
	http_exchange_done(&exchanges[0]);
}
END_TEST

/* All places are taken by what takes too long. */
START_TEST(gives_up_in_the_queue_at_the_deadline)
{
	_cleanup_(http_server_freep) struct http_server *server = http_server_new();
	_cleanup_(http_closep) struct http *http = open_http();
	struct call silent = { .port = http_server_port(server), .path = "/silent" };
	struct call queued = { .port = http_server_port(server), .path = "/ok" };
	struct http_exchange exchanges[HTTP_EXCHANGES_MAX + 1];

	for (size_t i = 0; i < HTTP_EXCHANGES_MAX; i++) {
		exchanges[i] = exchange_of(&silent);
		exchanges[i].deadline = deadline_in(&clock_system, 500 * USEC_PER_MSEC);
	}
	exchanges[HTTP_EXCHANGES_MAX] = exchange_of(&queued);
	exchanges[HTTP_EXCHANGES_MAX].deadline = deadline_in(&clock_system, 100 * USEC_PER_MSEC);
	perform(http, exchanges, ARRAY_SIZE(exchanges));
	ck_assert_int_eq(exchanges[HTTP_EXCHANGES_MAX].result, -ETIMEDOUT);
	ck_assert_uint_eq(exchanges[HTTP_EXCHANGES_MAX].attempts, 0);
}
END_TEST

TEST_MAIN(has_64_under_way_and_the_others_wait_for_their_turn, ends_an_attempt_when_its_time_is_up,
	  ends_all_attempts_at_the_deadline, sends_nothing_after_the_deadline,
	  keeps_the_last_answer_when_the_wait_would_pass_the_deadline,
	  waits_before_it_sends_again_and_delays_nobody_else, sends_others_while_many_wait,
	  gives_up_all_that_is_under_way_when_cancelled, keeps_no_cancel_waiting_for_a_wait,
	  keeps_the_last_answer_when_no_place_comes_free_until_the_deadline,
	  gives_up_in_the_queue_at_the_deadline)
