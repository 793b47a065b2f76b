#!/bin/sh
# The life of a machine as its agent leads it: claims, jobs, cleaning, the ways to its end.
. "$(dirname -- "$0")/lib.sh"
. "$here/agent-lib.sh"

serves_claims_one_after_another_and_cleans_up_in_between() {
	begin
	start_agent
	wait_for 10 record state idle

	for seq in 1 2; do
		ctl claim m-1 "run-$seq"
		# shellcheck disable=SC2016 # for the job's shell
		ctl offer m-1 sh -c 'echo "hello from $PWD"; echo oops >&2; : >left-behind; exit 3'
		wait_for 10 job "$seq" state "done"
		job "$seq" exit 3
		job "$seq" errors oops
		record state running
		record phase listening

		ctl submit m-1 sh -c 'ls'
		wait_for 10 job "$seq" number 2
		wait_for 10 job "$seq" state "done"
		equal "$(ctl job m-1 "$seq" exit)" 0 "exit code of the second job"

		ctl drain m-1
		wait_for 10 record state idle
		equal "$(ctl get m-1 seq)" "$seq" seq
		equal "$(ctl get m-1 run_key)" "" "run key"
	done
	[ ! -e "$T/state/machines/m-1/work-2" ]
	equal "$(grep -c 'claimed by' "$T/agent.err")" 2 "log lines about claims"
}

kills_the_job_when_its_claim_is_drained() {
	begin
	start_agent --stop-grace 0s
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1 sh -c 'trap "" TERM; sleep 1000 & echo $! >sleeper; wait'
	wait_for 10 agent_is job 1
	wait_for 10 test -s "$T/state/machines/m-1/work-1/sleeper"
	sleeper=$(cat "$T/state/machines/m-1/work-1/sleeper")
	ctl withdraw m-1
	ctl drain m-1
	wait_for 10 record state idle
	is_gone "$sleeper"
	job 1 state "done"
	ctl job m-1 1 detail | grep -q killed
}

drains_and_ends_on_sigterm() {
	begin
	start_agent --stop-grace 1s
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1 sleep 1000
	wait_for 10 agent_is phase busy
	kill "$agent"
	leaves 0
	record state terminated
	record reason "agent: SIGTERM"
	ctl event m-1 | grep -q '"why":"drained","reason":"agent: SIGTERM","seq":1,"run":"run-1"'
	job 1 exit 143
	equal "$(processes_below "$T/state")" "" "what is left"
}

ends_with_its_record() {
	begin
	start_agent
	wait_for 10 record state idle
	ctl terminate m-1
	leaves 0
	agent_logs 'ends (fenced).*says terminated'
	expect 1 ctl event m-1

	# The same for a record that is gone by the time it looks.
	ctl forget m-1
	ctl create m-1
	start_agent
	wait_for 10 record state idle
	kill -STOP "$agent"
	ctl terminate m-1
	ctl forget m-1
	kill -CONT "$agent"
	leaves 0
	agent_logs 'the record is gone'
}

ends_when_no_record_comes() {
	ctl init
	start_agent --boot-time 1s
	leaves 0
	agent_logs 'no record within 1s'
}

ends_when_it_has_been_idle_for_too_long() {
	begin idle=1s
	start_agent
	wait_for 10 record state idle
	leaves 0
	record state terminated
	record reason "agent: the time for being idle is up"
}

serves_a_machine_that_was_launched_for_a_run() {
	ctl init
	start_agent
	wait_for 10 agent_is phase booting
	ctl launch m-1 run-1
	ctl offer m-1 true
	wait_for 10 job 1 state "done"
	record state running
}

is_the_only_one_of_its_machine() {
	begin
	start_agent
	wait_for 10 record state idle
	expect 75 "$paddock_agent" run --machine m-1
	contains "$err" "machine m-1 has an agent already: process $agent"
	contains "$err" "try: paddock-agent status --machine m-1"
	record state idle

	# With a lock that was handed down, too; and only with this machine's.
	expect 75 sh -c '"$1" run --machine m-1 --lock-fd 7 7<>state/machines/m-1/lock' sh \
		"$paddock_agent"
	: >other
	expect 2 sh -c '"$1" run --machine m-1 --lock-fd 7 7<>other' sh "$paddock_agent"
	contains "$err" "lock-fd 7 is not"
	expect 2 sh -c '"$1" run --machine m-1 --lock-fd 7' sh "$paddock_agent"
	contains "$err" "lock-fd 7 is not open"
}

keeps_the_lock_that_was_handed_down() {
	begin
	mkdir -p state/machines/m-1
	start agent sh -c 'exec 7<>state/machines/m-1/lock; flock 7
		exec "$1" run --machine m-1 --lock-fd 7' sh "$paddock_agent"
	agent=$started
	wait_for 10 record state idle
	expect 1 flock --nonblock state/machines/m-1/lock true
	kill "$agent"
	leaves 0
	expect 0 flock --nonblock state/machines/m-1/lock true
}

drains_what_an_agent_left_that_was_killed() {
	begin
	start_agent
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1 sleep 1000
	wait_for 10 agent_is phase busy
	kill -KILL "$agent"
	wait_for 10 flock --nonblock state/machines/m-1/lock true

	# While the dead one's beats are fresh, its successor has no say; then it takes over.
	start_agent
	leaves 0
	agent_logs "another's now"
	until start_agent && ! leaves 0; do
		record state terminated && break
	done
	wait_for 10 record state terminated
	record last 1
	record reason "agent: an earlier one died over this claim"
}

tells_its_status() {
	begin
	expect 3 "$paddock_agent" status --machine m-1
	contains "$err" "no agent answers"
	expect 3 "$paddock_agent" status
	start_agent
	wait_for 10 record state idle
	expect 0 "$paddock_agent" status --machine m-1 --json
	equal "$(json "$out" '[d["schema"], d["machine"], d["agent"], d["store"]["watch"]]')" \
		"paddock-agent-status/1
m-1
ready
doorbell"
	expect 0 "$paddock_agent" status
	contains "$out" MACHINE
	contains "$out" m-1
	expect 0 "$paddock_agent" status --json
	equal "$(json "$out" 'len(d["agents"])')" 1
	expect 2 "$paddock_agent" status --machine ../m-1
	expect 3 "$paddock_agent" status --machine m-2
}

refuses_wrong_use() {
	expect 2 "$paddock_agent" run
	contains "$err" "try: --machine ID"
	expect 2 "$paddock_agent" run --machine m-1 --beat-period 1ms
	expect 2 "$paddock_agent" run --machine m-1 --beat-perod 5s
	expect 2 "$paddock_agent" fly
	: >occupied
	expect 1 "$paddock_agent" run --machine m-1 --state-dir "$T/occupied"
	expect 0 "$paddock_agent" --help
	contains "$out" status
}

run_tests serves_claims_one_after_another_and_cleans_up_in_between \
	kills_the_job_when_its_claim_is_drained drains_and_ends_on_sigterm ends_with_its_record \
	ends_when_no_record_comes ends_when_it_has_been_idle_for_too_long \
	serves_a_machine_that_was_launched_for_a_run is_the_only_one_of_its_machine \
	keeps_the_lock_that_was_handed_down drains_what_an_agent_left_that_was_killed \
	tells_its_status refuses_wrong_use
