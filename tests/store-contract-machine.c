/* Machine records: reading, changing, scanning, forgetting. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "tests/store-contract.h"

void contract_gets_records_in_the_order_of_ids(struct contract_world *world)
{
	const char *const ids[] = { "m-2", "m-nobody", "m-1", "m-2" };
	struct machine machines[ARRAY_SIZE(ids)];

	contract_idle(world, "m-1");
	contract_idle(world, "m-2");
	assert_fine(world, world->store->ops->get(world->store, ids, ARRAY_SIZE(ids), machines,
						  &world->fault));
	ck_assert_str_eq(machines[0].id, "m-2");
	ck_assert_int_eq(machines[1].state, MACHINE_NONE);
	ck_assert_str_eq(machines[2].id, "m-1");
	ck_assert_str_eq(machines[3].id, "m-2");
}

void contract_gets_nothing_for_no_ids(struct contract_world *world)
{
	assert_fine(world, world->store->ops->get(world->store, NULL, 0, NULL, &world->fault));
	assert_fine(world, world->store->ops->change(world->store, NULL, 0, NULL, &world->fault));
}

void contract_refuses_more_than_a_batch(struct contract_world *world)
{
	size_t n = STORE_BATCH_MAX + 1;
	_cleanup_free_ const char **ids = calloc(n, sizeof(*ids));
	_cleanup_free_ struct change *changes = calloc(n, sizeof(*changes));
	_cleanup_free_ struct machine *machines = calloc(n, sizeof(*machines));
	_cleanup_free_ struct change_outcome *outcomes = calloc(n, sizeof(*outcomes));

	for (size_t i = 0; i < n; i++) {
		ids[i] = "m-1";
		changes[i] = contract_create("m-1");
	}
	ck_assert_int_eq(world->store->ops->get(world->store, ids, n, machines, &world->fault),
			 -E2BIG);
	ck_assert_int_eq(
		world->store->ops->change(world->store, changes, n, outcomes, &world->fault),
		-E2BIG);
	ck_assert_int_eq(contract_get(world, "m-1").state, MACHINE_NONE);
}

void contract_keeps_every_field(struct contract_world *world)
{
	struct change change = contract_launch("m-1", CONTRACT_RUN);
	struct machine record = contract_move(world, &change), stored;

	stored = contract_get(world, "m-1");
	contract_assert_same(&record, &stored);
	ck_assert_str_eq(stored.capabilities, "pmu.instructions resctrl.l3");
	ck_assert_str_eq(stored.repo, "owner/repo");
	ck_assert_int_eq(stored.usage, USAGE_SPOT);
	ck_assert_int_eq(stored.reuse, REUSE_SAME_REPO);

	change = contract_next(TRANSITION_RUN, &record);
	ck_assert_int_eq(str_copy(change.testimony.reason, sizeof(change.testimony.reason),
				  "says 'so' \\ \"thus\"; DROP TABLE machine; -- ü"),
			 0);
	record = contract_move(world, &change);
	stored = contract_get(world, "m-1");
	contract_assert_same(&record, &stored);
	ck_assert_str_eq(stored.reason, change.testimony.reason);

	change = contract_next(TRANSITION_DRAIN, &record);
	change.last = true;
	record = contract_move(world, &change);
	stored = contract_get(world, "m-1");
	contract_assert_same(&record, &stored);
	ck_assert(stored.last);
}

void contract_shows_a_change_to_others_at_once(struct contract_world *world)
{
	_cleanup_(store_closep) struct store *other = contract_open(world);
	struct machine record = contract_idle(world, "m-1"), seen;
	struct change change = contract_next(TRANSITION_CLAIM, &record);

	assert_fine(world, store_get_one(other, "m-1", &seen, &world->fault));
	ck_assert_int_eq(seen.state, MACHINE_IDLE);
	record = contract_move(world, &change);
	assert_fine(world, store_get_one(other, "m-1", &seen, &world->fault));
	contract_assert_same(&record, &seen);
}

void contract_judges_each_change_by_itself(struct contract_world *world)
{
	struct machine claimed = contract_idle(world, "m-1");
	struct change changes[4] = { contract_next(TRANSITION_CLAIM, &claimed) };
	struct change_outcome outcomes[4];

	claimed = contract_move(world, &changes[0]);
	changes[1] = contract_create("m-2");
	changes[2] = contract_next(TRANSITION_RUN, &claimed);
	changes[2].seq++;
	changes[3] = contract_create("m-3");

	assert_fine(world,
		    world->store->ops->change(world->store, changes, 4, outcomes, &world->fault));
	ck_assert_int_eq(outcomes[0].result, CHANGE_ALREADY);
	ck_assert_int_eq(outcomes[1].result, CHANGE_DONE);
	ck_assert_str_eq(outcomes[1].record.id, "m-2");
	ck_assert_int_eq(outcomes[2].result, CHANGE_REFUSED);
	ck_assert_int_eq(outcomes[2].refusal, CONDITION_SEQ);
	ck_assert_int_eq(outcomes[3].result, CHANGE_DONE);
	ck_assert_int_eq(contract_get(world, "m-3").state, MACHINE_CREATED);
}

void contract_makes_a_whole_batch(struct contract_world *world)
{
	size_t n = STORE_BATCH_MAX;
	_cleanup_free_ struct change *changes = calloc(n, sizeof(*changes));
	_cleanup_free_ struct change_outcome *outcomes = calloc(n, sizeof(*outcomes));
	_cleanup_free_ struct machine *machines = calloc(n, sizeof(*machines));
	_cleanup_free_ const char **ids = calloc(n, sizeof(*ids));

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = str_format("m-%zu", i);

		changes[i] = contract_create(id);
		ids[i] = changes[i].id;
	}
	assert_fine(world,
		    world->store->ops->change(world->store, changes, n, outcomes, &world->fault));
	assert_fine(world, world->store->ops->get(world->store, ids, n, machines, &world->fault));
	for (size_t i = 0; i < n; i++) {
		if (outcomes[i].result != CHANGE_DONE || strcmp(machines[i].id, ids[i]) != 0)
			ck_abort_msg("%s was not made", ids[i]);
	}
}

void contract_takes_the_first_of_two_claims_in_a_batch(struct contract_world *world)
{
	struct machine idle = contract_idle(world, "m-1");
	struct change changes[2] = { contract_next(TRANSITION_CLAIM, &idle),
				     contract_next(TRANSITION_CLAIM, &idle) };
	struct change_outcome outcomes[2];

	ck_assert_int_eq(str_copy(changes[1].claimant.run_key, sizeof(changes[1].claimant.run_key),
				  CONTRACT_OTHER_RUN),
			 0);
	assert_fine(world,
		    world->store->ops->change(world->store, changes, 2, outcomes, &world->fault));
	ck_assert_int_eq(outcomes[0].result, CHANGE_DONE);
	ck_assert_int_eq(outcomes[1].result, CHANGE_REFUSED);
	ck_assert_str_eq(outcomes[1].record.run_key, CONTRACT_RUN);
}

void contract_shows_the_record_that_refused(struct contract_world *world)
{
	struct machine idle = contract_idle(world, "m-1"), nobody = { .id = "m-2" };
	struct change change = contract_next(TRANSITION_CLAIM, &idle);
	struct change_outcome outcome;
	struct machine claimed = contract_move(world, &change);

	ck_assert_int_eq(str_copy(change.claimant.run_key, sizeof(change.claimant.run_key),
				  CONTRACT_OTHER_RUN),
			 0);
	assert_fine(world, store_change_one(world->store, &change, &outcome, &world->fault));
	ck_assert_int_eq(outcome.result, CHANGE_REFUSED);
	contract_assert_same(&outcome.record, &claimed);

	change = contract_next(TRANSITION_CLAIM, &nobody);
	assert_fine(world, store_change_one(world->store, &change, &outcome, &world->fault));
	ck_assert_int_eq(outcome.result, CHANGE_REFUSED);
	ck_assert_int_eq(outcome.record.state, MACHINE_NONE);
}

void contract_changes_nothing_when_it_refuses(struct contract_world *world)
{
	struct machine idle = contract_idle(world, "m-1"), stored;
	struct change change = contract_next(TRANSITION_CLAIM, &idle);
	struct change_outcome outcome;

	change.seq++;
	change.claimant.reuse = REUSE_NEVER;
	fake_advance(&world->clock, 1000);
	assert_fine(world, store_change_one(world->store, &change, &outcome, &world->fault));
	ck_assert_int_eq(outcome.result, CHANGE_REFUSED);
	stored = contract_get(world, "m-1");
	contract_assert_same(&stored, &idle);
}

void contract_takes_a_change_twice_for_one(struct contract_world *world)
{
	struct machine record = contract_idle(world, "m-1"), stored;
	struct change change = contract_next(TRANSITION_CLAIM, &record);
	struct change_outcome outcome;

	record = contract_move(world, &change);
	fake_advance(&world->clock, 1000);
	assert_fine(world, store_change_one(world->store, &change, &outcome, &world->fault));
	ck_assert_int_eq(outcome.result, CHANGE_ALREADY);
	contract_assert_same(&outcome.record, &record);
	stored = contract_get(world, "m-1");
	contract_assert_same(&stored, &record);
}

void contract_refuses_a_change_without_sense(struct contract_world *world)
{
	struct change change = contract_create("../m-1");
	struct change_outcome outcome;

	ck_assert_int_eq(store_change_one(world->store, &change, &outcome, &world->fault), -EINVAL);
	change = contract_create("m-1");
	change.transition = _TRANSITION_MAX;
	ck_assert_int_eq(store_change_one(world->store, &change, &outcome, &world->fault), -EINVAL);
	ck_assert_int_eq(contract_get(world, "m-1").state, MACHINE_NONE);
}

void contract_counts_leases_from_its_own_now(struct contract_world *world)
{
	struct change change = contract_create("m-1");
	uint64_t now_ms = contract_now(world);
	struct machine record = contract_move(world, &change);

	ck_assert_uint_eq(record.created_ms, now_ms);
	ck_assert_uint_eq(record.threshold_ms, now_ms + contract_leases.boot_ms);

	fake_advance(&world->clock, 5000);
	change = contract_next(TRANSITION_READY, &record);
	record = contract_move(world, &change);
	ck_assert_uint_eq(record.threshold_ms, now_ms + 5000 + contract_leases.idle_ms);
}

void contract_lets_a_renewal_win_over_the_reaper(struct contract_world *world)
{
	struct change launch = contract_launch("m-1", CONTRACT_RUN), renewal, reaping;
	struct machine read = contract_move(world, &launch), renewed;
	struct change_outcome outcome;

	fake_advance(&world->clock, contract_leases.boot_ms + REAP_GRACE_MS + 1);
	reaping = contract_next(TRANSITION_TERMINATE, &read);
	reaping.ending = ENDING_EXPIRED;
	renewal = contract_next(TRANSITION_RENEW, &read);
	renewed = contract_move(world, &renewal);

	assert_fine(world, store_change_one(world->store, &reaping, &outcome, &world->fault));
	ck_assert_int_eq(outcome.result, CHANGE_REFUSED);
	ck_assert_int_eq(outcome.refusal, CONDITION_THRESHOLD);
	contract_assert_same(&outcome.record, &renewed);
}

void contract_now_goes_with_the_clock(struct contract_world *world)
{
	uint64_t before_ms = contract_now(world);

	ck_assert_uint_eq(before_ms, world->clock.now_wall_ms);
	fake_advance(&world->clock, 1234);
	ck_assert_uint_eq(contract_now(world), before_ms + 1234);
}

/* --- scanning -------------------------------------------------------------------------------- */

