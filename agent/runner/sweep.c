#include "agent/runner/sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/runner/descendants.h"

int sweep_init(struct sweep *sweep, int proc_fd)
{
	*sweep = (struct sweep){ .proc_fd = proc_fd };
	return process_boot_id(proc_fd, sweep->boot_id, sizeof(sweep->boot_id));
}

/* Signals the process that was seen, and no other that has its pid by now. That it has ended in the
 * meantime is no error, and neither is that it may not be signalled: the next round finds it. */
static int signal_seen(const struct sweep *sweep, const struct process_stat *seen, int signal)
{
	struct process_identity identity = { .pid = seen->pid, .start_time = seen->start_time };
	_cleanup_close_ int pidfd = -1;
	int r;

	memcpy(identity.boot_id, sweep->boot_id, sizeof(identity.boot_id));
	pidfd = process_open(sweep->proc_fd, &identity);
	r = pidfd < 0 ? pidfd : process_signal(pidfd, signal);
	return r == -ESRCH || r == -EPERM ? 0 : r;
}

/* One call reaches the whole group at once, also what is being forked. */
static void signal_group(const struct sweep *sweep, int signal)
{
	if (sweep->leader > 0 && !sweep->leader_reaped)
		(void)kill(-sweep->leader, signal);
}

int sweep_ask(struct sweep *sweep)
{
	_cleanup_descendants_ struct descendants below = {};
	const struct process_stat *row;
	int r;

	signal_group(sweep, SIGTERM);
	signal_group(sweep, SIGCONT);

	r = descendants_read(sweep->proc_fd, getpid(), &below);
	if (r < 0)
		return r;

	for (size_t i = 0; i < below.n; i++) {
		row = &below.rows[i];
		if (row->session != sweep->leader || row->group == sweep->leader)
			continue;
		r = signal_seen(sweep, row, SIGTERM);
		if (r >= 0)
			r = signal_seen(sweep, row, SIGCONT);
		if (r < 0)
			return r;
	}
	return 0;
}

/* 1 when the leader has ended. */
static int note_leader(struct sweep *sweep)
{
	siginfo_t info = {};

	if (sweep->leader_ended)
		return 1;
	if (sweep->leader == 0 ||
	    (waitid(P_PID, (id_t)sweep->leader, &info, WEXITED | WNOHANG | WNOWAIT) < 0 &&
	     errno == ECHILD)) {
		/* Never ours, or reaped by the supervisor that we take over from. */
		sweep->leader_ended = sweep->leader_reaped = true;
		return 1;
	}
	if (info.si_pid == 0)
		return 0;

	sweep->leader_ended = true;
	sweep->leader_signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
	sweep->leader_code = (info.si_code == CLD_EXITED ? 0 : 128) + info.si_status;
	return 1;
}

int sweep_reap(struct sweep *sweep)
{
	siginfo_t info;

	for (;;) {
		info = (siginfo_t){};
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			return errno == ECHILD ? 0 : -errno;
		if (info.si_pid == 0 || info.si_pid == sweep->leader)
			return note_leader(sweep);
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

int sweep_session_lives(struct sweep *sweep)
{
	_cleanup_descendants_ struct descendants below = {};
	int r;

	r = descendants_read(sweep->proc_fd, getpid(), &below);
	if (r < 0)
		return r;

	for (size_t i = 0; i < below.n; i++)
		if (below.rows[i].session == sweep->leader && !process_is_dead(&below.rows[i]))
			return 1;
	return 0;
}

static void note_stray(struct sweep *sweep, const struct process_stat *seen)
{
	for (size_t i = 0; i < sweep->n_strays; i++)
		if (sweep->strays[i].pid == seen->pid &&
		    sweep->strays[i].start_time == seen->start_time)
			return;

	if (sweep->n_strays < ARRAY_SIZE(sweep->strays))
		sweep->strays[sweep->n_strays++] = *seen;
	else
		sweep->more_strays = true;
}

static int end_one(struct sweep *sweep, const struct process_stat *seen)
{
	if (process_is_dead(seen)) {
		/* Another's child is left to its parent, or comes to us when that ends. */
		if (seen->parent == getpid() && seen->pid != sweep->leader)
			(void)waitpid(seen->pid, NULL, WNOHANG);
		return 0;
	}

	if (seen->session != sweep->leader)
		note_stray(sweep, seen);
	if (sweep->n_alive < ARRAY_SIZE(sweep->alive))
		sweep->alive[sweep->n_alive++] = *seen;
	return signal_seen(sweep, seen, SIGKILL);
}

/* A procfs is read bit by bit, so that one who forks and dies can be missed in it. The kernel's own
 * word is exact: orphans below a subreaper become its children, so without children there are no
 * descendants. */
static int reap_the_rest(struct sweep *sweep)
{
	pid_t pid;
	int r;

	if (!sweep->leader_reaped) {
		r = note_leader(sweep);
		if (r <= 0)
			return r < 0 ? r : 1;
		if (waitpid(sweep->leader, NULL, WNOHANG) < 0)
			return -errno;
		sweep->leader_reaped = true;
	}

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	if (pid == 0)
		return 1;
	return errno == ECHILD ? 0 : -errno;
}

int sweep_round(struct sweep *sweep)
{
	_cleanup_descendants_ struct descendants below = {};
	int r;

	(void)note_leader(sweep);
	signal_group(sweep, SIGKILL);
	r = descendants_read(sweep->proc_fd, getpid(), &below);
	if (r < 0)
		return reap_the_rest(sweep) == 0 ? 0 : r;

	sweep->n_alive = 0;
	for (size_t i = 0; i < below.n; i++) {
		r = end_one(sweep, &below.rows[i]);
		if (r < 0)
			return r;
	}
	return sweep->n_alive > 0 ? 1 : reap_the_rest(sweep);
}

static size_t add_names(char *text, size_t size, size_t at, const struct process_stat *rows,
			size_t n)
{
	int written;

	for (size_t i = 0; i < n && i < SWEEP_NAMED_MAX && at < size; i++) {
		written = snprintf(text + at, size - at, "%s%s (%d)", i > 0 ? ", " : "",
				   rows[i].name, (int)rows[i].pid);
		at += (size_t)written;
	}
	if (n > SWEEP_NAMED_MAX && at < size)
		at += (size_t)snprintf(text + at, size - at, ", ...");
	return at;
}

void sweep_describe(const struct sweep *sweep, bool lingering, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	if (sweep->n_strays > 0) {
		at += (size_t)snprintf(
			text, size, "%zu%s process%s had left the job: ", sweep->n_strays,
			sweep->more_strays ? " or more" : "", sweep->n_strays == 1 ? "" : "es");
		at = add_names(text, size, at, sweep->strays, sweep->n_strays);
	}
	if (lingering && at < size) {
		at += (size_t)snprintf(text + at, size - at,
				       "%sstill alive after SIGKILL: ", at > 0 ? "; " : "");
		if (at < size)
			(void)add_names(text, size, at, sweep->alive, sweep->n_alive);
	}
}
