/* The agent of claim.pml's machine. */

inline clear()
{
	ok = 0;
	ok2 = 0;
	e = NOTHING;
	x = NOTHING;
	x_ok = 0;
	x_stale = 0
}

/* --- the agent --- */

#define ALIVE (a_st != DEAD && a_st != ENDED)
#define SERVING (a_st == REGISTERING || a_st == ANNOUNCING || a_st == LISTENING || a_st == BUSY)
#define DRAINS (a_st == STOPPING || a_st == CLEANING || a_st == CLEAN)
/* code: agent/agent.c agent_guard: what the clock says goes first. */
#define CALM (ALIVE && (!a_current || GUARD(deadline, r_age == IN_TIME || (r_age == PASSED && a_told))))

inline drop_answer()
{
	x_number = 0;
	x_fresh = 0;
	fetched_in_time = 0
}

inline forget_all()
{
	a_seq = 0;
	a_run = 0;
	a_offered = 0;
	a_last = 0;
	a_told = 0;
	a_met = 0;
	a_current = 0;
	a_handled = 0;
	a_frozen = 0;
	a_end = 0;
	a_dirt = 0;
	a_report = 0;
	drop_answer()
}

/* code: agent/agent.c begin_to_leave, agent/runner/runner-spawn.c spawn_free */
inline leave()
{
	a_st = ENDED;
	job = 0;
	forget_all()
}

/* code: agent/lifecycle.c lifecycle_step, ACTION_ADOPT */
inline adopt()
{
	if
	:: a_seq != r_seq -> a_handled = 0
	:: else
	fi;
	a_seq = r_seq;
	a_offered = (r_st == IDLE)
}

/* code: agent/lifecycle.c end_instead_of_offer */
inline want_offer()
{
	if
	:: a_last ->
		a_st = LEAVING;
		a_end = DRAINED
	:: else ->
		a_offered = 1
	fi
}

/* code: agent/lifecycle.c lifecycle_classify, classify_newer */
mtype = { E_NONE, E_CREATED, E_IDLE, E_CLAIMED, E_HELD, E_RUNNING, E_DRAINING, E_TERMINATED, E_FOREIGN, E_OLD };
inline classify()
{
	if
	:: r_st == NONE -> e = E_NONE
	:: r_st != NONE && r_boot != 0 && r_boot != a_boot -> e = E_FOREIGN
	:: else ->
		if
		:: r_seq < a_seq -> e = E_OLD
		:: r_seq >= a_seq && r_st == TERMINATED -> e = E_TERMINATED
		:: r_seq > a_seq && r_st != TERMINATED ->
			if
			:: r_st == CLAIMED && (a_st == BOOTING || a_offered) ->
				e = E_CLAIMED
			:: r_st == DRAINING && (a_st == BOOTING || a_offered) ->
				e = E_DRAINING
			:: r_st == RUNNING && a_st == BOOTING -> e = E_RUNNING
			:: r_st == IDLE && a_st == BOOTING -> e = E_IDLE
			:: else -> e = E_FOREIGN
			fi
		:: r_seq == a_seq && r_st != TERMINATED ->
			if
			:: r_st == CREATED -> e = E_CREATED
			:: r_st == IDLE -> e = E_IDLE
			:: r_st == CLAIMED || r_st == RUNNING -> e = E_HELD
			:: r_st == DRAINING -> e = E_DRAINING
			fi
		fi
	fi
}

/* code: agent/agent-answer.c read_record, agent/fence.c fence_read */
inline read_record()
{
	if
	:: e == E_NONE || e == E_FOREIGN || e == E_OLD
	:: else ->
		a_run = r_run;
		a_last = a_last || r_last;
		if
		:: r_st == TERMINATED || a_current
		:: else ->
			a_told = 0;
			a_current = 1;
			/* It was cut off, and acts at its next step. */
			a_frozen = (r_age == REAPABLE)
		fi
	fi
}

