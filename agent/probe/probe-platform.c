/*
 * Metal or virtual, and what the CPU and the kernel say about the PMU.
 *
 * CPUID is asked first: the hypervisor bit is the one thing that every hypervisor sets. DMI names
 * come next, for CPUs without CPUID. A container is no VM: it sees the PMU of its host.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"

#define LEAF_BASIC 0x0
#define LEAF_FEATURES 0x1
#define LEAF_PMU 0xa
#define LEAF_HYPERVISOR 0x40000000
#define LEAF_EXTENDED 0x80000000
#define LEAF_EXTENDED_FEATURES 0x80000001
#define LEAF_AMD_PMU 0x80000022

#define FEATURES_ECX_HYPERVISOR (UINT32_C(1) << 31)
#define AMD_ECX_PERF_CTR_CORE (UINT32_C(1) << 23)
#define AMD_CORE_COUNTERS 6 /* what that bit stands for */

#define KMSG_RECORDS_MAX 65536 /* more than the largest ring of records holds */
#define KMSG_RECORD_SIZE 8192  /* the kernel's limit for one record */

static int ask_cpuid(const struct probe_kernel *kernel, uint32_t leaf, struct probe_cpuid *ret)
{
	return kernel->ops->cpuid(kernel, leaf, 0, ret);
}

/* The signature is what the hypervisor says of itself; some borrow another's. */
static void read_hypervisor(const struct probe_kernel *kernel, struct probe_context *context)
{
	static const struct {
		const char *signature, *name;
	} known[] = {
		{ "KVMKVMKVM", "KVM" },        { "XenVMMXenVMM", "Xen" },
		{ "Microsoft Hv", "Hyper-V" }, { "VMwareVMware", "VMware" },
		{ "TCGTCGTCGTCG", "QEMU" },    { "bhyve bhyve ", "bhyve" },
		{ "ACRNACRNACRN", "ACRN" },
	};
	struct probe_cpuid regs;
	char text[13] = {};

	if (ask_cpuid(kernel, LEAF_FEATURES, &regs) < 0)
		return;
	if ((regs.ecx & FEATURES_ECX_HYPERVISOR) == 0) {
		context->platform = PROBE_PLATFORM_METAL;
		return;
	}
	context->platform = PROBE_PLATFORM_VM;
	if (ask_cpuid(kernel, LEAF_HYPERVISOR, &regs) < 0)
		return;
	memcpy(text, &regs.ebx, 4);
	memcpy(text + 4, &regs.ecx, 4);
	memcpy(text + 8, &regs.edx, 4);
	probe_clean(text);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(text, known[i].signature) == 0) {
			(void)snprintf(context->hypervisor, sizeof(context->hypervisor), "%s",
				       known[i].name);
			return;
		}
	(void)snprintf(context->hypervisor, sizeof(context->hypervisor), "%s", text);
}

static void read_intel_counters(const struct probe_kernel *kernel, struct probe_context *context)
{
	struct probe_cpuid regs;

	if (ask_cpuid(kernel, LEAF_BASIC, &regs) < 0 || regs.eax < LEAF_PMU ||
	    ask_cpuid(kernel, LEAF_PMU, &regs) < 0)
		return;
	context->pmu_version = regs.eax & 0xff;
	if (context->pmu_version == 0)
		return;
	context->pmu_general = regs.eax >> 8 & 0xff;
	context->pmu_fixed = regs.edx & 0x1f;
}

static void read_amd_counters(const struct probe_kernel *kernel, struct probe_context *context)
{
	struct probe_cpuid regs;
	uint32_t last;

	if (ask_cpuid(kernel, LEAF_EXTENDED, &regs) < 0)
		return;
	last = regs.eax;
	if (last >= LEAF_EXTENDED_FEATURES &&
	    ask_cpuid(kernel, LEAF_EXTENDED_FEATURES, &regs) == 0 &&
	    (regs.ecx & AMD_ECX_PERF_CTR_CORE) != 0) {
		context->pmu_version = 1;
		context->pmu_general = AMD_CORE_COUNTERS;
	}
	if (last >= LEAF_AMD_PMU && ask_cpuid(kernel, LEAF_AMD_PMU, &regs) == 0 &&
	    (regs.eax & 1) != 0) {
		context->pmu_version = 2;
		context->pmu_general = regs.ebx & 0xf;
	}
}

