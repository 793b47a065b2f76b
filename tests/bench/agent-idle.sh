#!/bin/sh
# What an agent costs that has nothing to do, and how soon after exec it is ready.
. "$(dirname -- "$0")/lib.sh"

readonly WINDOW=30
readonly STARTS=11

# field NAME FILE: a number of /proc.
field() {
	awk -v name="$1:" '$1 == name { print $2 }' "$2"
}

cpu_ticks() {
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

"$paddock" provision --warm --instance-count 1 >"$T/out" 2>&1
# The agent, not what it may have started.
agent=
for pid in $(processes_below "$T/state"); do
	[ "$(readlink "/proc/$pid/exe")" != "$paddock_agent" ] || agent=${agent:-$pid}
done
[ -n "$agent" ]
sleep 2

ticks=$(cpu_ticks "$agent")
nsec=$(cut -d ' ' -f 1 "/proc/$agent/schedstat")
switches=$(field voluntary_ctxt_switches "/proc/$agent/status")
sleep "$WINDOW"
ticks=$(($(cpu_ticks "$agent") - ticks))
nsec=$(($(cut -d ' ' -f 1 "/proc/$agent/schedstat") - nsec))
switches=$(($(field voluntary_ctxt_switches "/proc/$agent/status") - switches))

report "agent idle, RSS" "$(field VmRSS "/proc/$agent/status")" KiB "goal: 13 MB"
report "agent idle, Private_Dirty" "$(field Private_Dirty "/proc/$agent/smaps_rollup")" KiB \
	"goal: 2.5 MB"
report "agent idle, CPU a minute" \
	"$(awk -v n="$nsec" -v w="$WINDOW" 'BEGIN { printf "%.1f", n / 1e6 * 60 / w }')" ms \
	"goal: 20; schedstat of the main thread, $WINDOW s"
report "agent idle, CPU a minute, by ticks" \
	"$((ticks * 60000 / ($(getconf CLK_TCK) * WINDOW)))" ms "all threads, coarse"
report "agent idle, voluntary switches a minute" "$((switches * 60 / WINDOW))" "" "main thread"
"$paddock" destroy --all >"$T/out" 2>&1

# Without a record it is ready all the same, and waits for one.
/usr/bin/python3 - "$paddock_agent" "$T" "$STARTS" >"$T/ready" <<'END'
import os, socket, subprocess, sys, time

agent, directory, starts = sys.argv[1], sys.argv[2], int(sys.argv[3])
path = directory + "/notify"
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
listener.settimeout(10)
for i in range(starts):
    log = open(f"{directory}/agent{i}.log", "wb")
    began = time.monotonic()
    child = subprocess.Popen(
        [agent, "run", "--machine", f"m-{i}"], env={**os.environ, "NOTIFY_SOCKET": path},
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while b"READY=1" not in listener.recv(4096).split(b"\n"):
            pass
        print(round((time.monotonic() - began) * 1e6))
    finally:
        child.kill()
        child.wait()
END
report "agent, exec to READY, p50" "$(percentile 50 "$T/ready")" µs "goal: 20000; $STARTS starts"
report "agent, exec to READY, most" "$(percentile 100 "$T/ready")" µs ""
