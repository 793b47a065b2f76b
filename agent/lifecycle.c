/*
 * Reading the table: a row is a state, a cell what an event does to it. An empty cell means that
 * the event is no news there: beats go on, and the record will be seen again.
 *
 * Four rules shape it. Whatever was begun under a seq is ended before anything is written about
 * that seq's end (STOPPING, CLEANING, then CLEAN). A record that is not ours any more is never
 * written to: FOREIGN and TERMINATED lead straight to the exit, which kills what still runs. A
 * refused write decides nothing: the record that refused it comes as the next event. And a write
 * whose answer was lost is repeated when a record shows that it did not happen, so every state that
 * follows a write has a cell for the record as it was before.
 *
 * A machine that has been offered may be claimed while it is being withdrawn. That claim is adopted
 * and drained by name, so that whoever made it looks elsewhere at once instead of waiting for beats
 * to go stale.
 */

#include "agent/lifecycle.h"

#include <errno.h>
#include <string.h>

const char *const agent_state_names[_AGENT_STATE_MAX + 1] = {
	[AGENT_BOOTING] = "booting",
	[AGENT_READYING] = "readying",
	[AGENT_READY] = "ready",
	[AGENT_REGISTERING] = "registering",
	[AGENT_ANNOUNCING] = "announcing",
	[AGENT_LISTENING] = "listening",
	[AGENT_BUSY] = "busy",
	[AGENT_STOPPING] = "stopping",
	[AGENT_CLEANING] = "cleaning",
	[AGENT_CLEAN] = "clean",
	[AGENT_LEAVING] = "leaving",
	[AGENT_ENDED] = "ended",
};

const char *const agent_event_names[_AGENT_EVENT_MAX + 1] = {
	[EVENT_RECORD_NONE] = "record none",
	[EVENT_RECORD_CREATED] = "record created",
	[EVENT_RECORD_IDLE] = "record idle",
	[EVENT_RECORD_CLAIMED] = "record claimed",
	[EVENT_RECORD_HELD] = "record held",
	[EVENT_RECORD_RUNNING] = "record running",
	[EVENT_RECORD_DRAINING] = "record draining",
	[EVENT_RECORD_TERMINATED] = "record terminated",
	[EVENT_RECORD_FOREIGN] = "record foreign",
	[EVENT_TAKEN] = "taken",
	[EVENT_TAKE_FAILED] = "take failed",
	[EVENT_JOB_WAITING] = "job waiting",
	[EVENT_JOB_ENDED] = "job ended",
	[EVENT_STOPPED] = "stopped",
	[EVENT_CLEANED] = "cleaned",
	[EVENT_DIRTY] = "dirty",
	[EVENT_WRITTEN] = "written",
	[EVENT_TERM] = "term",
	[EVENT_NOTICE] = "notice",
	[EVENT_REBALANCE] = "rebalance",
	[EVENT_THRESHOLD] = "threshold",
	[EVENT_DEADLINE] = "deadline",
};

#define GO(state_, actions_)                                         \
	{                                                            \
		.next = (state_), .actions = (actions_), .set = true \
	}
#define END(state_, actions_, ending_)                                                    \
	{                                                                                 \
		.next = (state_), .actions = (actions_), .ending = (ending_), .set = true \
	}

/* Cells that are the same wherever a claim is served. */
#define SERVED_ROWS                                                                        \
	[EVENT_RECORD_NONE] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),                \
	[EVENT_RECORD_TERMINATED] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),          \
	[EVENT_RECORD_FOREIGN] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),             \
	[EVENT_RECORD_IDLE] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),                \
	[EVENT_RECORD_DRAINING] = GO(AGENT_STOPPING, ACTION_STOP),                         \
	[EVENT_TERM] = GO(AGENT_STOPPING, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_STOP), \
	[EVENT_THRESHOLD] = GO(AGENT_STOPPING, ACTION_WRITE_DRAIN | ACTION_STOP),          \
	[EVENT_DEADLINE] = END(AGENT_ENDED, ACTION_WRITE_END | ACTION_EXIT, ENDING_FENCED)

/* What will be taken away takes no new work. */
#define DRAIN_ON_NOTICE \
	[EVENT_NOTICE] = GO(AGENT_STOPPING, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_STOP)
#define WITHDRAW_ON(event_) \
	[event_] = GO(AGENT_STOPPING, ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP)