/* code: agent/lifecycle.c lifecycle_rows */
inline react()
{
	if
	:: e == E_OLD

	:: a_st == BOOTING && e != E_OLD ->
		if
		:: e == E_NONE
		:: e == E_CREATED -> adopt(); a_st = READYING; a_offered = !a_last
		:: e == E_IDLE -> adopt(); a_st = READY
		:: e == E_CLAIMED || e == E_HELD -> adopt(); a_st = REGISTERING
		:: e == E_RUNNING ->
			adopt();
			a_st = STOPPING;
			a_last = (IS_BROKEN(found_running) -> a_last : 1)
		/* code: agent/agent-answer.c is_orphaned */
		:: e == E_DRAINING -> adopt(); a_st = STOPPING; a_last = a_last || (work && !IS_BROKEN(found_draining))
		:: e == E_TERMINATED || e == E_FOREIGN -> leave()
		fi

	:: (a_st == READYING || a_st == READY) && e != E_OLD ->
		if
		:: e == E_NONE || e == E_TERMINATED || e == E_FOREIGN -> leave()
		:: e == E_IDLE -> a_st = READY
		:: e == E_CLAIMED -> adopt(); a_st = REGISTERING
		:: e == E_DRAINING -> adopt(); a_st = STOPPING
		:: e == E_CREATED || e == E_HELD || e == E_RUNNING
		fi

	:: SERVING && e != E_OLD ->
		if
		:: e == E_NONE || e == E_TERMINATED || e == E_FOREIGN || e == E_IDLE -> leave()
		:: e == E_DRAINING -> a_st = STOPPING
		:: e == E_HELD || e == E_CREATED || e == E_CLAIMED || e == E_RUNNING
		fi

	:: (a_st == STOPPING || a_st == CLEANING) && e != E_OLD ->
		if
		:: e == E_NONE || e == E_TERMINATED || e == E_FOREIGN -> leave()
		:: e == E_CLAIMED || e == E_DRAINING -> adopt()
		:: e == E_CREATED || e == E_IDLE || e == E_HELD || e == E_RUNNING
		fi

	:: a_st == CLEAN && e != E_OLD ->
		if
		:: e == E_NONE || e == E_TERMINATED || e == E_FOREIGN -> leave()
		:: e == E_IDLE -> a_st = READY
		:: e == E_CLAIMED -> adopt(); a_st = REGISTERING
		:: e == E_HELD -> want_offer()
		:: e == E_DRAINING -> adopt(); want_offer()
		:: e == E_CREATED || e == E_RUNNING
		fi

	:: a_st == LEAVING && e != E_OLD ->
		if
		:: e == E_NONE || e == E_TERMINATED || e == E_FOREIGN -> leave()
		:: e == E_CLAIMED || e == E_DRAINING -> adopt()
		:: e == E_CREATED || e == E_IDLE || e == E_HELD || e == E_RUNNING
		fi

	:: !ALIVE && e != E_OLD
	fi
}

/* code: common/store/beat.c beat_apply, is_accepted */
inline do_beat()
{
	x_ok = 0;
	if
	:: LIVE && (SAME_BOOT(a_boot) || !r_healthy) ->
		r_boot = a_boot;
		r_healthy = 1;
		r_clean = (a_st == CLEAN || (a_st == LEAVING && a_end == DRAINED)) && a_seq == r_seq;
		r_failed = (a_st == LEAVING && a_end != DRAINED);
		x_ok = 1
	:: else
	fi
}

/* A request that has been sent may be executed later, whatever becomes of it otherwise. */
inline copy(kind, seq, key, boot, last, current, end)
{
	copies++;
	z = kind;
	z_seq = seq;
	z_run = key;
	z_boot = boot;
	z_last = last;
	z_current = current;
	z_end = end
}

