#include "tests/sim/cloud.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "common/base/io.h"
#include "common/domain/run.h"
#include "tests/sim/check.h"
#include "tests/sim/event.h"

#define DESCRIBED_AFTER_USEC (60 * USEC_PER_SEC) /* until then it may not be seen */
#define LAUNCH_MIN_USEC USEC_PER_SEC
#define LAUNCH_SLOW_USEC (100 * USEC_PER_SEC)
#define LAUNCH_MAX_USEC (20 * USEC_PER_SEC)
#define END_MAX_USEC (10 * USEC_PER_SEC)
#define RESTART_MIN_USEC USEC_PER_SEC
#define RESTART_MAX_USEC (10 * USEC_PER_SEC)

static void boot(void *context);

/* --- the agent's process --------------------------------------------------------------------- */

static void gone(void *context)
{
	struct instance *instance = context;

	if (instance->agent)
		actor_kill(instance->agent);
	instance_job_ends(instance);
	instance->exists = false;
	sim_note("%s: gone", instance->id);
}

static void power_off(struct instance *instance)
{
	if (instance->ending)
		return;
	instance->ending = true;
	sim_at(sim_now() + sim_between(USEC_PER_SEC, END_MAX_USEC), gone, instance);
}

/* The lock is free once the last job of the one before is dead. */
static void restart(void *context)
{
	struct instance *instance = context;

	if (!instance->exists || instance->ending || instance->agent)
		return;
	if (instance->job.alive) {
		sim_at(sim_now() + RESTART_MIN_USEC, restart, instance);
		return;
	}
	boot(instance);
}

static void run_agent(void *context)
{
	struct instance *instance = context;
	struct actor *actor = instance->agent;
	struct agent_config config = {
		.machine = instance->id,
		.forge = (char *)"none",
		.provider = (char *)"sim",
		.beat_usec = SIM_BEAT_USEC,
		.beat_running_usec = SIM_BEAT_RUNNING_USEC,
		.watch_usec = SIM_WATCH_USEC,
		.boot_usec = SIM_BOOT_USEC,
		.stop_grace_usec = 5 * USEC_PER_SEC,
	};
	const struct home home = { .dir = (char *)"/", .fd = -1, .lock_fd = -1 };
	char address[32];
	const struct agent_options options = {
		.config = &config,
		.boot_id = instance->boot_id,
		.store_address = address,
		.home = &home,
		.clock = &actor->clock,
		.runner = &sim_runner_ops,
		.open_store = edge_open,
		.open_forge = forge_open,
		.seed = actor->index,
	};
	struct agent *agent = NULL;
	bool killed;
	int r;

	(void)snprintf(address, sizeof(address), "sim:%zu", actor->index);
	r = agent_new(&options, &agent, NULL);
	if (r == 0)
		r = agent_run(agent);
	killed = actor->dead;
	instance->excused = instance->excused || killed;
	instance->loop = NULL;
	agent_free(agent);
	instance->agent = NULL;
	if (sim->ending)
		return;
	sim_note("%s: %s", actor->name, killed ? "is dead" : "has left");
	if (!killed) {
		check_leaves(instance, actor);
		power_off(instance);
	} else if (sim->agents_restart && instance->exists && !instance->ending)
		sim_at(sim_now() + sim_between(RESTART_MIN_USEC, RESTART_MAX_USEC), restart,
		       instance);
	else if (!sim->agents_restart)
		power_off(instance); /* `local`: the machine is its agent */
}

static void boot(void *context)
{
	struct instance *instance = context;
	char name[MACHINE_ID_MAX + 16];

	if (!instance->exists || instance->ending || instance->agent || sim->ending)
		return;
	if (instance->boots == 0 || sim_chance(500))
		(void)snprintf(instance->boot_id, sizeof(instance->boot_id), "boot-%u-%.20s",
			       ++instance->boots, instance->id);
	(void)snprintf(name, sizeof(name), "agent of %s", instance->id);
	instance->agent = actor_new(name);
	instance->agent->is_agent = true;
	instance->agent->skew_ms = check_skew();
	instance->agent->wall_offset_ms = (int64_t)sim_between(0, 7200000) - 3600000;
	instance->agent_since_usec = sim_now();
	sim_note("%s: starts (%s)", instance->agent->name, instance->boot_id);
	task_start(instance->agent, run_agent, instance);
}

void instance_kill_agent(struct instance *instance)
{
	if (!instance->agent || instance->agent->dead)
		return;
	instance->excused = true;
	actor_kill(instance->agent);
}

void instance_reboot(struct instance *instance)
{
	if (!instance->exists || instance->ending || !sim->agents_restart)
		return;
	sim_note("%s: reboots", instance->id);
	instance->boots++;
	(void)snprintf(instance->boot_id, sizeof(instance->boot_id), "boot-%u-%.20s",
		       instance->boots, instance->id);
	instance_job_ends(instance);
	instance_kill_agent(instance);
}

