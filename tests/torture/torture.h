#pragma once

/*
 * Torture: a test program whose code under test, and only that, makes its fallible calls through
 * the wrappers here (redirect.sh renames them in the objects). A wrapper counts, and lets the one
 * call fail that this run is about. docs/testing.md tells how to use it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"

enum torture_kind {
	TORTURE_NONE,
	TORTURE_MEMORY,        /* what allocates: ours, json-c's, libsystemd's constructors */
	TORTURE_CALL,          /* what the kernel may refuse */
	TORTURE_SQLITE_MEMORY, /* SQLite's own allocations */
	TORTURE_SQLITE_CALL,   /* SQLite's own system calls */
	TORTURE_INTERRUPT,     /* EINTR, or half a write: nothing that anybody may notice */
	_TORTURE_KIND_MAX,
};

extern const char *const torture_kind_names[_TORTURE_KIND_MAX];

/* What is to fail: of its kind the one with number at, or all from there on. 0: none. */
struct torture_point {
	enum torture_kind kind;
	long at;
	bool lasting;
};

/* Shared with every process that a test forks, so that each call counts once, whoever makes it. */
struct torture_state {
	struct torture_point point; /* TORTURE_NONE: nothing fails */
	bool paused;
	bool trace;
	atomic_long counts[_TORTURE_KIND_MAX];
	atomic_long struck;
	atomic_int died; /* a sanitizer ended some process */
	int fds_left;    /* more than when the test began */
	char what[64];   /* the first call that failed */
};

extern struct torture_state *torture_state;

/* 0, or -1 with errno set if it cannot be shared. */
int torture_init(void) _must_check_;

/* For tests written for this (test-*.c here). Between the two, calls neither count nor fail: what a
 * test needs around what it is about. An assertion that fails meanwhile is a finding. */
void torture_pause(void);
void torture_resume(void);
/* Whether memory is what fails, so that -ENOMEM is the only error to be expected. */
bool torture_is_about_memory(void);

/* Whether this call, of this kind, is to fail. */
bool torture_strikes(enum torture_kind kind, const char *what);

/* Before SQLite is first used: its allocations and system calls count from here on. */
int torture_sqlite_init(void) _must_check_;

enum torture_verdict {
	TORTURE_PASSED,  /* the test's assertions held, whatever failed */
	TORTURE_REFUSED, /* one did not, which is what a failed call is expected to lead to */
	TORTURE_LEAKED,  /* memory that nobody can reach any more */
	TORTURE_LEFT_FD, /* a descriptor that was not open before */
	TORTURE_DIED,    /* a signal, or a report of a sanitizer */
	TORTURE_HUNG,    /* did not end in time */
	TORTURE_NOTICED, /* a test that failed over what nobody may notice */
	TORTURE_BROKEN,  /* an assertion failed while nothing else could */
	_TORTURE_VERDICT_MAX,
};

extern const char *const torture_verdict_names[_TORTURE_VERDICT_MAX];

struct torture_result {
	enum torture_verdict verdict;
	long counts[_TORTURE_KIND_MAX];
	long struck;
	int fds_left;
	char what[64];
};

typedef void torture_fn(int);

/* More descriptors than anybody has. */
#define FDS_ANY 65536

/* Runs a test once, in a process of its own, with everything that this leaves behind ended. What
 * it printed is on output_fd, which is emptied before. fds_allowed: so many the test itself leaves
 * open. */
int torture_run(torture_fn *fn, const struct torture_point *point, bool trace, int fds_allowed,
		int output_fd, struct torture_result *ret) _must_check_;

/* Ends a test whose assertion failed. */
_Noreturn void torture_refuse(void);
