/* What may be written into the records of machines, runs and registrations. */

#include <inttypes.h>
#include <stdio.h>

#include "common/base/json.h"
#include "common/domain/run.h"
#include "tests/sim/check.h"
#include "tests/sim/plan.h"

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

/* By a controller that takes its agent for lost, which nobody may when it has been granted and
 * works. */
static void check_given_up(const struct machine *before, const struct run_plan *plan,
			   const struct instance *instance)
{
	if (plan && plan->verdict == VERDICT_GRANTED &&
	    (instance->granted & 1U << (plan - sim->plans)) &&
	    machine_is_healthy(before, sim_now_ms() + SKEWS_MS) &&
	    (machine_says(before, PHASE_LISTENING) || machine_says(before, PHASE_BUSY)))
		sim_fail("7", "%s: taken for lost although run %s was granted it", before->id,
			 plan->key);
}

/* By a controller: the registration went first, and a busy runner was left alone unless forced. */
static void check_taken_away(const struct machine *before, const struct change *change,
			     const struct instance *instance)
{
	const struct run_plan *plan = plan_find(before->run_key);

	if (change->testimony.phase != PHASE_NONE || before->state == MACHINE_DRAINING)
		return;
	if (change->unheard) {
		check_given_up(before, plan, instance);
		return;
	}
	if (!is_withdrawn(before))
		sim_fail("2", "%s: taken away while its registration stands", before->id);
	/* Who let it go by force, because it seemed lost, may have died over it. */
	if (plan && !plan->force && instance->job.alive && instance->exists && sim_actor() &&
	    instance->closed_by == sim_actor() &&
	    (equal(change->reason, "released") ||
	     (plan->verdict == VERDICT_CLOSED && equal(change->reason, "its run was given up"))))
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
	    !equal(before->boot_id, change->testimony.boot_id))
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
		struct instance *instance = instance_find(run->machines[i]);

		if (!instance || !(instance->held & 1U << (plan - sim->plans)))
			sim_fail("1", "run %s: was given %s, which it never had", run->key,
				 run->machines[i]);
		else
			instance->granted |= 1U << (plan - sim->plans);
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
	if (after.closed && instance_find(item->partition))
		instance_find(item->partition)->closed_by = sim_actor();
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
