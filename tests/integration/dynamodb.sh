#!/bin/sh
# The store in DynamoDB, against Amazon's own DynamoDB Local: it keeps the contract of a store. What the
# program prints is what this test prints.
. "$(dirname -- "$0")/../fakes/peers.sh"

contract=${CONTRACT_DYNAMODB:?the contract as a program}

skip_test() {
	skip_all "$1"
}

# In a subshell, as every test is: what has its directory open is killed in the end.
(
	before_each
	start_dynamodb local
	"$contract"
)
