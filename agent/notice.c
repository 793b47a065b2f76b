#include "agent/notice.h"

#include <errno.h>
#include <stdio.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/parse.h"

#define WHAT "spot notice"

int notice_parse_spot(const char *text, size_t size, struct notice_look *look, struct fault *fault)
{
	_cleanup_json_ struct json_object *notice = NULL;
	const char *action = NULL, *when = NULL;
	uint64_t ends_ms;
	int r;

	r = json_parse(text, size, WHAT, &notice, fault);
	if (r < 0)
		return r;
	r = json_get_text(notice, "action", &action, fault);
	if (r >= 0)
		r = json_get_text(notice, "time", &when, fault);
	if (r < 0)
		return r;
	if (!action || !when)
		return fault_set(fault, EBADMSG, WHAT ": it says no action, or no time");
	if (parse_time_ms(when, &ends_ms) < 0)
		return fault_set(fault, EBADMSG, WHAT ": its time is none");
	if (str_copy(look->action, sizeof(look->action), action) < 0)
		return fault_set(fault, EBADMSG, WHAT ": its action is none");
	look->ends_ms = ends_ms;
	return 0;
}

static uint64_t ends_usec(const struct notice_look *look)
{
	uint64_t left_ms = look->ends_ms > look->said_ms ? look->ends_ms - look->said_ms : 0;

	return look->sent_usec + left_ms * USEC_PER_MSEC;
}

static bool take_spot(struct notice *notice, const struct notice_look *look)
{
	uint64_t ends;
	bool news;

	if (look->spot == NOTICE_NONE) {
		news = notice->spot;
		notice->spot = false;
		return news;
	}
	ends = ends_usec(look);
	news = !notice->spot || notice->ends_ms != look->ends_ms;
	if (!news && ends >= notice->ends_usec)
		return false;
	notice->spot = true;
	notice->ends_ms = look->ends_ms;
	notice->ends_usec = ends;
	return true;
}

bool notice_take(struct notice *notice, const struct notice_look *look)
{
	bool rebalance = look->rebalance == NOTICE_GIVEN, news = false;

	if (look->spot != NOTICE_UNKNOWN)
		news = take_spot(notice, look);
	if (look->rebalance != NOTICE_UNKNOWN && rebalance != notice->rebalance) {
		notice->rebalance = rebalance;
		news = true;
	}
	return news;
}

uint64_t notice_term_usec(const struct notice *notice, uint64_t grace_usec)
{
	if (!notice->spot)
		return UINT64_MAX;
	return notice->ends_usec > grace_usec ? notice->ends_usec - grace_usec : 0;
}

enum agent_event notice_event(const struct notice *notice, uint64_t now_usec, uint64_t grace_usec)
{
	if (notice->spot)
		return now_usec >= notice_term_usec(notice, grace_usec) ? EVENT_TERM : EVENT_NOTICE;
	return notice->rebalance ? EVENT_REBALANCE : _AGENT_EVENT_INVALID;
}

const char *notice_text(const struct notice *notice, char *text, size_t size)
{
	char when[TIME_TEXT_MAX];

	if (notice->spot)
		(void)snprintf(text, size, "spot interruption notice, ends at %s",
			       format_time_ms(notice->ends_ms, when, sizeof(when)));
	else
		(void)snprintf(text, size, "%s",
			       notice->rebalance ? "rebalance recommendation" : "no notice");
	return text;
}
