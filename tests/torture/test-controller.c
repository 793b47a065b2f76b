/*
 * The controller's verbs with something failing in the middle, then once more with nothing failing:
 * as a person or cron would call them again. Whatever failed, the second call must end where an
 * undisturbed one would have. Store, pool and forge are the real ones, on SQLite; the provider is a
 * list of machines, and their agents act while the controller waits.
 */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/provision.h"
#include "controller/refresh.h"
#include "controller/release.h"
#include "tests/fake-clock.h"
#include "tests/store-contract.h"
#include "tests/torture/torture.h"

#define MACHINES_MAX 32
#define KEY "42-1-default"
#define PATIENCE_USEC (60 * USEC_PER_SEC)

struct stage {
	struct provider provider;
	struct clock clock;
	struct fake_clock time;
	struct tree *tree;
	char *address;
	struct config config;
	struct controller controller;

	struct {
		char id[MACHINE_ID_MAX];
		enum presence presence;
	} machines[MACHINES_MAX];
	size_t n;

	/* The agents' own way to the store. */
	struct store *store;
	struct forge *forge;
	bool acting;
};

/* --- the provider ----------------------------------------------------------------------------- */

static struct stage *stage_of(struct provider *provider)
{
	return container_of(provider, struct stage, provider);
}

static size_t find(const struct stage *stage, const char *id)
{
	size_t i = 0;

	while (i < stage->n && strcmp(stage->machines[i].id, id) != 0)
		i++;
	return i;
}

static int cloud_provision(struct provider *provider, const struct blueprint *blueprint,
			   const struct intent *intent, struct handle *ret,
			   _unused_ struct fault *fault)
{
	struct stage *stage = stage_of(provider);

	for (size_t i = 0; i < intent->count; i++) {
		struct handle *handle = &ret[i];
		size_t at;

		*handle = (struct handle){ .provider = "local",
					   .type = "host",
					   .arch = "x86_64",
					   .launched_ms = stage->time.now_wall_ms };
		ck_assert_int_eq(machine_id_for(intent->token, i, handle->id, sizeof(handle->id)),
				 0);
		ck_assert_int_eq(str_copy(handle->correlation, sizeof(handle->correlation),
					  blueprint->correlation),
				 0);
		at = find(stage, handle->id);
		if (at < stage->n)
			continue;
		ck_assert_uint_lt(at, MACHINES_MAX);
		memcpy(stage->machines[at].id, handle->id, sizeof(handle->id));
		stage->machines[at].presence = PRESENCE_THERE;
		stage->n++;
	}
	return (int)intent->count;
}

static int cloud_poll(struct provider *provider, const char *const *ids, size_t n,
		      enum presence *ret, _unused_ struct fault *fault)
{
	const struct stage *stage = stage_of(provider);

	for (size_t i = 0; i < n; i++) {
		size_t at = find(stage, ids[i]);

		ret[i] = at < stage->n ? stage->machines[at].presence : PRESENCE_GONE;
	}
	return 0;
}

static int cloud_teardown(struct provider *provider, const char *id, _unused_ uint64_t grace_usec,
			  _unused_ struct fault *fault)
{
	struct stage *stage = stage_of(provider);
	size_t at = find(stage, id);

	if (at < stage->n)
		stage->machines[at].presence = PRESENCE_GONE;
	return 0;
}

static int cloud_list(struct provider *provider, handle_fn *each, void *context,
		      _unused_ struct fault *fault)
{
	const struct stage *stage = stage_of(provider);
	int r = 0;

	for (size_t i = 0; i < stage->n && r >= 0; i++) {
		struct handle handle = { .provider = "local", .launched_ms = FAKE_WALL_MS };

		memcpy(handle.id, stage->machines[i].id, sizeof(handle.id));
		r = each(&handle, stage->machines[i].presence, context);
	}
	return r;
}

static int cloud_made(struct provider *provider, const char *token, _unused_ uint64_t count,
		      handle_fn *each, void *context, _unused_ struct fault *fault)
{
	const struct stage *stage = stage_of(provider);
	int r = 0;

	for (size_t i = 0; i < stage->n && r >= 0; i++) {
		struct handle handle = { .provider = "local", .launched_ms = FAKE_WALL_MS };

		if (strncmp(stage->machines[i].id, token, strlen(token)) != 0)
			continue;
		memcpy(handle.id, stage->machines[i].id, sizeof(handle.id));
		r = each(&handle, stage->machines[i].presence, context);
	}
	return r;
}

