#include <errno.h>
#include <string.h>

#include "agent/lifecycle.h"
#include "tests/test.h"

#define BOOT "11111111-2222-4333-8444-555555555555"
#define OTHER_BOOT "99999999-2222-4333-8444-555555555555"

/* --- every cell ------------------------------------------------------------------------------ */

#define S(name) (1U << AGENT_##name)
#define CLAIM_STATES (S(REGISTERING) | S(ANNOUNCING) | S(LISTENING) | S(BUSY))
#define UNCLAIMED_STATES (S(READYING) | S(READY))
#define ENDING_STATES (S(STOPPING) | S(CLEANING) | S(CLEAN))
#define STAYS _AGENT_STATE_MAX /* the next state is the one it was in */

/* What must happen, event by event, as design and protocol want it. A cell that is named nowhere
 * must be empty. */
static const struct {
	enum agent_event event;
	unsigned states;
	enum agent_state next;
	unsigned actions;
	enum ending ending;
} expected[] = {
	/* A machine without a record waits for it at first; later it has no business here. */
	{ EVENT_RECORD_NONE, UNCLAIMED_STATES | CLAIM_STATES | ENDING_STATES, AGENT_ENDED,
	  ACTION_EXIT, ENDING_FENCED },
	{ EVENT_RECORD_NONE, S(LEAVING), AGENT_ENDED, ACTION_EXIT, ENDING_NONE },

	/* Somebody ended it, or it is another's: nothing is written, from anywhere. */
	{ EVENT_RECORD_TERMINATED, S(BOOTING) | UNCLAIMED_STATES | CLAIM_STATES | ENDING_STATES,
	  AGENT_ENDED, ACTION_EXIT, ENDING_FENCED },
	{ EVENT_RECORD_TERMINATED, S(LEAVING), AGENT_ENDED, ACTION_EXIT, ENDING_NONE },
	{ EVENT_RECORD_FOREIGN, S(BOOTING) | UNCLAIMED_STATES | CLAIM_STATES | ENDING_STATES,
	  AGENT_ENDED, ACTION_EXIT, ENDING_FENCED },
	{ EVENT_RECORD_FOREIGN, S(LEAVING), AGENT_ENDED, ACTION_EXIT, ENDING_NONE },

	{ EVENT_RECORD_CREATED, S(BOOTING), AGENT_READYING, ACTION_ADOPT | ACTION_WRITE_READY,
	  ENDING_NONE },
	{ EVENT_RECORD_CREATED, S(READYING), STAYS, ACTION_WRITE_READY, ENDING_NONE },
	{ EVENT_RECORD_CREATED, S(STOPPING) | S(CLEANING), STAYS, ACTION_WRITE_WITHDRAW,
	  ENDING_NONE },
	{ EVENT_RECORD_CREATED, S(LEAVING), STAYS, ACTION_WRITE_WITHDRAW | ACTION_WRITE_END,
	  ENDING_NONE },

	{ EVENT_RECORD_IDLE, S(BOOTING), AGENT_READY, ACTION_ADOPT, ENDING_NONE },
	{ EVENT_RECORD_IDLE, S(READYING) | S(CLEAN), AGENT_READY, 0, ENDING_NONE },
	{ EVENT_RECORD_IDLE, CLAIM_STATES, AGENT_ENDED, ACTION_EXIT, ENDING_FENCED },
	{ EVENT_RECORD_IDLE, S(STOPPING) | S(CLEANING), STAYS, ACTION_WRITE_WITHDRAW, ENDING_NONE },
	{ EVENT_RECORD_IDLE, S(LEAVING), STAYS, ACTION_WRITE_WITHDRAW | ACTION_WRITE_END,
	  ENDING_NONE },

	/* A claim is served where the machine is free, and handed back where it is leaving. */
	{ EVENT_RECORD_CLAIMED, S(BOOTING) | UNCLAIMED_STATES | S(CLEAN), AGENT_REGISTERING,
	  ACTION_ADOPT | ACTION_TAKE, ENDING_NONE },
	{ EVENT_RECORD_CLAIMED, S(STOPPING) | S(CLEANING), STAYS, ACTION_ADOPT | ACTION_WRITE_DRAIN,
	  ENDING_NONE },
	{ EVENT_RECORD_CLAIMED, S(LEAVING), STAYS,
	  ACTION_ADOPT | ACTION_WRITE_DRAIN | ACTION_WRITE_END, ENDING_NONE },

	/* Still as it was before our last write: that is repeated. */
	{ EVENT_RECORD_HELD, S(REGISTERING), STAYS, ACTION_TAKE, ENDING_NONE },
	{ EVENT_RECORD_HELD, S(ANNOUNCING), STAYS, ACTION_WRITE_RUN, ENDING_NONE },
	{ EVENT_RECORD_HELD, S(LISTENING), STAYS, ACTION_FETCH, ENDING_NONE },
	{ EVENT_RECORD_HELD, S(STOPPING) | S(CLEANING), STAYS, ACTION_WRITE_DRAIN, ENDING_NONE },
	{ EVENT_RECORD_HELD, S(CLEAN), STAYS, ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER,
	  ENDING_NONE },
	{ EVENT_RECORD_HELD, S(LEAVING), STAYS, ACTION_WRITE_DRAIN | ACTION_WRITE_END,
	  ENDING_NONE },

	{ EVENT_RECORD_RUNNING, S(BOOTING), AGENT_STOPPING,
	  ACTION_ADOPT | ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_STOP, ENDING_NONE },

	{ EVENT_RECORD_DRAINING, S(BOOTING) | UNCLAIMED_STATES, AGENT_STOPPING,
	  ACTION_ADOPT | ACTION_STOP, ENDING_NONE },
	{ EVENT_RECORD_DRAINING, CLAIM_STATES, AGENT_STOPPING, ACTION_STOP, ENDING_NONE },
	{ EVENT_RECORD_DRAINING, S(STOPPING) | S(CLEANING), STAYS,
	  ACTION_ADOPT | ACTION_WRITE_DRAIN, ENDING_NONE },
	{ EVENT_RECORD_DRAINING, S(CLEAN), STAYS, ACTION_ADOPT | ACTION_WRITE_OFFER, ENDING_NONE },
	{ EVENT_RECORD_DRAINING, S(LEAVING), STAYS,
	  ACTION_ADOPT | ACTION_WRITE_DRAIN | ACTION_WRITE_END, ENDING_NONE },

	{ EVENT_TAKEN, S(REGISTERING), AGENT_ANNOUNCING, ACTION_WRITE_RUN, ENDING_NONE },
	{ EVENT_TAKE_FAILED, S(REGISTERING) | S(LISTENING), AGENT_STOPPING,
	  ACTION_WRITE_DRAIN | ACTION_STOP, ENDING_NONE },

	/* Fetched is on record as running: it is started or reported. */
	{ EVENT_JOB_WAITING, S(LISTENING), AGENT_BUSY, ACTION_START, ENDING_NONE },
	{ EVENT_JOB_WAITING, S(STOPPING) | S(CLEANING), STAYS, ACTION_REPORT, ENDING_NONE },
	{ EVENT_JOB_ENDED, S(BUSY), AGENT_LISTENING, ACTION_REPORT | ACTION_FETCH, ENDING_NONE },
	{ EVENT_JOB_ENDED, S(STOPPING), STAYS, ACTION_REPORT, ENDING_NONE },

	{ EVENT_STOPPED, S(STOPPING), AGENT_CLEANING, ACTION_CLEAN, ENDING_NONE },
	{ EVENT_CLEANED, S(CLEANING), AGENT_CLEAN, ACTION_WRITE_OFFER, ENDING_NONE },
	{ EVENT_DIRTY, ENDING_STATES, AGENT_LEAVING, ACTION_WRITE_END, ENDING_FAILED },

	{ EVENT_WRITTEN, S(READYING) | S(CLEAN), AGENT_READY, 0, ENDING_NONE },
	{ EVENT_WRITTEN, S(ANNOUNCING), AGENT_LISTENING, ACTION_FETCH, ENDING_NONE },
	{ EVENT_WRITTEN, S(LEAVING), AGENT_ENDED, ACTION_EXIT, ENDING_NONE },

	{ EVENT_TERM, S(BOOTING), AGENT_ENDED, ACTION_EXIT, ENDING_FENCED },
	{ EVENT_TERM, UNCLAIMED_STATES, AGENT_STOPPING,
	  ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP, ENDING_NONE },
	{ EVENT_TERM, CLAIM_STATES, AGENT_STOPPING, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_STOP,
	  ENDING_NONE },
	{ EVENT_TERM, S(STOPPING) | S(CLEANING), STAYS, ACTION_LAST | ACTION_WRITE_DRAIN,
	  ENDING_NONE },
	{ EVENT_TERM, S(CLEAN), STAYS, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER,
	  ENDING_NONE },

	/* A notice is a SIGTERM, but for the job that runs. */
	{ EVENT_NOTICE, S(BOOTING) | S(BUSY), STAYS, ACTION_LAST, ENDING_NONE },
	{ EVENT_NOTICE, UNCLAIMED_STATES, AGENT_STOPPING,
	  ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP, ENDING_NONE },
	{ EVENT_NOTICE, S(REGISTERING) | S(ANNOUNCING) | S(LISTENING), AGENT_STOPPING,
	  ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_STOP, ENDING_NONE },
	{ EVENT_NOTICE, S(STOPPING) | S(CLEANING), STAYS, ACTION_LAST | ACTION_WRITE_DRAIN,
	  ENDING_NONE },
	{ EVENT_NOTICE, S(CLEAN), STAYS, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER,
	  ENDING_NONE },

	/* A recommendation ends only what serves nobody. */
	{ EVENT_REBALANCE, S(BOOTING) | CLAIM_STATES, STAYS, ACTION_LAST, ENDING_NONE },
	{ EVENT_REBALANCE, UNCLAIMED_STATES, AGENT_STOPPING,
	  ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP, ENDING_NONE },
	{ EVENT_REBALANCE, S(STOPPING) | S(CLEANING), STAYS, ACTION_LAST | ACTION_WRITE_DRAIN,
	  ENDING_NONE },
	{ EVENT_REBALANCE, S(CLEAN), STAYS, ACTION_LAST | ACTION_WRITE_DRAIN | ACTION_WRITE_OFFER,
	  ENDING_NONE },

	{ EVENT_THRESHOLD, UNCLAIMED_STATES, AGENT_STOPPING,
	  ACTION_LAST | ACTION_WRITE_WITHDRAW | ACTION_STOP, ENDING_NONE },
	{ EVENT_THRESHOLD, CLAIM_STATES, AGENT_STOPPING, ACTION_WRITE_DRAIN | ACTION_STOP,
	  ENDING_NONE },

	{ EVENT_DEADLINE, S(BOOTING), AGENT_ENDED, ACTION_EXIT, ENDING_FENCED },
	{ EVENT_DEADLINE, UNCLAIMED_STATES | CLAIM_STATES, AGENT_ENDED,
	  ACTION_WRITE_END | ACTION_EXIT, ENDING_FENCED },
	{ EVENT_DEADLINE, ENDING_STATES, AGENT_ENDED, ACTION_WRITE_END | ACTION_EXIT,
	  ENDING_FAILED },
	{ EVENT_DEADLINE, S(LEAVING), AGENT_ENDED, ACTION_EXIT, ENDING_NONE },
};

