#!/bin/sh
# ./dev installs what is missing, only that, and says so; and it refuses what it does not know.
. "$(dirname -- "$0")/lib.sh"

# A world in which nothing is installed but what $T/installed lists, one a line. What is run as root
# goes to $T/ran.
pretend() {
	: >"$T/installed"
	: >"$T/ran"
	export T
	fake id <<'END'
cat "$T/uid"
END
	fake dpkg-query <<'END'
sed 's/$/:installed/' "$T/installed"
exit 1
END
	fake apt-cache <<'END'
[ ! -f "$T/unknown" ]
END
	fake apt-get <<'END'
echo "apt-get $*" >>"$T/ran"
case "$*" in
update*) rm -f "$T/unknown" "$T/stale" ;;
install*)
	[ ! -f "$T/unknown" ] && [ ! -f "$T/stale" ] && [ ! -f "$T/broken" ] || exit 100
	for word; do echo "$word"; done >>"$T/installed"
	;;
esac
END
	for tool in sh env cat sed grep find rm; do
		ln -s "$(command -v "$tool")" "$T/bin/$tool"
	done
}

with_sudo() {
	fake sudo <<'END'
echo sudo >>"$T/ran"
exec "$@"
END
}

# needs STATUS SET: need SET, in that world and no other.
needs() {
	expect "$1" env PATH="$T/bin" sh -euc \
		'cd "$1" && . scripts/lib.sh && . scripts/packages.sh && need "$2"' sh "$root" "$2"
}

build_packages() {
	sh -euc 'cd "$1" && . scripts/lib.sh && . scripts/packages.sh && packages_of build' sh "$root"
}

with_everything_installed_nothing_is_run() {
	pretend
	echo 1000 >"$T/uid"
	build_packages | tr ' ' '\n' >"$T/installed"
	needs 0 build
	equal "$(cat "$T/ran" "$out" "$err")" ""
}

only_what_is_missing_is_installed() {
	pretend
	echo 0 >"$T/uid"
	build_packages | tr ' ' '\n' | grep -v -x -e meson -e scdoc >"$T/installed"
	needs 0 build
	equal "$(grep -c apt-get "$T/ran")" 1 "the number of calls"
	contains "$T/ran" '--no-install-recommends'
	contains "$T/ran" ' meson scdoc'
	lacks "$T/ran" sqlite
	lacks "$T/ran" sudo
}

a_package_whose_name_is_longer_does_not_count() {
	pretend
	echo 0 >"$T/uid"
	build_packages | tr ' ' '\n' | sed 's/^gcc$/gcc-12/; s/^meson$/libmeson/' >"$T/installed"
	needs 0 build
	contains "$T/ran" ' gcc meson'
}

an_ordinary_user_is_told_before_sudo_is_used() {
	pretend
	with_sudo
	echo 1000 >"$T/uid"
	needs 0 build
	contains "$err" 'sudo is used for the installation, and for nothing else'
	contains "$err" 'running: sudo env DEBIAN_FRONTEND=noninteractive apt-get install'
	equal "$(head -n 1 "$T/ran")" sudo
}

without_sudo_the_packages_are_named() {
	pretend
	echo 1000 >"$T/uid"
	needs 1 build
	contains "$err" 'as root, run: apt-get install gcc libc6-dev meson'
	equal "$(cat "$T/ran")" ""
}

package_lists_are_fetched_when_they_lack_a_package() {
	pretend
	echo 0 >"$T/uid"
	: >"$T/unknown"
	needs 0 build
	equal "$(cut -d ' ' -f 2 "$T/ran" | tr '\n' ' ')" "update install "
}

stale_package_lists_are_fetched_once() {
	pretend
	echo 0 >"$T/uid"
	: >"$T/stale"
	needs 0 build
	equal "$(cut -d ' ' -f 2 "$T/ran" | tr '\n' ' ')" "install update install "
}

a_failed_installation_names_the_packages() {
	pretend
	echo 0 >"$T/uid"
	: >"$T/broken"
	needs 1 build
	contains "$err" 'cannot install gcc libc6-dev meson'
	equal "$(cut -d ' ' -f 2 "$T/ran" | tr '\n' ' ')" "install update install "
}

without_apt_missing_commands_and_libraries_are_named() {
	pretend
	rm "$T/bin/apt-get"
	fake gcc </dev/null
	fake pkg-config <<'END'
[ "$2" != inih ]
END
	needs 1 build
	contains "$err" 'please install these by hand: meson ninja inih'
}

without_apt_it_goes_on_when_all_is_there() {
	pretend
	rm "$T/bin/apt-get"
	for tool in gcc meson ninja pkg-config; do
		fake "$tool" </dev/null
	done
	needs 0 build
}

dev_refuses_what_it_does_not_know() {
	while read -r arguments; do
		# shellcheck disable=SC2086 # a list
		expect 2 "$root/dev" $arguments
		contains "$err" './dev help'
	done <<'END'
nonesuch
--nonesuch
build x
clean x
test --nonesuch
fuzz
fuzz nonesuch
fuzz 0
fuzz -1
fuzz 1s
fuzz 99999999
fuzz 1 nonesuch
END
}

dev_without_a_verb_shows_the_help() {
	expect 2 "$root/dev"
	contains "$err" 'Usage: ./dev VERB'
	expect 0 "$root/dev" help
	for verb in demo test build lint fuzz bench format clean; do
		contains "$out" "  $verb "
	done
}

run_tests with_everything_installed_nothing_is_run only_what_is_missing_is_installed \
	a_package_whose_name_is_longer_does_not_count \
	an_ordinary_user_is_told_before_sudo_is_used without_sudo_the_packages_are_named \
	package_lists_are_fetched_when_they_lack_a_package stale_package_lists_are_fetched_once \
	a_failed_installation_names_the_packages \
	without_apt_missing_commands_and_libraries_are_named without_apt_it_goes_on_when_all_is_there \
	dev_refuses_what_it_does_not_know dev_without_a_verb_shows_the_help
