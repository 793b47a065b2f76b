#include "tests/sim/check.h"

#include <inttypes.h>

#include "tests/sim/plan.h"

int64_t check_skew(void)
{
	return (int64_t)sim_between(0, SKEWS_MS) - SIM_SKEW_MS;
}

/* --- machines and jobs ------------------------------------------------------------------------ */

/* One that was launched for the run, and that may still come to serve it. */
static bool counts_for(const struct instance *other, const char *key)
{
	const struct machine *record = memory_db_find(sim->db, other->id);

	if (!equal(other->correlation, key) || other->excused || !other->exists)
		return false;
	return !record || (equal(record->run_key, key) &&
			   (record->state == MACHINE_CLAIMED || record->state == MACHINE_RUNNING));
}

void check_launch(const struct instance *instance)
{
	const struct run_plan *plan = plan_find(instance->correlation);
	uint64_t n = 0;

	if (!plan)
		return;
	for (size_t i = 0; i < sim->n_instances; i++)
		n += counts_for(&sim->instances[i], plan->key);
	if (n > plan->request.count)
		sim_fail("7", "run %s: %" PRIu64 " machines launched for %" PRIu64 " wanted",
			 plan->key, n, plan->request.count);
	if (plan->fence == 0)
		sim_fail("7", "run %s: launched before anything was written", plan->key);
}

void check_teardown(const struct instance *instance, const struct actor *by)
{
	const struct machine *record = memory_db_find(sim->db, instance->id);
	const struct run_plan *plan = record ? plan_find(record->run_key) : NULL;

	/* By hand; or born into a run that was closed before its record came. */
	if (strncmp(by->name, "destroy", 7) == 0 || (plan && plan->verdict == VERDICT_CLOSED))
		return;
	if (record && machine_is_live(record))
		sim_fail("8", "%s: torn down while its record is %s", instance->id,
			 state_name(record));
}

static void check_start_in_time(const struct instance *instance, const struct machine *record)
{
	uint64_t silent = sim_now() - instance->agent->heard_usec;

	if (sim_now_ms() > record->threshold_ms + SKEWS_MS + MSEC_PER_SEC)
		sim_fail("6", "%s: started a job after its threshold", instance->id);
	if (silent > 3 * SIM_BEAT_RUNNING_USEC + USEC_PER_SEC)
		sim_fail("6", "%s: started a job %.1f s after it last heard of the store",
			 instance->id, (double)silent / USEC_PER_SEC);
}

void check_job_starts(const struct instance *instance, const struct runner_job *job)
{
	const struct machine *record = memory_db_find(sim->db, instance->id);

	if (instance->job.alive)
		sim_fail("1", "%s: a second job beside that of seq %" PRIu64, instance->id,
			 instance->job.seq);
	for (size_t i = 0; i < instance->n_started; i++) {
		if (instance->started[i].seq == job->seq &&
		    instance->started[i].number == job->number)
			sim_fail("1", "%s: job %" PRIu64 " of seq %" PRIu64 " started twice",
				 instance->id, job->number, job->seq);
		if (equal(instance->started[i].command, job->argv[0]))
			sim_fail("7", "%s: the command %s runs twice", instance->id, job->argv[0]);
	}
	if (instance->dirty_seq && instance->dirty_seq != job->seq)
		sim_fail("5", "%s: a job of seq %" PRIu64 " on what seq %" PRIu64 " has left",
			 instance->id, job->seq, instance->dirty_seq);
	if (!record || record->seq != job->seq || !equal(record->run_key, job->run_key) ||
	    (record->state != MACHINE_RUNNING && record->state != MACHINE_DRAINING)) {
		sim_fail("2",
			 "%s: a job of %s, seq %" PRIu64 ", starts on %s, seq %" PRIu64 ", of %s",
			 instance->id, job->run_key, job->seq, record ? state_name(record) : "none",
			 record ? record->seq : 0, record ? record->run_key : "");
		return;
	}
	check_start_in_time(instance, record);
}

/* In fair weather nobody leaves a machine that is live and in its time, unless told to: else it may
 * know less than the record says. */
void check_leaves(const struct instance *instance, const struct actor *agent)
{
	const struct machine *record = memory_db_find(sim->db, instance->id);

	if (!sim->fair || !record || !machine_is_live(record) ||
	    record->state == MACHINE_DRAINING || instance->ending || agent == instance->noticed)
		return;
	if (!equal(record->boot_id, instance->boot_id) ||
	    record->beat_ms < sim_ms_at(instance->agent_since_usec) + SKEWS_MS)
		return;
	if (sim_now_ms() + SKEWS_MS < record->threshold_ms)
		sim_fail("8", "%s: its agent leaves while it is %s, and in its time", instance->id,
			 state_name(record));
}