/* code: agent/errand.c run_errand */
inline execute()
{
	x_stale = 0;
	x_ok = 0;
	if
	:: x == BEAT -> do_beat()
	:: x == READY_CHANGE ->
		do_ready(a_seq, a_boot, x_ok)
	:: x == WITHDRAW ->
		do_withdraw(a_seq, a_boot, x_ok)
	:: x == DRAIN ->
		do_drain(a_seq, a_run, a_boot, a_last, x_ok)
	:: x == TAKE -> take(a_seq, a_boot, x_ok, x_stale)
	:: x == RUN ->
		do_run(a_seq, a_run, a_boot, x_ok)
	:: x == REPORT ->
		if
		:: m_there && m_seq == a_seq && m_number == a_handled -> m_job = DONE
		:: else
		fi
	:: x == FETCH ->
		fetch(a_seq, a_boot, x_ok, x_stale);
		if
		:: x_ok ->
			x_number = m_number;
			x_fresh = 1;
			fetched_in_time = (r_st == RUNNING && r_seq == a_seq && r_run == m_ticket)
		:: else
		fi
	:: x == OFFER ->
		do_offer(a_seq, a_boot, 1, x_ok)
	:: x == END ->
		do_terminate(a_seq, a_current, a_end, a_boot, a_end == DRAINED, x_ok)
	fi
}

/* What its state may send; it beats in any. More often than the code, which sends on a news only. */
inline next_request()
{
	if
	:: x = BEAT
	:: a_st == READYING -> x = READY_CHANGE
	:: a_st == REGISTERING -> x = TAKE
	:: a_st == ANNOUNCING -> x = RUN
	:: a_st == LISTENING -> x = FETCH
	:: a_report -> x = REPORT
	:: a_st == CLEAN -> x = OFFER
	:: (DRAINS || a_st == LEAVING) && a_run != 0 -> x = DRAIN
	:: (a_st == STOPPING || a_st == CLEANING || a_st == LEAVING) && a_run == 0 && a_last -> x = WITHDRAW
	:: a_st == LEAVING -> x = END
	fi
}

/* code: agent/agent-job.c agent_start_job, objection */
inline start_job()
{
	a_handled = x_number;
	if
	:: GUARD(fresh, x_fresh) && (!a_current || GUARD(deadline, r_age == IN_TIME)) ->
		P(1, !job); /* one runner */
		P(2, r_seq == a_seq && r_run == a_run && (r_st == RUNNING || r_st == DRAINING));
		P(2, fetched_in_time); /* not while it is being taken away */
		P(4, !a_current || r_age == IN_TIME);
		starts[a_run]++;
		P(7, starts[a_run] <= 1);
		a_st = BUSY;
		job = 1;
		work = 1
	:: else -> a_report = 1
	fi
}

/* code: agent/agent-answer.c dispatch */
inline on_answer()
{
	if
	:: x == BEAT && x_ok -> a_met = 1
	:: else
	fi;
	if
	:: x == TAKE ->
		if
		:: a_st == REGISTERING && x_ok -> a_st = ANNOUNCING
		:: a_st == REGISTERING && x_stale -> a_st = STOPPING
		:: else
		fi
	:: x == FETCH ->
		if
		:: x_ok && GUARD(handled, x_number > a_handled) ->
			if
			:: a_st == LISTENING -> start_job()
			:: else -> a_report = 1; a_handled = x_number
			fi
		:: x_stale && a_st == LISTENING -> a_st = STOPPING
		:: else
		fi
	:: x == REPORT -> a_report = 0
	/* A beat that was refused is read as well; before one was accepted only its existence counts. */
	:: else ->
		classify();
		read_record();
		if
		:: x == READY_CHANGE && x_ok && a_st == READYING -> a_st = READY
		:: x == RUN && x_ok && a_st == ANNOUNCING ->
			a_st = LISTENING
		:: x == OFFER && x_ok && a_st == CLEAN -> a_st = READY
		:: x == END && x_ok && a_st == LEAVING -> leave()
		:: else -> react()
		fi
	fi
}

