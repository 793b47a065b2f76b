# shellcheck shell=sh
# What every integration test starts with: the built programs against a world of their own. Each
# test function gets a fresh directory $T with its own HOME and state directory, and no PADDOCK_*
# of the caller's. When it ends, whatever it started is gone: as root the script lives in a PID
# namespace that dies with it, and in any case every process that has something below $T open (each
# agent holds its machine's lock there) is killed.
#
# The script finds the programs as "$paddock" and "$paddock_agent", and sources this with
#	. "$(dirname -- "$0")/lib.sh"

set -eu

# As root: into a PID namespace. The first process in it does nothing but reap.
if [ -z "${IN_TEST_NAMESPACE-}" ] && [ "$(id -u)" -eq 0 ] &&
	unshare --mount --pid --fork --mount-proc true 2>/dev/null; then
	IN_TEST_NAMESPACE=yes exec unshare --mount --pid --fork --mount-proc --kill-child \
		sh -c 'sh "$@"; exit $?' init "$0" "$@"
fi

# shellcheck disable=SC2034 # for the scripts
paddock=${PADDOCK:?the built paddock}
# shellcheck disable=SC2034 # for the scripts
paddock_agent=${PADDOCK_AGENT:?the built paddock-agent}
here=$(cd -P -- "$(dirname -- "$0")" && pwd)
. "$here/../tap.sh"
. "$here/../processes.sh"

for variable in $(env | sed -n 's/^\(PADDOCK[A-Z0-9_]*\)=.*/\1/p') \
	GITHUB_RUN_ID GITHUB_RUN_ATTEMPT GITHUB_REPOSITORY GITHUB_WORKFLOW NOTIFY_SOCKET CI \
	XDG_STATE_HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME; do
	unset "$variable"
done
export NO_COLOR=1 LC_ALL=C.UTF-8

# Short, because a socket's path below it must fit in 108 bytes.
suite_dir=$(mktemp -d "${TMPDIR:-/tmp}/pd.XXXXXX")
# As before_each runs in the test's own subshell, what it exports is the test's alone.
before_each() {
	T=$suite_dir/$tap_number
	mkdir -p "$T/home" "$T/state"
	cd "$T"
	out=$T/out
	err=$T/err
	export T HOME="$T/home" PADDOCK_STATE_DIR="$T/state" TMPDIR="$T"
}

# With KEEP=yes in the environment the directories of failed tests stay.
after_each() {
	T=$suite_dir/$tap_number
	kill_all_below "$T"
	if [ "$tap_result" -ne 0 ]; then
		show_logs
		[ -z "${KEEP-}" ] || return 0
	fi
	rm -rf -- "$T"
}

show_logs() {
	find "$T" -type f \( -name '*.log' -o -name '*.err' -o -name 'agent*' \) -size -1024k |
		while read -r log; do
			echo "--- the end of $log:"
			tail -n 20 -- "$log"
		done
}

clean_up() {
	trap '' HUP INT TERM
	kill_all_below "$suite_dir"
	[ -n "${KEEP-}" ] || rm -rf -- "$suite_dir"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for SECONDS COMMAND…: until the command succeeds; fails when the time is over.
wait_for() {
	wait_seconds=$1
	shift
	wait_until=$(($(now_ms) + wait_seconds * 1000))
	until "$@" >/dev/null 2>&1; do
		if [ "$(now_ms)" -ge "$wait_until" ]; then
			echo "waited $wait_seconds s in vain for: $*"
			return 1
		fi
		sleep 0.05
	done
}

# By the clock since boot: a jump of the wall clock shortens no wait.
now_ms() {
	read -r up _ </proc/uptime
	echo "$(echo "$up" | tr -d .)0"
}

# start NAME COMMAND…: in the background, its output in $T/NAME.out and $T/NAME.err; sets $started.
start() {
	start_name=$1
	shift
	"$@" >"$T/$start_name.out" 2>"$T/$start_name.err" </dev/null &
	# shellcheck disable=SC2034 # for the scripts
	started=$!
}

# is_gone PID: a zombie is gone, too.
is_gone() {
	! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

is_alive() {
	! is_gone "$1"
}

# The system's own, which meson runs on; one that a version manager puts in front takes long to start.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# json FILE EXPRESSION: evaluates a Python expression about the document d, such as
# 'len(d["machines"])' or '[m["id"] for m in d["machines"]]' (a list prints one a line).
json() {
	"$python" -c '
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
value = eval(sys.argv[2])
for item in value if isinstance(value, list) else [value]:
    print(item if isinstance(item, str) else json.dumps(item))
' "$1" "$2"
}
