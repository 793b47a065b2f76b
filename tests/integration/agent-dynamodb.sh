#!/bin/sh
# A real agent whose store is DynamoDB Local: the life of agent-life.sh in short, and the store gone
# silent under it.
. "$(dirname -- "$0")/../fakes/peers.sh"
. "$here/agent-lib.sh"

ctl() {
	"$storectl" dynamodb:machines "$@"
}

start_here() {
	start_dynamodb local
	peer=$started
	export PADDOCK_STORE=dynamodb:machines
	# shellcheck disable=SC2119
	begin
	# shellcheck disable=SC2119
	start_agent
	wait_for 20 record state idle
}

serves_claims_and_leaves() {
	start_here
	ctl claim m-1 run-1
	ctl offer m-1 sh -c 'echo hello; exit 3'
	wait_for 20 job 1 state "done"
	job 1 exit 3
	equal "$(ctl job m-1 1 output)" hello output
	ctl withdraw m-1
	# The agent may see that first, and drain by itself.
	ctl drain m-1 || :
	wait_for 20 record state idle
	ctl claim m-1 run-2
	ctl offer m-1 true
	wait_for 20 job 2 state "done"
	kill "$agent"
	leaves 0
	record state terminated
}

a_job_outlives_a_store_that_is_silent() {
	start_here
	ctl claim m-1 run-1
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer m-1 sh -c 'echo $$ >"$0/pid"; until [ -e "$0/go" ]; do sleep 0.05; done; exit 4' "$T"
	wait_for 20 test -s "$T/pid"
	kill -STOP "$peer"
	wait_for 60 agent_logs 'the store has not answered for .*no new work'
	is_alive "$(cat "$T/pid")"
	: >"$T/go"
	wait_for 20 is_gone "$(cat "$T/pid")"
	kill -CONT "$peer"
	wait_for 60 job 1 state "done"
	job 1 exit 4
	wait_for 20 agent_logs 'the store answers again'
}

a_store_that_shows_no_record_any_more_ends_the_machine() {
	start_here
	ctl terminate m-1
	leaves 0
}

no_secret_is_in_what_it_says_or_is_given() {
	start_here
	ctl claim m-1 run-1
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer m-1 sh -c 'env; tr "\0" "\n" </proc/$PPID/environ'
	wait_for 20 job 1 state "done"
	ctl job m-1 1 output >"$T/output"
	grep -q '^PATH=' "$T/output"
	# The agent's own environment holds them, as its caller's does; nothing of that goes on.
	tr '\0' '\n' <"/proc/$agent/cmdline" >"$T/argv"
	equal "$(grep -rl "fake/secret" "$T/output" "$T/argv" "$T/agent.err" "$T/state")" "" leaks
}

run_tests serves_claims_and_leaves a_job_outlives_a_store_that_is_silent \
	a_store_that_shows_no_record_any_more_ends_the_machine no_secret_is_in_what_it_says_or_is_given
