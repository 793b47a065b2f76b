# shellcheck shell=sh
# ./dev lint and ./dev format.

# Each version formats differently: the pinned one where it is to be had.
clang_tool() {
	if have "$1-14"; then
		echo "$1-14"
	else
		echo "$1"
	fi
}

verb_format() {
	need format
	c_files | xargs -r "$(clang_tool clang-format)" -i
}