void instance_notice(struct instance *instance)
{
	if (!instance->loop || instance->agent->dead)
		return;
	sim_note("%s: notice", instance->id);
	instance->noticed = instance->agent;
	instance->noticed_usec = sim_now();
	instance->excused = true;
	sim_raise(instance->loop, SIGTERM);
}

void instance_job_ends(struct instance *instance)
{
	instance->job.alive = false;
	instance->job.ended_usec = sim_now();
}

struct instance *instance_find(const char *id)
{
	for (size_t i = 0; i < sim->n_instances; i++) {
		if (strcmp(sim->instances[i].id, id) == 0)
			return &sim->instances[i];
	}
	return NULL;
}

/* --- the provider ---------------------------------------------------------------------------- */

struct sim_provider {
	struct provider provider;
	struct actor *actor;
};

static struct actor *actor_of(struct provider *provider)
{
	return container_of(provider, struct sim_provider, provider)->actor;
}

static uint64_t draw_boot_usec(void)
{
	return sim_between(LAUNCH_MIN_USEC, sim_chance(150) ? LAUNCH_SLOW_USEC : LAUNCH_MAX_USEC);
}

/* Its id tells nothing of its token, as in a real cloud. */
static struct instance *find_made(const char *token, size_t index)
{
	for (size_t i = 0; i < sim->n_instances; i++) {
		if (sim->instances[i].index == index && strcmp(sim->instances[i].token, token) == 0)
			return &sim->instances[i];
	}
	return NULL;
}

static struct instance *launch_one(const char *token, size_t index, const char *correlation)
{
	struct instance *instance;

	if (sim->n_instances == SIM_INSTANCES_MAX)
		return NULL;
	instance = &sim->instances[sim->n_instances++];
	*instance = (struct instance){
		.exists = true,
		.launched_usec = sim_now(),
		.index = index,
	};
	(void)snprintf(instance->id, sizeof(instance->id), "i-%03zu", sim->n_instances);
	(void)!str_copy(instance->token, sizeof(instance->token), token);
	(void)!str_copy(instance->correlation, sizeof(instance->correlation), correlation);
	sim_note("%s: launched for %s", instance->id, correlation);
	check_launch(instance);
	/* Some never come up. */
	if (sim->fair)
		sim_at(sim_now() + LAUNCH_MIN_USEC, boot, instance);
	else if (sim_is_calm() || !sim_chance(20))
		sim_at(sim_now() + draw_boot_usec(), boot, instance);
	return instance;
}

static void fill_handle(const struct instance *instance, struct handle *ret)
{
	*ret = (struct handle){ .provider = "sim", .type = "sim.large", .arch = "x86_64" };
	ret->launched_ms = sim_ms_at(instance->launched_usec);
	(void)!str_copy(ret->id, sizeof(ret->id), instance->id);
	(void)!str_copy(ret->correlation, sizeof(ret->correlation), instance->correlation);
}

struct late_launch {
	char token[MACHINE_ID_MAX];
	char correlation[RUN_KEY_MAX];
	size_t count;
};

/* Makes up to count, unless the token was used before: then it gives what it gave. Returns how
 * many.
 */
static size_t launch_all(const char *token, size_t count, const char *correlation)
{
	struct launch *launch = sim->launches;
	size_t i = 0;

	while (i < sim->n_launches && strcmp(launch[i].token, token) != 0)
		i++;
	if (i < sim->n_launches)
		return launch[i].n;
	if (i == SIM_LAUNCHES_MAX)
		return 0;
	sim->n_launches++;
	launch[i].n = 0;
	(void)!str_copy(launch[i].token, sizeof(launch[i].token), token);
	while (launch[i].n < count && launch_one(token, launch[i].n, correlation))
		launch[i].n++;
	return launch[i].n;
}

static void launch_late(void *context)
{
	struct late_launch *late = context;

	if (!sim->ending)
		(void)launch_all(late->token, late->count, late->correlation);
	free(late);
}

static int cloud_provision(struct provider *provider, const struct blueprint *blueprint,
			   const struct intent *intent, struct handle *ret, struct fault *fault)
{
	size_t max = intent->count, made;
	struct call call;
	int r = call_begin(&call, actor_of(provider), CALL_CLOUD | CALL_WRITES, "launch", fault);

	if (call.again_usec > 0) {
		struct late_launch *late = calloc(1, sizeof(*late));

		if (!late)
			abort();
		late->count = max;
		(void)!str_copy(late->token, sizeof(late->token), intent->token);
		(void)!str_copy(late->correlation, sizeof(late->correlation),
				blueprint->correlation);
		sim_at(call.again_usec, launch_late, late);
	}
	if (r < 0)
		return r;

	if (sim_now() < sim->no_capacity_until_usec)
		max = sim_pick((uint32_t)max + 1);
	made = launch_all(intent->token, max, blueprint->correlation);
	for (size_t i = 0; i < made; i++)
		fill_handle(find_made(intent->token, i), &ret[i]);
	if (made < intent->count)
		(void)fault_set(fault, ENOSPC, "there is no capacity");
	return call_end(&call, made == 0 ? -ENOSPC : (int)made, fault);
}

