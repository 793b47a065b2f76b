/*
 * Notices that the machine will be taken away. What is known of them stands until it is known not
 * to: it is an event anew in each state that the machine comes to, as nobody says it twice. A job
 * that runs goes on until notice-grace before the end.
 */

#include "agent/agent-internal.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/parse.h"

/* What stands, and has not been told in this state. */
enum agent_event agent_standing_notice(struct agent *agent)
{
	enum agent_event event = notice_event(&agent->notice, agent_now(agent),
					      agent->given.config->notice_grace_usec);
	enum agent_state state = agent->life.state;
	char text[NOTICE_TEXT_MAX];

	if (event == _AGENT_EVENT_INVALID || state == AGENT_ENDED ||
	    (event == agent->heeded.event && state == agent->heeded.state))
		return _AGENT_EVENT_INVALID;

	agent->heeded.event = event;
	agent->heeded.state = state;
	/* What is being ended already has a reason. */
	if (lifecycle_rows[state][event].set && state < AGENT_STOPPING)
		agent_set_reason(agent, "agent: %s",
				 notice_text(&agent->notice, text, sizeof(text)));
	return event;
}

static void heed(struct agent *agent)
{
	enum agent_event event = agent_standing_notice(agent);

	if (event != _AGENT_EVENT_INVALID)
		agent_happen(agent, event, NULL);
}

static void tell_news(struct agent *agent)
{
	uint64_t at = notice_term_usec(&agent->notice, agent->given.config->notice_grace_usec);
	char text[NOTICE_TEXT_MAX];

	log_warning("%s", notice_text(&agent->notice, text, sizeof(text)));
	if (agent->notice.spot)
		agent_arm(agent, agent->notice_timer, at);
	else
		(void)sd_event_source_set_enabled(agent->notice_timer, SD_EVENT_OFF);
}

/* The same trouble is told once. */
static void tell_trouble(struct agent *agent, const struct notice_look *look)
{
	if (strcmp(look->fault.text, agent->notice_trouble) == 0)
		return;
	(void)snprintf(agent->notice_trouble, sizeof(agent->notice_trouble), "%s",
		       look->fault.text);
	if (look->fault.text[0])
		log_warning("cannot tell whether this machine will be taken away: %s",
			    look->fault.text);
	else
		log_info("notices can be seen again");
}

static void on_look(void *context, const struct notice_look *look)
{
	struct agent *agent = context;

	if (!agent_guard(agent))
		return;
	tell_trouble(agent, look);
	if (notice_take(&agent->notice, look))
		tell_news(agent);
	heed(agent);
}

static int on_notice_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct agent *agent = context;

	if (agent_guard(agent))
		heed(agent);
	return 0;
}

int agent_add_notices(struct agent *agent)
{
	struct spot_options options = {
		.event = agent->event,
		.clock = agent->given.clock,
		.poll_usec = agent->given.config->notice_poll_usec,
		.on_look = on_look,
		.context = agent,
	};
	int r;

	agent->heeded.event = _AGENT_EVENT_INVALID;
	if (!agent->given.notices)
		return 0;
	r = agent_add_timer(agent, &agent->notice_timer, on_notice_timer, "notice");
	if (r < 0)
		return r;
	r = agent->given.notices(agent->given.clock, &options.source);
	return r < 0 ? r : spot_new(&options, &agent->spot);
}