/* Firmware of virtual machines names its maker; EC2's does so on metal too, where the type says so.
 */
static void read_dmi(int root_fd, struct probe_context *context)
{
	static const char *const makers[] = { "Amazon EC2", "QEMU", "Google",
					      "VMware",     "Xen",  "Microsoft Corporation" };
	char vendor[64];

	probe_read_line(root_fd, "sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	probe_read_line(root_fd, "sys/class/dmi/id/product_name", context->product,
			sizeof(context->product));
	if (context->platform != PROBE_PLATFORM_UNKNOWN)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (strncmp(vendor, makers[i], strlen(makers[i])) == 0)
			context->platform = strstr(context->product, ".metal")
						    ? PROBE_PLATFORM_METAL
						    : PROBE_PLATFORM_VM;
}

/* For CPUs that do not say: Xen's directory, or what the device tree says of itself. */
static void read_other_signs(int root_fd, struct probe_context *context)
{
	static const char virtual_board[] = "linux,dummy-virt"; /* of QEMU and others like it */
	char type[32], board[32];

	probe_read_line(root_fd, "sys/hypervisor/type", type, sizeof(type));
	if (type[0] == '\0')
		probe_read_line(root_fd, "proc/device-tree/hypervisor/compatible", type,
				sizeof(type));
	probe_read_line(root_fd, "proc/device-tree/compatible", board, sizeof(board));
	if ((type[0] != '\0' || strcmp(board, virtual_board) == 0) &&
	    context->platform == PROBE_PLATFORM_UNKNOWN)
		context->platform = PROBE_PLATFORM_VM;
	if (type[0] != '\0' && context->hypervisor[0] == '\0')
		(void)snprintf(context->hypervisor, sizeof(context->hypervisor), "%s", type);
}

/* The part of a kernel log line that speaks of the PMU's driver, or NULL. */
static const char *pmu_message(const char *line)
{
	static const char *const signs[] = { "Performance Events:", "hw perfevents:",
					     "VPMU disabled by hypervisor" };

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		const char *at = strstr(line, signs[i]);

		if (at)
			return at;
	}
	return NULL;
}

/* It is quoted inside of sentences. */
static void cut_full_stop(char *text)
{
	size_t length = strlen(text);

	if (length > 0 && text[length - 1] == '.')
		text[length - 1] = '\0';
}

/*
 * The kernel log holds the true cause, which no errno carries. It is evidence to show and never
 * parsed: its words change from kernel to kernel. /dev/kmsg gives one record for each read, and
 * EPIPE when records were lost in between.
 */
static void read_kernel_message(int root_fd, struct probe_context *context)
{
	_cleanup_close_ int fd = openat(root_fd, "dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *record = calloc(1, KMSG_RECORD_SIZE + 1);
	const char *message;

	if (fd < 0 || !record)
		return;
	for (unsigned i = 0; i < KMSG_RECORDS_MAX; i++) {
		ssize_t n = read(fd, record, KMSG_RECORD_SIZE);

		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return;
		record[n] = '\0';
		message = pmu_message(record);
		if (!message)
			continue;
		(void)snprintf(context->kernel_message, sizeof(context->kernel_message), "%.*s",
			       (int)strcspn(message, "\n"), message);
		probe_clean(context->kernel_message);
		cut_full_stop(context->kernel_message);
		return;
	}
}

void probe_read_platform(const struct probe_kernel *kernel, struct probe_context *context)
{
	int root_fd = kernel->root_fd;

	read_hypervisor(kernel, context);
	if (strcmp(context->cpu_vendor, "GenuineIntel") == 0)
		read_intel_counters(kernel, context);
	else if (strcmp(context->cpu_vendor, "AuthenticAMD") == 0)
		read_amd_counters(kernel, context);
	read_dmi(root_fd, context);
	read_other_signs(root_fd, context);
	context->container = faccessat(root_fd, ".dockerenv", F_OK, 0) == 0 ||
			     faccessat(root_fd, "run/.containerenv", F_OK, 0) == 0;
	read_kernel_message(root_fd, context);
}
