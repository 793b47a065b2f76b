# shellcheck shell=sh
# ./dev fuzz SECONDS [NAME…]: builds the fuzz targets with libFuzzer (clang) and runs each for so
# long, as many at a time as there are processors. Each begins with what is in tests/fuzz/corpus/NAME
# and with what earlier runs have added to build-fuzz-found/NAME/corpus. An input that makes one fail
# is kept in build-fuzz-found/NAME; the command that replays it is printed.

readonly FUZZ_BUILD=build-fuzz
readonly FUZZ_FOUND=build-fuzz-found
readonly FUZZ_INPUT_MAX=4096    # bytes: every parser shows its faults on less
readonly FUZZ_INPUT_SECONDS=10  # longer than this for one input is a fault of its own
readonly FUZZ_MEMORY_MAX=1500   # MiB

verb_fuzz() {
	[ "$#" -gt 0 ] || usage_error "fuzz needs a number of seconds"
	case $1 in
	'' | *[!0-9]* | 0*) usage_error "fuzz: '$1' is no number of seconds" ;;
	esac
	[ "${#1}" -le 6 ] || usage_error "fuzz: $1 seconds are too many"
	fuzz_seconds=$1
	shift
	fuzz_names=$(fuzz_targets)
	for name; do
		printf '%s\n' "$fuzz_names" | grep -qxF -e "$name" ||
			usage_error "fuzz has no target '$name'; there are:" \
				"$(printf '%s\n' "$fuzz_names" | tr '\n' ' ')"
	done
	[ "$#" -eq 0 ] || fuzz_names=$(printf '%s\n' "$@")

	need fuzz
	configure "$FUZZ_BUILD" clang --buildtype debugoptimized -Dtests=enabled -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false
	say "building $FUZZ_BUILD/"
	run_quietly ninja -C "$FUZZ_BUILD" fuzzers

	fuzz_tmp=$(mktemp -d "$(fuzz_place)/pf.XXXXXX")
	trap 'fuzz_clean' EXIT
	fuzz_all
	fuzz_count
}

# What a target needs files for is done in memory, where there is some.
fuzz_place() {
	if [ -d /dev/shm ] && [ -w /dev/shm ]; then
		echo /dev/shm
	else
		echo "${TMPDIR:-/tmp}"
	fi
}

# A target that was cut off leaves its files, and may still be there.
fuzz_clean() {
	. tests/processes.sh
	kill_all_below "$fuzz_tmp"
	rm -rf -- "$fuzz_tmp"
}

fuzz_targets() {
	for file in tests/fuzz/fuzz-*.c; do
		name=$(basename -- "$file" .c)
		name=${name#fuzz-}
		[ ! -d "tests/fuzz/corpus/$name" ] || echo "$name"
	done
}

fuzz_all() {
	export FUZZ_BUILD FUZZ_FOUND FUZZ_INPUT_MAX FUZZ_INPUT_SECONDS FUZZ_MEMORY_MAX
	say "fuzzing $(printf '%s\n' "$fuzz_names" | wc -l) targets for $fuzz_seconds s each," \
		"$(nproc) at a time"
	: >"$fuzz_tmp/results"
	printf '%s\n' "$fuzz_names" | TMPDIR=$fuzz_tmp xargs -P "$(nproc)" -I '{}' \
		scripts/fuzz-one '{}' "$fuzz_seconds" "$fuzz_tmp/results" || :
}

# The last line, from one letter that each target has left.
fuzz_count() {
	passed=$(grep -c '^passed$' "$fuzz_tmp/results" || :)
	total=$(printf '%s\n' "$fuzz_names" | wc -l)
	echo "$passed passed, $((total - passed)) failed"
	[ "$passed" -eq "$total" ]
}
