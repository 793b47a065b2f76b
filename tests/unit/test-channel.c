#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/channel.h"
#include "tests/fake-clock.h"
#include "tests/test.h"

#define TURN_USEC \
	(10 * USEC_PER_SEC) /* far beyond what a turn takes: only a failure waits it out */

/* A gate that calls on the worker wait at, until the test opens it. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool open;
	bool reached;
};

static void gate_init(struct gate *gate)
{
	*gate = (struct gate){};
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->moved, NULL);
}

static void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->reached = true;
	pthread_cond_broadcast(&gate->moved);
	while (!gate->open)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_await(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->reached)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->lock);
}

struct world {
	sd_event *event;
	struct channel *channel;
	struct fake_clock clock;
	char order[64]; /* of the answers */
	unsigned late;
	_Atomic unsigned dropped, finished;
	pthread_t finisher;
};

struct call {
	struct channel_request request;
	struct world *world;
	struct gate *gate; /* waited at; may be NULL */
	char letter;
	int result;
	pthread_t runner;
};

static int run_call(struct channel_request *request)
{
	struct call *call = container_of(request, struct call, request);

	call->runner = pthread_self();
	if (call->gate)
		gate_pass(call->gate);
	return call->result;
}

static void on_done(struct channel_request *request, int r)
{
	struct call *call = container_of(request, struct call, request);
	size_t n = strlen(call->world->order);

	ck_assert_int_eq(r, call->result);
	ck_assert(!pthread_equal(call->runner, pthread_self()));
	call->world->order[n] = call->letter;
	call->world->order[n + 1] = '\0';
}

static void on_drop(struct channel_request *request)
{
	container_of(request, struct call, request)->world->dropped++;
}

static void on_late(void *context, const struct channel_request *request)
{
	struct world *world = context;

	ck_assert_ptr_nonnull(request);
	world->late++;
}

static void on_finish(void *context)
{
	struct world *world = context;

	world->finisher = pthread_self();
	world->finished++;
}

static void world_init(struct world *world)
{
	struct channel_options options;

	*world = (struct world){ .clock = fake_clock_new() };
	ck_assert_int_ge(sd_event_new(&world->event), 0);
	options = (struct channel_options){
		.name = "test",
		.event = world->event,
		.clock = &world->clock.clock,
		.on_late = on_late,
		.context = world,
		.finish = on_finish,
		.finish_context = world,
	};
	ck_assert_int_eq(channel_new(&options, &world->channel), 0);
}

static void world_done(struct world *world)
{
	channel_free(world->channel);
	sd_event_unref(world->event);
}

static struct call call_new(struct world *world, char letter, struct gate *gate)
{
	return (struct call){
		.request = { .run = run_call, .done = on_done, .drop = on_drop },
		.world = world,
		.gate = gate,
		.letter = letter,
		.result = letter,
	};
}

static void turn_until_pending(struct world *world, size_t n)
{
	while (channel_pending(world->channel) > n)
		ck_assert_int_gt(sd_event_run(world->event, TURN_USEC), 0);
}

START_TEST(answers_in_the_order_of_the_questions)
{
	struct world world;
	struct gate gate;
	struct call calls[5];

	world_init(&world);
	gate_init(&gate);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = call_new(&world, (char)('a' + i), &gate);
		ck_assert_int_eq(channel_submit(world.channel, &calls[i].request), 0);
	}
	gate_open(&gate);
	turn_until_pending(&world, 0);
	ck_assert_str_eq(world.order, "abcde");
	world_done(&world);
}
END_TEST

static int count_turn(sd_event_source *source, uint64_t usec, void *context)
{
	unsigned *turns = context;

	(void)source;
	(void)usec;
	(*turns)++;
	return 0;
}

START_TEST(lets_the_loop_turn_while_a_call_hangs)
{
	struct world world;
	struct gate gate;
	struct call call;
	unsigned turns = 0;

	world_init(&world);
	gate_init(&gate);
	call = call_new(&world, 'a', &gate);
	ck_assert_int_eq(channel_submit(world.channel, &call.request), 0);
	gate_await(&gate);

	ck_assert_int_ge(
		sd_event_add_time(world.event, NULL, CLOCK_MONOTONIC, 0, 1, count_turn, &turns), 0);
	ck_assert_int_gt(sd_event_run(world.event, TURN_USEC), 0);
	ck_assert_uint_eq(turns, 1);
	ck_assert_str_eq(world.order, "");

	gate_open(&gate);
	turn_until_pending(&world, 0);
	ck_assert_str_eq(world.order, "a");
	world_done(&world);
}
END_TEST

