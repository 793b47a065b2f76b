/* The record and the registration of claim.pml's machine: what they hold, and how they may change. */

/* --- the record: code: common/domain/machine.h machine --- */

mtype = { NONE, CREATED, IDLE, CLAIMED, RUNNING, DRAINING, TERMINATED };
mtype r_st = NONE;
byte r_seq;
byte r_run;     /* 0: nobody's */
byte r_boot;    /* 0: none has spoken */
bit r_last;
bit r_clean;    /* says clean of this seq: code: common/domain/machine.c machine_says */
bit r_failed;   /* says failed */
bit r_healthy;  /* code: common/domain/machine.c machine_is_healthy */

/* How late it is for the present threshold, in the order in which limits pass:
 * IN_TIME, then the threshold, the agent's deadline (code: agent/lifecycle.h AGENT_GRACE_MS), and the
 * reaper's (code: common/domain/transition.h REAP_GRACE_MS). */
#define IN_TIME 0
#define PASSED 1
#define DEADLINE 2
#define REAPABLE 3
byte r_age;

/* --- the registration: code: common/forge/forge.h registration --- */

bit m_there;
byte m_seq;
byte m_taken;   /* by which boot */
bit m_closed;
byte m_number;  /* of the latest job, 0: none yet */
byte m_ticket;  /* whose command it is */
mtype = { QUEUED, STARTED, DONE };
mtype m_job = DONE;

/* --- the agent: code: agent/lifecycle.h agent_state --- */

mtype = { BOOTING, READYING, READY, REGISTERING, ANNOUNCING, LISTENING, BUSY, STOPPING, CLEANING, CLEAN,
	  LEAVING, ENDED, DEAD };
mtype a_st = DEAD;
byte a_boot;
byte a_seq;
byte a_run;
bit a_offered;
bit a_last;
bit a_told;
bit a_met;
bit a_current;  /* the threshold that it knows is the record's */
byte a_handled; /* number of the last job that it started for a_seq */
bit a_frozen;   /* it has not been scheduled for so long that a limit has passed unheeded */
byte a_end;     /* what it writes at its end: FENCED, FAILED, DRAINED */
bit a_dirt;     /* this process has seen a leftover */

bit a_report;   /* how its last job ended is still to be told */

/* What it asks: code: agent/errand.h errand_kind */
mtype = { NOTHING, BEAT, READY_CHANGE, WITHDRAW, DRAIN, TAKE, RUN, REPORT, FETCH, OFFER, END };
mtype x = NOTHING;
byte x_ok;
byte x_stale; /* TAKE, FETCH: -ESTALE */
byte x_number;  /* of the job that has been fetched; its answer may come late. 0: none */
bit x_fresh;    /* asked within three periods: code: agent/fence.c fence_store_is_fresh */
/* --- what really happens on the machine --- */

bit job;           /* a job lives */
bit work;          /* the claim's directory is there */
bit leftover;      /* something of a job may still live */

/* --- the world --- */

bit over[3];       /* the run is refused or closed: code: common/domain/run.h verdict */
byte starts[3];    /* of each run's command */
bit fetched_in_time;
byte crashes, copies, terms, leftovers;
bit v_current;     /* the reaper's look: its threshold is the record's */

/* One request that will be executed once more: code: common/store/store.h store */
mtype = { CLAIM, RENEW };
mtype z = NOTHING;
byte z_seq;
byte z_run;
byte z_boot;
byte z_end;
bit z_last;
bit z_current;

byte ok;
byte ok2;
mtype e = NOTHING; /* scratch, as are ok and ok2 */

/* --- the transition table: code: common/domain/transition-table.c transition_rows --- */

#define FENCED 1
#define FAILED 2
#define DRAINED 3
#define GONE 4
#define EXPIRED 5

#define LIVE (r_st == CREATED || r_st == IDLE || r_st == CLAIMED || r_st == RUNNING || r_st == DRAINING)
#define SAME_BOOT(boot) (r_boot == 0 || r_boot == (boot))

