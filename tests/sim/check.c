#include "tests/sim/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/domain/run.h"
#include "tests/sim/plan.h"

#define MSEC(usec) ((usec) / USEC_PER_MSEC)
/* What an agent may take for its last steps, beyond its deadline: a stop, last words. */
#define LEAVE_MS (15 * MSEC_PER_SEC)
#define SKEWS_MS (2 * SIM_SKEW_MS) /* of two parties */

int64_t check_skew(void)
{
	return (int64_t)sim_between(0, SKEWS_MS) - SIM_SKEW_MS;
}

static const char *state_name(const struct machine *machine)
{
	return machine_state_names[machine->state];
}

static bool equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* --- every write of a record ------------------------------------------------------------------ */

/* Design §3, by hand. */
static const struct {
	enum machine_state from, to;
	unsigned step; /* of seq */
} steps[] = {
	{ MACHINE_NONE, MACHINE_CREATED, 0 },        { MACHINE_NONE, MACHINE_CLAIMED, 1 },
	{ MACHINE_CREATED, MACHINE_IDLE, 0 },        { MACHINE_IDLE, MACHINE_CLAIMED, 1 },
	{ MACHINE_CLAIMED, MACHINE_CLAIMED, 0 },     { MACHINE_CLAIMED, MACHINE_RUNNING, 0 },
	{ MACHINE_CREATED, MACHINE_DRAINING, 0 },    { MACHINE_IDLE, MACHINE_DRAINING, 0 },
	{ MACHINE_CLAIMED, MACHINE_DRAINING, 0 },    { MACHINE_RUNNING, MACHINE_DRAINING, 0 },
	{ MACHINE_DRAINING, MACHINE_DRAINING, 0 },   { MACHINE_DRAINING, MACHINE_IDLE, 0 },
	{ MACHINE_CREATED, MACHINE_TERMINATED, 1 },  { MACHINE_IDLE, MACHINE_TERMINATED, 1 },
	{ MACHINE_CLAIMED, MACHINE_TERMINATED, 1 },  { MACHINE_RUNNING, MACHINE_TERMINATED, 1 },
	{ MACHINE_DRAINING, MACHINE_TERMINATED, 1 },
};

static bool is_step(const struct machine *before, const struct machine *after)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].from == before->state && steps[i].to == after->state &&
		    before->seq + steps[i].step == after->seq)
			return true;
	}
	return false;
}

static void check_beat(const struct machine *before, const struct machine *after)
{
	if (before->state != after->state || before->seq != after->seq ||
	    before->threshold_ms != after->threshold_ms || before->last != after->last ||
	    !equal(before->run_key, after->run_key))
		sim_fail("4", "%s: a beat moved the record", after->id);
	if (before->state == MACHINE_TERMINATED)
		sim_fail("4", "%s: a beat of what is terminated", after->id);
	if (before->boot_id[0] && !equal(before->boot_id, after->boot_id) &&
	    before->beat_ms + 3 * before->beat_period_ms > after->beat_ms)
		sim_fail("1", "%s: boot %s spoke while %s was alive", after->id, after->boot_id,
			 before->boot_id);
}

/* A claim, of a machine that waits in the pool. */
static void check_claim(const struct machine *before, const struct machine *after,
			const struct change *change, struct instance *instance)
{
	enum reuse rule = before->reuse > after->reuse ? before->reuse : after->reuse;

	if (before->run_key[0])
		sim_fail("1", "%s: taken from run %s by %s", after->id, before->run_key,
			 after->run_key);
	if (change->seq != before->seq)
		sim_fail("4", "%s: claimed by who had seen seq %" PRIu64 ", not %" PRIu64,
			 after->id, change->seq, before->seq);
	if (before->last || instance->tainted)
		sim_fail("5", "%s: claimed although it had served for the last time", after->id);
	if (before->threshold_ms <= after->claimed_ms + MSEC(SIM_CLAIM_SLACK_USEC))
		sim_fail("4", "%s: claimed at the end of its time", after->id);
	if (instance->job.alive || instance->dirty_seq)
		sim_fail("5", "%s: claimed while something of seq %" PRIu64 " is there", after->id,
			 instance->dirty_seq);
	if (before->claimed_ms > 0 &&
	    (rule == REUSE_NEVER || (rule >= REUSE_SAME_REPO && !equal(before->repo, after->repo))))
		sim_fail("2", "%s: served %s, now claimed for %s", after->id, before->repo,
			 after->repo);
}