START_TEST(refuses_what_the_queue_cannot_hold_and_leaves_it_to_the_caller)
{
	struct world world;
	struct gate gate;
	struct call calls[CHANNEL_QUEUE_MAX + 1];

	world_init(&world);
	gate_init(&gate);
	for (size_t i = 0; i < CHANNEL_QUEUE_MAX; i++) {
		calls[i] = call_new(&world, 'x', &gate);
		ck_assert_int_eq(channel_submit(world.channel, &calls[i].request), 0);
	}
	calls[CHANNEL_QUEUE_MAX] = call_new(&world, 'y', NULL);
	ck_assert_int_eq(channel_submit(world.channel, &calls[CHANNEL_QUEUE_MAX].request),
			 -ENOBUFS);

	/* It is room again as soon as one has been answered. */
	gate_open(&gate);
	turn_until_pending(&world, CHANNEL_QUEUE_MAX - 1);
	ck_assert_int_eq(channel_submit(world.channel, &calls[CHANNEL_QUEUE_MAX].request), 0);
	turn_until_pending(&world, 0);
	ck_assert_uint_eq(strlen(world.order), CHANNEL_QUEUE_MAX + 1);
	ck_assert_uint_eq(world.dropped, 0);
	world_done(&world);
}
END_TEST

START_TEST(says_once_that_a_call_is_late)
{
	struct world world;
	struct gate gate;
	struct call call;

	world_init(&world);
	gate_init(&gate);
	call = call_new(&world, 'a', &gate);
	call.request.timeout_usec = 50 * USEC_PER_MSEC;
	ck_assert_int_eq(channel_submit(world.channel, &call.request), 0);
	gate_await(&gate);
	fake_advance(&world.clock, 49);
	(void)sd_event_run(world.event, 0);
	ck_assert_uint_eq(world.late, 0);

	fake_advance(&world.clock, 1);
	while (world.late == 0)
		ck_assert_int_gt(sd_event_run(world.event, TURN_USEC), 0);
	for (int i = 0; i < 3; i++)
		(void)sd_event_run(world.event, 0);
	ck_assert_uint_eq(world.late, 1);

	gate_open(&gate);
	turn_until_pending(&world, 0);
	world_done(&world);
}
END_TEST

START_TEST(finishes_on_the_worker_when_it_is_freed)
{
	struct world world;
	struct call call;

	world_init(&world);
	call = call_new(&world, 'a', NULL);
	ck_assert_int_eq(channel_submit(world.channel, &call.request), 0);
	turn_until_pending(&world, 0);
	channel_free(world.channel);
	ck_assert_uint_eq(world.finished, 1);
	ck_assert(pthread_equal(world.finisher, call.runner));
	ck_assert(!pthread_equal(world.finisher, pthread_self()));
	sd_event_unref(world.event);
}
END_TEST

START_TEST(drops_what_was_not_begun_when_it_is_freed)
{
	struct world world;
	struct gate gate;
	struct call first, second;

	world_init(&world);
	gate_init(&gate);
	first = call_new(&world, 'a', &gate);
	second = call_new(&world, 'b', NULL);
	ck_assert_int_eq(channel_submit(world.channel, &first.request), 0);
	ck_assert_int_eq(channel_submit(world.channel, &second.request), 0);
	gate_await(&gate);

	/* The call under way hangs: it is left behind, and cleans up when it returns after all. */
	channel_free(world.channel);
	ck_assert_uint_eq(world.dropped, 1);
	ck_assert_uint_eq(world.finished, 0);
	gate_open(&gate);
	while (world.finished == 0 || world.dropped < 2)
		sched_yield();
	ck_assert_str_eq(world.order, "");
	sd_event_unref(world.event);
}
END_TEST

TEST_MAIN(answers_in_the_order_of_the_questions, lets_the_loop_turn_while_a_call_hangs,
	  refuses_what_the_queue_cannot_hold_and_leaves_it_to_the_caller,
	  says_once_that_a_call_is_late, finishes_on_the_worker_when_it_is_freed,
	  drops_what_was_not_begun_when_it_is_freed)
