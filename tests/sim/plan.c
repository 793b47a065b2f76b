#include "tests/sim/plan.h"

#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/destroy.h"
#include "controller/follow.h"
#include "controller/provision/provision.h"
#include "controller/refresh.h"
#include "controller/release.h"
#include "tests/sim/check.h"
#include "tests/sim/cloud.h"

#define TROUBLES_MAX 6
#define TROUBLE_SPAN_USEC (240 * USEC_PER_SEC)
#define START_SPAN_USEC (90 * USEC_PER_SEC)
#define RESTART_AFTER_MAX_USEC (30 * USEC_PER_SEC)
#define RELEASE_TIMEOUT_USEC (120 * USEC_PER_SEC)
#define FOLLOW_TIMEOUT_USEC (200 * USEC_PER_SEC)

static struct config config;

/* --- one process of `paddock` ----------------------------------------------------------------- */

/* The controller of the actor that runs the present task. */
static void controller_open(struct controller *controller)
{
	struct actor *actor = sim_actor();

	*controller = (struct controller){
		.config = &config,
		.clock = &actor->clock,
		.store = edge_store(actor),
		.provider = cloud_provider(actor),
		.nonce = actor->index + 1,
		.cancelled = &actor->cancelled,
	};
	if (forge_open("none", controller->store, &controller->forge, NULL) < 0)
		abort();
}

static void controller_close(struct controller *controller)
{
	provider_close(controller->provider);
	forge_close(controller->forge);
	store_close(controller->store);
}

static struct actor *controller_actor(const char *verb, const char *what)
{
	char name[40];
	struct actor *actor;

	(void)snprintf(name, sizeof(name), "%s %.24s", verb, what);
	actor = actor_new(name);
	actor->skew_ms = check_skew();
	actor->wall_offset_ms = (int64_t)sim_between(0, 7200000) - 3600000;
	return actor;
}

/* --- a run: provision, jobs, release ---------------------------------------------------------- */

static void start_controller(void *context);

/* Two that ask with the same key are given the same. */
static void compare_grants(struct run_plan *plan, const struct provision_result *result)
{
	if (result->machines.n < plan->request.min_count ||
	    result->machines.n > plan->request.count)
		sim_fail("7", "run %s: %zu machines were granted", plan->key, result->machines.n);
	if (plan->n_granted == 0) {
		for (size_t i = 0; i < result->machines.n && i < SIM_MACHINES_MAX; i++)
			(void)!str_copy(plan->granted[plan->n_granted++], MACHINE_ID_MAX,
					result->machines.rows[i].id);
		return;
	}
	for (size_t i = 0; i < result->machines.n; i++) {
		bool known = false;

		for (size_t k = 0; k < plan->n_granted; k++)
			known |= strcmp(plan->granted[k], result->machines.rows[i].id) == 0;
		if (!known)
			sim_fail("7",
				 "run %s: %s was granted to one controller, and not to another",
				 plan->key, result->machines.rows[i].id);
	}
}

static void run_job(struct controller *controller, struct run_plan *plan,
		    const struct provision_result *result, struct job *job, FILE *nowhere)
{
	struct follow follows[SIM_MACHINES_MAX];
	size_t n = result->machines.n < SIM_MACHINES_MAX ? result->machines.n : SIM_MACHINES_MAX;
	const struct follow_options options = {
		.out = nowhere,
		.err = nowhere,
		.deadline = deadline_in(controller->clock, FOLLOW_TIMEOUT_USEC),
	};
	int r;

	for (size_t i = 0; i < n; i++)
		follow_init(&follows[i], &result->machines.rows[i]);
	r = follow_submit(controller, follows, n, job, NULL);
	if (r == 0)
		r = follow_all(controller, follows, n, &options, NULL);
	for (size_t i = 0; r == 0 && i < n; i++)
		plan->jobs_done += follows[i].state == FOLLOW_DONE;
	for (size_t i = 0; i < n; i++)
		follow_done(&follows[i]);
}

static void release(struct controller *controller, const char *key, bool wait, bool force)
{
	const struct release_options options = {
		.run_key = key,
		.wait = wait,
		.force = force,
		.timeout_usec = RELEASE_TIMEOUT_USEC,
	};
	_cleanup_release_result_ struct release_result result = {};

	if (release_run(controller, &options, &result, NULL) == 0 && !sim_actor()->dead)
		check_released(plan_find(key));
}

/* One that nobody has asked for before. */
static void new_command(struct job *job)
{
	char name[32];
	char *argv[] = { name, NULL };

	(void)snprintf(name, sizeof(name), "command-%u", ++sim->commands);
	if (job_set_command(job, argv, 1) < 0)
		abort();
}

