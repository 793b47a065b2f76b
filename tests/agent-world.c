#include "tests/agent-world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/log.h"

#define WORLD_PATIENCE_USEC (10 * USEC_PER_SEC)
#define WORLD_TURN_USEC (20 * USEC_PER_MSEC)
#define WORLD_LEASE_MS (600 * MSEC_PER_SEC)

/* Neither a store's hooks nor a runner's create() have a place to pass it by. */
static struct world *the_world;

/* --- the clock ------------------------------------------------------------------------------- */

static uint64_t ahead_usec(const struct clock *clock)
{
	return container_of(clock, const struct world_clock, clock)->ahead_usec;
}

static uint64_t world_wall_ms(const struct clock *clock)
{
	return clock_wall_ms(&clock_system) + ahead_usec(clock) / USEC_PER_MSEC;
}

static uint64_t world_boot_usec(const struct clock *clock)
{
	return clock_boot_usec(&clock_system) + ahead_usec(clock);
}

static int world_sleep_until(const struct clock *clock, uint64_t boot_usec)
{
	return clock_system.ops->sleep_until(&clock_system, boot_usec - ahead_usec(clock));
}

static const struct clock_ops world_clock_ops = {
	.name = "world",
	.wall_ms = world_wall_ms,
	.boot_usec = world_boot_usec,
	.sleep_until = world_sleep_until,
};

void world_jump(struct world *world, uint64_t usec)
{
	world->clock.ahead_usec += usec;
}

/* --- the store ------------------------------------------------------------------------------- */

static const struct store_ops *real_ops;

static void pass_gate(void)
{
	struct world *world = the_world;

	pthread_mutex_lock(&world->lock);
	world->waiting++;
	pthread_cond_broadcast(&world->moved);
	while (world->held)
		pthread_cond_wait(&world->moved, &world->lock);
	world->waiting--;
	pthread_mutex_unlock(&world->lock);
}

static bool takes_one(atomic_int *left)
{
	int n = *left;

	while (n > 0) {
		if (atomic_compare_exchange_weak(left, &n, n - 1))
			return true;
	}
	return false;
}

void world_surprise(struct world *world, enum world_call call, enum transition transition,
		    void (*run)(struct world *world))
{
	pthread_mutex_lock(&world->lock);
	world->surprise.call = call;
	world->surprise.transition = transition;
	world->surprise.run = run;
	pthread_mutex_unlock(&world->lock);
}

static void spring_surprise(struct world *world, enum world_call call, enum transition transition)
{
	void (*run)(struct world * world) = NULL;

	pthread_mutex_lock(&world->lock);
	if (world->surprise.call == call && world->surprise.transition == transition) {
		run = world->surprise.run;
		world->surprise.run = NULL;
	}
	pthread_mutex_unlock(&world->lock);
	if (run)
		run(world);
}

/* -EIO: do not even execute it. */
static int before_call(enum world_call call, enum transition transition)
{
	struct world_trouble *trouble = &the_world->troubles[call];

	pass_gate();
	trouble->count++;
	spring_surprise(the_world, call, transition);
	return takes_one(&trouble->fail) ? -EIO : 0;
}

static int after_call(enum world_call call, int r)
{
	return r >= 0 && takes_one(&the_world->troubles[call].lose) ? -ETIMEDOUT : r;
}

static int hooked_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
		       struct fault *fault)
{
	int r = before_call(WORLD_BEAT, 0);

	return r < 0 ? r : after_call(WORLD_BEAT, real_ops->beat(store, beat, ret, fault));
}

static int hooked_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
		      struct fault *fault)
{
	int r = before_call(WORLD_GET, 0);

	return r < 0 ? r : after_call(WORLD_GET, real_ops->get(store, ids, n, ret, fault));
}

static int hooked_change(struct store *store, const struct change *changes, size_t n,
			 struct change_outcome *ret, struct fault *fault)
{
	int r = before_call(WORLD_CHANGE, changes[0].transition);

	if (r < 0)
		return r;
	return after_call(WORLD_CHANGE, real_ops->change(store, changes, n, ret, fault));
}

static int hooked_item_get(struct store *store, const char *partition, const char *kind,
			   struct item *ret, struct fault *fault)
{
	int r = before_call(WORLD_ITEM_GET, 0);

