/* The agent's channel (agent/channel.h) with a coroutine in place of the thread, and its socket
 * (agent/control.h) with nothing in place of it. Linked instead of both. */

#include "agent/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "tests/sim/event.h"

struct channel {
	struct channel_options options;
	struct task *worker;
	sd_event_source *timer; /* owned */
	struct {
		struct channel_request *request;
		struct deadline due;
	} pending[CHANNEL_QUEUE_MAX]; /* in the order of submission */
	size_t n_pending;
	size_t n_taken; /* of those, by the worker */
	struct task *waiter;
	bool closed;   /* the loop has gone */
	bool finished; /* the worker has nothing more to do */
};

static void arm_timer(struct channel *channel)
{
	struct deadline first = { DEADLINE_NEVER };

	for (size_t i = 0; i < channel->n_pending; i++) {
		if (channel->pending[i].due.at_usec < first.at_usec)
			first = channel->pending[i].due;
	}
	(void)sd_event_source_set_enabled(channel->timer, SD_EVENT_OFF);
	if (first.at_usec == DEADLINE_NEVER)
		return;
	(void)sd_event_source_set_time_relative(channel->timer,
						deadline_left_usec(&first, channel->options.clock));
	(void)sd_event_source_set_enabled(channel->timer, SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct channel *channel = context;

	for (size_t i = 0; i < channel->n_pending; i++) {
		if (!deadline_passed(&channel->pending[i].due, channel->options.clock))
			continue;
		channel->pending[i].due.at_usec = DEADLINE_NEVER;
		channel->options.on_late(channel->options.context, channel->pending[i].request);
	}
	arm_timer(channel);
	return 0;
}

/* On the loop; the channel is there for as long as the loop turns. Answers come in order. */
static void on_answer(void *context)
{
	struct channel *channel = context;
	struct channel_request *request = channel->pending[0].request;

	channel->n_pending--;
	channel->n_taken--;
	memmove(&channel->pending[0], &channel->pending[1],
		channel->n_pending * sizeof(channel->pending[0]));
	request->done(request, request->result);
	arm_timer(channel);
}

static void work(void *context)
{
	struct channel *channel = context;

	while (!channel->closed) {
		struct channel_request *request;

		if (channel->n_taken == channel->n_pending) {
			/* The dead wait for their loop to close the channel. */
			if (sim_actor()->dead)
				sim_yield();
			else
				sim_wait_until(UINT64_MAX);
			continue;
		}
		request = channel->pending[channel->n_taken++].request;
		request->result = request->run(request);
		if (!channel->closed)
			sim_post(channel->options.event, on_answer, channel);
	}
	if (channel->options.finish)
		channel->options.finish(channel->options.finish_context);
	channel->finished = true;
	task_wake(channel->waiter);
}

int channel_new(const struct channel_options *options, struct channel **ret)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	int r;

	if (!channel)
		return -ENOMEM;
	channel->options = *options;
	r = sd_event_add_time(options->event, &channel->timer, CLOCK_BOOTTIME, 0, 0, on_timer,
			      channel);
	if (r < 0) {
		free(channel);
		return r;
	}
	(void)sd_event_source_set_enabled(channel->timer, SD_EVENT_OFF);
	channel->worker = task_start(sim_actor(), work, channel);
	*ret = channel;
	return 0;
}

int channel_submit(struct channel *channel, struct channel_request *request)
{
	struct deadline due = { DEADLINE_NEVER };

	if (channel->n_pending == CHANNEL_QUEUE_MAX)
		return -ENOBUFS;
	if (request->timeout_usec > 0)
		due = deadline_in(channel->options.clock, request->timeout_usec);
	channel->pending[channel->n_pending].request = request;
	channel->pending[channel->n_pending++].due = due;
	task_wake(channel->worker);
	arm_timer(channel);
	return 0;
}

size_t channel_pending(const struct channel *channel)
{
	return channel->n_pending;
}

/* What the worker is in the middle of gets a moment; then the process ends, and its thread with it.
 */
void channel_free(struct channel *channel)
{
	uint64_t until;

	if (!channel)
		return;
	channel->closed = true;
	channel->waiter = sim_self();
	task_wake(channel->worker);
	until = sim_now() + CHANNEL_FREE_WAIT_USEC;
	while (!channel->finished && sim_now() < until && !sim_actor()->dead)
		sim_wait_until(until);
	actor_leave(sim_actor());
	while (!channel->finished)
		sim_yield();
	for (size_t i = 0; i < channel->n_pending; i++)
		channel->pending[i].request->drop(channel->pending[i].request);
	sd_event_source_disable_unref(channel->timer);
	free(channel);
}

/* --- the socket ------------------------------------------------------------------------------ */

struct control {
	int nothing;
};

int control_new(_unused_ sd_event *event, _unused_ int dir_fd, _unused_ const char *name,
		_unused_ control_status_fn *status, _unused_ void *context, struct control **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void control_free(struct control *control)
{
	free(control);
}

int control_ask(_unused_ int dir_fd, _unused_ const char *name, _unused_ const char *verb,
		_unused_ struct json_object **ret, _unused_ struct fault *fault)
{
	return -EOPNOTSUPP;
}
