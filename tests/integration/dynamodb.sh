#!/bin/sh
# The store in DynamoDB, against Amazon's own DynamoDB Local: it keeps the contract of a store. What the
# program prints is what this test prints.
. "$(dirname -- "$0")/../fakes/peers.sh"

contract=${CONTRACT_DYNAMODB:?the contract as a program}

skip_test() {
	skip_all "$1"
}

tap_number=0
before_each
start_dynamodb local
# As many names as this has are counted; its own time limit is for processes that hang.
CK_DEFAULT_TIMEOUT=120 "$contract"
