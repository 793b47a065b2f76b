/*
 * Two lists under one mutex, `waiting` for the worker and `answered` for the loop, a condition
 * variable to wake the former and an eventfd to wake the latter. The part that both threads touch
 * is counted: the loop's side may go while a call hangs, and whoever leaves last frees it.
 *
 * Which requests are late is the loop's business alone: it keeps a list of what it has submitted in
 * an array of its own and never looks into a request that the worker may be working on.
 */

#include "agent/channel.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

struct list {
	struct channel_request *head;
	struct channel_request **tail; /* where the next one goes */
};

/* What both threads share. */
struct line {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list waiting;
	struct list answered;
	unsigned holders; /* the loop, the worker */
	bool closed;      /* the loop has gone */
	bool finished;    /* the worker has nothing more to do */
	int event_fd;     /* owned */
	void (*finish)(void *context);
	void *finish_context;
};

struct channel {
	struct line *line;
	pthread_t worker;
	sd_event_source *answers; /* owned */
	sd_event_source *timer;   /* owned */
	const struct clock *clock;
	void (*on_late)(void *context, const struct channel_request *request);
	void *context;
	struct {
		const struct channel_request *request;
		struct deadline due;
	} pending[CHANNEL_QUEUE_MAX]; /* in the order of submission */
	size_t n_pending;
};

static void list_init(struct list *list)
{
	*list = (struct list){ .tail = &list->head };
}

static void list_append(struct list *list, struct channel_request *request)
{
	request->next = NULL;
	*list->tail = request;
	list->tail = &request->next;
}

static struct channel_request *list_pop(struct list *list)
{
	struct channel_request *request = list->head;

	if (!request)
		return NULL;
	list->head = request->next;
	if (!list->head)
		list->tail = &list->head;
	return request;
}

static void list_drop(struct list *list)
{
	struct channel_request *request;

	while ((request = list_pop(list)))
		request->drop(request);
}

static void line_leave(struct line *line)
{
	unsigned left;

	pthread_mutex_lock(&line->lock);
	left = --line->holders;
	pthread_mutex_unlock(&line->lock);
	if (left > 0)
		return;

	list_drop(&line->waiting);
	list_drop(&line->answered);
	pthread_cond_destroy(&line->wake);
	pthread_mutex_destroy(&line->lock);
	close(line->event_fd);
	free(line);
}

/* NULL with errno. */
static struct line *line_new(const struct channel_options *options)
{
	_cleanup_free_ struct line *line = calloc(1, sizeof(*line));
	pthread_condattr_t attributes;

	if (!line)
		return NULL;
	line->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (line->event_fd < 0)
		return NULL;
	list_init(&line->waiting);
	list_init(&line->answered);
	line->holders = 1;
	line->finish = options->finish;
	line->finish_context = options->finish_context;
	pthread_mutex_init(&line->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&line->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	return take_ptr(line);
}

/* The next request, or NULL when the loop has gone. */
static struct channel_request *next_request(struct line *line)
{
	struct channel_request *request = NULL;

