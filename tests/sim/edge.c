/* Where the actors' calls of the store leave them. What a request says of the store's now was true,
 * or believed, when it was sent. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "tests/sim/plan.h"
#include "tests/sim/sim.h"

/* What is late may lie in wait for the next few changes of its machine. */
#define AMBUSH_CHANGES 6
#define AMBUSHES_MAX 256
#define STALE_MAX_USEC (3 * USEC_PER_SEC)

/* A connection; its clock shows what the actor took for the store's now when it last sent. */
struct edge {
	struct store store;
	struct actor *actor;
	struct store *base; /* owned */
	struct clock clock;
	uint64_t sent_ms;
};

static uint64_t edge_wall_ms(const struct clock *clock)
{
	return container_of(clock, struct edge, clock)->sent_ms;
}

static const struct clock_ops edge_clock_ops = { .name = "request", .wall_ms = edge_wall_ms };

static uint64_t believed_ms(const struct actor *actor)
{
	return sim_now_ms() + (uint64_t)actor->skew_ms;
}

/* --- requests that are executed when nobody waits for them any more --------------------------- */

struct straggler {
	struct edge edge; /* a copy, with the now that was sent */
	struct change *changes;
	size_t n;
	struct beat beat;
	struct item item;
	char partition[RUN_KEY_MAX];
	char kind[STORE_KIND_MAX];
	uint64_t revision;
};

static struct straggler *straggler_new(const struct edge *edge)
{
	struct straggler *late = calloc(1, sizeof(*late));

	if (!late)
		abort();
	late->edge.sent_ms = edge->sent_ms;
	late->edge.clock.ops = &edge_clock_ops;
	late->edge.base = store_memory_open(sim->db, &late->edge.clock);
	if (!late->edge.base)
		abort();
	return late;
}

/* Those that wait for a machine, in place of a time. */
static struct {
	char machine[MACHINE_ID_MAX];
	unsigned changes; /* until it comes */
	task_fn *come;
	struct straggler *late;
} ambushes[AMBUSHES_MAX];
static size_t n_ambushes;

/* At its time; or right after one of the next changes of the machine: what is rare by chance is
 * common by intent. */
static void send_late(struct straggler *late, uint64_t at_usec, const char *machine, task_fn *come)
{
	if (n_ambushes == AMBUSHES_MAX || !sim_chance(500)) {
		sim_at(at_usec, come, late);
		return;
	}
	(void)!str_copy(ambushes[n_ambushes].machine, MACHINE_ID_MAX, machine);
	ambushes[n_ambushes].changes = 1 + sim_pick(AMBUSH_CHANGES);
	ambushes[n_ambushes].come = come;
	ambushes[n_ambushes++].late = late;
}

void edge_on_change(const char *id)
{
	for (size_t i = 0; i < n_ambushes; i++) {
		if (strcmp(ambushes[i].machine, id) != 0 || --ambushes[i].changes > 0)
			continue;
		sim_at(sim_now(), ambushes[i].come, ambushes[i].late);
		ambushes[i--] = ambushes[--n_ambushes];
	}
}

void edge_done(void)
{
	while (n_ambushes > 0) {
		n_ambushes--;
		ambushes[n_ambushes].come(ambushes[n_ambushes].late);
	}
}

static void straggler_free(struct straggler *late)
{
	store_close(late->edge.base);
	item_done(&late->item);
	free(late->changes);
	free(late);
}

static void change_late(void *context)
{
	struct straggler *late = context;
	struct change_outcome *outcomes = calloc(late->n, sizeof(*outcomes));

	if (outcomes && !sim->ending)
		(void)!late->edge.base->ops->change(late->edge.base, late->changes, late->n,
						    outcomes, NULL);
	free(outcomes);
	straggler_free(late);
}

static void beat_late(void *context)
{
	struct straggler *late = context;
	struct beat_answer answer;

	if (!sim->ending)
		(void)!late->edge.base->ops->beat(late->edge.base, &late->beat, &answer, NULL);
	straggler_free(late);
}

