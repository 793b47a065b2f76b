#!/bin/sh
# Claims a second that one process gets from DynamoDB, one a call and in batches: from Amazon's own
# stand-in, which stores in SQL, and from a faster one. What they take is nearly all of it.
. "$(dirname -- "$0")/aws-lib.sh"

# claims PEER NAME N
claims() {
	start_dynamodb "$1"
	report "Claims on $2" "$3" claims ""
	"$tools/claims" "$STORE" "$3"
}

claims dynalite dynalite 1000
claims local "DynamoDB Local" 300