static bool lags_behind(const struct instance *instance)
{
	return instance->launched_usec + DESCRIBED_AFTER_USEC > sim_now() && !sim_is_calm() &&
	       !sim->fair && sim_chance(200);
}

static enum presence presence_of(const char *id)
{
	const struct instance *instance = instance_find(id);

	/* Forgotten, or not described yet; what was never seen may still come. */
	if (!instance || instance->forgotten || lags_behind(instance))
		return PRESENCE_ABSENT;
	if (!instance->exists)
		return PRESENCE_GONE;
	if (instance->ending)
		return PRESENCE_ENDING;
	return instance->boots == 0 ? PRESENCE_STARTING : PRESENCE_THERE;
}

static int cloud_poll(struct provider *provider, const char *const *ids, size_t n,
		      enum presence *ret, struct fault *fault)
{
	struct call call;
	int r = call_begin(&call, actor_of(provider), CALL_CLOUD, "poll", fault);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		ret[i] = !sim_is_calm() && !sim->fair && sim_chance(20) ? PRESENCE_UNKNOWN
									: presence_of(ids[i]);
	return call_end(&call, 0, fault);
}

static int cloud_teardown(struct provider *provider, const char *id, _unused_ uint64_t grace_usec,
			  struct fault *fault)
{
	struct instance *instance;
	struct call call;
	int r = call_begin(&call, actor_of(provider), CALL_CLOUD, "teardown", fault);

	if (r < 0)
		return r;
	instance = instance_find(id);
	if (instance && instance->exists && !instance->ending) {
		sim_note("%s: torn down by %s", id, call.actor->name);
		check_teardown(instance, call.actor);
		instance->excused = true;
		if (instance->loop && !instance->agent->dead)
			sim_raise(instance->loop, SIGTERM);
		power_off(instance);
	}
	r = instance && instance->exists ? -EINPROGRESS : 0;
	return call_end(&call, r, fault);
}

static int cloud_list(struct provider *provider, handle_fn *each, void *context,
		      struct fault *fault)
{
	struct call call;
	int r = call_begin(&call, actor_of(provider), CALL_CLOUD, "list", fault);

	for (size_t i = 0; r >= 0 && i < sim->n_instances; i++) {
		const struct instance *instance = &sim->instances[i];
		struct handle handle;

		if (instance->forgotten)
			continue;
		fill_handle(instance, &handle);
		r = each(&handle, presence_of(instance->id), context);
	}
	return r < 0 ? r : call_end(&call, 0, fault);
}

static int cloud_forget(struct provider *provider, const char *id, _unused_ bool keep_logs,
			struct fault *fault)
{
	struct instance *instance;
	struct call call;
	int r = call_begin(&call, actor_of(provider), CALL_CLOUD, "forget", fault);

	if (r < 0)
		return r;
	instance = instance_find(id);
	if (instance && instance->exists)
		r = -EBUSY;
	else if (instance)
		instance->forgotten = true;
	return call_end(&call, r, fault);
}

static int cloud_made(struct provider *provider, const char *token, uint64_t count, handle_fn *each,
		      void *context, struct fault *fault)
{
	struct call call;
	int r = call_begin(&call, actor_of(provider), CALL_CLOUD, "made", fault);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		const struct instance *instance = find_made(token, i);
		struct handle handle;

		if (!instance || instance->forgotten)
			continue;
		fill_handle(instance, &handle);
		r = each(&handle, presence_of(instance->id), context);
	}
	return r < 0 ? r : call_end(&call, 0, fault);
}

static void cloud_close(struct provider *provider)
{
	free(container_of(provider, struct sim_provider, provider));
}

static const struct provider_ops cloud_ops = {
	.name = "sim",
	.provision = cloud_provision,
	.made = cloud_made,
	.poll = cloud_poll,
	.teardown = cloud_teardown,
	.list = cloud_list,
	.forget = cloud_forget,
	.close = cloud_close,
};

struct provider *cloud_provider(struct actor *actor)
{
	struct sim_provider *provider = calloc(1, sizeof(*provider));

	if (!provider)
		abort();
	*provider = (struct sim_provider){ { &cloud_ops }, actor };
	return &provider->provider;
}
