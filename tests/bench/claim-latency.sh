#!/bin/sh
# From the claim, as the record tells it, to the first command of the job, over many claims of warm
# machines. Both times are wall clock: the SQLite store's now follows this host's.
. "$(dirname -- "$0")/lib.sh"

readonly CLAIMS=200

"$paddock" provision --warm --instance-count 2 >"$T/warm" 2>&1
i=1
while [ "$i" -le "$CLAIMS" ]; do
	"$paddock" provision --no-create --run "b$i" --json >"$T/claim" 2>"$T/err"
	started=$("$paddock" exec "b$i-1-default" -- date +%s%3N)
	"$paddock" release "b$i-1-default" >"$T/out" 2>&1
	echo "$((started - $(member claimed_ms "$T/claim")))" >>"$T/started"
	member wait_ms "$T/claim" >>"$T/granted"
	i=$((i + 1))
done

report "claim to job started, p50" "$(percentile 50 "$T/started")" ms "$CLAIMS claims"
report "claim to job started, p95" "$(percentile 95 "$T/started")" ms "goal: 300"
report "claim to job started, most" "$(percentile 100 "$T/started")" ms ""
report "claim to listening, p95" "$(percentile 95 "$T/granted")" ms "wait_ms of provision"
"$paddock" destroy --all >"$T/out" 2>&1
