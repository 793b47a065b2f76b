#!/bin/sh
# What refresh brings into being in AWS, and destroy takes away: a table in DynamoDB Local, queues in
# fauxqs, a launch template and parameters in the fake AWS.
. "$(dirname -- "$0")/../fakes/peers.sh"

ami=ami-00000000000000001
new_ami=ami-00000000000000002

# A fresh account.
account() {
	start_dynamodb local
	start_sqs
	start_aws
	write_config "$ami"
}

# write_config AMI [LINE-BELOW-ec2…]: an empty AMI names none.
write_config() {
	{
		printf '[paddock]\nstore = dynamodb:machines\npool = sqs\nprovider = ec2\n'
		printf '[aws]\naws-name = fleet\n[ec2]\n'
		[ -z "$1" ] || echo "ami-id = $1"
		printf 'instance-profile = runner\nsecurity-groups = sg-1 sg-2\n'
		printf 'root-device = /dev/xvda\n'
	} >"$T/paddock.conf"
}

# setup EXIT [OPTION…]: refresh, of the things alone, in JSON.
setup() {
	setup_wanted=$1
	shift
	setup_code=0
	"$paddock" refresh --config "$T/paddock.conf" --setup --json "$@" >"$out" 2>"$err" || setup_code=$?
	cat "$err"
	equal "$setup_code" "$setup_wanted" "exit code of refresh"
}

# verdicts: of all things, each once.
verdicts() {
	json "$out" 'sorted(set(t["verdict"] for t in d["things"]))' | tr '\n' ' '
}

verdict_of() {
	json "$out" "[t[\"verdict\"] for t in d[\"things\"] if t[\"thing\"] == \"$1\"][0]"
}

# The request ACTION that the fake was sent last, as its form.
last_request() {
	aws_fake GET requests service=ec2 action="$1" | "$python" -c '
import json, sys
print(json.dumps(json.load(sys.stdin)[-1]))'
}

# mutating: how many of the requests so far have changed something.
mutating() {
	aws_fake GET requests | "$python" -c '
import json, sys
print(sum(not r["action"].startswith(("Describe", "Get")) for r in json.load(sys.stdin)))'
}

makes_all_and_then_nothing_more() {
	account
	setup 0 --dry-run
	equal "$(verdicts)" "would make " "of a dry run"
	equal "$(mutating)" 0 "changes by a dry run"
	setup 0
	equal "$(verdicts)" "made "
	equal "$(json "$out" '[t["name"] for t in d["things"] if t["thing"] == "parameter"]' | sort | tr '\n' ' ')" \
		"/fleet/pool /fleet/store /fleet/template /fleet/template-version "
	equal "$(aws_calls ec2 CreateLaunchTemplate)" 1
	before=$(mutating)
	setup 0
	equal "$(verdicts)" "ok "
	equal "$(mutating)" "$before" "changes by a second refresh"
}

run_tests makes_all_and_then_nothing_more
