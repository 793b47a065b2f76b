#!/bin/sh
# Random schedules of faults against ten real agents and any number of controllers (tests/helpers/
# storm.c): what must always hold is read from the store and from /proc all the while, and everything
# comes to rest again. SEED=n replays the choices of schedule n, SCHEDULES=n says how many; what was
# done is counted in the file FIGURES.
. "$(dirname -- "$0")/lib.sh"

storm=${STORM:?the built storm}
seed=${SEED:-$(($(date +%s) % 1000000))}
schedules=${SCHEDULES:-6}
[ -z "${LONG-}" ] || schedules=${SCHEDULES:-300}

# Short enough for everything to end within a schedule, long enough for a busy host.
settings() {
	export PADDOCK_AGENT_PATH="$paddock_agent" PADDOCK_BEAT_PERIOD=500ms PADDOCK_REUSE=any \
		PADDOCK_BOOT_TIME=20s PADDOCK_IDLE_TIME=5min PADDOCK_CLAIM_SLACK=1s \
		PADDOCK_CLAIM_TIME=8s PADDOCK_DRAIN_TIME=15s PADDOCK_RUN_TIME=20s \
		PADDOCK_REAP_GRACE=2s
}

# A storm says itself what went wrong; its directory stays with KEEP=yes.
show_logs() {
	:
}

nobody_complained() {
	if grep -rlE 'AddressSanitizer|runtime error|LeakSanitizer|Assertion' "$T/logs" "$T/state" \
		>"$T/bad"; then
		head -n 40 "$(head -n 1 "$T/bad")"
		return 1
	fi
}

everything_holds_in_a_storm() {
	settings
	mkdir "$T/logs"
	echo "seed $seed, $schedules schedules"
	CONTROLLER="$paddock" "$storm" "$T" "$seed" "$schedules" >"$T/figures" || {
		cat "$T/figures"
		return 1
	}
	[ -z "${FIGURES-}" ] || cat "$T/figures" >>"$FIGURES"
	equal "$(sort "$T/starts" | uniq -d)" "" "jobs started twice"
	nobody_complained
	equal "$(processes_below "$T/state")" "" "processes left"
}

run_tests everything_holds_in_a_storm
