#!/bin/sh
# The peers start, answer, and are gone with the test; instances of the fake reach them.
. "$(dirname -- "$0")/peers.sh"

"$python" -c 'import botocore' 2>/dev/null || skip_all "needs botocore"

# talk CONVERSATION
talk() {
	"$python" -B "$fakes/client.py" "$1"
}

amazons_dynamodb_lets_one_claim_win_and_tells_the_loser() {
	start_dynamodb local
	talk table
	talk loser
}

dynalite_lets_one_claim_win() {
	start_dynamodb dynalite
	talk table
}

fauxqs_passes_a_message_on() {
	start_sqs
	talk queue
}

two_peers_of_a_kind_do_not_meet() {
	start_dynamodb dynalite
	first=$AWS_ENDPOINT_URL_DYNAMODB
	talk table
	start_dynamodb dynalite
	[ "$first" != "$AWS_ENDPOINT_URL_DYNAMODB" ]
	talk table
}

an_instance_reaches_the_peers_and_its_own_metadata() {
	start_dynamodb dynalite
	start_aws --boot-command "'$python' -B -c '$inside' && sleep 1000"
	id=$(talk fleet)
	wait_for 60 grep -q "^reached by $id\$" "$T/instances/$id/console.log"
	equal "$(aws_calls ec2 CreateFleet)" 1 "the number of fleets"
	[ "$(aws_calls imds)" -ge 2 ]
	aws_fake POST end instance="$id"
	wait_for 10 no_process_in "$T/instances"
}
# What runs in there: asks for the name, and lists the tables.
inside='
import os, urllib.request as r
assert "AWS_SECRET_ACCESS_KEY" not in os.environ
at = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254") + "/latest/"
name = "X-aws-ec2-metadata-token"
put = r.Request(at + "api/token", method="PUT", headers={name + "-ttl-seconds": "60"})
token = r.urlopen(put).read().decode()
me = r.urlopen(r.Request(at + "meta-data/instance-id", headers={name: token})).read().decode()
r.urlopen(os.environ["AWS_ENDPOINT_URL_DYNAMODB"]).read()
print("reached by", me, flush=True)'

no_process_in() {
	[ -z "$(processes_below "$1")" ]
}

# A machine is what runs on an instance: its record follows the instance's life.
an_agent_lives_and_ends_with_its_instance() {
	. "$fakes/../integration/agent-lib.sh"
	# shellcheck disable=SC2119 # it is to have none
	begin
	start_aws --shutdown-delay 30 \
		--boot-command "exec '$paddock_agent' run --machine m-1"
	id=$(talk fleet)
	wait_for 60 record state idle
	aws_fake POST end instance="$id"
	wait_for 30 no_process_in "$T/instances"
	wait_for 10 record state terminated
}

a_fault_that_is_ordered_happens() {
	start_aws
	aws_fake POST faults kind=throttle service=ec2 times=-1
	if talk fleet 2>"$T/said"; then
		return 1
	fi
	contains "$T/said" RequestLimitExceeded
	if aws_fake POST faults kind=nonesuch 2>/dev/null; then
		return 1
	fi
}

as_root_nobody_else_reaches_a_peer() {
	[ -n "${IN_TEST_NETWORK-}" ] || skip_test "needs root, for a network of its own"
	devices=$(sed -n 's/^ *\([^:]*\):.*/\1/p' /proc/net/dev)
	for device in $devices; do
		case $device in
		lo | *tunl0 | sit0 | gre0 | gretap0 | erspan0 | ip_vti0 | ip6*) ;;
		*) echo "there is $device" && return 1 ;;
		esac
	done
}

# The earlier tests' directories are $suite_dir/0, and so on.
no_peer_of_an_earlier_test_is_left() {
	left=$(processes_below "$suite_dir/[!$tap_number]")
	equal "$left" "" "processes that are left"
}

run_tests amazons_dynamodb_lets_one_claim_win_and_tells_the_loser dynalite_lets_one_claim_win \
	fauxqs_passes_a_message_on two_peers_of_a_kind_do_not_meet \
	an_instance_reaches_the_peers_and_its_own_metadata an_agent_lives_and_ends_with_its_instance \
	a_fault_that_is_ordered_happens as_root_nobody_else_reaches_a_peer \
	no_peer_of_an_earlier_test_is_left
