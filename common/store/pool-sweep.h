#pragma once

/*
 * What one sweep through a queue has met: which offers (a machine's id and seq), by which receipt
 * each is held, and until when. Pure. Private to the pool in SQS.
 *
 * An offer is known by a 64-bit hash. Should two ever share one, the second waits for the next
 * sweep.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"

#define POOL_SWEEP_MAX \
	(1U << 16) /* offers of one sweep; more than that and it is exhausted early */

enum pool_mark {
	POOL_HELD, /* hidden from all others, by this receipt */
	POOL_BACK, /* given back */
	POOL_GONE, /* settled for good */
};

struct pool_message {
	uint64_t key;        /* of the offer */
	uint64_t message;    /* hash of the message's own id, the same at each receipt */
	uint64_t until_usec; /* hidden until then */
	char *receipt;       /* owned: the last one, as only that surely deletes */
	enum pool_mark mark;
};

/* All zero: nothing was met. */
struct pool_sweep {
	struct pool_message *messages; /* owned, in the order of arrival */
	size_t n, capacity;
	uint32_t *slots; /* owned: 1 + index of a message, by key; 0: free */
	size_t n_slots;  /* a power of two */
};
void pool_sweep_done(struct pool_sweep *sweep);
#define _cleanup_pool_sweep_ _cleanup_(pool_sweep_done)

uint64_t pool_sweep_key(const char *id, uint64_t seq);

/* POOL_NEW: the sweep had not met it. POOL_SEEN: it had, and holds it by the new receipt now.
 * POOL_SPARE: it holds another message that offers the same, so nobody misses this one. */
enum { POOL_NEW, POOL_SEEN, POOL_SPARE };
/* One of these, or -ENOMEM, or -ENOBUFS beyond POOL_SWEEP_MAX. The texts are copied. */
int pool_sweep_add(struct pool_sweep *sweep, uint64_t key, const char *message, const char *receipt,
		   uint64_t now_usec, uint64_t until_usec) _must_check_;

/* NULL: not met. Valid until the next pool_sweep_add(). */
struct pool_message *pool_sweep_find(const struct pool_sweep *sweep, uint64_t key);
