# shellcheck shell=sh
# Which packages a verb needs, and how they come onto the machine. The names are the same on
# Debian 12 and Ubuntu 24.04. clang-format and clang-tidy are pinned to one version because each
# version formats, and complains, differently.

readonly LLVM_VERSION=14

# packages_of SET
packages_of() {
	case $1 in
	build) echo gcc libc6-dev meson ninja-build pkgconf libsystemd-dev libjson-c-dev \
		libsqlite3-dev libinih-dev \
		libcurl4-openssl-dev libssl-dev libexpat1-dev scdoc ;;
	test) echo "$(packages_of build)" check clang git python3 python3-botocore spin ;;
	peers) echo "$(unless_there java default-jre-headless)" "$(unless_there npm nodejs npm)" ;;
	long) echo "$(packages_of test)" debootstrap valgrind libc6-dbg ;;
	fuzz) echo "$(packages_of test)" "$(fuzzer_package)" ;;
	format) echo "$(pinned_package clang-format)" git ;;
	lint) echo "$(packages_of test)" "$(pinned_package clang-format)" \
		"$(pinned_package clang-tidy)" cppcheck shellcheck ;;
	esac
}

# libFuzzer comes with the runtime of the very clang that `clang` is.
fuzzer_package() {
	apt-cache depends clang 2>/dev/null |
		sed -n 's/^ *Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p'
}

# unless_there COMMAND PACKAGE…: the packages, unless the command came from somewhere else: those who
# have another vendor's do not want the distribution's, and some of them exclude each other.
unless_there() {
	there=$1
	shift
	have "$there" || echo "$@"
}

# Releases that no longer have the pinned version get their own; lint then skips what needs it.
pinned_package() {
	# shellcheck source=/dev/null
	case $(. /etc/os-release && echo "${UBUNTU_CODENAME-${VERSION_CODENAME-}}") in
	bookworm | noble) echo "$1-$LLVM_VERSION" ;;
	*) echo "$1" ;;
	esac
}

# The same for where there is no apt: commands, and modules of pkg-config behind "lib:".
commands_of() {
	case $1 in
	build) echo gcc meson ninja pkg-config lib:libsystemd lib:json-c lib:sqlite3 lib:inih \
		lib:libcurl lib:libcrypto lib:expat ;;
	test) echo "$(commands_of build)" lib:check clang git python3 spin ;;
	peers) echo java npm ;;
	long) echo "$(commands_of test)" debootstrap valgrind ;;
	fuzz) commands_of test ;;
	format) echo clang-format git ;;
	lint) echo "$(commands_of test)" clang-format clang-tidy cppcheck shellcheck ;;
	esac
}

# need SET: after this, everything that SET (build, test, peers, long, format, lint) names is installed.
need() {
	if have apt-get && have dpkg-query; then
		need_packages "$1"
	else
		need_commands "$1"
	fi
}

# Other distributions have other names and other package managers, so it only says what is missing.
need_commands() {
	missing=
	for thing in $(commands_of "$1"); do
		case $thing in
		lib:*) pkg-config --exists "${thing#lib:}" 2>/dev/null ;;
		*) have "$thing" ;;
		esac || missing="$missing ${thing#lib:}"
	done
	[ -z "$missing" ] || die "there is no apt here; please install these by hand:$missing"
}

need_packages() {
	# shellcheck disable=SC2046 # a list
	missing=$(missing_packages $(packages_of "$1"))
	[ -n "$missing" ] || return 0

	say "not installed: $missing"
	if [ "$(id -u)" -eq 0 ]; then
		sudo=
	elif have sudo; then
		sudo=sudo
		say "you are not root: sudo is used for the installation, and for nothing else"
	else
		die "you are not root and there is no sudo; as root, run: apt-get install $missing"
	fi

	finish_interrupted_install
	# shellcheck disable=SC2086 # a list
	install_packages $missing
	# shellcheck disable=SC2086 # a list
	missing=$(missing_packages $missing)
	[ -z "$missing" ] || die "still not installed: $missing"
}

# Those of the names that are not installed, in one line.
missing_packages() {
	# It fails as soon as one of them is unknown to it, and still tells about the others.
	installed=$(dpkg-query -W -f '${Package}:${db:Status-Status}\n' "$@" 2>/dev/null) || :
	absent=
	for name; do
		printf '%s\n' "$installed" | grep -qxF "$name:installed" || absent="$absent $name"
	done
	echo "${absent# }"
}

# as_root COMMAND…: says what it runs, and never asks on stdin.
as_root() {
	set -- ${sudo:+"$sudo"} env DEBIAN_FRONTEND=noninteractive "$@"
	say "running: $*"
	"$@" </dev/null >&2
}

# What an installation that was cut off has left makes every later one fail.
finish_interrupted_install() {
	if [ -n "$(find /var/lib/dpkg/updates -type f 2>/dev/null)" ]; then
		as_root dpkg --configure -a
	fi
}

# The package lists are fetched only when they do not know a package, or no longer tell the truth.
install_packages() {
	if apt-cache show "$@" >/dev/null 2>&1; then
		apt_install "$@" && return
		say "trying once more with new package lists"
	fi
	# Some third source may be out of order that has none of these packages.
	as_root apt-get update -q || say "going on with the package lists as they are"
	apt_install "$@" || die "cannot install $*: apt-get says why, above"
}

apt_install() {
	as_root apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}
