#!/bin/sh
# Agents and jobs that die, or will not: a dead machine is never handed out again, is reaped, and its
# death certificate can be read; a machine that is not clean is never pooled.
. "$(dirname -- "$0")/lib.sh"

quick() {
	export PADDOCK_BEAT_PERIOD=500ms PADDOCK_REAP_GRACE=2s PADDOCK_REUSE=any
}

# The pid of a machine's agent.
agent_of() {
	json "$T/state/machines/$1/agent.json" 'd["pid"]'
}

first_machine() {
	json "$out" 'd["machines"][0]["id"]'
}

state_of() {
	"$paddock" status --json "$1" >"$T/status" && json "$T/status" 'd["machines"][0]["state"]'
}

# after_death MACHINE PHASE: what must be true once refresh has passed.
after_death() {
	expect 0 "$paddock" refresh
	equal "$(state_of "$1")" terminated "state of the dead machine"
	expect 0 "$paddock" why "$1"
	contains "$out" "its provider says that it is gone"
	contains "$out" "phase $2"
	# Whoever asks next gets another one.
	expect 0 "$paddock" provision --json --timeout 60s --run after
	[ "$(first_machine)" != "$1" ] || {
		echo "the dead machine was handed out again"
		return 1
	}
}

an_idle_agent_killed_is_never_handed_out() {
	quick
	expect 0 "$paddock" provision --warm --json
	dead=$(first_machine)
	kill -9 "$(agent_of "$dead")"
	# Before anybody reaped it, while its last beat is still fresh.
	expect 0 "$paddock" provision --json --timeout 60s --run eager
	[ "$(first_machine)" != "$dead" ] || {
		echo "the dead machine was handed out"
		return 1
	}
	expect 0 "$paddock" release eager-1-default
	expect 0 "$paddock" refresh
	equal "$(state_of "$dead")" terminated "state of the dead machine"
	expect 0 "$paddock" why "$dead"
	contains "$out" "its provider says that it is gone"
}

# Without a record: as a controller leaves it that dies after the launch.
a_machine_that_never_got_a_record_is_ended_also_when_its_agent_hangs() {
	quick
	export PADDOCK_BOOT_TIME=5s PADDOCK_CLAIM_SLACK=1s
	expect 0 "$paddock" provision --warm --instance-count 1 --json
	agent=$(agent_of "$(first_machine)")
	# By itself, in time.
	tr '\0' ' ' <"/proc/$agent/cmdline" >"$T/cmdline"
	contains "$T/cmdline" "--boot-time 5s"
	kill -STOP "$agent"
	"$python" -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: db.execute("DELETE FROM machine")' "$T/state/paddock.db"
	is_ended() {
		"$paddock" refresh && is_gone "$agent"
	}
	wait_for 30 is_ended
}

a_claimed_agent_killed_is_reaped() {
	quick
	export PADDOCK_BEAT_PERIOD=5s
	expect 0 "$paddock" provision --warm --json
	dead=$(first_machine)
	# Stopped, it cannot answer the claim.
	kill -STOP "$(agent_of "$dead")"
	start claim "$paddock" provision --json --no-create --timeout 60s --run claim
	claim=$started
	wait_for 20 test_state "$dead" claimed
	kill -9 "$(agent_of "$dead")"
	code=0
	wait "$claim" || code=$?
	equal "$code" 5 "exit code"
	expect 0 "$paddock" why "$dead"
	contains "$out" "its provider says that it is gone"
	equal "$(state_of "$dead")" terminated "state of the dead machine"
	expect 0 "$paddock" why claim-1-default
	contains "$out" "$dead"
}

test_state() {
	[ "$(state_of "$1")" = "$2" ]
}

a_running_agent_killed_is_reaped_and_its_job_dies_with_it() {
	quick
	expect 0 "$paddock" provision --json --run doomed
	dead=$(first_machine)
	start job "$paddock" exec doomed-1-default -- sh -c 'echo $$ >'"$T"'/job.pid; exec sleep 1000'
	job=$started
	wait_for 20 test -s "$T/job.pid"
	# Only what it has said is in its certificate.
	is_busy() {
		"$paddock" status --json "$dead" >"$T/status" &&
			[ "$(json "$T/status" 'd["machines"][0]["phase"]')" = busy ]
	}
	wait_for 20 is_busy
	kill -9 "$(agent_of "$dead")"
	wait_for 20 is_gone "$(cat "$T/job.pid")"
	code=0
	wait "$job" || code=$?
	equal "$code" 1 "exit code of the exec whose machine died"
	contains "$T/job.err" "lost"
	after_death "$dead" busy
	expect 0 "$paddock" release doomed-1-default
}

release_waits_until_the_machine_is_clean() {
	quick
	expect 0 "$paddock" provision --json --run r --instance-count 1
	machine=$(first_machine)
	expect 0 "$paddock" exec r-1-default -- sh -c 'touch here; mkdir -p deep/er; chmod 0 deep'
	expect 0 "$paddock" release --json r-1-default
	equal "$(json "$out" 'd["machines"][0]["fate"]')" clean "fate"
	equal "$(state_of "$machine")" idle "state"
	equal "$(find "$T/state/machines/$machine" -name 'work-*' | wc -l)" 0 "roots left"
}

