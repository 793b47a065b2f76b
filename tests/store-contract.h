#pragma once

/*
 * What store.h promises, as tests by name. A store passes the suite by naming how a fresh one is
 *had:
 *
 *	static const struct contract_factory factory = { … };
 *	#define RUN(contract) START_TEST(contract) { contract_run(&factory, contract_##contract); }
 *	STORE_CONTRACTS(RUN)
 */

#include "common/store/store.h"
#include "tests/fake-clock.h"
#include "tests/test.h"

struct contract_factory {
	/* Where a new and empty store can be; the store's clock is driven by the fake one. */
	void *(*place_new)(void);
	/* Another connection to the store of that place; each process has its own. */
	struct store *(*open)(void *place, const struct clock *clock);
	void (*place_free)(void *place);
};

struct contract_world {
	const struct contract_factory *factory;
	void *place;
	struct fake_clock clock;
	struct store *store;
	struct fault fault;
};

typedef void contract_fn(struct contract_world *world);
void contract_run(const struct contract_factory *factory, contract_fn *contract);

struct store *contract_open(struct contract_world *world);

/* Asserts success and shows the fault otherwise. */
#define assert_fine(world, r)                                                                  \
	do {                                                                                   \
		int _r = (r);                                                                  \
		ck_assert_msg(_r == 0, "%s: %d: %s", #r, _r, fault_text(&(world)->fault, _r)); \
	} while (0)

/* --- changes that fit together --------------------------------------------------------------- */

#define CONTRACT_RUN "17-1-default"
#define CONTRACT_OTHER_RUN "18-1-default"
#define CONTRACT_BOOT "boot-1"

extern const struct leases contract_leases;

struct change contract_create(const char *id);
struct change contract_launch(const char *id, const char *run_key);
/* The next step of a machine from what stands in the record. */
struct change contract_next(enum transition transition, const struct machine *record);

/* Makes one change, asserts that it was made, and returns the record. */
struct machine contract_move(struct contract_world *world, const struct change *change);
/* A machine that waits in the pool. */
struct machine contract_idle(struct contract_world *world, const char *id);
struct machine contract_get(struct contract_world *world, const char *id);
uint64_t contract_now(struct contract_world *world);
/* All fields of both, by machine_fields[]. */
void contract_assert_same(const struct machine *a, const struct machine *b);

struct item contract_item(const char *partition, const char *kind, uint64_t revision,
			  const char *body);

#define STORE_CONTRACTS_OF_ONE_PROCESS(X)             \
	/* machines */                                \
	X(gets_records_in_the_order_of_ids)           \
	X(gets_nothing_for_no_ids)                    \
	X(refuses_more_than_a_batch)                  \
	X(keeps_every_field)                          \
	X(shows_a_change_to_others_at_once)           \
	X(judges_each_change_by_itself)               \
	X(makes_a_whole_batch)                        \
	X(takes_the_first_of_two_claims_in_a_batch)   \
	X(shows_the_record_that_refused)              \
	X(changes_nothing_when_it_refuses)            \
	X(takes_a_change_twice_for_one)               \
	X(refuses_a_change_without_sense)             \
	X(counts_leases_from_its_own_now)             \
	X(lets_a_renewal_win_over_the_reaper)         \
	X(now_goes_with_the_clock)                    \
	X(scans_by_filter)                            \
	X(scans_nothing_of_nothing)                   \
	X(stops_a_scan_on_request)                    \
	X(forgets_only_what_is_terminated)            \
	X(forgets_twice)                              \
	X(bears_a_machine_again)                      \
	X(describes_itself_in_a_line)                 \
	/* beats */                                   \
	X(writes_a_beat_and_returns_the_record)       \
	X(leaves_the_fenced_part_alone_at_a_beat)     \
	X(accepts_no_beat_without_a_record)           \
	X(accepts_no_beat_of_the_terminated)          \
	X(lets_a_new_boot_speak_only_after_silence)   \
	X(takes_a_beat_twice_for_one)                 \
	X(keeps_the_reason_of_a_beat_that_gives_none) \
	X(cuts_the_reason_of_a_beat_to_the_record)    \
	X(refuses_a_beat_without_sense)               \
	/* items */                                   \
	X(gives_an_item_back)                         \
	X(has_no_item_before_it_is_put)               \
	X(puts_only_over_the_revision_that_was_read)  \
	X(shows_the_item_that_refused)                \
	X(takes_a_put_twice_for_one)                  \
	X(puts_nothing_over_what_is_gone)             \
	X(limits_the_body)                            \
	X(refuses_an_item_without_a_name)             \
	X(removes_the_revision_that_was_read)         \
	X(removes_twice)                              \
	X(treats_the_expired_as_absent)               \
	X(keeps_items_of_machines_apart)              \
	X(scans_items_by_partition_and_kind)          \
	X(stops_an_item_scan_on_request)              \
	X(purges_only_what_has_expired)

#define STORE_CONTRACTS_OF_MANY(X)             \
	/* rivals */                           \
	X(gives_each_claim_to_one_of_eight)    \
	X(counts_right_with_eight_writers)     \
	X(bears_all_machines_of_eight_parents) \
	X(lets_one_of_eight_make_an_item)

/* Of a store that can be watched. */
#define STORE_CONTRACTS_OF_A_BELL(X)              \
	X(rings_when_another_changes_the_machine) \
	X(does_not_ring_for_other_machines)

#define STORE_CONTRACTS(X)                \
	STORE_CONTRACTS_OF_ONE_PROCESS(X) \
	STORE_CONTRACTS_OF_MANY(X)        \
	STORE_CONTRACTS_OF_A_BELL(X)

#define CONTRACT_DECLARE(name) contract_fn contract_##name;
STORE_CONTRACTS(CONTRACT_DECLARE)
