#pragma once

/* What the benches in C share: a store in a directory of its own, machines by the thousand, and the
 * lines that scripts/bench.sh reads. Whatever fails ends the bench with a word on stderr. */

#include <stddef.h>
#include <stdint.h>

#include "common/store/store.h"

/* The boot that those machines have come up in, and what they live by. */
#define BENCH_BOOT_ID "11111111-2222-4333-8444-555555555555"
extern const struct leases bench_leases;

struct bench {
	char *dir;     /* owned */
	char *address; /* owned: of the store in it */
};

void bench_init(struct bench *bench);
/* Removes the directory. */
void bench_done(struct bench *bench);

/* A connection of its own. */
struct store *bench_open(const struct bench *bench);

/* Ends the bench when r is an error. */
void bench_check(int r, const struct fault *fault);
/* One line of the result. */
void bench_report(const char *what, double value, const char *unit, const char *note);

/* Puts machines "<prefix>-0" … into the store, ready and idle, with an idle time of so long. */
void bench_make_idle(struct store *store, const char *prefix, size_t n, uint64_t idle_ms);
/* The same of another kind. */
struct bench_kind {
	const char *class_name, *type;
};
void bench_make_idle_of(struct store *store, const struct bench_kind *kind, const char *prefix,
			size_t n, uint64_t idle_ms);
/* "<prefix>-<index>". */
void bench_name(char *id, const char *prefix, size_t index);

/* The claim of an idle machine that has never served. */
struct change bench_claim(const char *id, const char *run_key);

/* CLOCK_MONOTONIC. */
double bench_now_s(void);
