#!/bin/sh
# What refresh brings into being in AWS, and destroy takes away: a table in DynamoDB Local, queues in
# fauxqs, a launch template and parameters in the fake AWS.
. "$(dirname -- "$0")/../fakes/peers.sh"

ami='ami-00000000000000001'
new_ami='ami-00000000000000002'

# A fresh account.
account() {
	start_dynamodb local
	start_sqs
	# shellcheck disable=SC2119
	start_aws
	write_config "$ami"
}

# write_config AMI: an empty one names none.
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

# mutating: how many of the requests so far have changed something.
mutating() {
	aws_fake GET requests | "$python" -c '
import json, sys
print(sum(not r["action"].startswith(("Describe", "Get")) for r in json.load(sys.stdin)))'
}

# of the peers, what is left there: "tables queues".
left_in_peers() {
	"$python" -c '
import json, os, urllib.request
SCOPE = "Credential=AKIAFAKE/20260101/eu-central-1/x/aws4_request, SignedHeaders=host, Signature=0"

def ask(url, target, kind):
    headers = {"X-Amz-Target": target, "Content-Type": kind, "Authorization": "AWS4-HMAC-SHA256 " + SCOPE}
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers)) as answer:
        return json.load(answer)

env = os.environ
tables = ask(env["AWS_ENDPOINT_URL_DYNAMODB"], "DynamoDB_20120810.ListTables", "application/x-amz-json-1.0")
queues = ask(env["AWS_ENDPOINT_URL_SQS"], "AmazonSQS.ListQueues", "application/x-amz-json-1.0")
print(len(tables["TableNames"]), len(queues.get("QueueUrls", [])))'
}

# left_in_fake: "templates parameters".
left_in_fake() {
	echo "$(aws_fake GET templates | count) $(aws_fake GET parameters | count)"
}

count() {
	"$python" -c 'import json, sys; print(len(json.load(sys.stdin)))'
}

# template EXPRESSION: about the one template t.
template() {
	aws_fake GET templates >"$T/templates"
	json "$T/templates" "[t for t in d][0]$1"
}

makes_all_and_then_nothing_more() {
	account
	setup 0 --dry-run
	equal "$(verdicts)" "would make " "of a dry run"
	equal "$(mutating)" 0 "changes by a dry run"
	equal "$(left_in_peers)" "0 0" "after a dry run"
	setup 0
	equal "$(verdicts)" "made "
	equal "$(left_in_peers)" "1 7" "tables and queues"
	equal "$(left_in_fake)" "1 4" "templates and parameters"
	aws_fake GET parameters >"$T/parameters"
	equal "$(json "$T/parameters" 'd["/fleet/store"]["value"]')" dynamodb:eu-central-1/machines
	equal "$(json "$T/parameters" 'd["/fleet/template"]["value"]')" "$(template '["id"]')"
	equal "$(json "$T/parameters" 'd["/fleet/template-version"]')" '{"value": "1", "kind": "String"}'

	before=$(mutating)
	setup 0
	equal "$(verdicts)" "ok "
	equal "$(mutating)" "$before" "changes by a second refresh"
	equal "$(left_in_peers)" "1 7" "tables and queues, still"
}

