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

/* Nothing can start on the machine any more. FORGE_BUSY: a job runs, and force is false. */
static int withdraw(struct provision *p, const char *id, uint64_t seq, bool force,
		    struct fault *fault)
{
	struct forge *forge = p->controller->forge;
	unsigned attempt = 0;
	int r;

	do
		r = forge->ops->withdraw(forge, id, seq, force, fault);
	while (controller_try_again(p->controller, r, fault, &attempt));
	return r == -ESTALE ? 0 : r;
}

/* How a machine is given back: its registration first, so that nothing starts on what is being
 * taken away. 1 when there is a change to make. */
static int give_back(struct provision *p, const struct sighting *sighting, bool last, bool force,
		     const char *why, struct change *ret, struct fault *fault)
{
	const struct machine *machine = &sighting->machine;
	int r;

	if (!ending_change(machine, sighting->presence, p->run.key, last, why, &p->leases, ret))
		return 0;
	r = withdraw(p, machine->id, machine->seq, force || sighting->presence == PRESENCE_GONE,
		     fault);
	if (r != 0)
		return r == FORGE_BUSY ? 0 : r;
	if (ret->transition == TRANSITION_TERMINATE)
		r = controller_certify(p->controller, machine, why, p->view.now_ms, fault);
	return r < 0 ? r : 1;
}

int provision_let_go(struct provision *p, const bool *keep, bool force, const char *why,
		     struct fault *fault)
{
	_cleanup_free_ struct change *changes = calloc(p->n_mine + 1, sizeof(*changes));
	_cleanup_free_ struct change_outcome *outcomes = calloc(p->n_mine + 1, sizeof(*outcomes));
	size_t n = 0;

	if (!changes || !outcomes)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++) {
		const struct sighting *sighting = &p->mine[i];
		bool lost = sighting_judge(sighting, p->run.key, p->view.now_ms).standing ==
			    STANDING_LOST;
		int r;

		if (keep && keep[i])
			continue;
		r = give_back(p, sighting, lost || run_made(&p->run, &sighting->machine), force,
			      why, &changes[n], fault);
		if (r < 0)
			return r;
		n += (size_t)r;
	}
	if (n == 0)
		return 0;
	/* A refused one has moved by itself since: the next look or refresh sees where it is. */
	return controller_change(p->controller, changes, n, outcomes, fault);
}

/* The provider's word that a machine is gone needs no condition; silence does. */
static int give_up(struct provision *p, const struct sighting *sighting, const char *why,
		   struct change *ret, struct fault *fault)
{
	const struct machine *machine = &sighting->machine;

	if (sighting->presence == PRESENCE_GONE)
		return give_back(p, sighting, true, true, why, ret, fault);
	if (!ending_change(machine, sighting->presence, p->run.key, true, why, &p->leases, ret))
		return 0;
	ret->unheard = true;
	ret->beat_ms = machine->beat_ms;
	return 1;
}

int provision_let_lost_go(struct provision *p, const struct judgement *judgements,
			  struct fault *fault)
{
	_cleanup_free_ struct change *changes = calloc(p->n_mine + 1, sizeof(*changes));
	_cleanup_free_ struct change_outcome *outcomes = calloc(p->n_mine + 1, sizeof(*outcomes));
	size_t n = 0, n_refused = 0;
	int r = 0;

	if (!changes || !outcomes)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++) {
		if (judgements[i].standing != STANDING_LOST)
			continue;
		r = give_up(p, &p->mine[i], judgements[i].why, &changes[n], fault);
		if (r < 0)
			return r;
		n += (size_t)r;
	}
	if (n == 0)
		return 0;

	r = controller_change(p->controller, changes, n, outcomes, fault);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (outcomes[i].result == CHANGE_REFUSED)
			n_refused++;
		else if (changes[i].unheard)
			r = withdraw(p, changes[i].id, changes[i].seq, true, fault);
	}
	return r < 0 ? r : n_refused > 0 ? STORE_REFUSED : 0;
}
