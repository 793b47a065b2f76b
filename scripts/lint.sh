# shellcheck shell=sh
# ./dev lint and ./dev format. A step is a function that prints what is wrong and fails, or prints
# why it cannot run here and returns SKIPPED.

readonly SKIPPED=77

verb_lint() {
	need lint
	passed=0 failed=0 skipped=0

	lint_step layers scripts/check-layers
	lint_step bans scripts/check-bans
	lint_step sizes scripts/check-sizes
	lint_step tests scripts/check-tests
	lint_step words scripts/check-words
	lint_step links scripts/check-links
	lint_step clang-format lint_format
	lint_step shellcheck lint_shell
	lint_step cppcheck lint_cppcheck
	lint_step clang-tidy lint_tidy

	counts="$passed passed, $failed failed"
	[ "$skipped" -eq 0 ] || counts="$counts, $skipped skipped"
	echo "$counts"
	[ "$failed" -eq 0 ]
}

verb_format() {
	need format
	files=$(c_files)
	each_of "$files" "$(llvm_tool clang-format)" -i
}

# lint_step NAME COMMAND: one line of outcome; what the command said only if it did not pass.
lint_step() {
	lint_status=0
	lint_said=$("$2" 2>&1) || lint_status=$?
	case $lint_status in
	0)
		passed=$((passed + 1))
		echo "ok       $1"
		;;
	"$SKIPPED")
		skipped=$((skipped + 1))
		echo "skipped  $1: $lint_said"
		;;
	*)
		failed=$((failed + 1))
		printf '%s\n' "$lint_said" >&2
		echo "FAILED   $1"
		;;
	esac
}

# The pinned version of a tool where it is to be had: each version judges differently.
llvm_tool() {
	if have "$1-$LLVM_VERSION"; then
		echo "$1-$LLVM_VERSION"
	else
		echo "$1"
	fi
}

llvm_tool_fits() {
	"$(llvm_tool "$1")" --version | grep -q "version $LLVM_VERSION\." && return
	echo "needs $1 $LLVM_VERSION"
	return 1
}

lint_format() {
	llvm_tool_fits clang-format || return "$SKIPPED"
	files=$(c_files) || return
	each_of "$files" "$(llvm_tool clang-format)" --dry-run -Werror
}

lint_shell() {
	files=$(shell_files) || return
	each_of "$files" shellcheck
}

# By what the first line says, so that a script without a suffix is not forgotten.
shell_files() {
	files=$(tracked_files) || return
	each_of "$files" awk 'FNR == 1 && /^#!.*sh$|^# shellcheck shell=/ { print FILENAME }'
}

# Without the system's headers, which it does not need and takes long over. It cannot parse statement
# expressions, so the macros made of them stay unexpanded.
lint_cppcheck() {
	files=$(tracked_files '*.c') || return
	each_of "$files" cppcheck --quiet --error-exitcode=1 -j "$(nproc)" --std=c11 -I . \
		-Utake_ptr -Utake_fd -Ucontainer_of --enable=warning,performance,portability \
		--inline-suppr --suppressions-list=scripts/lint/cppcheck.txt
}

lint_tidy() {
	llvm_tool_fits clang-tidy || return "$SKIPPED"
	configure_clang && ninja -C build-clang --quiet generated || return
	files=$(tracked_files 'common/*.c' 'agent/*.c' 'controller/*.c' 'tests/*.c') || return
	CLANG_TIDY=$(llvm_tool clang-tidy) each_of "$files" scripts/check-tidy build-clang
}
