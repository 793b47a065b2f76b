#include "tests/store-contract.h"

#include <string.h>

#include "common/base/io.h"

const struct leases contract_leases = {
	.boot_ms = 600000,
	.idle_ms = 420000,
	.claim_ms = 300000,
	.drain_ms = 180000,
	.max_runtime_ms = 1800000,
	.claim_slack_ms = CLAIM_SLACK_MS,
	.reap_grace_ms = REAP_GRACE_MS,
};

void contract_run(const struct contract_factory *factory, contract_fn *contract)
{
	struct contract_world world = {
		.factory = factory,
		.place = factory->place_new(),
		.clock = fake_clock_new(),
	};

	world.store = contract_open(&world);
	contract(&world);
	store_close(world.store);
	factory->place_free(world.place);
}

struct store *contract_open(struct contract_world *world)
{
	return world->factory->open(world->place, &world->clock.clock);
}

#define COPY(to, from) ck_assert_int_eq(str_copy(to, sizeof(to), from), 0)

struct change contract_create(const char *id)
{
	struct change change = {
		.transition = TRANSITION_CREATE,
		.leases = contract_leases,
		.birth = {
			.class_name = "large",
			.type = "m7i.large",
			.arch = "x86_64",
			.usage = USAGE_SPOT,
			.provider = "local",
			.zone = "eu-central-1a",
			.cpu = 2,
			.memory_mib = 8192,
			.image = "ami-1",
			.token = "warm-0",
			.capabilities = "pmu.instructions resctrl.l3",
		},
	};

	COPY(change.id, id);
	return change;
}

struct change contract_launch(const char *id, const char *run_key)
{
	struct change change = contract_create(id);

	change.transition = TRANSITION_LAUNCH;
	change.claimant = (struct claimant){
		.repo = "owner/repo",
		.workflow = "ci.yml",
		.image = "ami-1",
		.reuse = REUSE_SAME_REPO,
	};
	COPY(change.claimant.run_key, run_key);
	return change;
}

struct change contract_next(enum transition transition, const struct machine *record)
{
	struct change change = contract_launch(record->id, CONTRACT_RUN);

	change.transition = transition;
	change.seq = record->seq;
	change.threshold_ms = record->threshold_ms;
	change.testimony = (struct testimony){
		.phase = transition == TRANSITION_OFFER ? PHASE_CLEAN : PHASE_READY,
		.seq = record->seq,
		.boot_id = CONTRACT_BOOT,
	};
	if (transition == TRANSITION_TERMINATE)
		change.ending = ENDING_GONE;
	if (transition == TRANSITION_CLAIM || transition == TRANSITION_RENEW ||
	    transition == TRANSITION_DRAIN || transition == TRANSITION_TERMINATE)
		change.testimony = (struct testimony){};
	return change;
}

struct machine contract_move(struct contract_world *world, const struct change *change)
{
	struct change_outcome outcome;
	char text[256];

	assert_fine(world, store_change_one(world->store, change, &outcome, &world->fault));
	ck_assert_msg(outcome.result == CHANGE_DONE, "%s",
		      change_refusal_text(change, &outcome, text, sizeof(text)));
	return outcome.record;
}

struct machine contract_idle(struct contract_world *world, const char *id)
{
	struct change change = contract_create(id);
	struct machine record = contract_move(world, &change);

	change = contract_next(TRANSITION_READY, &record);
	return contract_move(world, &change);
}

struct machine contract_get(struct contract_world *world, const char *id)
{
	struct machine machine = {};
	int r = store_get_one(world->store, id, &machine, &world->fault);

	ck_assert_msg(r == 0 || r == STORE_REFUSED, "%s", fault_text(&world->fault, r));
	return machine;
}

uint64_t contract_now(struct contract_world *world)
{
	uint64_t now_ms = 0;

	assert_fine(world, world->store->ops->now(world->store, &now_ms, &world->fault));
	return now_ms;
}

void contract_assert_same(const struct machine *a, const struct machine *b)
{
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		const char *x = machine_field_text(a, field);
		const char *y = machine_field_text(b, field);

		if (x || y)
			ck_assert_msg(x && y && strcmp(x, y) == 0, "%s: '%s' and '%s'", field->name,
				      x, y);
		else
			ck_assert_msg(machine_field_u64(a, field) == machine_field_u64(b, field),
				      "%s differs", field->name);
	}
}

struct item contract_item(const char *partition, const char *kind, uint64_t revision,
			  const char *body)
{
	struct item item = { .revision = revision, .body = strdup(body) };

	COPY(item.partition, partition);
	COPY(item.kind, kind);
	ck_assert_ptr_nonnull(item.body);
	return item;
}
