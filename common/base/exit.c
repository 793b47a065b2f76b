#include "common/base/exit.h"

#include <stddef.h>

const struct exit_row exit_rows[] = {
	{ EXIT_OK, "it worked" },
	{ EXIT_FAILED, "it failed; or a probe's verdict is `lies`" },
	{ EXIT_USAGE, "the command line, a setting or a request is wrong" },
	{ EXIT_UNAVAILABLE, "not available on this machine" },
	{ EXIT_PARTIAL, "done in part, or degraded" },
	{ EXIT_NO_CAPACITY, "no machine could be had" },
	{ EXIT_AGAIN, "a passing trouble: try again" },
	{ EXIT_OK, NULL },
};
