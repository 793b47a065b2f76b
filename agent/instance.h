#pragma once

/* The EC2 instance that the agent lives on, as its metadata service tells of it. */

#include "agent/spot.h"
#include "common/base/fault.h"
#include "common/net/imds.h"

/* The service may come up later than the agent does. */
#define INSTANCE_WAIT_USEC (60 * USEC_PER_SEC)

/* Its id. Asks again with growing waits for INSTANCE_WAIT_USEC, whatever is wrong; then the last
 * error stands, with a cure. */
int instance_identify(const struct imds_options *options, char *ret, size_t size,
		      struct fault *fault) _must_check_;

/* Whether it will be taken away. Opens nothing yet: that is done on the thread that looks, by its
 * variables of then. The clock must live as long as the process. -ENOMEM. */
int instance_notices(const struct clock *clock, struct notice_source *ret) _must_check_;

/* One look by what is there already. */
void instance_look(struct imds *imds, const struct clock *clock, struct notice_look *look);

/* For imds_options: the process's own environment. */
const char *instance_env(void *context, const char *name);