/* --- every second ----------------------------------------------------------------------------- */

static uint64_t agent_since(const struct instance *instance)
{
	const struct actor *agent = instance->agent;
	uint64_t since = instance->agent_since_usec;

	return agent && agent->thaw_usec > since ? agent->thaw_usec : since;
}

static void check_running(const struct instance *instance, const struct machine *record)
{
	if (!instance->job.alive || !record || record->state == MACHINE_TERMINATED)
		return;
	if (record->seq != instance->job.seq || !equal(record->run_key, instance->job.run_key))
		sim_fail("1",
			 "%s: a job of %s, seq %" PRIu64 ", runs while it is %s's, seq %" PRIu64,
			 instance->id, instance->job.run_key, instance->job.seq, record->run_key,
			 record->seq);
}

/* By the threshold that it may know, or, while it knows none, by boot time. */
static void check_fence(const struct instance *instance)
{
	const struct actor *agent = instance->agent;
	uint64_t leave_usec = LEAVE_MS * USEC_PER_MSEC;
	uint64_t end_ms = instance->threshold_max_ms + 60 * MSEC_PER_SEC + SKEWS_MS + LEAVE_MS;

	if (!agent || agent->dead || agent->frozen || !instance->exists)
		return;
	if (sim_now() <= instance->agent_since_usec + SIM_BOOT_USEC + leave_usec ||
	    sim_now() <= agent->thaw_usec + leave_usec)
		return;
	if (!instance->recorded)
		sim_fail("6", "%s: no record came, and its agent is still there", instance->id);
	else if (sim_now_ms() > end_ms)
		sim_fail("6", "%s: its agent outlives its threshold", instance->id);
}

/* What an agent that hears of it does at once, or nearly so. */
static void check_heeds(const struct instance *instance, const struct machine *record)
{
	const struct actor *agent = instance->agent;
	uint64_t since =
		sim->calm_usec > agent_since(instance) ? sim->calm_usec : agent_since(instance);

	if (!agent || agent->dead || agent->frozen || !instance->exists || instance->ending ||
	    sim_now() < since + 60 * USEC_PER_SEC)
		return;
	if ((record->state == MACHINE_CLAIMED || record->state == MACHINE_RUNNING ||
	     record->state == MACHINE_IDLE || record->state == MACHINE_CREATED) &&
	    sim_now_ms() > record->threshold_ms + SKEWS_MS + LEAVE_MS)
		sim_fail("6", "%s: %s beyond its threshold, and its agent does nothing", record->id,
			 state_name(record));
	if (record->state == MACHINE_TERMINATED &&
	    sim_now_ms() > record->threshold_ms + SKEWS_MS + 2 * LEAVE_MS)
		sim_fail("6", "%s: terminated, and its agent stays", record->id);
}

static void check_run_over(const struct instance *instance, const struct machine *record)
{
	const struct run_plan *plan = plan_find(record->run_key);
	const struct actor *agent = instance->agent;
	uint64_t since;

	if (record->state != MACHINE_CLAIMED && record->state != MACHINE_RUNNING)
		return;
	if (!plan || (plan->verdict != VERDICT_CLOSED && plan->verdict != VERDICT_REFUSED))
		return;
	since = plan->decided_usec > sim->calm_usec ? plan->decided_usec : sim->calm_usec;
	/* A job that runs may run to its end, which its agent tells when it is not frozen, and a
	 * refresh sees; a late request may have claimed it just now. */
	if (agent &&
	    (agent->frozen || sim_now() < agent->thaw_usec + SIM_REFRESH_USEC + 15 * USEC_PER_SEC))
		return;
	if (instance->job.alive ||
	    sim_now() < instance->job.ended_usec + SIM_REFRESH_USEC + 15 * USEC_PER_SEC ||
	    sim_now_ms() < record->claimed_ms + MSEC(2 * SIM_REFRESH_USEC) + LEAVE_MS)
		return;
	if (sim_now() > since + 2 * SIM_REFRESH_USEC + 15 * USEC_PER_SEC)
		sim_fail("3", "%s: still %s for run %s, which is over", record->id,
			 state_name(record), plan->key);
}

