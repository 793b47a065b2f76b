#pragma once

/*
 * An idle machine offers itself where idle records are no offers by themselves (pool = sqs). That
 * is a blocking call to a service of its own, so it has a thread of its own: a pool that hangs
 * delays no beat. What fails is tried again after a later beat, and costs the machine nothing but
 * that nobody finds it meanwhile.
 */

#include <systemd/sd-event.h>

#include "agent/lifecycle.h"
#include "common/base/clock.h"
#include "common/domain/machine.h"
#include "common/store/pool.h"

/* All that the decision is made from. */
struct offer_view {
	enum agent_state state;
	bool last;       /* the agent wants no more claims */
	bool store_lost; /* what it knows of its record may be old */
	bool under_way;  /* an offer */
	uint64_t seq;    /* that the agent lives under */
	const struct machine *record;
	uint64_t offered_seq;  /* of the last offer that arrived */
	uint64_t offered_usec; /* when it was sent; 0: never */
	uint64_t now_usec;     /* the same clock */
};

/* Pure. Only what is idle on record, at rest and not about to leave; when it has become so, and
 * when half of its idle time has passed since, as messages get lost. */
bool offer_is_due(const struct offer_view *view);

typedef int open_pool_fn(const struct pool_options *options, struct pool **ret,
			 struct fault *fault);

/* Texts are copied, as the thread may outlive its owner; the clock must live as long as the
 * process. */
struct offerer_options {
	const char *pool; /* "table": nothing is ever offered, and there is no thread */
	const char *prefix;
	const struct clock *clock;
	uint64_t seed;
	open_pool_fn *open_pool; /* pool_open() */
	sd_event *event;
};

struct offerer;
int offerer_new(const struct offerer_options *options, struct offerer **ret) _must_check_;
void offerer_free(struct offerer *offerer);
DEFINE_CLEANUP(struct offerer *, offerer_free)

/* Offers the machine if that is due. On the loop; after each beat. The view's own part of what was
 * offered is filled in. offerer may be NULL. */
void offerer_look(struct offerer *offerer, struct offer_view view);
