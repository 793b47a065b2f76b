# shellcheck shell=sh
# For the tests of ./dev and scripts/: each gets an empty directory $T to stand in.

set -eu

root=$(cd -P -- "$(dirname -- "$0")/../.." && pwd)
. "$root/tests/tap.sh"

suite_dir=$(mktemp -d)
trap 'rm -rf -- "$suite_dir"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

before_each() {
	T=$suite_dir/$tap_number
	mkdir -p "$T/tree" "$T/bin"
	cd "$T/tree"
	# shellcheck disable=SC2034 # for tap.sh
	out=$T/out err=$T/err
}

# write FILE: its text comes on stdin.
write() {
	mkdir -p "$(dirname -- "$1")"
	cat >"$1"
}

# A command of that name that runs the script on stdin, found when PATH has $T/bin in front.
fake() {
	{
		echo '#!/bin/sh'
		cat
	} >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
