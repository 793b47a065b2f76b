#pragma once

/* A kernel and a PMU that do what a test says: struct probe_kernel for the probe, a script for the
 * test. Without a script every event counts exactly what its load makes happen. */

#include <errno.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "tests/fake-clock.h"
#include "tests/test.h"

#define FAKE_FILES_MAX 64
#define FAKE_SCRIPTS_MAX 16
#define FAKE_RUN_NS 1000000ULL
#define FAKE_FD_BASE 1000 /* no real file is closed by mistake */

/* What one event does; times and counts are in thousandths of the right ones. */
struct fake_script {
	uint32_t type;
	uint64_t config;
	int open_error, enable_error, read_error; /* errno */
	bool end_of_file;                         /* when pinned */
	unsigned value_permille, running_permille;
};

struct fake_file {
	bool open;
	struct perf_event_attr attr;
	int group; /* index of its leader; itself when it leads */
	bool wide;
};

struct fake_kernel {
	struct probe_kernel kernel;
	struct fake_script scripts[FAKE_SCRIPTS_MAX];
	size_t n_scripts;
	int hardware_error, software_error; /* errno of all of a kind */
	int scope_error;                    /* errno when kernel code or a whole CPU is asked for */
	int load_error;
	int prepared;         /* what prepare() says: 0, 1 for no promise, -errno */
	unsigned counters;    /* how many hardware events fit at once */
	bool refuses_at_open; /* as x86 does; else they open and never count, */
	bool shares;          /* or each counts half of the time, */
	bool pretends;        /* or those too many run all the time and stay at 0 */
	unsigned max_files;   /* 0: FAKE_FILES_MAX */
	bool hypervisor;
	unsigned cpuid_counters;

	struct fake_clock *clock; /* moved by each load; may be NULL */
	unsigned run_ms;

	struct fake_file files[FAKE_FILES_MAX];
	enum probe_load load; /* the last one */
	unsigned n_open, most_open, n_asked;
};

static inline struct fake_kernel *fake_of(const struct probe_kernel *kernel)
{
	/* The kernel belongs to the test, which did not make it const. */
	return (struct fake_kernel *)container_of(kernel, struct fake_kernel, kernel);
}

static inline const struct fake_script *fake_find(const struct fake_kernel *fake,
						  const struct perf_event_attr *attr)
{
	for (size_t i = 0; i < fake->n_scripts; i++)
		if (fake->scripts[i].type == attr->type && fake->scripts[i].config == attr->config)
			return &fake->scripts[i];
	return NULL;
}

static inline bool fake_is_hardware(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_HARDWARE || attr->type == PERF_TYPE_HW_CACHE;
}

static inline unsigned fake_members(const struct fake_kernel *fake, int group)
{
	unsigned n = 0;

	for (int i = 0; i < FAKE_FILES_MAX; i++)
		n += fake->files[i].open && fake->files[i].group == group &&
		     fake_is_hardware(&fake->files[i].attr);
	return n;
}

static inline int fake_refusal(const struct fake_kernel *fake, const struct perf_event_attr *attr,
			       pid_t pid, int group_fd)
{
	const struct fake_script *script = fake_find(fake, attr);

	if (fake->n_open >= (fake->max_files > 0 ? fake->max_files : FAKE_FILES_MAX))
		return EMFILE;
	if (script && script->open_error > 0)
		return script->open_error;
	if (fake->scope_error > 0 && (pid == -1 || !attr->exclude_kernel))
		return fake->scope_error;
	if (fake_is_hardware(attr) && group_fd >= 0 && fake->refuses_at_open &&
	    fake_members(fake, group_fd - FAKE_FD_BASE) >= fake->counters)
		return EINVAL;
	return fake_is_hardware(attr) ? fake->hardware_error : fake->software_error;
}

static inline int fake_open(const struct probe_kernel *kernel, struct perf_event_attr *attr,
			    pid_t pid, _unused_ int cpu, int group_fd, unsigned long flags)
{
	struct fake_kernel *fake = fake_of(kernel);
	int error = fake_refusal(fake, attr, pid, group_fd);

	ck_assert_uint_eq(attr->size, PERF_ATTR_SIZE_VER0);
	ck_assert_uint_eq(flags, PERF_FLAG_FD_CLOEXEC);
	ck_assert_uint_eq(attr->exclude_hv, 1);
	fake->n_asked++;
	if (error > 0)
		return -error;

	for (int i = 0; i < FAKE_FILES_MAX; i++) {
		if (fake->files[i].open)
			continue;
		fake->files[i] = (struct fake_file){
			.open = true,
			.attr = *attr,
			.group = group_fd < 0 ? i : group_fd - FAKE_FD_BASE,
			.wide = pid == -1,
		};
		fake->n_open++;
		if (fake->n_open > fake->most_open)
			fake->most_open = fake->n_open;
		return FAKE_FD_BASE + i;
	}
	return -EMFILE;
}

static inline struct fake_file *fake_file(const struct probe_kernel *kernel, int fd)
{
	struct fake_kernel *fake = fake_of(kernel);

	ck_assert_int_ge(fd, FAKE_FD_BASE);
	ck_assert_int_lt(fd, FAKE_FD_BASE + FAKE_FILES_MAX);
	ck_assert(fake->files[fd - FAKE_FD_BASE].open);
	return &fake->files[fd - FAKE_FD_BASE];
}

