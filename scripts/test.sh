# shellcheck shell=sh
# ./dev test: the same tests in two builds, and one sum. A test that is interrupted has no time to
# clean up, so everything that they make is in one directory, and goes with it.

verb_test() {
	packages='test'
	long=--no-suite=long
	while [ "$#" -gt 0 ]; do
		case $1 in
		--long) packages='long' long= ;;
		-*) usage_error "test has no option '$1'" ;;
		*) break ;;
		esac
		shift
	done
	# Whoever names a test means it, however long it is.
	[ "$#" -eq 0 ] || long=

	need "$packages"
	need_peers
	. scripts/test-long.sh
	. tests/processes.sh
	tests_tmp=$(mktemp -d "${TMPDIR:-/tmp}/pd.XXXXXX")
	# Like /tmp, because some tests go on as another user.
	chmod 1777 "$tests_tmp"
	trap 'kill_all_below "$tests_tmp"; rm -rf -- "$tests_tmp"' EXIT
	export TMPDIR="$tests_tmp"

	status=0
	around=
	builds='build-asan build-clang'
	run_tests_of asan ${long:+"$long"} "$@" || status=1
	run_tests_of clang ${long:+"$long"} "$@" || status=1
	if [ "$packages" = long ]; then
		run_long_builds "$@" || status=1
	fi
	# shellcheck disable=SC2086 # a list
	scripts/sum-tests $builds || status=1
	return "$status"
}

# An old log is taken away first, so that it is never counted for a build that failed. What is in
# $around stands in front of the tests' command.
run_tests_of() {
	kind=$1
	shift
	rm -f "build-$kind/meson-logs/testlog.json"
	"configure_$kind" && compile "build-$kind" || return

	say "testing build-$kind/"
	on_terminal || set -- --quiet "$@"
	# It writes none if no test has such a name in this build; then nothing is to be counted.
	: >"build-$kind/meson-logs/testlog.json"
	$around meson test -C "build-$kind" --no-rebuild --print-errorlogs "$@"
}