static void check_cell(enum agent_state state, enum agent_event event)
{
	const struct lifecycle_row *row = &lifecycle_rows[state][event];
	const char *from = agent_state_names[state], *on = agent_event_names[event];
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		enum agent_state next = expected[i].next == STAYS ? state : expected[i].next;

		if (expected[i].event != event || !(expected[i].states & 1U << state))
			continue;
		ck_assert_msg(!found, "%s, %s: expected twice", from, on);
		found = true;
		ck_assert_msg(row->set, "%s, %s: the cell is empty", from, on);
		ck_assert_msg(row->next == next, "%s, %s: leads to %s, not %s", from, on,
			      agent_state_names[row->next], agent_state_names[next]);
		ck_assert_msg(row->actions == expected[i].actions, "%s, %s: actions %x, not %x",
			      from, on, row->actions, expected[i].actions);
		ck_assert_msg(row->ending == expected[i].ending, "%s, %s: ending %d, not %d", from,
			      on, (int)row->ending, (int)expected[i].ending);
	}
	ck_assert_msg(found || !row->set, "%s, %s: nothing is expected here", from, on);
}

START_TEST(does_in_every_cell_what_the_protocol_wants)
{
	for (enum agent_state state = 0; state < _AGENT_STATE_MAX; state++) {
		for (enum agent_event event = 0; event < _AGENT_EVENT_MAX; event++)
			check_cell(state, event);
	}
}
END_TEST

