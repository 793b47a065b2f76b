#pragma once

/* The store in one SQLite file, for one host. Opened through store_open("sqlite:/path") but by
 * those who must choose more than the path: tests, above all. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/store/store.h"

/* How long a call waits for other processes' transactions before it says that the file is locked.
 */
#define SQLITE_BUSY_USEC (5 * USEC_PER_SEC)

/* 'Pddk' in the file's header: what file(1) and we know our databases by. */
#define SQLITE_APPLICATION_ID 0x5064646b
#define SQLITE_SCHEMA_VERSION 1

struct sqlite_options {
	const char *path; /* absolute */
	bool create;
	const struct clock *clock; /* borrowed: the time of records */
	const char *boot_id_path;  /* NULL: the kernel's, /proc/sys/kernel/random/boot_id */
	const char *locks_path;    /* NULL: the kernel's, /proc/locks */
	uint64_t busy_usec;        /* 0: SQLITE_BUSY_USEC */
};

/* -EINVAL relative or overlong path; -ENOENT; -EISDIR; -EMEDIUMTYPE another program's database, or
 * no regular file; -EPROTONOSUPPORT a newer Paddock's; and the errors of store.h. */
int store_sqlite_open(const struct sqlite_options *options, struct store **ret,
		      struct fault *fault) _must_check_;
