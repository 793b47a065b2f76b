/* Warm machines: offers are looked at in batches, those that fit are claimed in one batch of
 * conditional writes, and each claim gets its registration. */

#include <errno.h>
#include <string.h>

#include "controller/provision/steps.h"

#define OFFERS_MAX 64 /* looked at in one turn */

static void init_claim(const struct provision *p, const struct machine *machine, struct change *ret)
{
	*ret = (struct change){
		.transition = TRANSITION_CLAIM,
		.seq = machine->seq,
		.threshold_ms = machine->threshold_ms,
		.claimant = p->options->request.claimant,
		.leases = p->leases,
	};
	memcpy(ret->id, machine->id, sizeof(ret->id));
}

static int offer_registration(struct provision *p, const struct machine *machine,
			      struct fault *fault)
{
	struct forge *forge = p->controller->forge;
	unsigned attempt = 0;
	int r;

	do
		r = forge->ops->offer(forge, machine, p->options->job, fault);
	while (controller_try_again(p->controller, r, fault, &attempt));
	/* The claim has ended meanwhile: the next look sees it. */
	return r == -ESTALE ? 0 : r;
}

int provision_register(struct provision *p, struct fault *fault)
{
	for (size_t i = 0; i < p->n_mine; i++) {
		struct sighting *sighting = &p->mine[i];
		int r;

		if (sighting->registered || sighting->machine.state != MACHINE_CLAIMED ||
		    strcmp(sighting->machine.run_key, p->run.key) != 0)
			continue;
		r = offer_registration(p, &sighting->machine, fault);
		if (r < 0)
			return r;
		sighting->registered = true;
	}
	return 0;
}

void provision_leave_pool(struct provision *p)
{
	if (p->sweeping)
		p->pool->ops->rewind(p->pool);
	p->sweeping = false;
}

int pool_forgive(const struct pool *pool, int r, struct notes *notes, uint64_t now_ms,
		 const struct fault *why, struct fault *fault)
{
	if (!pool->ops->apart || r == -ENOMEM) {
		if (fault)
			*fault = *why;
		return r;
	}
	notes_add(notes, "", now_ms, "pool: no answer: %s%s%s", fault_text(why, r),
		  why->cure[0] ? "; try: " : "", why->cure);
	return 0;
}

/* It is exhausted, or as good as: `paddock why` tells what there was. */
static void note_exhausted(struct provision *p)
{
	const struct pool *pool = p->pool;
	char text[FAULT_TEXT_MAX] = "";

	if (pool->ops->describe)
		pool->ops->describe(pool, text, sizeof(text));
	if (p->offers.looked_at == 0 && !text[0])
		return;
	notes_add(&p->result->notes, "", p->view.now_ms,
		  "pool: %zu offers looked at, %zu fit, %zu claimed%s%s", p->offers.looked_at,
		  p->offers.fit, p->offers.claimed, text[0] ? "; " : "", text);
}

/* For the rest of this run there is no pool. */
static int lose_pool(struct provision *p, int r, const struct fault *why, struct fault *fault)
{
	r = pool_forgive(p->pool, r, &p->result->notes, p->view.now_ms, why, fault);
	if (r < 0)
		return r;
	controller_say(p->controller, "the pool gives no answer: %s", why->text);
	p->view.pool_empty = true;
	return 0;
}

static int settle_offers(struct provision *p, const struct offer *offers,
			 const enum offer_fate *fates, size_t n, struct fault *fault)
{
	struct fault why = {};
	int r;

	r = p->pool->ops->settle(p->pool, offers, fates, n, &why);
	return r < 0 ? lose_pool(p, r, &why, fault) : 0;
}