static void put_late(void *context)
{
	struct straggler *late = context;

	if (!sim->ending)
		(void)!late->edge.base->ops->item_put(late->edge.base, &late->item, NULL, NULL);
	straggler_free(late);
}

static void remove_late(void *context)
{
	struct straggler *late = context;

	if (!sim->ending)
		(void)!late->edge.base->ops->item_remove(late->edge.base, late->partition,
							 late->kind, late->revision, NULL);
	straggler_free(late);
}

/* --- the store ------------------------------------------------------------------------------- */

static struct edge *edge_of(struct store *store)
{
	return container_of(store, struct edge, store);
}

static int begin(struct edge *edge, struct call *call, unsigned flags, const char *name,
		 struct fault *fault)
{
	edge->sent_ms = believed_ms(edge->actor);
	return call_begin(call, edge->actor, CALL_STORE | flags, name, fault);
}

static unsigned forge_flag(const char *kind)
{
	return kind && strcmp(kind, "registration") == 0 ? CALL_FORGE : 0;
}

static int edge_now(struct store *store, uint64_t *ret_ms, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, 0, "now", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->now(edge->base, ret_ms, fault);
	return call_end(&call, r, fault);
}

static void look_back(struct machine *machine)
{
	const struct memory_row *row = memory_db_row(sim->db, machine->id);

	if (row && row->before.state != MACHINE_NONE && sim->stale_scans && !sim_is_calm() &&
	    sim_now() - row->written_usec < STALE_MAX_USEC && sim_chance(500))
		*machine = row->before;
}

static int edge_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
		    struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, 0, "get", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->get(edge->base, ids, n, ret, fault);
	/* An agent's look is the cheap kind of read, which may be a moment old. */
	for (size_t i = 0; r == 0 && edge->actor->is_agent && i < n; i++)
		look_back(&ret[i]);
	return call_end(&call, r, fault);
}

static int edge_change(struct store *store, const struct change *changes, size_t n,
		       struct change_outcome *ret, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r;

	if (changes[0].unheard)
		plan_overtake(edge->actor, changes[0].claimant.run_key, changes[0].id);
	edge->sent_ms = believed_ms(edge->actor);
	r = call_begin_change(&call, edge->actor, (int)changes[0].transition, fault);
	if (call.again_usec > 0) {
		struct straggler *late = straggler_new(edge);

		late->changes = calloc(n, sizeof(*changes));
		if (!late->changes)
			abort();
		memcpy(late->changes, changes, n * sizeof(*changes));
		late->n = n;
		send_late(late, call.again_usec, changes[0].id, change_late);
	}
	if (r < 0)
		return r;
	r = edge->base->ops->change(edge->base, changes, n, ret, fault);
	return call_end(&call, r, fault);
}

static int edge_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
		     struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, CALL_WRITES, "beat", fault);

	if (call.again_usec > 0) {
		struct straggler *late = straggler_new(edge);

		late->beat = *beat;
		send_late(late, call.again_usec, beat->id, beat_late);
	}
	if (r < 0)
		return r;
	r = edge->base->ops->beat(edge->base, beat, ret, fault);
	return call_end(&call, r, fault);
}

static int edge_scan(struct store *store, const struct machine_filter *filter, machine_fn *each,
		     void *context, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, 0, "scan", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->scan(edge->base, filter, each, context, fault);
	return call_end(&call, r, fault);
}

static int edge_forget(struct store *store, const char *id, uint64_t seq, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, 0, "forget", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->forget(edge->base, id, seq, fault);
	return call_end(&call, r, fault);
}

