# shellcheck shell=sh
# Which packages a verb needs, and how they come onto the machine. The names are the same on
# Debian 12 and Ubuntu 24.04. clang-format and clang-tidy are pinned to one version because each
# version formats, and complains, differently.

readonly packages_build='gcc libc6-dev meson ninja-build pkgconf libsystemd-dev libjson-c-dev
	libsqlite3-dev libinih-dev scdoc'
readonly packages_test="$packages_build check clang git"
readonly packages_long="$packages_test debootstrap"
readonly packages_format='clang-format-14 git'
readonly packages_lint="$packages_test clang-format-14 clang-tidy-14 cppcheck shellcheck"

# What to look for where there is no apt: commands, and modules of pkg-config.
readonly commands_build='gcc meson ninja pkg-config'
readonly commands_test="$commands_build clang git"
readonly commands_long="$commands_test debootstrap"
readonly commands_format='clang-format git'
readonly commands_lint="$commands_test clang-format clang-tidy cppcheck shellcheck"
readonly modules_build='libsystemd json-c sqlite3 inih'
readonly modules_test="$modules_build check"

# need SET: after this, everything that SET (build, test, long, format, lint) names is installed.
need() {
	if have apt-get && have dpkg-query; then
		need_packages "$1"
	else
		need_commands "$1"
	fi
}

need_packages() {
	eval "wanted=\$packages_$1"
	# shellcheck disable=SC2154,SC2086 # set by eval; a list
	missing=$(missing_packages $wanted)
	[ -n "$missing" ] || return 0

	say "not installed:" $missing
	as_root_prefix "$missing"
	finish_interrupted_install
	# shellcheck disable=SC2086 # a list
	install_packages $missing

	# shellcheck disable=SC2086 # a list
	missing=$(missing_packages $missing)
	[ -z "$missing" ] || die "still not installed:" $missing
}

# Those of the names that are not installed, in one line.
missing_packages() {
	installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null) || :
	for name; do
		case "
$installed
" in
		*"
$name installed
"*) ;;
		*) printf '%s ' "$name" ;;
		esac
	done
}

# Sets $as_root to what stands before a command that needs root.
as_root_prefix() {
	if [ "$(id -u)" -eq 0 ]; then
		as_root='env DEBIAN_FRONTEND=noninteractive'
	elif have sudo; then
		as_root='sudo env DEBIAN_FRONTEND=noninteractive'
		say "you are not root, so sudo is used to install them, and for nothing else"
	else
		die "you are not root and there is no sudo; as root, run: apt-get install" $1
	fi
}

announce_and_run() {
	say "running: $*"
	"$@" </dev/null >&2
}

# What an install that was cut off left behind makes every later one fail.
finish_interrupted_install() {
	if [ -n "$(find /var/lib/dpkg/updates -type f 2>/dev/null)" ]; then
		# shellcheck disable=SC2086 # a command and its arguments
		announce_and_run $as_root dpkg --configure -a
	fi
}

# The package lists are fetched only if a package is not in them, or is no longer where they say.
install_packages() {
	# shellcheck disable=SC2086 # a command and its arguments
	if ! apt-cache show "$@" >/dev/null 2>&1; then
		announce_and_run $as_root apt-get update -q || say "going on with the old package lists"
		apt_install "$@" && return
	else
		apt_install "$@" && return
		say "trying again with new package lists"
		announce_and_run $as_root apt-get update -q && apt_install "$@" && return
	fi
	die "cannot install: $* (apt-get says why, above)"
}

apt_install() {
	# shellcheck disable=SC2086 # a command and its arguments
	announce_and_run $as_root apt-get install -q -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "$@"
}

# Other distributions: names differ, so it only says what is missing.
need_commands() {
	eval "commands=\$commands_$1"
	case $1 in
	build) modules=$modules_build ;;
	format) modules= ;;
	*) modules=$modules_test ;;
	esac

	missing=
	# shellcheck disable=SC2154 # set by eval
	for command in $commands; do
		have "$command" || missing="$missing $command"
	done
	for module in $modules; do
		pkg-config --exists "$module" 2>/dev/null || missing="$missing $module(-dev)"
	done
	[ -z "$missing" ] ||
		die "this is neither Debian nor Ubuntu: please install by hand:$missing"
}
