/* The simulator's store passes the contract, as far as one process can: the contracts of many
 * processes are left out, because its memory is one process's own. */

#include "tests/sim/store-memory.h"
#include "tests/store-contract.h"

static void *place_new(void)
{
	struct memory_db *db = memory_db_new();

	ck_assert_ptr_nonnull(db);
	return db;
}

static struct store *place_open(void *place, const struct clock *clock)
{
	struct store *store = store_memory_open(place, clock);

	ck_assert_ptr_nonnull(store);
	return store;
}

static void place_free(void *place)
{
	memory_db_free(place);
}

static const struct contract_factory factory = { place_new, place_open, place_free };

#define RUN(contract)                                        \
	START_TEST(contract)                                 \
	{                                                    \
		contract_run(&factory, contract_##contract); \
	}                                                    \
	END_TEST
STORE_CONTRACTS_OF_ONE_PROCESS(RUN)

#define NAME(contract) contract,
TEST_MAIN(STORE_CONTRACTS_OF_ONE_PROCESS(NAME))
