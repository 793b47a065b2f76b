#pragma once

/* How long to wait before the next try: exponential with full jitter, pure. */

#include <stdint.h>

struct backoff {
	uint64_t first_usec; /* ceiling of the first wait */
	uint64_t max_usec;   /* ceiling of every wait */
};

/* attempt counts from 0; the same (attempt, seed) gives the same wait, in [ceiling/2, ceiling]. */
uint64_t backoff_usec(const struct backoff *backoff, unsigned attempt, uint64_t seed);

/* A 64-bit mix (splitmix64's finaliser, by Steele, Lea and Flood 2014): seeds and shuffles. */
uint64_t mix64(uint64_t x);
/* FNV-1a of a string, for stable choices that need not be secret. */
uint64_t hash_text(const char *text);
