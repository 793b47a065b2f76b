#include "controller/provision/steps.h"
#include "tests/unit/sqlite-fixture.h"

#define RUN "run-1-a"

/* Two starts of one run. Right before the first one writes, the second one begins. */
struct race {
	struct store store; /* the first one's: must be first */
	struct store *real;
	struct store_ops ops;
	bool armed;
	struct place place;
	struct provision_options options;
	struct controller controllers[2];
	struct provision starts[2];
	struct fault fault;
};

static void begin(struct race *race, size_t which)
{
	int r = provision_begin(&race->starts[which], &race->fault);

	ck_assert_msg(r == 0, "%s", fault_text(&race->fault, r));
}

static int put_late(struct store *store, struct item *item, struct item *current,
		    struct fault *fault)
{
	struct race *race = container_of(store, struct race, store);

	if (race->armed) {
		race->armed = false;
		begin(race, 1);
	}
	return race->real->ops->item_put(race->real, item, current, fault);
}

static int get_item(struct store *store, const char *partition, const char *kind, struct item *ret,
		    struct fault *fault)
{
	struct race *race = container_of(store, struct race, store);

	return race->real->ops->item_get(race->real, partition, kind, ret, fault);
}

static int get_now(struct store *store, uint64_t *ret_ms, struct fault *fault)
{
	struct race *race = container_of(store, struct race, store);

	return race->real->ops->now(race->real, ret_ms, fault);
}

static void race_init(struct race *race)
{
	*race = (struct race){
		.options.request = {
			.count = 1,
			.min_count = 1,
			.class_name = "large",
			.claimant.run_key = RUN,
		},
	};
	place_init(&race->place);
	race->real = place_open(&race->place);
	race->ops =
		(struct store_ops){ .item_put = put_late, .item_get = get_item, .now = get_now };
	race->store.ops = &race->ops;
	for (size_t i = 0; i < 2; i++) {
		race->controllers[i] = (struct controller){
			.clock = &race->place.clock.clock,
			.store = i == 0 ? &race->store : race->real,
			.nonce = i + 1,
		};
		race->starts[i] = (struct provision){
			.controller = &race->controllers[i],
			.options = &race->options,
		};
	}
}

static void race_done(struct race *race)
{
	for (size_t i = 0; i < 2; i++)
		run_done(&race->starts[i].run);
	store_close(race->real);
	place_done(&race->place);
}
#define _cleanup_race_ _cleanup_(race_done)

static void assert_first_came_last(const struct race *race)
{
	ck_assert(!race->armed);
	ck_assert_uint_eq(race->starts[0].fence, race->starts[1].fence + 1);
}

START_TEST(gives_two_first_starts_at_once_a_fence_each)
{
	_cleanup_race_ struct race race;

	race_init(&race);
	race.armed = true;
	begin(&race, 0);
	assert_first_came_last(&race);
}
END_TEST

START_TEST(gives_two_later_starts_at_once_a_fence_each)
{
	_cleanup_race_ struct race race;

	race_init(&race);
	begin(&race, 0);
	race.armed = true;
	begin(&race, 0);
	assert_first_came_last(&race);
	ck_assert_uint_eq(race.starts[0].fence, 3);
}
END_TEST

TEST_MAIN(gives_two_first_starts_at_once_a_fence_each, gives_two_later_starts_at_once_a_fence_each)
