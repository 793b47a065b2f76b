#include "agent/offerer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/channel.h"
#include "common/base/log.h"

/* For records that carry none. */
#define IDLE_FALLBACK_MS (7 * 60ULL * MSEC_PER_SEC)

/* The worker's once there is a channel. */
struct stand {
	char *kind, *prefix; /* owned */
	const struct clock *clock;
	uint64_t seed;
	open_pool_fn *open_pool;
	struct pool *pool; /* owned; NULL until the first offer */
};

struct offerer {
	struct stand *stand;
	struct channel *channel; /* owned */
	const struct clock *clock;
	bool under_way;
	uint64_t offered_seq, offered_usec;
	char trouble[FAULT_TEXT_MAX]; /* the last error that was logged; empty: it works */
};

struct bid {
	struct channel_request request; /* must be first */
	struct offerer *offerer;        /* of the loop alone */
	struct stand *stand;
	struct machine machine;
	struct fault fault;
	uint64_t sent_usec;
};

bool offer_is_due(const struct offer_view *view)
{
	const struct machine *record = view->record;
	uint64_t idle_ms = record->idle_ms > 0 ? record->idle_ms : IDLE_FALLBACK_MS;

	if (view->state != AGENT_READY || view->last || view->store_lost || view->under_way)
		return false;
	if (record->state != MACHINE_IDLE || record->last || record->seq != view->seq)
		return false;
	return view->offered_usec == 0 || view->offered_seq != view->seq ||
	       view->now_usec >= view->offered_usec + idle_ms * USEC_PER_MSEC / 2;
}

static void stand_finish(void *context)
{
	struct stand *stand = context;

	pool_close(stand->pool);
	free(stand->kind);
	free(stand->prefix);
	free(stand);
}

static int stand_new(const struct offerer_options *options, struct stand **ret)
{
	struct stand *stand = calloc(1, sizeof(*stand));

	if (!stand)
		return -ENOMEM;
	*stand = (struct stand){
		.kind = strdup(options->pool),
		.prefix = strdup(options->prefix),
		.clock = options->clock,
		.seed = options->seed,
		.open_pool = options->open_pool,
	};
	if (!stand->kind || !stand->prefix) {
		stand_finish(stand);
		return -ENOMEM;
	}
	*ret = stand;
	return 0;
}

/* On the worker. */
static int run_bid(struct channel_request *request)
{
	struct bid *bid = container_of(request, struct bid, request);
	struct stand *stand = bid->stand;
	const struct pool_options options = {
		.name = stand->kind,
		.clock = stand->clock,
		.seed = stand->seed,
		.prefix = stand->prefix,
	};
	int r = 0;

	bid->sent_usec = clock_boot_usec(stand->clock);
	if (!stand->pool)
		r = stand->open_pool(&options, &stand->pool, &bid->fault);
	if (r == 0 && stand->pool->ops->offer)
		r = stand->pool->ops->offer(stand->pool, &bid->machine, &bid->fault);
	return r;
}

/* The same trouble is told once. */
static void tell(struct offerer *offerer, const struct bid *bid, int r)
{
	const char *text = fault_text(&bid->fault, r);

	if (r == 0) {
		log_info("offered at seq %" PRIu64, bid->machine.seq);
		offerer->trouble[0] = '\0';
	} else if (strcmp(text, offerer->trouble) != 0) {
		log_warning("cannot offer this machine: %s%s%s", text,
			    bid->fault.cure[0] ? "; try: " : "", bid->fault.cure);
		(void)snprintf(offerer->trouble, sizeof(offerer->trouble), "%s", text);
	}
}

static void on_done(struct channel_request *request, int r)
{
	struct bid *bid = container_of(request, struct bid, request);
	struct offerer *offerer = bid->offerer;

	offerer->under_way = false;
	if (r == 0) {
		offerer->offered_seq = bid->machine.seq;
		offerer->offered_usec = bid->sent_usec;
	}
	tell(offerer, bid, r);
	free(bid);
}

static void on_drop(struct channel_request *request)
{
	free(container_of(request, struct bid, request));
}

/* Nothing waits for an offer, so none is late. */
static void on_late(_unused_ void *context, _unused_ const struct channel_request *request)
{
}

int offerer_new(const struct offerer_options *options, struct offerer **ret)
{
	_cleanup_(offerer_freep) struct offerer *offerer = NULL;
	struct channel_options channel = {
		.name = "pool",
		.event = options->event,
		.clock = options->clock,
		.on_late = on_late,
		.finish = stand_finish,
	};
	int r;

	*ret = NULL;
	if (!options->pool || strcmp(options->pool, "table") == 0)
		return 0;
	offerer = calloc(1, sizeof(*offerer));
	if (!offerer)
		return -ENOMEM;
	offerer->clock = options->clock;
	r = stand_new(options, &offerer->stand);
	if (r < 0)
		return r;
	channel.finish_context = offerer->stand;
	r = channel_new(&channel, &offerer->channel);
	if (r < 0) {
		stand_finish(offerer->stand);
		return r;
	}
	*ret = take_ptr(offerer);
	return 0;
}

void offerer_free(struct offerer *offerer)
{
	if (!offerer)
		return;
	channel_free(offerer->channel);
	free(offerer);
}

void offerer_look(struct offerer *offerer, struct offer_view view)
{
	struct bid *bid;

	if (!offerer)
		return;
	view.under_way = offerer->under_way;
	view.offered_seq = offerer->offered_seq;
	view.offered_usec = offerer->offered_usec;
	view.now_usec = clock_boot_usec(offerer->clock);
	if (!offer_is_due(&view))
		return;

	/* Without memory: after the next beat. */
	bid = calloc(1, sizeof(*bid));
	if (!bid)
		return;
	bid->request = (struct channel_request){ .run = run_bid, .done = on_done, .drop = on_drop };
	bid->offerer = offerer;
	bid->stand = offerer->stand;
	bid->machine = *view.record;
	if (channel_submit(offerer->channel, &bid->request) < 0)
		free(bid);
	else
		offerer->under_way = true;
}
