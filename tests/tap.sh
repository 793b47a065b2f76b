# shellcheck shell=sh
# Tests in shell that speak TAP. A script sources this, defines functions whose names are sentences,
# and ends with `run_tests NAME…`. Each function runs in a subshell of its own under `set -e`: the
# first command that fails fails the test, and what it printed becomes the test's diagnosis.

# Overridden by whoever needs something around each test.
before_each() { :; }
after_each() { :; }

tap_number=0
tap_status=0

ok() {
	tap_number=$((tap_number + 1))
	printf 'ok %d - %s\n' "$tap_number" "$1"
}

# not_ok NAME [LOG]
not_ok() {
	tap_number=$((tap_number + 1))
	tap_status=1
	printf 'not ok %d - %s\n' "$tap_number" "$1"
	# On stderr, because the runner shows that of a test that failed.
	[ ! -f "${2-}" ] || {
		echo "$1:"
		tail -n 200 "$2" | sed 's/^/    /'
	} >&2
}

# skip NAME REASON
skip() {
	tap_number=$((tap_number + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_number" "$1" "$2"
}

# The whole script cannot run here.
skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

# Inside a test: it cannot run here.
skip_test() {
	printf '%s\n' "$1" >"$tap_log.skip"
	exit 0
}

# run_tests NAME…: the end of every script. With ONLY="NAME…" in the
# environment only those run.
run_tests() {
	tap_log=$(mktemp)
	# shellcheck disable=SC2086 # a list
	[ -z "${ONLY-}" ] || set -- $ONLY
	printf '1..%d\n' "$#"
	for tap_name; do
		# Not as a condition: that would switch `set -e` off inside.
		set +e
		(
			set -e
			before_each
			"$tap_name"
		) >"$tap_log" 2>&1
		tap_result=$?
		(after_each) >>"$tap_log" 2>&1 || tap_result=1
		set -e

		if [ "$tap_result" -ne 0 ]; then
			not_ok "$tap_name" "$tap_log"
		elif [ -f "$tap_log.skip" ]; then
			skip "$tap_name" "$(cat "$tap_log.skip")"
		else
			ok "$tap_name"
		fi
		rm -f "$tap_log.skip"
	done
	rm -f "$tap_log"
	exit "$tap_status"
}

# expect STATUS COMMAND…: runs it, its output in the files $out and $err; any other status fails.
expect() {
	expect_wanted=$1
	shift
	expect_got=0
	"$@" >"${out:?}" 2>"${err:?}" </dev/null || expect_got=$?
	[ "$expect_got" -eq "$expect_wanted" ] && return
	echo "'$*' left with $expect_got instead of $expect_wanted; it said:"
	cat "$out" "$err"
	return 1
}

# contains FILE TEXT: the text is there, as it stands.
contains() {
	grep -qF -e "$2" -- "$1" && return
	echo "$1 lacks '$2'; it reads:"
	cat -- "$1"
	return 1
}

# lacks FILE TEXT
lacks() {
	! grep -nF -e "$2" -- "$1"
}

# equal GOT WANTED [WHAT]
equal() {
	[ "$1" = "$2" ] && return
	echo "${3:-value} is '$1', not '$2'"
	return 1
}
