/*
 * Beats, looks and deadlines, all on CLOCK_BOOTTIME.
 *
 * A beat is held back while a transition is on its way: that one says as much, and a beat that was
 * made up before its answer could say less than the record already shows. What no transition has
 * said is said by a beat a moment later.
 */

#include "agent/agent-internal.h"

#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"
#include "common/base/log.h"

#define TIMER_ACCURACY_USEC (10 * USEC_PER_MSEC)
#define JITTER_PARTS 10 /* a period is up to one part in so many shorter or longer */

uint64_t agent_period_usec(const struct agent *agent)
{
	const struct agent_config *config = agent->given.config;
	bool running = agent->life.state == AGENT_LISTENING || agent->life.state == AGENT_BUSY;

	if (running && config->beat_running_usec > config->beat_usec)
		return config->beat_running_usec;
	return config->beat_usec;
}

static bool has_said_all(const struct agent *agent)
{
	return agent->said_phase == lifecycle_phase(&agent->life) &&
	       agent->said_seq == agent->life.seq;
}

/* Relative, so that it does not matter which clock tells the time. */
void agent_arm(struct agent *agent, sd_event_source *timer, uint64_t at_usec)
{
	uint64_t now = agent_now(agent);

	(void)sd_event_source_set_time_relative(timer, at_usec > now ? at_usec - now : 0);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void set_beat(struct agent *agent, uint64_t at_usec)
{
	if (agent->life.state == AGENT_ENDED)
		return;
	agent->beat_due_usec = at_usec;
	agent_arm(agent, agent->beat_timer, at_usec);
}

void agent_beat_by(struct agent *agent, uint64_t at_usec)
{
	if (at_usec < agent->beat_due_usec)
		set_beat(agent, at_usec);
}

/* The period that others judge us by is the one in the record, until a beat has changed it. */
static uint64_t next_period_usec(struct agent *agent)
{
	uint64_t period = agent_period_usec(agent);
	uint64_t judged = agent->record.beat_period_ms * USEC_PER_MSEC;
	uint64_t part;

	if (judged > 0 && judged < period)
		period = judged;
	part = period / JITTER_PARTS;
	return period - part + mix64(agent->given.seed + agent->beats++) % (2 * part + 1);
}

void agent_said(struct agent *agent, uint64_t sent_usec)
{
	agent->said_usec = sent_usec;
	set_beat(agent, sent_usec + next_period_usec(agent));
}

void agent_beat_failed(struct agent *agent)
{
	uint64_t wait = agent_period_usec(agent) / BEATS_UNTIL_STALE;

	if (wait < AGENT_RETRY_MIN_USEC)
		wait = AGENT_RETRY_MIN_USEC;
	set_beat(agent, agent_now(agent) + wait);
}

void agent_speak_up(struct agent *agent)
{
	if (agent->life.state == AGENT_ENDED || agent->writes > 0 || agent->slots[SLOT_BEAT].busy)
		return;
	if (agent->beat_due_usec == UINT64_MAX)
		agent_beat_by(agent, agent_now(agent)); /* it was held back by what has ended now */
	else if (agent->met && !has_said_all(agent))
		agent_beat_by(agent, agent_now(agent) + AGENT_SPEAK_USEC);
}

static void send_beat(struct agent *agent)
{
	struct errand *errand = agent_errand(agent, ERRAND_BEAT, SLOT_BEAT);
	struct beat *beat;

	if (!errand)
		return;
	beat = &errand->beat;
	beat->phase = lifecycle_phase(&agent->life);
	beat->phase_seq = agent->life.seq;
	beat->period_ms = agent_period_usec(agent) / USEC_PER_MSEC;
	memcpy(beat->boot_id, agent->life.boot_id, sizeof(beat->boot_id));
	memcpy(beat->reason, agent->reason, sizeof(beat->reason));
	(void)!str_copy(beat->version, sizeof(beat->version), PADDOCK_VERSION);
	(void)!str_copy(beat->id, sizeof(beat->id), agent->given.config->machine);
	agent_send(agent, errand);
}

static int on_beat_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct agent *agent = context;

	if (!agent_guard(agent))
		return 0;
	agent_check_store(agent);

	/* Until there is an answer the next beat has no time: it follows from that. */
	agent->beat_due_usec = UINT64_MAX;
	if (agent->writes > 0 || agent->slots[SLOT_BEAT].busy)
		return 0;
	send_beat(agent);
	if (!agent->slots[SLOT_BEAT].busy)
		agent_beat_failed(agent);
	return 0;
}

