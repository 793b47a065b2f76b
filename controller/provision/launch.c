/* New machines: the intent is written before anything is launched, and replayed with the same token
 * until every machine that it promises has a record. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"

int birth_from_handle(const struct handle *handle, const struct resource_class *class_,
		      const char *token, enum usage_class usage, struct machine *ret)
{
	int r;

	*ret = (struct machine){
		.usage = usage,
		.cpu = class_->cpu,
		.memory_mib = class_->memory_mib,
	};
	r = str_copy(ret->id, sizeof(ret->id), handle->id);
	if (r == 0)
		r = str_copy(ret->class_name, sizeof(ret->class_name), class_->name);
	if (r == 0)
		r = str_copy(ret->type, sizeof(ret->type), handle->type);
	if (r == 0)
		r = str_copy(ret->arch, sizeof(ret->arch), handle->arch);
	if (r == 0)
		r = str_copy(ret->provider, sizeof(ret->provider), handle->provider);
	if (r == 0)
		r = str_copy(ret->zone, sizeof(ret->zone), handle->zone);
	if (r == 0)
		r = str_copy(ret->image, sizeof(ret->image), handle->image);
	if (r == 0)
		r = str_copy(ret->token, sizeof(ret->token), token);
	return r;
}

int provision_intend(struct provision *p, size_t count, struct fault *fault)
{
	struct intent *intent = &p->run.intents[p->run.n_intents];
	int r;

	*intent = (struct intent){ .count = count, .created_ms = p->view.now_ms };
	run_next_token(&p->run, intent->token, sizeof(intent->token));
	p->run.n_intents++;
	r = controller_write_run(p->controller, &p->run, &p->revision, fault);
	/* Refused: somebody else wrote; the next look reads what stands there. */
	return r == STORE_REFUSED ? 0 : r;
}

static int enter_record(struct provision *p, const struct handle *handle,
			const struct intent *intent, struct fault *fault)
{
	struct change change = {
		.transition = TRANSITION_LAUNCH,
		.seq = 1,
		.claimant = p->options->request.claimant,
		.leases = p->leases,
	};
	struct change_outcome outcome = {};
	int r;

	r = birth_from_handle(handle, p->class_, intent->token, p->options->request.usage,
			      &change.birth);
	if (r == 0)
		r = str_copy(change.id, sizeof(change.id), handle->id);
	if (r == 0)
		r = controller_change(p->controller, &change, 1, &outcome, fault);
	if (r < 0)
		return r;
	return outcome.result == CHANGE_REFUSED ? 0 : provision_track(p, &outcome.record);
}

static bool is_unborn(const struct provision *p, const char *id)
{
	for (size_t i = 0; i < p->n_mine; i++) {
		if (strcmp(p->mine[i].machine.id, id) == 0)
			return p->mine[i].machine.state == MACHINE_NONE;
	}
	return true;
}

static bool has_unborn(const struct provision *p, const struct intent *intent)
{
	char id[MACHINE_ID_MAX];

	for (uint64_t k = 0; k < intent->count; k++) {
		if (machine_id_for(intent->token, k, id, sizeof(id)) == 0 && is_unborn(p, id))
			return true;
	}
	return false;
}

static int replay_intent(struct provision *p, const struct intent *intent, struct fault *fault)
{
	_cleanup_free_ struct handle *handles = calloc(intent->count, sizeof(*handles));
	const struct blueprint blueprint = {
		.class_ = p->class_,
		.usage = p->options->request.usage,
		.types = p->want.types,
		.n_types = p->want.n_types,
		.correlation = p->run.key,
	};
	struct fault refusal = {};
	int n, r;

	if (!handles)
		return -ENOMEM;
	n = p->controller->provider->ops->provision(p->controller->provider, &blueprint,
						    intent->token, intent->count, handles,
						    &refusal);
	if (n < (int)intent->count) {
		p->view.launch_failed = true;
		notes_add(&p->result->notes, "", p->view.now_ms, "launch: %s",
			  fault_text(&refusal, n < 0 ? n : -ENOSPC));
		controller_say(p->controller, "cannot make machines: %s",
			       fault_text(&refusal, n < 0 ? n : -ENOSPC));
	}
	for (int i = 0; i < n; i++) {
		if (!is_unborn(p, handles[i].id))
			continue;
		r = enter_record(p, &handles[i], intent, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

int provision_replay(struct provision *p, struct fault *fault)
{
	int r;

	for (size_t i = 0; i < p->run.n_intents; i++) {
		if (!has_unborn(p, &p->run.intents[i]))
			continue;
		r = replay_intent(p, &p->run.intents[i], fault);
		if (r < 0)
			return r;
	}
	return provision_register(p, fault);
}