active proctype Agent()
{
end:
	do
	/* Nobody starts before what an earlier one ran has ended: code: agent/home.c hold_lock */
	:: atomic { a_st == DEAD && !job && a_boot == 0 -> a_boot = 1; a_st = BOOTING }
	:: atomic { a_st == DEAD && !job && a_boot > 0 && crashes > 0 ->
		if
		:: a_boot == crashes -> a_boot++ /* code: agent/cmd-run.c make_boot_id */
		:: IS_BROKEN(boot_id) /* the kernel's: code: agent/cmd-run.c find_boot_id */
		fi;
		a_st = BOOTING }

	/* code: agent/lifecycle.c EVENT_DEADLINE */
	:: atomic { ALIVE && (a_current -> r_age >= DEADLINE : r_st != NONE) && !IS_BROKEN(deadline) ->
		a_frozen = 0;
		a_end = (DRAINS -> FAILED : FENCED);
		if
		:: a_st != LEAVING && a_st != BOOTING -> do_terminate(a_seq, a_current, a_end, a_boot, 0, ok)
		:: true /* it did not arrive */
		fi;
		ok = 0;
		leave() }
	:: atomic { a_st == BOOTING && !a_met -> leave() /* boot time without a record */ }

	/* code: agent/lifecycle.c EVENT_THRESHOLD */
	:: atomic { ALIVE && (a_current -> r_age == PASSED : r_st != NONE) && !a_told ->
		a_frozen = 0;
		a_told = 1;
		if
		:: a_st == READYING || a_st == READY -> a_last = 1; a_st = STOPPING
		:: SERVING -> a_st = STOPPING
		:: else
		fi }

	/* code: agent/lifecycle.c EVENT_TERM */
	:: atomic { CALM && terms < TERMS ->
		a_frozen = 0;
		terms++;
		if
		:: a_st == BOOTING -> leave()
		:: a_st == READYING || a_st == READY -> a_last = 1; a_st = STOPPING
		:: SERVING || a_st == STOPPING || a_st == CLEANING ->
			a_last = 1;
			if
			:: SERVING -> a_st = STOPPING
			:: else
			fi
		:: a_st == CLEAN -> a_last = 1; want_offer()
		:: a_st == LEAVING
		fi }

	/* The job ends by itself, or because it is stopped; something may be left. */
	:: atomic { CALM && job && (a_st == BUSY || a_st == STOPPING) ->
		a_frozen = 0;
		job = 0;
		a_report = 1;
		if
		:: leftovers < LEFTOVERS -> leftovers++; leftover = 1; a_dirt = 1
		:: true
		fi;
		if
		:: a_st == BUSY -> a_st = LISTENING
		:: else
		fi }

	/* code: agent/lifecycle.c EVENT_STOPPED */
	:: atomic { CALM && a_st == STOPPING && (!job || UNGUARD(clean_first, true)) ->
		a_frozen = 0; a_st = CLEANING }
	/* code: agent/lifecycle.c EVENT_CLEANED, EVENT_DIRTY */
	:: atomic { CALM && a_st == CLEANING ->
		a_frozen = 0;
		if
		:: a_dirt -> a_st = LEAVING; a_end = FAILED
		:: else -> a_st = CLEAN; work = 0; want_offer()
		fi }

	/* Sent, executed and answered in one step, but that an answer may be lost, and that a request may
	 * be executed later, as a copy. Only what the answer starts outside can tell when it is late. */
	:: atomic { CALM && x_number == 0 ->
		a_frozen = 0;
		next_request();
		if
		:: copies < COPIES && (x == READY_CHANGE || x == WITHDRAW || x == DRAIN || x == RUN ||
				       x == OFFER || x == END) ->
			copy(x, a_seq, a_run, a_boot, a_last, a_current, a_end)
		:: execute() /* and the answer is lost: no answer is not "no" */
		:: execute();
			if
			:: x == FETCH && x_ok
			:: else -> on_answer()
			fi
		:: true
		fi;
		if
		:: x == FETCH && x_ok
		:: else -> drop_answer()
		fi;
		clear() }
	:: atomic { CALM && x_number > 0 -> a_frozen = 0; drop_answer() }
	:: atomic { CALM && x_number > 0 ->
		a_frozen = 0;
		x = FETCH;
		x_ok = 1;
		x_stale = 0;
		on_answer();
		drop_answer();
		clear() }

	/* It is killed; what watches its job ends that, or is killed with it and something is left. */
	:: atomic { ALIVE && crashes < CRASHES ->
		crashes++;
		if
		:: job && leftovers < LEFTOVERS -> leftovers++; leftover = 1
		:: true
		fi;
		a_st = DEAD;
		forget_all() }
	:: atomic { a_st == DEAD && job -> job = 0 }
	od
}