static bool is_withdrawn(const struct machine *record);

/* By a controller: the registration went first, and a busy runner was left alone unless forced. */
static void check_taken_away(const struct machine *before, const struct change *change,
			     const struct instance *instance)
{
	const struct run_plan *plan = plan_find(before->run_key);

	if (change->testimony.phase != PHASE_NONE || before->state == MACHINE_DRAINING)
		return;
	if (!is_withdrawn(before))
		sim_fail("2", "%s: taken away while its registration stands", before->id);
	if (plan && !plan->force && instance->job.alive && equal(change->reason, "released"))
		sim_fail("8", "%s: released while a job runs on it, and nobody forced it",
			 before->id);
}

static void check_end_of_claim(const struct machine *before, const struct machine *after,
			       const struct change *change)
{
	if (change->seq != before->seq)
		sim_fail("4", "%s: drained by who had seen seq %" PRIu64, after->id, change->seq);
	if (!equal(before->run_key, after->run_key))
		sim_fail("1", "%s: drained and given to %s", after->id, after->run_key);
	if (before->run_key[0] && !equal(change->claimant.run_key, before->run_key))
		sim_fail("1", "%s: run %s drained a machine of %s", after->id,
			 change->claimant.run_key, before->run_key);
	if (!before->run_key[0] && !after->last)
		sim_fail("5", "%s: withdrawn, and yet not for good", after->id);
}

/* Idle: from now on anybody may have it. */
static void check_offer(const struct machine *before, const struct machine *after,
			const struct change *change, const struct instance *instance)
{
	if (after->run_key[0])
		sim_fail("1", "%s: idle and still of run %s", after->id, after->run_key);
	if (change->seq != before->seq)
		sim_fail("4", "%s: offered by who had seen seq %" PRIu64, after->id, change->seq);
	if (before->last)
		sim_fail("5", "%s: offered again after its last claim", after->id);
	if (instance->job.alive || instance->dirty_seq)
		sim_fail("5", "%s: offered while something of seq %" PRIu64 " is there", after->id,
			 instance->dirty_seq);
	if (before->state == MACHINE_DRAINING &&
	    (change->testimony.phase != PHASE_CLEAN || change->testimony.seq != before->seq))
		sim_fail("5", "%s: offered without a word that it is clean", after->id);
}

static void check_expired(const struct machine *before, const struct machine *after)
{
	uint64_t reaped_ms = after->threshold_ms; /* terminated: when it was */

	if (before->threshold_ms + MSEC(SIM_REAP_GRACE_USEC) > reaped_ms)
		sim_fail("8", "%s: reaped %" PRIi64 " ms before its time", after->id,
			 (int64_t)(before->threshold_ms + MSEC(SIM_REAP_GRACE_USEC) - reaped_ms));
}

static void check_terminated(const struct machine *before, const struct machine *after,
			     const struct change *change, const struct instance *instance)
{
	if (change->seq != before->seq || change->threshold_ms != before->threshold_ms)
		sim_fail("4", "%s: terminated by who had seen something else", after->id);
	switch (change->ending) {
	case ENDING_EXPIRED:
		check_expired(before, after);
		break;
	case ENDING_GONE:
		if (instance->exists)
			sim_fail("8", "%s: said to be gone, and is there", after->id);
		break;
	case ENDING_DRAINED:
		if (before->state != MACHINE_DRAINING || !before->last || instance->job.alive ||
		    instance->dirty_seq)
			sim_fail("5", "%s: said to be drained, and is %s", after->id,
				 state_name(before));
		break;
	case ENDING_FAILED:
		if (before->phase != PHASE_FAILED && change->testimony.phase != PHASE_FAILED)
			sim_fail("8", "%s: said to have failed, and never said so", after->id);
		break;
	default:
		if (change->testimony.phase == PHASE_NONE)
			sim_fail("8", "%s: ended by nobody", after->id);
		break;
	}
}

/* Words of the agent's count only from the boot that the record bears. */
static void check_boot(const struct machine *before, const struct machine *after,
		       const struct change *change)
{
	if (change->testimony.phase != PHASE_NONE && before->boot_id[0] &&
	    !equal(before->boot_id, change->testimony.boot_id) &&
	    change->transition != TRANSITION_DRAIN)
		sim_fail("1", "%s: boot %s spoke for %s", after->id, change->testimony.boot_id,
			 before->boot_id);
}