/* A new threshold: whoever knows the old one now knows an old one. */
inline lease()
{
	r_age = IN_TIME;
	a_current = 0;
	v_current = 0;
	z_current = 0
}

/* code: common/domain/transition.c write_testimony */
inline testify(clean, failed, boot)
{
	r_clean = clean;
	r_failed = failed;
	r_boot = boot;
	r_healthy = 1
}

/* code: common/domain/transition-table.c TRANSITION_READY */
inline do_ready(seq, boot, ret)
{
	ret = 0;
	if
	:: r_st == CREATED && r_run == 0 && r_seq == seq && SAME_BOOT(boot) ->
		r_st = IDLE;
		lease();
		testify(0, 0, boot);
		ret = 1
	:: else -> ret = (r_st == IDLE && r_seq == seq && r_run == 0 && SAME_BOOT(boot))
	fi
}

/* Nothing of the last claim may live when the machine is anybody's again. */
inline check_free()
{
	P(3, !job);
	P(3, !leftover)
}

/* code: common/domain/transition-table.c TRANSITION_CLAIM */
inline do_claim(seq, key, ret)
{
	ret = 0;
	if
	:: r_st == IDLE && r_run == 0 && GUARD(claim_seq, r_seq == seq) && r_age == IN_TIME &&
	   !r_last ->
		check_free();
		P(1, a_st != LISTENING && a_st != BUSY);
		r_st = CLAIMED;
		r_seq++;
		r_run = key;
		r_clean = 0;
		lease();
		P(1, r_seq == seq + 1); /* who claims knows the seq */
		ret = 1
	:: else -> ret = ((r_st == CLAIMED || r_st == RUNNING) && r_run == key && r_seq == seq + 1)
	fi
}

/* code: common/domain/transition-table.c TRANSITION_RENEW */
inline do_renew(seq, key)
{
	if
	:: r_st == CLAIMED && r_run == key && r_seq == seq -> lease()
	:: else
	fi
}

/* code: common/domain/transition-table.c TRANSITION_RUN */
inline do_run(seq, key, boot, ret)
{
	ret = 0;
	if
	:: r_st == CLAIMED && GUARD(run_claim, r_run == key && r_seq == seq) && SAME_BOOT(boot) ->
		P(1, r_run == key && r_seq == seq); /* nobody serves another's claim */
		r_st = RUNNING;
		lease();
		testify(0, 0, boot);
		ret = 1
	:: else -> ret = (r_st == RUNNING && r_run == key && r_seq == seq && SAME_BOOT(boot))
	fi
}

/* code: common/domain/transition-table.c TRANSITION_DRAIN; boot 0: not the agent's */
inline do_drain(seq, key, boot, last, ret)
{
	ret = 0;
	if
	:: (r_st == CLAIMED || r_st == RUNNING) && GUARD(drain_claim, r_run == key && r_seq == seq) &&
	   GUARD(late_drain, boot == 0 || SAME_BOOT(boot)) ->
		P(1, r_run == key && r_seq == seq); /* nobody ends another's claim */
		r_st = DRAINING;
		lease();
		r_last = r_last || last;
		if
		:: boot != 0 -> testify(0, 0, boot)
		:: else
		fi;
		ret = 1
	/* code: common/domain/transition.c write_last */
	:: r_st == DRAINING && r_run == key && r_seq == seq ->
		r_last = r_last || last;
		ret = 1
	:: else
	fi
}

/* code: common/domain/transition-table.c TRANSITION_WITHDRAW */
inline do_withdraw(seq, boot, ret)
{
	ret = 0;
	if
	:: (r_st == CREATED || r_st == IDLE) && r_run == 0 && r_seq == seq && SAME_BOOT(boot) ->
		r_st = DRAINING;
		r_last = 1;
		lease();
		testify(0, 0, boot);
		ret = 1
	:: else -> ret = (r_st == DRAINING && r_last && r_seq == seq && r_run == 0)
	fi
}