static int edge_item_get(struct store *store, const char *partition, const char *kind,
			 struct item *ret, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct item item = {};
	struct call call;
	int r = begin(edge, &call, forge_flag(kind), "item get", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->item_get(edge->base, partition, kind, &item, fault);
	r = call_end(&call, r, fault);
	if (r == 0)
		*ret = item;
	else
		item_done(&item);
	return r;
}

static int edge_item_put(struct store *store, struct item *item, struct item *current,
			 struct fault *fault)
{
	struct edge *edge = edge_of(store);
	uint64_t revision = item->revision;
	struct call call;
	int r = begin(edge, &call, CALL_WRITES | forge_flag(item->kind), "item put", fault);

	if (call.again_usec > 0) {
		struct straggler *late = straggler_new(edge);

		late->item = *item;
		late->item.body = item->body ? strdup(item->body) : NULL;
		send_late(late, call.again_usec, item->partition, put_late);
	}
	if (r < 0)
		return r;
	if (item->body && strcmp(item->kind, "run") == 0)
		sim_note("%s: writes run %s: %.*s", edge->actor->name, item->partition, 100,
			 item->body);
	r = edge->base->ops->item_put(edge->base, item, current, fault);
	r = call_end(&call, r, fault);
	if (r < 0) {
		item->revision = revision;
		if (current)
			item_done(current);
	}
	return r;
}

static int edge_item_remove(struct store *store, const char *partition, const char *kind,
			    uint64_t revision, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, CALL_WRITES | forge_flag(kind), "item remove", fault);

	if (call.again_usec > 0) {
		struct straggler *late = straggler_new(edge);

		(void)!str_copy(late->partition, sizeof(late->partition), partition);
		(void)!str_copy(late->kind, sizeof(late->kind), kind);
		late->revision = revision;
		send_late(late, call.again_usec, partition, remove_late);
	}
	if (r < 0)
		return r;
	r = edge->base->ops->item_remove(edge->base, partition, kind, revision, fault);
	return call_end(&call, r, fault);
}

static int edge_item_scan(struct store *store, const char *partition, const char *kind,
			  item_fn *each, void *context, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, 0, "item scan", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->item_scan(edge->base, partition, kind, each, context, fault);
	return call_end(&call, r, fault);
}

static int edge_purge(struct store *store, struct fault *fault)
{
	struct edge *edge = edge_of(store);
	struct call call;
	int r = begin(edge, &call, 0, "purge", fault);

	if (r < 0)
		return r;
	r = edge->base->ops->purge(edge->base, fault);
	return call_end(&call, r, fault);
}

static int edge_describe(struct store *store, char *text, size_t size, struct fault *fault)
{
	return edge_of(store)->base->ops->describe(edge_of(store)->base, text, size, fault);
}

static void edge_close(struct store *store)
{
	store_close(edge_of(store)->base);
	free(edge_of(store));
}

static const struct store_ops edge_ops = {
	.name = "edge",
	.now = edge_now,
	.get = edge_get,
	.change = edge_change,
	.beat = edge_beat,
	.scan = edge_scan,
	.forget = edge_forget,
	.item_get = edge_item_get,
	.item_put = edge_item_put,
	.item_remove = edge_item_remove,
	.item_scan = edge_item_scan,
	.purge = edge_purge,
	.describe = edge_describe,
	.close = edge_close,
};

struct store *edge_store(struct actor *actor)
{
	struct edge *edge = calloc(1, sizeof(*edge));

	if (!edge)
		abort();
	edge->store.ops = &edge_ops;
	edge->actor = actor;
	edge->clock.ops = &edge_clock_ops;
	edge->base = store_memory_open(sim->db, &edge->clock);
	if (!edge->base)
		abort();
	return &edge->store;
}

int edge_open(const char *address, _unused_ bool create, _unused_ const struct clock *clock,
	      struct store **ret, struct fault *fault)
{
	struct actor *actor;
	uint64_t index;
	struct call call;
	int r;

	if (strncmp(address, "sim:", 4) != 0 || parse_u64(address + 4, &index) < 0 ||
	    index >= sim->n_actors)
		abort();
	actor = &sim->actors[index];
	r = call_begin(&call, actor, CALL_STORE, "open", fault);
	if (r >= 0)
		r = call_end(&call, r, fault);
	if (r < 0)
		return r;
	*ret = edge_store(actor);
	return 0;
}
