/* The verdict, and what is given back because of it. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"

int provision_grant(struct provision *p, const bool *keep, size_t n, struct fault *fault)
{
	_cleanup_free_ char(*ids)[MACHINE_ID_MAX] = calloc(n + 1, sizeof(*ids));
	size_t k = 0;
	int r;

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++) {
		if (keep[i])
			memcpy(ids[k++], p->mine[i].machine.id, sizeof(*ids));
	}
	r = run_set_machines(&p->run, (const char(*)[MACHINE_ID_MAX])ids, n);
	if (r < 0)
		return r;
	p->run.verdict = VERDICT_GRANTED;
	p->run.decided_ms = p->view.now_ms;
	return controller_write_run(p->controller, &p->run, &p->revision, fault);
}

int provision_refuse(struct provision *p, const char *why, struct fault *fault)
{
	int r;

	r = str_copy(p->run.reason, sizeof(p->run.reason), why);
	if (r < 0)
		return r;
	p->run.verdict = VERDICT_REFUSED;
	p->run.decided_ms = p->view.now_ms;
	return controller_write_run(p->controller, &p->run, &p->revision, fault);
}

bool ending_change(const struct machine *machine, enum presence presence, const char *run_key,
		   bool last, const char *why, const struct leases *leases, struct change *ret)
{
	if (!machine_is_live(machine) || strcmp(machine->run_key, run_key) != 0)
		return false;

	*ret = (struct change){
		.transition = TRANSITION_DRAIN,
		.seq = machine->seq,
		.threshold_ms = machine->threshold_ms,
		.leases = *leases,
		.last = last,
	};
	memcpy(ret->id, machine->id, sizeof(ret->id));
	(void)!str_copy(ret->claimant.run_key, sizeof(ret->claimant.run_key), run_key);
	(void)!str_copy(ret->reason, sizeof(ret->reason), why);
	if (presence == PRESENCE_GONE) {
		(void)!str_copy(ret->reason, sizeof(ret->reason),
				"its provider says that it is gone");
		ret->transition = TRANSITION_TERMINATE;
		ret->ending = ENDING_GONE;
		return true;
	}
	return machine->state != MACHINE_DRAINING;
}

bool run_made(const struct run *run, const struct machine *machine)
{
	for (size_t i = 0; i < run->n_intents; i++) {
		if (strcmp(run->intents[i].token, machine->token) == 0)
			return true;
	}
	return false;
}

/* The registration goes first, so that nothing can start on a machine that is being taken away.
 * FORGE_BUSY: a job runs, and force is false. */
static int withdraw(struct provision *p, const struct machine *machine, bool force,
		    struct fault *fault)
{
	unsigned attempt = 0;
	int r;

	do
		r = p->controller->forge->ops->withdraw(p->controller->forge, machine->id,
							machine->seq, force, fault);
	while (controller_try_again(p->controller, r, fault, &attempt));
	return r == -ESTALE ? 0 : r;
}

int provision_let_go(struct provision *p, const bool *keep, bool force, const char *why,
		     struct fault *fault)
{
	_cleanup_free_ struct change *changes = calloc(p->n_mine + 1, sizeof(*changes));
	_cleanup_free_ struct change_outcome *outcomes = calloc(p->n_mine + 1, sizeof(*outcomes));
	size_t n = 0;
	int r;

	if (!changes || !outcomes)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++) {
		const struct sighting *sighting = &p->mine[i];
		const struct machine *machine = &sighting->machine;
		bool lost = sighting_judge(sighting, p->run.key, p->view.now_ms).standing ==
			    STANDING_LOST;

		if (keep && keep[i])
			continue;
		if (!ending_change(machine, sighting->presence, p->run.key,
				   lost || run_made(&p->run, machine), why, &p->leases,
				   &changes[n]))
			continue;
		r = withdraw(p, machine, force || sighting->presence == PRESENCE_GONE, fault);
		if (r < 0)
			return r;
		if (r == FORGE_BUSY)
			continue;
		if (changes[n].transition == TRANSITION_TERMINATE) {
			r = controller_certify(p->controller, machine, why, p->view.now_ms, fault);
			if (r < 0)
				return r;
		}
		n++;
	}
	if (n == 0)
		return 0;
	/* A refused one has moved by itself since: the next look or refresh sees where it is. */
	return controller_change(p->controller, changes, n, outcomes, fault);
}
