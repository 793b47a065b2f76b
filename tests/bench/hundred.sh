#!/bin/sh
# A hundred warm machines: making them, handing them all to one run, ending them.
. "$(dirname -- "$0")/lib.sh"

readonly MACHINES=100

# took COMMAND…: sets $took, in milliseconds; ends the bench when the command fails.
took() {
	from=$(date +%s%3N)
	"$@" >"$T/out" 2>"$T/err" || {
		code=$?
		echo "left with $code: $*" >&2
		tail -n 5 "$T/out" "$T/err" >&2
		exit 1
	}
	took=$(($(date +%s%3N) - from))
}

took "$paddock" provision --warm --instance-count "$MACHINES" --timeout 120s
report "warm $MACHINES machines" "$took" ms ""
"$paddock" provision --no-create --instance-count "$MACHINES" --run all --json >"$T/claim" 2>"$T/err"
report "provision of $MACHINES warm machines" "$(member wait_ms "$T/claim")" ms "wait_ms"
report "  of which selecting" "$(member select_ms "$T/claim")" ms "select_ms"
took "$paddock" destroy --all --force
report "destroy $MACHINES machines" "$took" ms ""
