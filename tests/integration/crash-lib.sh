# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # between lib.sh and the scripts
# An agent that is stopped or killed at some call (tests/helpers/crash-agent.c), at every place of a
# life: sourced after agent-lib.sh. In an ordinary run every STRIDE-th place is tried, beginning with
# one that SEED chooses; with LONG=yes every one.

crash_agent=${CRASH_AGENT:?the agent that can be killed at a call}
seed=${SEED:-$(($(date +%s) % 100000))}
at_once=2

# in_parallel COMMAND NUMBER…: COMMAND NUMBER in a subshell of its own for each, two at a time. Fails
# when one has failed, and shows what that one said.
in_parallel() {
	what=$1
	shift
	echo "$@" | xargs -n "$at_once" >"$T/waves"
	while read -r wave <&3; do
		pids=
		for number in $wave; do
			("$what" "$number" >"$T/log.$number" 2>&1) &
			pids="$pids $!"
		done
		for number in $wave; do
			pids=${pids# }
			wait "${pids%% *}" || {
				echo "place $number (seed $seed):"
				cat "$T/log.$number"
				return 1
			}
			pids=${pids#"${pids%% *}"}
			rm -rf "$T/p$number"
		done
	done 3<"$T/waves"
}

# places LAST: which of 1 … LAST are tried.
places() {
	stride=${STRIDE:-40}
	[ -z "${LONG-}" ] || stride=1
	seq "$((seed % stride + 1))" "$stride" "$1"
}

# count_places COMMAND: how many there are when nothing strikes, two for each call. Sets $n_places.
count_places() {
	("$1" 0) >"$T/log.0" 2>&1 || {
		cat "$T/log.0"
		return 1
	}
	n_places=$(($(cat "$T/p0/note") * 2))
}

# A world of its own below the test's, for one place.
enter() {
	T=$T/p$1
	mkdir -p "$T/state" "$T/home"
	cd "$T" || return
	out=$T/out
	err=$T/err
	export T HOME="$T/home" PADDOCK_STATE_DIR="$T/state"
}

# start_one PROGRAM: the agent of m-1.
start_one() {
	start agent "$1" run --machine m-1 --store "sqlite:$T/state/paddock.db" \
		--beat-period 200ms --beat-period-running 200ms --stop-grace 1s --log-level debug
	agent=$started
}

# Gone, or stopped.
is_out() {
	! grep -q '^State:[[:space:]]*[RSD]' "/proc/$agent/status" 2>/dev/null
}

# until_state STATE, until_job SEQ STATE: or until the agent is out.
until_state() {
	ctl await m-1 "$agent" state "$1" || [ $? -eq 1 ]
}

until_job() {
	ctl await-job m-1 "$agent" "$1" "$2" || [ $? -eq 1 ]
}

# It writes itself and its child down.
# shellcheck disable=SC2016 # for the job's shell
job_script='echo "$1" >>"$2/starts"; echo $$ >>"$2/pids"; sleep 1000 & echo $! >>"$2/pids"
sleep 0.2; exit 3'

# lead_a_life HOW PLACE: two claims, and its end, up to the place where the agent is struck.
lead_a_life() {
	begin
	export CRASH_HOW="$1" CRASH_AT="$2" CRASH_NOTE="$T/note"
	start_one "$crash_agent"
	unset CRASH_AT
	until_state idle
	is_out || serve 1
	is_out || serve 2
	is_out || kill "$agent"
	wait_for 20 is_out
	echo "struck $(cat "$T/note")"
}

# serve SEQ: one claim, as far as the agent lives to serve it.
serve() {
	ctl claim m-1 "run-$1" claim=1h
	ctl offer m-1 sh -c "$job_script" job "$1" "$T"
	until_job "$1" "done"
	! is_out || return 0
	give_back
	until_state idle
}

# The agent may see the withdrawal first, and drain by itself.
give_back() {
	ctl withdraw m-1
	ctl drain m-1 || :
}

# Another agent, as often as it takes: while the dead one's beats are fresh it has no say. It serves
# the claim that it finds, if it may, to its end.
succeed() {
	until record state terminated; do
		! is_gone "$agent" || start_one "$paddock_agent"
		wait_for 60 comes_to_rest || {
			echo "at $(ctl get m-1 state), seq $(ctl get m-1 seq): $(cat "$T/status")"
			tail -n 20 "$T/agent.err"
			return 1
		}
		! is_ready || return 0
		! has_served || give_back
	done
}

# Nothing more happens by itself.
comes_to_rest() {
	is_out || is_ready || has_served || record state terminated
}

is_ready() {
	record state idle && agent_is agent ready
}

has_served() {
	record state running && job "$(ctl get m-1 seq)" state "done" && agent_is agent listening
}

nothing_of_a_job_lives() {
	[ -e "$T/pids" ] || return 0
	while read -r pid; do
		is_gone "$pid" || {
			echo "process $pid of a job lives on"
			return 1
		}
	done <"$T/pids"
	equal "$(sort "$T/starts" 2>/dev/null | uniq -d)" "" "jobs started twice"
}
