/* The pool that is the idle records: what it shows, in which order, and how often. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/pool.h"
#include "tests/store-contract.h"

#define N 40

/* What test-store-sqlite proves is taken for granted here. */
struct scene {
	struct tree *tree;
	struct fake_clock clock;
	struct store *store;
	struct pool *pool;
	struct fault fault;
};

static struct pool *pool_with(struct scene *scene, uint64_t seed)
{
	const struct pool_options options = {
		.name = "table",
		.store = scene->store,
		.clock = &clock_system,
		.seed = seed,
	};
	struct pool *pool = NULL;

	ck_assert_int_eq(pool_open(&options, &pool, &scene->fault), 0);
	return pool;
}

static void scene_init(struct scene *scene)
{
	_cleanup_free_ char *address = NULL;

	*scene = (struct scene){ .tree = tree_new(), .clock = fake_clock_new() };
	address = str_format("sqlite:%s/paddock.db", scene->tree->path);
	ck_assert_int_eq(
		store_open(address, true, &scene->clock.clock, &scene->store, &scene->fault), 0);
	scene->pool = pool_with(scene, 1);
}

static void scene_done(struct scene *scene)
{
	pool_close(scene->pool);
	store_close(scene->store);
	tree_free(scene->tree);
}
#define _cleanup_scene_ _cleanup_(scene_done)

static struct machine move(struct scene *scene, const struct change *change)
{
	struct change_outcome outcome;

	ck_assert_int_eq(store_change_one(scene->store, change, &outcome, &scene->fault), 0);
	ck_assert_int_eq(outcome.result, CHANGE_DONE);
	return outcome.record;
}

static struct machine idle(struct scene *scene, const char *id)
{
	struct change change = contract_create(id);
	struct machine record = move(scene, &change);

	change = contract_next(TRANSITION_READY, &record);
	return move(scene, &change);
}

static void idle_many(struct scene *scene, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = str_format("m-%zu", i);

		idle(scene, id);
	}
}

static int receive(struct scene *scene, struct pool *pool, struct offer *ret, size_t max)
{
	int r = pool->ops->receive(pool, "large", ret, max, &scene->fault);

	ck_assert_msg(r >= 0, "%s", scene->fault.text);
	ck_assert_int_le(r, (int)max);
	return r;
}

START_TEST(knows_its_kinds)
{
	_cleanup_scene_ struct scene scene;
	struct pool_options options = { .name = "puddle", .clock = &clock_system, .seed = 1 };
	struct pool *pool;

	scene_init(&scene);
	options.store = scene.store;
	ck_assert_str_eq(scene.pool->ops->name, "table");
	ck_assert_int_eq(pool_check_name("table", &scene.fault), 0);
	ck_assert_int_eq(pool_check_name("sqs", &scene.fault), 0);
	ck_assert_int_eq(pool_open(&options, &pool, &scene.fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "puddle"));
	ck_assert_str_ne(scene.fault.cure, "");
}
END_TEST

START_TEST(offers_what_is_idle_and_of_the_class)
{
	_cleanup_scene_ struct scene scene;
	struct machine record;
	struct change change;
	struct offer offers[N];

	scene_init(&scene);
	record = idle(&scene, "idle");
	change = contract_create("created");
	move(&scene, &change);
	change = contract_launch("claimed", CONTRACT_RUN);
	move(&scene, &change);
	change = contract_create("other");
	ck_assert_int_eq(
		str_copy(change.birth.class_name, sizeof(change.birth.class_name), "xlarge"), 0);
	record = move(&scene, &change);
	change = contract_next(TRANSITION_READY, &record);
	move(&scene, &change);

	ck_assert_int_eq(receive(&scene, scene.pool, offers, N), 1);
	ck_assert_str_eq(offers[0].machine.id, "idle");
	ck_assert_int_eq(offers[0].machine.state, MACHINE_IDLE);
	ck_assert_ptr_null(offers[0].receipt);
}
END_TEST

START_TEST(is_exhausted_when_nothing_is_idle)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[N];

	scene_init(&scene);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, N), 0);
}
END_TEST

/* Asserts that no id occurs twice in n offers. */
static void assert_different(const struct offer *offers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (strcmp(offers[i].machine.id, offers[k].machine.id) == 0)
				ck_abort_msg("%s was offered twice", offers[i].machine.id);
}