#define LAST_ON(event_, state_) [event_] = GO(state_, ACTION_LAST)
/* What is being ended is ended for good. */
#define ENDING_ON_NOTICE(state_)                                       \
	[EVENT_NOTICE] = GO(state_, ACTION_LAST | ACTION_WRITE_DRAIN), \
	[EVENT_REBALANCE] = GO(state_, ACTION_LAST | ACTION_WRITE_DRAIN)

/* Once a claim is being ended, only the proof of it and the last deadline count. */
#define ENDING_ROWS                                                               \
	[EVENT_RECORD_NONE] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),       \
	[EVENT_RECORD_TERMINATED] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED), \
	[EVENT_RECORD_FOREIGN] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),    \
	[EVENT_DIRTY] = END(AGENT_LEAVING, ACTION_WRITE_END, ENDING_FAILED),      \
	[EVENT_DEADLINE] = END(AGENT_ENDED, ACTION_WRITE_END | ACTION_EXIT, ENDING_FAILED)

/* While it is being stopped or cleaned: what the record should say by now, said again. */
#define RESAID_ROWS(state_)                                                      \
	[EVENT_RECORD_CREATED] = GO(state_, ACTION_WRITE_WITHDRAW),              \
	[EVENT_RECORD_IDLE] = GO(state_, ACTION_WRITE_WITHDRAW),                 \
	[EVENT_RECORD_HELD] = GO(state_, ACTION_WRITE_DRAIN),                    \
	[EVENT_RECORD_CLAIMED] = GO(state_, ACTION_ADOPT | ACTION_WRITE_DRAIN),  \
	[EVENT_RECORD_DRAINING] = GO(state_, ACTION_ADOPT | ACTION_WRITE_DRAIN), \
	[EVENT_TERM] = GO(state_, ACTION_LAST | ACTION_WRITE_DRAIN)

