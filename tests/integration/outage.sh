#!/bin/sh
# shellcheck disable=SC2119,SC2120
# The store's file locked, full, removed, replaced, read-only, while a job runs: the job goes on, no
# new work is taken, and what the job came to is delivered afterwards. The troubles last a few
# seconds here; with LONG=yes a minute and more, up to the machine's own end.
. "$(dirname -- "$0")/lib.sh"
. "$here/agent-lib.sh"

# Until the agent has said that it takes no new work (3 periods), and for as long as it is to last.
outage_lasts() {
	wait_for 20 agent_logs 'the store has not answered for .*no new work'
	[ -z "${LONG-}" ] || sleep 60
	is_alive "$agent"
	agent_is phase busy
}

# start_long_job [LEASE=DURATION]: a job that waits for $T/go and then says so much that its report needs
# room.
start_long_job() {
	start_agent
	wait_for 10 record state idle
	ctl claim m-1 run-1 "$@"
	# shellcheck disable=SC2016 # for the job's shell
	ctl offer m-1 sh -c 'echo $$ >"$0/pid"; until [ -e "$0/go" ]; do sleep 0.05; done; seq 20000; exit 3' "$T"
	wait_for 10 test -s "$T/pid"
	wait_for 10 agent_is phase busy
}

# The job ends while nobody can be told.
job_ends() {
	is_alive "$(cat "$T/pid")"
	: >"$T/go"
	wait_for 20 agent_is agent listening
	is_gone "$(cat "$T/pid")"
}

# The store is there again: what was kept arrives, and the claim goes on as if nothing had been.
result_is_delivered() {
	wait_for 20 job 1 state "done"
	job 1 exit 3
	wait_for 10 agent_logs 'the store answers again'
	ctl job m-1 1 output | tail -n 1 | grep -qx 20000
	ctl submit m-1 true
	wait_for 10 job 1 number 2
	wait_for 10 job 1 state "done"
	ctl drain m-1
	wait_for 10 record state idle
}

# The agent may put a notice beside it meanwhile.
remove_store() {
	wait_for 10 rm -rf state/paddock.db state/paddock.db-shm state/paddock.db-wal state/paddock.db.bell
}

locker() {
	start locker "$python" -c '
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)
db.execute("ROLLBACK")
' "$T/state/paddock.db" "$T/unlock"
	wait_for 10 grep -q locked "$T/locker.out"
}

a_job_outlives_a_locked_store() {
	begin
	start_long_job
	locker
	outage_lasts
	job_ends
	: >"$T/unlock"
	result_is_delivered
}

no_job_starts_while_the_store_is_silent() {
	begin
	start_agent
	wait_for 10 record state idle
	ctl claim m-1 run-1
	ctl offer m-1
	wait_for 10 agent_is phase listening
	mkdir away
	mv state/paddock.db* away/
	wait_for 20 agent_logs 'no new work'
	# Somebody who still reaches the store puts a job there, and takes the machine away again.
	"$storectl" "sqlite:$T/away/paddock.db" submit m-1 touch "$T/ran"
	"$storectl" "sqlite:$T/away/paddock.db" withdraw m-1
	"$storectl" "sqlite:$T/away/paddock.db" drain m-1
	agent_is agent listening
	mv away/paddock.db* state/
	wait_for 20 record state idle
	[ ! -e "$T/ran" ]
}

mount_small() {
	mkdir -p "$T/state"
	[ "$(id -u)" -eq 0 ] || skip_test "mounting needs root"
	mount -t tmpfs -o size=1m none "$T/state" 2>"$T/mount.err" ||
		skip_test "no tmpfs can be mounted here: $(cat "$T/mount.err")"
	# The test's own subshell ends here; what still lives in it is killed later.
	trap 'umount -l "$T/state"' EXIT
}

