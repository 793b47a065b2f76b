/* One look without writes: what provision would claim, pass over, and make. */

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"
#include "controller/provision/steps.h"

#define PLAN_OFFERS_MAX 64

static int look_ahead(const struct controller *controller, const struct request *request,
		      const struct want *want, size_t count, struct outlook *ret,
		      struct fault *fault)
{
	struct provider *provider = controller->provider;
	const struct blueprint blueprint = {
		.class_ = want->class_,
		.usage = request->usage,
		.types = want->types,
		.n_types = want->n_types,
		.correlation = request->claimant.run_key,
	};

	if (count == 0 || request->no_create || !provider->ops->outlook)
		return 0;
	return provider->ops->outlook(provider, &blueprint, count, ret, fault);
}

/* Takes up to request->count offers that fit. */
static int look_at_pool(struct pool *pool, const struct request *request, const struct want *want,
			uint64_t slack_ms, uint64_t now_ms, struct provision_result *ret,
			struct fault *fault)
{
	struct offer offers[PLAN_OFFERS_MAX];

	while (ret->machines.n < request->count) {
		int n = pool->ops->receive(pool, want->class_->name, offers, PLAN_OFFERS_MAX,
					   fault);

		if (n <= 0)
			return n;
		for (int i = 0; i < n && ret->machines.n < request->count; i++) {
			const struct machine *machine = &offers[i].machine;
			enum misfit misfit = want_judge(want, machine, now_ms, slack_ms);
			int r = 0;

			if (misfit == MISFIT_NONE)
				r = records_add(&ret->machines, machine);
			else
				notes_add(&ret->notes, machine->id, now_ms, "unfit: %s",
					  misfit_texts[misfit]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int provision_plan(const struct controller *controller, const struct provision_options *options,
		   struct provision_result *ret, struct fault *fault)
{
	const struct request *request = &options->request;
	_cleanup_(pool_closep) struct pool *pool = NULL;
	_cleanup_(words_freep) struct words *types = NULL;
	struct want want = {
		.class_ = class_find(&controller->config->classes, request->class_name),
		.usage = request->usage,
		.needs = request->needs,
		.provider = controller->provider->ops->name,
		.claimant = request->claimant,
	};
	struct leases leases;
	uint64_t now_ms = 0;
	size_t missing;
	int r;

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

	r = look_at_pool(pool, request, &want, leases.claim_slack_ms, now_ms, ret, fault);
	if (r < 0)
		return r;
	missing = request->count - ret->machines.n;
	r = look_ahead(controller, request, &want, missing, &ret->outlook, fault);
	return r < 0 ? r : (int)missing;
}