/* A later start with the same key has taken over: the earlier one only looks on. */
static void check_claimant(const struct machine *after)
{
	const struct run_plan *plan = plan_find(after->run_key);
	const struct actor *actor = sim_actor();

	if (!plan || !actor || plan->fence_actor == actor->index || plan->fence_actor == SIZE_MAX ||
	    plan->fence == 0)
		return;
	if (sim_now() > plan->fence_usec + 60 * USEC_PER_SEC &&
	    sim_now() > actor->thaw_usec + 60 * USEC_PER_SEC)
		sim_fail("7", "%s: %s still works for run %s, which another has taken over",
			 after->id, actor->name, plan->key);
}

static void check_move(const struct machine *before, const struct machine *after,
		       const struct change *change, struct instance *instance)
{
	if (!is_step(before, after))
		sim_fail("4", "%s: from %s, seq %" PRIu64 ", to %s, seq %" PRIu64, after->id,
			 state_name(before), before->seq, state_name(after), after->seq);
	if (machine_is_live(after) && after->threshold_ms == 0)
		sim_fail("3", "%s: %s without a threshold", after->id, state_name(after));
	check_boot(before, after, change);

	switch (after->state) {
	case MACHINE_CLAIMED:
		if (before->state == MACHINE_IDLE)
			check_claim(before, after, change, instance);
		else if (before->state == MACHINE_CLAIMED &&
			 (change->seq != before->seq ||
			  !equal(before->run_key, change->claimant.run_key)))
			sim_fail("1", "%s: renewed in the name of another claim", after->id);
		check_claimant(after);
		break;
	case MACHINE_RUNNING:
		if (!equal(before->run_key, after->run_key) || change->seq != before->seq)
			sim_fail("1", "%s: runs under another claim", after->id);
		break;
	case MACHINE_DRAINING:
		check_end_of_claim(before, after, change);
		check_taken_away(before, change, instance);
		break;
	case MACHINE_IDLE:
		check_offer(before, after, change, instance);
		break;
	case MACHINE_TERMINATED:
		check_terminated(before, after, change, instance);
		break;
	default:
		break;
	}
}

static void note_write(const struct machine *before, const struct machine *after,
		       const struct change *change)
{
	if (change)
		sim_note("%s: %s -> %s, seq %" PRIu64 "%s%s%s%s", after->id, state_name(before),
			 state_name(after), after->seq, after->run_key[0] ? ", run " : "",
			 after->run_key, after->last ? ", last" : "",
			 change->reason[0] ? " (because told)" : "");
}

void check_write(_unused_ struct memory_db *db, const struct machine *before,
		 const struct machine *after, const struct change *change)
{
	struct instance *instance = instance_find(after ? after->id : before->id);

	if (!instance) {
		sim_fail("3", "%s: a record of no machine", after ? after->id : before->id);
		return;
	}
	if (!after) {
		if (instance->exists)
			sim_fail("3", "%s: forgotten, and is there", before->id);
		return;
	}
	note_write(before, after, change);
	if (change || !equal(before->boot_id, after->boot_id))
		edge_on_change(after->id);
	instance->recorded = true;
	if (after->threshold_ms > instance->threshold_max_ms)
		instance->threshold_max_ms = after->threshold_ms;
	if (change)
		check_move(before, after, change, instance);
	else
		check_beat(before, after);
	if (change && plan_find(after->run_key))
		instance->held |= 1U << (plan_find(after->run_key) - sim->plans);
	if (change && (change->claimant.fork || change->claimant.reuse == REUSE_NEVER) &&
	    (change->transition == TRANSITION_CLAIM || change->transition == TRANSITION_LAUNCH))
		instance->tainted = true;
}

/* --- the run's record ------------------------------------------------------------------------- */