/* What a workflow does with its run. Returns whether it came to an answer. */
static bool use_run(struct controller *controller, struct run_plan *plan)
{
	_cleanup_job_ struct job job = {};
	struct provision_options options = {
		.request = plan->request,
		.timeout_usec = plan->timeout_usec,
	};
	_cleanup_provision_result_ struct provision_result result = {};
	FILE *nowhere = fopen("/dev/null", "w");
	bool has_machines;
	int r;

	if (!nowhere)
		abort();
	new_command(&job);
	if (plan->first_job)
		options.job = &job;
	r = provision_run(controller, &options, &result, NULL);
	if (!sim_actor()->dead)
		sim_note("%s: r %d, end %d, %s", sim_actor()->name, r,
			 r == 0 ? (int)result.end : -1, result.reason);
	has_machines = r == 0 && !sim_actor()->dead &&
		       (result.end == PROVISION_GRANTED || result.end == PROVISION_PARTIAL);
	if (has_machines)
		compare_grants(plan, &result);
	for (unsigned i = 0; has_machines && i < plan->jobs && !sim_actor()->dead; i++) {
		new_command(&job);
		run_job(controller, plan, &result, &job, nowhere);
	}
	if (has_machines && plan->release && !sim_actor()->dead)
		release(controller, plan->key, plan->wait, plan->force);
	fclose(nowhere);
	return r >= 0 && !sim_actor()->dead;
}

static void run_controller(void *context)
{
	struct run_plan *plan = context;
	struct controller controller;
	bool answered;

	controller_open(&controller);
	answered = use_run(&controller, plan);
	controller_close(&controller);
	plan->disturbed |= !answered;
	/* Killed, or it gave up because of an error: a workflow may start it again. */
	if (answered) {
		plan->ended++;
	} else if (plan->restarts > 0 && !sim->ending) {
		plan->restarts--;
		sim_at(sim_now() + sim_between(0, RESTART_AFTER_MAX_USEC), start_controller, plan);
	} else {
		plan->abandoned++;
	}
}

static void start_controller(void *context)
{
	struct run_plan *plan = context;

	if (sim->ending)
		return;
	task_start(controller_actor("provision", plan->key), run_controller, plan);
}

void plan_overtake(struct actor *actor, const char *key, const char *id)
{
	struct run_plan *plan = plan_find(key);
	struct instance *instance = instance_find(id);
	uint64_t usec = sim_between(10, 60) * USEC_PER_SEC;

	if (!plan || !instance || sim->fair || sim_is_calm() || !sim_chance(500))
		return;
	plan->disturbed = true;
	plan->starters++;
	sim_at(sim_now() + sim_between(0, 2 * USEC_PER_SEC), start_controller, plan);
	if (instance->agent && !instance->agent->dead)
		instance->agent->cut_until_usec = sim_now();
	if (usec > sim->calm_usec - sim_now())
		usec = sim->calm_usec - sim_now();
	actor_freeze(actor, usec);
}

static void run_release(void *context)
{
	struct run_plan *plan = context;
	struct controller controller;

	controller_open(&controller);
	release(&controller, plan->key, plan->wait, plan->force);
	controller_close(&controller);
}

static void start_release(void *context)
{
	struct run_plan *plan = context;

	if (!sim->ending)
		task_start(controller_actor("release", plan->key), run_release, plan);
}

struct run_plan *plan_find(const char *key)
{
	for (size_t i = 0; i < sim->n_plans; i++) {
		if (strcmp(sim->plans[i].key, key) == 0)
			return &sim->plans[i];
	}
	return NULL;
}

static void draw_request(struct run_plan *plan, size_t index)
{
	struct request *request = &plan->request;
	struct claimant *claimant = &request->claimant;

	request->count = sim->crowded ? 1 : sim_between(1, 3);
	request->min_count = sim_between(1, request->count);
	request->no_create = sim_chance(sim->crowded ? 700 : 150);
	(void)!str_copy(request->class_name, sizeof(request->class_name), "large");
	request->usage = USAGE_ON_DEMAND;
	(void)snprintf(claimant->run_key, sizeof(claimant->run_key), "%zu-1-run", index + 1);
	(void)!str_copy(plan->key, sizeof(plan->key), claimant->run_key);
	(void)snprintf(claimant->repo, sizeof(claimant->repo), "owner/repo-%u", sim_pick(2));
	(void)!str_copy(claimant->workflow, sizeof(claimant->workflow), "ci.yml");
	claimant->reuse = sim_chance(500) ? REUSE_ANY : REUSE_SAME_REPO;
	claimant->fork = sim_chance(150);
}

