#!/bin/sh
# The demo runs through, and leaves no process and no file behind, however it ends.
. "$(dirname -- "$0")/lib.sh"

nothing_is_left() {
	equal "$(processes_below "$T/tmp")" "" "processes left"
	equal "$(find "$T/tmp" -mindepth 1)" "" "files left"
}

the_demo_runs_through_and_leaves_nothing() {
	mkdir "$T/tmp"
	TMPDIR=$T/tmp expect 0 "$paddock" demo
	contains "$out" "Kill a controller half-way"
	contains "$out" "Nothing is left"
	lacks "$out" "failed ("
	nothing_is_left
}

# interrupt_when TEXT SIGNAL: ends the demo when its output holds the text.
interrupt_when() {
	mkdir -p "$T/tmp"
	TMPDIR=$T/tmp start demo "$paddock" demo
	demo=$started
	wait_for 60 grep -q "$1" "$T/demo.out"
	kill -"$2" "$demo"
	code=0
	wait "$demo" || code=$?
	[ "$code" -ne 0 ]
	nothing_is_left
}

an_interrupted_demo_leaves_nothing() {
	for text in 'Warm three' 'instance-count 3' 'Provision two' 'Run a job' 'Release them' \
		'Kill an agent' 'Kill a controller' 'destroy'; do
		interrupt_when "$text" TERM
	done
}

run_tests the_demo_runs_through_and_leaves_nothing an_interrupted_demo_leaves_nothing