/* What a true count of the last load would be; 1 when the load was not this event's. */
static inline uint64_t fake_truth(const struct fake_kernel *fake,
				  const struct perf_event_attr *attr)
{
	static const struct {
		uint32_t type;
		uint64_t config;
		enum probe_load load;
		uint64_t count;
	} truths[] = {
		{ PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, PROBE_LOAD_LOOP, 2 * FAKE_RUN_NS },
		{ PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, PROBE_LOAD_LOOP,
		  2 * PROBE_LOOP_N + 15 },
		{ PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, PROBE_LOAD_LOOP,
		  PROBE_LOOP_N + 3 },
		{ PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, PROBE_LOAD_BITS,
		  PROBE_BITS_N / 2 },
		{ PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES, PROBE_LOAD_CHASE,
		  PROBE_CHASE_N },
		{ PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, PROBE_LOAD_CHASE, PROBE_CHASE_N },
		{ PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, PROBE_LOAD_LOOP, FAKE_RUN_NS },
		{ PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, PROBE_LOAD_LOOP, FAKE_RUN_NS },
		{ PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, PROBE_LOAD_TOUCH, PROBE_TOUCH_N },
		{ PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, PROBE_LOAD_BLOCK,
		  PROBE_BLOCK_N },
		{ PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, PROBE_LOAD_MIGRATE, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(truths); i++)
		if (truths[i].type == attr->type && truths[i].config == attr->config)
			return truths[i].load == fake->load ? truths[i].count : 1;
	return fake->load == PROBE_LOAD_CHASE ? PROBE_CHASE_N : 1;
}

static inline ssize_t fake_read(const struct probe_kernel *kernel, int fd, void *data, size_t size)
{
	struct fake_kernel *fake = fake_of(kernel);
	const struct fake_file *file = fake_file(kernel, fd);
	const struct fake_script *script = fake_find(fake, &file->attr);
	uint64_t answer[3] = { fake_truth(fake, &file->attr), FAKE_RUN_NS, FAKE_RUN_NS };

	ck_assert_uint_eq(size, sizeof(answer));
	if (script && script->read_error > 0)
		return -script->read_error;
	if (script && script->end_of_file && file->attr.pinned)
		return 0;
	if (script) {
		answer[0] = answer[0] * script->value_permille / 1000;
		answer[2] = answer[2] * script->running_permille / 1000;
	}
	if (fake_is_hardware(&file->attr) && fake_members(fake, file->group) > fake->counters) {
		answer[0] = fake->shares ? answer[0] * 3 / 4 : 0;
		answer[2] = fake->pretends ? answer[2] : fake->shares ? answer[2] / 2 : 0;
	}
	memcpy(data, answer, sizeof(answer));
	return sizeof(answer);
}

static inline int fake_ioctl(const struct probe_kernel *kernel, int fd, unsigned long request,
			     _unused_ unsigned long arg)
{
	const struct fake_script *script = fake_find(fake_of(kernel), &fake_file(kernel, fd)->attr);

	if (request == PERF_EVENT_IOC_ENABLE && script && script->enable_error > 0)
		return -script->enable_error;
	return 0;
}

static inline int fake_close(const struct probe_kernel *kernel, int fd)
{
	fake_file(kernel, fd)->open = false;
	fake_of(kernel)->n_open--;
	return 0;
}

static inline int fake_cpuid(const struct probe_kernel *kernel, uint32_t leaf,
			     _unused_ uint32_t subleaf, struct probe_cpuid *ret)
{
	const struct fake_kernel *fake = fake_of(kernel);

	if (strcmp(kernel->arch, "x86_64") != 0)
		return -EOPNOTSUPP;
	*ret = (struct probe_cpuid){};
	if (leaf == 0x0)
		ret->eax = 0xa;
	if (leaf == 0x1 && fake->hypervisor)
		ret->ecx = UINT32_C(1) << 31;
	if (leaf == 0xa && fake->cpuid_counters > 0) {
		ret->eax = 5 | fake->cpuid_counters << 8;
		ret->edx = 4;
	}
	if (leaf == 0x40000000) {
		memcpy(&ret->ebx, "KVMK", 4);
		memcpy(&ret->ecx, "VMKV", 4);
		memcpy(&ret->edx, "M\0\0", 4);
	}
	return 0;
}

static inline int fake_prepare(const struct probe_kernel *kernel, _unused_ struct probe_work *work,
			       _unused_ enum probe_load load)
{
	return fake_of(kernel)->prepared;
}

static inline int fake_run(const struct probe_kernel *kernel, _unused_ struct probe_work *work,
			   enum probe_load load)
{
	struct fake_kernel *fake = fake_of(kernel);

	fake->load = load;
	if (fake->clock)
		fake_advance(fake->clock, fake->run_ms);
	return -fake->load_error;
}

static const struct probe_kernel_ops fake_kernel_ops = {
	.name = "fake",
	.perf_event_open = fake_open,
	.read = fake_read,
	.ioctl = fake_ioctl,
	.close = fake_close,
	.cpuid = fake_cpuid,
	.prepare = fake_prepare,
	.run = fake_run,
};

/* Eight counters, all right, on the machine whose /proc and /sys are in tree. */
static inline struct fake_kernel fake_kernel(const struct tree *tree, const char *arch)
{
	return (struct fake_kernel){
		.kernel = { .ops = &fake_kernel_ops, .root_fd = tree->fd, .arch = arch },
		.counters = 8,
		.cpuid_counters = 8,
	};
}

/* A script for one event that leaves it right; the caller spoils it. */
static inline struct fake_script *fake_add_script(struct fake_kernel *fake, uint32_t type,
						  uint64_t config)
{
	struct fake_script *script = &fake->scripts[fake->n_scripts];

	ck_assert_uint_lt(fake->n_scripts, FAKE_SCRIPTS_MAX);
	fake->n_scripts++;
	*script = (struct fake_script){
		.type = type,
		.config = config,
		.value_permille = 1000,
		.running_permille = 1000,
	};
	return script;
}
