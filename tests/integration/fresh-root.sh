#!/bin/sh
# README's two commands, as a new user types them: in a Debian 12 that has only git, sudo and
# ca-certificates, by an ordinary user, on a clone of what is committed here.
#
# The root file system is debootstrapped once, from the mirror that this host's apt is configured
# with, and kept in build-fresh-root/ together with the packages that ./dev downloads. Mounts live in
# a mount namespace of this script's own, so that none can outlive it.
. "$(dirname -- "$0")/lib.sh"

source=$(cd -P -- "$here/../.." && pwd)
cache=$source/build-fresh-root
release=bookworm

# Within the fresh root this very test must not run once more.
[ -z "${IN_FRESH_ROOT-}" ] || skip_all "runs inside a fresh root already"
[ "$(id -u)" -eq 0 ] || skip_all "needs root, for chroot"
[ -n "${IN_TEST_NAMESPACE-}" ] || skip_all "needs a mount namespace"
command -v debootstrap >/dev/null || skip_all "needs debootstrap"
[ -e "$source/.git" ] || skip_all "needs a git checkout"

# "URI RELEASE" of each source of this host for Debian 12.
sources() {
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v release="$release" '$3 == "main" && index($2, release) == 1 { print $1, $2 }'
}
mirror=$(sources | awk -v release="$release" '$2 == release { print $1; exit }')
[ -n "$mirror" ] || skip_all "no source of this host's apt has $release"

# The tests build on each other and share one root; see prepare.
before_each() { :; }
after_each() { :; }

# Called by the library when the script ends, however it ends.
clean_up() {
	trap '' HUP INT TERM
	[ -z "${root-}" ] || remove_root "$root"
	rm -rf -- "$suite_dir"
}

remove_root() {
	# The deepest first; the namespace takes whatever resists along.
	awk -v root="$1/" 'index($2, root) == 1 { print $2 }' /proc/mounts | sort -r |
		while read -r mounted; do
			umount --lazy "$mounted" || :
		done
	rm -rf --one-file-system -- "$1"
}

# Sets $root to a fresh one.
prepare() {
	mkdir -p "$cache/archives/partial"
	# Held until this script ends: one fresh root at a time.
	exec 9>"$cache/lock"
	flock 9
	for stale in "$cache"/root.*; do
		[ ! -d "$stale" ] || remove_root "$stale"
	done
	[ -f "$cache/$release.tar" ] || bootstrap

	root=$(mktemp -d "$cache/root.XXXXXX")
	tar -C "$root" -xpf "$cache/$release.tar"
	mount_all
	configure_apt
	add_newcomer
}

bootstrap() {
	fresh=$(mktemp -d "$cache/root.XXXXXX")
	debootstrap --variant=minbase --include=git,sudo,ca-certificates "$release" "$fresh" "$mirror"
	tar -C "$fresh" --one-file-system -cpf "$cache/$release.tar.new" .
	mv "$cache/$release.tar.new" "$cache/$release.tar"
	remove_root "$fresh"
}

mount_all() {
	chmod 755 "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t tmpfs tmpfs "$root/run"
	mkdir -p "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	mount --bind "$cache/archives" "$root/var/cache/apt/archives"
}

configure_apt() {
	sources | sort -u | sed 's/.*/deb & main/' >"$root/etc/apt/sources.list"
	apt-config dump | grep -iE '^Acquire::(https?::)?Proxy' >"$root/etc/apt/apt.conf.d/90host" || :
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	echo "127.0.0.1 localhost $(hostname)" >"$root/etc/hosts"
}

add_newcomer() {
	chroot "$root" useradd --create-home --shell /bin/sh newcomer
	echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/newcomer"
	# Root may well not own the checkout.
	printf '[safe]\n\tdirectory = *\n' >"$suite_dir/.gitconfig"
	HOME=$suite_dir git clone -q --no-hardlinks "$source" "$root/home/newcomer/paddock"
	chroot "$root" chown -R newcomer: /home/newcomer
}

# as_newcomer COMMAND: a line that the new user types in the clone. With $offline set there is no
# network but the loopback device, and that is down.
as_newcomer() {
	echo "\$ $1"
	${offline:+unshare --net} chroot --userspec=newcomer:newcomer --groups= "$root" env -i \
		HOME=/home/newcomer USER=newcomer TERM=dumb PATH=/usr/local/bin:/usr/bin:/bin \
		IN_FRESH_ROOT=yes ${http_proxy:+http_proxy="$http_proxy"} \
		sh -c "cd ~/paddock && $1" </dev/null >"$suite_dir/said" 2>&1 && status=0 || status=$?
	cat "$suite_dir/said"
	return "$status"
}

# What the last command said.
said() {
	contains "$suite_dir/said" "$1"
}

the_demo_installs_builds_and_runs() {
	as_newcomer './dev demo'
	said 'running: sudo '
}

the_demo_leaves_nothing_behind() {
	left=$(chroot "$root" find /home/newcomer /tmp /var/tmp -mindepth 1 -maxdepth 1 \
		! -name paddock ! -name '.bash*' ! -name .profile)
	equal "$left" "" "what is left"
	left=$(grep -l "^Uid:[[:space:]]*$(chroot "$root" id -u newcomer)[[:space:]]" \
		/proc/[0-9]*/status || :)
	equal "$left" "" "processes that are left"
}

the_demo_runs_again_without_network_or_root() {
	rm "$root/etc/sudoers.d/newcomer"
	offline=yes
	as_newcomer './dev demo'
}

the_tests_pass() {
	echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/newcomer"
	as_newcomer './dev test'
	tail -n 1 "$suite_dir/said" | grep -q '^[1-9][0-9]* passed, 0 failed'
}

prepare >&2
run_tests the_demo_installs_builds_and_runs the_demo_leaves_nothing_behind \
	the_demo_runs_again_without_network_or_root the_tests_pass
