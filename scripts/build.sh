# shellcheck shell=sh
# Build directories: build/ is what one installs; build-asan/ and build-clang/ are tested.

verb_build() {
	need build
	build_release
	say "built build/controller/paddock and build/agent/paddock-agent"
}

verb_demo() {
	need build
	build_release
	# In place of this shell, so that signals and the exit code are the demo's own.
	exec build/controller/paddock demo "$@"
}

verb_clean() {
	rm -rf -- build/ build-*/
}

build_release() {
	configure build gcc --buildtype release -Dtests=disabled
	compile build
}

# The two builds that are tested. Each succeeds or fails by itself.
configure_asan() {
	configure build-asan gcc --native-file dev.ini -Dtests=enabled
}

configure_clang() {
	configure build-clang clang --buildtype release -Dwerror=true -Dtests=enabled
}

# Those of ./dev test --long.
configure_tsan() {
	configure build-tsan gcc --buildtype debugoptimized -Db_sanitize=thread -Dwerror=true \
		-Dtests=enabled
}

# Not hardened (meson.build), and as readable in a backtrace as it can be at some speed.
configure_valgrind() {
	configure build-valgrind gcc --buildtype debug -Doptimization=g -Dwerror=true \
		-Dtests=enabled
}

configure_gcc() {
	configure build-gcc gcc --buildtype release -Dwerror=true -Dtests=enabled
}

# configure DIR COMPILER OPTION…: sets DIR up, anew if it was set up otherwise or never to the end.
configure() {
	dir=$1
	compiler=$2
	shift 2
	how="$compiler $("$compiler" -dumpfullversion -dumpversion) meson $(meson --version) $*
$(cat dev.ini) ${CFLAGS-} ${LDFLAGS-}"

	[ -f "$dir/build.ninja" ] && [ "$(cat "$dir/configured-with" 2>/dev/null)" = "$how" ] && return

	if [ -d "$dir" ] && [ ! -w "$dir" ]; then
		die "$dir/ belongs to somebody else; as its owner, run: ./dev clean"
	fi
	say "setting up $dir/ ($compiler)"
	rm -rf -- "$dir"
	CC=$compiler run_quietly meson setup "$@" "$dir" || return
	printf '%s\n' "$how" >"$dir/configured-with"
}

# Shows what a command says only if it fails.
run_quietly() {
	if said=$("$@" 2>&1); then
		return 0
	fi
	printf '%s\n' "$said" >&2
	return 1
}

compile() {
	say "building $1/"
	if on_terminal; then
		ninja -C "$1" >&2
	else
		run_quietly ninja -C "$1"
	fi
}
