/* SQLite passes the contract. What is its own stands in the other test-sqlite-*.c. */

#include "common/base/io.h"
#include "common/store/store-sqlite.h"
#include "tests/store-contract.h"

static void *place_new(void)
{
	return tree_new();
}

static struct store *place_open(void *place, const struct clock *clock)
{
	const struct tree *tree = place;
	_cleanup_free_ char *address = str_format("sqlite:%s/paddock.db", tree->path);
	struct fault fault = {};
	struct store *store;
	int r;

	r = store_open(address, true, clock, &store, &fault);
	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
	return store;
}

static void place_free(void *place)
{
	tree_free(place);
}

static const struct contract_factory factory = { place_new, place_open, place_free };

#define RUN(contract)                                        \
	START_TEST(contract)                                 \
	{                                                    \
		contract_run(&factory, contract_##contract); \
	}                                                    \
	END_TEST
STORE_CONTRACTS(RUN)

#define NAME(contract) contract,
TEST_MAIN(STORE_CONTRACTS(NAME))
