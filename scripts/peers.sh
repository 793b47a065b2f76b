# shellcheck shell=sh
# The programs that tests talk to in AWS's place (docs/testing.md). They are nobody's dependency but
# the tests': they are installed into .peers/, at versions and checksums that a lock file fixes, and
# never committed. Where they cannot be installed, the tests that need them are skipped.

readonly PEERS=.peers
readonly PEERS_LOCKS=tests/fakes/peers
# What the peers need; Debian 12 has an older one.
readonly NODE_MAJOR=20

# need_peers: after this they are installed, or it has been said why they are not.
need_peers() {
	! peers_are_there || return 0

	# In a subshell, because what cannot be installed ends it.
	if (need peers && install_peers); then
		return 0
	fi
	say "$PEERS/ is not complete: the tests that need it are skipped"
}

# The directory gets its name only when it is whole, so its lock files speak for all of it.
peers_are_there() {
	cmp -s "$PEERS_LOCKS/package-lock.json" "$PEERS/package-lock.json" || return 1
	node_is_new "$(command -v node || echo false)" ||
		cmp -s "$PEERS_LOCKS/node/package-lock.json" "$PEERS/node/package-lock.json" || return 1
	have java
}

# node_is_new NODE
node_is_new() {
	node_version=$("$1" --version 2>/dev/null) || return 1
	node_version=${node_version#v}
	[ "${node_version%%.*}" -ge "$NODE_MAJOR" ] 2>/dev/null
}

# Each step is looked at: as its caller asks how it went, `set -e` is off in here.
install_peers() {
	say "installing the tests' peers into $PEERS/"
	# What an interrupted installation has left.
	rm -rf -- "$PEERS"-new.* "$PEERS"-old
	fresh=$(mktemp -d "$PEERS-new.XXXXXX") || die "cannot make a directory here"
	# Tests may run as somebody else than who installed them.
	chmod 755 "$fresh" || peers_failed
	npm_install "$PEERS_LOCKS" "$fresh" || peers_failed
	if ! node_is_new "$(command -v node || echo false)"; then
		npm_install "$PEERS_LOCKS/node" "$fresh/node" || peers_failed
		mv "$fresh"/node/node_modules/node-linux-*/bin/node "$fresh/node/node" || peers_failed
		rm -rf -- "$fresh/node/node_modules"
		node_is_new "$fresh/node/node" || peers_failed
	fi
	# Two steps, as a directory that is not empty cannot be replaced in one. Whoever is interrupted
	# between them has none, and installs it again.
	[ ! -e "$PEERS" ] || mv "$PEERS" "$PEERS-old" || peers_failed
	mv "$fresh" "$PEERS" || peers_failed
	rm -rf -- "$PEERS-old"
}

peers_failed() {
	rm -rf -- "$fresh"
	die "the tests' peers cannot be installed"
}

# npm_install LOCKS DIRECTORY: what the lock file says, no more; no package may run a program.
npm_install() {
	mkdir -p "$2" && cp "$1/package.json" "$1/package-lock.json" "$2/" && cd_and_install "$2"
}

# Without network it is to give up in seconds, and not in the minute that npm takes by itself.
cd_and_install() (
	cd "$1" && run_quietly npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=4000
)
