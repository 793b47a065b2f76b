/* DynamoDB passes the contract of a store: each test has a table of its own on the peer that the
 * environment names. Nothing rings there. */

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

#define RUN(contract)                                        \
	START_TEST(contract)                                 \
	{                                                    \
		contract_run(&factory, contract_##contract); \
	}                                                    \
	END_TEST
STORE_CONTRACTS_OF_ONE_PROCESS(RUN)
STORE_CONTRACTS_OF_MANY(RUN)

#define NAME(contract) contract,
TEST_MAIN(STORE_CONTRACTS_OF_ONE_PROCESS(NAME) STORE_CONTRACTS_OF_MANY(NAME))
