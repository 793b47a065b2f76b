#include "controller/verbs/report.h"
#include "controller/verbs/verbs.h"

struct refresh_flags {
	bool dry_run;
};

static const struct setting refresh_rows[] = {
	{ NULL, "dry-run", SETTING_BOOL, offsetof(struct refresh_flags, dry_run), NULL, 0, 0, NULL,
	  NULL, "Only say what would be done" },
};

static int run_refresh(const struct verb_call *call)
{
	_cleanup_refresh_result_ struct refresh_result result = {};
	const struct refresh_flags *flags = call->options;
	struct edges *edges = call->context;
	struct fault fault = {};
	int r;

	r = edges_open(edges, true, &fault);
	if (r == 0)
		r = refresh_run(&edges->controller, flags->dry_run, &result, &fault);
	return r < 0 ? program_fail(r, &fault) : report_refresh(edges, flags->dry_run, &result);
}

const struct verb verb_refresh = {
	.name = "refresh",
	.help = "Reap what is dead, keep the warm minimum, forget the long gone",
	.details =
		"Safe at any time and from many places at once; meant for cron. Machines are ended "
		"only when their time ran out long ago, when they say themselves that they failed, "
		"or when their provider says that they are gone. When many fall silent at once, it "
		"holds still and exits with 4.",
	.examples = "paddock refresh --dry-run\twhat would be done\n"
		    "*/5 * * * * paddock refresh\tin a crontab",
	.options = refresh_rows,
	.n_options = ARRAY_SIZE(refresh_rows),
	.options_size = sizeof(struct refresh_flags),
	.run = run_refresh,
};
