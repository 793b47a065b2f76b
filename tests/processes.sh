# shellcheck shell=sh
# Who still lives below a directory of ours, and ending them. Sourced.

# Pids of the processes whose working directory is this one or below it, or that have a file in it
# open. Only ours can, as the directory is. A test that asks what is left asks about "$T/state": it
# stands in $T itself.
processes_below() {
	find /proc/[0-9]*/cwd /proc/[0-9]*/fd -maxdepth 1 \
		\( -lname "$1" -o -lname "$1/*" \) 2>/dev/null | cut -d / -f 3 | sort -u
}

kill_all_below() {
	tries=0
	while pids=$(processes_below "$1") && [ -n "$pids" ]; do
		# shellcheck disable=SC2086 # a list
		kill -KILL $pids 2>/dev/null || :
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ]; then
			echo "still alive: $pids"
			return 1
		fi
		sleep 0.05
	done
}
