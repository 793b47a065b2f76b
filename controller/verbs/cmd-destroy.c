#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/destroy.h"
#include "controller/verbs/destroy-all.h"
#include "controller/verbs/verbs.h"

static const struct setting destroy_rows[] = {
	{ NULL, "all", SETTING_BOOL, offsetof(struct destroy_flags, all), NULL, 0, 0, NULL, NULL,
	  "Every machine of this provider, and then what refresh has made in AWS" },
	{ NULL, "setup", SETTING_BOOL, offsetof(struct destroy_flags, setup), NULL, 0, 0, NULL,
	  NULL, "Only what refresh has made in AWS; no machine may be left" },
	{ NULL, "yes", SETTING_BOOL, offsetof(struct destroy_flags, yes), NULL, 0, 0, NULL, NULL,
	  "Do not ask" },
	{ NULL, "dry-run", SETTING_BOOL, offsetof(struct destroy_flags, dry_run), NULL, 0, 0, NULL,
	  NULL, "Only say what would go, of --all or --setup" },
	{ NULL, "force", SETTING_BOOL, offsetof(struct destroy_flags, force), NULL, 0, 0, NULL,
	  NULL, "Also machines that a run holds" },
	{ NULL, "grace", SETTING_DURATION, offsetof(struct destroy_flags, grace_usec), "10s", 0,
	  600 * USEC_PER_SEC, NULL, "DURATION", "How long a machine may take to leave by itself" },
	{ NULL, "wait", SETTING_DURATION, offsetof(struct destroy_flags, wait_usec), "5min", 0,
	  3600 * USEC_PER_SEC, NULL, "DURATION", "How long --all waits until a machine has gone" },
};

static int destroy_named(const struct edges *edges, const struct destroy_flags *flags,
			 const char *id)
{
	struct fault fault = {};
	int r;

	if (!machine_id_is_valid(id))
		return program_fail(fault_set(&fault, EINVAL, "'%s' is no machine id", id), &fault);
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
	struct fault fault = {};
	int r, code = EXIT_OK;

	if (flags->all + flags->setup + (call->argc > 0) != 1)
		return program_fail(
			fault_set(&fault, EINVAL,
				  "name the machines, or give --all or --setup: one of the three"),
			&fault);
	if (call->argc == 0)
		return destroy_all(edges, flags);
	if (flags->dry_run)
		return program_fail(fault_set(&fault, EINVAL, "--dry-run goes with --all"), &fault);
	r = edges_open(edges, false, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	for (int i = 0; i < call->argc; i++) {
		int own = destroy_named(edges, flags, call->argv[i]);

		code = own != EXIT_OK ? own : code;
	}
	return code;
}

const struct verb verb_destroy = {
	.name = "destroy",
	.args = "[MACHINE...]",
	.help = "End machines now, whatever their time says; or take everything down",
	.details =
		"With --all, all machines of this provider go, and then what refresh has made in "
		"AWS: parameters, launch template, queues, and last the store's table with all "
		"that is in it. It says what would go and asks for the word that these things are "
		"called by (aws-name), unless --yes. While a run holds a machine, nothing is "
		"touched without --force. When something did not go, what comes behind it stays, "
		"and the exit code is 75: the same command goes on from there.\n\n"
		"Without anything in AWS it ends the machines and does not ask. A store in a file "
		"is left where it is.",
	.examples = "paddock destroy --all\teverything, after a question\n"
		    "paddock destroy --all --dry-run\twhat would go\n"
		    "paddock destroy --setup --yes\tthe things in AWS, when no machine is left",
	.max_args = -1,
	.options = destroy_rows,
	.n_options = ARRAY_SIZE(destroy_rows),
	.options_size = sizeof(struct destroy_flags),
	.run = run_destroy,
};