struct sightings {
	char ids[256];
	size_t stop_after;
	size_t n;
};

static int on_machine(const struct machine *machine, void *context)
{
	struct sightings *seen = context;
	size_t length = strlen(seen->ids);

	snprintf(seen->ids + length, sizeof(seen->ids) - length, "%s ", machine->id);
	return ++seen->n == seen->stop_after ? -ECANCELED : 0;
}

static void assert_scan(struct contract_world *world, const struct machine_filter *filter,
			const char *ids)
{
	struct sightings seen = {};
	size_t expected = 0;

	assert_fine(world, world->store->ops->scan(world->store, filter, on_machine, &seen,
						   &world->fault));
	for (const char *space = strchr(ids, ' '); space; space = strchr(space + 1, ' '))
		expected++;
	ck_assert_msg(seen.n == expected, "scanned '%s', not '%s'", seen.ids, ids);
	for (const char *id = ids; *id; id = strchr(id, ' ') + 1) {
		char word[16];

		snprintf(word, sizeof(word), "%.*s", (int)(strchr(id, ' ') - id + 1), id);
		ck_assert_msg(strstr(seen.ids, word), "scanned '%s', not '%s'", seen.ids, ids);
	}
}

void contract_scans_by_filter(struct contract_world *world)
{
	static const struct {
		struct machine_filter filter;
		const char *ids;
	} cases[] = {
		{ {}, "idle other created claimed " },
		{ { .states = 1U << MACHINE_IDLE }, "idle other " },
		{ { .states = 1U << MACHINE_CREATED | 1U << MACHINE_CLAIMED }, "created claimed " },
		{ { .states = 1U << MACHINE_TERMINATED }, "" },
		{ { .states = 1U << MACHINE_NONE }, "" },
		{ { .class_name = "xlarge" }, "other " },
		{ { .class_name = "nothing" }, "" },
		{ { .class_name = "large", .states = 1U << MACHINE_IDLE }, "idle " },
		{ { .run_key = CONTRACT_RUN }, "claimed " },
		{ { .run_key = CONTRACT_OTHER_RUN }, "" },
		{ { .provider = "ec2" }, "other " },
		{ { .provider = "local",
		    .class_name = "large",
		    .run_key = CONTRACT_RUN,
		    .states = 1U << MACHINE_CLAIMED },
		  "claimed " },
		{ { .provider = "ec2", .run_key = CONTRACT_RUN }, "" },
	};
	struct change change = contract_create("other");
	struct machine record;

	contract_idle(world, "idle");
	change.birth = (struct machine){ .class_name = "xlarge", .provider = "ec2" };
	record = contract_move(world, &change);
	change = contract_next(TRANSITION_READY, &record);
	contract_move(world, &change);
	change = contract_create("created");
	contract_move(world, &change);
	change = contract_launch("claimed", CONTRACT_RUN);
	contract_move(world, &change);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_scan(world, &cases[i].filter, cases[i].ids);
}

