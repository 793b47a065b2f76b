#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/verbs/verbs.h"

#define COPY_BYTES 65536

struct logs_flags {
	char *log;
};

static const struct setting logs_rows[] = {
	{ NULL, "log", SETTING_TEXT, offsetof(struct logs_flags, log), "agent", 1, 64, NULL, "NAME",
	  "agent, or job-SEQ-NUMBER.out or .err" },
};

static int copy(int fd, FILE *to)
{
	_cleanup_free_ char *data = malloc(COPY_BYTES);

	if (!data)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, data, COPY_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return fflush(to) == 0 ? 0 : -errno;
		if (fwrite(data, 1, (size_t)n, to) != (size_t)n)
			return -EIO;
	}
}

static int run_logs(const struct verb_call *call)
{
	const struct logs_flags *flags = call->options;
	const char *machine = call->argv[0];
	struct edges *edges = call->context;
	_cleanup_close_ int fd = -1;
	struct provider *provider;
	struct fault fault = {};
	int r;

	if (!machine_id_is_valid(machine))
		return program_fail(fault_set(&fault, EINVAL, "'%s' is no machine id", machine),
				    &fault);
	r = edges_open(edges, false, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	provider = edges->controller.provider;
	if (!provider->ops->open_log)
		return program_fail(
			fault_set(&fault, EOPNOTSUPP,
				  "provider %s keeps no logs that can be read from here",
				  provider->ops->name),
			&fault);
	r = provider->ops->open_log(provider, machine, flags->log, &fd, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	r = copy(fd, stdout);
	return r < 0 ? program_fail(r, NULL) : EXIT_OK;
}

const struct verb verb_logs = {
	.name = "logs",
	.args = "MACHINE",
	.help = "Show what a machine's agent, or one of its jobs, has written",
	.examples =
		"paddock logs MACHINE --log job-2-1.out\tstdout of the first job of its claim 2",
	.min_args = 1,
	.max_args = 1,
	.options = logs_rows,
	.n_options = ARRAY_SIZE(logs_rows),
	.options_size = sizeof(struct logs_flags),
	.run = run_logs,
};
