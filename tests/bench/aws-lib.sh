# shellcheck shell=sh
# What the benches on AWS's peers share, instead of lib.sh: the peers (tests/fakes/peers.sh), the
# programs beside this file, and a wire of a given length to a peer. Sourced; not executable, so no
# bench itself.
#
# The arguments go on when peers.sh starts the script anew in a namespace.

build=$(cd -P -- "${1:?the build directory}" && pwd)
export PADDOCK="$build/controller/paddock" PADDOCK_AGENT="$build/agent/paddock-agent"
[ -x "$PADDOCK" ] && [ -x "$PADDOCK_AGENT" ]
. "$(dirname -- "$0")/../fakes/peers.sh"

tools=$build/tests/bench
# shellcheck disable=SC2034 # for the scripts
readonly STORE=dynamodb:machines
# shellcheck disable=SC2034 # for the scripts
readonly ONE_WAY_MS=10

# The names of peers.sh, for a bench: its reason is its row.
skip_all() {
	report "$(basename -- "$0" .sh)" - "" "skipped: $1"
	exit 0
}
skip_test() {
	skip_all "$1"
}

# report WHAT VALUE UNIT NOTE
report() {
	printf '%s\t%s\t%s\t%s\n' "$@"
}

# percentile P FILE: of one number a line, by nearest rank.
percentile() {
	sort -n "$2" | awk -v p="$1" '
		{ value[NR] = $1 }
		END {
			rank = int((p * NR + 99) / 100)
			print value[rank < 1 ? 1 : rank]
		}'
}

# start_wire NAME URL [MS]: sets $wire to the address of a wire to there, MS each way.
start_wire() {
	mkdir "$T/$1"
	start "$1" "$tools/slow-wire" "${2##*:}" "${3:-$ONE_WAY_MS}" "$T/$1"
	echo "$started" >"$T/$1/pid"
	wait_for 10 test -s "$T/$1/port"
	# shellcheck disable=SC2034 # for the scripts
	wire=http://127.0.0.1:$(cat "$T/$1/port")
}

# counts NAME: "OPERATION COUNT" lines, of what was asked over this wire since the last time.
counts() {
	rm -f "$T/$1/counts"
	kill -USR1 "$(cat "$T/$1/pid")"
	wait_for 10 test -e "$T/$1/counts"
	sort "$T/$1/counts"
}

# In a directory of its own, which goes with the script; but not while it stands in there.
trap 'cd / && clean_up' EXIT
before_each
