#!/bin/sh
# What an agent's beats and looks cost: CPU of the machine's, and DynamoDB's capacity; and from what a
# real agent asks for, idle and serving a claim, its price.
. "$(dirname -- "$0")/aws-lib.sh"

# Of a million units in us-east-1, on demand: AWS's price list of DynamoDB, as of November 2024.
readonly WRITE_DOLLARS=0.625 READ_DOLLARS=0.125
readonly WINDOW_SECONDS=30 MONTH_HOURS=730

start_dynamodb dynalite
"$tools/beats" "$STORE" 1000

# A real agent, through a wire that counts.
start_wire dynamodb "$AWS_ENDPOINT_URL_DYNAMODB" 0
AWS_ENDPOINT_URL_DYNAMODB=$wire
export PADDOCK_STORE=dynamodb:agents
"$tools/beats" "$PADDOCK_STORE" 0
agent_says() {
	"$paddock_agent" status --machine agent --state-dir "$T/state" --json | grep -q "\"$1\""
}

# month WHAT: counts for a while, as a month. A write or a read of these sizes is one unit.
month() {
	counts dynamodb >/dev/null
	sleep "$WINDOW_SECONDS"
	counts dynamodb >"$T/asked"
	while read -r operation n; do
		report "  $operation, $1" "$n" calls "in $WINDOW_SECONDS s"
	done <"$T/asked"
	awk -v seconds="$WINDOW_SECONDS" -v hours="$MONTH_HOURS" -v write="$WRITE_DOLLARS" \
		-v read="$READ_DOLLARS" -v what="$1" '
		/^UpdateItem|^PutItem/ { dollars += $2 * write / 1e6; next }
		{ dollars += $2 * read / 1e6 }
		END {
			printf "Price of a machine-month, %s\t%.2f\tdollars\t%s\n", what,
				dollars * hours * 3600 / seconds, "on demand, us-east-1"
		}' "$T/asked"
}

start agent "$paddock_agent" run --machine agent --state-dir "$T/state"
wait_for 60 agent_says idle
month idle
"$paddock" provision --no-create --instance-count 1 --run bench >"$T/out" 2>"$T/err" || {
	cat "$T/err" >&2
	exit 1
}
month "serving a claim"