static int settle_claims(struct provision *p, const struct offer *offers, size_t n_offers,
			 enum offer_fate *fates, const size_t *picked, const struct change *changes,
			 size_t n, struct fault *fault)
{
	_cleanup_free_ struct change_outcome *outcomes = calloc(n + 1, sizeof(*outcomes));
	char text[NOTE_TEXT_MAX];
	size_t won = 0;
	int r;

	if (!outcomes)
		return -ENOMEM;
	r = controller_change(p->controller, changes, n, outcomes, fault);
	if (r < 0)
		return r;

	for (size_t i = 0; i < n; i++) {
		if (outcomes[i].result == CHANGE_REFUSED) {
			fates[picked[i]] = OFFER_LOST;
			notes_add(
				&p->result->notes, changes[i].id, p->view.now_ms, "claim lost: %s",
				change_refusal_text(&changes[i], &outcomes[i], text, sizeof(text)));
			continue;
		}
		fates[picked[i]] = OFFER_CLAIMED;
		won++;
		r = provision_track(p, &outcomes[i].record);
		if (r < 0)
			return r;
	}
	p->offers.claimed += won;
	if (won > 0)
		controller_say(p->controller, "claimed %zu warm", won);
	r = provision_register(p, fault);
	if (r < 0)
		return r;
	return settle_offers(p, offers, fates, n_offers, fault);
}

/* Looks at one batch of offers; returns how many are worth a claim. */
static size_t judge_offers(struct provision *p, const struct offer *offers, size_t n,
			   enum offer_fate *fates, struct change *changes, size_t *picked)
{
	size_t n_picked = 0;

	for (size_t i = 0; i < n; i++) {
		const struct machine *machine = &offers[i].machine;
		enum misfit misfit =
			want_judge(&p->want, machine, p->view.now_ms, p->leases.claim_slack_ms);

		fates[i] = OFFER_UNFIT;
		if (misfit != MISFIT_NONE) {
			notes_add(&p->result->notes, machine->id, p->view.now_ms, "unfit: %s",
				  misfit_texts[misfit]);
			continue;
		}
		picked[n_picked] = i;
		init_claim(p, machine, &changes[n_picked++]);
	}
	p->offers.looked_at += n;
	p->offers.fit += n_picked;
	return n_picked;
}

int provision_select(struct provision *p, size_t count, struct fault *fault)
{
	size_t max = count < OFFERS_MAX ? count : OFFERS_MAX;
	struct offer offers[OFFERS_MAX];
	enum offer_fate fates[OFFERS_MAX];
	struct change changes[OFFERS_MAX];
	size_t picked[OFFERS_MAX];
	struct fault why = {};
	size_t n_picked;
	int n, r = 0;

	/* A sweep shows each offer once, so this ends. */
	p->sweeping = true;
	while (r == 0 && !p->view.pool_empty) {
		n = p->pool->ops->receive(p->pool, p->class_->name, offers, max, &why);
		if (n < 0)
			return lose_pool(p, n, &why, fault);
		p->view.pool_empty = n == 0;
		if (n == 0)
			break;

		n_picked = judge_offers(p, offers, (size_t)n, fates, changes, picked);
		if (n_picked > 0)
			return settle_claims(p, offers, (size_t)n, fates, picked, changes, n_picked,
					     fault);
		r = settle_offers(p, offers, fates, (size_t)n, fault);
	}
	if (r == 0)
		note_exhausted(p);
	return r;
}

int provision_renew(struct provision *p, struct fault *fault)
{
	_cleanup_free_ struct change *changes = calloc(p->n_mine + 1, sizeof(*changes));
	_cleanup_free_ struct change_outcome *outcomes = calloc(p->n_mine + 1, sizeof(*outcomes));
	size_t n = 0;

	if (!changes || !outcomes)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_mine; i++) {
		const struct machine *machine = &p->mine[i].machine;

		if (!claim_needs_renewal(machine, p->leases.claim_ms, p->view.now_ms))
			continue;
		init_claim(p, machine, &changes[n]);
		changes[n++].transition = TRANSITION_RENEW;
	}
	/* A refused renewal is news for the next look, no more. */
	return n > 0 ? controller_change(p->controller, changes, n, outcomes, fault) : 0;
}
