#!/bin/sh
# The agent killed at every call that it makes, of its store and of its runner, right before it and
# right after it: nothing runs twice, nothing lives on, and what the next agent or the next refresh
# makes of the machine is right.
. "$(dirname -- "$0")/lib.sh"
. "$here/agent-lib.sh"
. "$here/crash-lib.sh"

# Another claim, served in full: the machine is as good as before.
serves_another() {
	next=$(($(ctl get m-1 seq) + 1))
	serve "$next"
	job "$next" exit 3
	record state idle
	nothing_of_a_job_lives
}

killed_with_a_store() {
	enter "$1"
	lead_a_life kill "$1"
	record state terminated || succeed
	nothing_of_a_job_lives
	! record state idle || serves_another
	is_gone "$agent" || kill "$agent"
	wait_for 20 is_gone "$agent"
	record state terminated
	expect 0 "$paddock" why m-1
	contains "$out" terminated
	equal "$(processes_below "$T/state")" "" "processes left"
}

another_agent_follows_one_that_was_killed_at_any_call() {
	count_places killed_with_a_store
	echo "seed $seed, $n_places places"
	# shellcheck disable=SC2046 # a list
	in_parallel killed_with_a_store $(places "$n_places")
}

# What left the session of a job makes a machine dirty for good; that the agent which saw it is dead,
# and that the claim is being drained already, makes nothing clean.
another_agent_does_not_make_a_dirty_machine_clean() {
	# shellcheck disable=SC2119
	begin
	start_one "$paddock_agent"
	until_state idle
	ctl claim m-1 run-1
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer m-1 sh -c 'setsid sh -c "echo \$\$ >\"$0\"; exec sleep 1000" & until test -s "$0"; do sleep 0.05; done' \
		"$T/stray"
	until_job 1 "done"
	kill -STOP "$agent"
	ctl withdraw m-1
	ctl drain m-1
	kill -KILL "$agent"
	wait_for 10 is_gone "$agent"
	succeed
	record state terminated
	is_gone "$(cat "$T/stray")"
}

# --- with a controller: nobody follows ---

# The first agent that is started is the one that dies.
write_launcher() {
	cat >"$T/agent" <<END
#!/bin/sh
if mkdir "$T/first" 2>/dev/null; then
	echo "\$3" >"$T/first/machine"
	CRASH_AT=$1 CRASH_NOTE=$T/note exec "$crash_agent" "\$@"
fi
exec "$paddock_agent" "\$@"
END
	chmod +x "$T/agent"
	export PADDOCK_AGENT_PATH="$T/agent"
}

# run_one NAME CODE…: a run of one job, which ends with one of these codes.
run_one() {
	name=$1
	shift
	got=0
	"$paddock" run --run "$name" --timeout 60s -- sh -c "$job_script" job "$name" "$T" \
		>"$T/$name.out" 2>"$T/$name.err" || got=$?
	for code; do
		[ "$got" -ne "$code" ] || return 0
	done
	echo "run $name left with $got, not with one of: $*"
	cat "$T/$name.err"
	return 1
}

state_of() {
	"$paddock" status --json "$1" >"$T/status" && json "$T/status" 'd["machines"][0]["state"]'
}

# The machine whose agent was killed is in the books as dead, with a certificate, and bears no run.
is_buried() {
	equal "$(state_of "$1")" terminated "state of $1"
	expect 0 "$paddock" why "$1"
	contains "$out" "ended "
	equal "$(processes_below "$T/state/machines/$1")" "" "processes of $1"
}

killed_with_a_controller() {
	enter "$1"
	write_launcher "$1"
	export PADDOCK_BEAT_PERIOD=500ms PADDOCK_REAP_GRACE=2s PADDOCK_REUSE=any
	expect 0 "$paddock" provision --warm --timeout 30s
	run_one one 1 3
	run_one two 1 3
	first=$(cat "$T/first/machine")
	# It may also be killed on its way out.
	grep -q call "$T/note" 2>/dev/null || expect 0 "$paddock" destroy --all
	echo "killed $(cat "$T/note")"
	expect 0 "$paddock" refresh
	run_one last 3
	is_buried "$first"
	nothing_of_a_job_lives
	for run in one two last; do
		expect 0 "$paddock" why "$run-1-default"
		contains "$out" closed
	done
	equal "$(find "$T/state/machines" -mindepth 1 -maxdepth 1 -name 'pd-*' | wc -l)" 2 \
		"machines made"
	expect 0 "$paddock" destroy --all
	expect 0 "$paddock" refresh
	equal "$(processes_below "$T/state")" "" "processes left"
}

refresh_buries_a_machine_whose_agent_was_killed_at_any_call() {
	count_places killed_with_a_controller
	echo "seed $seed, $n_places places"
	# shellcheck disable=SC2046 # a list
	in_parallel killed_with_a_controller $(places "$n_places")
}

warming_gives_up_on_machines_that_end_at_once() {
	export PADDOCK_AGENT_PATH=/bin/false
	started_ms=$(now_ms)
	expect 5 "$paddock" provision --warm --timeout 60s
	contains "$err" "gone as soon as they are made"
	[ $(($(now_ms) - started_ms)) -lt 30000 ]
	equal "$(find "$T/state/machines" -mindepth 1 -maxdepth 1 -name 'pd-*' | wc -l)" 3 \
		"machines made"
}

run_tests another_agent_follows_one_that_was_killed_at_any_call \
	another_agent_does_not_make_a_dirty_machine_clean \
	refresh_buries_a_machine_whose_agent_was_killed_at_any_call \
	warming_gives_up_on_machines_that_end_at_once