static int cloud_forget(_unused_ struct provider *provider, _unused_ const char *id,
			_unused_ bool keep_logs, _unused_ struct fault *fault)
{
	return 0;
}

static const struct provider_ops cloud_ops = {
	.name = "local",
	.provision = cloud_provision,
	.made = cloud_made,
	.poll = cloud_poll,
	.teardown = cloud_teardown,
	.list = cloud_list,
	.forget = cloud_forget,
};

/* --- the agents ------------------------------------------------------------------------------- */

static void say(struct stage *stage, const struct machine *record, enum transition transition,
		enum machine_phase phase)
{
	struct change change = contract_next(transition, record);
	struct change_outcome outcome;
	struct fault fault = {};
	int r;

	memcpy(change.claimant.run_key, record->run_key, sizeof(record->run_key));
	change.testimony.phase = phase;
	change.testimony.seq = record->seq;
	(void)!str_copy(change.testimony.boot_id, sizeof(change.testimony.boot_id), CONTRACT_BOOT);
	if (transition == TRANSITION_TERMINATE)
		change.ending = ENDING_DRAINED;
	r = store_change_one(stage->store, &change, &outcome, &fault);
	ck_assert_msg(r == 0, "%s: %s", record->id, fault_text(&fault, r));
	ck_assert_int_ne(outcome.result, CHANGE_REFUSED);
}

static void listen(struct stage *stage, const struct machine *record)
{
	_cleanup_registration_ struct registration registration = {};
	struct fault fault = {};
	int r = stage->forge->ops->take(stage->forge, record->id, record->seq, CONTRACT_BOOT,
					&registration, &fault);

	ck_assert_msg(r >= 0 || r == -ESTALE, "%s", fault_text(&fault, r));
	if (r == 0)
		say(stage, record, TRANSITION_RUN, PHASE_LISTENING);
}

static void act(struct stage *stage, size_t at)
{
	const char *id = stage->machines[at].id;
	struct machine record;
	struct fault fault = {};
	int r = store_get_one(stage->store, id, &record, &fault);

	ck_assert_msg(r >= 0, "%s", fault_text(&fault, r));
	if (r == STORE_REFUSED)
		return;
	if (record.state == MACHINE_CREATED) {
		say(stage, &record, TRANSITION_READY, PHASE_READY);
	} else if (record.state == MACHINE_CLAIMED) {
		listen(stage, &record);
	} else if (record.state == MACHINE_DRAINING && record.last) {
		say(stage, &record, TRANSITION_TERMINATE, PHASE_CLEAN);
		stage->machines[at].presence = PRESENCE_GONE;
	} else if (record.state == MACHINE_DRAINING) {
		say(stage, &record, TRANSITION_OFFER, PHASE_CLEAN);
	}
}

/* A store that is locked for ever would show here: the agents' own calls would wait, and act. */
static void agents_act(struct stage *stage)
{
	ck_assert(!stage->acting);
	stage->acting = true;
	for (size_t i = 0; i < stage->n; i++) {
		if (stage->machines[i].presence == PRESENCE_THERE)
			act(stage, i);
	}
	stage->acting = false;
}

static uint64_t stage_wall_ms(const struct clock *clock)
{
	return container_of(clock, struct stage, clock)->time.now_wall_ms;
}

static uint64_t stage_boot_usec(const struct clock *clock)
{
	return container_of(clock, struct stage, clock)->time.now_boot_usec;
}

/* Whoever waits gives the agents time. */
static int stage_sleep_until(const struct clock *clock, uint64_t boot_usec)
{
	struct stage *stage = (struct stage *)container_of(clock, struct stage, clock);
	bool paused = torture_state->paused;

	(void)stage->time.clock.ops->sleep_until(&stage->time.clock, boot_usec);
	if (!paused)
		torture_pause();
	agents_act(stage);
	if (!paused)
		torture_resume();
	return 0;
}

static const struct clock_ops stage_clock_ops = {
	.name = "stage",
	.wall_ms = stage_wall_ms,
	.boot_usec = stage_boot_usec,
	.sleep_until = stage_sleep_until,
};

/* --- all together ----------------------------------------------------------------------------- */

static void open_both(struct stage *stage, struct store **store, struct forge **forge)
{
	struct fault fault = {};
	int r = store_open(stage->address, true, &stage->clock, store, &fault);

	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
	ck_assert_int_eq(forge_open("none", *store, forge, &fault), 0);
}

