#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/verbs/report.h"
#include "controller/verbs/verbs.h"

struct refresh_flags {
	bool dry_run;
	bool setup;
};

static const struct setting refresh_rows[] = {
	{ NULL, "dry-run", SETTING_BOOL, offsetof(struct refresh_flags, dry_run), NULL, 0, 0, NULL,
	  NULL, "Only say what would be done" },
	{ NULL, "setup", SETTING_BOOL, offsetof(struct refresh_flags, setup), NULL, 0, 0, NULL,
	  NULL, "Only look after the things in AWS, not after machines" },
};

static int worse(int code, int other)
{
	return code == EXIT_OK ? other : code;
}

/* The answer when there is nothing to be said of machines. */
static int answer_things(const struct edges *edges, const struct converge *converge)
{
	struct json_object *body;

	if (!edges_want_json(edges))
		return EXIT_OK;
	body = json_object_new_object();
	if (!body || things_json(converge, body) < 0) {
		json_object_put(body);
		return program_fail(-ENOMEM, NULL);
	}
	return print_json("paddock-refresh/1", body);
}

/* Whether the store is not there, and is not to be made: nor are there records then. */
static bool lacks_store(const struct converge *converge)
{
	for (size_t i = 0; i < converge->n; i++) {
		if (converge->rows[i].thing == thing_table.name)
			return converge->rows[i].verdict == THING_WOULD_MAKE ||
			       converge->rows[i].verdict == THING_FAILED;
	}
	return false;
}

static int refresh_machines(struct edges *edges, bool dry_run, const struct converge *converge)
{
	_cleanup_refresh_result_ struct refresh_result result = {};
	struct fault fault = {};
	int r;

	/* The table was made just now, if at all. */
	r = edges_open(edges, !converge_dynamodb(edges->store_address), &fault);
	edges->controller.image = converge_image(converge);
	if (r == 0)
		r = refresh_run(&edges->controller, dry_run, &result, &fault);
	if (r < 0) {
		int code = answer_things(edges, converge);

		return worse(program_fail(r, &fault), code);
	}
	return report_refresh(edges, dry_run, converge, &result);
}

static int run_refresh(const struct verb_call *call)
{
	const struct refresh_flags *flags = call->options;
	struct edges *edges = call->context;
	_cleanup_free_ struct converge *converge = calloc(1, sizeof(*converge));
	struct fault fault = {};
	int r, code;

	if (!converge)
		return program_fail(-ENOMEM, NULL);
	r = edges_converge(edges, converge, &fault);
	if (r == 0)
		r = converge_make(converge, thing_kinds, flags->dry_run);
	if (r < 0)
		return program_fail(r, &fault);
	if (flags->setup && !converge_uses_aws(&edges->config, edges->store_address))
		fprintf(stderr, "paddock: the settings name nothing in AWS: there is nothing to "
				"set up\n");

	if (edges_want_json(edges)) {
		report_failed_things(converge);
		code = things_exit_code(converge);
	} else {
		code = report_things(converge);
	}
	if (flags->setup || lacks_store(converge))
		return worse(code, answer_things(edges, converge));
	/* A template that failed is no reason to let dead machines live. */
	return worse(code, refresh_machines(edges, flags->dry_run, converge));
}

const struct verb verb_refresh = {
	.name = "refresh",
	.help = "Set up AWS, reap what is dead, keep the warm minimum",
	.details =
		"Safe at any time and from many places at once; meant for cron. First, what the "
		"settings name in AWS is made, or mended where it differs: the store's table, the "
		"pool's queues, the launch template, and parameters that tell where all of it is. "
		"What cannot be looked at is left alone, and fails with its reason.\n\n"
		"Machines are ended only when their time ran out long ago, when they say "
		"themselves that they failed, or when their provider says that they are gone. When "
		"many fall silent at once, it holds still and exits with 4. Idle machines of "
		"another image than today's are not counted as warm, and left to expire.",
	.examples = "paddock refresh --dry-run\twhat would be done\n"
		    "paddock refresh --setup\tonly the things in AWS\n"
		    "*/5 * * * * paddock refresh\tin a crontab",
	.options = refresh_rows,
	.n_options = ARRAY_SIZE(refresh_rows),
	.options_size = sizeof(struct refresh_flags),
	.run = run_refresh,
};
