#!/bin/sh
# The models of docs/protocol: each search must find nothing, each guard taken out must be missed by
# the property that README.md names. That page's tables are what is run.
set -eu

cd "$(dirname "$0")/.."
. tests/tap.sh

command -v spin >/dev/null || skip_all "there is no spin"

models=docs/protocol
page=$models/README.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

readonly DEPTH_MAX=1000000 HASH_BITS=22

# rows HEADING: the cells of the table below it, separated by '|', without its head.
rows() {
	awk -v heading="## $1" '
		/^## / { here = $0 == heading; n = 0 }
		here && /^\|/ && ++n > 2 {
			gsub(/ *\| */, "|")
			print substr($0, 2, length($0) - 2)
		}' "$page"
}

# make_verifier MODEL
make_verifier() {
	mkdir "$work/$1" && cp "$models"/*.pml "$work/$1/"
	(cd "$work/$1" && spin -a "$1.pml" && gcc -O2 -w -DSAFETY -DVECTORSZ=2048 -o pan pan.c)
}

# search NAME [GUARD]: runs it; its words are in $work/said.
search() {
	row=$(rows 'What is searched' | grep "^$1|")
	number=0
	if [ $# -gt 1 ]; then
		number=$(awk -v name="B_$2" '$2 == name { print $3 }' "$models/settings.pml")
		[ -n "$number" ] || return 1
	fi
	model=$(echo "$row" | cut -d'|' -f2)
	settings=$(echo "$row" | cut -d'|' -f3)
	# Without clock or reaper nobody frees who waits for them.
	case $settings in
	*=0*) ends=-E ;;
	*) ends= ;;
	esac
	# shellcheck disable=SC2086 # lists
	(cd "$work/$model" &&
		env BROKEN="$number" $settings ./pan -n -m"$DEPTH_MAX" -w"$HASH_BITS" $ends) \
		>"$work/said" 2>&1
}

finds_nothing() {
	search "$1"
	cat "$work/said"
	if grep -qE 'max search depth too small|Search not completed|out of memory' "$work/said"; then
		return 1
	fi
	grep -q 'errors: 0$' "$work/said"
}

breaks_the_property() {
	search "$2" "$1"
	broken=$(sed -n 's/^pan:1: assertion violated *(*\([0-9]*\)==0).*/\1/p' "$work/said")
	equal "$broken" "$3" "the property that it breaks"
}

every_place_that_a_model_names_is_there() {
	missing=0
	grep -ho 'code: [^*]*' "$models"/*.pml | sed 's/^code: //; s/ *$//' | sort -u >"$work/places"
	[ -s "$work/places" ]
	while read -r place; do
		file=
		for word in $(echo "$place" | tr ',;:()' '     '); do
			word=${word%.}
			case $word in
			*/*.[ch])
				file=$word
				[ -f "$file" ] || { echo "$place: no $file" && missing=1; }
				;;
			*_*)
				grep -qw "$word" "$file" || { echo "$file: no $word" && missing=1; }
				;;
			*) break ;;
			esac
		done
	done <"$work/places"
	[ "$missing" -eq 0 ]
}

every_guard_of_a_model_is_in_the_table() {
	rows 'Without a guard' | cut -d'|' -f1 | sort >"$work/listed"
	sed -n 's/^#define B_\([a-z_]*\) .*/\1/p' "$models/settings.pml" | sort >"$work/known"
	diff "$work/listed" "$work/known"
}

make_verifier claim
make_verifier run

# One test a row, called by its name.
tests='every_place_that_a_model_names_is_there every_guard_of_a_model_is_in_the_table'
for name in $(rows 'What is searched' | cut -d'|' -f1); do
	eval "finds_nothing_in_$(echo "$name" | tr - _)() { finds_nothing $name; }"
	tests="$tests finds_nothing_in_$(echo "$name" | tr - _)"
done
for row in $(rows 'Without a guard' | cut -d'|' -f1-3); do
	name=${row%%|*} rest=${row#*|}
	eval "misses_$name() { breaks_the_property $name ${rest%%|*} ${rest#*|}; }"
	tests="$tests misses_$name"
done
# shellcheck disable=SC2086 # a list
run_tests $tests