/* Counts from torture_resume() on. */
static struct stage *stage_new(void)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct fault fault = {};

	ck_assert_ptr_nonnull(stage);
	torture_pause();
	stage->provider.ops = &cloud_ops;
	stage->clock.ops = &stage_clock_ops;
	stage->time = fake_clock_new();
	stage->tree = tree_new();
	stage->address = str_format("sqlite:%s/paddock.db", stage->tree->path);
	ck_assert_int_eq(config_init(&stage->config, &fault), 0);
	stage->config.pool = strdup("table");
	ck_assert_ptr_nonnull(stage->config.pool);
	stage->config.boot_usec = stage->config.run_usec = 600 * USEC_PER_SEC;
	stage->config.idle_usec = 420 * USEC_PER_SEC;
	stage->config.claim_usec = 300 * USEC_PER_SEC;
	stage->config.drain_usec = 180 * USEC_PER_SEC;
	stage->config.claim_slack_usec = 30 * USEC_PER_SEC;
	stage->config.reap_grace_usec = 120 * USEC_PER_SEC;
	stage->config.poll_usec = 2 * USEC_PER_MSEC;
	stage->config.beat_usec = 5 * USEC_PER_SEC;
	stage->controller = (struct controller){
		.config = &stage->config,
		.clock = &stage->clock,
		.provider = &stage->provider,
	};
	open_both(stage, &stage->controller.store, &stage->controller.forge);
	open_both(stage, &stage->store, &stage->forge);
	return stage;
}

static void stage_free(struct stage *stage)
{
	forge_close(stage->forge);
	store_close(stage->store);
	forge_close(stage->controller.forge);
	store_close(stage->controller.store);
	free(stage->config.pool);
	config_done(&stage->config);
	free(stage->address);
	tree_free(stage->tree);
	free(stage);
}
DEFINE_CLEANUP(struct stage *, stage_free)

/* The controller that failed is gone; the next one begins anew. */
static void start_again(struct stage *stage)
{
	torture_pause();
	forge_close(stage->controller.forge);
	store_close(stage->controller.store);
	open_both(stage, &stage->controller.store, &stage->controller.forge);
}

/* What may come of a call in which something failed. */
static void check_error(int r, const struct fault *fault)
{
	ck_assert_msg(r >= 0 || r != -EINVAL, "-EINVAL: %s", fault_text(fault, r));
	/* SQLite takes EIO for a damaged file, which is -EBADMSG. */
	if (torture_state->point.kind != TORTURE_SQLITE_CALL)
		ck_assert_msg(r >= 0 || r != -EBADMSG, "-EBADMSG: %s", fault_text(fault, r));
	if (torture_is_about_memory())
		ck_assert_msg(r >= 0 || r == -ENOMEM, "%d: %s", r, fault_text(fault, r));
}

static size_t count_there(const struct stage *stage)
{
	size_t n = 0;

	for (size_t i = 0; i < stage->n; i++)
		n += stage->machines[i].presence == PRESENCE_THERE;
	return n;
}

static const struct resource_class *class_(const struct stage *stage)
{
	const struct resource_class *found = class_find(&stage->config.classes, "large");

	ck_assert_ptr_nonnull(found);
	return found;
}

static int warm(struct stage *stage, uint64_t target, struct fault *fault)
{
	_cleanup_warm_result_ struct warm_result result = {};
	int r = provision_warm(&stage->controller, class_(stage), target, PATIENCE_USEC, &result,
			       fault);

	if (r == 0 && torture_state->paused)
		ck_assert_uint_eq(result.idle, target);
	return r;
}

static int provision(struct stage *stage, uint64_t count, enum provision_end *ret_end,
		     struct fault *fault)
{
	_cleanup_provision_result_ struct provision_result result = {};
	const struct provision_options options = {
		.request = {
			.count = count,
			.min_count = count,
			.class_name = "large",
			.max_runtime_ms = 600000,
			.claimant = { .run_key = KEY, .repo = "a/b" },
		},
		.timeout_usec = PATIENCE_USEC,
	};
	int r = provision_run(&stage->controller, &options, &result, fault);

	*ret_end = result.end;
	if (r == 0 && result.end == PROVISION_GRANTED)
		ck_assert_uint_eq(result.machines.n, count);
	return r;
}

static int release(struct stage *stage, struct fault *fault)
{
	_cleanup_release_result_ struct release_result result = {};
	const struct release_options options = {
		.run_key = KEY,
		.timeout_usec = PATIENCE_USEC,
	};
	int r = release_run(&stage->controller, &options, &result, fault);

	for (size_t i = 0; r == 0 && torture_state->paused && i < result.n; i++)
		ck_assert_msg(result.rows[i].fate == RELEASE_CLEAN ||
				      result.rows[i].fate == RELEASE_ENDED,
			      "%s: fate %d", result.rows[i].machine, result.rows[i].fate);
	return r;
}

