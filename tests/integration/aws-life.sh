#!/bin/sh
# The whole life of a fleet on the peers of AWS: DynamoDB Local, fauxqs, and the fake EC2, each of
# whose instances runs the user data that refresh has made, and by that a real agent.
. "$(dirname -- "$0")/../fakes/peers.sh"
. "$here/ec2-lib.sh"

readonly FLEET=10

fleet() {
	start_dynamodb local
	start_sqs
	start_aws --boot-command "
		export PADDOCK_ROOT=\$PWD/root PADDOCK_STATE_DIR=\$PWD/state
		export PADDOCK_BEAT_PERIOD=1s PADDOCK_NOTICE_POLL=500ms
		PATH=${paddock_agent%/*}:\$PATH
		exec run-user-data"
	export PADDOCK_STORE=dynamodb:paddock PADDOCK_POOL=sqs PADDOCK_PROVIDER=ec2
	export PADDOCK_SUBNETS="$EC2_SUBNETS" PADDOCK_AMI_ID=ami-00000000000000001 PADDOCK_INSTANCE_PROFILE=runner
}

record() {
	"$STORECTL" "$PADDOCK_STORE" get "$@"
}

# peers EXPRESSION: about tables and queues that there are, and messages in the queue of large.
peers() {
	"$python" -B - "$1" <<'END'
import json, os, sys, urllib.request
SCOPE = "Credential=AKIAFAKE/20260101/eu-central-1/x/aws4_request, SignedHeaders=host, Signature=0"

def ask(service, target, version, **body):
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-" + version,
               "Authorization": "AWS4-HMAC-SHA256 " + SCOPE}
    url = os.environ["AWS_ENDPOINT_URL_" + service]
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

def offers():
    url = next(url for url in queues if url.endswith("-large"))
    about = ask("SQS", "AmazonSQS.GetQueueAttributes", "1.0", QueueUrl=url,
                AttributeNames=["ApproximateNumberOfMessages"])
    return int(about["Attributes"]["ApproximateNumberOfMessages"])

tables = ask("DYNAMODB", "DynamoDB_20120810.ListTables", "1.0")["TableNames"]
queues = ask("SQS", "AmazonSQS.ListQueues", "1.0").get("QueueUrls", [])
print(eval(sys.argv[1]))
END
}

has_offers() {
	[ "$(peers 'offers()')" -ge "$1" ]
}

# One notice each; the instances end themselves, long before EC2 would end them.
give_notice() {
	for notice_instance; do
		aws_fake POST spot-notice instance="$notice_instance" seconds=300
	done
}

lives_from_the_first_refresh_to_the_last_destroy() {
	fleet
	expect 0 "$paddock" refresh

	expect 0 "$paddock" provision --json --instance-count "$FLEET" --usage-class spot --run 1
	equal "$(json "$out" 'len(d["machines"])')" "$FLEET" machines
	equal "$(json "$out" 'd["pool_hits"]')" 0 "warm ones"
	has_instances "$FLEET" running
	expect 0 "$paddock" exec 1-1-default -- echo hello from a job
	equal "$(grep -c 'hello from a job' "$out")" "$FLEET" "machines that ran the job"
	expect 0 "$paddock" release 1-1-default

	wait_for 60 has_offers "$FLEET"
	expect 0 "$paddock" provision --json --instance-count "$FLEET" --usage-class spot --run 2
	equal "$(json "$out" 'd["pool_hits"]')" "$FLEET" "warm ones"
	equal "$(count_instances)" "$FLEET" "instances ever made"

	# shellcheck disable=SC2046 # two words
	set -- $(instances running | head -n 2)
	give_notice "$@"
	wait_for 60 has_instances 2 terminated
	expect 0 "$paddock" refresh
	for gone; do
		equal "$(record "$gone" state)" terminated "the record of $gone"
		record "$gone" reason | grep -q 'spot interruption notice'
	done
	expect 0 "$paddock" release 2-1-default

	expect 0 "$paddock" destroy --all --yes --wait 60s
	has_instances "$FLEET" terminated
	equal "$(peers 'tables + queues')" '[]' "tables and queues"
	equal "$(aws_fake GET templates)$(aws_fake GET parameters)" '[]{}' "templates and parameters"
}

run_tests lives_from_the_first_refresh_to_the_last_destroy
