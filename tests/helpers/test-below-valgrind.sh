#!/bin/sh
# test-below-valgrind.sh COMMAND…: for meson's --wrapper: unit tests below valgrind, all else as it is. A
# test in which valgrind finds something leaves with an error of its own, and so counts as failed.
# Descriptors that it leaves open do not count: tests fork, and leave in the middle, on purpose.
set -eu

skip() {
	printf '1..0 # SKIP below valgrind %s\n' "$1"
	exit 0
}

case $1 in
*/test-io-tree | */test-runner-root | */test-sqlite-faults)
	skip "a mount() without a type, which the kernel allows, is an error" ;;
*/test-provider-local | */test-runner-spawn)
	skip "posix_spawn() does not tell that exec() has failed" ;;
*/test-sqlite-open) skip "twenty openers are too slow for one another" ;;
*/test-probe-load) skip "its loops take a quarter of an hour" ;;
*/test-*) ;;
*) exec "$@" ;;
esac

helpers=$(dirname -- "$0")
FOUND=$(mktemp -d)
PIDFD_BROKER=$FOUND/broker
export FOUND PIDFD_BROKER CK_TIMEOUT_MULTIPLIER=20

python3 "$helpers/pidfd-broker.py" "$PIDFD_BROKER" &
broker=$!
trap 'kill "$broker"; rm -rf -- "$FOUND"' EXIT
until [ -S "$PIDFD_BROKER" ]; do
	kill -0 "$broker"
	sleep 0.01
done

status=0
sh "$helpers/below-valgrind.sh" "$@" || status=$?
if [ "$status" -ne 0 ]; then
	grep -h -B 2 -A 20 'loss record\|^==[0-9]*== [A-Z].*[^.]$' "$FOUND"/*.* >&2 || :
fi
exit "$status"