/* Told to leave, and still there for whoever comes. */
static void check_notice(const struct instance *instance, const struct machine *record)
{
	const struct actor *agent = instance->agent;

	if (!agent || agent != instance->noticed || agent->dead || agent->frozen ||
	    sim_now() < agent_since(instance) + 2 * LEAVE_MS * USEC_PER_MSEC ||
	    sim_now() < instance->noticed_usec + 60 * USEC_PER_SEC ||
	    sim_now() > agent->heard_usec + 10 * USEC_PER_SEC ||
	    sim_now() < sim->store_away_until_usec + 30 * USEC_PER_SEC ||
	    sim_now() < agent->cut_until_usec + 30 * USEC_PER_SEC)
		return;
	if (record->state == MACHINE_IDLE)
		sim_fail("5", "%s: offered although it has had notice", record->id);
}

/* Whatever happened before: once all is calm, nothing lives longer than its threshold and T. */
static void check_overdue(const struct machine *record)
{
	uint64_t due_ms = record->threshold_ms + MSEC(SIM_REAP_GRACE_USEC) +
			  MSEC(3 * SIM_REFRESH_USEC) + SKEWS_MS;

	if (machine_is_live(record) && sim_now_ms() > due_ms &&
	    sim_now() > sim->calm_usec + 4 * SIM_REFRESH_USEC)
		sim_fail("3", "%s: %s long after its threshold", record->id, state_name(record));
}

/* Given back at once, not when a round of refresh comes by; and no more kept than asked for. */
static void check_given_back(const struct run_plan *plan)
{
	uint64_t n = 0;

	if (!sim->fair || plan->disturbed || plan->verdict == VERDICT_OPEN ||
	    plan->verdict == VERDICT_CLOSED || sim_now() < plan->decided_usec + 10 * USEC_PER_SEC)
		return;
	for (size_t i = 0; i < sim->n_instances; i++) {
		const struct machine *record = memory_db_find(sim->db, sim->instances[i].id);

		n += record && equal(record->run_key, plan->key) &&
		     (record->state == MACHINE_CLAIMED || record->state == MACHINE_RUNNING);
	}
	if (n > (plan->verdict == VERDICT_GRANTED ? plan->request.count : 0))
		sim_fail("7", "run %s: %" PRIu64 " machines are kept, %s", plan->key, n,
			 verdict_names[plan->verdict]);
}

void check_second(void)
{
	for (size_t i = 0; i < sim->n_plans; i++)
		check_given_back(&sim->plans[i]);
	for (size_t i = 0; i < sim->n_instances && !sim->failed; i++) {
		const struct instance *instance = &sim->instances[i];
		const struct machine *record = memory_db_find(sim->db, instance->id);

		check_running(instance, record);
		check_fence(instance);
		if (!record)
			continue;
		check_heeds(instance, record);
		check_run_over(instance, record);
		check_notice(instance, record);
		check_overdue(record);
	}
}

void check_released(const struct run_plan *plan)
{
	if (plan && plan->verdict != VERDICT_CLOSED)
		sim_fail("7", "run %s: was released, and is %s", plan->key,
			 verdict_names[plan->verdict]);
}

static void check_answers(const struct run_plan *plan)
{
	if (plan->ended + plan->abandoned < plan->starters)
		sim_fail("liveness", "run %s: %u controllers of %u have no answer", plan->key,
			 plan->starters - plan->ended - plan->abandoned, plan->starters);
	if (sim->fair && !plan->request.no_create && plan->release_usec == 0 &&
	    plan->n_granted != plan->request.count)
		sim_fail("liveness", "run %s: nothing went wrong, and it was given %zu of %" PRIu64,
			 plan->key, plan->n_granted, plan->request.count);
	if (plan->verdict == VERDICT_OPEN && plan->fence > 0 && plan->abandoned == 0)
		sim_fail("liveness", "run %s: nobody gave a verdict", plan->key);
}

void check_end(void)
{
	for (size_t i = 0; i < sim->n_instances; i++) {
		const struct instance *instance = &sim->instances[i];
		const struct machine *record = memory_db_find(sim->db, instance->id);

		if (instance->exists)
			sim_fail("3", "%s: still there at the end, %s", instance->id,
				 record ? state_name(record) : "without a record");
		if (record && machine_is_live(record))
			sim_fail("3", "%s: still %s at the end", instance->id, state_name(record));
		if (instance->job.alive)
			sim_fail("3", "%s: its job still runs at the end", instance->id);
	}
	for (size_t i = 0; i < sim->n_plans; i++)
		check_answers(&sim->plans[i]);
}
