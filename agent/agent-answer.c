/*
 * What store and forge say. Errors decide nothing ("no answer is not no"): they are logged once and
 * counted against the store, and the next beat's record leads to whatever has to be done again. An
 * answer about an earlier claim than the present one is no news.
 */

#include "agent/agent-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/runner/job-prepare.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/parse.h"

bool agent_slot_is_busy(const struct agent *agent, unsigned slot, uint64_t seq)
{
	return agent->slots[slot].busy && agent->slots[slot].seq == seq;
}

struct errand *agent_errand(struct agent *agent, enum errand_kind kind, unsigned slot)
{
	struct errand *errand =
		errand_new(kind, agent->desk, agent->life.seq,
			   BEATS_UNTIL_STALE * agent_period_usec(agent), agent_on_answer, agent);

	if (!errand) {
		log_error("cannot ask the store (%s): out of memory", errand_kind_names[kind]);
		return NULL;
	}
	errand->slot = slot;
	memcpy(errand->boot_id, agent->life.boot_id, sizeof(errand->boot_id));
	return errand;
}

void agent_send(struct agent *agent, struct errand *errand)
{
	int r = errand_send(errand, agent->channel);

	if (r >= 0) {
		agent->slots[errand->slot].busy = true;
		agent->slots[errand->slot].seq = errand->seq;
		return;
	}
	log_warning_errno(r, "cannot ask the store (%s): %m", errand_kind_names[errand->kind]);
	if (errand->kind == ERRAND_CHANGE)
		agent->writes--;
	errand_free(errand);
}

void agent_check_store(struct agent *agent)
{
	uint64_t now = agent_now(agent), period = agent_period_usec(agent);
	char text[DURATION_TEXT_MAX];

	if (agent->store_lost || fence_store_is_fresh(&agent->fence, now, period))
		return;
	agent->store_lost = true;
	log_warning("the store has not answered for %s: no new work is taken; a job that runs goes "
		    "on",
		    format_duration((now - agent->fence.heard_usec) / USEC_PER_SEC * USEC_PER_SEC,
				    text, sizeof(text)));
	agent_tell_status(agent);
}

void agent_on_late(void *context, _unused_ const struct channel_request *request)
{
	struct agent *agent = context;

	if (agent_guard(agent))
		agent_check_store(agent);
}

static void hear(struct agent *agent, const struct errand *errand)
{
	fence_hear(&agent->fence, errand->sent_usec);
	agent->store_trouble[0] = '\0';
	if (!agent->store_lost ||
	    !fence_store_is_fresh(&agent->fence, agent_now(agent), agent_period_usec(agent)))
		return;
	agent->store_lost = false;
	log_info("the store answers again");
	agent_tell_status(agent);
}

/* The same trouble is told once. */
static void hear_trouble(struct agent *agent, const struct errand *errand)
{
	const char *text = fault_text(&errand->fault, errand->result);

	if (strcmp(text, agent->store_trouble) != 0) {
		log_warning("no answer from the store (%s): %s", errand_kind_names[errand->kind],
			    text);
		(void)snprintf(agent->store_trouble, sizeof(agent->store_trouble), "%s", text);
	}
	agent_check_store(agent);
}

/* A claim that is being drained, of whose job an earlier agent has died before it had cleaned up:
 * how the job ended, and whether the machine was dirty, only that one knew. */
static bool is_orphaned(const struct agent *agent, const struct machine *record)
{
	return agent->life.state == AGENT_BOOTING &&
	       work_is_left(agent->given.home->fd, record->seq);
}

/* Takes note of a record, and tells what it means: an event, or -EAGAIN for old news. */
static int read_record(struct agent *agent, const struct errand *errand)
{
	int event = lifecycle_classify(&agent->life, &errand->record);

	if (event < 0 || event == EVENT_RECORD_NONE || event == EVENT_RECORD_FOREIGN)
		return event;
	if (event == EVENT_RECORD_DRAINING && is_orphaned(agent, &errand->record))
		event = EVENT_RECORD_RUNNING;

	agent->record = errand->record;
	if (machine_is_live(&agent->record)) {
		fence_read(&agent->fence, &agent->record, errand->sent_usec, errand->store_now_ms);
		agent_arm_fence(agent);
	}
	return event;
}

/* Why what follows will follow. A drain that was ours has its reason already. */
static void explain(struct agent *agent, int event, const struct machine *record)
{
	bool drained = event == EVENT_RECORD_DRAINING && agent->life.state < AGENT_STOPPING;

	if (drained && record->reason[0])
		agent_set_reason(agent, "%s", record->reason);
	else if (event == EVENT_RECORD_RUNNING)
		agent_set_reason(agent, "agent: an earlier one died over this claim");
	else if (event == EVENT_RECORD_NONE && agent->life.state != AGENT_BOOTING)
		agent_set_reason(agent, "agent: the record is gone");
	else if (event == EVENT_RECORD_TERMINATED)
		agent_set_reason(agent, "agent: the record says terminated%s%s",
				 record->reason[0] ? ": " : "", record->reason);
	else if (event == EVENT_RECORD_FOREIGN)
		agent_set_reason(agent, "agent: the record is another's now (%s, seq %" PRIu64 ")",
				 machine_state_names[record->state], record->seq);
}

static void happen_record(struct agent *agent, int event, const struct machine *record)
{
	if (event < 0)
		return;
	explain(agent, event, record);
	agent_happen(agent, (enum agent_event)event, record);
}

static void on_beat(struct agent *agent, const struct errand *errand)
{
	agent->refusals = 0;
	if (errand->accepted) {
		agent->met = true;
		agent->said_phase = errand->beat.phase;
		agent->said_seq = errand->beat.phase_seq;
	}
	agent_said(agent, errand->sent_usec);
	happen_record(agent, read_record(agent, errand), &errand->record);
	if (agent->life.state != AGENT_ENDED && agent->report.number > 0)
		agent_report_job(agent);
}

