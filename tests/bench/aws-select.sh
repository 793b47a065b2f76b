#!/bin/sh
# Looking for machines that fit among many offers, 20 ms away from SQS and DynamoDB; and the same
# queue looked through one message at a time.
. "$(dirname -- "$0")/aws-lib.sh"

start_sqs
start_dynamodb dynalite
"$tools/offers" fill "$STORE" few 500 3
"$tools/offers" fill "$STORE" none 2000 0
"$tools/offers" fill "$STORE" serial 200 0

start_wire sqs "$AWS_ENDPOINT_URL_SQS"
AWS_ENDPOINT_URL_SQS=$wire
start_wire dynamodb "$AWS_ENDPOINT_URL_DYNAMODB"
AWS_ENDPOINT_URL_DYNAMODB=$wire

# asked: a row for each operation of either service.
asked() {
	{
		counts sqs
		counts dynamodb
	} | while read -r operation n; do
		report "  $operation" "$n" calls ""
	done
}

report "500 offers, of which 3 fit" 500 offers "20 ms away"
"$tools/offers" sweep "$STORE" few 500 3
asked
report "2000 offers, of which none fits" 2000 offers "20 ms away"
"$tools/offers" sweep "$STORE" none 2000 | tee "$T/swept"
asked
report "200 offers, one message at a time" 200 offers "20 ms away"
"$tools/offers" serial "$STORE" serial 200 | tee "$T/serial"
asked
cat "$T/swept" "$T/serial" | awk -F '\t' '
	/offers\/s/ { speed[++n] = $2 }
	END { printf "The sweep of 2000 against one at a time\t%.1f\ttimes\t\n", speed[1] / speed[2] }'
