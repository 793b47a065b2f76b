/*
 * observe → decide → act, until there is a verdict. The decisions are decide.c's; this file only
 * turns them into the steps of begin.c, select.c, launch.c and post.c.
 *
 * Two things happen at every turn whatever the step is: machines that are lost are let go (their
 * places are filled again by the next decision), and claims that have used half of their time are
 * renewed.
 */

#include "controller/provision/provision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"
#include "controller/provision/steps.h"

void provision_result_done(struct provision_result *result)
{
	records_done(&result->machines);
	notes_done(&result->notes);
}

static void provision_done(struct provision *p)
{
	run_done(&p->run);
	free(p->mine);
	words_free(p->types);
	pool_close(p->pool);
}

static int provision_init(struct provision *p, struct fault *fault)
{
	const struct controller *controller = p->controller;
	const struct request *request = &p->options->request;
	uint64_t seed = hash_text(request->claimant.run_key);
	int r;

	p->class_ = class_find(&controller->config->classes, request->class_name);
	if (!p->class_)
		return fault_set(fault, EINVAL, "there is no resource class '%s'",
				 request->class_name);
	if (controller->config->max_machines > 0 &&
	    request->count > controller->config->max_machines)
		return fault_cure(fault,
				  fault_set(fault, EINVAL,
					    "%llu machines are asked for, and a run may have %llu",
					    (unsigned long long)request->count,
					    (unsigned long long)controller->config->max_machines),
				  "ask for fewer, or raise max-machines");
	config_leases(controller->config, &p->leases);
	if (request->max_runtime_ms > 0)
		p->leases.max_runtime_ms = request->max_runtime_ms;

	r = words_split(request->types, &p->types);
	if (r < 0)
		return r;
	p->want = (struct want){
		.class_ = p->class_,
		.types = p->types->words,
		.n_types = p->types->n,
		.usage = request->usage,
		.needs = request->needs,
		.provider = controller->provider->ops->name,
		.claimant = request->claimant,
	};
	if (controller->provider->ops->image) {
		r = controller->provider->ops->image(controller->provider, p->want.claimant.image,
						     sizeof(p->want.claimant.image), fault);
		if (r < 0)
			return r;
	}
	p->view.breaker = controller->config->launch_breaker;
	p->start_usec = clock_boot_usec(controller->clock);
	p->deadline = deadline_in(controller->clock, p->options->timeout_usec);
	return controller_open_pool(controller, seed, &p->pool, fault);
}

static uint64_t elapsed_usec(const struct provision *p)
{
	return clock_boot_usec(p->controller->clock) - p->start_usec;
}

static int finish(struct provision *p, enum provision_end end, const char *reason)
{
	struct provision_result *result = p->result;

	result->end = end;
	result->wait_usec = elapsed_usec(p);
	(void)!str_copy(result->reason, sizeof(result->reason), reason);
	return 0;
}

/* Machines of the verdict, as they stand; also those that have been lost since, so that a reader of
 * the result sees them. */
static int collect_granted(struct provision *p, struct fault *fault)
{
	const char **ids = calloc(p->run.n_machines + 1, sizeof(*ids));
	struct machine *rows = calloc(p->run.n_machines + 1, sizeof(*rows));
	int r = ids && rows ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < p->run.n_machines; i++)
		ids[i] = p->run.machines[i];
	if (r == 0)
		r = controller_get(p->controller, ids, p->run.n_machines, rows, fault);
	for (size_t i = 0; r == 0 && i < p->run.n_machines; i++) {
		if (rows[i].state != MACHINE_NONE)
			r = records_add(&p->result->machines, &rows[i]);
		p->result->n_warm += !run_made(&p->run, &rows[i]);
	}
	free(ids);
	free(rows);
	return r;
}

static bool is_granted(const struct run *run, const char *id)
{
	for (size_t i = 0; i < run->n_machines; i++) {
		if (strcmp(run->machines[i], id) == 0)
			return true;
	}
	return false;
}

/* Whatever bears the run's key and is not in its grant. */
static int let_spare_go(struct provision *p, struct fault *fault)
{
	_cleanup_free_ bool *keep = calloc(p->n_mine + 1, sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++)
		keep[i] = is_granted(&p->run, p->mine[i].machine.id);
	return provision_let_go(p, keep, true, "more machines came than were asked for", fault);
}

/* The verdict is written, by us or by somebody with the same key: act on it. What we have claimed
 * before we saw it, and it does not name, is given back. */
static int share_verdict(struct provision *p, struct fault *fault)
{
	const struct run *run = &p->run;
	bool partial;
	int r;

	if (run->verdict != VERDICT_GRANTED) {
		r = provision_let_go(p, NULL, run->verdict != VERDICT_CLOSED,
				     "its run was given up", fault);
		if (r < 0)
			return r;
		return finish(p,
			      run->verdict == VERDICT_CLOSED ? PROVISION_CLOSED : PROVISION_REFUSED,
			      run->reason);
	}

	r = let_spare_go(p, fault);
	if (r == 0)
		r = collect_granted(p, fault);
	if (r < 0)
		return r;
	partial = run->n_machines < run->request.count;
	return finish(p, partial ? PROVISION_PARTIAL : PROVISION_GRANTED,
		      partial ? "fewer machines than asked for could be had" : "");
}