makes_one_version_for_each_change_of_the_settings() {
	account
	setup 0
	write_config "$new_ami"
	setup 0 --dry-run
	equal "$(verdict_of template)" "would mend"
	equal "$(template '["default"]')" 1 "default version after a dry run"

	# The plug is pulled between the new version and its choice: the same step is not done twice.
	aws_fake POST faults kind=error code=UnauthorizedOperation status=403 service=ec2 \
		action=ModifyLaunchTemplate times=1
	setup 1
	equal "$(verdict_of template)" failed
	setup 0
	equal "$(verdict_of template)" mended
	equal "$(template '["versions"]' | grep -o '"ImageId": "[^"]*"' | tr '\n' ' ')" \
		"\"ImageId\": \"$ami\" \"ImageId\": \"$new_ami\" " versions
	equal "$(template '["default"]')" 2 "default version"
	aws_fake GET parameters >"$T/parameters"
	equal "$(json "$T/parameters" 'd["/fleet/template-version"]["value"]')" 2

	# Without an image in the settings, the template's stays.
	write_config ''
	setup 0
	equal "$(verdicts)" "ok "

	aws_fake DELETE templates
	setup 2
	contains "$err" "there is no image to make machines from"
	contains "$err" "set ami-id"
	equal "$(left_in_fake | cut -d ' ' -f 1)" 0 "templates without an image"
	write_config "$ami"
	setup 0
	equal "$(verdict_of template)" made
	equal "$(template '["versions"]["1"]["ImageId"]')" "$ami"
}

gives_machines_a_script_that_runs_and_settings_that_their_agent_reads() {
	account
	setup 0
	template '["versions"]["1"]["UserData"]' | base64 -d >"$T/user-data"
	head -n 1 "$T/user-data" | grep -qx '#!/bin/sh'
	sh -n "$T/user-data"
	if command -v shellcheck >/dev/null; then
		shellcheck "$T/user-data"
	fi
	mkdir "$T/bin"
	# shellcheck disable=SC2016 # for the shell that runs it
	printf '#!/bin/sh\necho "agent $*" >"$T/started"\n' | tee "$T/bin/paddock-agent" >"$T/bin/systemctl"
	chmod +x "$T/bin/paddock-agent" "$T/bin/systemctl"
	PATH=$T/bin:$PATH PADDOCK_ROOT=$T/root INSTANCE_ID=i-0123 sh "$T/user-data"
	grep -E 'agent (run|--no-block start paddock-agent)' "$T/started"
	settings=$T/root/etc/paddock/agent.conf
	for line in '[agent]' 'provider = ec2' 'store = dynamodb:eu-central-1/machines' 'pool = sqs' \
		'aws-name = fleet' 'forge = none' 'machine = i-0123'; do
		grep -qxF -- "$line" "$settings" || { echo "no '$line' in:" && cat "$settings" && return 1; }
	done
	lacks "$T/user-data" fake/secret

	# As the real agent reads them, where no offers are messages.
	sed -i '/^pool/d' "$T/paddock.conf"
	setup 0
	template '["versions"]["2"]["UserData"]' | base64 -d >"$T/user-data"
	PATH=$T/bin:$PATH PADDOCK_ROOT=$T/root INSTANCE_ID=i-0123 sh "$T/user-data"
	expect 3 "$paddock_agent" status --config "$settings" --state-dir "$T/state"
	contains "$err" "no agent answers for i-0123"
	equal "$(template '["versions"]["2"]["BlockDeviceMapping"]' | tr -d ' "')" \
		'{DeviceName:/dev/xvda,Ebs:{Encrypted:true,DeleteOnTermination:true}}'
}

says_why_it_could_not_look_and_touches_nothing() {
	account
	aws_fake POST faults kind=error code=UnauthorizedOperation status=403 service=ec2 \
		action=DescribeLaunchTemplates times=1
	setup 1
	equal "$(verdict_of template)" failed
	contains "$err" UnauthorizedOperation
	contains "$err" "ec2:DescribeLaunchTemplates"
	equal "$(aws_calls ec2 CreateLaunchTemplate)" 0 "templates made blindly"
	equal "$(verdict_of table)" made "the table all the same"
	setup 0

	aws_fake POST faults kind=throttle service=ec2 action=DescribeLaunchTemplates times=-1
	before=$(left_in_fake)
	setup 75
	contains "$err" "run it again"
	expect 75 "$paddock" destroy --config "$T/paddock.conf" --setup --yes
	equal "$(left_in_fake)" "$before" "templates and parameters after a destroy that saw nothing"
	equal "$(left_in_peers)" "1 7"
}

mends_a_table_whose_items_never_expire() {
	account
	"$python" -c '
import json, os, urllib.request
headers = {"X-Amz-Target": "DynamoDB_20120810.CreateTable", "Content-Type": "application/x-amz-json-1.0",
           "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAFAKE/20260101/eu-central-1/dynamodb/"
                            "aws4_request, SignedHeaders=host, Signature=0"}
keys = [("pk", "HASH"), ("sk", "RANGE")]
body = {"TableName": "machines", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": n, "KeyType": k} for n, k in keys],
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n, _ in keys]}
url = os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers))'
	setup 0
	equal "$(verdict_of table)" mended
	setup 0
	equal "$(verdict_of table)" ok
}

destroy() {
	"$paddock" destroy --config "$T/paddock.conf" "$@"
}

leaves_nothing_behind() {
	account
	setup 0
	expect 2 destroy --setup
	contains "$err" "--yes"
	equal "$(left_in_fake) $(left_in_peers)" "1 4 1 7" "what is left without a yes"
	expect 0 destroy --setup --dry-run
	equal "$(left_in_fake) $(left_in_peers)" "1 4 1 7" "what is left by a dry run"

	# Half of it goes; what comes behind stays, and the next attempt goes on.
	aws_fake POST faults kind=error code=UnauthorizedOperation status=403 service=ec2 \
		action=DeleteLaunchTemplate times=1
	expect 75 destroy --setup --yes
	equal "$(left_in_fake) $(left_in_peers)" "1 0 1 7" "what is left by half a destroy"
	expect 0 destroy --setup --yes
	equal "$(left_in_fake) $(left_in_peers)" "0 0 0 0" "what is left"
	expect 0 destroy --setup --yes
	setup 0 --dry-run
	equal "$(verdicts)" "would make "
}

asks_for_the_name_and_spares_what_a_run_holds() {
	account
	printf '[paddock]\nstore = dynamodb:machines\npool = sqs\n[aws]\naws-name = fleet\n' >"$T/paddock.conf"
	expect 0 "$paddock" refresh --config "$T/paddock.conf"
	contains "$out" made
	"${STORECTL:?the built storectl}" dynamodb:machines launch m-1 run-1
	expect 75 destroy --all --yes
	contains "$err" "run run-1 holds m-1"
	equal "$(left_in_peers)" "1 7"
	type_word flet
	equal "$(left_in_peers)" "1 7" "what is left after another word"
	type_word fleet
	equal "$(left_in_peers)" "0 0" "what is left after the word"
}

# type_word WORD: at the question of destroy --all --force, on a terminal.
type_word() {
	command -v script >/dev/null || skip_test "needs script"
	echo "$1" | script -qec "'$paddock' destroy --config '$T/paddock.conf' --all --force" /dev/null || :
}

run_tests makes_all_and_then_nothing_more makes_one_version_for_each_change_of_the_settings \
	gives_machines_a_script_that_runs_and_settings_that_their_agent_reads \
	says_why_it_could_not_look_and_touches_nothing mends_a_table_whose_items_never_expire \
	leaves_nothing_behind asks_for_the_name_and_spares_what_a_run_holds
