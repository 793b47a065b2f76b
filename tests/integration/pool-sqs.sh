#!/bin/sh
# The pool in SQS, against fauxqs: what a sweep shows, what it deletes, hides and gives back. What the
# program prints is what this test prints.
. "$(dirname -- "$0")/../fakes/peers.sh"

check=${POOL_SQS_CHECK:?the tests as a program}

skip_test() {
	skip_all "$1"
}

# In a subshell, as every test is: what has its directory open is killed in the end.
(
	before_each
	start_sqs
	"$check"
)
