#!/bin/sh
# The provider ec2 against the fake EC2, whose instances run real agents: what is launched, with
# what, and what becomes of it when EC2 gives less, says no, or says nothing.
. "$(dirname -- "$0")/../fakes/peers.sh"
. "$here/ec2-lib.sh"

provision() {
	expect 0 "$paddock" provision --json "$@"
}

provisions_and_releases() {
	begin_ec2
	provision --instance-count 3 --run 1
	equal "$(json "$out" 'len(d["machines"])')" 3 machines
	has_instances 3 running
	equal "$(aws_calls ec2 CreateFleet)" 1 fleets
	"$paddock" status --json >"$out"
	equal "$(json "$out" '[m["id"] for m in d["machines"]]' | sort)" "$(instances | sort)" ids
	expect 0 "$paddock" release 1-1-default
	# The next run gets the very same machines.
	provision --instance-count 3 --run 2
	equal "$(json "$out" 'd["pool_hits"]')" 3 hits
	equal "$(aws_calls ec2 CreateFleet)" 1 fleets
}

tops_up_what_one_launch_did_not_give() {
	begin_ec2
	aws_fake POST faults kind=partial action=CreateFleet count=2
	provision --instance-count 3 --run 1
	equal "$(json "$out" 'len(d["machines"])')" 3 machines
	equal "$(count_instances running)" 3 instances
	equal "$(aws_calls ec2 CreateFleet)" 2 fleets
	"$paddock" why 1-1-default >"$out"
	contains "$out" 'launch: 2 of 3 made'
}

remembers_pools_without_capacity() {
	begin_ec2
	aws_fake POST capacity type=c6i.large usage=on-demand available=0
	expect 5 "$paddock" provision --instance-count 1 --run 1 --allowed-instance-types c6i.large
	contains "$err" 'InsufficientInstanceCapacity for c6i.large in eu-central-1'
	contains "$err" 'within the last 3 min'
	equal "$(aws_calls ec2 CreateFleet)" 1 fleets
	# Another controller does not even ask, and takes other types at once.
	expect 5 "$paddock" provision --instance-count 1 --run 2 --allowed-instance-types c6i.large
	equal "$(aws_calls ec2 CreateFleet)" 1 fleets
	"$paddock" plan --instance-count 2 --allowed-instance-types 'c6i.large m6i.large' >"$out"
	contains "$out" 'from: on-demand, 1 type in 3 zones (3 pools)'
	contains "$out" 'short: on-demand of c6i.large in '
	provision --instance-count 2 --run 3 --allowed-instance-types 'c6i.large m6i.large'
	equal "$(aws_calls ec2 CreateFleet)" 2 fleets
}

falls_back_to_on_demand() {
	begin_ec2
	aws_fake POST capacity usage=spot available=1
	provision --instance-count 3 --run 1 --usage-class spot-then-on-demand
	"$paddock" status --json >"$out"
	equal "$(json "$out" '[m["usage"] for m in d["machines"]]' | sort | uniq -c | tr -s ' \n' ' ')" \
		' 2 on-demand 1 spot ' usage
}

a_launch_whose_answer_is_lost_is_made_once() {
	begin_ec2
	aws_fake POST faults kind=cut-after action=CreateFleet
	provision --instance-count 2 --run 1
	equal "$(count_instances)" 2 instances
	[ "$(aws_calls ec2 CreateFleet)" -ge 2 ]
}

a_controller_killed_after_its_launch_goes_on_with_the_same_machines() {
	begin_ec2
	aws_fake POST faults kind=delay action=CreateFleet seconds=30
	start first "$paddock" provision --instance-count 2 --run 1
	wait_for 20 has_requests CreateFleet
	kill -KILL "$started"
	aws_fake DELETE faults
	provision --instance-count 2 --run 1
	equal "$(json "$out" 'len(d["machines"])')" 2 machines
	wait_for 60 has_instances 2
}

has_requests() {
	[ "$(aws_calls ec2 "$1")" -ge 1 ]
}

says_what_is_wrong_and_what_to_do() {
	begin_ec2
	PADDOCK_SUBNETS='' expect 2 "$paddock" provision --instance-count 1 --run 1
	contains "$err" 'subnets = subnet-'
	aws_fake POST faults kind=error action=CreateFleet code=UnauthorizedOperation status=403 \
		message='You are not authorized' times=-1
	expect 1 "$paddock" provision --instance-count 1 --run 2
	contains "$err" UnauthorizedOperation
	aws_fake DELETE faults
	PADDOCK_AWS_NAME=nobody expect 1 "$paddock" provision --instance-count 1 --run 3
	contains "$err" 'paddock refresh makes it'
}

orphans_and_vanished_machines_are_found() {
	begin_ec2
	provision --instance-count 2 --run 1
	victim=$(instances running | head -n 1)
	aws_fake POST end instance="$victim"
	wait_for 30 has_instances 1 terminated
	# It could not make a template for a store that is a file here; machines are looked after all
	# the same.
	expect 2 "$paddock" refresh
	equal "$("$STORECTL" "$PADDOCK_STORE" get "$victim" state)" terminated "its record"
}

run_tests provisions_and_releases tops_up_what_one_launch_did_not_give \
	remembers_pools_without_capacity falls_back_to_on_demand \
	a_launch_whose_answer_is_lost_is_made_once \
	a_controller_killed_after_its_launch_goes_on_with_the_same_machines \
	says_what_is_wrong_and_what_to_do orphans_and_vanished_machines_are_found