void contract_scans_nothing_of_nothing(struct contract_world *world)
{
	assert_scan(world, &(struct machine_filter){}, "");
}

void contract_stops_a_scan_on_request(struct contract_world *world)
{
	struct sightings seen = { .stop_after = 2 };
	const struct machine_filter all = {};

	contract_idle(world, "m-1");
	contract_idle(world, "m-2");
	contract_idle(world, "m-3");
	ck_assert_int_eq(
		world->store->ops->scan(world->store, &all, on_machine, &seen, &world->fault),
		-ECANCELED);
	ck_assert_uint_eq(seen.n, 2);
	/* And the store can be used again. */
	assert_scan(world, &all, "m-1 m-2 m-3 ");
}

/* --- the end --------------------------------------------------------------------------------- */

static struct machine terminated(struct contract_world *world, const char *id)
{
	struct machine record = contract_idle(world, id);
	struct change change = contract_next(TRANSITION_TERMINATE, &record);

	return contract_move(world, &change);
}

void contract_forgets_only_what_is_terminated(struct contract_world *world)
{
	struct machine idle = contract_idle(world, "m-1");
	struct machine ended = terminated(world, "m-2");
	const struct store_ops *ops = world->store->ops;

	ck_assert_int_eq(ops->forget(world->store, "m-1", idle.seq, &world->fault), STORE_REFUSED);
	ck_assert_int_eq(ops->forget(world->store, "m-2", ended.seq - 1, &world->fault),
			 STORE_REFUSED);
	ck_assert_int_eq(contract_get(world, "m-1").state, MACHINE_IDLE);
	ck_assert_int_eq(contract_get(world, "m-2").state, MACHINE_TERMINATED);
	assert_fine(world, ops->forget(world->store, "m-2", ended.seq, &world->fault));
	ck_assert_int_eq(contract_get(world, "m-2").state, MACHINE_NONE);
}