START_TEST(has_a_name_for_everything)
{
	for (size_t i = 0; i < _AGENT_STATE_MAX; i++)
		ck_assert_ptr_nonnull(agent_state_names[i]);
	for (size_t i = 0; i < _AGENT_EVENT_MAX; i++)
		ck_assert_ptr_nonnull(agent_event_names[i]);
	ck_assert_ptr_null(agent_state_names[_AGENT_STATE_MAX]);
	ck_assert_ptr_null(agent_event_names[_AGENT_EVENT_MAX]);
}
END_TEST

/* --- what a record means --------------------------------------------------------------------- */

static struct lifecycle life_in(enum agent_state state, uint64_t seq)
{
	struct lifecycle life = { .state = state, .seq = seq };

	memcpy(life.boot_id, BOOT, sizeof(BOOT));
	return life;
}

static struct machine record_in(enum machine_state state, uint64_t seq)
{
	struct machine record = { .state = state, .seq = seq };

	memcpy(record.boot_id, BOOT, sizeof(BOOT));
	return record;
}

static const struct {
	enum agent_state state;
	bool offered;
	uint64_t seq;
	enum machine_state record;
	int event;
	uint64_t record_seq;
} meanings[] = {
	/* At the start everything is news. */
	{ AGENT_BOOTING, false, 0, MACHINE_NONE, EVENT_RECORD_NONE, 0 },
	{ AGENT_BOOTING, false, 0, MACHINE_CREATED, EVENT_RECORD_CREATED, 0 },
	{ AGENT_BOOTING, false, 0, MACHINE_IDLE, EVENT_RECORD_IDLE, 0 },
	{ AGENT_BOOTING, false, 0, MACHINE_IDLE, EVENT_RECORD_IDLE, 4 },
	{ AGENT_BOOTING, false, 0, MACHINE_CLAIMED, EVENT_RECORD_CLAIMED, 1 },
	{ AGENT_BOOTING, false, 0, MACHINE_RUNNING, EVENT_RECORD_RUNNING, 3 },
	{ AGENT_BOOTING, false, 0, MACHINE_DRAINING, EVENT_RECORD_DRAINING, 3 },
	{ AGENT_BOOTING, false, 0, MACHINE_TERMINATED, EVENT_RECORD_TERMINATED, 3 },

	/* Our own seq. */
	{ AGENT_READY, true, 2, MACHINE_IDLE, EVENT_RECORD_IDLE, 2 },
	{ AGENT_REGISTERING, false, 3, MACHINE_CLAIMED, EVENT_RECORD_HELD, 3 },
	{ AGENT_LISTENING, false, 3, MACHINE_RUNNING, EVENT_RECORD_HELD, 3 },
	{ AGENT_BUSY, false, 3, MACHINE_DRAINING, EVENT_RECORD_DRAINING, 3 },
	{ AGENT_BUSY, false, 3, MACHINE_TERMINATED, EVENT_RECORD_TERMINATED, 4 },
	{ AGENT_BUSY, false, 3, MACHINE_NONE, EVENT_RECORD_NONE, 0 },

	/* An offered machine may be claimed, and rolled back, behind its back. */
	{ AGENT_READY, true, 2, MACHINE_CLAIMED, EVENT_RECORD_CLAIMED, 3 },
	{ AGENT_READY, true, 2, MACHINE_DRAINING, EVENT_RECORD_DRAINING, 3 },
	{ AGENT_CLEAN, true, 2, MACHINE_CLAIMED, EVENT_RECORD_CLAIMED, 3 },
	{ AGENT_STOPPING, true, 2, MACHINE_CLAIMED, EVENT_RECORD_CLAIMED, 3 },
	{ AGENT_LEAVING, true, 2, MACHINE_CLAIMED, EVENT_RECORD_CLAIMED, 3 },

	/* But one that is not offered cannot, and only we write idle, running and created. */
	{ AGENT_BUSY, false, 2, MACHINE_CLAIMED, EVENT_RECORD_FOREIGN, 3 },
	{ AGENT_STOPPING, false, 2, MACHINE_CLAIMED, EVENT_RECORD_FOREIGN, 3 },
	{ AGENT_LEAVING, false, 2, MACHINE_CLAIMED, EVENT_RECORD_FOREIGN, 3 },
	{ AGENT_LISTENING, false, 2, MACHINE_DRAINING, EVENT_RECORD_FOREIGN, 3 },
	{ AGENT_READY, true, 2, MACHINE_RUNNING, EVENT_RECORD_FOREIGN, 3 },
	{ AGENT_READY, true, 2, MACHINE_IDLE, EVENT_RECORD_FOREIGN, 3 },
	{ AGENT_READY, true, 2, MACHINE_CREATED, EVENT_RECORD_FOREIGN, 3 },

	/* Old news. */
	{ AGENT_READY, true, 2, MACHINE_CLAIMED, -EAGAIN, 1 },
	{ AGENT_BUSY, false, 2, MACHINE_TERMINATED, -EAGAIN, 1 },
};

