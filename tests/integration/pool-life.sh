#!/bin/sh
# The pool in SQS end to end, on fauxqs: agents offer their machines, provision finds them there, and
# what is lost or silent on the way heals or is told.
. "$(dirname -- "$0")/../fakes/peers.sh"

queues=${POOL_QUEUES:?what makes and empties queues}

# Quick enough for a test, slow enough for two busy cores. A local agent gets no keys out of the
# environment, so it finds them in a file.
begin() {
	start_sqs
	peer=$started
	export PADDOCK_AGENT_PATH="$paddock_agent" PADDOCK_BEAT_PERIOD=500ms PADDOCK_REUSE=any
	export PADDOCK_POOL=sqs PADDOCK_AWS_NAME=test
	export AWS_SHARED_CREDENTIALS_FILE="$T/credentials"
	cat >"$T/credentials" <<-END
		[default]
		aws_access_key_id = $AWS_ACCESS_KEY_ID
		aws_secret_access_key = $AWS_SECRET_ACCESS_KEY
	END
}

# waiting N: so many offers, hidden ones included.
waiting() {
	[ "$("$queues" count test large)" -eq "$1" ]
}

# provisions RUN: one machine; what is granted in $T/RUN.out.
provisions() {
	expect 0 "$paddock" provision --run "$1" --json --timeout 60s
	cp "$out" "$T/$1.out"
}

notes_of() {
	expect 0 "$paddock" why "$1-1-default"
	cat "$out"
}

logs() {
	cat "$T"/state/machines/*/agent.log
}

offered() {
	[ "$(logs | grep -c 'offered at seq')" -ge "$1" ]
}

hands_out_what_agents_offer_and_takes_it_back() {
	begin
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 2 --timeout 60s
	wait_for 30 waiting 2
	provisions a
	equal "$(json "$T/a.out" 'd["pool_hits"]')" 1 "out of the pool"
	wait_for 30 waiting 1
	expect 0 "$paddock" release a-1-default
	# Clean again, it offers itself: nobody else does.
	wait_for 30 waiting 2
	provisions b
	provisions c
	equal "$(find "$T/state/machines" -mindepth 1 -maxdepth 1 -type d | wc -l)" 2 "machines"
	wait_for 30 waiting 0
}

heals_a_lost_message() {
	begin
	export PADDOCK_IDLE_TIME=16s PADDOCK_CLAIM_SLACK=1s
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s
	wait_for 30 waiting 1
	"$queues" purge test large
	waiting 0
	wait_for 15 waiting 1
	offered 2
	provisions a
	equal "$(json "$T/a.out" 'd["pool_hits"]')" 1 "out of the pool"
}

# refreshed: this round of refresh has offered it.
refreshed() {
	"$paddock" refresh --json >"$T/refresh"
	[ "$(json "$T/refresh" 'd["offered"]')" -eq 1 ]
}

refresh_offers_what_its_agent_does_not() {
	begin
	export PADDOCK_IDLE_TIME=16s PADDOCK_CLAIM_SLACK=1s
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s --pool table
	expect 1 refreshed
	wait_for 15 refreshed
	waiting 1
	offered 1 && return 1
	provisions a
	equal "$(json "$T/a.out" 'd["pool_hits"]')" 1 "out of the pool"
}

makes_machines_while_the_pool_is_silent() {
	begin
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s
	wait_for 30 waiting 1
	kill "$peer"
	wait_for 10 is_gone "$peer"
	provisions a
	equal "$(json "$T/a.out" 'd["pool_hits"]')" 0 "out of the pool"
	notes_of a >"$T/notes"
	contains "$T/notes" "pool: no answer: "
}

names_the_cure_where_there_is_no_queue() {
	begin
	provisions a
	notes_of a >"$T/notes"
	contains "$T/notes" "pool: no answer: there is no queue test-large"
	contains "$T/notes" "paddock refresh"
	expect 0 "$paddock" release a-1-default
	# Idle, and not offered: the agent goes on trying, and gets through in the end.
	wait_for 30 eval "logs | grep -q 'cannot offer this machine: there is no queue test-large'"
	"$queues" create test large
	wait_for 30 waiting 1
}

tells_what_was_in_the_queue() {
	begin
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 1 --timeout 60s
	wait_for 30 waiting 1
	"$queues" send test large poison
	expect 0 "$paddock" provision --run a --json --timeout 60s --instance-count 2
	notes_of a >"$T/notes"
	contains "$T/notes" "pool: 1 offers looked at, 1 fit, 1 claimed; 2 messages, 0 old, 1 poison ("
}

gives_back_what_it_does_not_claim() {
	begin
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 3 --timeout 60s
	wait_for 30 waiting 3
	provisions a
	# A receive takes more than was wanted; held for a minute, they would be missed here.
	expect 0 "$paddock" provision --run b --json --no-create --instance-count 2 --timeout 30s
}

# planned N: what a run of N machines would claim.
planned() {
	"$paddock" provision --dry-run --json --run c --instance-count "$1" >"$T/plan"
	[ "$(json "$T/plan" 'len(d["claim"])')" -eq "$1" ]
}

gives_back_what_it_holds_before_its_machines_listen() {
	begin
	export PADDOCK_BEAT_PERIOD=10s
	"$queues" create test large
	expect 0 "$paddock" provision --warm --instance-count 3 --timeout 60s
	wait_for 30 waiting 3
	for file in "$T"/state/machines/*/agent.json; do
		kill -STOP "$(json "$file" 'd["pid"]')"
	done
	start a "$paddock" provision --run a --timeout 60s
	run=$started
	wait_for 10 grep -q "claimed 1 warm" "$T/a.err"
	wait_for 15 planned 2
	for file in "$T"/state/machines/*/agent.json; do
		kill -CONT "$(json "$file" 'd["pid"]')"
	done
	wait "$run"
}

keeps_the_keys_from_agents_and_jobs() {
	begin
	"$queues" create test large
	provisions a
	expect 0 "$paddock" exec a-1-default -- env
	contains "$out" PADDOCK_MACHINE=
	lacks "$out" AWS_
	"$paddock_agent" status --json --machine "$(json "$T/a.out" 'd["machines"][0]["id"]')" >"$T/status"
	tr '\0' '\n' <"/proc/$(json "$T/status" 'd["pid"]')/environ" >"$T/environment"
	contains "$T/environment" "AWS_ENDPOINT_URL_SQS="
	lacks "$T/environment" AWS_ACCESS_KEY_ID
	lacks "$T/environment" "$AWS_SECRET_ACCESS_KEY"
}

refuses_a_pool_that_there_is_not() {
	expect 2 "$paddock" provision --pool puddle
	contains "$err" "there is no pool of kind 'puddle'"
	contains "$err" "table, or sqs"
}

run_tests hands_out_what_agents_offer_and_takes_it_back heals_a_lost_message \
	refresh_offers_what_its_agent_does_not \
	makes_machines_while_the_pool_is_silent names_the_cure_where_there_is_no_queue \
	tells_what_was_in_the_queue gives_back_what_it_does_not_claim \
	gives_back_what_it_holds_before_its_machines_listen \
	keeps_the_keys_from_agents_and_jobs refuses_a_pool_that_there_is_not