static void check_run(struct run_plan *plan, const struct run *run)
{
	if (run->fence < plan->fence)
		sim_fail("7", "run %s: its fence went back", run->key);
	if (run->fence > plan->fence) {
		/* Of a write that came late nobody knows the maker. */
		plan->fence_actor = sim_actor() ? sim_actor()->index : SIZE_MAX;
		plan->fence_usec = sim_now();
	}
	plan->fence = run->fence;
	if (plan->verdict != run->verdict) {
		if (plan->verdict == VERDICT_CLOSED ||
		    (plan->verdict != VERDICT_OPEN && run->verdict != VERDICT_CLOSED))
			sim_fail("7", "run %s: its verdict went from %s to %s", run->key,
				 verdict_names[plan->verdict], verdict_names[run->verdict]);
		plan->verdict = run->verdict;
		plan->decided_usec = sim_now();
	}
	for (size_t i = 0; run->verdict == VERDICT_GRANTED && i < run->n_machines; i++) {
		const struct instance *instance = instance_find(run->machines[i]);

		if (!instance || !(instance->held & 1U << (plan - sim->plans)))
			sim_fail("1", "run %s: was given %s, which it never had", run->key,
				 run->machines[i]);
	}
	if (run->verdict == VERDICT_GRANTED && run->n_machines > run->request.count)
		sim_fail("7", "run %s: more machines than asked for", run->key);
}

/* What counts of a registration. */
struct slip {
	uint64_t seq;
	bool closed;
	char job[16]; /* the state of its job; "": none */
};

static int read_slip(const struct item *item, struct slip *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *job = NULL;
	const char *state = "";
	int r = json_parse(item->body, strlen(item->body), "registration", &body, NULL);

	*ret = (struct slip){};
	if (r == 0)
		r = json_get_u64(body, "seq", &ret->seq, NULL);
	if (r >= 0)
		r = json_get_bool(body, "closed", &ret->closed, NULL);
	if (r >= 0)
		r = json_get_object(body, "job", &job, NULL);
	if (r > 0)
		r = json_get_text(job, "state", &state, NULL);
	(void)snprintf(ret->job, sizeof(ret->job), "%s", state);
	return r < 0 ? r : 0;
}

/* What is closed gives out nothing any more. */
static void check_registration(const struct item *standing, const struct item *item)
{
	struct slip before, after;

	if (read_slip(item, &after) == 0)
		sim_note("%s: registration of seq %" PRIu64 "%s%s%s, by %s", item->partition,
			 after.seq, after.closed ? ", closed" : "", after.job[0] ? ", job " : "",
			 after.job, sim_actor() ? sim_actor()->name : "late");
	if (!standing || read_slip(standing, &before) < 0 || read_slip(item, &after) < 0)
		return;
	if (before.closed && before.seq == after.seq && !equal(before.job, after.job) &&
	    !equal(after.job, "done"))
		sim_fail("2",
			 "%s: a job is %s after the registration of seq %" PRIu64 " was withdrawn",
			 item->partition, after.job, after.seq);
}

/* Whether the registration of this claim is closed, and no later one is open. */
static bool is_withdrawn(const struct machine *record)
{
	for (size_t i = 0; i < sim->db->n_items; i++) {
		const struct item *item = &sim->db->items[i];
		struct slip slip;

		if (!equal(item->kind, "registration") || !equal(item->partition, record->id))
			continue;
		return read_slip(item, &slip) == 0 &&
		       (slip.seq > record->seq || (slip.seq == record->seq && slip.closed));
	}
	return false;
}

void check_item(_unused_ struct memory_db *db, const struct item *standing, const struct item *item)
{
	_cleanup_json_ struct json_object *body = NULL;
	_cleanup_run_ struct run run = {};
	struct run_plan *plan;

	if (equal(item->kind, "registration"))
		check_registration(standing, item);
	if (!equal(item->kind, "run"))
		return;
	plan = plan_find(item->partition);
	if (!plan)
		return;
	if (json_parse(item->body, strlen(item->body), "run", &body, NULL) < 0 ||
	    run_from_json(body, &run, NULL) < 0) {
		sim_fail("7", "run %s: an unreadable record", item->partition);
		return;
	}
	check_run(plan, &run);
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
	uint64_t since;

	if (record->state != MACHINE_CLAIMED && record->state != MACHINE_RUNNING)
		return;
	if (!plan || (plan->verdict != VERDICT_CLOSED && plan->verdict != VERDICT_REFUSED))
		return;
	since = plan->decided_usec > sim->calm_usec ? plan->decided_usec : sim->calm_usec;
	/* A job that runs may run to its end; a late request may have claimed it just now. */
	if (instance->job.alive ||
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
	    sim_now() < agent_since(instance) + LEAVE_MS * USEC_PER_MSEC ||
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
