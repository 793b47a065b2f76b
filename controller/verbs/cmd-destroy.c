#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/destroy.h"
#include "controller/verbs/verbs.h"

#define DESTROY_MACHINES_MAX 10000

struct destroy_flags {
	bool all;
	bool force;
	uint64_t grace_usec;
};

static const struct setting destroy_rows[] = {
	{ NULL, "all", SETTING_BOOL, offsetof(struct destroy_flags, all), NULL, 0, 0, NULL, NULL,
	  "Every machine of this provider" },
	{ NULL, "force", SETTING_BOOL, offsetof(struct destroy_flags, force), NULL, 0, 0, NULL,
	  NULL, "Also machines that a run holds" },
	{ NULL, "grace", SETTING_DURATION, offsetof(struct destroy_flags, grace_usec), "10s", 0,
	  600 * USEC_PER_SEC, NULL, "DURATION", "How long a machine may take to leave by itself" },
};

struct names {
	char (*ids)[MACHINE_ID_MAX]; /* owned */
	size_t n;
};

static int add_present(const struct handle *handle, enum presence presence, void *context)
{
	struct names *names = context;
	char(*ids)[MACHINE_ID_MAX];

	if (presence == PRESENCE_GONE)
		return 0;
	if (names->n == DESTROY_MACHINES_MAX)
		return -ENOBUFS;
	ids = reallocarray(names->ids, names->n + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	names->ids = ids;
	return str_copy(ids[names->n++], sizeof(*ids), handle->id);
}

static int destroy_one(const struct edges *edges, const struct destroy_flags *flags, const char *id)
{
	struct fault fault = {};
	int r;

	r = destroy_machine(&edges->controller, id, flags->force, flags->grace_usec, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	printf("%s: gone\n", id);
	return EXIT_OK;
}

static int run_destroy(const struct verb_call *call)
{
	const struct destroy_flags *flags = call->options;
	struct edges *edges = call->context;
	struct names names = {};
	struct fault fault = {};
	int r, code = EXIT_OK;

	if (flags->all == (call->argc > 0))
		return program_fail(
			fault_set(&fault, EINVAL, "name the machines, or give --all: one of both"),
			&fault);
	r = edges_open(edges, false, &fault);
	if (r == 0 && flags->all)
		r = edges->controller.provider->ops->list(edges->controller.provider, add_present,
							  &names, &fault);
	if (r < 0)
		code = program_fail(r, &fault);
	for (int i = 0; r == 0 && i < call->argc; i++) {
		int own = machine_id_is_valid(call->argv[i])
				  ? destroy_one(edges, flags, call->argv[i])
				  : program_fail(fault_set(&fault, EINVAL, "'%s' is no machine id",
							   call->argv[i]),
						 &fault);

		code = own != EXIT_OK ? own : code;
	}
	for (size_t i = 0; i < names.n; i++) {
		int own = destroy_one(edges, flags, names.ids[i]);

		code = own != EXIT_OK ? own : code;
	}
	free(names.ids);
	return code;
}

const struct verb verb_destroy = {
	.name = "destroy",
	.args = "[MACHINE...]",
	.help = "End machines now, whatever their time says",
	.examples = "paddock destroy --all\teverything that is idle here",
	.max_args = -1,
	.options = destroy_rows,
	.n_options = ARRAY_SIZE(destroy_rows),
	.options_size = sizeof(struct destroy_flags),
	.run = run_destroy,
};
