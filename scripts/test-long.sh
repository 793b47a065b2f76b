# shellcheck shell=sh
# What ./dev test --long runs besides: builds that each look for one kind of error.

# Where the agent has two threads, or a test has.
readonly THREADED='agent agent-life agent-trouble channel control http http-time http-tls log'
# What `./dev build` makes is gcc's release, which no other build is.
readonly RELEASED='demo hardening version'

# run_long_builds NAME…: adds to $builds what is to be counted.
run_long_builds() {
	long_status=0
	run_long_build tsan "$(chosen_of "$THREADED" "$@")"
	run_long_build gcc "$(chosen_of "$RELEASED" "$@")"
	builds="$builds build-valgrind"
	test_valgrind "$@"
	return "$long_status"
}

# run_long_build KIND TESTS
run_long_build() {
	[ -n "$2" ] || return 0
	builds="$builds build-$1"
	# shellcheck disable=SC2086 # a list
	"test_$1" $2
}

test_tsan() {
	# The first report ends the process, and so fails its test, whoever started that process.
	around='env TSAN_OPTIONS=halt_on_error=1:exitcode=66:second_deadlock_stack=1'
	# Where a kernel makes addresses more random than the compiler's runtime expects, that refuses
	# to start.
	! setarch --addr-no-randomize true 2>/dev/null ||
		around="$around setarch --addr-no-randomize"
	run_tests_of tsan "$@" || long_status=1
	around=
}

# All unit tests, and the life of a machine.
test_valgrind() {
	# Behind a wrapper meson gives the log another name.
	log=build-valgrind/meson-logs/testlog
	rm -f "$log-test-below-valgrind.sh.json"
	around="env PIDFD_SHIM=$PWD/build-valgrind/tests/integration/libpidfd-shim.so"
	run_tests_of valgrind --wrapper "'$PWD/tests/helpers/test-below-valgrind.sh'" \
		--timeout-multiplier 20 --suite unit --suite memory "$@" || long_status=1
	around=
	[ ! -f "$log-test-below-valgrind.sh.json" ] ||
		mv "$log-test-below-valgrind.sh.json" "$log.json"
}

test_gcc() {
	run_tests_of gcc "$@" || long_status=1
}

# chosen_of LIST NAME…: those of the list that the names name; all of it if there are none.
chosen_of() {
	list=$1
	shift
	if [ "$#" -eq 0 ]; then
		echo "$list"
		return
	fi
	chosen=
	for name; do
		case " $list " in
		*" $name "*) chosen="$chosen $name" ;;
		esac
	done
	echo "${chosen# }"
}