	pthread_mutex_lock(&line->lock);
	while (!line->closed && !line->waiting.head)
		pthread_cond_wait(&line->wake, &line->lock);
	if (!line->closed)
		request = list_pop(&line->waiting);
	pthread_mutex_unlock(&line->lock);
	return request;
}

static void answer(struct line *line, struct channel_request *request)
{
	pthread_mutex_lock(&line->lock);
	list_append(&line->answered, request);
	pthread_mutex_unlock(&line->lock);
	(void)eventfd_write(line->event_fd, 1);
}

static void *work(void *context)
{
	struct line *line = context;
	struct channel_request *request;

	while ((request = next_request(line))) {
		request->result = request->run(request);
		answer(line, request);
	}
	if (line->finish)
		line->finish(line->finish_context);

	pthread_mutex_lock(&line->lock);
	line->finished = true;
	pthread_cond_broadcast(&line->wake);
	pthread_mutex_unlock(&line->lock);
	line_leave(line);
	return NULL;
}

static int arm_timer(struct channel *channel)
{
	struct deadline first = { DEADLINE_NEVER };

	for (size_t i = 0; i < channel->n_pending; i++) {
		if (channel->pending[i].due.at_usec < first.at_usec)
			first = channel->pending[i].due;
	}
	if (first.at_usec == DEADLINE_NEVER)
		return sd_event_source_set_enabled(channel->timer, SD_EVENT_OFF);

	(void)sd_event_source_set_time_relative(channel->timer,
						deadline_left_usec(&first, channel->clock));
	return sd_event_source_set_enabled(channel->timer, SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct channel *channel = context;

	for (size_t i = 0; i < channel->n_pending; i++) {
		if (!deadline_passed(&channel->pending[i].due, channel->clock))
			continue;
		channel->pending[i].due.at_usec = DEADLINE_NEVER;
		channel->on_late(channel->context, channel->pending[i].request);
	}
	return arm_timer(channel);
}

static struct channel_request *next_answer(struct line *line)
{
	struct channel_request *request;

	pthread_mutex_lock(&line->lock);
	request = list_pop(&line->answered);
	pthread_mutex_unlock(&line->lock);
	return request;
}

static int on_answers(_unused_ sd_event_source *source, int fd, _unused_ uint32_t events,
		      void *context)
{
	struct channel *channel = context;
	struct channel_request *request;
	eventfd_t count;

	(void)eventfd_read(fd, &count);
	while ((request = next_answer(channel->line))) {
		channel->n_pending--;
		memmove(&channel->pending[0], &channel->pending[1],
			channel->n_pending * sizeof(channel->pending[0]));
		request->done(request, request->result);
	}
	return arm_timer(channel);
}

static int start_worker(struct channel *channel, const char *name)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	r = -pthread_attr_init(&attributes);
	if (r < 0)
		return r;
	r = -pthread_attr_setstacksize(&attributes, CHANNEL_STACK_BYTES);
	if (r == 0) {
		/* Signals are the loop's. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		channel->line->holders++;
		r = -pthread_create(&channel->worker, &attributes, work, channel->line);
		if (r < 0)
			channel->line->holders--;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attributes);
	if (r < 0)
		return r;

	(void)pthread_setname_np(channel->worker, name);
	return 0;
}

/* The loop's side, without the worker. */
static void channel_close(struct channel *channel)
{
	sd_event_source_disable_unref(channel->answers);
	sd_event_source_disable_unref(channel->timer);
	if (channel->line)
		line_leave(channel->line);
	free(channel);
}
DEFINE_CLEANUP(struct channel *, channel_close)

int channel_new(const struct channel_options *options, struct channel **ret)
{
	_cleanup_(channel_closep) struct channel *channel = calloc(1, sizeof(*channel));
	int r;

	if (!channel)
		return -ENOMEM;
	channel->clock = options->clock;
	channel->on_late = options->on_late;
	channel->context = options->context;

	channel->line = line_new(options);
	if (!channel->line)
		return errno ? -errno : -ENOMEM;
	r = sd_event_add_io(options->event, &channel->answers, channel->line->event_fd, EPOLLIN,
			    on_answers, channel);
	if (r < 0)
		return r;
	r = sd_event_add_time(options->event, &channel->timer, CLOCK_BOOTTIME, 0, 0, on_timer,
			      channel);
	if (r < 0)
		return r;
	(void)sd_event_source_set_description(channel->answers, "channel-answers");
	(void)sd_event_source_set_description(channel->timer, "channel-late");
	r = sd_event_source_set_enabled(channel->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	r = start_worker(channel, options->name);
	if (r < 0)
		return r;

	*ret = take_ptr(channel);
	return 0;
}

int channel_submit(struct channel *channel, struct channel_request *request)
{
	struct deadline due = { DEADLINE_NEVER };

	if (channel->n_pending == CHANNEL_QUEUE_MAX)
		return -ENOBUFS;
	if (request->timeout_usec > 0)
		due = deadline_in(channel->clock, request->timeout_usec);

	channel->pending[channel->n_pending].request = request;
	channel->pending[channel->n_pending++].due = due;

	pthread_mutex_lock(&channel->line->lock);
	list_append(&channel->line->waiting, request);
	pthread_cond_signal(&channel->line->wake);
	pthread_mutex_unlock(&channel->line->lock);
	(void)arm_timer(channel);
	return 0;
}

size_t channel_pending(const struct channel *channel)
{
	return channel->n_pending;
}

/* Whether the worker has come to its end in time. */
static bool worker_finishes(struct line *line)
{
	struct timespec until;
	bool finished;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(CHANNEL_FREE_WAIT_USEC * 1000);
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&line->lock);
	while (!line->finished && r == 0)
		r = pthread_cond_timedwait(&line->wake, &line->lock, &until);
	finished = line->finished;
	pthread_mutex_unlock(&line->lock);
	return finished;
}

void channel_free(struct channel *channel)
{
	struct line *line;
	struct list waiting;
	struct channel_request *request;

	if (!channel)
		return;

	line = channel->line;
	list_init(&waiting);
	pthread_mutex_lock(&line->lock);
	line->closed = true;
	while ((request = list_pop(&line->waiting)))
		list_append(&waiting, request);
	pthread_cond_broadcast(&line->wake);
	pthread_mutex_unlock(&line->lock);
	list_drop(&waiting);

	if (worker_finishes(line))
		pthread_join(channel->worker, NULL);
	else
		pthread_detach(channel->worker);
	channel_close(channel);
}
