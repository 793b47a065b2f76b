#!/bin/sh
# Who gets at what: a job, another user of the host, the environment of whoever called. SECURITY.md
# names these tests.
. "$(dirname -- "$0")/lib.sh"

readonly NOBODY=65534

# stranger COMMAND…: as a user who is nobody here.
stranger() {
	setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups -- "$@"
}

only_as_root() {
	[ "$(id -u)" -eq 0 ] || skip_test "only root can become another user"
}

# provisioned NAME: one machine, with a job done; sets $machine and $dir.
provisioned() {
	"$paddock" provision --run "$1" --json >"$T/granted"
	machine=$(json "$T/granted" 'd["machines"][0]["id"]')
	dir=$PADDOCK_STATE_DIR/machines/$machine
	"$paddock" exec "$1-1-default" -- true
}

makes_no_file_that_others_can_open() {
	umask 000
	export PADDOCK_STATE_DIR="$T/new"
	provisioned a
	# What is in a job's directory is the job's own affair.
	find "$T/new" -perm /077 -not -path '*/work-*/*' >"$T/open"
	equal "$(cat "$T/open")" "" "what others can open"
	[ -S "$dir/agent.sock" ]
	[ -d "$T/new/paddock.db.bell" ]
	[ -s "$T/new/paddock.db" ]
	[ -e "$dir/job-1-1.out" ]
}

shows_nothing_to_another_user() {
	only_as_root
	umask 000
	export PADDOCK_STATE_DIR="$T/new"
	provisioned a
	# Up to the state directory everything is open.
	chmod 755 "$suite_dir" "$T" "$T/new"
	expect 1 stranger cat "$T/new/paddock.db"
	contains "$err" "Permission denied"
	expect 2 stranger ls "$T/new/machines"
	contains "$err" "Permission denied"
	expect 2 stranger ls "$T/new/paddock.db.bell"
	expect 1 stranger "$paddock" status
	lacks "$out" "$machine"
	lacks "$err" "$machine"
}

answers_no_other_user_who_reaches_its_socket() {
	only_as_root
	provisioned a
	chmod -R 777 "$suite_dir" "$dir"
	expect 0 "$paddock_agent" status --machine "$machine"
	expect 3 stranger "$paddock_agent" status --machine "$machine"
	# It hangs up, before or after it was asked.
	contains "$err" "the agent"
	equal "$(cat "$out")" "" "what it told"
}

gives_a_job_three_descriptors_and_eight_variables() {
	export AWS_SECRET_ACCESS_KEY=hunter2
	exec 9<"$0"
	provisioned a
	"$paddock" exec a-1-default -- env >"$T/env"
	equal "$(sed 's/=.*//' "$T/env" | sort)" "HOME
LANG
PADDOCK_MACHINE
PADDOCK_RUN_KEY
PADDOCK_SEQ
PATH
TMPDIR
USER"
	lacks "$T/env" hunter2

	# ls has the directory open, too.
	"$paddock" exec a-1-default -- ls /proc/self/fd >"$T/fds"
	equal "$(cat "$T/fds")" "0
1
2
3"
	exec 9<&-
}

gives_an_agent_nothing_of_its_callers_environment() {
	export AWS_SECRET_ACCESS_KEY=hunter2
	provisioned a
	agent=$(json "$dir/agent.json" 'd["pid"]')
	tr '\0' '\n' <"/proc/$agent/environ" >"$T/environ"
	equal "$(sed 's/=.*//' "$T/environ" | sort)" "LANG
PATH"
	equal "$(find "/proc/$agent/fd" -lname '/dev/pts/*')" "" "terminals"
}

# The lock is a file of the user whom a job shares with its agent. Who takes it away can start another
# agent of the machine: so that machine comes to its end, and the job's claim was its last.
lends_no_machine_again_whose_lock_a_job_removed() {
	provisioned a
	agent=$(json "$dir/agent.json" 'd["pid"]')
	"$paddock" exec a-1-default -- rm ../lock
	expect 0 "$paddock" release a-1-default
	wait_for 10 is_gone "$agent"
	expect 0 "$paddock" why "$machine"
	contains "$out" "the machine's lock is no longer in its place"
	"$paddock" provision --run b --json >"$T/granted"
	[ "$(json "$T/granted" 'd["machines"][0]["id"]')" != "$machine" ]
}

has_a_doctor_who_sees_what_others_can_open() {
	provisioned a
	expect 0 "$paddock" doctor
	lacks "$out" "by others"
	chmod 644 "$PADDOCK_STATE_DIR/paddock.db"
	chmod 777 "$PADDOCK_STATE_DIR"
	expect 0 "$paddock" doctor
	contains "$out" "$PADDOCK_STATE_DIR can be written to by others"
	contains "$out" "chmod go-w $PADDOCK_STATE_DIR"
	contains "$out" "paddock.db can be read by others"
	contains "$out" "chmod 600 $PADDOCK_STATE_DIR/paddock.db"
}

run_tests makes_no_file_that_others_can_open shows_nothing_to_another_user \
	answers_no_other_user_who_reaches_its_socket \
	gives_a_job_three_descriptors_and_eight_variables \
	gives_an_agent_nothing_of_its_callers_environment \
	lends_no_machine_again_whose_lock_a_job_removed \
	has_a_doctor_who_sees_what_others_can_open
