#include <stdio.h>

#include "controller/verbs/verbs.h"

static int run_demo(_unused_ const struct verb_call *call)
{
	return EXIT_OK;
}

const struct verb verb_demo = {
	.name = "demo",
	.help = "Show all of it in half a minute, leaving nothing behind",
	.run = run_demo,
};
