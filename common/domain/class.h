#pragma once

/* Resource classes: names for sizes, and matching of machines against what a run wants. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/domain/machine.h"
#include "common/domain/transition.h"

#define CLASSES_MAX 64
#define CAPABILITY_METAL "metal" /* what a machine has that runs on no hypervisor */

struct resource_class {
	char name[CLASS_NAME_MAX];
	uint64_t cpu;        /* exactly so many */
	uint64_t memory_mib; /* at least so much */
	char *needs;         /* owned: capabilities it demands, separated by spaces; NULL: none */
	char *provider;      /* owned; NULL: any */
	char *arch;          /* owned; NULL: any */
	bool metal;          /* demands CAPABILITY_METAL as well */
	bool burstable;      /* accepts types whose speed depends on credits */
	uint64_t warm;       /* so many are kept idle by refresh */
	int usage;           /* enum usage_class: of those */
	uint64_t max;        /* so many may live at once; 0: any number */
};

struct class_table {
	struct resource_class rows[CLASSES_MAX];
	size_t n;
};

/* The defaults: large 2/4096 … 16xlarge 64/131072. */
extern const struct resource_class class_defaults[];
extern const size_t class_defaults_n;

/* NULL when there is none of that name. */
const struct resource_class *class_find(const struct class_table *table, const char *name);

/* '*' any run of characters, '?' one byte; anchored; the case of ASCII letters does not count. No
 * recursion, no backtracking beyond the last star: at most text times glob steps, linear for globs
 * with one star. */
bool glob_matches(const char *glob, const char *text);

/* Whether every word of needs is among the words of capabilities; both separated by spaces. The
 * first missing word is copied to missing when that is not NULL. */
bool capabilities_cover(const char *capabilities, const char *needs, char *missing, size_t size);

/* What a run wants of a machine. */
struct want {
	const struct resource_class *class_;
	const char *const *types; /* globs; n 0: any */
	size_t n_types;
	enum usage_class usage;
	const char *needs;    /* further capabilities; NULL: none */
	const char *provider; /* NULL: any */
	struct claimant claimant;
};

/* Why an idle machine does not fit; MISFIT_NONE: it does. In the order of the tests. */
enum misfit {
	MISFIT_NONE,
	MISFIT_STATE, /* not idle */
	MISFIT_LAST,  /* on notice, or never to be pooled again */
	MISFIT_CLASS,
	MISFIT_SIZE, /* its cpu or memory is not the class's */
	MISFIT_PROVIDER,
	MISFIT_ARCH,
	MISFIT_TYPE, /* no glob matches */
	MISFIT_USAGE,
	MISFIT_NEEDS,
	MISFIT_REUSE,
	MISFIT_IMAGE,
	MISFIT_EXPIRING, /* less than the claim slack is left */
	MISFIT_STALE,    /* it has not beaten for 3 periods, or its agent says failed */
	_MISFIT_MAX,
};
extern const char *const misfit_texts[_MISFIT_MAX]; /* for people */

enum misfit want_judge(const struct want *want, const struct machine *machine, uint64_t now_ms,
		       uint64_t claim_slack_ms);
