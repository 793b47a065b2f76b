/* What is left to chance, and what is told of it. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/backoff.h"
#include "tests/sim/sim.h"

void tape_done(struct tape *tape)
{
	free(tape->draws);
	*tape = (struct tape){};
}

int tape_copy(const struct tape *from, struct tape *ret)
{
	struct tape tape = { .n = from->n, .capacity = from->n, .replayed = true };

	tape.draws = calloc(from->n + 1, sizeof(*tape.draws));
	if (!tape.draws)
		return -ENOMEM;
	memcpy(tape.draws, from->draws, from->n * sizeof(*tape.draws));
	*ret = tape;
	return 0;
}

static void record(struct tape *tape, uint32_t draw)
{
	if (tape->n == tape->capacity) {
		tape->capacity = tape->capacity ? tape->capacity * 2 : 1024;
		tape->draws = reallocarray(tape->draws, tape->capacity, sizeof(*tape->draws));
		if (!tape->draws)
			abort();
	}
	tape->draws[tape->n++] = draw;
}

uint32_t sim_draw(void)
{
	struct tape *tape = sim->tape;
	uint32_t draw;

	if (sim->ending)
		return 0;
	if (tape->replayed)
		return tape->at < tape->n ? tape->draws[tape->at++] : 0;
	tape->seed += UINT64_C(0x9e3779b97f4a7c15);
	draw = (uint32_t)(mix64(tape->seed) >> 32);
	record(tape, draw);
	return draw;
}

uint32_t sim_pick(uint32_t n)
{
	return n > 0 ? sim_draw() % n : 0;
}

uint64_t sim_between(uint64_t low, uint64_t high)
{
	return low + sim_draw() % (high - low + 1);
}

bool sim_chance(unsigned permille)
{
	return sim_draw() % 1000 >= 1000 - permille;
}

/* --- words ----------------------------------------------------------------------------------- */

void sim_note(const char *format, ...)
{
	char *line;
	va_list arguments;
	int n;

	if (!sim->trace || sim->ending)
		return;
	line = sim->trace[sim->n_trace++ % SIM_TRACE_LINES];
	n = snprintf(line, sizeof(*sim->trace), "%10.3f  ", (double)sim->now_usec / USEC_PER_SEC);
	va_start(arguments, format);
	(void)vsnprintf(line + n, sizeof(*sim->trace) - (size_t)n, format, arguments);
	va_end(arguments);
	if (sim->loud)
		puts(line);
}

void sim_print_trace(void)
{
	size_t from = sim->n_trace > SIM_TRACE_LINES ? sim->n_trace - SIM_TRACE_LINES : 0;

	for (size_t i = from; !sim->loud && i < sim->n_trace; i++)
		puts(sim->trace[i % SIM_TRACE_LINES]);
}

void sim_fail(const char *invariant, const char *format, ...)
{
	va_list arguments;

	if (sim->failed || sim->ending)
		return;
	sim->failed = true;
	sim->invariant = invariant;
	va_start(arguments, format);
	(void)vsnprintf(sim->failure, sizeof(sim->failure), format, arguments);
	va_end(arguments);
	sim_note("VIOLATION of %s: %s", invariant, sim->failure);
}
