/*
 * Loads: code whose effect on an event is known without asking any counter.
 *
 * The loop is written in assembly, since only then is its number of instructions known: two a
 * round, one of them a taken branch. The bits are fresh each time, as branch predictors learn
 * short patterns. The chase visits one line of each page in a random order after flushing all of
 * them, so that each step must miss every cache and, with more pages than a TLB holds, the TLB: no
 * guess about the sizes of caches is needed, which a virtual machine does not tell truly anyway.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "agent/probe/probe-internal.h"
#include "common/base/backoff.h"

#define CHASE_STRIDE 4096
#define LINE_BYTES 64
#define CPUS_MAX 16384 /* the kernel's own limit is 8192 on the largest builds */

#if defined(__x86_64__)
const bool probe_loop_is_exact = true;

__attribute__((noinline)) void probe_loop(uint64_t n)
{
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
}

static void flush_line(const void *line)
{
	__asm__ volatile("clflush (%0)" : : "r"(line) : "memory");
}

static void flush_wait(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

/* Kept out of C so that the branch on the data stays a branch. */
static uint64_t count_bits(const unsigned char *bits, uint64_t n)
{
	uint64_t ones = 0;

	__asm__ volatile("1: cmpb $0, (%1)\n\tje 2f\n\tinc %0\n"
			 "2: inc %1\n\tdec %2\n\tjnz 1b"
			 : "+r"(ones), "+r"(bits), "+r"(n)
			 :
			 : "cc", "memory");
	return ones;
}
#elif defined(__aarch64__)
const bool probe_loop_is_exact = true;

__attribute__((noinline)) void probe_loop(uint64_t n)
{
	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(n) : : "cc");
}

static void flush_line(const void *line)
{
	__asm__ volatile("dc civac, %0" : : "r"(line) : "memory");
}

static void flush_wait(void)
{
	__asm__ volatile("dsb ish" : : : "memory");
}

static uint64_t count_bits(const unsigned char *bits, uint64_t n)
{
	uint64_t ones = 0, bit;

	__asm__ volatile("1: ldrb %w3, [%1], #1\n\tcbz %w3, 2f\n\tadd %0, %0, #1\n"
			 "2: subs %2, %2, #1\n\tb.ne 1b"
			 : "+r"(ones), "+r"(bits), "+r"(n), "=&r"(bit)
			 :
			 : "cc", "memory");
	return ones;
}
#else
const bool probe_loop_is_exact = false;

__attribute__((noinline)) void probe_loop(uint64_t n)
{
	while (n-- > 0)
		__asm__ volatile("" : : : "memory");
}

static void flush_line(const void *line)
{
	(void)line;
}

static void flush_wait(void)
{
}

static uint64_t count_bits(const unsigned char *bits, uint64_t n)
{
	uint64_t ones = 0;

	while (n-- > 0)
		if (*bits++ != 0)
			__asm__ volatile("" : "+r"(ones) : : "memory");
	return ones;
}
#endif

/* Small pages only: a huge one would make a single fault, or a single TLB entry, of it all. */
static int map_pages(size_t size, void **ret)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	(void)madvise(memory, size, MADV_NOHUGEPAGE);
	*ret = memory;
	return 0;
}

static uint64_t next_random(struct probe_work *work)
{
	return mix64(++work->seed);
}

static void *chase_node(const struct probe_work *work, uint64_t i)
{
	/* Another line in each page, so that not all nodes fall into the same few cache sets. */
	uint64_t line = mix64(i) % (CHASE_STRIDE / LINE_BYTES);

	return (char *)work->chase + i * CHASE_STRIDE + line * LINE_BYTES;
}

/* One cycle through all nodes (Sattolo's shuffle), so that the chase never falls into a short one.
 */
static int prepare_chase(struct probe_work *work)
{
	_cleanup_free_ uint32_t *order = NULL;
	int r;

	if (work->chase)
		return probe_loop_is_exact ? 0 : 1;

	order = calloc(PROBE_CHASE_NODES, sizeof(*order));
	if (!order)
		return -ENOMEM;
	r = map_pages(PROBE_CHASE_NODES * CHASE_STRIDE, &work->chase);
	if (r < 0)
		return r;

	for (uint32_t i = 0; i < PROBE_CHASE_NODES; i++)
		order[i] = i;
	for (uint32_t i = PROBE_CHASE_NODES - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(next_random(work) % i), t = order[i];

		order[i] = order[j];
		order[j] = t;
	}
	for (uint32_t i = 0; i < PROBE_CHASE_NODES; i++)
		*(void **)chase_node(work, i) = chase_node(work, order[i]);
	work->chase_head = chase_node(work, 0);
	return probe_loop_is_exact ? 0 : 1;
}

static void run_chase(struct probe_work *work)
{
	void *node = work->chase_head;

	for (uint64_t pass = 0; pass < PROBE_CHASE_N / PROBE_CHASE_NODES; pass++) {
		for (uint64_t i = 0; i < PROBE_CHASE_NODES; i++)
			flush_line(chase_node(work, i));
		flush_wait();
		for (uint64_t i = 0; i < PROBE_CHASE_NODES; i++)
			node = *(void **)node;
	}
	work->chase_head = node;
}

