/*
 * What the kernel writes below /proc and /sys, as the probe reads it, down to the report. The input
 * is a tree of files; the kernel of this one answers no other question.
 */

#include <errno.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "tests/fuzz/fuzz.h"

static int no_event(_unused_ const struct probe_kernel *kernel,
		    _unused_ struct perf_event_attr *attr, _unused_ pid_t pid, _unused_ int cpu,
		    _unused_ int group_fd, _unused_ unsigned long flags)
{
	return -ENOENT;
}

static int no_cpuid(_unused_ const struct probe_kernel *kernel, _unused_ uint32_t leaf,
		    _unused_ uint32_t subleaf, _unused_ struct probe_cpuid *ret)
{
	return -EOPNOTSUPP;
}

static int no_load(_unused_ const struct probe_kernel *kernel, _unused_ struct probe_work *work,
		   _unused_ enum probe_load load)
{
	return 0;
}

static const struct probe_kernel_ops ops = {
	.name = "files",
	.perf_event_open = no_event,
	.cpuid = no_cpuid,
	.prepare = no_load,
	.run = no_load,
};

static void check_report(const struct probe_report *report)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ char *table = NULL;
	char summary[PROBE_SUMMARY_MAX], words[128];
	size_t size = 0;
	FILE *to = open_memstream(&table, &size);

	FUZZ_CHECK(to && probe_print_table(report, to, 80) == 0 && fclose(to) == 0);
	fuzz_check_harmless(table);
	FUZZ_CHECK(probe_to_json(report, &object) == 0);
	fuzz_check_json(object);
	fuzz_check_harmless(probe_summary(report, summary, sizeof(summary)));
	FUZZ_CHECK(probe_capabilities(report, words, sizeof(words)) >= 0);
	for (size_t i = 0; i < report->n_rows; i++)
		FUZZ_CHECK(report->rows[i].brief[0] && report->rows[i].detail[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_close_ int fd = fuzz_write_tree("root", &input);
	const struct probe_kernel kernel = { .ops = &ops, .root_fd = fd, .arch = "x86_64" };
	static struct probe_report report;

	FUZZ_CHECK(probe_run(&(struct probe_options){ .kernel = &kernel }, &report) == 0);
	check_report(&report);
	return 0;
}