const struct lifecycle_row lifecycle_rows[_AGENT_STATE_MAX][_AGENT_EVENT_MAX] = {
	[AGENT_BOOTING] = {
		/* No record yet: the controller writes it after the launch. Wait until boot time. */
		[EVENT_RECORD_CREATED] = GO(AGENT_READYING, ACTION_ADOPT | ACTION_WRITE_READY),
		[EVENT_RECORD_IDLE] = GO(AGENT_READY, ACTION_ADOPT),
		[EVENT_RECORD_CLAIMED] = GO(AGENT_REGISTERING, ACTION_ADOPT | ACTION_TAKE),
		/* An earlier agent died over a claim, and its runner with it. */
		[EVENT_RECORD_RUNNING] = GO(AGENT_STOPPING, ACTION_ADOPT | ACTION_LAST |
								    ACTION_WRITE_DRAIN |
								    ACTION_STOP),
		[EVENT_RECORD_DRAINING] = GO(AGENT_STOPPING, ACTION_ADOPT | ACTION_STOP),
		[EVENT_RECORD_TERMINATED] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_RECORD_FOREIGN] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_TERM] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		/* The record that is to be drained has not been seen. */
		LAST_ON(EVENT_NOTICE, AGENT_BOOTING),
		LAST_ON(EVENT_REBALANCE, AGENT_BOOTING),
		[EVENT_DEADLINE] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
	},
	[AGENT_READYING] = {
		[EVENT_WRITTEN] = GO(AGENT_READY, 0),
		[EVENT_RECORD_NONE] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_RECORD_CREATED] = GO(AGENT_READYING, ACTION_WRITE_READY),
		[EVENT_RECORD_IDLE] = GO(AGENT_READY, 0),
		[EVENT_RECORD_CLAIMED] = GO(AGENT_REGISTERING, ACTION_ADOPT | ACTION_TAKE),
		[EVENT_RECORD_DRAINING] = GO(AGENT_STOPPING, ACTION_ADOPT | ACTION_STOP),
		[EVENT_RECORD_TERMINATED] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_RECORD_FOREIGN] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_TERM] = GO(AGENT_STOPPING,
				  ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP),
		WITHDRAW_ON(EVENT_NOTICE),
		WITHDRAW_ON(EVENT_REBALANCE),
		[EVENT_THRESHOLD] = GO(AGENT_STOPPING,
				       ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP),
		[EVENT_DEADLINE] = END(AGENT_ENDED, ACTION_WRITE_END | ACTION_EXIT, ENDING_FENCED),
	},
	[AGENT_READY] = {
		[EVENT_RECORD_NONE] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_RECORD_CLAIMED] = GO(AGENT_REGISTERING, ACTION_ADOPT | ACTION_TAKE),
		/* Claimed and rolled back between two looks. */
		[EVENT_RECORD_DRAINING] = GO(AGENT_STOPPING, ACTION_ADOPT | ACTION_STOP),
		[EVENT_RECORD_TERMINATED] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_RECORD_FOREIGN] = END(AGENT_ENDED, ACTION_EXIT, ENDING_FENCED),
		[EVENT_TERM] = GO(AGENT_STOPPING,
				  ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP),
		WITHDRAW_ON(EVENT_NOTICE),
		WITHDRAW_ON(EVENT_REBALANCE),
		[EVENT_THRESHOLD] = GO(AGENT_STOPPING,
				       ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP),
		[EVENT_DEADLINE] = END(AGENT_ENDED, ACTION_WRITE_END | ACTION_EXIT, ENDING_FENCED),
	},
	[AGENT_REGISTERING] = {
		SERVED_ROWS,
		DRAIN_ON_NOTICE,
		LAST_ON(EVENT_REBALANCE, AGENT_REGISTERING),
		[EVENT_RECORD_HELD] = GO(AGENT_REGISTERING, ACTION_TAKE),
		[EVENT_TAKEN] = GO(AGENT_ANNOUNCING, ACTION_WRITE_RUN),
		[EVENT_TAKE_FAILED] = GO(AGENT_STOPPING, ACTION_WRITE_DRAIN | ACTION_STOP),
	},
	[AGENT_ANNOUNCING] = {
		SERVED_ROWS,
		DRAIN_ON_NOTICE,
		LAST_ON(EVENT_REBALANCE, AGENT_ANNOUNCING),
		[EVENT_WRITTEN] = GO(AGENT_LISTENING, ACTION_FETCH),
		[EVENT_RECORD_HELD] = GO(AGENT_ANNOUNCING, ACTION_WRITE_RUN),
	},
	[AGENT_LISTENING] = {
		SERVED_ROWS,
		DRAIN_ON_NOTICE,
		LAST_ON(EVENT_REBALANCE, AGENT_LISTENING),
		[EVENT_RECORD_HELD] = GO(AGENT_LISTENING, ACTION_FETCH),
		[EVENT_JOB_WAITING] = GO(AGENT_BUSY, ACTION_START),
		[EVENT_TAKE_FAILED] = GO(AGENT_STOPPING, ACTION_WRITE_DRAIN | ACTION_STOP),
	},
	[AGENT_BUSY] = {
		SERVED_ROWS,
		LAST_ON(EVENT_NOTICE, AGENT_BUSY),
		LAST_ON(EVENT_REBALANCE, AGENT_BUSY),
		[EVENT_JOB_ENDED] = GO(AGENT_LISTENING, ACTION_REPORT | ACTION_FETCH),
	},
	[AGENT_STOPPING] = {
		ENDING_ROWS,
		RESAID_ROWS(AGENT_STOPPING),
		ENDING_ON_NOTICE(AGENT_STOPPING),
		/* A job that was fetched when the end came: it is told, and never started. */
		[EVENT_JOB_WAITING] = GO(AGENT_STOPPING, ACTION_REPORT),
		[EVENT_JOB_ENDED] = GO(AGENT_STOPPING, ACTION_REPORT),
		[EVENT_STOPPED] = GO(AGENT_CLEANING, ACTION_CLEAN),
	},
	[AGENT_CLEANING] = {
		ENDING_ROWS,
		RESAID_ROWS(AGENT_CLEANING),
		ENDING_ON_NOTICE(AGENT_CLEANING),
		[EVENT_JOB_WAITING] = GO(AGENT_CLEANING, ACTION_REPORT),
		[EVENT_CLEANED] = GO(AGENT_CLEAN, ACTION_WRITE_OFFER),
	},
	[AGENT_CLEAN] = {
		ENDING_ROWS,
		[EVENT_WRITTEN] = GO(AGENT_READY, 0),
		[EVENT_RECORD_IDLE] = GO(AGENT_READY, 0),
		/* The offer went through although its answer was lost, and was taken at once. */
		[EVENT_RECORD_CLAIMED] = GO(AGENT_REGISTERING, ACTION_ADOPT | ACTION_TAKE),
		/* Our own drain was lost: say it again, then offer. */
		[EVENT_RECORD_HELD] = GO(AGENT_CLEAN, ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER),
		/* A later seq: taken and rolled back before we heard; nothing ran under it. */
		[EVENT_RECORD_DRAINING] = GO(AGENT_CLEAN, ACTION_ADOPT | ACTION_WRITE_OFFER),
		[EVENT_TERM] = GO(AGENT_CLEAN, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER),
		[EVENT_NOTICE] = GO(AGENT_CLEAN, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER),
		[EVENT_REBALANCE] = GO(AGENT_CLEAN, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER),
	},
	[AGENT_LEAVING] = {
		[EVENT_WRITTEN] = GO(AGENT_ENDED, ACTION_EXIT),
		[EVENT_RECORD_NONE] = GO(AGENT_ENDED, ACTION_EXIT),
		[EVENT_RECORD_TERMINATED] = GO(AGENT_ENDED, ACTION_EXIT),
		[EVENT_RECORD_FOREIGN] = GO(AGENT_ENDED, ACTION_EXIT),
		/* The end is accepted from draining and last, with the threshold as it stands then. */
		[EVENT_RECORD_CREATED] = GO(AGENT_LEAVING,
					    ACTION_WRITE_WITHDRAW | ACTION_WRITE_END),
		[EVENT_RECORD_IDLE] = GO(AGENT_LEAVING, ACTION_WRITE_WITHDRAW | ACTION_WRITE_END),
		[EVENT_RECORD_HELD] = GO(AGENT_LEAVING, ACTION_WRITE_DRAIN | ACTION_WRITE_END),
		[EVENT_RECORD_CLAIMED] = GO(AGENT_LEAVING, ACTION_ADOPT | ACTION_WRITE_DRAIN |
								   ACTION_WRITE_END),
		[EVENT_RECORD_DRAINING] = GO(AGENT_LEAVING, ACTION_ADOPT | ACTION_WRITE_DRAIN |
								    ACTION_WRITE_END),
		[EVENT_DEADLINE] = GO(AGENT_ENDED, ACTION_EXIT),
	},
	[AGENT_ENDED] = {},
};

