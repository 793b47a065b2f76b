#include "controller/release.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"

#define CLOSE_TRIES_MAX 16
#define RELEASE_ROWS_MAX TRACKED_MAX

const char *const release_fate_names[_RELEASE_FATE_MAX + 1] = {
	[RELEASE_PENDING] = "pending",
	[RELEASE_CLEAN] = "clean",
	[RELEASE_ENDED] = "ended",
	[RELEASE_BUSY] = "busy",
};

struct release {
	const struct controller *controller;
	const struct release_options *options;
	struct leases leases;
	struct run run;
	uint64_t start_usec;
	struct deadline deadline;
	struct release_result *result;
};

void release_result_done(struct release_result *result)
{
	free(result->rows);
	*result = (struct release_result){};
}

enum release_fate release_judge(const struct machine *machine, const char *run_key, uint64_t seq)
{
	/* Its record is gone: it was terminated so long ago that it was forgotten. */
	if (machine->state == MACHINE_NONE)
		return RELEASE_ENDED;
	/* The drained machine was offered and taken again, or ended, under another seq. */
	if (machine->state == MACHINE_TERMINATED)
		return machine->phase == PHASE_CLEAN && machine->phase_seq == seq ? RELEASE_CLEAN
										  : RELEASE_ENDED;
	if (machine->seq != seq || strcmp(machine->run_key, run_key) != 0)
		return RELEASE_CLEAN;
	return RELEASE_PENDING;
}