	if (r < 0)
		return r;
	return after_call(WORLD_ITEM_GET, real_ops->item_get(store, partition, kind, ret, fault));
}

static int hooked_item_put(struct store *store, struct item *item, struct item *current,
			   struct fault *fault)
{
	int r = before_call(WORLD_ITEM_PUT, 0);

	if (r < 0)
		return r;
	return after_call(WORLD_ITEM_PUT, real_ops->item_put(store, item, current, fault));
}

/* The same store, its ops exchanged. */
static int open_hooked_store(const char *address, bool create, const struct clock *clock,
			     struct store **ret, struct fault *fault)
{
	static struct store_ops hooked;
	int r;

	the_world->opening.count++;
	if (takes_one(&the_world->opening.fail))
		return -EIO;
	r = store_open(address, create, clock, ret, fault);
	if (r < 0)
		return r;
	real_ops = (*ret)->ops;
	hooked = *real_ops;
	hooked.beat = hooked_beat;
	hooked.get = hooked_get;
	hooked.change = hooked_change;
	hooked.item_get = hooked_item_get;
	hooked.item_put = hooked_item_put;
	(*ret)->ops = &hooked;
	return 0;
}

void world_hold_here(struct world *world)
{
	world_hold(world);
	pass_gate();
}

void world_hold(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	world->held = true;
	pthread_mutex_unlock(&world->lock);
}

static bool is_held(struct world *world)
{
	bool held;

	pthread_mutex_lock(&world->lock);
	held = world->waiting > 0;
	pthread_mutex_unlock(&world->lock);
	return held;
}

void world_await_held(struct world *world)
{
	world_until(world, is_held);
}

void world_release(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	world->held = false;
	pthread_cond_broadcast(&world->moved);
	pthread_mutex_unlock(&world->lock);
}

/* --- the runner ------------------------------------------------------------------------------ */

static struct world_runner *world_runner_of(struct runner *runner)
{
	return container_of(runner, struct world_runner, runner);
}

static int fake_start(struct runner *runner, const struct runner_job *job, struct fault *fault)
{
	struct world_runner *own = world_runner_of(runner);

	(void)fault;
	own->starts++;
	own->seq = job->seq;
	own->number = job->number;
	ck_assert_int_eq(str_copy(own->command, sizeof(own->command), job->argv[0]), 0);
	return 0;
}

static int fake_stop(struct runner *runner, uint64_t grace_usec)
{
	(void)grace_usec;
	world_runner_of(runner)->stops++;
	return 0;
}

static int fake_clean(struct runner *runner, uint64_t seq)
{
	(void)seq;
	world_runner_of(runner)->cleans++;
	return 0;
}

/* The world keeps it, to be asked afterwards. */
static void fake_free(struct runner *runner)
{
	world_runner_of(runner)->freed = true;
}

static int fake_create(const struct runner_options *options,
		       const struct runner_callbacks *callbacks, void *context,
		       struct runner **ret);

static const struct runner_ops fake_runner = {
	.name = "fake",
	.create = fake_create,
	.start = fake_start,
	.stop = fake_stop,
	.clean = fake_clean,
	.free = fake_free,
};

static int fake_create(const struct runner_options *options,
		       const struct runner_callbacks *callbacks, void *context, struct runner **ret)
{
	struct world_runner *own = calloc(1, sizeof(*own));

	(void)options;
	if (!own)
		return -ENOMEM;
	own->runner.ops = &fake_runner;
	own->callbacks = callbacks;
	own->context = context;
	the_world->runner = own;
	*ret = &own->runner;
	return 0;
}

void world_job_started(struct world *world)
{
	struct world_runner *own = world->runner;

	own->callbacks->on_started(&own->runner, 4711, own->context);
}

void world_job_exits(struct world *world, int exit_code)
{
	struct world_runner *own = world->runner;
	const struct runner_result result = {
		.seq = own->seq,
		.number = own->number,
		.exit_code = exit_code,
		.output = "said\0this",
		.output_size = 9,
	};

	own->callbacks->on_exited(&own->runner, &result, own->context);
}

