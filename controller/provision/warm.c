/*
 * Pool warming. The intents of a class live in one run record of their own, "warm-<class>", and are
 * appended by compare-and-set: of two controllers that see the same gap at the same time one
 * writes, the other finds the first one's intent and counts it. An intent is dropped once it is
 * known what it gave and that has its records.
 */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"
#include "controller/refresh.h"

#define WARM_KEY_PREFIX "warm-"
/* Waves of launching in one call: machines that end as soon as they are made are not made for ever.
 */
#define WARM_WAVES_MAX 3
/* Waves besides that gave less than they asked for: each has learned where there is nothing. */
#define WARM_PARTIAL_MAX 8

struct warm {
	const struct controller *controller;
	const struct resource_class *class_;
	uint64_t target;
	struct leases leases;
	struct deadline deadline;
	struct run run;
	uint64_t revision;
	uint64_t now_ms;
	struct records idle; /* created and idle machines of the class, with their records */
	uint64_t born[RUN_INTENTS_MAX]; /* of each intent, as far as they are created or idle */
	size_t ready;
	size_t coming; /* created, or promised by an intent */
	bool launch_failed;
	unsigned waves, partial_waves;
	struct warm_result *result;
};

void warm_result_done(struct warm_result *result)
{
	records_done(&result->machines);
}

bool run_key_is_warm(const char *key)
{
	return strncmp(key, WARM_KEY_PREFIX, strlen(WARM_KEY_PREFIX)) == 0;
}

static int read_intents(struct warm *warm, struct fault *fault)
{
	_cleanup_free_ char *key = str_format(WARM_KEY_PREFIX "%s", warm->class_->name);
	int r;

	if (!key)
		return -ENOMEM;
	run_done(&warm->run);
	warm->run = (struct run){};
	warm->revision = 0;
	r = controller_read_run(warm->controller, key, &warm->run, &warm->revision, fault);
	if (r != STORE_REFUSED)
		return r;
	warm->run.created_ms = warm->now_ms;
	warm->run.request.count = warm->run.request.min_count = warm->target;
	r = str_copy(warm->run.request.class_name, sizeof(warm->run.request.class_name),
		     warm->class_->name);
	return r < 0 ? r : str_copy(warm->run.key, sizeof(warm->run.key), key);
}

static int keep_idle(const struct machine *machine, void *context)
{
	struct warm *warm = context;

	for (size_t i = 0; i < warm->run.n_intents; i++)
		warm->born[i] += strcmp(machine->token, warm->run.intents[i].token) == 0;
	/* A silent one is nobody's capacity. */
	if (machine->beat_ms > 0 && !machine_is_healthy(machine, warm->now_ms))
		return 0;
	/* Nobody is to get one of another image than today's: it ends by its idle time. */
	if (machine_is_outdated(machine, warm->controller->image))
		return 0;
	if (machine->last || machine->threshold_ms <= warm->now_ms + warm->leases.claim_slack_ms)
		return 0;
	return records_add(&warm->idle, machine);
}

/* Nor is one whose provider says that it is gone, however fresh its last beat. No answer leaves all
 * of them in. */
static int drop_gone(struct warm *warm, struct fault *fault)
{
	struct provider *provider = warm->controller->provider;
	struct records *idle = &warm->idle;
	_cleanup_free_ const char **ids = calloc(idle->n + 1, sizeof(*ids));
	_cleanup_free_ enum presence *presence = calloc(idle->n + 1, sizeof(*presence));
	size_t kept = 0;

	if (!ids || !presence)
		return -ENOMEM;
	for (size_t i = 0; i < idle->n; i++)
		ids[i] = idle->rows[i].id;
	if (idle->n == 0 || provider->ops->poll(provider, ids, idle->n, presence, fault) < 0)
		return 0;
	for (size_t i = 0; i < idle->n; i++) {
		if (presence_settle(presence[i], idle->rows[i].created_ms, warm->now_ms) !=
		    PRESENCE_GONE)
			idle->rows[kept++] = idle->rows[i];
	}
	idle->n = kept;
	return 0;
}

static void count_machines(struct warm *warm)
{
	for (size_t i = 0; i < warm->idle.n; i++) {
		bool idle = warm->idle.rows[i].state == MACHINE_IDLE;

		warm->ready += idle;
		warm->coming += !idle;
	}
	for (size_t i = 0; i < warm->run.n_intents; i++) {
		uint64_t promised = warm->run.intents[i].count;

		warm->coming += promised > warm->born[i] ? promised - warm->born[i] : 0;
	}
}

static int observe(struct warm *warm, struct fault *fault)
{
	const struct machine_filter filter = {
		.states = 1u << MACHINE_CREATED | 1u << MACHINE_IDLE,
		.class_name = warm->class_->name,
		.provider = warm->controller->provider->ops->name,
	};
	int r;

	warm->ready = warm->coming = 0;
	memset(warm->born, 0, sizeof(warm->born));
	records_done(&warm->idle);
	r = controller_now(warm->controller, &warm->now_ms, fault);
	if (r == 0)
		r = read_intents(warm, fault);
	if (r == 0)
		r = warm->controller->store->ops->scan(warm->controller->store, &filter, keep_idle,
						       warm, fault);
	if (r == 0)
		r = drop_gone(warm, fault);
	if (r < 0)
		return r;
	count_machines(warm);
	return 0;
}

static struct blueprint blueprint_of(const struct warm *warm)
{
	return (struct blueprint){
		.class_ = warm->class_,
		.usage = (enum usage_class)warm->class_->usage,
		.correlation = warm->run.key,
	};
}