static void draw_run(size_t index)
{
	struct run_plan *plan = &sim->plans[index];

	*plan = (struct run_plan){
		.timeout_usec = sim_between(60, 150) * USEC_PER_SEC,
		.starters = 1,
	};
	draw_request(plan, index);
	plan->start_usec = sim_between(0, START_SPAN_USEC);
	plan->jobs = sim_pick(3);
	plan->first_job = sim_chance(400);
	plan->release = !sim_chance(250);
	plan->wait = sim_chance(400);
	plan->force = sim_chance(300);
	plan->restarts = sim_pick(4);
	sim_at(plan->start_usec, start_controller, plan);
	if (sim_chance(300)) {
		plan->second_usec = plan->start_usec + sim_between(0, 20 * USEC_PER_SEC);
		plan->starters++;
		sim_at(plan->second_usec, start_controller, plan);
	}
	if (sim_chance(300)) {
		plan->release_usec = plan->start_usec + sim_between(0, 120 * USEC_PER_SEC);
		sim_at(plan->release_usec, start_release, plan);
	}
}

/* --- cron ------------------------------------------------------------------------------------- */

static void run_refresh(_unused_ void *context)
{
	_cleanup_refresh_result_ struct refresh_result result = {};
	struct controller controller;

	controller_open(&controller);
	(void)!refresh_run(&controller, false, &result, NULL);
	controller_close(&controller);
}

static void start_refresh(void *context)
{
	if (sim->ending)
		return;
	task_start(controller_actor("refresh", ""), run_refresh, NULL);
	/* Sometimes two at once. */
	if (sim_chance(100))
		task_start(controller_actor("refresh", "too"), run_refresh, NULL);
	sim_at(sim_now() + SIM_REFRESH_USEC, start_refresh, context);
}

static void run_warm(void *context)
{
	_cleanup_warm_result_ struct warm_result result = {};
	struct controller controller;

	controller_open(&controller);
	(void)!provision_warm(&controller, class_find(&config.classes, "large"),
			      (uint64_t)(uintptr_t)context, 60 * USEC_PER_SEC, &result, NULL);
	controller_close(&controller);
}

static void start_warm(void *context)
{
	if (!sim->ending)
		task_start(controller_actor("warm", ""), run_warm, context);
}

static void run_destroy(void *context)
{
	struct instance *instance = context;
	struct controller controller;

	controller_open(&controller);
	(void)!destroy_machine(&controller, instance->id, true, 5 * USEC_PER_SEC, NULL);
	controller_close(&controller);
}

/* --- what befalls them ------------------------------------------------------------------------ */

enum trouble {
	TROUBLE_FREEZE,
	TROUBLE_KILL,
	TROUBLE_CUT,
	TROUBLE_NOTICE,
	TROUBLE_REBOOT,
	TROUBLE_STORE,
	TROUBLE_FORGE,
	TROUBLE_CLOUD,
	TROUBLE_CAPACITY,
	TROUBLE_CLOCK,
	TROUBLE_CANCEL,
	TROUBLE_FREEZE_CONTROLLER,
	TROUBLE_KILL_CONTROLLER,
	TROUBLE_DESTROY,
	_TROUBLE_MAX,
};

static struct instance *any_instance(void)
{
	size_t n = sim->n_instances, first = sim_pick((uint32_t)n);

	for (size_t i = 0; i < n; i++) {
		struct instance *instance = &sim->instances[(first + i) % n];

		if (instance->agent && !instance->agent->dead)
			return instance;
	}
	return NULL;
}

static bool is_agent(const struct actor *actor)
{
	return strncmp(actor->name, "agent", 5) == 0;
}

static struct actor *any_controller(void)
{
	size_t n = sim->n_actors, first = sim_pick((uint32_t)n);

	for (size_t i = 0; i < n; i++) {
		struct actor *actor = &sim->actors[(first + i) % n];

		if (!actor->dead && !is_agent(actor) && !actor->left)
			return actor;
	}
	return NULL;
}

static void trouble_an_agent(enum trouble trouble, uint64_t usec)
{
	struct instance *instance = any_instance();

	if (!instance)
		return;
	instance->excused = true;
	switch (trouble) {
	case TROUBLE_FREEZE:
		actor_freeze(instance->agent, usec);
		break;
	case TROUBLE_KILL:
		instance_kill_agent(instance);
		break;
	case TROUBLE_CUT:
		sim_note("%s: cut off for %.1f s", instance->agent->name,
			 (double)usec / USEC_PER_SEC);
		instance->agent->cut_until_usec = sim_now() + usec;
		break;
	case TROUBLE_NOTICE:
		instance_notice(instance);
		break;
	case TROUBLE_REBOOT:
		instance_reboot(instance);
		break;
	default:
		task_start(controller_actor("destroy", instance->id), run_destroy, instance);
		break;
	}
}

