#!/bin/sh
# redirect.sh NM OBJCOPY AR ARCHIVE WRAPPERS OBJECT…: an archive of the objects in which every call
# to X goes to torture_X, for each torture_X that the object WRAPPERS defines. A call inside an
# object, or from the tests, stays what it is. str_format() is what tests themselves use most; theirs
# is the test kit's (seclude.sh).
set -eu

nm=$1 objcopy=$2 ar=$3 archive=$4 wrappers=$5
shift 5

parts=$archive.p
rm -rf -- "$archive" "$parts"
mkdir -p -- "$parts"
# shellcheck disable=SC2086 # a list
"$nm" --defined-only $wrappers | sed -n 's/.* T torture_\(.*\)$/\1 torture_\1/p' >"$parts/names"
echo 'str_format tortured_str_format' >>"$parts/names"

n=0
for object; do
	n=$((n + 1))
	"$objcopy" --redefine-syms "$parts/names" "$object" "$parts/$n-${object##*/}"
done
"$ar" rcs "$archive" "$parts"/*.o
