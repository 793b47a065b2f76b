/* The kernel and the CPU that we run on, as one table of calls. */

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "agent/probe/probe-internal.h"

static int native_perf_event_open(_unused_ const struct probe_kernel *kernel,
				  struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd,
				  unsigned long flags)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, group_fd, flags);

	return fd < 0 ? -errno : (int)fd;
}

static ssize_t native_read(_unused_ const struct probe_kernel *kernel, int fd, void *data,
			   size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int native_ioctl(_unused_ const struct probe_kernel *kernel, int fd, unsigned long request,
			unsigned long arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int native_close(_unused_ const struct probe_kernel *kernel, int fd)
{
	return close(fd) < 0 ? -errno : 0;
}

static int native_cpuid(_unused_ const struct probe_kernel *kernel, uint32_t leaf, uint32_t subleaf,
			struct probe_cpuid *ret)
{
#if defined(__x86_64__)
	__cpuid_count(leaf, subleaf, ret->eax, ret->ebx, ret->ecx, ret->edx);
	return 0;
#else
	(void)leaf;
	(void)subleaf;
	(void)ret;
	return -EOPNOTSUPP;
#endif
}

static int native_prepare(_unused_ const struct probe_kernel *kernel, struct probe_work *work,
			  enum probe_load load)
{
	return probe_load_prepare(work, load);
}

static int native_run(_unused_ const struct probe_kernel *kernel, struct probe_work *work,
		      enum probe_load load)
{
	return probe_load_run(work, load);
}

const struct probe_kernel_ops probe_kernel_native = {
	.name = "native",
	.perf_event_open = native_perf_event_open,
	.read = native_read,
	.ioctl = native_ioctl,
	.close = native_close,
	.cpuid = native_cpuid,
	.prepare = native_prepare,
	.run = native_run,
};
