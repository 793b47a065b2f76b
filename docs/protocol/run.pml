/*
 * One run: its record, two controllers with the same run key (one of which is killed at any point and
 * started again), a release, a pool of one idle machine, a provider, and refresh. One machine is
 * asked for. README.md says how to read it and what is left out.
 */

#include "settings.pml"

/* --- the record: code: common/domain/run.h run --- */

mtype = { ABSENT, OPEN, GRANTED, REFUSED, CLOSED };
mtype verdict = ABSENT;
byte revision;
byte fence;
byte intents;  /* promises to launch one machine each: 2 for the first, 3 for the second */
byte granted;  /* which machine; 0: none */

/* --- the machines: 1 waits in the pool, 2 and 3 are made --- */

#define MACHINES 4
mtype = { NOT_HELD, LOOSE, HELD, LET_GO };
mtype held[MACHINES] = NOT_HELD; /* LOOSE: launched, has no record yet */
bit silent[MACHINES]; /* whoever looked last found its agent silent */
bit words[MACHINES];  /* turns when one that was found silent is found alive: it has spoken */

/* --- what really happened --- */

byte owner;    /* the start that raised the fence last */
byte begun;    /* starts so far */
byte launched;
byte lost;
bit released;  /* release has returned */
byte at_close; /* what was held when the run was closed */

byte ok;
byte i;
byte same;

/* code: common/store/sqlite-item.c sqlite_item_put. same: what is written stands there already, byte by
 * byte, which counts as executed before. */
inline put(based_on, same, ret)
{
	ret = 0;
	if
	:: GUARD(cas, based_on == revision) ->
		revision++;
		based_on = revision;
		ret = 1
	:: else ->
		if
		:: same && based_on + 1 == revision -> based_on = revision; ret = 2
		:: else
		fi
	fi
}

#define MINE(n) ((mine & (1 << n)) && held[n] == HELD)
#define FIRST (MINE(1) -> 1 : (MINE(2) -> 2 : (MINE(3) -> 3 : 0)))
#define ALL_HELD ((held[1] == HELD -> 2 : 0) + (held[2] == HELD -> 4 : 0) + (held[3] == HELD -> 8 : 0))
#define UNBORN(n) (seen_intents + 2 > n && (held[n] == NOT_HELD || held[n] == LOOSE))

/* code: controller/provision/post.c provision_let_go; keep 0: everything */
inline let_go(keep)
{
	i = 1;
	do
	:: i < MACHINES ->
		if
		:: MINE(i) && i != keep ->
			P(13, verdict != GRANTED || granted != i);
			held[i] = LET_GO
		:: else
		fi;
		i++
	:: else -> i = 0; break
	od
}

/* Whoever writes is the latest start. */
#define LATEST P(11, owner == me)

