/* One look without writes: what provision would claim, pass over, and make. */

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"
#include "controller/provision/steps.h"

#define PLAN_OFFERS_MAX 64

int provision_plan(const struct controller *controller, const struct provision_options *options,
		   struct provision_result *ret, struct fault *fault)
{
	const struct request *request = &options->request;
	_cleanup_(pool_closep) struct pool *pool = NULL;
	_cleanup_(words_freep) struct words *types = NULL;
	struct offer offers[PLAN_OFFERS_MAX];
	struct want want = {
		.class_ = class_find(&controller->config->classes, request->class_name),
		.usage = request->usage,
		.needs = request->needs,
		.provider = controller->provider->ops->name,
		.claimant = request->claimant,
	};
	struct fault why = {};
	struct leases leases;
	uint64_t now_ms = 0;
	int n, r;

	*ret = (struct provision_result){ .end = PROVISION_UNDECIDED };
	if (!want.class_)
		return fault_set(fault, EINVAL, "there is no resource class '%s'",
				 request->class_name);
	config_leases(controller->config, &leases);
	r = words_split(request->types, &types);
	if (r == 0)
		r = controller_now(controller, &now_ms, fault);
	if (r == 0)
		r = controller_open_pool(controller, hash_text(request->claimant.run_key), &pool,
					 fault);
	if (r < 0 || !pool)
		return r;
	want.types = types->words;
	want.n_types = types->n;

	while (ret->machines.n < request->count) {
		n = pool->ops->receive(pool, want.class_->name, offers, PLAN_OFFERS_MAX, &why);
		if (n < 0) {
			r = pool_forgive(pool, n, &ret->notes, now_ms, &why, fault);
			if (r < 0)
				return r;
			n = 0;
		}
		if (n == 0)
			return (int)(request->count - ret->machines.n);
		for (int i = 0; i < n && ret->machines.n < request->count; i++) {
			const struct machine *machine = &offers[i].machine;
			enum misfit misfit =
				want_judge(&want, machine, now_ms, leases.claim_slack_ms);

			if (misfit != MISFIT_NONE) {
				notes_add(&ret->notes, machine->id, now_ms, "unfit: %s",
					  misfit_texts[misfit]);
				continue;
			}
			r = records_add(&ret->machines, machine);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
