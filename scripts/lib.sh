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

# The tracked C files that are there, one a line.
c_files() {
	tracked_files '*.c' '*.h'
}

# Tracked files that match the patterns and are there. When git will not tell (no checkout, somebody
# else's), this fails, rather than have a check look at nothing and pass: so callers keep the list in
# a variable and do not read it from a pipe, which would lose the failure.
tracked_files() {
	tracked=$(git ls-files -- "$@") || die "git cannot list the files of this checkout"
	for file in $tracked; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

# each_of LIST COMMAND…: the command with the list's words behind it; nothing when there are none.
each_of() {
	words=$1
	shift
	printf '%s\n' "$words" | xargs -r "$@" || return 1
}