void world_stopped(struct world *world)
{
	world->runner->callbacks->on_stopped(&world->runner->runner, world->runner->context);
}

void world_cleaned(struct world *world, bool clean, const char *reason)
{
	struct runner_verdict verdict = { .clean = clean };

	ck_assert_int_eq(str_copy(verdict.reason, sizeof(verdict.reason), reason), 0);
	world->runner->callbacks->on_cleaned(&world->runner->runner, 0, &verdict,
					     world->runner->context);
}

/* --- all together ---------------------------------------------------------------------------- */

static void set(struct world *world, const char *name, const char *value)
{
	struct fault fault = {};
	int row = settings_find(&world->settings, name, &fault);

	ck_assert_msg(row >= 0, "%s", fault.text);
	ck_assert_msg(
		settings_set(&world->settings, (size_t)row, value, SETTING_FROM_FLAG, &fault) == 0,
		"%s", fault.text);
}

static char *store_address(const struct world *world)
{
	char *address = str_format("sqlite:%s/paddock.db", world->tree->path);

	ck_assert_ptr_nonnull(address);
	return address;
}

void world_init(struct world *world, const char *const *settings)
{
	_cleanup_free_ char *address = NULL;
	struct fault fault = {};

	*world = (struct world){ .tree = tree_new(), .home = { .fd = -1, .lock_fd = -1 } };
	the_world = world;
	log_init(&(struct log_options){ .program = "test", .max_level = LOG_LEVEL_ERROR });
	pthread_mutex_init(&world->lock, NULL);
	pthread_cond_init(&world->moved, NULL);
	pthread_mutex_init(&world->store_lock, NULL);
	world->clock.clock.ops = &world_clock_ops;

	ck_assert_int_eq(settings_init(&world->settings, agent_config_rows, agent_config_rows_n,
				       &world->config, NULL, &fault),
			 0);
	set(world, "machine", WORLD_MACHINE);
	set(world, "beat-period", WORLD_PERIOD);
	set(world, "beat-period-running", WORLD_PERIOD);
	for (; settings && settings[0]; settings += 2)
		set(world, settings[0], settings[1]);

	address = store_address(world);
	ck_assert_msg(store_open(address, true, &world->clock.clock, &world->store, &fault) == 0,
		      "%s", fault.text);
	ck_assert_int_eq(forge_open("none", world->store, &world->forge, &fault), 0);
	world_change(world, TRANSITION_CREATE);
}

void world_start_agent(struct world *world)
{
	_cleanup_free_ char *address = store_address(world);
	struct fault fault = {};
	struct agent_options options = {
		.config = &world->config,
		.boot_id = WORLD_BOOT,
		.store_address = address,
		.home = &world->home,
		.clock = &world->clock.clock,
		.runner = &fake_runner,
		.open_store = open_hooked_store,
		.open_forge = forge_open,
		.notices = world->notices,
	};

	ck_assert_msg(home_open(world->tree->path, WORLD_MACHINE, 0, &world->home, &fault) == 0,
		      "%s", fault.text);
	ck_assert_msg(agent_new(&options, &world->agent, &fault) == 0, "%s", fault.text);
}

void world_done(struct world *world)
{
	world_release(world);
	agent_free(world->agent);
	free(world->runner);
	home_close(&world->home);
	forge_close(world->forge);
	store_close(world->store);
	settings_done(&world->settings);
	tree_free(world->tree);
}

void world_until_named(struct world *world, world_fn *condition, const char *name)
{
	uint64_t end = clock_boot_usec(&clock_system) + test_patience_usec(WORLD_PATIENCE_USEC);

	while (!condition(world)) {
		ck_assert_msg(clock_boot_usec(&clock_system) < end, "waited in vain for %s", name);
		ck_assert_int_ge(sd_event_run(agent_loop(world->agent), WORLD_TURN_USEC), 0);
	}
}

void world_run_out(struct world *world)
{
	ck_assert_int_eq(agent_run(world->agent), 0);
	ck_assert(world->runner->freed);
}

void world_turn_for(struct world *world, uint64_t usec)
{
	uint64_t end = clock_boot_usec(&clock_system) + usec;

	while (clock_boot_usec(&clock_system) < end)
		ck_assert_int_ge(sd_event_run(agent_loop(world->agent), WORLD_TURN_USEC), 0);
}