START_TEST(reads_a_record_by_its_seq)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		struct lifecycle life = life_in(meanings[i].state, meanings[i].seq);
		struct machine record = record_in(meanings[i].record, meanings[i].record_seq);
		int event;

		life.offered = meanings[i].offered;
		event = lifecycle_classify(&life, &record);
		ck_assert_msg(event == meanings[i].event, "case %zu: %d, not %d", i, event,
			      meanings[i].event);
	}
}
END_TEST

START_TEST(takes_a_record_of_another_boot_for_foreign_whatever_it_says)
{
	for (enum agent_state state = 0; state < AGENT_ENDED; state++) {
		for (enum machine_state s = MACHINE_CREATED; s < _MACHINE_STATE_MAX; s++) {
			struct lifecycle life = life_in(state, 5);
			struct machine record = record_in(s, 5);

			memcpy(record.boot_id, OTHER_BOOT, sizeof(OTHER_BOOT));
			ck_assert_int_eq(lifecycle_classify(&life, &record), EVENT_RECORD_FOREIGN);
		}
	}
}
END_TEST

START_TEST(takes_a_record_that_bears_no_boot_for_its_own)
{
	struct lifecycle life = life_in(AGENT_BOOTING, 0);
	struct machine record = record_in(MACHINE_CLAIMED, 1);

	record.boot_id[0] = '\0';
	ck_assert_int_eq(lifecycle_classify(&life, &record), EVENT_RECORD_CLAIMED);
}
END_TEST

