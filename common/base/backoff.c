#include "common/base/backoff.h"

/* The step of splitmix64, which keeps seeds that differ in few bits apart. */
#define GOLDEN_GAMMA 0x9e3779b97f4a7c15ULL

uint64_t mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return hash;
}

uint64_t backoff_usec(const struct backoff *backoff, unsigned attempt, uint64_t seed)
{
	uint64_t ceiling = backoff->max_usec;
	uint64_t floor;

	if (attempt < 64 && backoff->first_usec <= backoff->max_usec >> attempt)
		ceiling = backoff->first_usec << attempt;

	floor = ceiling / 2;
	return floor + mix64(seed + (attempt + 1) * GOLDEN_GAMMA) % (ceiling - floor + 1);
}
