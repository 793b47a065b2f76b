/* The part of sd-event that the agent uses, on virtual time. Linked in place of libsystemd's: one
 * loop, with timers and signals, and what channel.c and cloud.c post to it. */

#include "tests/sim/event.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>

/* Of a loop, at one moment of virtual time. */
#define TURNS_MAX 10000

struct post {
	sim_post_fn *fn;
	void *context;
	struct post *next;
};

struct sd_event {
	unsigned refs;
	struct task *task; /* that runs the loop */
	struct actor *actor;
	sd_event_source *sources;
	struct post *posts, **posts_tail;
	bool exiting;
	int code;
};

struct sd_event_source {
	sd_event *event;
	sd_event_source *next;
	int enabled;
	int64_t priority;
	uint64_t at_usec; /* true time */
	sd_event_time_handler_t on_time;
	sd_event_signal_handler_t on_signal;
	int signal;
	bool raised;
	void *context;
};

int sd_event_new(sd_event **ret)
{
	sd_event *event = calloc(1, sizeof(*event));

	if (!event)
		return -ENOMEM;
	event->refs = 1;
	event->task = sim_self();
	event->actor = sim_actor();
	event->posts_tail = &event->posts;
	*ret = event;
	return 0;
}

sd_event *sd_event_ref(sd_event *event)
{
	event->refs++;
	return event;
}

sd_event *sd_event_unref(sd_event *event)
{
	if (!event || --event->refs > 0)
		return NULL;
	while (event->posts) {
		struct post *post = event->posts;

		event->posts = post->next;
		free(post);
	}
	free(event);
	return NULL;
}

static int add(sd_event *event, sd_event_source source, sd_event_source **ret)
{
	sd_event_source *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	*new = source;
	new->event = sd_event_ref(event);
	new->next = event->sources;
	event->sources = new;
	*ret = new;
	return 0;
}

int sd_event_add_time(sd_event *event, sd_event_source **ret, _unused_ clockid_t clock,
		      uint64_t usec, _unused_ uint64_t accuracy, sd_event_time_handler_t handler,
		      void *context)
{
	return add(event,
		   (sd_event_source){
			   .enabled = SD_EVENT_ONESHOT,
			   .at_usec = usec,
			   .on_time = handler,
			   .context = context,
		   },
		   ret);
}

int sd_event_add_signal(sd_event *event, sd_event_source **ret, int signal,
			sd_event_signal_handler_t handler, void *context)
{
	return add(event,
		   (sd_event_source){
			   .enabled = SD_EVENT_ON,
			   .signal = signal & 0xff,
			   .on_signal = handler,
			   .context = context,
		   },
		   ret);
}

/* The store has no doorbell here. */
int sd_event_add_io(_unused_ sd_event *event, _unused_ sd_event_source **ret, _unused_ int fd,
		    _unused_ uint32_t events, _unused_ sd_event_io_handler_t handler,
		    _unused_ void *context)
{
	return -EOPNOTSUPP;
}

int sd_event_source_set_io_fd_own(_unused_ sd_event_source *source, _unused_ int own)
{
	return -EOPNOTSUPP;
}

int sd_event_source_set_description(_unused_ sd_event_source *source, _unused_ const char *text)
{
	return 0;
}

int sd_event_source_set_priority(sd_event_source *source, int64_t priority)
{
	source->priority = priority;
	return 0;
}

int sd_event_source_set_enabled(sd_event_source *source, int enabled)
{
	if (source)
		source->enabled = enabled;
	return 0;
}

int sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
	uint64_t now = sim_now();

	source->at_usec = usec > UINT64_MAX - now ? UINT64_MAX : now + usec;
	return 0;
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *source)
{
	sd_event_source **at;

	if (!source)
		return NULL;
	for (at = &source->event->sources; *at; at = &(*at)->next) {
		if (*at == source) {
			*at = source->next;
			break;
		}
	}
	sd_event_unref(source->event);
	free(source);
	return NULL;
}

int sd_event_set_watchdog(_unused_ sd_event *event, _unused_ int on)
{
	return 0;
}

int sd_event_exit(sd_event *event, int code)
{
	event->exiting = true;
	event->code = code;
	return 0;
}

void sim_post(sd_event *event, sim_post_fn *fn, void *context)
{
	struct post *post = calloc(1, sizeof(*post));

	if (!post)
		abort();
	*post = (struct post){ .fn = fn, .context = context };
	*event->posts_tail = post;
	event->posts_tail = &post->next;
	task_wake(event->task);
}

void sim_raise(sd_event *event, int signal)
{
	for (sd_event_source *source = event->sources; source; source = source->next) {
		if (source->on_signal && source->signal == signal)
			source->raised = true;
	}
	task_wake(event->task);
}

static bool is_due(const sd_event_source *source)
{
	if (source->enabled == SD_EVENT_OFF)
		return false;
	return source->on_time ? source->at_usec <= sim_now() : source->raised;
}

/* The most urgent; among equals any may come first. */
static sd_event_source *next_source(const sd_event *event)
{
	sd_event_source *best = NULL;

	for (sd_event_source *source = event->sources; source; source = source->next) {
		if (!is_due(source))
			continue;
		if (!best || source->priority < best->priority ||
		    (source->priority == best->priority && sim_pick(2) == 1))
			best = source;
	}
	return best;
}

static void dispatch_source(sd_event_source *source)
{
	struct signalfd_siginfo info = { .ssi_signo = (uint32_t)source->signal };

	if (source->enabled == SD_EVENT_ONESHOT)
		source->enabled = SD_EVENT_OFF;
	if (source->on_time) {
		(void)source->on_time(source, source->at_usec, source->context);
		return;
	}
	source->raised = false;
	(void)source->on_signal(source, &info, source->context);
}

static void dispatch_post(sd_event *event)
{
	struct post *post = event->posts;

	event->posts = post->next;
	if (!event->posts)
		event->posts_tail = &event->posts;
	post->fn(post->context);
	free(post);
}

static uint64_t next_time(const sd_event *event)
{
	uint64_t first = UINT64_MAX;

	for (const sd_event_source *source = event->sources; source; source = source->next) {
		if (source->on_time && source->enabled != SD_EVENT_OFF && source->at_usec < first)
			first = source->at_usec;
	}
	return first;
}

int sd_event_loop(sd_event *event)
{
	uint64_t moment = 0;
	unsigned turns = 0;

	while (!event->exiting) {
		sd_event_source *source = next_source(event);

		turns = sim_now() > moment ? 0 : turns + 1;
		moment = sim_now();
		if (turns > TURNS_MAX) {
			sim_fail("liveness", "%s turns in circles", event->actor->name);
			sim_yield();
		}
		if (event->actor->dead)
			return -ECANCELED;
		if (source && event->posts && source->priority >= SD_EVENT_PRIORITY_NORMAL &&
		    sim_pick(2) == 0)
			source = NULL;
		if (source)
			dispatch_source(source);
		else if (event->posts)
			dispatch_post(event);
		else
			sim_wait_until(next_time(event));
	}
	return event->code;
}