/* --- steps ----------------------------------------------------------------------------------- */

/* One step by a record, as the loop makes it. */
static unsigned see(struct lifecycle *life, enum machine_state state, uint64_t seq)
{
	struct machine record = record_in(state, seq);
	int event = lifecycle_classify(life, &record);

	ck_assert_int_ge(event, 0);
	return lifecycle_step(life, (enum agent_event)event, &record);
}

START_TEST(serves_one_claim_after_another)
{
	struct lifecycle life = life_in(AGENT_BOOTING, 0);

	ck_assert_uint_eq(see(&life, MACHINE_CREATED, 0), ACTION_WRITE_READY);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_WRITTEN, NULL), 0);
	for (uint64_t seq = 1; seq < 4; seq++) {
		ck_assert_int_eq(life.state, AGENT_READY);
		ck_assert_uint_eq(see(&life, MACHINE_CLAIMED, seq), ACTION_TAKE);
		ck_assert_uint_eq(life.seq, seq);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_TAKEN, NULL), ACTION_WRITE_RUN);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_WRITTEN, NULL), ACTION_FETCH);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_JOB_WAITING, NULL), ACTION_START);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_JOB_ENDED, NULL),
				  ACTION_REPORT | ACTION_FETCH);
		ck_assert_uint_eq(see(&life, MACHINE_DRAINING, seq), ACTION_STOP);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_STOPPED, NULL), ACTION_CLEAN);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_CLEANED, NULL), ACTION_WRITE_OFFER);
		ck_assert_uint_eq(lifecycle_step(&life, EVENT_WRITTEN, NULL), 0);
	}
}
END_TEST