static int act_grant(struct provision *p, const struct judgement *judgements, struct fault *fault)
{
	_cleanup_free_ bool *keep = calloc(p->n_mine + 1, sizeof(*keep));
	size_t n;
	int r;

	if (!keep)
		return -ENOMEM;
	n = provision_choose(&p->view, judgements, keep);
	r = provision_grant(p, keep, n, fault);
	if (r != 0)
		return r == STORE_REFUSED ? 0 : r;

	/* An earlier start of this run may have claimed since we looked; now that the verdict is
	 * there, it will find what it has not been given. */
	p->scanned = false;
	r = provision_observe(p, fault);
	return r < 0 ? r : let_spare_go(p, fault);
}

static int act_refuse(struct provision *p, const struct decision *decision, struct fault *fault)
{
	int r;

	r = provision_refuse(p, decision->why, fault);
	if (r != 0)
		return r == STORE_REFUSED ? 0 : r;
	r = provision_let_go(p, NULL, true, decision->why, fault);
	if (r < 0)
		return r;
	return finish(p, decision->interrupted ? PROVISION_INTERRUPTED : PROVISION_REFUSED,
		      decision->why);
}

static int let_lost_go(struct provision *p, const struct judgement *judgements, struct fault *fault)
{
	for (size_t i = 0; i < p->n_mine; i++) {
		const char *id = p->mine[i].machine.id;

		if (judgements[i].standing != STANDING_LOST)
			continue;
		controller_say(p->controller, "%s: %s", id, judgements[i].why);
		notes_add(&p->result->notes, id, p->view.now_ms, "let go: %s", judgements[i].why);
	}
	return provision_let_lost_go(p, judgements, fault);
}

/* 1: the end is reached. attempt counts the looks since something last moved. */
static int act(struct provision *p, const struct decision *decision,
	       const struct judgement *judgements, unsigned *attempt, struct fault *fault)
{
	int r = 0;

	/* What is held and not wanted is for others to see, and not only when this run is over. */
	if (decision->step != STEP_SELECT)
		provision_leave_pool(p);
	switch (decision->step) {
	case STEP_SELECT:
		r = provision_select(p, decision->count, fault);
		p->result->select_usec = elapsed_usec(p);
		break;
	case STEP_LAUNCH:
		controller_say(p->controller, "making %zu", decision->count);
		r = provision_intend(p, decision->count, fault);
		break;
	case STEP_REPLAY:
		r = provision_replay(p, fault);
		p->result->select_usec = elapsed_usec(p);
		break;
	case STEP_GRANT:
		r = act_grant(p, judgements, fault);
		break;
	case STEP_REFUSE:
		r = act_refuse(p, decision, fault);
		return r < 0 ? r : p->result->end != PROVISION_UNDECIDED;
	case STEP_SHARE:
		r = share_verdict(p, fault);
		return r < 0 ? r : 1;
	case STEP_FOLLOW:
		p->result->shared = true;
		if (p->view.timed_out || p->view.cancelled) {
			(void)finish(p, PROVISION_UNDECIDED,
				     "another start of this run has taken over and is not done");
			return 1;
		}
		controller_pause(p->controller, (*attempt)++, &p->deadline);
		return 0;
	case STEP_WAIT:
		controller_pause(p->controller, (*attempt)++, &p->deadline);
		return 0;
	}
	*attempt = 0;
	return r < 0 ? r : 0;
}

static int turn(struct provision *p, unsigned *attempt, struct fault *fault)
{
	_cleanup_free_ struct judgement *judgements = NULL;
	struct decision decision;
	int r;

	r = provision_observe(p, fault);
	if (r < 0)
		return r;

	judgements = calloc(p->n_mine + 1, sizeof(*judgements));
	if (!judgements)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++)
		judgements[i] = sighting_judge(&p->mine[i], p->run.key, p->view.now_ms);

	decision = provision_decide(&p->view, judgements);
	if (decision.step != STEP_SHARE && decision.step != STEP_FOLLOW) {
		r = let_lost_go(p, judgements, fault);
		if (r == STORE_REFUSED)
			return 0;
		if (r == 0)
			r = provision_register(p, fault);
		if (r == 0)
			r = provision_renew(p, fault);
		if (r < 0)
			return r;
	}
	return act(p, &decision, judgements, attempt, fault);
}

int provision_run(const struct controller *controller, const struct provision_options *options,
		  struct provision_result *ret, struct fault *fault)
{
	_cleanup_(provision_done) struct provision p = {
		.controller = controller,
		.options = options,
		.result = ret,
	};
	unsigned attempt = 0;
	struct fault ignored;
	int r;

	*ret = (struct provision_result){ .end = PROVISION_UNDECIDED };
	r = provision_init(&p, fault);
	if (r == 0)
		r = provision_begin(&p, fault);
	if (r < 0)
		return r;

	ret->shared = p.run.verdict != VERDICT_OPEN;
	do
		r = turn(&p, &attempt, fault);
	while (r == 0);

	if (notes_write(controller, options->request.claimant.run_key, &ret->notes, &ignored) < 0)
		controller_say(controller, "cannot keep the notes of this run: %s",
			       fault_text(&ignored, -EIO));
	if (r >= 0 && ret->end == PROVISION_REFUSED && p.trouble < 0) {
		if (fault)
			*fault = p.trouble_fault;
		return p.trouble;
	}
	return r < 0 ? r : 0;
}
