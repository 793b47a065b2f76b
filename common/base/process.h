#pragma once

/*
 * Which process a process is. A pid alone may be another's tomorrow; a pid with the time of its
 * start and the boot that it belongs to is one process for ever. Signals go through pidfds that
 * were proved to be that very process, never through bare pids.
 *
 * proc_fd is the directory of a procfs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define PROCESS_PROC "/proc"
#define PROCESS_NAME_MAX 64 /* the kernel cuts a program's at 15, its own threads' at 63 */
#define BOOT_ID_MAX 40

struct process_stat {
	pid_t pid;
	pid_t parent;
	pid_t group;
	pid_t session;
	char state;                  /* 'R', 'S', 'Z', … */
	uint64_t start_time;         /* clock ticks since boot: field 22 */
	char name[PROCESS_NAME_MAX]; /* printable ASCII, '?' for everything else */
};

struct process_identity {
	pid_t pid;
	uint64_t start_time;
	char boot_id[BOOT_ID_MAX];
};

/* /proc/PID/stat. -ESRCH when there is no such process, -EBADMSG when it does not read as one. */
int process_read_stat(int proc_fd, pid_t pid, struct process_stat *ret) _must_check_;

/* Whether it has ended and only waits to be reaped. */
bool process_is_dead(const struct process_stat *stat);

/* The running kernel's boot id. */
int process_boot_id(int proc_fd, char *ret, size_t size) _must_check_;

/* Who a process is now. -ESRCH. */
int process_identify(int proc_fd, pid_t pid, struct process_identity *ret) _must_check_;

/* As JSON in a small file, replaced as one step. */
int process_write_identity_at(int dir_fd, const char *path,
			      const struct process_identity *identity) _must_check_;
/* -ENOENT, -EBADMSG. */
int process_read_identity_at(int dir_fd, const char *path, struct process_identity *ret,
			     struct fault *fault) _must_check_;

/* A pidfd of that very process: -ESRCH when it has ended (also when it waits to be reaped), or when
 * its pid is another's now. */
int process_open(int proc_fd, const struct process_identity *identity) _must_check_;

/* A pidfd of a child that has not been reaped yet, whose pid therefore cannot be another's. */
int process_open_child(pid_t pid) _must_check_;

/* -ESRCH when it has ended. */
int process_signal(int pidfd, int signal) _must_check_;

/* Blocks until the process has ended, also one that is not a child: 1. 0 when the deadline came
 * first. */
int process_wait(int pidfd, const struct deadline *deadline,
		 const struct clock *clock) _must_check_;
