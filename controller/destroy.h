#pragma once

/* Ends machines by hand, whatever their time says. */

#include "controller/controller.h"

/* Ends one machine: its agent is asked, so that it drains and says its last words; after grace_usec
 * it is insisted on, and the record terminated on the provider's word that it is gone. -EBUSY: a
 * run holds it and force is false. -ENOENT: neither record nor machine. -EINPROGRESS: not gone yet.
 */
int destroy_machine(const struct controller *controller, const char *id, bool force,
		    uint64_t grace_usec, struct fault *fault) _must_check_;