proctype Provision(byte restarts)
{
	byte my_fence, my_revision, mine, seen_intents, me, looked_at;
	bit is_lost, my_words;
	mtype seen;

begin:
	/* code: controller/provision/begin.c provision_begin */
	atomic {
		my_revision = revision;
		my_fence = fence;
		seen_intents = intents;
		seen = verdict
	}
	/* code: controller/provision/begin.c begin_new, begin_again */
	atomic {
		me = 0;
		if
		:: seen == ABSENT || seen == OPEN ->
			/* Two starts that read the same would write the same, but for their nonce. */
			same = UNGUARD(nonce, verdict == OPEN && fence == my_fence + 1 &&
				       intents == seen_intents);
			put(my_revision, same, ok);
			if
			:: ok == 0 -> goto begin
			:: ok != 0 ->
				begun++;
				me = begun;
				owner = me;
				verdict = OPEN;
				my_fence = (IS_BROKEN(fence) -> my_fence : my_fence + 1);
				fence = my_fence
			fi
		:: else
		fi
	}
	/* code: controller/provision/begin.c scan_once */
	atomic {
		mine = ALL_HELD
	}

observe:
	/* code: controller/provision/begin.c provision_observe, intent_is_open */
	atomic {
		seen = verdict;
		my_revision = revision;
		seen_intents = intents;
		mine = mine | (intents > 0 -> 4 : 0) | (intents > 1 -> 8 : 0);
		/* code: controller/provision/decide.c STEP_SHARE, STEP_FOLLOW */
		if
		:: seen != OPEN -> goto share
		:: seen == OPEN && GUARD(superseded, fence == my_fence)
		:: seen == OPEN && fence != my_fence -> seen = ABSENT; goto follow
		fi;
		/* code: controller/provision/decide.c sighting_judge */
		looked_at = FIRST;
		if
		:: looked_at > 0 -> is_lost = 1; silent[looked_at] = 1; my_words = words[looked_at]
		:: is_lost = 0;
			if
			:: silent[looked_at] -> silent[looked_at] = 0; words[looked_at] = 1 - words[looked_at]
			:: else
			fi
		fi
	}

	/* What was seen is acted on later. */
	if
	/* code: controller/provision/post.c provision_let_lost_go; common/domain/transition.c CONDITION_UNHEARD */
	:: atomic { is_lost && FIRST == looked_at ->
		if
		:: GUARD(unheard, words[looked_at] == my_words) ->
			P(13, verdict != GRANTED || granted != looked_at);
			held[looked_at] = LET_GO;
			lost++
		:: else
		fi }
		goto observe
	/* code: controller/provision/provision.c act_grant */
	:: atomic { FIRST > 0 && FIRST == looked_at && !is_lost ->
		if
		:: IS_BROKEN(verdict_first) -> let_go(FIRST)
		:: else
		fi;
		put(my_revision, false, ok);
		if
		:: ok ->
			LATEST;
			P(12, verdict == OPEN);
			P(16, !released);
			verdict = GRANTED;
			granted = FIRST
		:: else -> goto observe
		fi }
		atomic { true -> let_go(granted) }
		goto done
	/* code: controller/provision/provision.c act_refuse */
	:: atomic { IS_BROKEN(verdict_first) -> let_go(0) } goto refuse
	:: !IS_BROKEN(verdict_first) -> goto refuse
	/* code: controller/provision/launch.c provision_replay: the same token, so the same machine */
	:: atomic { FIRST == 0 && UNBORN(2) && held[2] == NOT_HELD -> held[2] = LOOSE; launched++ } goto record
	:: atomic { FIRST == 0 && UNBORN(3) && held[3] == NOT_HELD -> held[3] = LOOSE; launched++ } goto record
	:: atomic { FIRST == 0 && UNBORN(2) && held[2] == LOOSE && IS_BROKEN(token) -> launched++ } goto record
	:: FIRST == 0 && ((UNBORN(2) && held[2] == LOOSE) || (UNBORN(3) && held[3] == LOOSE)) -> goto record
	/* code: controller/provision/select.c provision_select */
	:: atomic { FIRST == 0 && !UNBORN(2) && !UNBORN(3) && held[1] == NOT_HELD ->
		held[1] = HELD; mine = mine | 2 } goto observe
	/* code: controller/provision/launch.c provision_intend */
	:: atomic { FIRST == 0 && !UNBORN(2) && !UNBORN(3) && seen_intents < 2 ->
		put(my_revision, false, ok);
		if
		:: ok -> LATEST; intents++
		:: else
		fi }
		goto observe
	/* Launched first, promised afterwards: killed in between, it launches again. */
	:: atomic { IS_BROKEN(intent_first) && FIRST == 0 && intents == 0 && launched < 3 -> launched++ } goto dead
	:: goto dead
	fi;

record:
	/* code: controller/provision/launch.c enter_new */
	atomic {
		P(15, launched <= 1 + lost);
		if
		:: held[2] == LOOSE -> held[2] = HELD
		:: held[3] == LOOSE -> held[3] = HELD
		:: else
		fi
	}
	if
	:: goto observe
	:: goto dead
	fi;

refuse:
	atomic {
		put(my_revision, false, ok);
		if
		:: ok ->
			LATEST;
			P(12, verdict == OPEN);
			verdict = REFUSED
		:: else -> goto observe
		fi
	}
	if
	:: goto let_all_go
	:: goto dead
	fi;

follow:
	if
	:: verdict != OPEN -> goto observe
	:: goto done /* out of time: undecided */
	fi;

share:
	/* code: controller/provision/provision.c share_verdict */
	if
	:: seen == GRANTED -> goto done
	:: seen != GRANTED
	fi;
let_all_go:
	atomic {
		if
		:: !IS_BROKEN(rollback) -> let_go(0)
		:: IS_BROKEN(rollback)
		fi
	}
	goto done;

dead:
	atomic {
		mine = 0; my_fence = 0; my_revision = 0; seen_intents = 0; seen = ABSENT; looked_at = 0; is_lost = 0; my_words = 0;
		if
		:: restarts > 0 -> restarts--; goto begin
		:: else
		fi
	}
done:
	atomic { mine = 0; my_fence = 0; my_revision = 0; seen_intents = 0; seen = ABSENT; looked_at = 0; is_lost = 0; my_words = 0; me = 0 }
}

/* code: controller/release.c release_run */
proctype Release()
{
	byte my_revision;
	bit drained;

	if
	:: IS_BROKEN(close_first) -> goto drain
	:: else
	fi;
close:
	/* code: controller/release.c close_run */
	my_revision = revision;
	atomic {
		if
		:: IS_BROKEN(tombstone) && verdict == ABSENT
		:: else ->
			put(my_revision, false, ok);
			if
			:: ok == 0 -> goto close
			:: else -> verdict = CLOSED
			fi
		fi;
		at_close = ALL_HELD
	}
	if
	:: drained -> goto over
	:: else
	fi;
drain:
	/* code: controller/release.c find_machines, end_unborn */
	atomic {
		i = 1;
		do
		:: i < MACHINES ->
			if
			:: held[i] == HELD || held[i] == LOOSE -> held[i] = LET_GO; lost++
			:: else
			fi;
			i++
		:: else -> i = 0; break
		od;
		drained = 1
	}
	if
	:: IS_BROKEN(close_first) -> goto close
	:: else
	fi;
over:
	atomic {
		i = 1;
		do
		:: i < MACHINES -> P(17, !(at_close & (1 << i)) || held[i] != HELD); i++
		:: else -> i = 0; break
		od;
		released = 1
	}
}

/* code: controller/refresh.c refresh_judge, run_is_over */
#define OVER ((verdict == REFUSED || verdict == CLOSED) && !IS_BROKEN(rollback))
proctype Refresh()
{
end:
	do
	:: atomic { OVER && held[1] == HELD -> held[1] = LET_GO }
	:: atomic { OVER && held[2] == HELD -> held[2] = LET_GO }
	:: atomic { OVER && held[3] == HELD -> held[3] = LET_GO }
	/* It has no record and ends itself: code: agent/agent.c meet_deadline */
	:: atomic { held[3] == LOOSE -> held[3] = LET_GO; lost++ }
	:: atomic { held[2] == LOOSE -> held[2] = LET_GO; lost++ }
	/* Nothing moves any more: what is left is a leak. */
	:: atomic { timeout && (verdict == CLOSED || verdict == REFUSED) ->
		P(14, held[1] != HELD && held[2] != HELD && held[3] != HELD);
		break }
	od
}

init {
	atomic {
		run Provision(1);
		run Provision(0);
		run Release();
		run Refresh()
	}
}
