/* Zero is the draw at which nothing out of the ordinary happens: the fewer others, the shorter the
 * story. First the tail, then ever smaller pieces are replaced by zeros, for as long as the same
 * invariant is still broken. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/sim.h"

struct shrinking {
	const char *invariant;
	double until;
	unsigned tries;
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool still_fails(struct shrinking *shrinking, struct tape *tape)
{
	struct outcome outcome;

	shrinking->tries++;
	schedule_run(tape, false, false, &outcome);
	return outcome.failed && strcmp(outcome.invariant, shrinking->invariant) == 0;
}

static bool is_zero(const struct tape *tape, size_t from, size_t n)
{
	for (size_t i = from; i < from + n && i < tape->n; i++) {
		if (tape->draws[i] != 0)
			return false;
	}
	return true;
}

/* The shortest beginning after which all may be zero. */
static void cut_tail(struct shrinking *shrinking, struct tape *tape)
{
	size_t low = 0, high = tape->n, whole = tape->n;

	while (low < high && now_s() < shrinking->until) {
		size_t middle = low + (high - low) / 2;

		tape->n = middle;
		if (still_fails(shrinking, tape))
			high = middle;
		else
			low = middle + 1;
	}
	tape->n = high;
	if (!still_fails(shrinking, tape))
		tape->n = whole;
}

static bool zero_pieces(struct shrinking *shrinking, struct tape *tape, size_t size)
{
	uint32_t *saved = calloc(size, sizeof(*saved));
	bool any = false;

	if (!saved)
		abort();
	for (size_t i = 0; i < tape->n && now_s() < shrinking->until; i += size) {
		size_t n = tape->n - i < size ? tape->n - i : size;

		if (is_zero(tape, i, n))
			continue;
		memcpy(saved, tape->draws + i, n * sizeof(*saved));
		memset(tape->draws + i, 0, n * sizeof(*saved));
		if (still_fails(shrinking, tape))
			any = true;
		else
			memcpy(tape->draws + i, saved, n * sizeof(*saved));
	}
	free(saved);
	return any;
}

unsigned shrink(struct tape *tape, const struct outcome *failure, double seconds)
{
	struct shrinking shrinking = {
		.invariant = failure->invariant,
		.until = now_s() + seconds,
	};
	bool any = true;

	tape->replayed = true;
	cut_tail(&shrinking, tape);
	while (any && now_s() < shrinking.until) {
		any = false;
		for (size_t size = tape->n / 2; size > 0 && now_s() < shrinking.until; size /= 2)
			any |= zero_pieces(&shrinking, tape, size);
	}
	cut_tail(&shrinking, tape);
	return shrinking.tries;
}
