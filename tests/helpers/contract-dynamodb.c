/* DynamoDB passes the contract of a store: each test has a table of its own on the peer that the
 * environment names. Nothing rings there. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aws/call.h"
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

/* A clock of which somebody makes use: at its n-th reading a rival claims the machine. */
struct rival_clock {
	struct clock clock;
	const struct clock *inner;
	struct store *rival;
	struct change change;
	struct change_outcome outcome;
	unsigned left; /* readings until then */
};

static uint64_t rival_wall_ms(const struct clock *clock)
{
	/* It belongs to the test, which did not make it const. */
	struct rival_clock *c =
		(struct rival_clock *)container_of(clock, struct rival_clock, clock);

	if (c->left > 0 && --c->left == 0)
		ck_assert_int_eq(store_change_one(c->rival, &c->change, &c->outcome, NULL), 0);
	return clock_wall_ms(c->inner);
}

static uint64_t rival_boot_usec(const struct clock *clock)
{
	return clock_boot_usec(container_of(clock, const struct rival_clock, clock)->inner);
}

static int rival_sleep_until(const struct clock *clock, uint64_t boot_usec)
{
	const struct rival_clock *c = container_of(clock, const struct rival_clock, clock);

	return c->inner->ops->sleep_until(c->inner, boot_usec);
}

static const struct clock_ops rival_ops = {
	.name = "rival",
	.wall_ms = rival_wall_ms,
	.boot_usec = rival_boot_usec,
	.sleep_until = rival_sleep_until,
};

static void judges_anew(struct contract_world *world)
{
	enum { READINGS = 8 };
	struct rival_clock clock = {
		.clock.ops = &rival_ops,
		.inner = &world->clock.clock,
		.rival = world->store,
	};
	struct store *store = place_open(world->place, &clock.clock);
	unsigned lost = 0;

	for (unsigned i = 0; i < READINGS; i++) {
		_cleanup_free_ char *id = str_format("m-%u", i);
		struct machine idle = contract_idle(world, id);
		struct change ours = contract_next(TRANSITION_CLAIM, &idle);
		struct change_outcome outcome;

		clock.change = ours;
		ck_assert_int_eq(
			str_copy(clock.change.claimant.run_key, RUN_KEY_MAX, CONTRACT_OTHER_RUN),
			0);
		clock.left = i + 1;
		assert_fine(world, store_change_one(store, &ours, &outcome, &world->fault));
		if (clock.left > 0) /* it came too late to meet anybody */
			continue;
		ck_assert_int_ne(outcome.result == CHANGE_DONE,
				 clock.outcome.result == CHANGE_DONE);
		lost += outcome.result == CHANGE_REFUSED;
	}
	/* At least between its reading of the record, its judgement and its writing. */
	ck_assert_uint_ge(lost, 2);
	store_close(store);
}

START_TEST(judges_anew_what_moved_before_it_was_written)
{
	contract_run(&factory, judges_anew);
}
END_TEST

static int count_item(const struct item *item, void *context)
{
	size_t *n = context;

	ck_assert_str_eq(item->partition, "p");
	(*n)++;
	return 0;
}

/* A page of the service is 1 MB. */
static void turns_pages(struct contract_world *world)
{
	_cleanup_free_ char *body = calloc(1, 250001);
	size_t n = 0;

	ck_assert_ptr_nonnull(body);
	memset(body, '1', 250000);
	for (int i = 0; i < 6; i++) {
		_cleanup_free_ char *kind = str_format("kind-%d", i);
		_cleanup_item_ struct item item = contract_item("p", kind, 0, body);

		assert_fine(world,
			    world->store->ops->item_put(world->store, &item, NULL, &world->fault));
	}
	assert_fine(world, world->store->ops->item_scan(world->store, "p", NULL, count_item, &n,
							&world->fault));
	ck_assert_uint_eq(n, 6);
	n = 0;
	assert_fine(world, world->store->ops->item_scan(world->store, NULL, NULL, count_item, &n,
							&world->fault));
	ck_assert_uint_eq(n, 6);
}

START_TEST(shows_what_takes_more_than_a_page)
{
	contract_run(&factory, turns_pages);
}
END_TEST

static int ask_while_scanning(_unused_ const struct machine *machine, void *context)
{
	struct contract_world *world = context;
	uint64_t now_ms;

	return world->store->ops->now(world->store, &now_ms, &world->fault);
}

static void is_one_process(struct contract_world *world)
{
	const struct machine_filter everything = {};
	uint64_t now_ms;
	int status;
	pid_t child;

	contract_idle(world, "m-1");
	ck_assert_int_eq(world->store->ops->scan(world->store, &everything, ask_while_scanning,
						 world, &world->fault),
			 -EDEADLK);
	assert_fine(world, world->store->ops->now(world->store, &now_ms, &world->fault));

	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(world->store->ops->now(world->store, &now_ms, &world->fault) == -ECHILD ? 0
											      : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(is_used_by_one_process_and_not_while_it_scans)
{
	contract_run(&factory, is_one_process);
}
END_TEST

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

START_TEST(refuses_a_table_with_other_keys)
{
	const struct aws_options aws_options = { .env = get_env, .clock = &clock_system };
	struct dynamodb_options options = { .table = "somebodys", .clock = &clock_system };
	_cleanup_aws_call_ struct aws_call call = {};
	struct fault fault = {};
	struct store *store;
	struct aws *aws;

	ck_assert_int_eq(aws_open(&aws_options, &aws, &fault), 0);
	aws_call_init(&call, AWS_DYNAMODB, "CreateTable", 1000);
	ck_assert_int_eq(
		buf_add_text(&call.body,
			     "{\"TableName\":\"somebodys\",\"BillingMode\":\"PAY_PER_REQUEST\","
			     "\"AttributeDefinitions\":[{\"AttributeName\":\"id\","
			     "\"AttributeType\":\"S\"}],"
			     "\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}]}"),
		0);
	ck_assert_int_eq(aws_call(aws, &call, &fault), 0);
	aws_close(aws);
	ck_assert_int_eq(store_dynamodb_open(&options, &store, &fault), -EMEDIUMTYPE);
	ck_assert_ptr_nonnull(strstr(fault.text, "other keys"));
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
	  makes_changes_of_one_machine_in_their_order, judges_anew_what_moved_before_it_was_written,
	  shows_what_takes_more_than_a_page, is_used_by_one_process_and_not_while_it_scans,
	  refuses_a_table_with_other_keys, says_what_to_do_without_a_table)
