/*
 * What perf_event_open(), read(), ioctl() and CPUID answer the probe, byte by byte from the input;
 * when it has ended, nothing is offered. The files are those of a machine with a PMU.
 */

#include <errno.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "tests/fuzz/fuzz.h"

#define FD_BASE 1000 /* no real file is closed by mistake */
#define FILES_MAX 64

static struct fuzz_input answers;
static bool open_files[FILES_MAX];

static const char files[] = "=proc/cpuinfo\n"
			    "vendor_id\t: GenuineIntel\nmodel name\t: A CPU\nflags\t\t: rdt_a\n"
			    "=proc/sys/kernel/perf_event_paranoid\n2\n"
			    "=sys/bus/event_source/devices/cpu/type\n4\n"
			    "=sys/devices/system/cpu/online\n0-1\n";

/* 0: no error. */
static int take_error(void)
{
	static const int errors[] = { 0,      0,          0,      0,      0,     EACCES,
				      EPERM,  ENOENT,     ENOSYS, EINVAL, EBUSY, ENODEV,
				      EMFILE, EOPNOTSUPP, ENOSPC, EINTR };

	return answers.size > 0 ? errors[fuzz_take_byte(&answers) % ARRAY_SIZE(errors)] : ENOENT;
}

static uint64_t take_number(void)
{
	uint64_t value = 0;
	size_t n = fuzz_take_byte(&answers) % (sizeof(value) + 1);

	for (size_t i = 0; i < n; i++)
		value = value << 8 | fuzz_take_byte(&answers);
	return value;
}

static int answer_open(_unused_ const struct probe_kernel *kernel,
		       _unused_ struct perf_event_attr *attr, _unused_ pid_t pid, _unused_ int cpu,
		       _unused_ int group_fd, _unused_ unsigned long flags)
{
	int error = take_error();

	for (int i = 0; i < FILES_MAX && error == 0; i++) {
		if (open_files[i])
			continue;
		open_files[i] = true;
		return FD_BASE + i;
	}
	return error == 0 ? -EMFILE : -error;
}

static void check_fd(int fd)
{
	FUZZ_CHECK(fd >= FD_BASE && fd < FD_BASE + FILES_MAX && open_files[fd - FD_BASE]);
}

static ssize_t answer_read(_unused_ const struct probe_kernel *kernel, int fd, void *data,
			   size_t size)
{
	uint64_t numbers[3] = { take_number(), take_number(), take_number() };
	int error = take_error();
	size_t n = fuzz_take_byte(&answers);

	check_fd(fd);
	FUZZ_CHECK(size == sizeof(numbers));
	if (error > 0)
		return -error;
	/* Mostly all of it, sometimes less. */
	n = n % 8 < 6 ? size : n % (size + 1);
	memcpy(data, numbers, n);
	return (ssize_t)n;
}

static int answer_ioctl(_unused_ const struct probe_kernel *kernel, int fd,
			_unused_ unsigned long request, _unused_ unsigned long arg)
{
	check_fd(fd);
	return -take_error();
}

static int answer_close(_unused_ const struct probe_kernel *kernel, int fd)
{
	check_fd(fd);
	open_files[fd - FD_BASE] = false;
	return 0;
}

static int answer_cpuid(_unused_ const struct probe_kernel *kernel, _unused_ uint32_t leaf,
			_unused_ uint32_t subleaf, struct probe_cpuid *ret)
{
	*ret = (struct probe_cpuid){
		.eax = (uint32_t)take_number(),
		.ebx = (uint32_t)take_number(),
		.ecx = (uint32_t)take_number(),
		.edx = (uint32_t)take_number(),
	};
	return -take_error();
}

static int answer_load(_unused_ const struct probe_kernel *kernel, _unused_ struct probe_work *work,
		       _unused_ enum probe_load load)
{
	return 0;
}

static int answer_prepare(_unused_ const struct probe_kernel *kernel,
			  _unused_ struct probe_work *work, _unused_ enum probe_load load)
{
	return answers.size > 0 && fuzz_take_byte(&answers) % 8 == 0 ? 1 : 0;
}

static const struct probe_kernel_ops ops = {
	.name = "answers",
	.perf_event_open = answer_open,
	.read = answer_read,
	.ioctl = answer_ioctl,
	.close = answer_close,
	.cpuid = answer_cpuid,
	.prepare = answer_prepare,
	.run = answer_load,
};

static int root_fd(void)
{
	static int fd = -1;
	struct fuzz_input input = { (const uint8_t *)files, strlen(files) };

	if (fd < 0)
		fd = fuzz_write_tree("root", &input);
	return fd;
}

static void check_rows(const struct probe_report *report)
{
	FUZZ_CHECK(report->n_rows <= PROBE_ROWS_MAX);
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct probe_row *row = &report->rows[i];

		FUZZ_CHECK((int)row->verdict >= 0 && row->verdict < _PROBE_VERDICT_MAX);
		FUZZ_CHECK((int)row->reason >= 0 && row->reason < _PROBE_REASON_MAX);
		FUZZ_CHECK_TEXT(row->brief[0] && row->detail[0], row->name);
		fuzz_check_harmless(row->brief);
		fuzz_check_harmless(row->detail);
		FUZZ_CHECK_TEXT(row->seen.running_ns <= row->seen.enabled_ns, row->name);
		/* Nothing works that was never counted. */
		FUZZ_CHECK_TEXT(row->verdict != PROBE_WORKS || row->seen.counted, row->name);
	}
	(void)probe_exit_code(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct probe_kernel kernel = { .ops = &ops, .root_fd = root_fd(), .arch = "x86_64" };
	_cleanup_json_ struct json_object *object = NULL;
	static struct probe_report report;

	answers = (struct fuzz_input){ data, size };
	FUZZ_CHECK(probe_run(&(struct probe_options){ .kernel = &kernel }, &report) == 0);
	for (size_t i = 0; i < FILES_MAX; i++)
		FUZZ_CHECK(!open_files[i]);
	check_rows(&report);
	FUZZ_CHECK(probe_to_json(&report, &object) == 0);
	fuzz_check_json(object);
	return 0;
}