/* Until a beat was accepted a record may still bear an earlier boot's id, which our first beat is
 * about to take over: only its existence is news. */
static void on_look(struct agent *agent, const struct errand *errand)
{
	if (agent->met)
		happen_record(agent, read_record(agent, errand), &errand->record);
	else if (errand->record.state != MACHINE_NONE)
		agent_beat_by(agent, agent_now(agent));
}

static void on_change(struct agent *agent, const struct errand *errand)
{
	const struct change *change = &errand->change;
	char text[REFUSAL_TEXT_MAX];
	struct change_outcome outcome;
	int event;

	if (errand->change_result != CHANGE_REFUSED) {
		agent->refusals = 0;
		agent->said_phase = change->testimony.phase;
		agent->said_seq = change->testimony.seq;
		agent_said(agent, errand->sent_usec);
		event = read_record(agent, errand);
		if (change->transition == lifecycle_awaits(&agent->life) &&
		    change->seq == agent->life.seq)
			agent_happen(agent, EVENT_WRITTEN, &errand->record);
		else
			happen_record(agent, event, &errand->record);
		return;
	}

	outcome = (struct change_outcome){ CHANGE_REFUSED, errand->refusal, errand->record };
	log_debug("%s was refused: %s", transition_rows[change->transition].name,
		  change_refusal_text(change, &outcome, text, sizeof(text)));
	event = read_record(agent, errand);
	if (++agent->refusals <= AGENT_REFUSALS_MAX)
		happen_record(agent, event, &errand->record);
}

static void on_take(struct agent *agent, const struct errand *errand)
{
	if (errand->seq != agent->life.seq || errand->result == FORGE_NOT_YET)
		return;
	if (errand->result == 0) {
		agent_happen(agent, EVENT_TAKEN, NULL);
		return;
	}
	agent_set_reason(agent, "agent: cannot take the registration: %s",
			 fault_text(&errand->fault, errand->result));
	agent_happen(agent, EVENT_TAKE_FAILED, NULL);
}

static void on_fetch(struct agent *agent, struct errand *errand)
{
	if (errand->result == FORGE_NOT_YET)
		return;
	if (errand->result < 0) {
		if (errand->seq != agent->life.seq)
			return;
		agent_set_reason(agent, "agent: %s", fault_text(&errand->fault, errand->result));
		agent_happen(agent, EVENT_TAKE_FAILED, NULL);
		return;
	}

	if (agent_has_handled(agent, errand->seq, errand->job.number))
		return;
	job_done(&agent->waiting);
	agent->waiting = errand->job;
	agent->waiting_seq = errand->seq;
	errand->job = (struct job){};
	if (errand->seq == agent->life.seq)
		agent_happen(agent, EVENT_JOB_WAITING, NULL);
	if (agent->waiting.number > 0)
		agent_refuse_waiting(agent, "never started: the claim is being ended");
}

static void on_report(struct agent *agent, struct errand *errand)
{
	if (errand->result == 0)
		return;
	if (errand_is_denied(errand)) {
		log_warning("nobody wants to know how job %" PRIu64 " of seq %" PRIu64 " ended: %s",
			    errand->job.number, errand->seq,
			    fault_text(&errand->fault, errand->result));
		return;
	}
	/* Kept for after the next beat that gets through, unless another job has ended since. */
	if (agent->report.number > 0)
		return;
	agent->report = errand->job;
	agent->report_seq = errand->seq;
	errand->job = (struct job){};
}

/* Bookkeeping that every answer needs, whatever it says. */
static void put_away(struct agent *agent, struct errand *errand)
{
	if (agent->slots[errand->slot].seq == errand->seq)
		agent->slots[errand->slot].busy = false;
	if (errand->kind == ERRAND_CHANGE)
		agent->writes--;
	if (errand->watch_fd >= 0)
		agent_hang_bell(agent, take_fd(errand->watch_fd));
}

static void offer(struct agent *agent)
{
	const struct offer_view view = {
		.state = agent->life.state,
		.last = agent->life.last,
		.store_lost = agent->store_lost,
		.seq = agent->life.seq,
		.record = &agent->record,
	};

	offerer_look(agent->offerer, view);
}

static void dispatch(struct agent *agent, struct errand *errand)
{
	if (errand->result < 0 && !errand_is_denied(errand)) {
		hear_trouble(agent, errand);
		if (errand->kind == ERRAND_BEAT || errand->kind == ERRAND_CHANGE)
			agent_beat_failed(agent);
		if (errand->kind == ERRAND_REPORT)
			on_report(agent, errand);
		return;
	}

	hear(agent, errand);
	switch (errand->kind) {
	case ERRAND_BEAT:
		on_beat(agent, errand);
		offer(agent);
		break;
	case ERRAND_LOOK:
		on_look(agent, errand);
		break;
	case ERRAND_CHANGE:
		on_change(agent, errand);
		offer(agent);
		break;
	case ERRAND_TAKE:
		on_take(agent, errand);
		break;
	case ERRAND_FETCH:
		on_fetch(agent, errand);
		break;
	case ERRAND_REPORT:
		on_report(agent, errand);
		break;
	default:
		break;
	}
}

void agent_on_answer(struct errand *errand, void *context)
{
	_cleanup_(errand_freep) struct errand *answer = errand;
	struct agent *agent = context;

	put_away(agent, answer);
	if (!agent_guard(agent)) {
		agent_leave_if_quiet(agent);
		return;
	}
	dispatch(agent, answer);
	if (answer->kind == ERRAND_LOOK)
		agent_look_done(agent, answer->result >= 0);
	agent_speak_up(agent);
}
