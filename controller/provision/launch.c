/* New machines: the intent is written before anything is launched, and replayed with the same token
 * and plan until it is known what came of it. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/provision/steps.h"

static int birth_from_handle(const struct handle *handle, const struct resource_class *class_,
			     const char *token, struct machine *ret)
{
	int r;

	*ret = (struct machine){
		.usage = handle->usage,
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

int enter_records(const struct controller *controller, const struct change *init,
		  const struct resource_class *class_, const char *token,
		  const struct handle *handles, size_t n, struct change_outcome **ret,
		  struct fault *fault)
{
	_cleanup_free_ struct change_outcome *outcomes = calloc(n + 1, sizeof(*outcomes));
	_cleanup_free_ struct change *changes = calloc(n + 1, sizeof(*changes));
	int r = 0;

	if (!changes || !outcomes)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		changes[i] = *init;
		r = birth_from_handle(&handles[i], class_, token, &changes[i].birth);
		if (r == 0)
			r = str_copy(changes[i].id, sizeof(changes[i].id), handles[i].id);
	}
	if (r == 0)
		r = controller_change(controller, changes, n, outcomes, fault);
	if (r == 0)
		*ret = take_ptr(outcomes);
	return r;
}

static int count_live(const struct machine *machine, void *context)
{
	*(size_t *)context += machine_is_live(machine);
	return 0;
}

int class_room(const struct controller *controller, const struct resource_class *class_,
	       size_t count, size_t *ret, struct fault *fault)
{
	const struct machine_filter filter = { .class_name = class_->name };
	size_t live = 0;
	int r;

	*ret = count;
	if (class_->max == 0)
		return 0;
	r = controller->store->ops->scan(controller->store, &filter, count_live, &live, fault);
	if (r < 0)
		return r;
	if (live >= class_->max)
		return fault_set(fault, ENOSPC, "class %s has %zu machines, and may have %llu",
				 class_->name, live, (unsigned long long)class_->max);
	if (count > class_->max - live)
		*ret = class_->max - live;
	return 0;
}

int draw_plan(struct provider *provider, const struct blueprint *blueprint, char **ret,
	      struct fault *fault)
{
	*ret = NULL;
	return provider->ops->plan ? provider->ops->plan(provider, blueprint, ret, fault) : 0;
}

static struct blueprint blueprint_of(const struct provision *p)
{
	return (struct blueprint){
		.class_ = p->class_,
		.usage = p->options->request.usage,
		.types = p->want.types,
		.n_types = p->want.n_types,
		.correlation = p->run.key,
	};
}

static void note_launch(struct provision *p, int r, const struct fault *fault)
{
	notes_add(&p->result->notes, "", p->view.now_ms, "launch: %s", fault_text(fault, r));
	controller_say(p->controller, "cannot make machines: %s", fault_text(fault, r));
}

static void note_trouble(struct provision *p, int r, const struct fault *fault)
{
	p->trouble = r;
	p->trouble_fault = *fault;
}

int provision_intend(struct provision *p, size_t count, struct fault *fault)
{
	struct intent *intent = &p->run.intents[p->run.n_intents];
	const struct blueprint blueprint = blueprint_of(p);
	struct fault refusal = {};
	int r;

	*intent = (struct intent){ .created_ms = p->view.now_ms };
	r = class_room(p->controller, p->class_, count, &count, &refusal);
	intent->count = count;
	if (r == 0)
		r = draw_plan(p->controller->provider, &blueprint, &intent->plan, &refusal);
	if (r < 0) {
		p->view.launch_failed = true;
		note_launch(p, r, &refusal);
		if (r != -ENOSPC)
			note_trouble(p, r, &refusal);
		return 0;
	}
	run_next_token(&p->run, intent->token, sizeof(intent->token));
	p->run.n_intents++;
	r = controller_write_run(p->controller, &p->run, &p->revision, fault);
	/* Refused: somebody else wrote; the next look reads what stands there. */
	return r == STORE_REFUSED ? 0 : r;
}

static bool is_tracked(const struct provision *p, const char *id)
{
	for (size_t i = 0; i < p->n_mine; i++) {
		if (strcmp(p->mine[i].machine.id, id) == 0)
			return true;
	}
	return false;
}

/* Records of those that we do not follow yet. One that has a record which is not ours has left us
 * in good order. */
static int enter_new(struct provision *p, const struct intent *intent, struct handle *handles,
		     size_t n, struct fault *fault)
{
	const struct change init = {
		.transition = TRANSITION_LAUNCH,
		.seq = 1,
		.claimant = p->options->request.claimant,
		.leases = p->leases,
	};
	_cleanup_free_ struct change_outcome *outcomes = NULL;
	size_t n_new = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!is_tracked(p, handles[i].id))
			handles[n_new++] = handles[i];
	}
	r = enter_records(p->controller, &init, p->class_, intent->token, handles, n_new, &outcomes,
			  fault);
	for (size_t i = 0; r == 0 && i < n_new; i++) {
		if (outcomes[i].result != CHANGE_REFUSED)
			r = provision_track(p, &outcomes[i].record);
	}
	return r;
}

static int replay_intent(struct provision *p, size_t at, struct fault *fault)
{
	const struct intent *intent = &p->run.intents[at];
	_cleanup_free_ struct handle *handles = calloc(intent->count, sizeof(*handles));
	struct provider *provider = p->controller->provider;
	const struct blueprint blueprint = blueprint_of(p);
	struct fault refusal = {};
	int n;

	if (!handles)
		return -ENOMEM;
	n = provider->ops->provision(provider, &blueprint, intent, handles, &refusal);
	p->view.launch_failed |= n < 0;
	p->answered[at] = n >= 0;
	/* Who makes plans is a service, which says that it was asked for the wrong thing. */
	if (intent->plan && (n == -EINVAL || n == -EACCES))
		note_trouble(p, n, &refusal);
	if (n < (int)intent->count)
		note_launch(p, n < 0 ? n : -ENOSPC, &refusal);
	return n > 0 ? enter_new(p, intent, handles, (size_t)n, fault) : 0;
}

int provision_replay(struct provision *p, struct fault *fault)
{
	for (size_t i = 0; i < p->run.n_intents; i++) {
		int r;

		if (!intent_is_open(p, i))
			continue;
		r = replay_intent(p, i, fault);
		if (r < 0)
			return r;
	}
	return provision_register(p, fault);
}
