#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/probe/probe-internal.h"
#include "tests/test.h"

/* Where the child is between its two marks. */
#define MARK SIGUSR1

static void step_child(uint64_t n)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	(void)raise(MARK);
	probe_loop(n);
	(void)raise(MARK);
	_exit(0);
}

/* Waits for the child's next stop: its signal, or -1 when it has left, with *ret_status. */
static int next_stop(pid_t pid, int *ret_status)
{
	ck_assert_int_eq(waitpid(pid, ret_status, 0), pid);
	return WIFSTOPPED(*ret_status) ? WSTOPSIG(*ret_status) : -1;
}

/* The truth without a PMU: instructions between the marks, one single step each; 0 when this
 * machine does not let us trace. */
static uint64_t count_steps(uint64_t n)
{
	uint64_t steps = 0;
	int status, stop;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		step_child(n);

	stop = next_stop(pid, &status);
	if (stop != MARK)
		return 0;
	do {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			break;
		steps++;
		stop = next_stop(pid, &status);
	} while (stop == SIGTRAP);
	(void)kill(pid, SIGKILL);
	if (stop >= 0)
		(void)waitpid(pid, NULL, 0);
	return stop == MARK ? steps : 0;
}

START_TEST(runs_two_instructions_a_round)
{
	uint64_t few, many;

	if (!probe_loop_is_exact)
		return;
	few = count_steps(1000);
	many = count_steps(3000);
	if (few == 0 || many == 0)
		return; /* a sandbox that forbids tracing */
	ck_assert_uint_eq(many - few, 4000);
}
END_TEST

static void run(struct probe_work *work, enum probe_load load)
{
	ck_assert_int_ge(probe_load_prepare(work, load), 0);
	ck_assert_int_eq(probe_load_run(work, load), 0);
}

START_TEST(touches_fresh_pages_each_time)
{
	_cleanup_work_ struct probe_work work = {};
	struct rusage before, after;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_ge(probe_load_prepare(&work, PROBE_LOAD_TOUCH), 0);
		ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
		ck_assert_int_eq(probe_load_run(&work, PROBE_LOAD_TOUCH), 0);
		ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
		ck_assert_int_ge(after.ru_minflt - before.ru_minflt, PROBE_TOUCH_N);
	}
}
END_TEST

START_TEST(blocks_when_it_sleeps)
{
	_cleanup_work_ struct probe_work work = {};
	struct rusage before, after;

	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &before), 0);
	run(&work, PROBE_LOAD_BLOCK);
	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &after), 0);
	ck_assert_int_gt(after.ru_nvcsw, before.ru_nvcsw);
}
END_TEST

START_TEST(puts_the_affinity_back_after_migrating)
{
	_cleanup_work_ struct probe_work work = {};
	cpu_set_t before, after;

	if (sched_getaffinity(0, sizeof(before), &before) < 0)
		return; /* more CPUs than the small set holds */
	run(&work, PROBE_LOAD_MIGRATE);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(after), &after), 0);
	ck_assert(CPU_EQUAL(&before, &after));
}
END_TEST

START_TEST(promises_no_migration_on_a_single_cpu)
{
	_cleanup_work_ struct probe_work work = {};
	cpu_set_t before, one;
	int cpu = sched_getcpu();

	if (sched_getaffinity(0, sizeof(before), &before) < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_int_eq(probe_load_prepare(&work, PROBE_LOAD_MIGRATE), 1);
	ck_assert_int_eq(probe_load_run(&work, PROBE_LOAD_MIGRATE), 0);
}
END_TEST

START_TEST(chases_through_every_node_before_it_comes_back)
{
	_cleanup_work_ struct probe_work work = {};
	const void *node;
	uint64_t length = 0;

	run(&work, PROBE_LOAD_CHASE);
	node = work.chase_head;
	do {
		node = *(void *const *)node;
		length++;
	} while (node != work.chase_head && length <= PROBE_CHASE_NODES);
	ck_assert_uint_eq(length, PROBE_CHASE_NODES);
}
END_TEST

START_TEST(draws_about_half_ones_and_never_the_same_twice)
{
	_cleanup_work_ struct probe_work work = {};
	unsigned char first[4096];
	uint64_t ones = 0;

	run(&work, PROBE_LOAD_BITS);
	memcpy(first, work.bits, sizeof(first));
	for (uint64_t i = 0; i < PROBE_BITS_N; i++)
		ones += work.bits[i];
	ck_assert_uint_gt(ones, PROBE_BITS_N * 49 / 100);
	ck_assert_uint_lt(ones, PROBE_BITS_N * 51 / 100);

	run(&work, PROBE_LOAD_BITS);
	ck_assert_int_ne(memcmp(first, work.bits, sizeof(first)), 0);
}
END_TEST

TEST_MAIN(runs_two_instructions_a_round, touches_fresh_pages_each_time, blocks_when_it_sleeps,
	  puts_the_affinity_back_after_migrating, promises_no_migration_on_a_single_cpu,
	  chases_through_every_node_before_it_comes_back,
	  draws_about_half_ones_and_never_the_same_twice)
