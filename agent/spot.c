#include "agent/spot.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/channel.h"
#include "common/base/log.h"

#define TIMER_ACCURACY_USEC (100 * USEC_PER_MSEC)

/* What the thread needs, which may outlive the loop. */
struct desk {
	struct notice_source source;
	const struct clock *clock;
};

struct spot {
	struct spot_options options;
	struct desk *desk;       /* the thread's, once there is one */
	struct channel *channel; /* owned */
	sd_event_source *timer;  /* owned */
};

struct look {
	struct channel_request request; /* must be first */
	struct desk *desk;
	struct spot *spot; /* the loop's alone */
	struct notice_look seen;
};

static struct look *look_of(struct channel_request *request)
{
	return container_of(request, struct look, request);
}

static int run_look(struct channel_request *request)
{
	struct look *look = look_of(request);

	look->seen.sent_usec = clock_boot_usec(look->desk->clock);
	look->desk->source.look(look->desk->source.context, &look->seen);
	return 0;
}

static void arm(struct spot *spot)
{
	(void)sd_event_source_set_time_relative(spot->timer, spot->options.poll_usec);
	(void)sd_event_source_set_enabled(spot->timer, SD_EVENT_ONESHOT);
}

static void look_done(struct channel_request *request, _unused_ int r)
{
	struct look *look = look_of(request);
	struct spot *spot = look->spot;

	arm(spot);
	spot->options.on_look(spot->options.context, &look->seen);
	free(look);
}

static void drop_look(struct channel_request *request)
{
	free(look_of(request));
}

static void on_late(_unused_ void *context, _unused_ const struct channel_request *request)
{
}

static void finish_desk(void *context)
{
	struct desk *desk = context;

	desk->source.finish(desk->source.context);
	free(desk);
}

static int submit(struct spot *spot)
{
	struct look *look = calloc(1, sizeof(*look));
	int r;

	if (!look)
		return -ENOMEM;
	look->request.run = run_look;
	look->request.done = look_done;
	look->request.drop = drop_look;
	look->desk = spot->desk;
	look->spot = spot;
	r = channel_submit(spot->channel, &look->request);
	if (r < 0)
		free(look);
	return r;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct spot *spot = context;
	int r = submit(spot);

	if (r < 0) {
		log_warning_errno(r, "cannot look for notices now: %m");
		arm(spot);
	}
	return 0;
}

static int add_channel(struct spot *spot)
{
	const struct channel_options options = {
		.name = "spot",
		.event = spot->options.event,
		.clock = spot->options.clock,
		.on_late = on_late,
		.finish = finish_desk,
		.finish_context = spot->desk,
	};

	return channel_new(&options, &spot->channel);
}

static int start(struct spot *spot)
{
	int r = sd_event_add_time(spot->options.event, &spot->timer, CLOCK_BOOTTIME, 0,
				  TIMER_ACCURACY_USEC, on_timer, spot);

	if (r < 0)
		return r;
	(void)sd_event_source_set_description(spot->timer, "spot");
	return sd_event_source_set_enabled(spot->timer, SD_EVENT_ONESHOT);
}

int spot_new(const struct spot_options *options, struct spot **ret)
{
	_cleanup_(spot_freep) struct spot *spot = calloc(1, sizeof(*spot));
	struct desk *desk = calloc(1, sizeof(*desk));
	int r;

	if (!spot || !desk) {
		free(desk);
		options->source.finish(options->source.context);
		return -ENOMEM;
	}
	*desk = (struct desk){ options->source, options->clock };
	spot->options = *options;
	spot->desk = desk;
	r = add_channel(spot);
	if (r < 0) {
		finish_desk(desk);
		return r;
	}
	r = start(spot);
	if (r < 0)
		return r;
	*ret = take_ptr(spot);
	return 0;
}

void spot_free(struct spot *spot)
{
	if (!spot)
		return;
	sd_event_source_disable_unref(spot->timer);
	channel_free(spot->channel);
	free(spot);
}
