/* The actions of lifecycle.h, each one carried out: writes as transitions, the rest by the runner
 * and the forge. What cannot be sent now is not lost: the next record leads to it again. */

#include "agent/agent-internal.h"

#include <stdarg.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/text.h"

/* For records that carry none: nothing may be without a threshold. */
static const struct leases fallback_leases = {
	.idle_ms = 7 * 60ULL * MSEC_PER_SEC,
	.drain_ms = 3 * 60ULL * MSEC_PER_SEC,
	.max_runtime_ms = 30 * 60ULL * MSEC_PER_SEC,
};

void agent_set_reason(struct agent *agent, const char *format, ...)
{
	char whole[FAULT_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(whole, sizeof(whole), format, arguments);
	va_end(arguments);
	/* It goes into records, which are JSON to others, and may hold a name that a job gave. */
	(void)text_shown(whole, agent->reason, sizeof(agent->reason));
}

/* What the agent says of itself along with each transition. */
static enum machine_phase spoken_phase(const struct agent *agent, enum transition transition)
{
	switch (transition) {
	case TRANSITION_READY:
		return PHASE_READY;
	case TRANSITION_RUN:
		return PHASE_LISTENING;
	case TRANSITION_DRAIN:
	case TRANSITION_WITHDRAW:
		return PHASE_DRAINING;
	case TRANSITION_OFFER:
		return PHASE_CLEAN;
	default:
		return agent->life.ending == ENDING_DRAINED ? PHASE_CLEAN : PHASE_FAILED;
	}
}

static void write_record(struct agent *agent, enum transition transition, enum agent_action action)
{
	unsigned slot = AGENT_SLOT(action);
	struct errand *errand;
	struct change *change;

	if (agent_slot_is_busy(agent, slot, agent->life.seq))
		return;
	errand = agent_errand(agent, ERRAND_CHANGE, slot);
	if (!errand)
		return;

	change = &errand->change;
	change->transition = transition;
	change->seq = agent->life.seq;
	change->threshold_ms = agent->record.threshold_ms;
	change->leases = fallback_leases;
	change->last = agent->life.last;
	change->ending = transition == TRANSITION_TERMINATE ? agent->life.ending : ENDING_NONE;
	change->testimony.phase = spoken_phase(agent, transition);
	change->testimony.seq = agent->life.seq;
	memcpy(change->id, agent->record.id, sizeof(change->id));
	memcpy(change->claimant.run_key, agent->record.run_key, sizeof(change->claimant.run_key));
	memcpy(change->testimony.boot_id, agent->life.boot_id, sizeof(change->testimony.boot_id));
	memcpy(change->testimony.reason, agent->reason, sizeof(change->testimony.reason));
	memcpy(change->reason, agent->reason, sizeof(change->reason));
	agent->writes++;
	agent_send(agent, errand);
}

static void write_ready(struct agent *agent)
{
	write_record(agent, TRANSITION_READY, ACTION_WRITE_READY);
}

static void write_withdraw(struct agent *agent)
{
	write_record(agent, TRANSITION_WITHDRAW, ACTION_WRITE_WITHDRAW);
}

/* A machine that nobody claimed is withdrawn, not drained; and one that is draining already is only
 * written to when it has to be marked. */
static void write_drain(struct agent *agent)
{
	bool done = agent->record.state == MACHINE_DRAINING &&
		    (agent->record.last || !agent->life.last);

	if (agent->record.run_key[0] && !done)
		write_record(agent, TRANSITION_DRAIN, ACTION_WRITE_DRAIN);
}

static void take_registration(struct agent *agent)
{
	unsigned slot = AGENT_SLOT(ACTION_TAKE);
	struct errand *errand;

	if (agent_slot_is_busy(agent, slot, agent->life.seq))
		return;
	errand = agent_errand(agent, ERRAND_TAKE, slot);
	if (errand)
		agent_send(agent, errand);
}

static void write_run(struct agent *agent)
{
	write_record(agent, TRANSITION_RUN, ACTION_WRITE_RUN);
}

static void write_offer(struct agent *agent)
{
	/* Clean again: why the last claim ended is history. */
	agent->reason[0] = '\0';
	write_record(agent, TRANSITION_OFFER, ACTION_WRITE_OFFER);
}

static void write_end(struct agent *agent)
{
	write_record(agent, TRANSITION_TERMINATE, ACTION_WRITE_END);
	agent_leave_words(agent);
}

void agent_leave_words(struct agent *agent)
{
	struct errand *errand;

	if (agent_slot_is_busy(agent, SLOT_WORDS, agent->life.seq))
		return;
	errand = agent_errand(agent, ERRAND_WORDS, SLOT_WORDS);
	if (!errand)
		return;

	errand->words.phase = lifecycle_phase(&agent->life);
	(void)!str_copy(errand->words.why, sizeof(errand->words.why),
			ending_names[agent->life.ending]);
	memcpy(errand->words.reason, agent->reason, sizeof(errand->words.reason));
	memcpy(errand->words.run, agent->record.run_key, sizeof(errand->words.run));
	agent_send(agent, errand);
}

/* Carried out in the order of their bits, which lifecycle.h promises. What is not here is done by
 * lifecycle_step() itself, or, as the exit, by agent_happen(). */
static void (*const acts[AGENT_ACTION_BITS])(struct agent *agent) = {
	[AGENT_SLOT(ACTION_WRITE_READY)] = write_ready,
	[AGENT_SLOT(ACTION_WRITE_WITHDRAW)] = write_withdraw,
	[AGENT_SLOT(ACTION_WRITE_DRAIN)] = write_drain,
	[AGENT_SLOT(ACTION_TAKE)] = take_registration,
	[AGENT_SLOT(ACTION_WRITE_RUN)] = write_run,
	[AGENT_SLOT(ACTION_REPORT)] = agent_report_job,
	[AGENT_SLOT(ACTION_FETCH)] = agent_fetch_job,
	[AGENT_SLOT(ACTION_START)] = agent_start_job,
	[AGENT_SLOT(ACTION_STOP)] = agent_stop_job,
	[AGENT_SLOT(ACTION_CLEAN)] = agent_clean,
	[AGENT_SLOT(ACTION_WRITE_OFFER)] = write_offer,
	[AGENT_SLOT(ACTION_WRITE_END)] = write_end,
};

_Static_assert(ACTION_EXIT == 1 << (AGENT_ACTION_BITS - 1), "an act for each action");

void agent_act(struct agent *agent, unsigned actions)
{
	for (unsigned i = 0; i < AGENT_ACTION_BITS; i++) {
		if ((actions & 1U << i) && acts[i])
			acts[i](agent);
	}
}
