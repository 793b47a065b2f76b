#pragma once

/* What the parts of the agent share: agent.c (loop, events), agent-act.c (actions), agent-answer.c
 * (what the store says), agent-time.c (beats, looks, deadlines), agent-notice.c (that it will be
 * taken away), agent-job.c (the runner and its jobs), agent-tell.c (words for people). */

#include <stdbool.h>

#include "agent/agent.h"
#include "agent/channel.h"
#include "agent/fence.h"
#include "agent/lifecycle.h"
#include "agent/notice.h"
#include "agent/spot.h"

#define AGENT_ACTION_BITS 15
/* An action's place in tables. */
#define AGENT_SLOT(action) ((unsigned)__builtin_ctz(action))

/* A phase that no transition has carried is told by a beat of its own after this; most are carried
 * within it. */
#define AGENT_SPEAK_USEC (100 * USEC_PER_MSEC)
/* After a beat that failed, the next one comes after a third of a period, but not sooner. */
#define AGENT_RETRY_MIN_USEC (200 * USEC_PER_MSEC)
/* So many refused writes in a row are answered by another write at once; then a beat decides. */
#define AGENT_REFUSALS_MAX 3
/* On its way out it waits so long for what it has told the store. */
#define AGENT_LEAVE_USEC (3 * USEC_PER_SEC)

/* What must not be on its way to the store twice: one slot for each action, and these. */
enum { SLOT_BEAT = AGENT_ACTION_BITS, SLOT_LOOK, SLOT_WORDS, _SLOT_MAX };

/* The job that runs, or has been fetched to be run. */
struct agent_job {
	uint64_t seq;
	uint64_t number; /* 0: none */
	pid_t pid;       /* 0: has not been started */
};

struct agent {
	struct agent_options given;
	sd_event *event; /* owned, as is all that follows */
	struct channel *channel;
	struct desk *desk; /* the worker's once there is a channel */
	struct runner *runner;
	struct offerer *offerer; /* NULL: idle records are offers */
	struct control *control;
	struct spot *spot; /* NULL where there are no notices */
	sd_event_source *signals[2];
	sd_event_source *beat_timer;
	sd_event_source *look_timer; /* where there is no doorbell */
	sd_event_source *fence_timer;
	sd_event_source *leave_timer;
	sd_event_source *notice_timer; /* NULL where there are no notices */
	sd_event_source *bell;         /* of the store, with its descriptor; NULL: there is none */

	struct lifecycle life;
	struct fence fence;
	struct machine record;   /* as last read; state NONE: none yet */
	char reason[REASON_MAX]; /* what we say of ourselves: in beats and in writes */

	struct {
		bool busy;
		uint64_t seq;
	} slots[_SLOT_MAX]; /* what is on its way to the store */
	unsigned writes;    /* of those, transitions: they carry what a beat would say */
	bool met;           /* the store has accepted a beat of ours */
	unsigned refusals;  /* of writes, in a row */

	uint64_t beat_due_usec;
	uint64_t beats; /* ever: seeds the jitter */
	enum machine_phase said_phase;
	uint64_t said_seq;
	uint64_t said_usec; /* when the store last took something that counts as a beat */

	bool store_lost; /* it has not answered for BEATS_UNTIL_STALE periods, and we have said so
			  */
	char store_trouble[FAULT_TEXT_MAX]; /* the last error that was logged; empty: it answers */

	struct notice notice;
	struct {
		enum agent_event event;
		enum agent_state state;
	} heeded;                            /* the notice that was told last, and in which state */
	char notice_trouble[FAULT_TEXT_MAX]; /* the last one that was logged; empty: none */
	bool dismissed;                      /* told to leave before a record was seen */

	struct agent_job job;
	struct agent_job handled; /* the last one that was started or refused */
	struct job waiting;       /* fetched, not started yet: number 0 for none */
	uint64_t waiting_seq;
	struct job report; /* how a job ended, not delivered yet: number 0 for none */
	uint64_t report_seq;
	enum agent_event follow_up; /* what the last actions led to at once, as they did not come
				       off; _AGENT_EVENT_INVALID: nothing */
};

