#!/bin/sh
# Claims under rivalry and under death: no machine twice, nothing leaked, nothing launched beyond
# what was asked.
. "$(dirname -- "$0")/lib.sh"

crash_controller=${CRASH_CONTROLLER:?the controller that can be killed at a store call}

# Quick enough for a test, slow enough for two busy cores.
quick() {
	export PADDOCK_AGENT_PATH="$paddock_agent" PADDOCK_BEAT_PERIOD=1s PADDOCK_REAP_GRACE=2s PADDOCK_REUSE=any
}

machines_made() {
	find "$T/state/machines" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | wc -l
}

rivals_get_each_machine_once() {
	quick
	expect 0 "$paddock" provision --warm --instance-count 5 --timeout 60s
	pids=
	for i in $(seq 20); do
		start "rival$i" "$paddock" provision --json --no-create --timeout 60s --run "rival$i"
		pids="$pids $started"
	done
	won=0 refused=0
	for i in $(seq 20); do
		pid=$(echo "$pids" | cut -d ' ' -f $((i + 1)))
		code=0
		wait "$pid" || code=$?
		case $code in
		0)
			won=$((won + 1))
			json "$T/rival$i.out" '[m["id"] for m in d["machines"]]' >>"$T/won"
			;;
		5)
			refused=$((refused + 1))
			equal "$(json "$T/rival$i.out" 'd["verdict"]')" refused "verdict"
			contains "$T/rival$i.out" "no idle machine fits, and --no-create forbids"
			;;
		*)
			echo "rival $i left with $code"
			cat "$T/rival$i.err"
			return 1
			;;
		esac
	done
	equal "$won $refused" "5 15" "claims and refusals"
	equal "$(sort -u "$T/won" | wc -l)" 5 "machines claimed"
	equal "$(machines_made)" 5 "machines made"
	expect 0 "$paddock" why rival1-1-default
}

# provision_killed K ARGUMENT…: 0 when it was killed at call K, 1 when it had fewer calls.
provision_killed() {
	k=$1
	shift
	code=0
	CRASH_AT=$k "$crash_controller" provision "$@" >"$T/crash.out" 2>"$T/crash.err" || code=$?
	case $code in
	137) return 0 ;;
	0) return 1 ;;
	*)
		echo "killed at $k: left with $code"
		cat "$T/crash.err"
		exit 1
		;;
	esac
}

# What must be true after a second start of the same run, whatever happened to the first.
check_granted() {
	expect 0 "$paddock" provision --json --timeout 60s --run "$1" --instance-count "$2"
	equal "$(json "$out" 'len(d["machines"])')" "$2" "granted machines of $1"
	equal "$(json "$out" 'len({m["id"] for m in d["machines"]})')" "$2" "different machines of $1"
	equal "$(json "$out" '[m["run_key"] for m in d["machines"]]' | sort -u)" "$1-1-default" "run"
	equal "$(json "$out" '[m["state"] for m in d["machines"]]' | sort -u)" running "state"
	expect 0 "$paddock" status --json
	equal "$(json "$out" "len([m for m in d[\"machines\"] if m.get(\"run_key\") == \"$1-1-default\"])")" \
		"$2" "machines that bear the run key $1"
}

# Two machines, one of them warm: every kind of step is on the way.
a_controller_killed_at_any_call_ends_in_the_same_place() {
	quick
	k=1
	while :; do
		expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s
		before=$(machines_made)
		killed=0
		provision_killed "$k" --timeout 60s --run "k$k" --instance-count 2 || killed=$?
		check_granted "k$k" 2
		made=$(($(machines_made) - before))
		[ "$made" -le 1 ] || {
			echo "killed at call $k: $made machines made where 1 was missing"
			return 1
		}
		expect 0 "$paddock" release "k$k-1-default" --timeout 60s
		# Made for this run, but given back in good order: it is warm now. Back to one.
		expect 0 "$paddock" destroy --all
		expect 0 "$paddock" refresh
		[ "$killed" -eq 0 ] || break
		k=$((k + 1))
	done
	echo "killed after each of $((k - 1)) store calls"
	[ "$k" -gt 10 ] || return 1
	equal "$(processes_below "$T/state" | wc -l)" 0 "processes left"
}

a_release_killed_at_any_call_can_be_said_again() {
	quick
	k=1
	while :; do
		expect 0 "$paddock" provision --timeout 60s --run "k$k" --instance-count 2
		code=0
		CRASH_AT=$k "$crash_controller" release "k$k-1-default" >"$T/crash.out" 2>&1 || code=$?
		expect 0 "$paddock" release "k$k-1-default" --timeout 60s
		expect 0 "$paddock" status --json
		equal "$(json "$out" '[m["state"] for m in d["machines"]]' | sort -u)" idle "state"
		[ "$code" -eq 137 ] || break
		k=$((k + 1))
	done
	echo "killed after each of $((k - 1)) store calls"
	[ "$k" -gt 5 ] || return 1
}

two_starts_of_one_run_share_one_verdict() {
	quick
	start one "$paddock" provision --json --timeout 60s --run same --instance-count 3
	one=$started
	start two "$paddock" provision --json --timeout 60s --run same --instance-count 3
	two=$started
	wait "$one"
	wait "$two"
	equal "$(json "$T/one.out" 'sorted(m["id"] for m in d["machines"])')" \
		"$(json "$T/two.out" 'sorted(m["id"] for m in d["machines"])')" "machines"
	equal "$(machines_made)" 3 "machines made"
}

the_same_key_for_another_request_is_refused() {
	quick
	expect 0 "$paddock" provision --run once --instance-count 1
	expect 2 "$paddock" provision --run once --instance-count 2
	contains "$err" "instance-count"
	expect 0 "$paddock" provision --run once --instance-count 1
	expect 0 "$paddock" release once-1-default
	expect 1 "$paddock" provision --run once --instance-count 1
	contains "$err" "released"
}

a_release_that_comes_first_closes_the_run() {
	quick
	expect 0 "$paddock" release early-1-default
	expect 1 "$paddock" provision --run early
	equal "$(machines_made)" 0 "machines made"
}

without_an_agent_to_start_everything_is_given_back() {
	quick
	expect 0 "$paddock" provision --warm --instance-count 1
	# More than can be had, so that it waits with what it has.
	start greedy "$paddock" provision --run greedy --instance-count 2 --agent-path "$T/no-agent"
	greedy=$started
	code=0
	wait "$greedy" || code=$?
	equal "$code" 5 "exit code without an agent to start"
	contains "$T/greedy.err" "no-agent"
	wait_for 20 one_is_idle
}

one_is_idle() {
	"$paddock" pool --json >"$T/pool" && [ "$(json "$T/pool" 'len([m for m in d["machines"] if m["state"] == "idle"])')" -eq 1 ]
}

run_tests rivals_get_each_machine_once \
	a_controller_killed_at_any_call_ends_in_the_same_place \
	a_release_killed_at_any_call_can_be_said_again \
	two_starts_of_one_run_share_one_verdict \
	the_same_key_for_another_request_is_refused \
	a_release_that_comes_first_closes_the_run \
	without_an_agent_to_start_everything_is_given_back
