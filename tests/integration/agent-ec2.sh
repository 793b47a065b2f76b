#!/bin/sh
# Real agents on the instances of the fake EC2, with DynamoDB Local for their store: who they are
# and when they are taken away is told by the instance's metadata, and they end the instance.
. "$(dirname -- "$0")/../fakes/peers.sh"
. "$here/agent-lib.sh"

ctl() {
	"$storectl" dynamodb:machines "$@"
}

# start_cloud [FLAG…]: a store, and a cloud whose instances are agents with these flags. The region
# is for an instance's metadata to tell.
start_cloud() {
	"$python" -B -c 'import botocore' 2>/dev/null || skip_test "needs botocore"
	start_dynamodb local
	ctl init
	export PADDOCK_BEAT_PERIOD=500ms PADDOCK_BEAT_PERIOD_RUNNING=500ms PADDOCK_LOG_LEVEL=debug
	# shellcheck disable=SC2016 # for the instance's shell
	start_aws --boot-command '
		unset AWS_REGION AWS_DEFAULT_REGION
		export PADDOCK_STORE=dynamodb:machines PADDOCK_STATE_DIR="$PWD/state"
		'"exec '$paddock_agent' run --provider ec2 --notice-poll 200ms $*"
}

# launch: an instance, and a created machine of its id; sets $id and $console.
launch() {
	id=$("$python" -B "$fakes/client.py" fleet)
	console=$T/instances/$id/console.log
	ctl create "$id"
	wait_for 60 says state idle
}

# job_is FIELD VALUE
job_is() {
	[ "$(ctl job "$id" 1 "$1")" = "$2" ]
}

beats_after() {
	[ "$(ctl get "$id" beat_ms)" -gt "$1" ]
}

# says FIELD VALUE: the record of the instance's machine.
says() {
	[ "$(ctl get "$id" "$1")" = "$2" ]
}

says_reason() {
	ctl get "$id" reason | grep -q -e "$1"
}

logged() {
	grep -q -e "$1" "$console"
}

instance_is() {
	aws_fake GET instances >"$T/list" &&
		[ "$(json "$T/list" "[i['state'] for i in d if i['id'] == '$id']")" = "$1" ]
}

# What the notice says and what the record does after the machine's last job, or none.
is_over_by_notice() {
	wait_for 30 says state terminated
	says last 1
	says_reason '^agent: spot interruption notice, ends at 2[0-9-]*T[0-9:.]*Z$'
	wait_for 30 logged "the machine's life is over: poweroff"
	# Long before the notice's own end.
	wait_for 20 instance_is terminated
}

serves_under_the_instances_id_and_powers_off_behind_a_drain() {
	start_cloud
	launch
	says phase ready
	wait_for 20 beats_after "$(ctl get "$id" beat_ms)"
	# It made its own directory, and its lock.
	[ -e "$T/instances/$id/state/machines/$id/lock" ]

	ctl claim "$id" run-1
	ctl offer "$id" sh -c 'echo hello; exit 3'
	wait_for 30 job_is state "done"
	job_is exit 3
	instance_is running
	ctl last "$id" || :
	wait_for 30 says state terminated
	wait_for 20 instance_is terminated
	[ "$(aws_calls ec2 TerminateInstances)" -eq 0 ]
}

waits_for_metadata_that_come_up_late() {
	start_cloud
	aws_fake POST faults kind=status status=503 service=imds \
		action=/latest/meta-data/instance-id times=3
	launch
	logged 'waiting to learn which instance this is: .*HTTP 503'
}

an_idle_machine_on_notice_is_withdrawn_and_ends_its_instance() {
	start_cloud
	launch
	aws_fake POST spot-notice instance="$id" seconds=600
	is_over_by_notice
}

a_rebalance_recommendation_ends_an_idle_machine_but_no_claim() {
	start_cloud
	launch
	ctl claim "$id" run-1
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer "$id" sh -c 'echo $$ >"$0/pid"; until [ -e "$0/go" ]; do sleep 0.05; done' "$T"
	wait_for 30 test -s "$T/pid"
	aws_fake POST rebalance instance="$id"
	wait_for 20 logged 'rebalance recommendation'
	: >"$T/go"
	wait_for 30 job_is state "done"
	job_is exit 0
	says state running
	ctl drain "$id"
	wait_for 30 says state terminated
	wait_for 20 instance_is terminated
}

no_answer_is_no_notice_and_forgets_none() {
	start_cloud
	launch
	aws_fake POST faults kind=status status=500 service=imds times=-1
	wait_for 20 logged 'cannot tell whether this machine will be taken away: .*HTTP 500'
	says state idle
	aws_fake DELETE faults
	wait_for 20 logged 'notices can be seen again'
	says state idle
}

a_job_goes_on_until_the_grace_before_the_end() {
	start_cloud --notice-grace 15s
	launch
	ctl claim "$id" run-1
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer "$id" sh -c 'echo $$ >"$0/pid"; exec sleep 1000' "$T"
	wait_for 30 test -s "$T/pid"
	asked=$(now_ms)
	aws_fake POST spot-notice instance="$id" seconds=30
	wait_for 10 says_reason 'spot interruption notice'
	says state running
	says phase busy
	wait_for 40 job_is state "done"
	took=$(($(now_ms) - asked))
	# The notice's time is in whole seconds, and so is the clock that it is read by.
	[ "$took" -ge 13000 ] || { echo "ended after $took ms" && return 1; }
	equal "$(ctl job "$id" 1 exit)" 143 "how the job ended"
	is_over_by_notice
	took=$(($(now_ms) - asked))
	[ "$took" -lt 30000 ] || { echo "gone after $took ms only" && return 1; }
}

run_tests serves_under_the_instances_id_and_powers_off_behind_a_drain \
	waits_for_metadata_that_come_up_late \
	an_idle_machine_on_notice_is_withdrawn_and_ends_its_instance \
	a_rebalance_recommendation_ends_an_idle_machine_but_no_claim \
	no_answer_is_no_notice_and_forgets_none a_job_goes_on_until_the_grace_before_the_end
