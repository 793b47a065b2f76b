#pragma once

/* Processes that do the same thing at the same time. */

#include <stddef.h>

/* In a process of its own; returns its exit status. A failed assertion there shows as 255. */
typedef int rival_fn(size_t index, void *context);

#define RIVALS_MAX 64

/* Starts n processes, lets them all go at once, waits for them, and asserts that each returned 0.
 */
void rivals_run(size_t n, rival_fn *fn, void *context);
