#!/bin/sh
# ./dev test and .ci/run count what really happened, and never make a failure look like none.
. "$(dirname -- "$0")/lib.sh"

# log BUILD NAME RESULT RETURNCODE [STDOUT]: one more line of a build's log.
log() {
	mkdir -p "$1/meson-logs"
	printf '{"name": "%s", "result": "%s", "returncode": %d, "stdout": "%s"}\n' \
		"$2" "$3" "$4" "${5-}" >>"$1/meson-logs/testlog.json"
}

# sums STATUS LAST_LINE BUILD…
sums() {
	wanted=$1
	line=$2
	shift 2
	expect "$wanted" "$root/scripts/sum-tests" "$@"
	equal "$(tail -n 1 "$out")" "$line" "the last line"
}

adds_subtests_over_builds() {
	log a unit OK 0 '1..2\nok 1 - x\nok 2 - y\n'
	log a plain OK 0 'ok 1 - no plan, so no TAP'
	log b unit OK 0 'ok 1 - x\n1..1\n'
	sums 0 '4 passed, 0 failed' a b
}

counts_failed_subtests() {
	log a unit ERROR 1 '1..3\nok 1 - x\nnot ok 2 - y: 1 is not 2\nnot ok 3 - z # TODO later\n'
	sums 1 '2 passed, 1 failed' a
	contains "$out" 'FAILED   a: unit: y: 1 is not 2'
}

counts_a_program_that_failed_behind_its_subtests() {
	log a unit ERROR 1 '1..1\nok 1 - x\n'
	log a slow TIMEOUT -15 '1..2\nok 1 - x\n'
	sums 1 '2 passed, 2 failed' a
	contains "$out" 'FAILED   a: slow: timeout'
}

counts_skips_with_their_reasons() {
	log a unit OK 0 '1..2\nok 1 - x\nok 2 - y # SKIP no counters here\n'
	log a root SKIP 0 '1..0 # SKIP needs root\n'
	log a other SKIP 77
	sums 0 '1 passed, 0 failed, 3 skipped' a
	contains "$out" 'skipped  a: unit: y: no counters here'
	contains "$out" 'skipped  a: root: needs root'
	contains "$out" 'skipped  a: other: no reason given'
}

a_program_that_says_nothing_has_failed() {
	log a unit OK 0 '1..1\nok 1 - x\n'
	log a silent SKIP 0
	sums 1 '1 passed, 1 failed' a
}

a_build_without_a_log_has_failed() {
	log a unit OK 0 '1..1\nok 1 - x\n'
	sums 1 '1 passed, 1 failed' a b
	contains "$out" 'FAILED   b: does not build'
}

no_test_at_all_is_a_failure() {
	mkdir -p a/meson-logs
	: >a/meson-logs/testlog.json
	sums 1 '0 passed, 0 failed' a
}

# ci LAST_LINE STATUS: .ci/run with a ./dev whose lint and test are functions in ./verbs.
ci() {
	mkdir -p .ci
	cp "$root/.ci/run" .ci/run
	printf '#!/bin/sh\n. ./verbs\n"$1"\n' >dev
	chmod +x dev
	expect "$2" sh -c 'echo typed | bash .ci/run'
	equal "$(tail -n 1 "$out")" "$1" "the last line"
}

ci_adds_lint_and_tests() {
	write verbs <<'END'
lint() { echo ok; echo "9 passed, 0 failed, 1 skipped"; }
test() { echo "[$CI]"; cat; echo "20 passed, 0 failed, 2 skipped"; }
END
	ci '29 passed, 0 failed, 3 skipped' 0
	contains "$out" '[true]'
	lacks "$out" typed
}

ci_goes_on_after_lint_has_failed() {
	write verbs <<'END'
lint() { echo "8 passed, 1 failed"; return 1; }
test() { echo "20 passed, 0 failed"; }
END
	ci '28 passed, 1 failed' 1
}

ci_fails_when_a_verb_tells_no_numbers() {
	write verbs <<'END'
lint() { echo "cannot install"; return 1; }
test() { echo "20 passed, 0 failed"; }
END
	ci '20 passed, 1 failed' 1
}

ci_fails_when_a_verb_fails_in_spite_of_its_numbers() {
	write verbs <<'END'
lint() { echo "9 passed, 0 failed"; }
test() { echo "20 passed, 0 failed"; return 1; }
END
	ci '29 passed, 1 failed' 1
}

run_tests adds_subtests_over_builds counts_failed_subtests \
	counts_a_program_that_failed_behind_its_subtests counts_skips_with_their_reasons \
	a_program_that_says_nothing_has_failed a_build_without_a_log_has_failed \
	no_test_at_all_is_a_failure \
	ci_adds_lint_and_tests ci_goes_on_after_lint_has_failed \
	ci_fails_when_a_verb_tells_no_numbers ci_fails_when_a_verb_fails_in_spite_of_its_numbers
