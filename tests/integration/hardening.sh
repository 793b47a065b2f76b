#!/bin/sh
# What makes an error of ours harder to exploit, read back from the two programs as they were built.
# Not for builds without optimisation or with a sanitizer, which lack some of it. COMMANDS is the
# build's list of compiler calls.
set -eu

here=$(cd -P -- "$(dirname -- "$0")" && pwd)
. "$here/../tap.sh"

export LC_ALL=C
programs="${PADDOCK:?the built paddock} ${PADDOCK_AGENT:?the built paddock-agent}"
commands=${COMMANDS:?the compile_commands.json of the build}

# Each program's tables, once; and what a test writes down for itself.
tables=$(mktemp -d)
scratch=$(mktemp -d)
trap 'rm -rf -- "$tables" "$scratch"' EXIT
for program in $programs; do
	readelf --wide --file-header --program-headers --dynamic --dyn-syms "$program" \
		>"$tables/${program##*/}"
done

# of_each TEXT: each program's tables have a line that matches.
of_each() {
	for table in "$tables"/*; do
		grep -qE -e "$1" -- "$table" || {
			echo "${table##*/} has no line like '$1':"
			cat -- "$table"
			return 1
		}
	done
}

# of_none TEXT: neither program's tables have a line that matches.
of_none() {
	for table in "$tables"/*; do
		! grep -nE -e "$1" -- "$table" || return 1
	done
}

only_on_x86() {
	of_each '^ *Machine: .*X86-64' >/dev/null || skip_test "of x86 processors only"
}

# Without a pipe, which grep would break before all is written.
code_of() {
	objdump --disassemble --no-show-raw-insn "$1" >"$scratch/code"
}

is_loaded_at_a_random_address() {
	of_each '^ *Type: +DYN '
	of_each 'Flags:.* PIE'
}

binds_at_its_start_and_then_makes_its_tables_read_only() {
	of_each '^ *GNU_RELRO '
	of_each 'Flags:.* NOW'
}

has_a_stack_that_cannot_be_executed() {
	of_each '^ *GNU_STACK .* RW +0x'
}

has_no_memory_that_can_be_both_written_and_executed() {
	of_each '^ *LOAD .* R E 0x'
	of_none '^ *[A-Z_]+ .* [R ]WE '
}

keeps_what_is_no_code_out_of_executable_pages() {
	# The first segment holds the headers; where code and data share pages, it is executable.
	for table in "$tables"/*; do
		first=$(grep -m 1 -E '^ *LOAD ' "$table")
		echo "$first" | grep -qE ' R +0x' || {
			echo "${table##*/}: $first"
			return 1
		}
	done
}

looks_for_libraries_where_the_system_has_them() {
	of_none '\((RPATH|RUNPATH)\)'
}

notices_that_its_stack_was_overrun() {
	of_each ' __stack_chk_fail(@| |$)'
}

notices_that_a_buffer_is_too_small() {
	for function in memcpy snprintf vsnprintf; do
		of_each " __${function}_chk(@| |\$)"
	done
}

touches_each_page_of_a_large_stack_frame() {
	only_on_x86
	for program in $programs; do
		code_of "$program"
		sed -n '/sub  *\$0x1000,%rsp/{n;p;}' "$scratch/code" |
			grep -E '(or|mov)q +\$0x0,\(%rsp\)'
	done
}

marks_where_calls_may_go() {
	only_on_x86
	for program in $programs; do
		code_of "$program"
		sed -n '/<main>:$/{n;p;}' "$scratch/code" | grep endbr64
	done
}

# last_of TEXT: the last word of the compiler's call that begins so, for that one counts.
last_of() {
	tr ' ' '\n' <"$scratch/call" | grep -E -e "^$1" | tail -n 1
}

# Of these the programs show no trace, so the compiler's calls have to do.
is_compiled_with_what_cannot_be_seen_in_it() {
	for file in agent/main.c controller/main.c; do
		grep -F '"command":' "$commands" | grep -F "/$file\"" >"$scratch/call"
		equal "$(last_of '-[DU]_FORTIFY_SOURCE')" -D_FORTIFY_SOURCE=3 "the level of $file"

		compiler=$(sed -E 's/.*"command": "(ccache )?([^ ]+) .*/\2/' "$scratch/call")
		! "$compiler" -Werror -ftrivial-auto-var-init=zero -x c -c -o /dev/null /dev/null ||
			equal "$(last_of '-ftrivial-auto-var-init')" -ftrivial-auto-var-init=zero \
				"what variables of $file begin with"
	done
}

run_tests is_loaded_at_a_random_address binds_at_its_start_and_then_makes_its_tables_read_only \
	has_a_stack_that_cannot_be_executed has_no_memory_that_can_be_both_written_and_executed \
	keeps_what_is_no_code_out_of_executable_pages \
	looks_for_libraries_where_the_system_has_them notices_that_its_stack_was_overrun \
	notices_that_a_buffer_is_too_small touches_each_page_of_a_large_stack_frame \
	marks_where_calls_may_go is_compiled_with_what_cannot_be_seen_in_it