/* What a seq beyond ours means. Only we write idle and running, and only who was offered can be
 * claimed: anything else is the work of another agent. */
static int classify_newer(const struct lifecycle *life, const struct machine *record)
{
	bool booting = life->state == AGENT_BOOTING;

	switch (record->state) {
	case MACHINE_CREATED:
		return booting ? EVENT_RECORD_CREATED : EVENT_RECORD_FOREIGN;
	case MACHINE_IDLE:
		return booting ? EVENT_RECORD_IDLE : EVENT_RECORD_FOREIGN;
	case MACHINE_CLAIMED:
		return booting || life->offered ? EVENT_RECORD_CLAIMED : EVENT_RECORD_FOREIGN;
	case MACHINE_RUNNING:
		return booting ? EVENT_RECORD_RUNNING : EVENT_RECORD_FOREIGN;
	case MACHINE_DRAINING:
		return booting || life->offered ? EVENT_RECORD_DRAINING : EVENT_RECORD_FOREIGN;
	default:
		return -EINVAL;
	}
}

int lifecycle_classify(const struct lifecycle *life, const struct machine *record)
{
	if (record->state == MACHINE_NONE)
		return EVENT_RECORD_NONE;
	if (record->boot_id[0] && strcmp(record->boot_id, life->boot_id) != 0)
		return EVENT_RECORD_FOREIGN;
	if (record->seq < life->seq)
		return -EAGAIN;
	if (record->state == MACHINE_TERMINATED)
		return EVENT_RECORD_TERMINATED;
	if (record->seq > life->seq)
		return classify_newer(life, record);

	switch (record->state) {
	case MACHINE_CREATED:
		return EVENT_RECORD_CREATED;
	case MACHINE_IDLE:
		return EVENT_RECORD_IDLE;
	case MACHINE_CLAIMED:
	case MACHINE_RUNNING:
		return EVENT_RECORD_HELD;
	case MACHINE_DRAINING:
		return EVENT_RECORD_DRAINING;
	default:
		return -EINVAL;
	}
}

