/* The run record: begun, taken over, looked at. And the look at everything else. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"

#define BEGIN_TRIES_MAX 16

static int begin_new(struct provision *p, struct fault *fault)
{
	uint64_t now_ms;
	int r;

	r = controller_now(p->controller, &now_ms, fault);
	if (r < 0)
		return r;
	run_done(&p->run);
	p->run = (struct run){
		.fence = 1,
		.starter = p->controller->nonce,
		.verdict = VERDICT_OPEN,
		.request = p->options->request,
		.created_ms = now_ms,
	};
	r = str_copy(p->run.key, sizeof(p->run.key), p->options->request.claimant.run_key);
	if (r < 0)
		return r;
	p->revision = 0;
	return controller_write_run(p->controller, &p->run, &p->revision, fault);
}

static int begin_again(struct provision *p, struct fault *fault)
{
	const char *difference;

	if (p->run.verdict == VERDICT_CLOSED)
		return 0;
	difference = request_difference(&p->run.request, &p->options->request);
	if (difference)
		return fault_cure(fault,
				  fault_set(fault, EINVAL,
					    "run %s was asked for before with another %s",
					    p->run.key, difference),
				  "ask for the same again, or choose another --attempt or --name");
	if (p->run.verdict != VERDICT_OPEN)
		return 0;
	p->run.fence++;
	p->run.starter = p->controller->nonce;
	return controller_write_run(p->controller, &p->run, &p->revision, fault);
}

int provision_begin(struct provision *p, struct fault *fault)
{
	const char *key = p->options->request.claimant.run_key;
	int r;

	for (unsigned i = 0; i < BEGIN_TRIES_MAX; i++) {
		run_done(&p->run);
		p->run = (struct run){};
		r = controller_read_run(p->controller, key, &p->run, &p->revision, fault);
		if (r < 0)
			return r;
		r = r == STORE_REFUSED ? begin_new(p, fault) : begin_again(p, fault);
		if (r < 0)
			return r;
		if (r == 0) {
			p->fence = p->run.fence;
			return 0;
		}
	}
	return fault_set(fault, EAGAIN, "the record of run %s keeps changing", key);
}

static int find_tracked(const struct provision *p, const char *id)
{
	for (size_t i = 0; i < p->n_mine; i++) {
		if (strcmp(p->mine[i].machine.id, id) == 0)
			return (int)i;
	}
	return -ENOENT;
}

int provision_track(struct provision *p, const struct machine *machine)
{
	struct sighting *rows;
	int at = find_tracked(p, machine->id);

	if (at >= 0) {
		p->mine[at].machine = *machine;
		return 0;
	}
	if (p->n_mine == TRACKED_MAX)
		return -ENOBUFS;
	rows = reallocarray(p->mine, p->n_mine + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	p->mine = rows;
	p->mine[p->n_mine++] = (struct sighting){ .machine = *machine };
	return 0;
}

static int track_scanned(const struct machine *machine, void *context)
{
	return provision_track(context, machine);
}

/* What an earlier start of this run has claimed. */
static int scan_once(struct provision *p, struct fault *fault)
{
	const struct machine_filter filter = { .run_key = p->run.key };
	int r;

	if (p->scanned)
		return 0;
	r = p->controller->store->ops->scan(p->controller->store, &filter, track_scanned, p, fault);
	p->scanned = r == 0;
	return r;
}

bool intent_is_open(const struct provision *p, size_t at)
{
	const struct intent *intent = &p->run.intents[at];
	uint64_t born = 0;

	for (size_t i = 0; i < p->n_mine; i++)
		born += strcmp(p->mine[i].machine.token, intent->token) == 0;
	return !p->answered[at] && born < intent->count;
}

static int refresh_tracked(struct provision *p, struct fault *fault)
{
	_cleanup_free_ const char **ids = calloc(p->n_mine + 1, sizeof(*ids));
	_cleanup_free_ struct machine *rows = calloc(p->n_mine + 1, sizeof(*rows));
	int r;

	if (!ids || !rows)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++)
		ids[i] = p->mine[i].machine.id;
	r = controller_get(p->controller, ids, p->n_mine, rows, fault);
	if (r < 0)
		return r;

	for (size_t i = 0; i < p->n_mine; i++) {
		if (rows[i].state == MACHINE_NONE)
			p->mine[i].machine.state = MACHINE_NONE;
		else
			p->mine[i].machine = rows[i];
	}
	return 0;
}

static bool should_be_talking(const struct provision *p, const struct machine *machine)
{
	bool fresh = machine->beat_ms > 0 &&
		     machine->beat_ms + machine->beat_period_ms >= p->view.now_ms;

	return !fresh && (machine->state == MACHINE_CLAIMED || machine->state == MACHINE_RUNNING) &&
	       strcmp(machine->provider, p->controller->provider->ops->name) == 0;
}

/* Asks the provider about those that should be talking and are not. No answer is no news. */
static int ask_presence(struct provision *p)
{
	struct provider *provider = p->controller->provider;
	_cleanup_free_ const char **ids = calloc(p->n_mine + 1, sizeof(*ids));
	_cleanup_free_ size_t *at = calloc(p->n_mine + 1, sizeof(*at));
	_cleanup_free_ enum presence *presence = calloc(p->n_mine + 1, sizeof(*presence));
	struct fault ignored;
	size_t n = 0;

	if (!ids || !at || !presence)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++) {
		p->mine[i].presence = PRESENCE_UNKNOWN;
		if (!should_be_talking(p, &p->mine[i].machine))
			continue;
		ids[n] = p->mine[i].machine.id;
		at[n++] = i;
	}
	if (n == 0 || provider->ops->poll(provider, ids, n, presence, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		p->mine[at[i]].presence = presence_settle(
			presence[i], p->mine[at[i]].machine.created_ms, p->view.now_ms);
	return 0;
}

int provision_observe(struct provision *p, struct fault *fault)
{
	struct provision_view *view = &p->view;
	struct run run = {};
	uint64_t revision = 0;
	int r;

	/* The time first, then whether we are still the latest start, then the machines: a later
	 * start that finds one alive has heard it after what we judge it by. */
	r = controller_now(p->controller, &view->now_ms, fault);
	if (r == 0)
		r = controller_read_run(p->controller, p->run.key, &run, &revision, fault);
	if (r < 0)
		return r;
	if (r == STORE_REFUSED)
		return fault_set(fault, ESTALE, "the record of run %s has vanished", p->run.key);
	run_done(&p->run);
	p->run = run;
	p->revision = revision;

	r = scan_once(p, fault);
	if (r == 0)
		r = refresh_tracked(p, fault);
	if (r == 0)
		r = ask_presence(p);
	if (r < 0)
		return r;

	view->run = &p->run;
	view->mine = p->mine;
	view->n_mine = p->n_mine;
	view->open_intents = 0;
	for (size_t i = 0; i < p->run.n_intents; i++)
		view->open_intents += intent_is_open(p, i);
	view->superseded = p->run.fence != p->fence;
	view->timed_out = deadline_passed(&p->deadline, p->controller->clock);
	view->cancelled = controller_cancelled(p->controller);
	return 0;
}