# To the last byte, whatever becomes free meanwhile.
fill() {
	start filler "$python" -c '
import os, sys, time
file = open(sys.argv[1], "wb", buffering=0)
block = b"x" * 4096
while not os.path.exists(sys.argv[2]):
    try:
        file.write(block)
    except OSError:
        print("full", flush=True)
        time.sleep(0.05)
' "$T/state/filler" "$T/unfill"
	wait_for 10 grep -q full "$T/filler.out"
}

a_job_outlives_a_full_disk() {
	mount_small
	begin
	export PADDOCK_STORE="sqlite:$T/state/paddock.db" PADDOCK_STATE_DIR="$T/machines"
	mkdir "$T/machines"
	start_long_job
	fill
	[ -z "${LONG-}" ] || sleep 60
	job_ends
	is_alive "$agent"
	agent_logs 'no answer from the store'
	: >"$T/unfill"
	wait_for 10 is_gone "$started"
	rm "$T/state/filler"
	wait_for 20 job 1 state "done"
	job 1 exit 3
	ctl job m-1 1 output | tail -n 1 | grep -qx 20000
}

a_job_outlives_a_store_that_is_another_file_for_a_while() {
	begin
	start_long_job
	mkdir away
	mv state/paddock.db* away/
	echo "this is no database, however long it may be" >state/paddock.db
	outage_lasts
	job_ends
	mv away/paddock.db* state/
	result_is_delivered
}

# What stands in a copy is as good as what stood in the store.
a_job_outlives_a_store_that_is_removed_and_restored() {
	begin
	start_long_job
	"$python" -c '
import sqlite3, sys
sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))
' "$T/state/paddock.db" "$T/copy.db"
	remove_store
	outage_lasts
	job_ends
	mv copy.db state/paddock.db
	result_is_delivered
}

# A store that answers that there is no such machine has answered.
a_store_that_knows_nothing_of_it_ends_the_machine() {
	begin
	start_long_job
	"$storectl" "sqlite:$T/other.db" init
	remove_store
	mv other.db state/paddock.db
	leaves 0
	agent_logs 'the record is gone'
	wait_for 10 is_gone "$(cat "$T/pid")"
	equal "$(processes_below "$T/state")" "" "processes left"
}

# Without a store a machine lives until its threshold and a minute more, and not longer.
without_a_store_the_machine_ends_itself() {
	[ -n "${LONG-}" ] || skip_test "takes more than a minute: with LONG=yes"
	begin
	start_long_job run=5s
	remove_store
	before=$(now_ms)
	wait_for 100 is_gone "$agent"
	[ $(($(now_ms) - before)) -gt 50000 ]
	[ $(($(now_ms) - before)) -lt 80000 ]
	leaves 0
	wait_for 10 is_gone "$(cat "$T/pid")"
	equal "$(processes_below "$T/state")" "" "processes left"
}

a_read_only_store_is_told() {
	mount_small
	begin
	mount -o remount,ro "$T/state"
	export PADDOCK_STATE_DIR="$T/machines" PADDOCK_STORE="sqlite:$T/state/paddock.db"
	mkdir "$T/machines"
	code=0
	"$paddock" provision --timeout 5s --run r >"$out" 2>"$err" || code=$?
	[ "$code" -eq 1 ] || [ "$code" -eq 75 ]
	grep -iq 'read-only' "$err"
	equal "$(find "$T/machines" -name 'pd-*' | wc -l)" 0 "machines made"
	start_agent --boot-time 2s
	leaves 0
	agent_logs 'no answer from the store.*[Rr]ead-only'
	mount -o remount,rw "$T/state"
	record state created
}

run_tests a_job_outlives_a_locked_store no_job_starts_while_the_store_is_silent \
	a_job_outlives_a_full_disk a_job_outlives_a_store_that_is_another_file_for_a_while \
	a_job_outlives_a_store_that_is_removed_and_restored \
	a_store_that_knows_nothing_of_it_ends_the_machine \
	without_a_store_the_machine_ends_itself a_read_only_store_is_told
