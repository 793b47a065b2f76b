#include "controller/refresh.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"

/* An ended machine gets this long to leave by itself before it is insisted on. */
#define TEARDOWN_GRACE_USEC (2 * USEC_PER_SEC)
/* Terminated records, and what their machines left behind, are kept this long. */
#define TERMINATED_TTL_MS (MSEC_PER_SEC * 60 * 60 * 24)
#define REFRESH_OFFERS_MAX 100 /* a round; the next one goes on */
#define REFRESH_WARM_TIMEOUT_USEC (60 * USEC_PER_SEC)

const char *const refresh_names[_REFRESH_MAX + 1] = {
	[REFRESH_KEEP] = "keep",     [REFRESH_TERMINATE] = "terminate",
	[REFRESH_DRAIN] = "drain",   [REFRESH_TEARDOWN] = "tear down",
	[REFRESH_FORGET] = "forget", [REFRESH_HOLD] = "hold still",
};

struct refresh {
	const struct controller *controller;
	struct refresh_view view;
	struct refresh_row *rows; /* owned: every record */
	size_t n, capacity;
	bool dry_run;
	struct refresh_result *result;
};

void refresh_result_done(struct refresh_result *result)
{
	free(result->rows);
	*result = (struct refresh_result){};
}

static bool is_silent(const struct machine *machine, uint64_t now_ms)
{
	return machine_is_live(machine) && machine->beat_ms > 0 &&
	       !machine_is_healthy(machine, now_ms);
}

bool refresh_holds_still(const struct refresh_row *rows, size_t n, uint64_t now_ms)
{
	size_t beating = 0, silent = 0;

	for (size_t i = 0; i < n; i++) {
		if (!machine_is_live(&rows[i].machine) || rows[i].machine.beat_ms == 0)
			continue;
		if (rows[i].presence == PRESENCE_GONE)
			continue;
		beating++;
		silent += is_silent(&rows[i].machine, now_ms);
	}
	return silent >= HOLD_STILL_MIN && silent * 2 > beating;
}

bool machine_is_outdated(const struct machine *machine, const char *image)
{
	static const char ami[] = "ami-";

	return image && strncmp(image, ami, strlen(ami)) == 0 &&
	       strncmp(machine->image, ami, strlen(ami)) == 0 && strcmp(machine->image, image) != 0;
}

static void set(struct refresh_row *row, enum verdict_on_machine verdict, enum ending ending,
		const char *why)
{
	row->verdict = verdict;
	row->ending = ending;
	row->why = why;
}

static void judge_terminated(struct refresh_row *row, const struct refresh_view *view)
{
	bool gone = row->presence == PRESENCE_GONE;

	if (!gone && row->presence != PRESENCE_UNKNOWN)
		set(row, REFRESH_TEARDOWN, ENDING_NONE, "terminated, but still there");
	else if (gone && row->machine.threshold_ms + TERMINATED_TTL_MS < view->now_ms)
		set(row, REFRESH_FORGET, ENDING_NONE, "terminated long ago");
	else
		set(row, REFRESH_KEEP, ENDING_NONE, "");
}

void refresh_judge(struct refresh_row *row, const struct refresh_view *view, bool run_is_over)
{
	const struct machine *machine = &row->machine;
	bool expired = machine->threshold_ms + view->leases.reap_grace_ms < view->now_ms;

	if (machine->state == MACHINE_TERMINATED)
		judge_terminated(row, view);
	else if (row->presence == PRESENCE_GONE)
		set(row, REFRESH_TERMINATE, ENDING_GONE, "its provider says that it is gone");
	else if (machine_says(machine, PHASE_FAILED))
		set(row, REFRESH_TERMINATE, ENDING_FAILED, "its agent says failed");
	else if (machine->state == MACHINE_DRAINING && machine->last &&
		 machine_says(machine, PHASE_CLEAN))
		set(row, REFRESH_TERMINATE, ENDING_DRAINED, "drained, and not to be used again");
	else if (expired && view->hold_still)
		set(row, REFRESH_HOLD, ENDING_EXPIRED, "too many fell silent at once");
	else if (expired)
		set(row, REFRESH_TERMINATE, ENDING_EXPIRED, "its time ran out");
	else if (run_is_over &&
		 (machine->state == MACHINE_CLAIMED || machine->state == MACHINE_RUNNING))
		set(row, REFRESH_DRAIN, ENDING_NONE, "its run is over");
	/* Only its agent may drain an idle machine (transition-table.c). */
	else if (machine->state == MACHINE_IDLE && machine_is_outdated(machine, view->image))
		set(row, REFRESH_KEEP, ENDING_NONE, "its image is outdated");
	else
		set(row, REFRESH_KEEP, ENDING_NONE, "");
}

