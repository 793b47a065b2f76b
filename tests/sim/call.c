/* Any external call: its request travels, and its answer; and what may become of both. */

#include <errno.h>
#include <stdio.h>

#include "common/base/fault.h"
#include "tests/sim/sim.h"

#define TRAVEL_MIN_USEC USEC_PER_MSEC
#define TRAVEL_MAX_USEC (60 * USEC_PER_MSEC)
/* After that a caller gives up waiting. */
#define PATIENCE_USEC (5 * USEC_PER_SEC)
/* Late is from so much on, doubled up to LATE_STEPS - 1 times. */
#define LATE_USEC (2 * USEC_PER_SEC)
#define LATE_STEPS 7
/* Most calls only look; what changes something is in trouble more often. */
#define LOOK_PARTS 4
#define FOCUS_PERMILLE 600
/* Frozen for a second, doubled up to FREEZE_STEPS - 1 times. */
#define FREEZE_STEPS 8
#define SLOW_MAX_USEC (15 * USEC_PER_SEC)

static enum fate draw_fate(unsigned flags, int transition)
{
	static const enum fate fates[] = {
		FATE_LOST_REQUEST, FATE_LOST_REPLY,   FATE_LATE,       FATE_TWICE,
		FATE_FREEZE,       FATE_SLOW,         FATE_SLOW_REPLY, FATE_THROTTLED,
		FATE_ERROR,        FATE_CRASH_BEFORE, FATE_CRASH_LATE, FATE_CRASH_AFTER,
	};
	unsigned permille = sim->trouble_permille;
	bool focused = transition >= 0 && transition == sim->focus;
	enum fate fate;

	if (!(flags & CALL_WRITES))
		permille /= LOOK_PARTS;
	if (focused)
		permille = FOCUS_PERMILLE;
	if (sim_is_calm() || permille == 0 || !sim_chance(permille))
		return FATE_FINE;
	fate = fates[sim_pick(ARRAY_SIZE(fates))];
	if (focused && sim_chance(500))
		fate = sim_chance(500) ? FATE_LATE : FATE_TWICE;
	else if (!(sim->fates & 1U << fate))
		return FATE_FINE;
	if (!(flags & CALL_WRITES) &&
	    (fate == FATE_LATE || fate == FATE_TWICE || fate == FATE_CRASH_LATE))
		return FATE_LOST_REPLY;
	return fate;
}

static bool is_away(const struct call *call, unsigned flags)
{
	uint64_t now = sim_now();

	return now < call->actor->cut_until_usec ||
	       ((flags & CALL_STORE) && now < sim->store_away_until_usec) ||
	       ((flags & CALL_FORGE) && now < sim->forge_away_until_usec) ||
	       ((flags & CALL_CLOUD) && now < sim->cloud_away_until_usec);
}

static int dead_end(struct actor *actor, struct fault *fault)
{
	if (++actor->dead_calls > 100000)
		abort(); /* it does not unwind */
	return fault_set(fault, EIO, "killed");
}

static int give_up(struct fault *fault)
{
	sim_sleep(PATIENCE_USEC);
	return fault_set(fault, ETIMEDOUT, "no answer");
}

static uint64_t draw_late_usec(void)
{
	return sim_now() + (LATE_USEC << sim_pick(LATE_STEPS));
}

/* Before it travels. 0: it does. */
static int meet_fate(struct call *call, struct fault *fault)
{
	switch (call->fate) {
	case FATE_CRASH_LATE:
		call->again_usec = draw_late_usec();
		actor_kill(call->actor);
		return dead_end(call->actor, fault);
	case FATE_CRASH_BEFORE:
		actor_kill(call->actor);
		return dead_end(call->actor, fault);
	case FATE_THROTTLED:
		return fault_set(fault, EAGAIN, "too many requests");
	case FATE_ERROR:
		return fault_set(fault, EIO, "internal error");
	case FATE_LOST_REQUEST:
		return give_up(fault);
	case FATE_LATE:
		call->again_usec = draw_late_usec() + PATIENCE_USEC;
		return give_up(fault);
	case FATE_TWICE:
		call->again_usec = draw_late_usec() + TRAVEL_MAX_USEC;
		return 0;
	case FATE_SLOW:
		sim_sleep(sim_between(USEC_PER_SEC, SLOW_MAX_USEC));
		return 0;
	default:
		return 0;
	}
}

static int send(struct call *call, struct actor *actor, unsigned flags, const char *name,
		int transition, struct fault *fault)
{
	static const char *const words[_FATE_MAX] = {
		[FATE_LOST_REQUEST] = "lost request",
		[FATE_LOST_REPLY] = "lost reply",
		[FATE_LATE] = "late",
		[FATE_TWICE] = "twice",
		[FATE_SLOW] = "slow",
		[FATE_SLOW_REPLY] = "slow reply",
		[FATE_THROTTLED] = "throttled",
		[FATE_ERROR] = "error",
		[FATE_CRASH_BEFORE] = "crash before",
		[FATE_CRASH_LATE] = "crash and late",
		[FATE_CRASH_AFTER] = "crash after",
		[FATE_FREEZE] = "freeze",
	};
	int r;

	*call = (struct call){ .actor = actor, .name = name, .sent_usec = sim_now() };
	if (actor->dead)
		return dead_end(actor, fault);
	sim->calls++;
	actor->calls++;
	call->fate = draw_fate(flags, transition);
	if (call->fate != FATE_FINE)
		sim_note("%s: %s: %s", actor->name, name, words[call->fate]);
	r = meet_fate(call, fault);
	if (r < 0)
		return r;

	sim_sleep(sim_between(TRAVEL_MIN_USEC, TRAVEL_MAX_USEC));
	/* Killed on the way: the request may have left, or not. */
	if (actor->dead && sim_pick(2) == 0)
		return dead_end(actor, fault);
	if (!is_away(call, flags))
		return 0;
	sim_sleep(sim_between(USEC_PER_SEC, PATIENCE_USEC));
	return fault_set(fault, sim_pick(2) == 0 ? ETIMEDOUT : EIO, "it cannot be reached");
}

int call_begin(struct call *call, struct actor *actor, unsigned flags, const char *name,
	       struct fault *fault)
{
	return send(call, actor, flags, name, -1, fault);
}

int call_begin_change(struct call *call, struct actor *actor, int transition, struct fault *fault)
{
	return send(call, actor, CALL_STORE | CALL_WRITES, transition_rows[transition].name,
		    transition, fault);
}

int call_end(struct call *call, int r, struct fault *fault)
{
	struct actor *actor = call->actor;

	if (call->fate == FATE_CRASH_AFTER)
		actor_kill(actor);
	if (actor->dead)
		return dead_end(actor, fault);
	if (call->fate == FATE_LOST_REPLY)
		return give_up(fault);
	if (call->fate == FATE_FREEZE) {
		actor_freeze(actor, USEC_PER_SEC << sim_pick(FREEZE_STEPS));
		sim_sleep(1);
	}
	if (call->fate == FATE_SLOW_REPLY)
		sim_sleep(sim_between(USEC_PER_SEC, SLOW_MAX_USEC));
	if (actor->dead)
		return dead_end(actor, fault);
	if (r >= 0 && call->sent_usec > actor->heard_usec)
		actor->heard_usec = call->sent_usec;
	return r;
}
