/*
 * Everything goes, in the order in which nothing loses what it needs: machines need the table for
 * their last words, so it is the last. Each step may be repeated; what cannot be seen stays, and so
 * does all that comes behind it.
 */

#include "controller/verbs/destroy-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/destroy.h"
#include "controller/verbs/confirm.h"
#include "controller/verbs/report.h"
#include "controller/verbs/verbs.h"

#define DESTROY_MACHINES_MAX 10000

struct names {
	char (*ids)[MACHINE_ID_MAX]; /* owned */
	size_t n;
};

struct destruction {
	struct edges *edges;
	const struct destroy_flags *flags;
	struct converge *plan, *things; /* owned: what would go, and what went */
	struct names machines;
	bool has_store;
};

static void destruction_done(struct destruction *destruction)
{
	free(destruction->plan);
	free(destruction->things);
	free(destruction->machines.ids);
}
#define _cleanup_destruction_ _cleanup_(destruction_done)

static int add_present(const struct handle *handle, enum presence presence, void *context)
{
	struct names *names = context;
	char(*ids)[MACHINE_ID_MAX];

	if (presence == PRESENCE_GONE)
		return 0;
	if (names->n == DESTROY_MACHINES_MAX)
		return -ENOBUFS;
	ids = reallocarray(names->ids, names->n + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	names->ids = ids;
	return str_copy(ids[names->n++], sizeof(*ids), handle->id);
}

/* Opens what is there, and lists what would go. */
static int plan(struct destruction *d, struct fault *fault)
{
	struct provider **provider = &d->edges->controller.provider;
	int r;

	r = edges_converge(d->edges, d->plan, fault);
	if (r == 0)
		r = converge_remove(d->plan, thing_kinds, true);
	if (r == 0)
		r = edges_open_store(d->edges, false, fault);
	d->has_store = r == 0;
	/* Gone with an earlier attempt; a file that is not there was never begun with. */
	if (r == -ENOENT && converge_dynamodb(d->edges->store_address))
		r = 0;
	if (r < 0 || d->flags->setup)
		return r;
	r = edges_open_provider(d->edges, fault);
	return r < 0 ? r : (*provider)->ops->list(*provider, add_present, &d->machines, fault);
}

/* How many things are there, as far as can be seen. */
static size_t count_things(const struct converge *converge)
{
	size_t n = 0;

	for (size_t i = 0; i < converge->n; i++)
		n += converge->rows[i].verdict != THING_GONE;
	return n;
}

struct search {
	char id[MACHINE_ID_MAX]; /* the first that was found */
	char run_key[RUN_KEY_MAX];
	size_t n;
};

static int find_machine(const struct machine *machine, void *context)
{
	struct search *search = context;

	if (search->n++ > 0)
		return 0;
	memcpy(search->id, machine->id, sizeof(search->id));
	memcpy(search->run_key, machine->run_key, sizeof(search->run_key));
	return 0;
}

/* Nothing is touched while somebody works with it. */
static int refuse_in_use(const struct destruction *d, struct fault *fault)
{
	const struct controller *controller = &d->edges->controller;
	struct machine_filter filter = {
		.states = 1u << MACHINE_CLAIMED | 1u << MACHINE_RUNNING,
	};
	struct search held = {};
	int r;

	if (!d->has_store || d->flags->force)
		return 0;
	if (d->flags->setup)
		filter.states |=
			1u << MACHINE_CREATED | 1u << MACHINE_IDLE | 1u << MACHINE_DRAINING;
	r = controller->store->ops->scan(controller->store, &filter, find_machine, &held, fault);
	if (r < 0 || held.n == 0)
		return r;
	if (held.run_key[0])
		return fault_cure(fault,
				  fault_set(fault, EBUSY, "run %s holds %s", held.run_key, held.id),
				  "paddock release %s, or --force", held.run_key);
	return fault_cure(fault,
			  fault_set(fault, EBUSY, "there are machines yet: %s%s", held.id,
				    held.n > 1 ? " and others" : ""),
			  "paddock destroy --all, or --force");
}

static int show_plan(const struct destruction *d)
{
	for (size_t i = 0; i < d->machines.n; i++)
		printf("machine %s: would remove\n", d->machines.ids[i]);
	return d->plan->n > 0 ? report_things(d->plan) : EXIT_OK;
}

static int ask(const struct destruction *d, struct fault *fault)
{
	size_t n = count_things(d->plan);
	_cleanup_free_ char *question = NULL;

	if (d->flags->yes || n == 0)
		return 0;
	question = str_format("%zu machines and %zu things in AWS go for good, with all that is in "
			      "them.",
			      d->machines.n, n);
	return question ? confirm_word(question, d->edges->config.ec2.name, fault) : -ENOMEM;
}

/* Without a store there is no record to be ended. */
static int end_machine(const struct destruction *d, const char *id, struct fault *fault)
{
	const struct controller *controller = &d->edges->controller;

	if (d->has_store)
		return destroy_machine(controller, id, d->flags->force, d->flags->grace_usec,
				       fault);
	return controller->provider->ops->teardown(controller->provider, id, d->flags->grace_usec,
						   fault);
}

/* All are told first; then it is waited for them together. */
static int end_machines(struct destruction *d)
{
	const struct controller *controller = &d->edges->controller;
	struct deadline deadline = deadline_in(controller->clock, d->flags->wait_usec);
	size_t left = d->machines.n, failed = 0;

	for (unsigned attempt = 0; left > 0; attempt++) {
		bool last = deadline_passed(&deadline, controller->clock) ||
			    controller_cancelled(controller);
		size_t kept = 0;

		for (size_t i = 0; i < left; i++) {
			struct fault fault = {};
			const char *id = d->machines.ids[i];
			int r = end_machine(d, id, &fault);

			if (r == -EINPROGRESS && !last) {
				memmove(d->machines.ids[kept++], id, MACHINE_ID_MAX);
			} else if (r < 0 && r != -ENOENT) {
				(void)program_fail(r, &fault);
				failed++;
			} else {
				printf("%s: gone\n", id);
			}
		}
		left = kept;
		if (left > 0)
			controller_pause(controller, attempt, &deadline);
	}
	return failed > 0 ? EXIT_AGAIN : EXIT_OK;
}

static int remove_things(struct destruction *d)
{
	struct fault fault = {};
	int r;

	r = edges_converge(d->edges, d->things, &fault);
	if (r == 0)
		r = converge_remove(d->things, thing_kinds, false);
	if (r < 0)
		return program_fail(r, &fault);
	if (d->things->n > 0)
		(void)report_things(d->things);
	return converge_failure(d->things) ? EXIT_AGAIN : EXIT_OK;
}

int destroy_all(struct edges *edges, const struct destroy_flags *flags)
{
	_cleanup_destruction_ struct destruction d = { .edges = edges, .flags = flags };
	struct fault fault = {};
	int r, code;

	d.plan = calloc(1, sizeof(*d.plan));
	d.things = calloc(1, sizeof(*d.things));
	if (!d.plan || !d.things)
		return program_fail(-ENOMEM, NULL);
	r = plan(&d, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	if (flags->dry_run)
		return show_plan(&d);
	/* Who cannot be asked now is not asked twice. */
	if (converge_failure(d.plan)) {
		(void)show_plan(&d);
		return EXIT_AGAIN;
	}
	if (d.plan->n > 0 && count_things(d.plan) > 0) {
		r = refuse_in_use(&d, &fault);
		if (r == 0 && !flags->yes)
			(void)show_plan(&d);
		if (r == 0)
			r = ask(&d, &fault);
		if (r < 0)
			return program_fail(r, &fault);
	}
	code = end_machines(&d);
	if (code != EXIT_OK) {
		if (d.plan->n > 0)
			fprintf(stderr, "paddock: the things in AWS stay while a machine may need "
					"them\n");
		return code;
	}
	code = remove_things(&d);
	if (d.plan->n == 0 && flags->setup)
		printf("the settings name nothing in AWS\n");
	return code;
}
