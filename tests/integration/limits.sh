#!/bin/sh
# Too few descriptors, too little memory, and clocks that are wrong: a clear word and an exit code of
# our own, or work as usual; nothing half-done is left behind, nothing is reaped or claimed wrongly.
. "$(dirname -- "$0")/lib.sh"
. "$here/agent-lib.sh"

wrong_clock=${WRONG_CLOCK_LIBRARY:?the built module with a wrong clock}

quick() {
	export PADDOCK_AGENT_PATH="$paddock_agent" PADDOCK_BEAT_PERIOD=500ms PADDOCK_REAP_GRACE=2s \
		PADDOCK_REUSE=any
}

# left_well CODE FILE WHO: it did its work, or said in its own words why not. 127: the program could
# not even be loaded.
left_well() {
	case $1 in
	0) return 0 ;;
	1 | 3 | 4 | 5 | 75) grep -q "^[^ ]* *$3: \|$3: " "$2" && return 0 ;;
	127) grep -q 'error while loading shared libraries' "$2" && return 0 ;;
	esac
	echo "left with $1, and said:"
	cat "$2"
	return 1
}

until_or_gone() {
	what=$1
	shift
	ctl "$what" m-1 "$agent" "$@" || [ $? -eq 1 ]
}

# One life under a limit, as far as it goes: a claim with a job, and the end.
agent_lives_under() {
	rm -rf "$T/state"
	mkdir "$T/state"
	# shellcheck disable=SC2119 # it needs no arguments
	begin
	start agent prlimit "$1" "$paddock_agent" run --machine m-1 --beat-period 500ms \
		--boot-time 3s --stop-grace 1s
	agent=$started
	until_or_gone await state idle
	if record state idle; then
		ctl claim m-1 run-1
		ctl offer m-1 true
		until_or_gone await-job 1 "done"
		! is_alive "$agent" || job 1 exit 0 || job 1 exit 125
		ctl withdraw m-1
		ctl drain m-1 || :
		until_or_gone await state idle
	fi
	! is_alive "$agent" || kill "$agent"
	wait_for 20 is_gone "$agent"
	code=0
	wait "$agent" || code=$?
	left_well "$code" "$T/agent.err" paddock-agent
	equal "$(processes_below "$T/state")" "" "processes left"
	find "$T/state/machines" -name '*.tmp*' -o -name '.new-*' >"$T/found" 2>/dev/null || :
	equal "$(cat "$T/found")" "" "half-written files"
}

# A provision under a limit, and what it takes to clear up behind it.
controller_works_under() {
	code=0
	prlimit "$1" "$paddock" provision --run "$2" --timeout 15s >"$T/p.out" 2>"$T/p.err" || code=$?
	left_well "$code" "$T/p.err" paddock
	expect 0 "$paddock" release --force "$2-1-default"
	expect 0 "$paddock" destroy --all --force
	expect 0 "$paddock" refresh
	expect 0 "$paddock" status --json
	equal "$(json "$out" 'len(d["machines"])')" 0 "live machines"
	equal "$(processes_below "$T/state")" "" "processes left"
}

few_descriptors_are_told() {
	quick
	for n in 4 7 11 13 14 15 16 20; do
		echo "agent with $n descriptors"
		agent_lives_under --nofile="$n"
	done
	rm -rf "$T/state"
	mkdir "$T/state"
	expect 0 "$paddock" provision --warm
	for n in 4 6 8 9 10 11 12 16; do
		echo "controller with $n descriptors"
		controller_works_under --nofile="$n" "n$n"
	done
}

# A sanitizer reserves terabytes.
needs_no_sanitizer() {
	! ldd "$paddock" | grep -q 'lib[a-z]*san' ||
		skip_test "the address space of a program with a sanitizer cannot be limited"
}

little_memory_is_told() {
	needs_no_sanitizer
	quick
	for n in 4 8 10 12 14 16 18 20 24 32; do
		echo "agent with $n MiB"
		agent_lives_under --as="$((n * 1048576))"
	done
	rm -rf "$T/state"
	mkdir "$T/state"
	expect 0 "$paddock" provision --warm
	for n in 4 8 10 12 14 16 20 32; do
		echo "controller with $n MiB"
		controller_works_under --as="$((n * 1048576))" "m$n"
	done
}

# --- clocks ---

# In a time namespace whose time since boot is a day ahead.
ahead() {
	unshare --time --boottime 86400 --monotonic 86400 "$@"
}

