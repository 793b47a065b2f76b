#!/bin/sh
# The first process of an instance: runs the command, lives on without it, and ends all when it is
# told to by SIGTERM, which `shutdown` sends as well.
set -u

# For those that shut it down, whatever environment they have left.
echo "$$" >init.pid
ending=
trap 'ending=yes' TERM

sh -c "$1" &
main=$!
# Does nothing for ever, so that there is something to wait for.
sleep infinity &
idle=$!
until [ -n "$ending" ]; do
	wait "$idle"
done

# As init of a PID namespace it reaches all in it; else, all of its own session.
if [ "$$" -eq 1 ]; then
	kill -TERM -1
else
	kill -TERM 0
fi
# Until it has ended: the trap interrupts one wait.
while kill -0 "$main" 2>/dev/null; do
	wait "$main"
done
exit 0
