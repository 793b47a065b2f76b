#pragma once

/* Makes machines. Everything else about them (claims, health, jobs) goes through the store; the
 * scheduler does not know what a machine is made of. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/domain/class.h"
#include "common/domain/machine.h"
#include "common/domain/run.h"

/* What a provider gives back for a machine that it made, or found again. */
struct handle {
	char provider[16];
	char id[MACHINE_ID_MAX];
	char address[256];             /* local: the state directory */
	char correlation[RUN_KEY_MAX]; /* the run key or warm key that it was made for */
	char type[TYPE_NAME_MAX];
	char arch[16];
	char zone[32];
	char image[64];
	enum usage_class usage;
	uint64_t launched_ms; /* when, since the epoch; 0: not known */
};

struct blueprint {
	const struct resource_class *class_;
	enum usage_class usage;
	const char *const *types;
	size_t n_types;
	const char *correlation;
};

/* What a provider can say of machines before it makes them, for people. */
#define OUTLOOK_MAX 16
struct outlook {
	struct {
		char what[16];
		char text[256];
	} rows[OUTLOOK_MAX];
	size_t n;
};

enum presence {
	PRESENCE_UNKNOWN, /* no answer, or never heard of it: never read as gone */
	/* The provider, which forgets machines some time after their end, and may not know one yet
	 * that it has just made, answers that it knows of none. */
	PRESENCE_ABSENT,
	PRESENCE_STARTING,
	PRESENCE_THERE,
	PRESENCE_ENDING,
	PRESENCE_GONE, /* it existed, and certainly no longer does */
};

struct aws;
struct store;

struct provider {
	const struct provider_ops *ops;
};

typedef int handle_fn(const struct handle *handle, enum presence presence, void *context);

struct provider_ops {
	const char *name;

	/* Optional: how the next machines are to be made, as text, in the caller's hands. It is
	 * written into the intent before anything is launched, so that a launch that is repeated
	 * asks for the very same. Looks at what is known of capacity by now. -ENOSPC, and why in
	 * the fault, when nothing is left to be tried. */
	int (*plan)(struct provider *provider, const struct blueprint *blueprint, char **ret,
		    struct fault *fault);

	/* Makes count machines, or finds those that an earlier call with this token, plan and count
	 * made: idempotent by token. The provider chooses their ids. Returns how many handles were
	 * filled. Fewer than count, with the reason in the fault: that is all that this token will
	 * ever give; the rest is worth another plan. -ENOSPC: so it is with none, and another plan
	 * would not help. Any other error: it is not known what was made. */
	int (*provision)(struct provider *provider, const struct blueprint *blueprint,
			 const struct intent *intent, struct handle *ret, struct fault *fault);

	/* Shows what provision() has made with a token, of up to count machines, as far as it can
	 * be seen; makes nothing. */
	int (*made)(struct provider *provider, const char *token, uint64_t count, handle_fn *each,
		    void *context, struct fault *fault);

	/* How n machines stand. */
	int (*poll)(struct provider *provider, const char *const *ids, size_t n, enum presence *ret,
		    struct fault *fault);

	/* Ends a machine and all it runs: asks, waits grace_usec, then insists. 0 also when it is
	 * gone already; -EINPROGRESS when it has not gone yet. Never touches a process that is not
	 * provably the machine's. */
	int (*teardown)(struct provider *provider, const char *id, uint64_t grace_usec,
			struct fault *fault);

	/* Every machine of this provider's that exists or has left something behind. */
	int (*list)(struct provider *provider, handle_fn *each, void *context, struct fault *fault);

	/* Removes what a machine that is gone has left behind, keeping its logs when keep_logs.
	 * -EBUSY while it exists. */
	int (*forget)(struct provider *provider, const char *id, bool keep_logs,
		      struct fault *fault);

	/* Optional: what count machines would be made of, where, for how much, and what stands in
	 * the way. Makes nothing. */
	int (*outlook)(struct provider *provider, const struct blueprint *blueprint, size_t count,
		       struct outlook *ret, struct fault *fault);

	/* Optional: what today's machines are made from, as it stands in their records. */
	int (*image)(struct provider *provider, char *ret, size_t size, struct fault *fault);

	/* Optional: a log of the machine, for reading: "agent", "job-<seq>-<n>.out". -ENOENT. */
	int (*open_log)(struct provider *provider, const char *id, const char *log, int *ret_fd,
			struct fault *fault);

	void (*close)(struct provider *provider);
};

static inline void provider_close(struct provider *provider)
{
	if (provider)
		provider->ops->close(provider);
}
DEFINE_CLEANUP(struct provider *, provider_close)

/* A provider that knows of no such machine has not heard of it yet, or has forgotten that it is
 * gone: which of both, its age tells. Other answers stay as they are. */
#define ABSENT_MEANS_GONE_MS (MSEC_PER_SEC * 60 * 10)
enum presence presence_settle(enum presence presence, uint64_t created_ms, uint64_t now_ms);

/* What `ec2` is made from; borrowed for the provider's life. */
struct ec2_options {
	struct aws *aws;
	struct store *store; /* what was learned of capacity is kept there */
	const char *name;    /* of the launch template, and of Paddock in the instances' tags */
	const char *ami_id;  /* NULL: the template's */
	const char *subnets; /* ids, separated by spaces */
	const char *prices;  /* file; NULL: none */
	const char *max_price;
};
int provider_ec2_new(const struct ec2_options *options, struct provider **ret,
		     struct fault *fault) _must_check_;

/* What `local` is made from; borrowed for the provider's life. */
struct local_options {
	const char *state_dir;          /* machines live below <state_dir>/machines/<id>/ */
	const char *agent_path;         /* the paddock-agent to start */
	const char *store_address;      /* handed to the agents */
	const char *const *agent_flags; /* further flags for the agents, NULL-ended; may be NULL */
	const char *const *agent_environment; /* "NAME=value" beside PATH and LANG; likewise */
	const struct clock *clock;

	/* Local machines are processes that share the host: nothing is set aside for them, and a
	 * class that is larger than the host is accepted, unless this is set: -ENOSPC then. */
	bool no_oversubscribe;
};
int provider_local_new(const struct local_options *options, struct provider **ret,
		       struct fault *fault) _must_check_;
