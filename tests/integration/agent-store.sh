#!/bin/sh
# The agent and a store in trouble, a network that is slow, a process that was frozen.
. "$(dirname -- "$0")/lib.sh"
. "$here/agent-lib.sh"

db() {
	echo "$T/state/paddock.db"
}

# Holds SQLite's write lock until $T/unlock is there.
lock_store() {
	start locker python3 -c '
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)
db.execute("ROLLBACK")
' "$(db)" "$T/unlock"
	wait_for 10 grep -q locked "$T/locker.out"
}

goes_on_with_its_job_while_the_store_is_locked() {
	begin
	start_agent
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1 sh -c 'until [ -e "$0" ]; do sleep 0.05; done; echo done' "$T/go"
	wait_for 10 agent_is phase busy

	lock_store
	wait_for 20 agent_logs 'the store has not answered for .*no new work'
	agent_is state silent
	agent_is phase busy
	: >go
	wait_for 10 agent_is agent listening
	: >unlock
	wait_for 20 job 1 state "done"
	job 1 output "done"
	wait_for 10 agent_logs 'the store answers again'
	equal "$(grep -c 'has not answered' "$T/agent.err")" 1 "complaints"
}

answers_while_the_store_is_locked() {
	begin
	start_agent
	wait_for 10 record state idle
	lock_store
	for _ in 1 2 3 4 5; do
		before=$(now_ms)
		agent_is agent ready
		took=$(($(now_ms) - before))
		[ "$took" -lt 2000 ]
	done
	: >unlock
}

outlives_a_store_that_is_moved_away_and_back() {
	begin
	start_agent
	wait_for 10 record state idle
	mkdir away
	mv state/paddock.db* away/
	wait_for 20 agent_logs 'no new work'
	agent_is agent ready
	mv away/paddock.db* state/
	wait_for 20 agent_logs 'the store answers again'
	ctl claim m-1 run-1
	ctl offer m-1 true
	wait_for 10 job 1 state "done"
}

never_makes_a_store_of_its_own() {
	start_agent --boot-time 2s
	wait_for 10 agent_logs 'no answer from the store'
	leaves 0
	[ ! -e "$(db)" ]
}

sees_a_claim_at_once_although_it_beats_slowly() {
	begin
	start_agent --beat-period 1min --beat-period-running 1min
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1 true
	wait_for 5 job 1 state "done"
	ctl submit m-1 true
	wait_for 5 job 1 number 2
	wait_for 5 job 1 state "done"
	ctl drain m-1
	wait_for 5 record state idle
}

looks_by_itself_where_the_store_cannot_ring() {
	begin
	: >state/paddock.db.bell
	start_agent --beat-period 1min --beat-period-running 1min --watch 100ms
	wait_for 10 record state idle
	agent_is watch looks
	ctl claim m-1 run-1
	ctl offer m-1 true
	wait_for 5 job 1 state "done"
}

takes_nothing_up_after_a_freeze_that_was_too_long() {
	begin idle=1s
	start_agent
	wait_for 10 record state idle
	kill -STOP "$agent"
	# Idle for too long by now, and claimed all the same by somebody with a wrong clock.
	now=$(now_ms)
	until [ $(($(now_ms) - now)) -gt 1500 ]; do
		sleep 0.1
	done
	kill -CONT "$agent"
	leaves 0
	record state terminated
	record reason "agent: the time for being idle is up"
	lacks "$T/agent.err" listening
}

starts_a_job_that_waited_while_it_was_frozen_for_a_moment() {
	begin
	start_agent
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1
	wait_for 10 agent_is phase listening
	kill -STOP "$agent"
	ctl submit m-1 true
	kill -CONT "$agent"
	wait_for 10 job 1 state "done"
	job 1 exit 0
}

starts_nothing_when_it_thaws_into_an_ended_claim() {
	begin
	start_agent
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1
	wait_for 10 agent_is phase listening
	kill -STOP "$agent"
	ctl submit m-1 touch "$T/ran"
	ctl withdraw m-1
	ctl drain m-1
	kill -CONT "$agent"
	wait_for 10 record state idle
	[ ! -e "$T/ran" ]
	job 1 exit 125
}

run_tests goes_on_with_its_job_while_the_store_is_locked answers_while_the_store_is_locked \
	outlives_a_store_that_is_moved_away_and_back never_makes_a_store_of_its_own \
	sees_a_claim_at_once_although_it_beats_slowly looks_by_itself_where_the_store_cannot_ring \
	takes_nothing_up_after_a_freeze_that_was_too_long \
	starts_a_job_that_waited_while_it_was_frozen_for_a_moment \
	starts_nothing_when_it_thaws_into_an_ended_claim