static int add_row(struct release *release, const char *id, uint64_t seq)
{
	struct release_result *result = release->result;
	struct release_row *rows;

	for (size_t i = 0; i < result->n; i++) {
		if (strcmp(result->rows[i].machine, id) == 0)
			return 0;
	}
	if (result->n == RELEASE_ROWS_MAX)
		return -ENOBUFS;
	rows = reallocarray(result->rows, result->n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	result->rows = rows;
	rows[result->n] = (struct release_row){ .seq = seq };
	return str_copy(rows[result->n++].machine, sizeof(rows->machine), id);
}

static int add_scanned(const struct machine *machine, void *context)
{
	return machine_is_live(machine) ? add_row(context, machine->id, machine->seq) : 0;
}

/* From here on no provision of this key can be granted: a tombstone even where there was no run. */
static int close_run(struct release *release, struct fault *fault)
{
	const struct controller *controller = release->controller;
	uint64_t revision, now_ms;
	int r;

	for (unsigned i = 0; i < CLOSE_TRIES_MAX; i++) {
		r = controller_now(controller, &now_ms, fault);
		if (r < 0)
			return r;
		run_done(&release->run);
		release->run = (struct run){};
		r = controller_read_run(controller, release->options->run_key, &release->run,
					&revision, fault);
		if (r < 0)
			return r;
		release->result->known = r == 0;
		if (r == STORE_REFUSED) {
			revision = 0;
			release->run.created_ms = now_ms;
			r = str_copy(release->run.key, sizeof(release->run.key),
				     release->options->run_key);
			if (r < 0)
				return r;
		} else if (release->run.verdict == VERDICT_CLOSED) {
			return 0;
		}
		release->run.verdict = VERDICT_CLOSED;
		release->run.decided_ms = now_ms;
		r = str_copy(release->run.reason, sizeof(release->run.reason), "it was released");
		if (r == 0)
			r = controller_write_run(controller, &release->run, &revision, fault);
		if (r != STORE_REFUSED)
			return r;
	}
	return fault_set(fault, EAGAIN, "the record of run %s keeps changing",
			 release->options->run_key);
}

/* A machine of an intent that has no record yet was launched by a controller that died, or that is
 * about to find the run closed. */
static int end_if_unborn(const struct handle *handle, enum presence presence, void *context)
{
	const struct release *release = context;
	const struct controller *controller = release->controller;
	const char *ids[] = { handle->id };
	struct machine machine;
	struct fault ignored;
	int r;

	if (presence == PRESENCE_GONE)
		return 0;
	r = controller_get(controller, ids, 1, &machine, &ignored);
	if (r == 0 && machine.state == MACHINE_NONE)
		r = controller->provider->ops->teardown(controller->provider, handle->id,
							release->leases.drain_ms, &ignored);
	return r == -EINPROGRESS ? 0 : r;
}

static int end_unborn(struct release *release, struct fault *fault)
{
	struct provider *provider = release->controller->provider;

	for (size_t i = 0; i < release->run.n_intents; i++) {
		const struct intent *intent = &release->run.intents[i];
		int r;

		r = provider->ops->made(provider, intent->token, intent->count, end_if_unborn,
					release, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_machines(struct release *release, struct fault *fault)
{
	const struct controller *controller = release->controller;
	const struct machine_filter filter = { .run_key = release->options->run_key };

	return controller->store->ops->scan(controller->store, &filter, add_scanned, release,
					    fault);
}

static void settle(struct release *release, struct release_row *row, enum release_fate fate,
		   const char *reason)
{
	row->fate = fate;
	row->wait_usec = clock_boot_usec(release->controller->clock) - release->start_usec;
	(void)!str_copy(row->reason, sizeof(row->reason), reason);
}

static enum presence ask_presence(const struct release *release, const struct machine *machine,
				  uint64_t now_ms)
{
	struct provider *provider = release->controller->provider;
	enum presence presence = PRESENCE_UNKNOWN;
	const char *id = machine->id;
	struct fault ignored;

	if (machine->beat_ms + machine->beat_period_ms >= now_ms ||
	    strcmp(machine->provider, provider->ops->name) != 0)
		return PRESENCE_UNKNOWN;
	if (provider->ops->poll(provider, &id, 1, &presence, &ignored) < 0)
		return PRESENCE_UNKNOWN;
	return presence_settle(presence, machine->created_ms, now_ms);
}

static int drain(struct release *release, struct release_row *row, const struct machine *machine,
		 enum presence presence, uint64_t now_ms, struct fault *fault)
{
	const struct controller *controller = release->controller;
	struct change_outcome outcome;
	struct change change;
	unsigned attempt = 0;
	int r;

	if (!ending_change(machine, presence, release->options->run_key, false, "released",
			   &release->leases, &change))
		return 0;

	do
		r = controller->forge->ops->withdraw(
			controller->forge, machine->id, machine->seq,
			release->options->force || presence == PRESENCE_GONE, fault);
	while (controller_try_again(controller, r, fault, &attempt));
	if (r == FORGE_BUSY) {
		if (!release->options->wait)
			settle(release, row, RELEASE_BUSY, "a job is running on it");
		return 0;
	}
	if (r < 0 && r != -ESTALE)
		return r;

	if (change.transition == TRANSITION_TERMINATE) {
		r = controller_certify(controller, machine, "gone when its run was released",
				       now_ms, fault);
		if (r < 0)
			return r;
	}
	return controller_change(controller, &change, 1, &outcome, fault);
}

static int look_at(struct release *release, struct release_row *row, const struct machine *machine,
		   uint64_t now_ms, struct fault *fault)
{
	enum release_fate fate = release_judge(machine, release->options->run_key, row->seq);

	if (fate != RELEASE_PENDING) {
		settle(release, row, fate, machine->reason);
		return 0;
	}
	return drain(release, row, machine, ask_presence(release, machine, now_ms), now_ms, fault);
}

/* Returns how many are still pending. */
static int look_at_all(struct release *release, struct fault *fault)
{
	struct release_result *result = release->result;
	_cleanup_free_ const char **ids = calloc(result->n + 1, sizeof(*ids));
	_cleanup_free_ struct machine *machines = calloc(result->n + 1, sizeof(*machines));
	uint64_t now_ms;
	int r, pending = 0;

	if (!ids || !machines)
		return -ENOMEM;
	for (size_t i = 0; i < result->n; i++)
		ids[i] = result->rows[i].machine;
	r = controller_now(release->controller, &now_ms, fault);
	if (r == 0)
		r = controller_get(release->controller, ids, result->n, machines, fault);
	for (size_t i = 0; r >= 0 && i < result->n; i++) {
		if (result->rows[i].fate != RELEASE_PENDING)
			continue;
		r = look_at(release, &result->rows[i], &machines[i], now_ms, fault);
		pending += result->rows[i].fate == RELEASE_PENDING;
	}
	return r < 0 ? r : pending;
}

int release_run(const struct controller *controller, const struct release_options *options,
		struct release_result *ret, struct fault *fault)
{
	struct release release = {
		.controller = controller,
		.options = options,
		.start_usec = clock_boot_usec(controller->clock),
		.deadline = deadline_in(controller->clock, options->timeout_usec),
		.result = ret,
	};
	unsigned attempt = 0;
	int r;

	*ret = (struct release_result){};
	config_leases(controller->config, &release.leases);

	r = close_run(&release, fault);
	if (r == 0)
		r = find_machines(&release, fault);
	if (r == 0)
		r = end_unborn(&release, fault);
	while (r == 0) {
		r = look_at_all(&release, fault);
		if (r <= 0)
			break;
		r = 0;
		if (deadline_passed(&release.deadline, controller->clock) ||
		    controller_cancelled(controller))
			break;
		controller_pause(controller, attempt++, &release.deadline);
	}
	run_done(&release.run);
	return r;
}
