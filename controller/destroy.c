#include "controller/destroy.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"

/* The provider says that it is gone; whatever the record still says, it ends. */
static int bury(const struct controller *controller, const char *id, struct fault *fault)
{
	struct change change = { .transition = TRANSITION_TERMINATE, .ending = ENDING_GONE };
	struct change_outcome outcome;
	struct machine machine;
	uint64_t now_ms;
	int r;

	r = controller_now(controller, &now_ms, fault);
	if (r == 0)
		r = controller_get(controller, &id, 1, &machine, fault);
	if (r < 0 || !machine_is_live(&machine))
		return r;

	r = controller_certify(controller, &machine, "destroyed by hand", now_ms, fault);
	if (r < 0)
		return r;
	change.seq = machine.seq;
	change.threshold_ms = machine.threshold_ms;
	config_leases(controller->config, &change.leases);
	memcpy(change.id, machine.id, sizeof(change.id));
	r = str_copy(change.reason, sizeof(change.reason), "destroyed by hand");
	if (r == 0)
		r = controller_change(controller, &change, 1, &outcome, fault);
	return r;
}

int destroy_machine(const struct controller *controller, const char *id, bool force,
		    uint64_t grace_usec, struct fault *fault)
{
	struct provider *provider = controller->provider;
	enum presence presence = PRESENCE_UNKNOWN;
	struct machine machine;
	int r;

	r = controller_get(controller, &id, 1, &machine, fault);
	if (r == 0)
		r = provider->ops->poll(provider, &id, 1, &presence, fault);
	if (r < 0)
		return r;
	if (machine.state == MACHINE_NONE && presence == PRESENCE_GONE)
		return fault_set(fault, ENOENT, "there is no machine %s", id);
	if (machine_is_live(&machine) && machine.run_key[0] && !force)
		return fault_cure(fault,
				  fault_set(fault, EBUSY, "run %s holds %s", machine.run_key, id),
				  "paddock release %s, or --force", machine.run_key);

	r = provider->ops->teardown(provider, id, grace_usec, fault);
	if (r < 0)
		return r;
	if (machine.state == MACHINE_NONE && presence == PRESENCE_UNKNOWN)
		return fault_set(fault, ENOENT, "there is no machine %s", id);
	return bury(controller, id, fault);
}