/* code: common/domain/transition-table.c TRANSITION_OFFER */
inline do_offer(seq, boot, clean, ret)
{
	ret = 0;
	if
	:: r_st == DRAINING && GUARD(offer_seq, r_seq == seq) && GUARD(offer_last, !r_last) &&
	   clean && GUARD(boot, SAME_BOOT(boot)) ->
		check_free();
		P(6, !r_last); /* what is marked never comes back */
		r_st = IDLE;
		r_run = 0;
		lease();
		testify(1, 0, boot);
		ret = 1
	:: else -> ret = (r_st == IDLE && r_seq == seq && r_run == 0 && SAME_BOOT(boot))
	fi
}

/* Whether a job lives that nobody has a right to end: its agent is awake and knows how long. */
#define RIGHTFUL (job && !a_frozen && a_current && r_age < DEADLINE && a_st != DEAD && a_st != ENDED)

/* code: common/domain/transition-table.c TRANSITION_TERMINATE, common/domain/transition.c has_ended */
inline do_terminate(seq, current, end, boot, clean, ret)
{
	ret = 0;
	if
	:: LIVE && GUARD(threshold, r_seq == seq && current) &&
	   ((end == EXPIRED && (r_age == REAPABLE || UNGUARD(grace, r_age == DEADLINE))) ||
	    (end == FAILED && (r_failed || (boot != 0 && SAME_BOOT(boot)))) ||
	    (end == FENCED && boot != 0 && SAME_BOOT(boot)) ||
	    (end == DRAINED && r_st == DRAINING && r_last && (r_clean || (clean && SAME_BOOT(boot)))) ||
	    end == GONE) ->
		P(5, end != GONE || !RIGHTFUL);
		P(5, end != EXPIRED || !job || a_frozen || !a_current); /* the agent goes first */
		P(3, end != DRAINED || !job);
		r_st = TERMINATED;
		r_seq++;
		r_clean = 0;
		r_failed = 0;
		r_healthy = 0;
		r_last = 0;
		ret = 1
	:: else
	fi
}

/* --- the registration: each verb is one conditional update of one item:
 * code: common/forge/forge-none.c edit --- */

/* code: common/forge/forge-none.c edit_offer */
inline offer_registration(seq)
{
	if
	:: !m_there || m_seq < seq ->
		m_there = 1;
		m_seq = seq;
		m_taken = 0;
		m_closed = 0;
		m_number = 0;
		m_ticket = 0;
		m_job = DONE
	:: else
	fi
}

/* code: common/forge/forge-none.c edit_withdraw */
inline withdraw_registration(seq, force, ret)
{
	ret = 1;
	offer_registration(seq);
	if
	:: m_seq > seq || m_closed
	:: else ->
		if
		:: m_job == STARTED && !force -> ret = 0
		:: else ->
			m_closed = 1;
			if
			:: m_job == QUEUED -> m_job = DONE
			:: else
			fi
		fi
	fi
}

/* code: common/forge/forge-none.c edit_submit */
inline submit(seq, key)
{
	if
	:: m_there && m_seq == seq && !m_closed && m_job == DONE &&
	   GUARD(ticket, m_ticket != key) ->
		m_number++;
		m_ticket = key;
		m_job = QUEUED
	:: else
	fi
}

/* code: common/forge/forge-none.c edit_take */
inline take(seq, boot, ret, stale)
{
	ret = 0;
	stale = 0;
	if
	:: !m_there || m_seq < seq /* FORGE_NOT_YET */
	:: m_there && (m_seq > seq || (m_seq == seq && m_closed)) -> stale = 1
	:: m_there && m_seq == seq && !m_closed ->
		if
		:: m_taken == 0 || m_taken == boot ->
			m_taken = boot;
			ret = 1
		:: else -> stale = 1
		fi
	fi
}

/* code: common/forge/forge-none.c edit_start_job */
inline fetch(seq, boot, ret, stale)
{
	ret = 0;
	stale = 0;
	if
	:: !m_there || m_seq < seq
	:: m_there && (m_seq > seq || (m_seq == seq && ((m_closed && !IS_BROKEN(closed)) || m_taken != boot))) ->
		stale = 1
	:: else ->
		if
		:: m_job != DONE ->
			m_job = STARTED;
			ret = 1
		:: else
		fi
	fi
}
