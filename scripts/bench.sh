# shellcheck shell=sh
# ./dev bench: builds for release, runs every bench and prints one table.
#
# A bench is an executable tests/bench/NAME.sh, or a program build-bench/tests/bench/bench-NAME of
# tests/bench/meson.build. It is given the build directory as its only argument and prints lines of
# four columns separated by tabs: what was measured, the value, its unit, a note (may be empty). It
# measures in a directory of its own, leaves nothing behind and fails if it cannot measure.

verb_bench() {
	need build
	configure build-bench gcc --buildtype release -Dtests=disabled -Dbench=true
	compile build-bench

	# What a bench that is interrupted leaves behind is in one directory, and goes with it.
	bench_tmp=$(mktemp -d "${TMPDIR:-/tmp}/pb.XXXXXX")
	trap 'rm -rf -- "$bench_tmp"' EXIT
	export TMPDIR="$bench_tmp"
	results=$bench_tmp/results
	: >"$results"
	status=0
	found=$(benches "$@")
	[ -n "$found" ] || die "there is no such bench"
	for bench in $found; do
		say "measuring: $(bench_name "$bench")"
		"$bench" build-bench </dev/null >>"$results" || {
			say "FAILED: $(bench_name "$bench")"
			status=1
		}
	done
	print_results <"$results"
	return "$status"
}

# Those that are named, or all.
benches() {
	for bench in tests/bench/*.sh build-bench/tests/bench/bench-*; do
		if [ -f "$bench" ] && [ -x "$bench" ] && is_wanted "$(bench_name "$bench")" "$@"; then
			echo "$bench"
		fi
	done
}

bench_name() {
	bench_file=$(basename -- "$1" .sh)
	echo "${bench_file#bench-}"
}

# is_wanted NAME WANTED…
is_wanted() {
	[ "$#" -gt 1 ] || return 0
	wanted_name=$1
	shift
	for wanted; do
		[ "$wanted" != "$wanted_name" ] || return 0
	done
	return 1
}

print_results() {
	awk -F '\t' '
		{
			for (i = 1; i <= 3; i++)
				if (length($i) > width[i])
					width[i] = length($i)
			for (i = 1; i <= 4; i++)
				cell[NR, i] = $i
		}
		END {
			for (n = 1; n <= NR; n++)
				printf "%-" width[1] "s  %" width[2] "s %-" width[3] "s  %s\n", cell[n, 1],
					cell[n, 2], cell[n, 3], cell[n, 4]
		}'
}