START_TEST(ends_instead_of_offering_when_the_claim_was_the_last)
{
	struct lifecycle life = life_in(AGENT_BUSY, 2);
	struct machine record = record_in(MACHINE_DRAINING, 2);

	record.last = true;
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_RECORD_DRAINING, &record), ACTION_STOP);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_STOPPED, NULL), ACTION_CLEAN);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_CLEANED, NULL), ACTION_WRITE_END);
	ck_assert_int_eq(life.state, AGENT_LEAVING);
	ck_assert_int_eq(life.ending, ENDING_DRAINED);
	ck_assert_int_eq(lifecycle_phase(&life), PHASE_CLEAN);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_WRITTEN, NULL), ACTION_EXIT);
}
END_TEST

START_TEST(ends_when_the_record_turns_out_to_be_last_only_after_the_cleaning)
{
	struct lifecycle life = life_in(AGENT_CLEAN, 2);
	struct machine record = record_in(MACHINE_DRAINING, 2);

	record.last = true;
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_RECORD_DRAINING, &record), ACTION_WRITE_END);
	ck_assert_int_eq(life.state, AGENT_LEAVING);
}
END_TEST

START_TEST(hands_a_claim_back_that_came_while_it_was_being_withdrawn)
{
	struct lifecycle life = life_in(AGENT_BOOTING, 0);

	(void)see(&life, MACHINE_IDLE, 4);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_TERM, NULL),
			  ACTION_WRITE_WITHDRAW | ACTION_STOP);
	ck_assert_uint_eq(see(&life, MACHINE_CLAIMED, 5), ACTION_WRITE_DRAIN);
	ck_assert_uint_eq(life.seq, 5);
	ck_assert(life.last);

	/* And the next one is nobody's business but a thief's. */
	ck_assert_uint_eq(see(&life, MACHINE_CLAIMED, 6), ACTION_EXIT);
}
END_TEST

START_TEST(hands_a_claim_back_that_came_when_its_end_was_being_written)
{
	struct lifecycle life = life_in(AGENT_BOOTING, 0);

	(void)see(&life, MACHINE_IDLE, 4);
	(void)lifecycle_step(&life, EVENT_TERM, NULL);
	(void)lifecycle_step(&life, EVENT_STOPPED, NULL);
	(void)lifecycle_step(&life, EVENT_CLEANED, NULL);
	ck_assert_int_eq(life.state, AGENT_LEAVING);
	ck_assert_uint_eq(see(&life, MACHINE_CLAIMED, 5), ACTION_WRITE_DRAIN | ACTION_WRITE_END);
	ck_assert_uint_eq(life.seq, 5);
}
END_TEST

