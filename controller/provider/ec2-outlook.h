#pragma once

/* What `paddock plan` tells of instances before they are made. Pure. */

#include "controller/provider/ec2-catalog.h"
#include "controller/provider/provider.h"

struct ec2_prospect {
	const struct ec2_catalog_cache *catalog;
	const char *ami_id; /* NULL: the template's */
	struct ec2_choice choice;
	const char *refusal; /* why the choice is empty; NULL: it is not */
	const struct ec2_capacity *capacity;
	size_t count;
	uint64_t now_ms;
};

/* Lines for which there is no room are left out, the least important ones first. */
void ec2_outlook_fill(const struct ec2_prospect *prospect, struct outlook *ret);
