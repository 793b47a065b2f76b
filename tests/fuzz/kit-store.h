#pragma once

/* A store with one item a kind and one machine, whatever is asked for: bodies that were in no real
 * one. */

#include "common/store/store.h"

#define FUZZ_ITEMS_MAX 8

struct fuzz_store {
	struct store store;
	struct item items[FUZZ_ITEMS_MAX]; /* bodies owned */
	size_t n_items;
	struct machine machine; /* state NONE: there is none */
};

void fuzz_store_init(struct fuzz_store *store);
void fuzz_store_done(struct fuzz_store *store);
#define _cleanup_fuzz_store_ _cleanup_(fuzz_store_done)

/* Takes the body over. */
void fuzz_store_put(struct fuzz_store *store, const char *kind, char *body);
/* NULL when there is none. */
const char *fuzz_store_body(const struct fuzz_store *store, const char *kind);
