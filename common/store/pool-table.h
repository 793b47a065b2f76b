#pragma once

/* The pool that needs nothing but the store: idle records are the offers. */

#include "common/store/pool.h"

int pool_table_open(struct store *store, uint64_t seed, struct pool **ret,
		    struct fault *fault) _must_check_;