/* --- agent.c --- */

/* Moves on by one event, and carries out what follows from it. record: where it came from. */
void agent_happen(struct agent *agent, enum agent_event event, const struct machine *record);

/* First thing in every callback of the loop: what the clock says goes before what anybody else
 * says, for both may have waited together while this process was frozen. False: it is over. */
bool agent_guard(struct agent *agent);

uint64_t agent_now(const struct agent *agent);
/* The last stage: lets the loop go once nothing is on its way any more. */
void agent_leave_if_quiet(struct agent *agent);

/* --- agent-act.c --- */

void agent_act(struct agent *agent, unsigned actions);
/* Last words, for `paddock why`. */
void agent_leave_words(struct agent *agent);
void agent_set_reason(struct agent *agent, const char *format, ...) _printf_(2, 3);

/* --- agent-answer.c --- */

void agent_on_answer(struct errand *errand, void *context);
/* Whether something like it is on its way for this seq. */
bool agent_slot_is_busy(const struct agent *agent, unsigned slot, uint64_t seq);
/* An errand for the present seq; NULL (and a word in the log) when there is no memory. */
struct errand *agent_errand(struct agent *agent, enum errand_kind kind, unsigned slot);
/* Sends it, or says in the log why not. */
void agent_send(struct agent *agent, struct errand *errand);
/* Says once, and once only, that the store has been silent for too long. */
void agent_check_store(struct agent *agent);
void agent_on_late(void *context, const struct channel_request *request);

/* --- agent-time.c --- */

int agent_add_timers(struct agent *agent);
void agent_arm(struct agent *agent, sd_event_source *timer, uint64_t at_usec);
void agent_stop_timers(struct agent *agent);
/* How often it beats in its present state. */
uint64_t agent_period_usec(const struct agent *agent);
/* Sees to it that the next beat comes no later than that. */
void agent_beat_by(struct agent *agent, uint64_t at_usec);
/* The store has taken a beat, or a transition that says as much, sent at that time. */
void agent_said(struct agent *agent, uint64_t sent_usec);
/* A beat did not get through. */
void agent_beat_failed(struct agent *agent);
/* After a step: what has not been said yet is said soon. */
void agent_speak_up(struct agent *agent);
/* Reads the record, unless that is under way already. */
void agent_look(struct agent *agent);
/* What leads to the next look: the doorbell; or time, where there is none, or where the look failed
 * and the bell, which nobody has silenced, would ring at once. */
void agent_look_done(struct agent *agent, bool answered);
void agent_arm_fence(struct agent *agent);
/* Takes over a fresh doorbell. */
void agent_hang_bell(struct agent *agent, int fd);

int agent_add_timer(struct agent *agent, sd_event_source **source, sd_event_time_handler_t handler,
		    const char *description);

/* --- agent-notice.c --- */

int agent_add_notices(struct agent *agent);
/* The event of what is known, with its reason set; told once in each state, and
 * _AGENT_EVENT_INVALID then, as well as when nothing is known. */
enum agent_event agent_standing_notice(struct agent *agent);

/* --- agent-job.c --- */

extern const struct runner_callbacks agent_runner_callbacks;
void agent_start_job(struct agent *agent);
void agent_report_job(struct agent *agent);
void agent_fetch_job(struct agent *agent);
void agent_stop_job(struct agent *agent);
void agent_clean(struct agent *agent);
/* Whether a fetched job is an old one, which is on record as running still because its report has
 * not arrived: that is seen to then, and it must not be started again. */
bool agent_has_handled(struct agent *agent, uint64_t seq, uint64_t number);
/* A fetched job for which there is no use any more is told so. */
void agent_refuse_waiting(struct agent *agent, const char *why);
/* What runs will be killed with us: all that is to be said of jobs is said now. */
void agent_give_up_job(struct agent *agent);

/* --- agent-tell.c --- */

/* After a step: the log line, the fields of later lines, systemd's status line. */
void agent_tell(struct agent *agent, enum agent_state before, enum agent_event event);
void agent_tell_status(const struct agent *agent);
