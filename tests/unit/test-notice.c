#include "agent/notice.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/test.h"

#define GRACE (45 * USEC_PER_SEC)
#define SENT (1000 * USEC_PER_SEC)
#define SAID 1800000000000ULL
#define MINUTES_MS (60 * MSEC_PER_SEC)

static struct notice_look given(uint64_t ends_ms)
{
	return (struct notice_look){
		.spot = NOTICE_GIVEN,
		.ends_ms = ends_ms,
		.said_ms = SAID,
		.sent_usec = SENT,
	};
}

START_TEST(reads_what_the_service_says)
{
	static const char text[] =
		"{\"action\": \"terminate\", \"time\": \"2026-11-24T08:22:00Z\"}";
	struct notice_look look = {};

	ck_assert_int_eq(notice_parse_spot(text, strlen(text), &look, NULL), 0);
	ck_assert_str_eq(look.action, "terminate");
	ck_assert_uint_eq(look.ends_ms, 1795508520000ULL);
}
END_TEST

START_TEST(refuses_what_says_no_time_or_no_action)
{
	static const char *const texts[] = {
		"",
		"{",
		"<html>",
		"{}",
		"{\"action\": \"stop\"}",
		"{\"time\": \"2026-11-24T08:22:00Z\"}",
		"{\"action\": \"stop\", \"time\": \"soon\"}",
		"{\"action\": 1, \"time\": \"2026-11-24T08:22:00Z\"}",
		"{\"action\": \"a-very-long-action\", \"time\": \"2026-11-24T08:22:00Z\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct notice_look look = {};
		int r = notice_parse_spot(texts[i], strlen(texts[i]), &look, NULL);

		ck_assert_msg(r == -EBADMSG, "%s: %d", texts[i], r);
		ck_assert_uint_eq(look.ends_ms, 0);
	}
}
END_TEST

START_TEST(counts_the_time_that_is_left_by_the_clock_of_who_says_it)
{
	struct notice_look look = given(SAID + 2 * MINUTES_MS), past = given(SAID - 1);
	struct notice notice = {};

	ck_assert(notice_take(&notice, &look));
	ck_assert_uint_eq(notice.ends_usec, SENT + 120 * USEC_PER_SEC);
	ck_assert_uint_eq(notice_term_usec(&notice, GRACE), SENT + 75 * USEC_PER_SEC);
	ck_assert_int_eq(notice_event(&notice, SENT + 75 * USEC_PER_SEC - 1, GRACE), EVENT_NOTICE);
	ck_assert_int_eq(notice_event(&notice, SENT + 75 * USEC_PER_SEC, GRACE), EVENT_TERM);
	ck_assert(notice_take(&notice, &past));
	ck_assert_int_eq(notice_event(&notice, SENT, GRACE), EVENT_TERM);
}
END_TEST

START_TEST(lets_no_later_reading_of_one_notice_lengthen_it)
{
	struct notice_look look = given(SAID + 2 * MINUTES_MS);
	struct notice notice = {};

	ck_assert(notice_take(&notice, &look));
	look.sent_usec += USEC_PER_SEC; /* and the service's clock, in whole seconds, stood still */
	ck_assert(!notice_take(&notice, &look));
	ck_assert_uint_eq(notice.ends_usec, SENT + 120 * USEC_PER_SEC);
	look.said_ms += 3 * MSEC_PER_SEC;
	ck_assert(notice_take(&notice, &look));
	ck_assert_uint_eq(notice.ends_usec, SENT + 118 * USEC_PER_SEC);
}
END_TEST

START_TEST(takes_no_answer_for_no_news_but_a_no_for_a_no)
{
	struct notice_look look = given(SAID + 2 * MINUTES_MS);
	struct notice_look unknown = { .sent_usec = SENT };
	struct notice_look none = { .spot = NOTICE_NONE, .rebalance = NOTICE_NONE };
	struct notice notice = {};

	ck_assert(!notice_take(&notice, &unknown));
	ck_assert_int_eq(notice_event(&notice, SENT, GRACE), _AGENT_EVENT_INVALID);
	look.rebalance = NOTICE_GIVEN;
	ck_assert(notice_take(&notice, &look));
	ck_assert(!notice_take(&notice, &unknown));
	ck_assert(notice.spot && notice.rebalance);
	ck_assert(notice_take(&notice, &none));
	ck_assert(!notice.spot && !notice.rebalance);
	ck_assert_uint_eq(notice_term_usec(&notice, GRACE), UINT64_MAX);
}
END_TEST

START_TEST(puts_a_notice_before_a_recommendation)
{
	struct notice_look look = { .spot = NOTICE_NONE, .rebalance = NOTICE_GIVEN };
	struct notice_look spot = given(SAID + 2 * MINUTES_MS);
	char text[NOTICE_TEXT_MAX];
	struct notice notice = {};

	ck_assert(notice_take(&notice, &look));
	ck_assert_int_eq(notice_event(&notice, SENT, GRACE), EVENT_REBALANCE);
	ck_assert_str_eq(notice_text(&notice, text, sizeof(text)), "rebalance recommendation");
	ck_assert(notice_take(&notice, &spot));
	ck_assert(notice.rebalance);
	ck_assert_int_eq(notice_event(&notice, SENT, GRACE), EVENT_NOTICE);
	ck_assert_str_eq(notice_text(&notice, text, sizeof(text)),
			 "spot interruption notice, ends at 2027-01-15T08:02:00.000Z");
}
END_TEST

TEST_MAIN(reads_what_the_service_says, refuses_what_says_no_time_or_no_action,
	  counts_the_time_that_is_left_by_the_clock_of_who_says_it,
	  lets_no_later_reading_of_one_notice_lengthen_it,
	  takes_no_answer_for_no_news_but_a_no_for_a_no, puts_a_notice_before_a_recommendation)
