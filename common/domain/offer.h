#pragma once

/*
 * An offer: what a pool of messages says of an idle machine. A hint, never the truth: whoever wants
 * the machine reads its record and claims by that.
 *
 * The text is JSON: id, resourceClass, instanceType, cpu, mmem (MiB), usageClass, threshold (ISO
 * 8601) and seq. An offer of another seq than the record's is an old one, to be dropped.
 */

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/domain/machine.h"

#define OFFER_TEXT_MAX 1024

/* -EINVAL for a machine that has no valid id, class or threshold. */
int offer_to_text(const struct machine *machine, struct buf *ret) _must_check_;

/* An idle machine of which nothing is set but what the offer says. -EBADMSG for a text that nobody
 * will ever be able to read: poison, the fault says why. */
int offer_from_text(const char *text, size_t size, struct machine *ret,
		    struct fault *fault) _must_check_;
