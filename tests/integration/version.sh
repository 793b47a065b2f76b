#!/bin/sh
# Both programs say who they are, and refuse what they do not know.
. "$(dirname -- "$0")/lib.sh"

paddock_tells_its_version() {
	expect 0 "$paddock" --version
	contains "$out" "paddock "
}

the_agent_tells_the_same_version() {
	expect 0 "$paddock" --version
	version=$(sed 's/^[^ ]* //' "$out")
	expect 0 "$paddock_agent" --version
	equal "$(sed 's/^[^ ]* //' "$out")" "$version" "the agent's version"
}

an_unknown_verb_is_a_usage_error() {
	expect 2 "$paddock" provisoin
	contains "$err" "provision"
}

run_tests paddock_tells_its_version the_agent_tells_the_same_version \
	an_unknown_verb_is_a_usage_error