void contract_forgets_twice(struct contract_world *world)
{
	struct machine ended = terminated(world, "m-1");
	const struct store_ops *ops = world->store->ops;

	assert_fine(world, ops->forget(world->store, "m-1", ended.seq, &world->fault));
	assert_fine(world, ops->forget(world->store, "m-1", ended.seq, &world->fault));
}

void contract_bears_a_machine_again(struct contract_world *world)
{
	struct machine ended = terminated(world, "m-1");
	struct change change = contract_create("m-1");

	assert_fine(world,
		    world->store->ops->forget(world->store, "m-1", ended.seq, &world->fault));
	contract_move(world, &change);
	assert_scan(world, &(struct machine_filter){ .class_name = "large" }, "m-1 ");
}

void contract_describes_itself_in_a_line(struct contract_world *world)
{
	char text[512] = "", shorter[10];

	contract_idle(world, "m-1");
	assert_fine(world,
		    world->store->ops->describe(world->store, text, sizeof(text), &world->fault));
	ck_assert_ptr_nonnull(strstr(text, "1 machine"));
	ck_assert_ptr_null(strchr(text, '\n'));
	assert_fine(world, world->store->ops->describe(world->store, shorter, sizeof(shorter),
						       &world->fault));
	ck_assert_uint_eq(strlen(shorter), sizeof(shorter) - 1);
}