static pthread_mutex_t *lock_store(struct world *world)
{
	pthread_mutex_lock(&world->store_lock);
	return &world->store_lock;
}

static void unlock(pthread_mutex_t *const *lock)
{
	pthread_mutex_unlock(*lock);
}

/* To the end of the block. */
#define HOLD_STORE(world) _cleanup_(unlock) _unused_ pthread_mutex_t *held_lock = lock_store(world)

struct machine world_record(struct world *world)
{
	HOLD_STORE(world);
	struct machine record;

	ck_assert_int_ge(store_get_one(world->store, WORLD_MACHINE, &record, NULL), 0);
	return record;
}

bool world_record_is(struct world *world, enum machine_state state, uint64_t seq)
{
	struct machine record = world_record(world);

	return record.state == state && record.seq == seq;
}

const char *world_status(struct world *world, const char *key)
{
	static char text[256];
	_cleanup_json_ struct json_object *status = NULL;
	struct json_object *store = NULL;
	const char *value = NULL;

	ck_assert_int_eq(agent_status(world->agent, &status), 0);
	if (json_get_text(status, key, &value, NULL) <= 0) {
		ck_assert_int_eq(json_get_object(status, "store", &store, NULL), 1);
		ck_assert_int_eq(json_get_text(store, key, &value, NULL), 1);
	}
	ck_assert_int_eq(str_copy(text, sizeof(text), value), 0);
	return text;
}

uint64_t world_pending(struct world *world)
{
	_cleanup_json_ struct json_object *status = NULL;
	struct json_object *store = NULL;
	uint64_t pending = 0;

	ck_assert_int_eq(agent_status(world->agent, &status), 0);
	ck_assert_int_eq(json_get_object(status, "store", &store, NULL), 1);
	ck_assert_int_eq(json_get_u64(store, "pending", &pending, NULL), 1);
	return pending;
}

void world_change(struct world *world, enum transition transition)
{
	struct machine record = world_record(world);
	struct change change = {
		.transition = transition,
		.id = WORLD_MACHINE,
		.seq = record.seq,
		.threshold_ms = record.threshold_ms,
		.claimant.run_key = WORLD_RUN,
		.leases = { .boot_ms = WORLD_LEASE_MS,
			    .idle_ms = WORLD_LEASE_MS,
			    .claim_ms = WORLD_LEASE_MS,
			    .drain_ms = WORLD_LEASE_MS,
			    .max_runtime_ms = WORLD_LEASE_MS },
		.ending = transition == TRANSITION_TERMINATE ? ENDING_GONE : ENDING_NONE,
		.birth = { .provider = "local", .token = "world" },
		.reason = "the test says so",
	};
	struct change_outcome outcome;
	HOLD_STORE(world);

	ck_assert_int_eq(store_change_one(world->store, &change, &outcome, NULL), 0);
	ck_assert_int_ne(outcome.result, CHANGE_REFUSED);
}

void world_offer(struct world *world, const char *command)
{
	char *const argv[] = { (char *)command, NULL };
	struct machine record = world_record(world);
	_cleanup_job_ struct job job = {};
	HOLD_STORE(world);

	if (command)
		ck_assert_int_eq(job_set_command(&job, argv, 1), 0);
	ck_assert_int_eq(
		world->forge->ops->offer(world->forge, &record, command ? &job : NULL, NULL), 0);
}

void world_submit(struct world *world, const char *command)
{
	char *const argv[] = { (char *)command, NULL };
	struct machine record = world_record(world);
	_cleanup_job_ struct job job = {};
	uint64_t number;
	HOLD_STORE(world);

	ck_assert_int_eq(job_set_command(&job, argv, 1), 0);
	ck_assert_int_eq(world->forge->ops->submit(world->forge, WORLD_MACHINE, record.seq, &job,
						   &number, NULL),
			 0);
}

struct registration world_look(struct world *world, uint64_t seq)
{
	struct registration registration = {};
	HOLD_STORE(world);

	ck_assert_int_eq(
		world->forge->ops->look(world->forge, WORLD_MACHINE, seq, &registration, NULL), 0);
	return registration;
}
