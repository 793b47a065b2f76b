#include "common/base/io.h"

#include "controller/provision/decide.h"
#include "tests/test.h"

#define NOW 1000000000ULL
#define KEY "r-1-default"

static struct sighting sighting(enum machine_state state, enum machine_phase phase)
{
	struct sighting s = {
		.machine = {
			.id = "m",
			.state = state,
			.seq = 3,
			.run_key = KEY,
			.threshold_ms = NOW + 60000,
			.phase = phase,
			.phase_seq = 3,
			.beat_ms = NOW - 1000,
			.beat_period_ms = 5000,
		},
	};

	return s;
}

static struct judgement judge(const struct sighting *s)
{
	return sighting_judge(s, KEY, NOW);
}

START_TEST(judges_a_machine_by_its_record_its_beat_and_its_provider)
{
	struct {
		enum machine_state state;
		enum machine_phase phase;
		enum presence presence;
		uint64_t phase_seq, beat_ms, threshold_ms;
		enum standing standing;
	} cases[] = {
		{ MACHINE_CLAIMED, PHASE_READY, 0, 2, NOW, NOW + 1, STANDING_STARTING },
		{ MACHINE_CLAIMED, PHASE_NONE, 0, 0, 0, NOW + 1, STANDING_STARTING },
		{ MACHINE_CLAIMED, PHASE_NONE, 0, 0, 0, NOW - 1, STANDING_LOST },
		{ MACHINE_CLAIMED, PHASE_NONE, PRESENCE_GONE, 0, 0, NOW + 1, STANDING_LOST },
		{ MACHINE_CLAIMED, PHASE_READY, 0, 2, NOW - 15001, NOW + 1, STANDING_LOST },
		{ MACHINE_CLAIMED, PHASE_FAILED, 0, 3, NOW, NOW + 1, STANDING_LOST },
		{ MACHINE_CLAIMED, PHASE_FAILED, 0, 2, NOW, NOW + 1, STANDING_STARTING },
		{ MACHINE_RUNNING, PHASE_LISTENING, 0, 3, NOW, NOW + 1, STANDING_LISTENING },
		{ MACHINE_RUNNING, PHASE_BUSY, 0, 3, NOW, NOW + 1, STANDING_LISTENING },
		{ MACHINE_RUNNING, PHASE_LISTENING, 0, 2, NOW, NOW + 1, STANDING_LOST },
		{ MACHINE_RUNNING, PHASE_LISTENING, 0, 3, NOW - 15001, NOW + 1, STANDING_LOST },
		{ MACHINE_RUNNING, PHASE_LISTENING, PRESENCE_GONE, 3, NOW, NOW + 1, STANDING_LOST },
		{ MACHINE_DRAINING, PHASE_LISTENING, 0, 3, NOW, NOW + 1, STANDING_LEAVING },
		{ MACHINE_TERMINATED, PHASE_FAILED, 0, 3, NOW, NOW + 1, STANDING_LEAVING },
		{ MACHINE_NONE, PHASE_NONE, 0, 0, 0, 0, STANDING_LEAVING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sighting s = sighting(cases[i].state, cases[i].phase);

		s.presence = cases[i].presence;
		s.machine.phase_seq = cases[i].phase_seq;
		s.machine.beat_ms = cases[i].beat_ms;
		s.machine.threshold_ms = cases[i].threshold_ms;
		ck_assert_msg(judge(&s).standing == cases[i].standing, "case %zu", i);
		if (cases[i].standing == STANDING_LOST)
			ck_assert_ptr_nonnull(judge(&s).why);
	}
}
END_TEST

START_TEST(leaves_a_machine_alone_that_serves_another_run_by_now)
{
	struct sighting s = sighting(MACHINE_RUNNING, PHASE_LISTENING);

	ck_assert_int_eq(str_copy(s.machine.run_key, sizeof(s.machine.run_key), "r-2-default"), 0);
	ck_assert_int_eq(judge(&s).standing, STANDING_LEAVING);
}
END_TEST

/* A view with so many listening and starting machines, and everything else as the case says. */
struct look {
	size_t count, min, listening, starting, open, intents;
	bool empty, failed, timed_out, cancelled, superseded, no_create;
	enum verdict verdict;
	enum step step;
	size_t n;
	bool partial;
};

static struct decision decide(const struct look *look)
{
	struct run run = { .verdict = look->verdict, .n_intents = look->intents };
	struct sighting mine[16];
	struct judgement judgements[16];
	struct provision_view view = {
		.run = &run,
		.mine = mine,
		.n_mine = look->listening + look->starting,
		.open_intents = look->open,
		.pool_empty = look->empty,
		.launch_failed = look->failed,
		.timed_out = look->timed_out,
		.cancelled = look->cancelled,
		.superseded = look->superseded,
		.now_ms = NOW,
	};

	run.request.count = look->count;
	run.request.min_count = look->min > 0 ? look->min : look->count;
	run.request.no_create = look->no_create;
	for (size_t i = 0; i < view.n_mine; i++) {
		bool listens = i < look->listening;

		mine[i] = sighting(listens ? MACHINE_RUNNING : MACHINE_CLAIMED,
				   listens ? PHASE_LISTENING : PHASE_READY);
		judgements[i] = judge(&mine[i]);
	}
	return provision_decide(&view, judgements);
}

START_TEST(takes_the_next_step)
{
	const struct look cases[] = {
		{ .count = 2, .step = STEP_SELECT, .n = 2 },
		{ .count = 3, .starting = 1, .step = STEP_SELECT, .n = 2 },
		{ .count = 2, .empty = true, .step = STEP_LAUNCH, .n = 2 },
		{ .count = 2, .listening = 1, .empty = true, .step = STEP_LAUNCH, .n = 1 },
		{ .count = 2, .open = 1, .empty = true, .intents = 1, .step = STEP_REPLAY },
		{ .count = 2, .starting = 2, .empty = true, .step = STEP_WAIT },
		{ .count = 2, .listening = 2, .step = STEP_GRANT },
		{ .count = 2, .listening = 3, .step = STEP_GRANT },
		/* Nothing to be had. */
		{ .count = 1, .empty = true, .no_create = true, .step = STEP_REFUSE },
		{ .count = 2,
		  .starting = 1,
		  .empty = true,
		  .no_create = true,
		  .step = STEP_REFUSE },
		{ .count = 2, .empty = true, .failed = true, .step = STEP_REFUSE },
		{ .count = 2, .open = 1, .empty = true, .failed = true, .step = STEP_REFUSE },
		{ .count = 2, .empty = true, .intents = RUN_INTENTS_MAX, .step = STEP_REFUSE },
		/* Fewer will do. */
		{ .count = 2,
		  .min = 1,
		  .starting = 1,
		  .empty = true,
		  .no_create = true,
		  .step = STEP_WAIT },
		{ .count = 2,
		  .min = 1,
		  .listening = 1,
		  .empty = true,
		  .no_create = true,
		  .step = STEP_GRANT,
		  .partial = true },
		{ .count = 3,
		  .min = 1,
		  .listening = 1,
		  .starting = 1,
		  .timed_out = true,
		  .step = STEP_GRANT,
		  .partial = true },
		/* Time, signals, others. */
		{ .count = 1, .starting = 1, .timed_out = true, .step = STEP_REFUSE },
		{ .count = 1, .listening = 1, .timed_out = true, .step = STEP_GRANT },
		{ .count = 1, .listening = 1, .cancelled = true, .step = STEP_REFUSE },
		{ .count = 1, .superseded = true, .cancelled = true, .step = STEP_FOLLOW },
		{ .count = 1, .superseded = true, .verdict = VERDICT_GRANTED, .step = STEP_SHARE },
		{ .count = 1, .verdict = VERDICT_CLOSED, .step = STEP_SHARE },
		{ .count = 1, .verdict = VERDICT_REFUSED, .cancelled = true, .step = STEP_SHARE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decision decision = decide(&cases[i]);

		ck_assert_msg(decision.step == cases[i].step, "case %zu: step %d", i,
			      (int)decision.step);
		if (cases[i].n > 0)
			ck_assert_msg(decision.count == cases[i].n, "case %zu", i);
		ck_assert_msg(decision.partial == cases[i].partial, "case %zu", i);
		if (decision.step == STEP_REFUSE)
			ck_assert_ptr_nonnull(decision.why);
	}
}
END_TEST

/* Machines made for the run; the first n_spoke of them have spoken. */
static enum step step_after_losses(size_t made, size_t n_spoke, enum machine_phase said,
				   uint64_t breaker)
{
	struct run run = { .request = { .count = 1, .min_count = 1 }, .n_intents = 1 };
	struct sighting mine[8];
	struct judgement judgements[8];
	const struct provision_view view = {
		.run = &run,
		.mine = mine,
		.n_mine = made,
		.pool_empty = true,
		.breaker = breaker,
		.now_ms = NOW,
	};

	ck_assert_int_eq(str_copy(run.intents[0].token, sizeof(run.intents[0].token), "t"), 0);
	for (size_t i = 0; i < made; i++) {
		mine[i] = sighting(MACHINE_TERMINATED, i < n_spoke ? said : PHASE_NONE);
		mine[i].machine.beat_ms = i < n_spoke ? NOW : 0;
		ck_assert_int_eq(
			str_copy(mine[i].machine.token, sizeof(mine[i].machine.token), "t"), 0);
		judgements[i] = judge(&mine[i]);
	}
	return provision_decide(&view, judgements).step;
}

START_TEST(stops_launching_when_none_of_many_came_up)
{
	ck_assert_int_eq(step_after_losses(4, 0, PHASE_NONE, 5), STEP_LAUNCH);
	ck_assert_int_eq(step_after_losses(5, 0, PHASE_NONE, 5), STEP_REFUSE);
	ck_assert_int_eq(step_after_losses(5, 0, PHASE_NONE, 0), STEP_LAUNCH);
	/* One that came up shows that it can be done; one that says that it failed does not. */
	ck_assert_int_eq(step_after_losses(5, 1, PHASE_READY, 5), STEP_LAUNCH);
	ck_assert_int_eq(step_after_losses(5, 5, PHASE_FAILED, 5), STEP_REFUSE);
}
END_TEST

START_TEST(never_launches_more_than_is_asked_for)
{
	for (size_t listening = 0; listening <= 4; listening++) {
		for (size_t starting = 0; starting <= 4; starting++) {
			for (size_t count = 1; count <= 4; count++) {
				struct look look = {
					.count = count,
					.listening = listening,
					.starting = starting,
					.empty = true,
				};
				struct decision decision = decide(&look);

				if (decision.step == STEP_LAUNCH)
					ck_assert_uint_eq(decision.count + listening + starting,
							  count);
			}
		}
	}
}
END_TEST

START_TEST(grants_only_machines_that_listen_and_only_as_many_as_asked)
{
	struct run run = { .request.count = 2 };
	struct sighting mine[] = {
		sighting(MACHINE_CLAIMED, PHASE_READY),
		sighting(MACHINE_RUNNING, PHASE_LISTENING),
		sighting(MACHINE_DRAINING, PHASE_READY),
		sighting(MACHINE_RUNNING, PHASE_LISTENING),
		sighting(MACHINE_RUNNING, PHASE_LISTENING),
	};
	struct judgement judgements[ARRAY_SIZE(mine)];
	struct provision_view view = { .run = &run, .mine = mine, .n_mine = ARRAY_SIZE(mine) };
	bool keep[ARRAY_SIZE(mine)];

	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		judgements[i] = judge(&mine[i]);
	ck_assert_uint_eq(provision_choose(&view, judgements, keep), 2);
	ck_assert(!keep[0] && keep[1] && !keep[2] && keep[3] && !keep[4]);
}
END_TEST

START_TEST(renews_a_claim_when_half_of_its_time_is_over)
{
	struct machine machine = sighting(MACHINE_CLAIMED, PHASE_READY).machine;

	machine.threshold_ms = NOW + 150001;
	ck_assert(!claim_needs_renewal(&machine, 300000, NOW));
	machine.threshold_ms = NOW + 149999;
	ck_assert(claim_needs_renewal(&machine, 300000, NOW));
	machine.state = MACHINE_RUNNING;
	ck_assert(!claim_needs_renewal(&machine, 300000, NOW));
}
END_TEST

TEST_MAIN(stops_launching_when_none_of_many_came_up,
	  judges_a_machine_by_its_record_its_beat_and_its_provider,
	  leaves_a_machine_alone_that_serves_another_run_by_now, takes_the_next_step,
	  never_launches_more_than_is_asked_for,
	  grants_only_machines_that_listen_and_only_as_many_as_asked,
	  renews_a_claim_when_half_of_its_time_is_over)
