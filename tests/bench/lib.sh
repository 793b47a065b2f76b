# shellcheck shell=sh
# What the benches in shell share: the programs of the build directory that is the first argument,
# a world of their own below $T, and percentiles. Sourced; not executable, so no bench itself.

set -eu
build=$(cd -P -- "${1:?the build directory}" && pwd)
paddock=$build/controller/paddock
paddock_agent=$build/agent/paddock-agent
[ -x "$paddock" ] && [ -x "$paddock_agent" ]
here=$(cd -P -- "$(dirname -- "$0")" && pwd)
. "$here/../processes.sh"

for variable in $(env | sed -n 's/^\(PADDOCK[A-Z0-9_]*\)=.*/\1/p') \
	GITHUB_RUN_ID GITHUB_RUN_ATTEMPT GITHUB_REPOSITORY GITHUB_WORKFLOW NOTIFY_SOCKET; do
	unset "$variable"
done
T=$(mktemp -d "${TMPDIR:-/tmp}/pb.XXXXXX")
mkdir "$T/home" "$T/state"
export HOME="$T/home" PADDOCK_STATE_DIR="$T/state" PADDOCK_AGENT_PATH="$paddock_agent" LC_ALL=C.UTF-8

# Every agent holds its machine's lock below $T.
clean_up() {
	trap '' HUP INT TERM
	kill_all_below "$T"
	rm -rf -- "$T"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# member NAME FILE: the first number under this name in a JSON file.
member() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$2" | head -n 1
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

# report WHAT VALUE UNIT NOTE
report() {
	printf '%s\t%s\t%s\t%s\n' "$@"
}
