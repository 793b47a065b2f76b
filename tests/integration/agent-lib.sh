# shellcheck shell=sh
# One agent and a store of its own, without a controller: sourced after lib.sh.

storectl=${STORECTL:?the built storectl}

# ctl VERB …
ctl() {
	"$storectl" "sqlite:$T/state/paddock.db" "$@"
}

# begin [LEASE=DURATION…]: a store with the created machine m-1.
begin() {
	ctl init
	ctl create m-1 "$@"
}

# start_agent [FLAG…]: the agent of m-1; sets $agent. Its log is $T/agent.err.
start_agent() {
	export PADDOCK_BEAT_PERIOD=500ms PADDOCK_BEAT_PERIOD_RUNNING=500ms PADDOCK_LOG_LEVEL=debug
	# shellcheck disable=SC2154 # of lib.sh
	start agent "$paddock_agent" run --machine m-1 "$@"
	# shellcheck disable=SC2154
	agent=$started
}

# record FIELD VALUE
record() {
	[ "$(ctl get m-1 "$1")" = "$2" ]
}

# job SEQ FIELD VALUE
job() {
	[ "$(ctl job m-1 "$1" "$2")" = "$3" ]
}

# agent_is MEMBER VALUE: what it says of itself.
agent_is() {
	"$paddock_agent" status --machine m-1 --json >"$T/status" 2>/dev/null &&
		grep -q "\"$1\":\"*$2\"*,*\$" "$T/status"
}

agent_logs() {
	grep -q -e "$1" "$T/agent.err"
}

# leaves STATUS: the agent ends, with this status.
leaves() {
	wait_for 10 is_gone "$agent"
	leaves_got=0
	wait "$agent" || leaves_got=$?
	equal "$leaves_got" "$1" "the agent's exit status"
}
