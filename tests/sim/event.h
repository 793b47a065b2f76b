#pragma once

/* What the simulated machine puts into an agent's loop from outside. */

#include <systemd/sd-event.h>

#include "tests/sim/sim.h"

/* On the loop, in the order of posting. */
typedef void sim_post_fn(void *context);
void sim_post(sd_event *event, sim_post_fn *fn, void *context);
void sim_raise(sd_event *event, int signal);