static void check_fine(int r, const struct fault *fault)
{
	ck_assert_msg(r == 0, "%d: %s", r, fault_text(fault, r));
}

static int is_ours(const struct machine *machine, void *context)
{
	if (machine_is_live(machine) && strcmp(machine->run_key, KEY) == 0)
		++*(size_t *)context;
	return 0;
}

static size_t count_held(struct stage *stage)
{
	size_t n = 0;

	ck_assert_int_eq(stage->store->ops->scan(stage->store, &(struct machine_filter){}, is_ours,
						 &n, NULL),
			 0);
	return n;
}

/* Released, healed, and looked at: nothing is held, nothing remains to be done. */
static void check_end(struct stage *stage)
{
	_cleanup_refresh_result_ struct refresh_result healed = {}, rest = {};
	struct fault fault = {};

	check_fine(release(stage, &fault), &fault);
	agents_act(stage);
	ck_assert_uint_eq(count_held(stage), 0);
	check_fine(refresh_run(&stage->controller, false, &healed, &fault), &fault);
	agents_act(stage);
	check_fine(refresh_run(&stage->controller, true, &rest, &fault), &fault);
	ck_assert_uint_eq(rest.n, 0);
}

START_TEST(provision_again_is_granted_and_makes_no_more_than_was_asked_for)
{
	_cleanup_(stage_freep) struct stage *stage = stage_new();
	enum provision_end end, end_again;
	struct fault fault = {};
	int r;

	check_fine(warm(stage, 1, &fault), &fault);
	torture_resume();
	r = provision(stage, 3, &end, &fault);
	start_again(stage);
	check_error(r, &fault);
	ck_assert(r < 0 || end == PROVISION_GRANTED || end == PROVISION_REFUSED ||
		  end == PROVISION_INTERRUPTED);

	check_fine(provision(stage, 3, &end_again, &fault), &fault);
	if (r < 0 || end == PROVISION_GRANTED) {
		ck_assert_int_eq(end_again, PROVISION_GRANTED);
		ck_assert_uint_eq(count_held(stage), 3);
	}
	ck_assert_uint_le(stage->n, 3);
	check_end(stage);
}
END_TEST

START_TEST(release_again_leaves_nothing_held)
{
	_cleanup_(stage_freep) struct stage *stage = stage_new();
	enum provision_end end;
	struct fault fault = {};
	int r;

	check_fine(warm(stage, 1, &fault), &fault);
	check_fine(provision(stage, 2, &end, &fault), &fault);
	ck_assert_int_eq(end, PROVISION_GRANTED);
	torture_resume();
	r = release(stage, &fault);
	start_again(stage);
	check_error(r, &fault);
	check_end(stage);
}
END_TEST

START_TEST(refresh_again_heals_what_is_left)
{
	_cleanup_(stage_freep) struct stage *stage = stage_new();
	_cleanup_refresh_result_ struct refresh_result first = {}, second = {};
	enum provision_end end;
	struct fault fault = {};
	int r;

	check_fine(provision(stage, 2, &end, &fault), &fault);
	check_fine(warm(stage, 2, &fault), &fault);
	stage->machines[0].presence = PRESENCE_GONE;
	stage->machines[2].presence = PRESENCE_GONE;
	stage->config.classes.rows[0].warm = 2;
	torture_resume();
	r = refresh_run(&stage->controller, false, &first, &fault);
	start_again(stage);
	check_error(r, &fault);

	check_fine(refresh_run(&stage->controller, false, &second, &fault), &fault);
	agents_act(stage);
	ck_assert_uint_eq(count_held(stage), 1);
	ck_assert_uint_eq(count_there(stage), 3);
	ck_assert_uint_le(stage->n, 5);
	check_end(stage);
}
END_TEST

START_TEST(warming_again_makes_no_more_than_the_target)
{
	_cleanup_(stage_freep) struct stage *stage = stage_new();
	struct fault fault = {};
	int r;

	torture_resume();
	r = warm(stage, 2, &fault);
	start_again(stage);
	check_error(r, &fault);
	check_fine(warm(stage, 2, &fault), &fault);
	ck_assert_uint_eq(stage->n, 2);
	check_end(stage);
}
END_TEST

TEST_MAIN(provision_again_is_granted_and_makes_no_more_than_was_asked_for,
	  release_again_leaves_nothing_held, refresh_again_heals_what_is_left,
	  warming_again_makes_no_more_than_the_target)