static int add_row(const struct machine *machine, void *context)
{
	struct refresh *refresh = context;
	struct refresh_row *rows;

	if (refresh->n == refresh->capacity) {
		size_t capacity = refresh->capacity > 0 ? refresh->capacity * 2 : 64;

		if (refresh->n >= RECORDS_MAX)
			return -ENOBUFS;
		rows = reallocarray(refresh->rows, capacity, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		refresh->rows = rows;
		refresh->capacity = capacity;
	}
	refresh->rows[refresh->n++] = (struct refresh_row){ .machine = *machine };
	return 0;
}

/* One question about all of them: a machine whose agent is dead looks healthy until its last beat
 * is stale. */
static int ask_presence(struct refresh *refresh, struct fault *fault)
{
	struct provider *provider = refresh->controller->provider;
	_cleanup_free_ const char **ids = calloc(refresh->n + 1, sizeof(*ids));
	_cleanup_free_ size_t *at = calloc(refresh->n + 1, sizeof(*at));
	_cleanup_free_ enum presence *presence = calloc(refresh->n + 1, sizeof(*presence));
	size_t n = 0;

	if (!ids || !at || !presence)
		return -ENOMEM;
	for (size_t i = 0; i < refresh->n; i++) {
		const struct machine *machine = &refresh->rows[i].machine;

		if (strcmp(machine->provider, provider->ops->name) != 0)
			continue;
		ids[n] = machine->id;
		at[n++] = i;
	}
	/* No answer is not "gone": everything stays UNKNOWN. */
	if (n == 0 || provider->ops->poll(provider, ids, n, presence, fault) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		refresh->rows[at[i]].presence = presence_settle(
			presence[i], refresh->rows[at[i]].machine.created_ms, refresh->view.now_ms);
	return 0;
}

/* Runs of claimed machines, read once each in the order they come. */
static int run_is_over(struct refresh *refresh, const struct machine *machine, bool *ret,
		       struct fault *fault)
{
	_cleanup_run_ struct run run = {};
	uint64_t revision;
	int r;

	*ret = false;
	if (machine->state != MACHINE_CLAIMED && machine->state != MACHINE_RUNNING)
		return 0;
	r = controller_read_run(refresh->controller, machine->run_key, &run, &revision, fault);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret = run.verdict == VERDICT_CLOSED || run.verdict == VERDICT_REFUSED;
	return 0;
}

static int judge_all(struct refresh *refresh, struct fault *fault)
{
	refresh->view.hold_still =
		refresh_holds_still(refresh->rows, refresh->n, refresh->view.now_ms);
	refresh->result->held_still = refresh->view.hold_still;
	for (size_t i = 0; i < refresh->n; i++) {
		struct refresh_row *row = &refresh->rows[i];
		bool over;
		int r;

		r = run_is_over(refresh, &row->machine, &over, fault);
		if (r < 0)
			return r;
		refresh_judge(row, &refresh->view, over);
		refresh->result->seen += machine_is_live(&row->machine);
		refresh->result->outdated +=
			row->verdict == REFRESH_KEEP && row->machine.state == MACHINE_IDLE &&
			machine_is_outdated(&row->machine, refresh->view.image);
	}
	return 0;
}

static void init_change(const struct refresh *refresh, const struct refresh_row *row,
			struct change *ret)
{
	*ret = (struct change){
		.transition =
			row->verdict == REFRESH_DRAIN ? TRANSITION_DRAIN : TRANSITION_TERMINATE,
		.seq = row->machine.seq,
		.threshold_ms = row->machine.threshold_ms,
		.leases = refresh->view.leases,
		.ending = row->ending,
	};
	memcpy(ret->id, row->machine.id, sizeof(ret->id));
	memcpy(ret->claimant.run_key, row->machine.run_key, sizeof(ret->claimant.run_key));
	(void)!str_copy(ret->reason, sizeof(ret->reason), row->why);
}

/* A job that still runs on a machine of a run that is over is left to end: --force is release's. */
static int withdraw(const struct refresh *refresh, const struct refresh_row *row,
		    struct fault *fault)
{
	struct forge *forge = refresh->controller->forge;
	bool force = row->verdict == REFRESH_TERMINATE;
	int r;

	r = forge->ops->withdraw(forge, row->machine.id, row->machine.seq, force, fault);
	return r == -ESTALE ? 0 : r;
}

static int end_one(struct refresh *refresh, struct refresh_row *row, struct fault *fault)
{
	const struct controller *controller = refresh->controller;
	struct change_outcome outcome;
	struct change change;
	int r;

	r = withdraw(refresh, row, fault);
	if (r != 0)
		return r == FORGE_BUSY ? 0 : r;

	/* The certificate first: once terminated, nobody would come back to write it. */
	if (row->verdict == REFRESH_TERMINATE) {
		r = controller_certify(controller, &row->machine, row->why, refresh->view.now_ms,
				       fault);
		if (r < 0)
			return r;
	}
	init_change(refresh, row, &change);
	r = controller_change(controller, &change, 1, &outcome, fault);
	if (r < 0)
		return r;
	row->done = outcome.result != CHANGE_REFUSED;
	if (!row->done || row->verdict != REFRESH_TERMINATE || row->presence == PRESENCE_GONE)
		return 0;
	r = controller->provider->ops->teardown(controller->provider, row->machine.id,
						TEARDOWN_GRACE_USEC, fault);
	return r == -EINPROGRESS ? 0 : r;
}

static int forget_one(struct refresh *refresh, struct refresh_row *row, struct fault *fault)
{
	const struct controller *controller = refresh->controller;
	int r;

	/* The record first: what the machine has left proves that it is gone, and is found without
	 * a record (clear_orphan()). */
	r = controller->store->ops->forget(controller->store, row->machine.id, row->machine.seq,
					   fault);
	row->done = r == 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = controller->provider->ops->forget(controller->provider, row->machine.id, true, fault);
	return r == -EBUSY ? 0 : r;
}

static int act_on(struct refresh *refresh, struct refresh_row *row, struct fault *fault)
{
	const struct controller *controller = refresh->controller;
	int r;

	switch (row->verdict) {
	case REFRESH_TERMINATE:
	case REFRESH_DRAIN:
		return end_one(refresh, row, fault);
	case REFRESH_TEARDOWN:
		r = controller->provider->ops->teardown(controller->provider, row->machine.id,
							TEARDOWN_GRACE_USEC, fault);
		row->done = r == 0;
		return r == -EINPROGRESS ? 0 : r;
	case REFRESH_FORGET:
		return forget_one(refresh, row, fault);
	default:
		return 0;
	}
}

/* Keeps what was done, or would be, for the answer. */
static int keep_rows(struct refresh *refresh)
{
	size_t n = 0;

	for (size_t i = 0; i < refresh->n; i++)
		n += refresh->rows[i].verdict != REFRESH_KEEP;
	refresh->result->rows = calloc(n + 1, sizeof(*refresh->result->rows));
	if (!refresh->result->rows)
		return -ENOMEM;
	for (size_t i = 0; i < refresh->n; i++) {
		if (refresh->rows[i].verdict != REFRESH_KEEP)
			refresh->result->rows[refresh->result->n++] = refresh->rows[i];
	}
	return 0;
}

static int keep_warm(struct refresh *refresh, struct fault *fault)
{
	const struct class_table *classes = &refresh->controller->config->classes;

	for (size_t i = 0; i < classes->n; i++) {
		_cleanup_warm_result_ struct warm_result warm = {};
		int r;

		if (classes->rows[i].warm == 0)
			continue;
		r = provision_warm(refresh->controller, &classes->rows[i], classes->rows[i].warm,
				   REFRESH_WARM_TIMEOUT_USEC, &warm, fault);
		if (r < 0)
			return r;
		refresh->result->launched += warm.launched;
	}
	return 0;
}

bool refresh_offers(const struct machine *machine, const struct refresh_view *view)
{
	uint64_t idle_ms = machine->idle_ms > 0 ? machine->idle_ms : view->leases.idle_ms;

	return machine->state == MACHINE_IDLE && !machine->last &&
	       machine_is_healthy(machine, view->now_ms) &&
	       machine->threshold_ms > view->now_ms + view->leases.claim_slack_ms &&
	       machine->threshold_ms < view->now_ms + idle_ms / 2;
}

/* Where idle records are no offers by themselves. A pool that does not answer is no reason to leave
 * the rest undone: agents, and the next round, try again. */
static int offer_again(struct refresh *refresh, struct fault *fault)
{
	const struct controller *controller = refresh->controller;
	_cleanup_(pool_closep) struct pool *pool = NULL;
	struct fault why = {};
	int r;

	r = controller_open_pool(controller, controller->nonce, &pool, fault);
	if (r < 0 || !pool->ops->offer)
		return r;
	for (size_t i = 0; i < refresh->n && refresh->result->offered < REFRESH_OFFERS_MAX; i++) {
		const struct refresh_row *row = &refresh->rows[i];

		if (row->verdict != REFRESH_KEEP || !refresh_offers(&row->machine, &refresh->view))
			continue;
		r = pool->ops->offer(pool, &row->machine, &why);
		if (r < 0) {
			controller_say(controller, "%s is not offered again: %s", row->machine.id,
				       fault_text(&why, r));
			return r == -ENOMEM ? r : 0;
		}
		refresh->result->offered++;
	}
	return 0;
}

static bool has_record(const struct refresh *refresh, const char *id)
{
	for (size_t i = 0; i < refresh->n; i++) {
		if (strcmp(refresh->rows[i].machine.id, id) == 0)
			return true;
	}
	return false;
}

bool orphan_is_overdue(const struct handle *handle, const struct refresh_view *view)
{
	return handle->launched_ms > 0 &&
	       handle->launched_ms + view->leases.boot_ms + view->leases.reap_grace_ms <
		       view->now_ms;
}

/* Asked anew, for the scan is as old as this round, and the round may have been held up: a machine
 * that was launched, entered and lost since is not forgotten before its record. */
static bool is_orphan(const struct refresh *refresh, const char *id)
{
	const char *ids[] = { id };
	struct machine machine;
	struct fault ignored;

	return !has_record(refresh, id) &&
	       controller_get(refresh->controller, ids, 1, &machine, &ignored) == 0 &&
	       machine.state == MACHINE_NONE;
}

/* Its agent, which would have ended by now without a record, never came up: nobody else would ever
 * end it. */
static int end_orphan(const struct refresh *refresh, const char *id)
{
	struct provider *provider = refresh->controller->provider;
	struct fault ignored;
	int r;

	r = provider->ops->teardown(provider, id, TEARDOWN_GRACE_USEC, &ignored);
	return r == -EINPROGRESS ? 0 : r;
}

/* What is left of a machine that never got a record, or whose record has been forgotten. One that
 * still lives is between its launch and its record, or ends itself by boot time; or never will. */
static int clear_orphan(const struct handle *handle, enum presence presence, void *context)
{
	struct refresh *refresh = context;
	struct provider *provider = refresh->controller->provider;
	bool gone = presence == PRESENCE_GONE;
	bool overdue = (presence == PRESENCE_STARTING || presence == PRESENCE_THERE) &&
		       orphan_is_overdue(handle, &refresh->view);
	struct fault ignored;
	int r = 0;

	if (!(gone || overdue) || !is_orphan(refresh, handle->id))
		return 0;
	if (!refresh->dry_run)
		r = gone ? provider->ops->forget(provider, handle->id, true, &ignored)
			 : end_orphan(refresh, handle->id);
	refresh->result->orphans += r >= 0;
	return 0;
}

static int act(struct refresh *refresh, struct fault *fault)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < refresh->n; i++)
		r = act_on(refresh, &refresh->rows[i], fault);
	if (r == 0)
		r = offer_again(refresh, fault);
	if (r == 0)
		r = keep_warm(refresh, fault);
	if (r == 0)
		r = refresh->controller->store->ops->purge(refresh->controller->store, fault);
	return r < 0 ? r : 0;
}

int refresh_run(const struct controller *controller, bool dry_run, struct refresh_result *ret,
		struct fault *fault)
{
	const struct machine_filter everything = {};
	struct refresh refresh = {
		.controller = controller,
		.dry_run = dry_run,
		.result = ret,
	};
	int r;

	*ret = (struct refresh_result){};
	refresh.view.image = controller->image;
	config_leases(controller->config, &refresh.view.leases);
	r = controller_now(controller, &refresh.view.now_ms, fault);
	if (r == 0)
		r = controller->store->ops->scan(controller->store, &everything, add_row, &refresh,
						 fault);
	if (r == 0)
		r = ask_presence(&refresh, fault);
	if (r == 0)
		r = judge_all(&refresh, fault);
	if (r == 0 && !dry_run)
		r = act(&refresh, fault);
	if (r == 0)
		r = controller->provider->ops->list(controller->provider, clear_orphan, &refresh,
						    fault);
	if (r == 0)
		r = keep_rows(&refresh);
	free(refresh.rows);
	return r;
}
