#pragma once

/* What all controllers of a store know of EC2's capacity: one item, merged into by whoever learns
 * something. It is advice: what cannot be read or written is done without. */

#include "common/store/store.h"
#include "controller/provider/ec2-capacity.h"

#define EC2_MEMORY_TRIES_MAX 4 /* while others write */

struct ec2_memory {
	struct store *store; /* borrowed */
	const char *region;  /* borrowed */
	struct ec2_capacity capacity;
};

/* Adds to memory->capacity what others have written. -ENOMEM. */
int ec2_memory_read(struct ec2_memory *memory, struct fault *fault) _must_check_;

/* Learns from the errors of a launch and tells the others. */
void ec2_memory_note(struct ec2_memory *memory, const struct ec2_launch_error *errors, size_t n,
		     uint64_t now_ms);