static void trouble_a_controller(enum trouble trouble, uint64_t usec)
{
	struct actor *actor = any_controller();

	if (!actor)
		return;
	if (trouble == TROUBLE_FREEZE_CONTROLLER) {
		actor_freeze(actor, usec);
	} else if (trouble == TROUBLE_KILL_CONTROLLER) {
		actor_kill(actor);
	} else {
		sim_note("%s: Ctrl-C", actor->name);
		actor->cancelled = 1;
	}
}

static void trouble_everybody(uint64_t *until, const char *what, uint64_t usec)
{
	sim_note("%s for %.1f s", what, (double)usec / USEC_PER_SEC);
	*until = sim_now() + usec;
	for (size_t i = 0; i < sim->n_instances; i++)
		sim->instances[i].excused = true;
}

static void jump_clocks(void)
{
	for (size_t i = 0; i < sim->n_actors; i++) {
		if (!sim->actors[i].dead && sim_chance(300))
			sim->actors[i].skew_ms = check_skew();
	}
}

static void trouble_comes(_unused_ void *context)
{
	enum trouble trouble = (enum trouble)sim_pick(_TROUBLE_MAX);
	uint64_t usec = USEC_PER_SEC << sim_pick(9);

	if (sim_is_calm())
		return;
	if (usec > sim->calm_usec - sim_now())
		usec = sim->calm_usec - sim_now();
	switch (trouble) {
	case TROUBLE_STORE:
		trouble_everybody(&sim->store_away_until_usec, "the store is away", usec);
		break;
	case TROUBLE_FORGE:
		trouble_everybody(&sim->forge_away_until_usec, "the forge is away", usec);
		break;
	case TROUBLE_CLOUD:
		trouble_everybody(&sim->cloud_away_until_usec, "the cloud is away", usec);
		break;
	case TROUBLE_CAPACITY:
		trouble_everybody(&sim->no_capacity_until_usec, "capacity is short", usec);
		break;
	case TROUBLE_CLOCK:
		jump_clocks();
		break;
	case TROUBLE_CANCEL:
	case TROUBLE_FREEZE_CONTROLLER:
	case TROUBLE_KILL_CONTROLLER:
		trouble_a_controller(trouble, usec);
		break;
	default:
		trouble_an_agent(trouble, usec);
		break;
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

static void config_once(void)
{
	if (config.classes.n > 0)
		return;
	if (config_init(&config, NULL) < 0)
		abort();
	config.pool = (char *)"table";
	config.provider = (char *)"sim";
	config.forge = (char *)"none";
	config.boot_usec = SIM_BOOT_USEC;
	config.idle_usec = SIM_IDLE_USEC;
	config.claim_usec = SIM_CLAIM_USEC;
	config.drain_usec = SIM_DRAIN_USEC;
	config.run_usec = SIM_RUN_USEC;
	config.claim_slack_usec = SIM_CLAIM_SLACK_USEC;
	config.reap_grace_usec = SIM_REAP_GRACE_USEC;
	config.beat_usec = SIM_BEAT_USEC;
	config.poll_usec = SIM_POLL_USEC;
}

static void draw_weather(void)
{
	static const unsigned rates[] = { 0, 20, 60, 150, 300 };

	sim->trouble_permille = rates[sim_pick(ARRAY_SIZE(rates))];
	sim->fair = sim_chance(120);
	sim->stale_scans = sim_chance(400);
	if (sim->fair) {
		sim->trouble_permille = 0;
		sim->focus = -1;
		return;
	}
	/* Three of four. */
	sim->fates = sim_draw();
	sim->fates |= sim_draw();
	sim->focus = sim_chance(600) ? (int)sim_pick(_TRANSITION_MAX) : -1;
	sim->crowded = sim_chance(400);
	sim->lossy_pool = sim_chance(200);
	sim->agents_restart = sim_chance(500);
}

void plan_start(void)
{
	size_t warm, troubles;

	config_once();
	draw_weather();
	warm = sim_pick(4);
	sim->n_plans = 1 + sim_pick(sim->crowded ? SIM_RUNS_MAX : SIM_RUNS_MAX / 2);
	for (size_t i = 0; i < sim->n_plans; i++)
		draw_run(i);
	if (warm > 0)
		sim_at(0, start_warm, (void *)(uintptr_t)warm); /* NOLINT: a number in passing */
	sim_at(sim_between(0, SIM_REFRESH_USEC), start_refresh, NULL);
	troubles = sim->fair ? 0 : sim_pick(TROUBLES_MAX + 1);
	for (size_t i = 0; i < troubles; i++)
		sim_at(sim_between(0, TROUBLE_SPAN_USEC), trouble_comes, NULL);
}
