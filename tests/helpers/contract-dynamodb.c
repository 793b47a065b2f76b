/* DynamoDB passes the contract of a store: each test has a table of its own on the peer that the
 * environment names. Nothing rings there. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/io.h"
#include "common/store/store-dynamodb.h"
#include "tests/store-contract.h"

struct place {
	char *table; /* owned */
};

static void *place_new(void)
{
	struct place *place = calloc(1, sizeof(*place));

	ck_assert_ptr_nonnull(place);
	/* Each test is a process of its own. */
	place->table = str_format("contract-%d", (int)getpid());
	ck_assert_ptr_nonnull(place->table);
	return place;
}

static struct dynamodb_options options_of(const struct place *place, const struct clock *clock)
{
	return (struct dynamodb_options){
		.table = place->table,
		.create = true,
		.clock = clock,
		.own_clock = true,
	};
}

static struct store *place_open(void *place, const struct clock *clock)
{
	struct dynamodb_options options = options_of(place, clock);
	struct fault fault = {};
	struct store *store;
	int r = store_dynamodb_open(&options, &store, &fault);

	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
	return store;
}

static void place_free(void *context)
{
	struct place *place = context;
	struct dynamodb_options options = options_of(place, &clock_system);
	struct fault fault = {};
	int r = store_dynamodb_destroy(&options, &fault);

	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
	free(place->table);
	free(place);
}

static const struct contract_factory factory = { place_new, place_open, place_free };

/* --- its own --------------------------------------------------------------------------------- */

static void costs(struct contract_world *world)
{
	struct machine record = contract_idle(world, "m-1");
	struct beat beat = { .id = "m-1", .phase = PHASE_READY, .period_ms = 5000 };
	struct dynamodb_usage before, after;
	struct beat_answer answer;

	memcpy(beat.boot_id, record.boot_id, sizeof(beat.boot_id));
	before = store_dynamodb_usage(world->store);
	assert_fine(world, world->store->ops->beat(world->store, &beat, &answer, &world->fault));
	after = store_dynamodb_usage(world->store);
	ck_assert(answer.accepted);
	ck_assert_uint_eq(after.calls - before.calls, 1);
	ck_assert_uint_eq(after.capacity_milli - before.capacity_milli, 1000);
}

START_TEST(a_beat_is_one_call_and_one_write_unit)
{
	contract_run(&factory, costs);
}
END_TEST

/* More than one batch, and more than the exchanges under way at once. */
static void makes_many(struct contract_world *world)
{
	enum { MANY = 250 };
	struct change *changes = calloc(MANY, sizeof(*changes));
	struct change_outcome *outcomes = calloc(MANY, sizeof(*outcomes));
	const char *ids[MANY];
	struct machine rows[MANY];

	ck_assert(changes && outcomes);
	for (size_t i = 0; i < MANY; i++) {
		_cleanup_free_ char *id = str_format("m-%zu", i);

		changes[i] = contract_create(id);
		ids[i] = changes[i].id;
	}
	assert_fine(world, world->store->ops->change(world->store, changes, MANY, outcomes,
						     &world->fault));
	assert_fine(world, world->store->ops->get(world->store, ids, MANY, rows, &world->fault));
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_int_eq(outcomes[i].result, CHANGE_DONE);
		ck_assert_str_eq(rows[i].id, ids[i]);
		ck_assert_int_eq(rows[i].state, MACHINE_CREATED);
	}
	free(changes);
	free(outcomes);
}

START_TEST(makes_and_reads_more_than_a_batch_of_the_service)
{
	contract_run(&factory, makes_many);
}
END_TEST

/* Requests overtake each other; changes of one machine must not. */
static void keeps_order(struct contract_world *world)
{
	enum { MACHINES = 30 };
	struct change *changes = calloc(2 * (size_t)MACHINES, sizeof(*changes));
	struct change_outcome *outcomes = calloc(2 * (size_t)MACHINES, sizeof(*outcomes));

	ck_assert(changes && outcomes);
	for (size_t i = 0; i < MACHINES; i++) {
		_cleanup_free_ char *id = str_format("m-%zu", i);
		struct machine idle = contract_idle(world, id);

		changes[i] = contract_next(TRANSITION_CLAIM, &idle);
		changes[MACHINES + i] = changes[i];
		ck_assert_int_eq(str_copy(changes[MACHINES + i].claimant.run_key, RUN_KEY_MAX,
					  CONTRACT_OTHER_RUN),
				 0);
	}
	assert_fine(world, world->store->ops->change(world->store, changes, 2 * (size_t)MACHINES,
						     outcomes, &world->fault));
	for (size_t i = 0; i < MACHINES; i++) {
		ck_assert_int_eq(outcomes[i].result, CHANGE_DONE);
		ck_assert_int_eq(outcomes[MACHINES + i].result, CHANGE_REFUSED);
	}
	free(changes);
	free(outcomes);
}

START_TEST(makes_changes_of_one_machine_in_their_order)
{
	contract_run(&factory, keeps_order);
}
END_TEST

START_TEST(says_what_to_do_without_a_table)
{
	struct dynamodb_options options = { .table = "no-such-table", .clock = &clock_system };
	struct fault fault = {};
	struct store *store;

	ck_assert_int_eq(store_dynamodb_open(&options, &store, &fault), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fault.text, "there is no table no-such-table in "));
	ck_assert_ptr_nonnull(strstr(fault.cure, "paddock refresh"));
}
END_TEST

#define RUN(contract)                                        \
	START_TEST(contract)                                 \
	{                                                    \
		contract_run(&factory, contract_##contract); \
	}                                                    \
	END_TEST
STORE_CONTRACTS_OF_ONE_PROCESS(RUN)
STORE_CONTRACTS_OF_MANY(RUN)

#define NAME(contract) contract,
TEST_MAIN(STORE_CONTRACTS_OF_ONE_PROCESS(NAME) STORE_CONTRACTS_OF_MANY(NAME)
		  a_beat_is_one_call_and_one_write_unit,
	  makes_and_reads_more_than_a_batch_of_the_service,
	  makes_changes_of_one_machine_in_their_order, says_what_to_do_without_a_table)