static void note_failure(struct warm *warm, int r, const struct fault *fault)
{
	(void)!str_copy(warm->result->reason, sizeof(warm->result->reason), fault_text(fault, r));
}

/* *ret_known: whether all that it gave has a record now. If not, it stays. */
static int replay(struct warm *warm, const struct intent *intent, bool *ret_known,
		  struct fault *fault)
{
	const struct change init = { .transition = TRANSITION_CREATE, .leases = warm->leases };
	_cleanup_free_ struct handle *handles = calloc(intent->count, sizeof(*handles));
	_cleanup_free_ struct change_outcome *outcomes = NULL;
	const struct blueprint blueprint = blueprint_of(warm);
	struct provider *provider = warm->controller->provider;
	struct fault refusal = {};
	int n;

	if (!handles)
		return -ENOMEM;
	n = provider->ops->provision(provider, &blueprint, intent, handles, &refusal);
	*ret_known = n >= 0 || n == -ENOSPC;
	warm->launch_failed |= n < 0;
	if (n >= 0 && n < (int)intent->count) {
		warm->partial_waves++;
		warm->waves -= warm->waves > 0;
	}
	if (n < (int)intent->count)
		note_failure(warm, n < 0 ? n : -ENOSPC, &refusal);
	return n <= 0 ? 0
		      : enter_records(warm->controller, &init, warm->class_, intent->token, handles,
				      (size_t)n, &outcomes, fault);
}

/* Makes what the intents promise, then drops those of which all is known. */
static int replay_all(struct warm *warm, struct fault *fault)
{
	struct run *run = &warm->run;
	size_t kept = 0;

	for (size_t i = 0; i < run->n_intents; i++) {
		bool known = false;
		int r = replay(warm, &run->intents[i], &known, fault);

		if (r < 0)
			return r;
		kept += !known;
	}
	if (kept > 0)
		return 0;
	run_drop_intents(run);
	/* Refused: another controller has written; it drops them. */
	return controller_write_run(warm->controller, run, &warm->revision, fault);
}

static int intend(struct warm *warm, size_t count, struct fault *fault)
{
	struct intent *intent = &warm->run.intents[warm->run.n_intents];
	const struct blueprint blueprint = blueprint_of(warm);
	struct fault refusal = {};
	int r;

	if (warm->run.n_intents == RUN_INTENTS_MAX)
		return fault_set(fault, EAGAIN, "too many launches of class %s are under way",
				 warm->class_->name);
	/* Every intent has a fence of its own, so that tokens never come twice. */
	warm->run.fence++;
	*intent = (struct intent){ .created_ms = warm->now_ms };
	r = class_room(warm->controller, warm->class_, count, &count, &refusal);
	intent->count = count;
	if (r == 0)
		r = draw_plan(warm->controller->provider, &blueprint, &intent->plan, &refusal);
	if (r < 0) {
		warm->launch_failed = true;
		note_failure(warm, r, &refusal);
		return 0;
	}
	run_next_token(&warm->run, intent->token, sizeof(intent->token));
	warm->run.n_intents++;
	r = controller_write_run(warm->controller, &warm->run, &warm->revision, fault);
	if (r != 0)
		return r;
	warm->result->launched += count;
	warm->waves++;
	controller_say(warm->controller, "making %zu warm", count);
	return 0;
}

static int give_up(struct warm *warm)
{
	warm->launch_failed = true;
	return str_copy(warm->result->reason, sizeof(warm->result->reason),
			"machines are gone as soon as they are made");
}

/* 1: done. */
static int turn(struct warm *warm, unsigned *attempt, struct fault *fault)
{
	size_t have;
	int r;

	r = observe(warm, fault);
	if (r < 0)
		return r;
	have = warm->ready + warm->coming;
	if (warm->ready >= warm->target || controller_cancelled(warm->controller) ||
	    deadline_passed(&warm->deadline, warm->controller->clock))
		return 1;
	if (warm->run.n_intents > 0 && !warm->launch_failed) {
		r = replay_all(warm, fault);
		return r < 0 ? r : 0;
	}
	if (have < warm->target && !warm->launch_failed) {
		if (warm->waves == WARM_WAVES_MAX)
			return give_up(warm);
		if (warm->partial_waves == WARM_PARTIAL_MAX) {
			warm->launch_failed = true;
			return 0;
		}
		r = intend(warm, warm->target - have, fault);
		return r < 0 ? r : 0;
	}
	if (warm->launch_failed && warm->coming == 0)
		return 1;
	controller_pause(warm->controller, (*attempt)++, &warm->deadline);
	return 0;
}

int provision_warm(const struct controller *controller, const struct resource_class *class_,
		   uint64_t target, uint64_t timeout_usec, struct warm_result *ret,
		   struct fault *fault)
{
	struct warm warm = {
		.controller = controller,
		.class_ = class_,
		.target = target,
		.deadline = deadline_in(controller->clock, timeout_usec),
		.result = ret,
	};
	unsigned attempt = 0;
	int r;

	*ret = (struct warm_result){};
	config_leases(controller->config, &warm.leases);
	do
		r = turn(&warm, &attempt, fault);
	while (r == 0);

	ret->idle = warm.ready;
	ret->missing = warm.ready < target ? target - warm.ready : 0;
	ret->machines = warm.idle;
	run_done(&warm.run);
	return r < 0 ? r : 0;
}
