#include "controller/provision/decide.h"

#include <string.h>

static struct judgement starting(const struct sighting *sighting, uint64_t now_ms)
{
	const struct machine *machine = &sighting->machine;
	uint64_t patience_ms = BEATS_UNTIL_STALE * machine->beat_period_ms;

	if (sighting->presence == PRESENCE_GONE)
		return (struct judgement){ STANDING_LOST, "its provider says that it is gone" };
	if (machine->phase == PHASE_FAILED && machine->phase_seq == machine->seq)
		return (struct judgement){ STANDING_LOST, "its agent says failed" };
	if (machine->threshold_ms < now_ms)
		return (struct judgement){ STANDING_LOST, "its claim ran out before it listened" };
	/* Never beat: a machine that boots is given until its threshold. */
	if (machine->beat_ms > 0 && patience_ms > 0 && !machine_is_healthy(machine, now_ms))
		return (struct judgement){ STANDING_LOST, "its agent stopped beating" };
	return (struct judgement){ STANDING_STARTING, NULL };
}

static struct judgement listening(const struct sighting *sighting, uint64_t now_ms)
{
	const struct machine *machine = &sighting->machine;

	if (sighting->presence == PRESENCE_GONE)
		return (struct judgement){ STANDING_LOST, "its provider says that it is gone" };
	if (!machine_is_healthy(machine, now_ms))
		return (struct judgement){ STANDING_LOST, "its agent stopped beating" };
	if (machine_says(machine, PHASE_LISTENING) || machine_says(machine, PHASE_BUSY))
		return (struct judgement){ STANDING_LISTENING, NULL };
	return (struct judgement){ STANDING_LOST, "its agent no longer listens" };
}

struct judgement sighting_judge(const struct sighting *sighting, const char *run_key,
				uint64_t now_ms)
{
	/* Another run's by now: it left us in good order. */
	if (strcmp(sighting->machine.run_key, run_key) != 0)
		return (struct judgement){ STANDING_LEAVING, NULL };

	switch (sighting->machine.state) {
	case MACHINE_CLAIMED:
		return starting(sighting, now_ms);
	case MACHINE_RUNNING:
		return listening(sighting, now_ms);
	default:
		return (struct judgement){ STANDING_LEAVING, NULL };
	}
}

static size_t count_standing(const struct provision_view *view, const struct judgement *judgements,
			     enum standing standing)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n_mine; i++)
		n += judgements[i].standing == standing;
	return n;
}

static struct decision refuse(const char *why, bool interrupted)
{
	return (struct decision){ .step = STEP_REFUSE, .why = why, .interrupted = interrupted };
}

/* No more machines can be had: take what listens if that is enough, wait for what still starts. */
static struct decision settle(const struct request *request, size_t n_listening, size_t n_starting,
			      const char *why)
{
	if (n_starting > 0 && n_listening + n_starting >= request->min_count)
		return (struct decision){ .step = STEP_WAIT };
	if (n_listening >= request->min_count)
		return (struct decision){ .step = STEP_GRANT, .partial = true };
	return refuse(why, false);
}

bool run_made(const struct run *run, const struct machine *machine)
{
	for (size_t i = 0; i < run->n_intents; i++) {
		if (strcmp(run->intents[i].token, machine->token) == 0)
			return true;
	}
	return false;
}

/* A machine came up when its agent has spoken, unless all that it had to say was that it failed. */
static bool breaker_trips(const struct provision_view *view, const struct judgement *judgements)
{
	size_t burned = 0;

	for (size_t i = 0; i < view->n_mine; i++) {
		const struct machine *machine = &view->mine[i].machine;

		if (!run_made(view->run, machine))
			continue;
		if (machine->beat_ms > 0 && machine->phase != PHASE_FAILED)
			return false;
		burned += judgements[i].standing == STANDING_LOST ||
			  judgements[i].standing == STANDING_LEAVING;
	}
	return view->breaker > 0 && burned >= view->breaker;
}

struct decision provision_decide(const struct provision_view *view,
				 const struct judgement *judgements)
{
	const struct request *request = &view->run->request;
	size_t n_listening, n_starting, have;

	if (view->run->verdict != VERDICT_OPEN)
		return (struct decision){ .step = STEP_SHARE };
	if (view->superseded)
		return (struct decision){ .step = STEP_FOLLOW };
	if (view->cancelled)
		return refuse("interrupted", true);

	n_listening = count_standing(view, judgements, STANDING_LISTENING);
	if (n_listening >= request->count)
		return (struct decision){ .step = STEP_GRANT };
	if (view->timed_out && n_listening >= request->min_count)
		return (struct decision){ .step = STEP_GRANT, .partial = true };
	if (view->timed_out)
		return refuse("too few machines were listening within the time limit", true);

	n_starting = count_standing(view, judgements, STANDING_STARTING);
	if (view->open_intents > 0 && !view->launch_failed)
		return (struct decision){ .step = STEP_REPLAY };

	have = n_listening + n_starting;
	if (have >= request->count)
		return (struct decision){ .step = STEP_WAIT };
	if (!view->pool_empty)
		return (struct decision){ .step = STEP_SELECT, .count = request->count - have };
	if (request->no_create)
		return settle(request, n_listening, n_starting,
			      "no idle machine fits, and --no-create forbids making one");
	if (view->launch_failed)
		return settle(request, n_listening, n_starting,
			      "no idle machine fits, and the provider could make none");
	if (breaker_trips(view, judgements))
		return settle(
			request, n_listening, n_starting,
			"the launch breaker: machines were lost one after the other, and none "
			"came up");
	if (view->run->n_intents == RUN_INTENTS_MAX)
		return settle(request, n_listening, n_starting,
			      "machines were launched too many times and did not come up");
	return (struct decision){ .step = STEP_LAUNCH, .count = request->count - have };
}

size_t provision_choose(const struct provision_view *view, const struct judgement *judgements,
			bool *keep)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n_mine; i++) {
		keep[i] = judgements[i].standing == STANDING_LISTENING &&
			  n < view->run->request.count;
		n += keep[i];
	}
	return n;
}

bool claim_needs_renewal(const struct machine *machine, uint64_t claim_ms, uint64_t now_ms)
{
	return machine->state == MACHINE_CLAIMED && machine->threshold_ms < now_ms + claim_ms / 2;
}