void agent_look(struct agent *agent)
{
	struct errand *errand;

	if (agent->slots[SLOT_LOOK].busy)
		return;
	errand = agent_errand(agent, ERRAND_LOOK, SLOT_LOOK);
	if (errand)
		agent_send(agent, errand);
}

static void look_later(struct agent *agent)
{
	agent_arm(agent, agent->look_timer, agent_now(agent) + agent->given.config->watch_usec);
}

void agent_look_done(struct agent *agent, bool answered)
{
	if (agent->life.state == AGENT_ENDED)
		return;
	if (agent->bell && answered)
		(void)sd_event_source_set_enabled(agent->bell, SD_EVENT_ONESHOT);
	else
		look_later(agent);
}

static int on_look_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct agent *agent = context;

	if (!agent_guard(agent))
		return 0;
	agent_look(agent);
	if (!agent->slots[SLOT_LOOK].busy)
		look_later(agent);
	return 0;
}

/* Off until the look that it leads to has been answered, however often it rings meanwhile. */
static int on_bell(_unused_ sd_event_source *source, _unused_ int fd, uint32_t events,
		   void *context)
{
	struct agent *agent = context;

	if (!agent_guard(agent))
		return 0;
	if (events & (EPOLLERR | EPOLLHUP))
		agent_hang_bell(agent, -1);
	agent_look(agent);
	if (!agent->slots[SLOT_LOOK].busy)
		look_later(agent);
	return 0;
}

void agent_hang_bell(struct agent *agent, int fd)
{
	int r;

	agent->bell = sd_event_source_disable_unref(agent->bell);
	if (fd < 0)
		return;
	if (agent->life.state == AGENT_ENDED) {
		close(fd);
		return;
	}

	r = sd_event_add_io(agent->event, &agent->bell, fd, EPOLLIN, on_bell, agent);
	if (r < 0) {
		log_warning_errno(r, "cannot watch the store: %m; looking instead");
		close(fd);
		return;
	}
	(void)sd_event_source_set_io_fd_own(agent->bell, true);
	(void)sd_event_source_set_description(agent->bell, "store-bell");
	(void)sd_event_source_set_enabled(agent->bell, SD_EVENT_ONESHOT);
	(void)sd_event_source_set_enabled(agent->look_timer, SD_EVENT_OFF);

	/* What changed before it hung there did not ring. */
	agent_look(agent);
}

static int on_fence_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct agent *agent = context;

	if (agent_guard(agent))
		agent_arm_fence(agent);
	return 0;
}

void agent_arm_fence(struct agent *agent)
{
	agent_arm(agent, agent->fence_timer, fence_next_usec(&agent->fence));
}

int agent_add_timer(struct agent *agent, sd_event_source **source, sd_event_time_handler_t handler,
		    const char *description)
{
	int r = sd_event_add_time(agent->event, source, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_USEC,
				  handler, agent);

	if (r < 0)
		return r;
	(void)sd_event_source_set_description(*source, description);
	return sd_event_source_set_enabled(*source, SD_EVENT_OFF);
}

int agent_add_timers(struct agent *agent)
{
	int r;

	r = agent_add_timer(agent, &agent->beat_timer, on_beat_timer, "beat");
	if (r >= 0)
		r = agent_add_timer(agent, &agent->look_timer, on_look_timer, "look");
	if (r >= 0)
		r = agent_add_timer(agent, &agent->fence_timer, on_fence_timer, "fence");
	if (r < 0)
		return r;

	/* Deadlines come before anything else that is due in the same turn of the loop. */
	(void)sd_event_source_set_priority(agent->fence_timer, SD_EVENT_PRIORITY_IMPORTANT);
	set_beat(agent, agent_now(agent));
	look_later(agent);
	return 0;
}

void agent_stop_timers(struct agent *agent)
{
	(void)sd_event_source_set_enabled(agent->beat_timer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(agent->look_timer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(agent->fence_timer, SD_EVENT_OFF);
	agent_hang_bell(agent, -1);
}