/* What is known to be last must end at the end of its claim: the offer becomes the end. */
static unsigned end_instead_of_offer(struct lifecycle *life, unsigned actions)
{
	if (!(actions & ACTION_WRITE_OFFER) || !life->last)
		return actions;

	life->state = AGENT_LEAVING;
	life->ending = ENDING_DRAINED;
	return (actions & ~(unsigned)ACTION_WRITE_OFFER) | ACTION_WRITE_END;
}

/* What is last before it was ever idle is withdrawn, never offered. */
static unsigned withdraw_instead_of_ready(struct lifecycle *life, unsigned actions)
{
	if (!(actions & ACTION_WRITE_READY) || !life->last)
		return actions;

	life->state = AGENT_STOPPING;
	return (actions & ~(unsigned)ACTION_WRITE_READY) | ACTION_WRITE_WITHDRAW | ACTION_STOP;
}

unsigned lifecycle_step(struct lifecycle *life, enum agent_event event,
			const struct machine *record)
{
	const struct lifecycle_row *row = &lifecycle_rows[life->state][event];
	unsigned actions = row->actions & ~(unsigned)(ACTION_ADOPT | ACTION_LAST);

	if (!row->set)
		return 0;

	life->state = row->next;
	if (row->ending != ENDING_NONE)
		life->ending = row->ending;
	if (row->actions & ACTION_LAST)
		life->last = true;
	if (record)
		life->last = life->last || record->last;
	if (record && row->actions & ACTION_ADOPT) {
		life->seq = record->seq;
		life->offered = record->state == MACHINE_IDLE;
	}
	if (row->actions & (ACTION_WRITE_READY | ACTION_WRITE_OFFER) && !life->last)
		life->offered = true;
	return end_instead_of_offer(life, withdraw_instead_of_ready(life, actions));
}

enum transition lifecycle_awaits(const struct lifecycle *life)
{
	switch (life->state) {
	case AGENT_READYING:
		return TRANSITION_READY;
	case AGENT_ANNOUNCING:
		return TRANSITION_RUN;
	case AGENT_CLEAN:
		return TRANSITION_OFFER;
	case AGENT_LEAVING:
		return TRANSITION_TERMINATE;
	default:
		return _TRANSITION_INVALID;
	}
}

enum machine_phase lifecycle_phase(const struct lifecycle *life)
{
	static const enum machine_phase phases[_AGENT_STATE_MAX] = {
		[AGENT_BOOTING] = PHASE_BOOTING,
		[AGENT_READYING] = PHASE_BOOTING,
		[AGENT_READY] = PHASE_READY,
		[AGENT_REGISTERING] = PHASE_REGISTERING,
		[AGENT_ANNOUNCING] = PHASE_REGISTERING,
		[AGENT_LISTENING] = PHASE_LISTENING,
		[AGENT_BUSY] = PHASE_BUSY,
		[AGENT_STOPPING] = PHASE_DRAINING,
		[AGENT_CLEANING] = PHASE_DRAINING,
		[AGENT_CLEAN] = PHASE_CLEAN,
	};

	if (life->state == AGENT_LEAVING || life->state == AGENT_ENDED)
		return life->ending == ENDING_DRAINED ? PHASE_CLEAN : PHASE_FAILED;
	return phases[life->state];
}

bool lifecycle_may_start(const struct lifecycle *life)
{
	return life->state == AGENT_LISTENING || life->state == AGENT_BUSY;
}

static void print_actions(unsigned actions, FILE *to)
{
	static const char *const names[] = {
		"adopt", "last",      "write ready", "write withdraw", "write drain",
		"take",  "write run", "report",      "fetch",          "start",
		"stop",  "clean",     "write offer", "write end",      "exit",
	};
	const char *separator = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(actions & 1u << i))
			continue;
		fprintf(to, "%s%s", separator, names[i]);
		separator = ", ";
	}
}

void lifecycle_print(FILE *to)
{
	fputs("| state | event | next | actions |\n|---|---|---|---|\n", to);
	for (size_t s = 0; s < _AGENT_STATE_MAX; s++) {
		for (size_t e = 0; e < _AGENT_EVENT_MAX; e++) {
			const struct lifecycle_row *row = &lifecycle_rows[s][e];

			if (!row->set)
				continue;
			fprintf(to, "| %s | %s | %s | ", agent_state_names[s], agent_event_names[e],
				agent_state_names[row->next]);
			print_actions(row->actions, to);
			fputs(" |\n", to);
		}
	}
}
