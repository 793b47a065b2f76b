#!/bin/sh
# seclude.sh LD NM OBJCOPY OBJECT SHOWN PART…: one object of all the parts, of which only what the
# object SHOWN defines can be seen from outside. The test kit gets its own copy of the library this
# way, so that its calls are not those of the code under test.
set -eu

ld=$1 nm=$2 objcopy=$3 object=$4
shown=$5
shift 4

"$ld" -r -o "$object.all" "$@"
"$nm" --defined-only "$shown" | sed -n 's/.* [TD] //p' >"$object.names"
# What tests call by themselves, and what the linker keeps one of for all.
printf '%s\n' str_format DW.ref.__gcc_personality_v0 >>"$object.names"
"$objcopy" --keep-global-symbols "$object.names" "$object.all" "$object"
