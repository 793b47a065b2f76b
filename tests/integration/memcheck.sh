#!/bin/sh
# The life of a machine with both programs below valgrind: no error, no leak, and no descriptor left
# open at the end. Its jobs and their supervisors are real, too, but not below valgrind.
. "$(dirname -- "$0")/lib.sh"

helpers=$here/../helpers
: "${PIDFD_SHIM:?the built pidfd-shim}"
command -v valgrind >/dev/null || skip_all "there is no valgrind here"

# below PROGRAM ARGUMENT…
below() {
	sh "$helpers/below-valgrind.sh" "$@"
}

# For the controller to start, which hands no environment down.
make_agent() {
	cat >"$T/agent" <<END
#!/bin/sh
export FOUND='$FOUND' PIDFD_SHIM='$PIDFD_SHIM' PIDFD_BROKER='$PIDFD_BROKER'
exec sh '$helpers/below-valgrind.sh' '$paddock_agent' "\$@"
END
	chmod +x "$T/agent"
	export PADDOCK_AGENT_PATH="$T/agent"
}

begin() {
	export FOUND="$T/found" PIDFD_BROKER="$T/broker"
	mkdir "$FOUND"
	start broker "$python" "$helpers/pidfd-broker.py" "$PIDFD_BROKER"
	wait_for 10 test -S "$PIDFD_BROKER"
	make_agent
}

# nothing_found: a descriptor that was open at the start may be so at the end; nothing else may be
# in the findings.
nothing_found() {
	for findings in "$FOUND"/*; do
		awk '
			/^==[0-9]+== *$/ || / FILE DESCRIPTORS: / { next }
			/ Open file descriptor / { opened = $0; next }
			/<inherited from parent>$/ { opened = ""; next }
			opened { print opened; opened = "" }
			{ print; found = 1 }
			END { exit found }
		' "$findings" || {
			echo "that is in ${findings##*/}"
			return 1
		}
	done
}

# ended_well PID: the program below valgrind came to its regular end.
ended_well() {
	grep -q ' FILE DESCRIPTORS: ' "$FOUND"/*."$1"
}

serves_two_runs_and_is_destroyed() {
	begin
	expect 0 below "$paddock" provision --run a --json
	machine=$(json "$out" 'd["machines"][0]["id"]')
	agent=$(json "$PADDOCK_STATE_DIR/machines/$machine/agent.json" 'd["pid"]')
	expect 3 below "$paddock" exec a-1-default -- sh -c 'echo hello; exit 3'
	contains "$out" hello
	expect 0 below "$paddock" release a-1-default
	expect 0 below "$paddock" provision --run b
	expect 0 below "$paddock" exec b-1-default -- true
	expect 0 below "$paddock" status
	expect 0 below "$paddock" release b-1-default
	expect 0 below "$paddock" refresh
	expect 0 below "$paddock" destroy --all
	wait_for 30 ended_well "$agent"
	expect 0 below "$paddock" why "$machine"
	nothing_found
}

ends_a_job_that_does_not_want_to() {
	begin
	expect 0 below "$paddock" provision --run a --json
	machine=$(json "$out" 'd["machines"][0]["id"]')
	dir=$PADDOCK_STATE_DIR/machines/$machine
	agent=$(json "$dir/agent.json" 'd["pid"]')
	start exec "$paddock" exec a-1-default -- \
		sh -c 'trap "" TERM; : >pid; while :; do sleep 1; done'
	wait_for 20 test -e "$dir/work-1/pid"
	kill "$agent"
	wait_for 60 ended_well "$agent"
	nothing_found
}

run_tests serves_two_runs_and_is_destroyed ends_a_job_that_does_not_want_to
