#!/bin/sh
# Ctrl-C at any moment of `paddock provision`: everything is given back; and one store that serves
# several state directories: what is another's is left alone.
. "$(dirname -- "$0")/lib.sh"

crash_controller=${CRASH_CONTROLLER:?the controller that can be interrupted at a store call}

quick() {
	export PADDOCK_AGENT_PATH="$paddock_agent" PADDOCK_BEAT_PERIOD=1s PADDOCK_REAP_GRACE=2s \
		PADDOCK_REUSE=any
}

# holders RUN: how many live machines bear its key.
holders() {
	"$paddock" status --json >"$T/status"
	json "$T/status" "len([m for m in d[\"machines\"] if m.get(\"run_key\") == \"$1-1-default\"])"
}

nobody_holds() {
	[ "$(holders "$1")" -eq 0 ]
}

# interrupted_at CALL: 0 when that was before the verdict, 1 when it was granted all the same.
interrupted_at() {
	code=0
	CRASH_HOW=interrupt CRASH_AT=$1 "$crash_controller" provision --json --timeout 60s \
		--run "k$1" --instance-count 2 >"$T/crash.out" 2>"$T/crash.err" || code=$?
	case $code in
	75)
		equal "$(json "$T/crash.out" 'd["verdict"]')" "given up" "verdict"
		wait_for 20 nobody_holds "k$1"
		expect 0 "$paddock" why "k$1-1-default"
		contains "$out" refused
		;;
	0)
		equal "$(holders "k$1")" 2 "machines of a granted run"
		expect 0 "$paddock" release "k$1-1-default" --timeout 60s
		return 1
		;;
	*)
		echo "interrupted at call $1 it left with $code"
		cat "$T/crash.err"
		exit 1
		;;
	esac
}

# One machine is warm and one has to be made: every kind of step is on the way.
a_provision_interrupted_at_any_call_gives_everything_back() {
	quick
	step=${STRIDE:-5}
	[ -z "${LONG-}" ] || step=1
	k=1 given_up=0
	while :; do
		expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s
		if interrupted_at "$k"; then
			given_up=$((given_up + 1))
		else
			break
		fi
		k=$((k + step))
	done
	[ "$given_up" -gt 2 ]
	expect 0 "$paddock" destroy --all
	expect 0 "$paddock" refresh
	equal "$(processes_below "$T/state")" "" "processes left"
}

# A background process of a shell ignores SIGINT, unless somebody makes it listen again.
ctrl_c_while_it_waits_gives_everything_back() {
	quick
	expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s
	machine=$(json "$T/state/machines/"*/agent.json 'd["pid"]')
	# Stopped, it cannot answer the claim: provision waits for it.
	kill -STOP "$machine"
	start claim env --default-signal=INT "$paddock" provision --no-create --timeout 60s --run c
	claim=$started
	wait_for 20 is_held_by c
	kill -INT "$claim"
	code=0
	wait "$claim" || code=$?
	equal "$code" 75 "exit code"
	kill -CONT "$machine"
	wait_for 20 nobody_holds c
	is_alive "$machine"
}

is_held_by() {
	[ "$(holders "$1")" -eq 1 ]
}

# In another state directory, with the same store.
elsewhere() {
	PADDOCK_STATE_DIR="$T/elsewhere" "$@"
}

idle_machines() {
	"$paddock" pool --json >"$T/pool"
	json "$T/pool" 'len([m for m in d["machines"] if m["state"] == "idle"])'
}

a_machine_of_another_state_directory_is_no_dead_one() {
	quick
	export PADDOCK_STORE="sqlite:$T/shared.db"
	expect 0 "$paddock" provision --warm --instance-count 2 --timeout 60s
	expect 0 elsewhere "$paddock" refresh
	equal "$(idle_machines)" 2 "idle machines after another's refresh"

	# They can be had from there, and given back.
	expect 0 elsewhere "$paddock" provision --no-create --run r --instance-count 2 --timeout 60s
	expect 0 elsewhere "$paddock" exec r-1-default -- true
	expect 0 elsewhere "$paddock" release r-1-default --timeout 60s
	equal "$(idle_machines)" 2 "idle machines after another's release"

	# That one is dead is seen where it was.
	dead=$(json "$T/pool" 'd["machines"][0]["id"]')
	kill -9 "$(json "$T/state/machines/$dead/agent.json" 'd["pid"]')"
	expect 0 elsewhere "$paddock" refresh
	expect 0 "$paddock" status --json "$dead"
	equal "$(json "$out" 'd["machines"][0]["state"]')" idle "state after another's refresh"
	expect 0 "$paddock" refresh
	expect 0 "$paddock" status --json "$dead"
	equal "$(json "$out" 'd["machines"][0]["state"]')" terminated "state after its own refresh"
	expect 1 "$paddock" destroy no-such-machine
	contains "$err" "there is no machine"
}

run_tests a_provision_interrupted_at_any_call_gives_everything_back \
	ctrl_c_while_it_waits_gives_everything_back \
	a_machine_of_another_state_directory_is_no_dead_one