static int prepare_bits(struct probe_work *work)
{
	if (!work->bits)
		work->bits = malloc(PROBE_BITS_N);
	if (!work->bits)
		return -ENOMEM;
	for (uint64_t i = 0; i < PROBE_BITS_N; i += 64) {
		uint64_t random = next_random(work);

		for (unsigned bit = 0; bit < 64; bit++)
			work->bits[i + bit] = random >> bit & 1;
	}
	return probe_loop_is_exact ? 0 : 1;
}

/* Pages that were touched before are given back, so that each run touches fresh ones. */
static int prepare_touch(struct probe_work *work)
{
	if (work->page_size == 0)
		work->page_size = (size_t)sysconf(_SC_PAGESIZE);
	if (!work->pages)
		return map_pages(PROBE_TOUCH_N * work->page_size, &work->pages);
	return madvise(work->pages, PROBE_TOUCH_N * work->page_size, MADV_DONTNEED) < 0 ? -errno
											: 0;
}

static void run_touch(struct probe_work *work)
{
	for (uint64_t i = 0; i < PROBE_TOUCH_N; i++)
		*((volatile char *)work->pages + i * work->page_size) = 1;
}

static int run_block(void)
{
	const struct timespec moment = { .tv_nsec = PROBE_BLOCK_NSEC };

	/* A sleep that a signal cut short has blocked all the same. */
	for (uint64_t i = 0; i < PROBE_BLOCK_N; i++)
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	return 0;
}

/* The affinity as it is now; the set grows until the kernel's fits. */
static int save_affinity(struct probe_work *work)
{
	for (int cpus = CPU_SETSIZE; cpus <= CPUS_MAX; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)cpus);

		if (!set)
			return -ENOMEM;
		CPU_FREE(work->affinity);
		work->affinity = set;
		work->affinity_size = CPU_ALLOC_SIZE((size_t)cpus);
		if (sched_getaffinity(0, work->affinity_size, work->affinity) == 0)
			return 0;
		if (errno != EINVAL)
			return -errno;
	}
	return -E2BIG;
}

/* 1 when there is no other CPU to go to: then the count may rightly stay at 0. */
static int prepare_migrate(struct probe_work *work)
{
	int here = sched_getcpu();
	int cpus, r;

	work->other_cpu = -1;
	r = save_affinity(work);
	if (r < 0)
		return r;

	cpus = (int)(work->affinity_size * 8);
	for (int cpu = 0; cpu < cpus && work->other_cpu < 0; cpu++)
		if (cpu != here && CPU_ISSET_S((size_t)cpu, work->affinity_size, work->affinity))
			work->other_cpu = cpu;
	return work->other_cpu < 0 ? 1 : 0;
}

static int run_migrate(struct probe_work *work)
{
	cpu_set_t *set;
	int r = 0;

	if (work->other_cpu < 0)
		return 0;
	set = CPU_ALLOC(work->affinity_size * 8);
	if (!set)
		return -ENOMEM;
	CPU_ZERO_S(work->affinity_size, set);
	CPU_SET_S((size_t)work->other_cpu, work->affinity_size, set);
	if (sched_setaffinity(0, work->affinity_size, set) < 0)
		r = -errno;
	CPU_FREE(set);
	if (r == 0 && sched_setaffinity(0, work->affinity_size, work->affinity) < 0)
		r = -errno;
	return r;
}

int probe_load_prepare(struct probe_work *work, enum probe_load load)
{
	switch (load) {
	case PROBE_LOAD_BITS:
		return prepare_bits(work);
	case PROBE_LOAD_CHASE:
		return prepare_chase(work);
	case PROBE_LOAD_TOUCH:
		return prepare_touch(work);
	case PROBE_LOAD_MIGRATE:
		return prepare_migrate(work);
	case PROBE_LOAD_LOOP:
		return probe_loop_is_exact ? 0 : 1;
	default:
		return 0;
	}
}

int probe_load_run(struct probe_work *work, enum probe_load load)
{
	switch (load) {
	case PROBE_LOAD_LOOP:
		probe_loop(PROBE_LOOP_N);
		return 0;
	case PROBE_LOAD_BITS:
		(void)count_bits(work->bits, PROBE_BITS_N);
		return 0;
	case PROBE_LOAD_CHASE:
		run_chase(work);
		return 0;
	case PROBE_LOAD_TOUCH:
		run_touch(work);
		return 0;
	case PROBE_LOAD_BLOCK:
		return run_block();
	case PROBE_LOAD_MIGRATE:
		return run_migrate(work);
	default:
		return -EINVAL;
	}
}

void probe_work_done(struct probe_work *work)
{
	if (work->chase)
		(void)munmap(work->chase, PROBE_CHASE_NODES * CHASE_STRIDE);
	if (work->pages)
		(void)munmap(work->pages, PROBE_TOUCH_N * work->page_size);
	free(work->bits);
	CPU_FREE(work->affinity);
	*work = (struct probe_work){};
}