a_busy_machine_is_left_alone_unless_forced() {
	quick
	expect 0 "$paddock" provision --json --run r
	machine=$(first_machine)
	start job "$paddock" exec r-1-default -- \
		sh -c 'trap "" TERM; echo $$ >'"$T"'/job.pid; while :; do sleep 0.1; done'
	job=$started
	wait_for 20 test -s "$T/job.pid"
	expect 4 "$paddock" release r-1-default
	contains "$err" "busy"
	is_alive "$(cat "$T/job.pid")"

	# It ignores SIGTERM: it and its whole group are killed, and the machine is clean then.
	expect 0 "$paddock" release --force --json r-1-default
	equal "$(json "$out" 'd["machines"][0]["fate"]')" clean "fate"
	is_gone "$(cat "$T/job.pid")"
	equal "$(state_of "$machine")" idle "state"
	code=0
	wait "$job" || code=$?
	[ "$code" -ne 0 ]
}

release_can_wait_for_a_job() {
	quick
	expect 0 "$paddock" provision --run r
	mkfifo "$T/gate"
	start job "$paddock" exec r-1-default -- sh -c "echo >'$T/started'; read line <'$T/gate'"
	job=$started
	wait_for 20 test -s "$T/started"
	start release "$paddock" release --wait r-1-default
	release=$started
	echo go >"$T/gate"
	wait "$job"
	wait "$release"
	contains "$T/release.out" "clean"
}

what_survives_its_group_makes_the_machine_failed() {
	quick
	expect 0 "$paddock" provision --json --run r
	machine=$(first_machine)
	expect 0 "$paddock" exec r-1-default -- sh -c \
		'setsid sh -c "echo \$\$ >'"$T"'/stray.pid; exec sleep 1000" & while ! test -s '"$T"'/stray.pid; do sleep 0.05; done'
	expect 0 "$paddock" release --json r-1-default
	equal "$(json "$out" 'd["machines"][0]["fate"]')" ended "fate"
	equal "$(state_of "$machine")" terminated "state"
	expect 0 "$paddock" why "$machine"
	contains "$out" "sleep"
	wait_for 20 is_gone "$(cat "$T/stray.pid")"
	expect 0 "$paddock" pool --json
	equal "$(json "$out" 'len(d["machines"])')" 0 "idle machines"
}

run_passes_output_and_exit_code_on() {
	quick
	expect 0 "$paddock" run -- echo hello
	equal "$(cat "$out")" hello "stdout"
	expect 7 "$paddock" run -- sh -c 'echo out; echo err >&2; exit 7'
	equal "$(cat "$out")" out "stdout"
	contains "$err" err
	expect 127 "$paddock" run -- no-such-command-anywhere
	expect 137 "$paddock" run -- sh -c 'kill -9 $$'
	expect 0 "$paddock" run --instance-count 2 -- sh -c 'echo "$PADDOCK_MACHINE"'
	equal "$(wc -l <"$out")" 2 "lines of two machines"
	expect 0 "$paddock" run -- sh -c 'seq 200000'
	equal "$(wc -l <"$out")" 200000 "lines of a long output"
	# All of them were given back.
	expect 0 "$paddock" status --json
	equal "$(json "$out" '[m["state"] for m in d["machines"]]' | sort -u)" idle "state"
}

a_run_interrupted_gives_its_machine_back() {
	quick
	start run "$paddock" run -- sh -c 'echo $$ >'"$T"'/job.pid; sleep 1000'
	run=$started
	wait_for 20 test -s "$T/job.pid"
	kill -TERM "$run"
	code=0
	wait "$run" || code=$?
	equal "$code" 75 "exit code"
	is_gone "$(cat "$T/job.pid")"
	expect 0 "$paddock" status --json
	equal "$(json "$out" '[m["state"] for m in d["machines"]]' | sort -u)" idle "state"
}

a_job_outlives_neither_its_time() {
	quick
	export PADDOCK_RUN_TIME=10s
	expect 0 "$paddock" provision --json --run r
	machine=$(first_machine)
	start job "$paddock" exec r-1-default -- sh -c 'echo $$ >'"$T"'/job.pid; sleep 1000'
	job=$started
	wait_for 20 test -s "$T/job.pid"
	wait_for 30 is_gone "$(cat "$T/job.pid")"
	code=0
	wait "$job" || code=$?
	[ "$code" -ne 0 ]
	wait_for 20 test_state "$machine" idle
}

run_tests an_idle_agent_killed_is_never_handed_out \
	a_machine_that_never_got_a_record_is_ended_also_when_its_agent_hangs \
	a_claimed_agent_killed_is_reaped \
	a_running_agent_killed_is_reaped_and_its_job_dies_with_it \
	release_waits_until_the_machine_is_clean \
	a_busy_machine_is_left_alone_unless_forced \
	release_can_wait_for_a_job \
	what_survives_its_group_makes_the_machine_failed \
	run_passes_output_and_exit_code_on \
	a_run_interrupted_gives_its_machine_back \
	a_job_outlives_neither_its_time
