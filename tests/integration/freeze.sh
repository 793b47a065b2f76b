#!/bin/sh
# Agents that are frozen (SIGSTOP) and thawed: while they were away their machine was reaped, or
# another boot of it took over. They touch neither its record nor what it runs, and end.
. "$(dirname -- "$0")/lib.sh"
. "$here/agent-lib.sh"
. "$here/crash-lib.sh"

# What the new owner's claim is.
claim_as_it_stands() {
	for field in state seq run_key boot_id last; do
		ctl get m-1 "$field"
	done
}

# A job that waits for $T/go.
new_owner_works() {
	next=$(($(ctl get m-1 seq) + 1))
	ctl claim m-1 "run-$next"
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer m-1 sh -c 'echo $$ >"$0/new.pid"; until [ -e "$0/go" ]; do sleep 0.05; done; exit 3' "$T"
	wait_for 20 test -s "$T/new.pid"
	wait_for 20 agent_is phase busy
}

new_owner_is_undisturbed() {
	equal "$(claim_as_it_stands)" "$1" "the new owner's claim"
	is_alive "$(cat "$T/new.pid")"
	: >"$T/go"
	wait_for 20 job "$next" state "done"
	job "$next" exit 3
	kill "$agent"
	leaves 0
}

# Right before it starts a job it has just seen that it may: nobody can take back what follows. That
# job dies with the agent, which sees at once that it may no longer.
starts_allowed() {
	case $(cat "$T/note") in
	"before call "*": start") echo 1 ;;
	*) echo 0 ;;
	esac
}

count_starts() {
	if [ -e "$T/starts" ]; then wc -l <"$T/starts"; else echo 0; fi
}

thaw() {
	frozen_starts=$(count_starts)
	kill -CONT "$frozen"
	wait_for 15 is_gone "$frozen"
	wait "$frozen"
	new_starts=$(($(count_starts) - frozen_starts))
	[ "$new_starts" -le "$(starts_allowed)" ] || {
		echo "thawed, it started $new_starts jobs"
		return 1
	}
}

frozen_and_taken_over() {
	enter "$1"
	lead_a_life stop "$1"
	frozen=$agent
	mv "$T/agent.err" "$T/frozen.err"
	! is_gone "$frozen" || return 0
	export PADDOCK_STATE_DIR="$T/other"
	if ! record state terminated; then
		start_one "$paddock_agent"
		succeed
	fi
	if record state terminated; then
		thaw
		record state terminated
	else
		new_owner_works
		claim=$(claim_as_it_stands)
		thaw
		new_owner_is_undisturbed "$claim"
	fi
	nothing_of_a_job_lives
	equal "$(processes_below "$T/state/machines")" "" "processes left"
}

one_that_was_frozen_at_any_call_ends_when_it_was_succeeded() {
	count_places frozen_and_taken_over
	echo "seed $seed, $n_places places"
	# shellcheck disable=SC2046 # a list
	in_parallel frozen_and_taken_over $(places "$n_places")
}

run_tests one_that_was_frozen_at_any_call_ends_when_it_was_succeeded
