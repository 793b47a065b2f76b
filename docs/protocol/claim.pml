/*
 * One machine: its record, its registration, its agent through several boots, two runs that want it,
 * a reaper, a clock, and one request that is executed a second time whenever it likes.
 *
 * Requests are separate from the looks that led to them, may be lost before they are executed, and
 * their answers after. A process that is not scheduled is a process that is frozen. Time is the order
 * in which limits pass (see `age`). README.md tells what is left out.
 *
 * A guard that can be taken out is written GUARD(name, condition).
 */

#include "settings.pml"
#include "machine.pml"
#include "agent.pml"

/* --- everybody else --- */

/* code: common/store/store.h store_ops */
active proctype Again()
{
end:
	do
	:: atomic { z == READY_CHANGE -> do_ready(z_seq, z_boot, ok); z = NOTHING; ok = 0 }
	:: atomic { z == CLAIM -> do_claim(z_seq, z_run, ok); z = NOTHING; ok = 0 }
	:: atomic { z == RENEW -> do_renew(z_seq, z_run); z = NOTHING; ok = 0 }
	:: atomic { z == RUN -> do_run(z_seq, z_run, z_boot, ok); z = NOTHING; ok = 0 }
	:: atomic { z == DRAIN -> do_drain(z_seq, z_run, z_boot, z_last, ok); z = NOTHING; ok = 0 }
	:: atomic { z == WITHDRAW -> do_withdraw(z_seq, z_boot, ok); z = NOTHING; ok = 0 }
	:: atomic { z == OFFER -> do_offer(z_seq, z_boot, 1, ok); z = NOTHING; ok = 0 }
	:: atomic { z == END ->
		do_terminate(z_seq, z_current, z_end, z_boot, z_end == DRAINED, ok);
		z = NOTHING; ok = 0 }
	od
}

/* Limits pass in their order; an agent that a limit finds asleep was frozen. Time does not pass over
 * what takes milliseconds: the killing of a dead agent's job. */
#define ASLEEP (a_current && ALIVE)
active proctype Clock()
{
end:
	do
	:: atomic { CLOCK && LIVE && r_age < DEADLINE -> r_age++ }
	:: atomic { LIVE && r_age == DEADLINE && !(job && !ALIVE) ->
		r_age = REAPABLE;
		a_frozen = a_frozen || ASLEEP;
		/* 3 periods are less than any lease and the reaper's grace together. */
		if
		:: !a_current || a_frozen -> x_fresh = 0
		:: else
		fi }
	:: atomic { x_fresh -> x_fresh = 0 }
	:: atomic { r_healthy && CRASHES > 0 -> r_healthy = 0 }
	od
}

#define DRAIN_IT 6

/* code: controller/refresh.c refresh_run; the look and the judgement (refresh_judge) are one step.
 * No answer from the provider is not "gone": code: controller/refresh.c ask_presence */
#define IS_GONE (!ALIVE && !job && a_boot > 0)
#define IS_DRAINED (r_st == DRAINING && r_last && r_clean)
#define IS_EXPIRED (r_age == REAPABLE || UNGUARD(grace, r_age == DEADLINE))
#define IS_OVER (r_run != 0 && over[r_run] && (r_st == CLAIMED || r_st == RUNNING))

inline judge(verdict)
{
	v = verdict;
	v_seq = r_seq;
	v_run = r_run;
	v_current = 1
}

inline judged()
{
	v = 0;
	v_seq = 0;
	v_run = 0;
	v_current = 0
}