# With a wall clock that is wrong by so many seconds as stand in $T/wrong. A sanitizer wants to be
# loaded first.
with_wrong_wall_clock() {
	env LD_PRELOAD="$wrong_clock" WRONG_CLOCK="$T/wrong" \
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "$@"
}

idle_machines() {
	"$paddock" pool --json >"$T/pool"
	json "$T/pool" 'len([m for m in d["machines"] if m["state"] == "idle"])'
}

# others_see_the_same COMMAND…: controllers that are started through it reap nothing and claim as
# ever.
others_see_the_same() {
	quick
	expect 0 "$paddock" provision --warm --instance-count 2 --timeout 60s
	expect 0 "$@" "$paddock" refresh
	equal "$(idle_machines)" 2 "idle machines after a refresh"
	expect 0 "$@" "$paddock" provision --no-create --run r --instance-count 2 --timeout 60s
	expect 0 "$paddock" refresh
	expect 0 "$@" "$paddock" exec r-1-default -- true
	expect 0 "$@" "$paddock" refresh
	expect 0 "$@" "$paddock" release r-1-default --timeout 60s
	equal "$(idle_machines)" 2 "idle machines after a release"
}

# serves_as_ever COMMAND…: an agent that is started through it serves a claim, and its idle time is
# as long as anybody's.
serves_as_ever() {
	begin idle=4s
	export PADDOCK_BEAT_PERIOD=500ms PADDOCK_LOG_LEVEL=debug
	start agent "$@" "$paddock_agent" run --machine m-1
	agent=$started
	ctl await m-1 "$agent" state idle
	ctl claim m-1 run-1
	ctl offer m-1 sh -c 'exit 3'
	ctl await-job m-1 "$agent" 1 "done"
	job 1 exit 3
	before=$(now_ms)
	ctl withdraw m-1
	ctl drain m-1 idle=4s || :
	ctl await m-1 "$agent" state idle
	leaves 0
	[ $(($(now_ms) - before)) -gt 4000 ]
	record state terminated
	record reason "agent: the time for being idle is up"
}

needs_time_namespaces() {
	[ "$(id -u)" -eq 0 ] || skip_test "a time namespace needs root"
	ahead true 2>"$T/unshare.err" || skip_test "no time namespace here: $(cat "$T/unshare.err")"
}

controllers_in_a_shifted_boot_time_tell_the_same_time() {
	needs_time_namespaces
	others_see_the_same ahead
}

an_agent_in_a_shifted_boot_time_lives_as_long_as_any() {
	needs_time_namespaces
	serves_as_ever ahead
}

controllers_with_a_wrong_wall_clock_tell_the_same_time() {
	echo 18000 >"$T/wrong"
	[ $(($(with_wrong_wall_clock date +%s) - $(date +%s))) -gt 17000 ]
	others_see_the_same with_wrong_wall_clock
	expect 0 "$paddock" provision --run before --no-create --timeout 60s
	echo -100000 >"$T/wrong"
	expect 0 with_wrong_wall_clock "$paddock" refresh
	expect 0 with_wrong_wall_clock "$paddock" exec before-1-default -- true
	expect 0 with_wrong_wall_clock "$paddock" release before-1-default --timeout 60s
	equal "$(idle_machines)" 2 "idle machines"
}

an_agent_with_a_wrong_wall_clock_lives_as_long_as_any() {
	echo 18000 >"$T/wrong"
	serves_as_ever with_wrong_wall_clock
}

# While it lives, by a day forwards and by two backwards.
an_agent_whose_wall_clock_jumps_goes_on() {
	begin idle=6s
	echo 0 >"$T/wrong"
	before=$(now_ms)
	start agent with_wrong_wall_clock "$paddock_agent" run --machine m-1 --beat-period 500ms
	agent=$started
	ctl await m-1 "$agent" state idle
	for jump in 86400 -172800; do
		echo "$jump" >"$T/wrong"
		beat=$(ctl get m-1 beat_ms)
		wait_for 5 has_beaten_since "$beat"
		record state idle
	done
	leaves 0
	[ $(($(now_ms) - before)) -gt 6000 ]
	record reason "agent: the time for being idle is up"
}

has_beaten_since() {
	[ "$(ctl get m-1 beat_ms)" -gt "$1" ]
}

run_tests few_descriptors_are_told little_memory_is_told \
	controllers_in_a_shifted_boot_time_tell_the_same_time \
	an_agent_in_a_shifted_boot_time_lives_as_long_as_any \
	controllers_with_a_wrong_wall_clock_tell_the_same_time \
	an_agent_with_a_wrong_wall_clock_lives_as_long_as_any \
	an_agent_whose_wall_clock_jumps_goes_on
