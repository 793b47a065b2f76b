#!/bin/sh
# A run takes 1000 warm machines out of DynamoDB, offered by their records or in SQS, as near as this
# host is to itself and 20 ms away. The machines' agents are one process (herd.c), which is near.
. "$(dirname -- "$0")/aws-lib.sh"

readonly MACHINES=1000 PERIOD_MS=30000

# provision POOL MS: one run, the services so far away each way.
provision() {
	start_dynamodb dynalite
	[ "$1" = table ] || start_sqs
	start herd "$tools/herd" "$STORE" "$MACHINES" "$PERIOD_MS" ${3:+"$3"}
	herd=$started
	wait_for 300 has_said_ready
	start_wire "$1-$2" "$AWS_ENDPOINT_URL_DYNAMODB" "$2"
	AWS_ENDPOINT_URL_DYNAMODB=$wire
	[ "$1" = table ] || {
		start_wire "$1-$2-sqs" "$AWS_ENDPOINT_URL_SQS" "$2"
		AWS_ENDPOINT_URL_SQS=$wire
	}
	"$tools/took" "$T/took" "$paddock" provision --store "$STORE" --pool "$1" --no-create \
		--instance-count "$MACHINES" --usage-class spot --run "$1-$2" --timeout 10min --json \
		>"$T/out" 2>"$T/err" || {
		tail -n 5 "$T/out" "$T/err" "$T/herd.err" >&2
		exit 1
	}
	show "$@"
	kill "$herd"
}

has_said_ready() {
	is_gone "$herd" || grep -q '^ready' "$T/herd.out"
}

show() {
	read -r _ wall cpu peak <"$T/took"
	report "Provision of $MACHINES, pool $1, $(($2 * 2)) ms away" "$wall" ms "whole program"
	report "  of which selecting" "$(json "$T/out" 'd["select_ms"]')" ms "select_ms"
	report "  CPU of the controller" "$cpu" ms "user and system"
	report "  peak RSS of the controller" "$((peak / 1024))" MiB ""
	sed -n 's/^noticed //p' "$T/herd.out" >"$T/noticed"
	report "  claim to noticed, p50" "$(percentile 50 "$T/noticed")" ms "watch 1 s"
	report "  claim to noticed, p95" "$(percentile 95 "$T/noticed")" ms \
		"$(wc -l <"$T/noticed") claims"
	{
		counts "$1-$2"
		[ "$1" = table ] || counts "$1-$2-sqs"
	} | while read -r operation n; do
		report "  $operation" "$n" calls ""
	done
}

provision table 0
provision table "$ONE_WAY_MS"
provision sqs "$ONE_WAY_MS" offered