START_TEST(waits_only_for_the_write_that_its_state_is_about)
{
	static const struct {
		enum agent_state state;
		enum transition awaited;
	} waits[] = {
		{ AGENT_READYING, TRANSITION_READY },    { AGENT_ANNOUNCING, TRANSITION_RUN },
		{ AGENT_CLEAN, TRANSITION_OFFER },       { AGENT_LEAVING, TRANSITION_TERMINATE },
		{ AGENT_STOPPING, _TRANSITION_INVALID }, { AGENT_READY, _TRANSITION_INVALID },
		{ AGENT_BUSY, _TRANSITION_INVALID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		struct lifecycle life = life_in(waits[i].state, 1);

		ck_assert_int_eq(lifecycle_awaits(&life), waits[i].awaited);
	}
}
END_TEST

/* --- what holds of the whole table ----------------------------------------------------------- */

#define WRITES                                                                           \
	(ACTION_WRITE_READY | ACTION_WRITE_WITHDRAW | ACTION_WRITE_DRAIN | ACTION_TAKE | \
	 ACTION_WRITE_RUN | ACTION_REPORT | ACTION_FETCH | ACTION_WRITE_OFFER | ACTION_WRITE_END)

typedef void check_fn(enum agent_state state, enum agent_event event,
		      const struct lifecycle_row *row);

static void check_all_cells(check_fn *check)
{
	for (enum agent_state state = 0; state < _AGENT_STATE_MAX; state++) {
		for (enum agent_event event = 0; event < _AGENT_EVENT_MAX; event++) {
			if (lifecycle_rows[state][event].set)
				check(state, event, &lifecycle_rows[state][event]);
		}
	}
}

static void check_foreign(enum agent_state state, enum agent_event event,
			  const struct lifecycle_row *row)
{
	(void)state;
	if (event != EVENT_RECORD_FOREIGN && event != EVENT_RECORD_TERMINATED &&
	    event != EVENT_RECORD_NONE)
		return;
	ck_assert_uint_eq(row->actions & WRITES, 0);
	ck_assert_int_eq(row->next, AGENT_ENDED);
}

START_TEST(writes_nothing_about_a_record_that_is_not_its_own)
{
	check_all_cells(check_foreign);
}
END_TEST

static void check_offer(enum agent_state state, enum agent_event event,
			const struct lifecycle_row *row)
{
	/* Either the proof comes with this event, or the state is reached only by it. */
	if (row->actions & ACTION_WRITE_OFFER)
		ck_assert(event == EVENT_CLEANED || state == AGENT_CLEAN);
	if (row->next == AGENT_CLEAN && state != AGENT_CLEAN)
		ck_assert(event == EVENT_CLEANED && state == AGENT_CLEANING);
	if (row->next == AGENT_CLEANING && state != AGENT_CLEANING)
		ck_assert(event == EVENT_STOPPED && state == AGENT_STOPPING);
}

START_TEST(offers_nothing_that_was_not_proved_clean)
{
	check_all_cells(check_offer);
}
END_TEST

static void check_start(enum agent_state state, enum agent_event event,
			const struct lifecycle_row *row)
{
	if (row->actions & ACTION_START)
		ck_assert(state == AGENT_LISTENING && event == EVENT_JOB_WAITING);
}

START_TEST(starts_a_job_only_while_it_listens)
{
	check_all_cells(check_start);
	for (enum agent_state state = 0; state < _AGENT_STATE_MAX; state++) {
		struct lifecycle life = life_in(state, 1);

		ck_assert_int_eq(lifecycle_may_start(&life),
				 state == AGENT_LISTENING || state == AGENT_BUSY);
	}
}
END_TEST

START_TEST(leaves_every_state_at_the_deadline)
{
	for (enum agent_state state = 0; state < AGENT_ENDED; state++) {
		const struct lifecycle_row *row = &lifecycle_rows[state][EVENT_DEADLINE];

		ck_assert_int_eq(row->next, AGENT_ENDED);
		ck_assert(row->actions & ACTION_EXIT);
	}
	for (enum agent_event event = 0; event < _AGENT_EVENT_MAX; event++)
		ck_assert(!lifecycle_rows[AGENT_ENDED][event].set);
}
END_TEST

static void check_exit(enum agent_state state, enum agent_event event,
		       const struct lifecycle_row *row)
{
	(void)state;
	(void)event;
	ck_assert_int_eq(row->next == AGENT_ENDED, (row->actions & ACTION_EXIT) != 0);
}

START_TEST(exits_exactly_when_it_has_ended)
{
	check_all_cells(check_exit);
}
END_TEST

/* Out of a claim there are two ways: through stopping, or out of the door. */
static void check_way_out(enum agent_state state, enum agent_event event,
			  const struct lifecycle_row *row)
{
	(void)event;
	if (!(CLAIM_STATES & 1U << state) || CLAIM_STATES & 1U << row->next)
		return;
	ck_assert(row->next == AGENT_ENDED ||
		  (row->next == AGENT_STOPPING && row->actions & ACTION_STOP));
}

START_TEST(stops_what_runs_before_it_goes_on_to_anything_else)
{
	check_all_cells(check_way_out);
}
END_TEST

/* Whatever comes, in any order: what must never be true of a machine is not. */
START_TEST(keeps_its_rules_whatever_comes_in_whatever_order)
{
	uint64_t random = 88172645463325252ULL;

	for (int walk = 0; walk < 2000; walk++) {
		struct lifecycle life = life_in(AGENT_BOOTING, 0);
		bool started = false, stopped = true, clean = true;

		for (int step = 0; step < 60 && life.state != AGENT_ENDED; step++) {
			struct machine record;
			enum agent_event event;
			unsigned actions;

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			event = (enum agent_event)(random % _AGENT_EVENT_MAX);
			record = record_in(MACHINE_CLAIMED, life.seq + (random >> 32) % 2);
			record.last = (random >> 40) % 8 == 0;

			if (event == EVENT_STOPPED && life.state == AGENT_STOPPING)
				stopped = true;
			if (event == EVENT_CLEANED && life.state == AGENT_CLEANING)
				clean = stopped;
			actions = lifecycle_step(&life, event,
						 event <= EVENT_RECORD_FOREIGN ? &record : NULL);
			if (actions & ACTION_START) {
				started = true;
				stopped = clean = false;
			}
			if (actions & ACTION_WRITE_OFFER)
				ck_assert(clean && !life.last);
			if (actions & ACTION_TAKE)
				ck_assert(!started || clean);
			if (actions & ACTION_WRITE_RUN)
				ck_assert_int_eq(life.state, AGENT_ANNOUNCING);
		}
	}
}
END_TEST

START_TEST(prints_its_table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	lifecycle_print(to);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "| listening | job waiting | busy | start |"));
	ck_assert_ptr_nonnull(strstr(text, "| clean | term | clean | last, write drain, write "
					   "offer |"));
	free(text);
}
END_TEST

TEST_MAIN(does_in_every_cell_what_the_protocol_wants, has_a_name_for_everything,
	  reads_a_record_by_its_seq, takes_a_record_of_another_boot_for_foreign_whatever_it_says,
	  takes_a_record_that_bears_no_boot_for_its_own, serves_one_claim_after_another,
	  ends_instead_of_offering_when_the_claim_was_the_last,
	  ends_when_the_record_turns_out_to_be_last_only_after_the_cleaning,
	  hands_a_claim_back_that_came_while_it_was_being_withdrawn,
	  hands_a_claim_back_that_came_when_its_end_was_being_written,
	  waits_only_for_the_write_that_its_state_is_about,
	  writes_nothing_about_a_record_that_is_not_its_own,
	  offers_nothing_that_was_not_proved_clean, starts_a_job_only_while_it_listens,
	  leaves_every_state_at_the_deadline, exits_exactly_when_it_has_ended,
	  stops_what_runs_before_it_goes_on_to_anything_else,
	  keeps_its_rules_whatever_comes_in_whatever_order, prints_its_table)