START_TEST(shows_each_machine_once_a_sweep)
{
	static const size_t sizes[] = { 1, 3, 7, N - 1, N, N + 5 };
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	idle_many(&scene, N);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct offer offers[2 * N + 10];
		size_t n = 0;
		int r;

		while ((r = receive(&scene, scene.pool, offers + n, sizes[i])) > 0) {
			n += (size_t)r;
			ck_assert_uint_le(n, N);
		}
		ck_assert_uint_eq(n, N);
		assert_different(offers, n);
		scene.pool->ops->rewind(scene.pool);
	}
}
END_TEST

START_TEST(shows_what_became_idle_during_the_sweep)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[N];

	scene_init(&scene);
	idle_many(&scene, 5);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, N), 5);
	idle(&scene, "late-1");
	idle(&scene, "late-2");
	ck_assert_int_eq(receive(&scene, scene.pool, offers, N), 2);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, N), 0);
}
END_TEST

START_TEST(shows_the_record_as_it_is_now)
{
	_cleanup_scene_ struct scene scene;
	struct machine record;
	struct change change;
	struct offer offers[N];

	scene_init(&scene);
	idle_many(&scene, 3);
	ck_assert_int_eq(store_get_one(scene.store, "m-1", &record, NULL), 0);
	change = contract_next(TRANSITION_CLAIM, &record);
	move(&scene, &change);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, N), 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_str_ne(offers[i].machine.id, "m-1");
}
END_TEST

START_TEST(sends_rivals_after_different_machines)
{
	_cleanup_scene_ struct scene scene;
	char firsts[N][MACHINE_ID_MAX];
	size_t different = 0;

	scene_init(&scene);
	idle_many(&scene, N);
	for (size_t i = 0; i < N; i++) {
		_cleanup_(pool_closep) struct pool *pool = pool_with(&scene, i);
		struct offer offer;
		bool known = false;

		ck_assert_int_eq(receive(&scene, pool, &offer, 1), 1);
		memcpy(firsts[i], offer.machine.id, MACHINE_ID_MAX);
		for (size_t k = 0; k < i; k++)
			known |= strcmp(firsts[k], firsts[i]) == 0;
		different += !known;
	}
	/* N throws at N machines hit 63 % of them on average. */
	ck_assert_uint_gt(different, N / 2);
}
END_TEST

START_TEST(keeps_its_order_for_a_seed)
{
	_cleanup_scene_ struct scene scene;
	_cleanup_(pool_closep) struct pool *twin = NULL;
	struct offer all[N], one;

	scene_init(&scene);
	idle_many(&scene, N);
	twin = pool_with(&scene, 1);
	ck_assert_int_eq(receive(&scene, scene.pool, all, N), N);
	for (size_t i = 0; i < N; i++) {
		ck_assert_int_eq(receive(&scene, twin, &one, 1), 1);
		ck_assert_str_eq(one.machine.id, all[i].machine.id);
	}
	scene.pool->ops->rewind(scene.pool);
	ck_assert_int_eq(receive(&scene, scene.pool, &one, 1), 1);
	ck_assert_str_eq(one.machine.id, all[0].machine.id);
}
END_TEST

START_TEST(leaves_the_truth_to_the_record_when_settling)
{
	static const enum offer_fate fates[] = { OFFER_CLAIMED, OFFER_UNFIT, OFFER_LOST };
	_cleanup_scene_ struct scene scene;
	struct offer offers[3];

	scene_init(&scene);
	idle_many(&scene, 3);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, 3), 3);
	ck_assert_int_eq(scene.pool->ops->settle(scene.pool, offers, fates, 3, &scene.fault), 0);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, 3), 0);
	scene.pool->ops->rewind(scene.pool);
	ck_assert_int_eq(receive(&scene, scene.pool, offers, 3), 3);
}
END_TEST

START_TEST(passes_the_stores_trouble_on)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[N];

	scene_init(&scene);
	idle_many(&scene, 3);
	ck_assert_int_eq(unlinkat(scene.tree->fd, "paddock.db", 0), 0);
	ck_assert_int_eq(scene.pool->ops->receive(scene.pool, "large", offers, N, &scene.fault),
			 -ESTALE);
	ck_assert_str_ne(scene.fault.text, "");
}
END_TEST

TEST_MAIN(knows_its_kinds, offers_what_is_idle_and_of_the_class, is_exhausted_when_nothing_is_idle,
	  shows_each_machine_once_a_sweep, shows_what_became_idle_during_the_sweep,
	  shows_the_record_as_it_is_now, sends_rivals_after_different_machines,
	  keeps_its_order_for_a_seed, leaves_the_truth_to_the_record_when_settling,
	  passes_the_stores_trouble_on)