active proctype Refresh()
{
	byte v, v_seq, v_run;

end:
	do
	:: atomic { REFRESH && LIVE && IS_GONE -> judge(GONE) } goto act
	:: atomic { LIVE && r_failed -> judge(FAILED) } goto act
	:: atomic { REFRESH && LIVE && IS_DRAINED -> judge(DRAINED) } goto act
	:: atomic { REFRESH && LIVE && IS_EXPIRED -> judge(EXPIRED) } goto act
	:: atomic { REFRESH && LIVE && IS_OVER -> judge(DRAIN_IT) } goto act
	/* code: controller/provider/provider-local.c local_teardown */
	:: atomic { r_st == TERMINATED && ALIVE -> leave() }
	od;
act:
	/* code: controller/refresh.c withdraw, end_one */
	atomic {
		withdraw_registration(v_seq, (v != DRAIN_IT), ok2);
		if
		:: v == DRAIN_IT && ok2 -> do_drain(v_seq, v_run, 0, 0, ok)
		:: v == DRAIN_IT && !ok2
		:: v != DRAIN_IT -> do_terminate(v_seq, v_current, v, 0, 0, ok)
		:: true /* killed in between */
		fi;
		judged();
		ok = 0;
		ok2 = 0;
		goto end
	}
}

/* A run: provision and release, killed and started again at any point.
 * code: controller/provision/provision.c provision_run, controller/release.c release_run */
proctype Run(byte k)
{
	byte c_seq, asked;
	bit done;

begin:
	if
	:: atomic { !over[k] && r_run == k && LIVE -> c_seq = r_seq } goto held
	/* code: controller/provision/select.c provision_select */
	:: atomic { !over[k] && r_st == IDLE && r_seq < CLAIMS -> c_seq = r_seq } goto claim
	/* code: controller/provision/launch.c enter_new, TRANSITION_LAUNCH */
	:: atomic { !over[k] && r_st == NONE ->
		r_st = CLAIMED; r_seq = 1; r_run = k; lease(); c_seq = 1 } goto held
	:: goto release
	fi;
claim:
	if
	:: atomic { do_claim(c_seq, k, ok);
		if
		:: ok -> c_seq++; ok = 0
		:: else -> c_seq = 0; goto begin
		fi }
	:: atomic { copies < COPIES -> copy(CLAIM, c_seq, k, 0, 0, 0, 0); c_seq = 0 } goto begin
	fi;
held:
	do
	/* code: controller/provision/select.c provision_register */
	:: atomic { true -> offer_registration(c_seq) }
	/* code: controller/provision/select.c provision_renew */
	:: atomic { true -> do_renew(c_seq, k) }
	/* code: controller/follow.c follow_submit; without an answer it is asked again */
	:: atomic { k <= JOBS && asked < ASKS -> asked++; submit(c_seq, k) }
	/* code: controller/provision/post.c provision_let_go */
	:: atomic { true ->
		if
		:: !IS_BROKEN(withdraw_first) -> withdraw_registration(c_seq, 1, done)
		:: else
		fi }
		if
		:: atomic { true -> do_drain(c_seq, k, 0, 1, ok); ok = 0 }
		:: atomic { true -> do_drain(c_seq, k, 0, 0, ok); ok = 0 }
		:: true /* killed in between */
		fi;
		break
	:: break
	od;
	if
	:: c_seq = 0; goto begin
	:: goto release
	fi;
release:
	/* code: controller/release.c close_run */
	over[k] = 1;
	do
	/* code: controller/release.c drain */
	:: atomic { r_run == k && LIVE && r_st != DRAINING ->
		c_seq = r_seq;
		done = 1;
		if
		:: IS_BROKEN(withdraw_first)
		:: !IS_BROKEN(withdraw_first) -> withdraw_registration(c_seq, 0, done)
		:: !IS_BROKEN(withdraw_first) -> withdraw_registration(c_seq, 1, done)
		fi }
		if
		:: atomic { done -> do_drain(c_seq, k, 0, 0, ok); ok = 0 }
		:: true
		fi
	:: r_run != k || !LIVE -> break
	od
}

init {
	atomic {
		/* code: controller/provision/warm.c replay, TRANSITION_CREATE */
		if
		:: BIRTHS != 1 -> r_st = CREATED
		:: BIRTHS != 0 /* for a run, or never */
		fi;
		run Run(1);
		if
		:: RUNS > 1 -> run Run(2)
		:: else
		fi
	}
}
