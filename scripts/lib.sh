# shellcheck shell=sh
# What all of ./dev shares: talking to the user. Progress goes to stderr, results to stdout.

say() {
	printf '%s\n' "dev: $*" >&2
}

die() {
	say "$*"
	exit 1
}

usage_error() {
	say "$*; see ./dev help"
	exit 2
}

# Whether somebody watches: then tools may draw their progress.
on_terminal() {
	[ -z "${CI-}" ] && [ -t 1 ] && [ -t 2 ]
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# The C files that are ours and still there, one a line.
c_files() {
	tracked_files '*.c' '*.h'
}

# Tracked files that match the patterns. Says so instead of checking nothing when git will not tell.
tracked_files() {
	git ls-files -- "$@" >"${TMPDIR:-/tmp}/dev-files.$$" || {
		rm -f "${TMPDIR:-/tmp}/dev-files.$$"
		die "git cannot list the files of this checkout"
	}
	while read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done <"${TMPDIR:-/tmp}/dev-files.$$"
	rm -f "${TMPDIR:-/tmp}/dev-files.$$"
}
