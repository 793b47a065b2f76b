/* Virtual time, and coroutines on it. */

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/sim/sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifdef SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES ((size_t)512 * 1024)
/* So much may happen at one moment of virtual time. */
#define MOMENT_MAX 200000
#define EPOCH_MS UINT64_C(1700000000000)
/* A dead actor's clock runs away with every look, so that whatever waits for a time stops. */
#define DEAD_STEP_USEC (3600 * USEC_PER_SEC)

struct task {
	ucontext_t context; /* to begin with */
	jmp_buf place;      /* from then on: swapcontext() costs two system calls */
	bool begun;
	char *stack;
	struct actor *actor;
	task_fn *fn;
	void *argument;
	uint64_t turn; /* raised at each resumption: older wake-ups are void */
	bool done;
	void *fake_stack;
};

struct event {
	uint64_t at_usec;
	uint64_t order;
	struct task *task; /* NULL: a call */
	uint64_t turn;
	task_fn *fn;
	void *argument;
};

struct sim *sim;

static struct {
	ucontext_t main;
	jmp_buf main_place;
	void *main_fake_stack;
	const void *main_bottom;
	size_t main_size;
	struct task *self;
	struct task *tasks[SIM_TASKS_MAX];
	size_t n_tasks;
	struct event *heap;
	size_t n_heap, heap_capacity;
	uint64_t order;
	char *stacks[SIM_TASKS_MAX]; /* idle ones, kept from schedule to schedule */
	size_t n_stacks;
} sched;

/* --- the heap -------------------------------------------------------------------------------- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at_usec != b->at_usec ? a->at_usec < b->at_usec : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
	struct event c = *a;

	*a = *b;
	*b = c;
}

static void push(struct event event)
{
	size_t i;

	if (sched.n_heap == sched.heap_capacity) {
		sched.heap_capacity = sched.heap_capacity ? sched.heap_capacity * 2 : 256;
		sched.heap = reallocarray(sched.heap, sched.heap_capacity, sizeof(*sched.heap));
		if (!sched.heap)
			abort();
	}
	event.order = sched.order++;
	if (event.at_usec < sim->now_usec)
		event.at_usec = sim->now_usec;
	i = sched.n_heap++;
	sched.heap[i] = event;
	for (; i > 0 && earlier(&sched.heap[i], &sched.heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&sched.heap[i], &sched.heap[(i - 1) / 2]);
}

static struct event pop(void)
{
	struct event first = sched.heap[0];
	size_t i = 0;

	sched.heap[0] = sched.heap[--sched.n_heap];
	for (;;) {
		size_t least = i;

		for (size_t k = 2 * i + 1; k <= 2 * i + 2; k++) {
			if (k < sched.n_heap && earlier(&sched.heap[k], &sched.heap[least]))
				least = k;
		}
		if (least == i)
			return first;
		swap(&sched.heap[i], &sched.heap[least]);
		i = least;
	}
}

void sim_at(uint64_t usec, task_fn *fn, void *context)
{
	push((struct event){ .at_usec = usec, .fn = fn, .argument = context });
}

/* --- switching ------------------------------------------------------------------------------- */

#ifdef SIM_ASAN

static void switch_to_task(struct task *task)
{
	sched.self = task;
	sim->switches++;
	__sanitizer_start_switch_fiber(&sched.main_fake_stack, task->stack, STACK_BYTES);
	if (swapcontext(&sched.main, &task->context) < 0)
		abort();
	__sanitizer_finish_switch_fiber(sched.main_fake_stack, NULL, NULL);
	sched.self = NULL;
}

static void switch_to_main(bool for_good)
{
	struct task *task = sched.self;

	__sanitizer_start_switch_fiber(for_good ? NULL : &task->fake_stack, sched.main_bottom,
				       sched.main_size);
	if (swapcontext(&task->context, &sched.main) < 0)
		abort();
	__sanitizer_finish_switch_fiber(task->fake_stack, &sched.main_bottom, &sched.main_size);
	task->turn++;
}

#else

static void switch_to_task(struct task *task)
{
	sched.self = task;
	sim->switches++;
	if (_setjmp(sched.main_place) == 0) {
		if (task->begun)
			_longjmp(task->place, 1);
		task->begun = true;
		if (swapcontext(&sched.main, &task->context) < 0)
			abort();
	}
	sched.self = NULL;
}

static void switch_to_main(_unused_ bool for_good)
{
	struct task *task = sched.self;

	if (_setjmp(task->place) == 0)
		_longjmp(sched.main_place, 1);
	task->turn++;
}

#endif

static void task_main(void)
{
	struct task *task = sched.self;

#ifdef SIM_ASAN
	__sanitizer_finish_switch_fiber(NULL, &sched.main_bottom, &sched.main_size);
#endif
	task->turn++;
	task->fn(task->argument);
	task->done = true;
	if (task->actor)
		task->actor->left = true;
	switch_to_main(true);
}

static char *stack_get(void)
{
	char *stack;

	if (sched.n_stacks > 0)
		return sched.stacks[--sched.n_stacks];
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		abort();
	/* An overflow is a crash, not another task's bug. */
	if (mprotect(stack, 4096, PROT_NONE) < 0)
		abort();
	return stack;
}

struct task *task_start(struct actor *actor, task_fn *fn, void *context)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task || sched.n_tasks == SIM_TASKS_MAX)
		abort();
	task->actor = actor;
	task->fn = fn;
	task->argument = context;
	task->stack = stack_get();
	if (getcontext(&task->context) < 0)
		abort();
	task->context.uc_stack.ss_sp = task->stack;
	task->context.uc_stack.ss_size = STACK_BYTES;
	task->context.uc_link = NULL;
	makecontext(&task->context, task_main, 0);
	sched.tasks[sched.n_tasks++] = task;
	push((struct event){ .at_usec = sim->now_usec, .task = task });
	return task;
}

bool task_is_done(const struct task *task)
{
	return task->done;
}

struct task *sim_self(void)
{
	return sched.self;
}

struct actor *sim_actor(void)
{
	return sched.self ? sched.self->actor : NULL;
}

void task_wake(struct task *task)
{
	if (task && !task->done)
		push((struct event){ .at_usec = sim->now_usec, .task = task, .turn = task->turn });
}

void sim_wait_until(uint64_t usec)
{
	struct task *task = sched.self;

	if (task->actor && task->actor->dead)
		return;
	if (usec != UINT64_MAX)
		push((struct event){ .at_usec = usec, .task = task, .turn = task->turn });
	switch_to_main(false);
}

void sim_yield(void)
{
	task_wake(sched.self);
	switch_to_main(false);
}

void sim_sleep(uint64_t usec)
{
	uint64_t until = sim->now_usec + usec;

	while (sim->now_usec < until && !(sim_actor() && sim_actor()->dead))
		sim_wait_until(until);
}

/* --- actors ---------------------------------------------------------------------------------- */

static struct actor *actor_of(const struct clock *clock)
{
	return container_of(clock, struct actor, clock);
}

static uint64_t actor_wall_ms(const struct clock *clock)
{
	return sim_now_ms() + (uint64_t)actor_of(clock)->wall_offset_ms;
}

static uint64_t actor_boot_usec(const struct clock *clock)
{
	struct actor *actor = actor_of(clock);
	uint64_t boot = sim->now_usec + (uint64_t)actor->boot_offset_usec;

	return actor->dead ? boot + DEAD_STEP_USEC * ++actor->dead_calls : boot;
}

static bool is_cancelled(const struct actor *actor)
{
	return actor->cancelled != 0;
}

static int actor_sleep_until(const struct clock *clock, uint64_t boot_usec)
{
	struct actor *actor = actor_of(clock);
	uint64_t at = boot_usec - (uint64_t)actor->boot_offset_usec;
	bool was_cancelled = is_cancelled(actor);

	while (!actor->dead && sim->now_usec < at) {
		sim_wait_until(at);
		if (is_cancelled(actor) && !was_cancelled)
			return 1;
	}
	return actor->dead;
}

static const struct clock_ops actor_clock_ops = {
	.name = "simulated",
	.wall_ms = actor_wall_ms,
	.boot_usec = actor_boot_usec,
	.sleep_until = actor_sleep_until,
};

struct actor *actor_new(const char *name)
{
	struct actor *actor;

	if (sim->n_actors == SIM_ACTORS_MAX)
		abort();
	actor = &sim->actors[sim->n_actors];
	*actor = (struct actor){
		.index = sim->n_actors++,
		.boot_offset_usec = (int64_t)sim_between(0, 1000) * (int64_t)USEC_PER_SEC,
		.clock = { &actor_clock_ops },
		.heard_usec = sim->now_usec,
	};
	(void)snprintf(actor->name, sizeof(actor->name), "%s", name);
	return actor;
}

static void wake_all_of(const struct actor *actor)
{
	for (size_t i = 0; i < sched.n_tasks; i++) {
		if (sched.tasks[i]->actor == actor && sched.tasks[i] != sched.self)
			task_wake(sched.tasks[i]);
	}
}

void actor_kill(struct actor *actor)
{
	if (actor->dead)
		return;
	if (!sim->ending)
		sim_note("%s: killed", actor->name);
	actor->dead = true;
	actor->frozen = false;
	wake_all_of(actor);
}

void actor_leave(struct actor *actor)
{
	actor->dead = true;
	wake_all_of(actor);
}

void actor_freeze(struct actor *actor, uint64_t usec)
{
	if (actor->dead || actor->frozen)
		return;
	sim_note("%s: frozen for %.1f s", actor->name, (double)usec / USEC_PER_SEC);
	actor->frozen = true;
	actor->thaw_usec = sim->now_usec + usec;
}

uint64_t sim_now(void)
{
	return sim->now_usec;
}

uint64_t sim_ms_at(uint64_t usec)
{
	return EPOCH_MS + usec / USEC_PER_MSEC;
}

uint64_t sim_now_ms(void)
{
	return sim_ms_at(sim->now_usec);
}

bool sim_is_calm(void)
{
	return sim->ending || sim->now_usec >= sim->calm_usec;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void free_task(struct task *task)
{
	sched.stacks[sched.n_stacks++] = task->stack;
	free(task);
}

static void sweep_tasks(void)
{
	size_t n = 0;

	for (size_t i = 0; i < sched.n_tasks; i++) {
		if (sched.tasks[i]->done)
			free_task(sched.tasks[i]);
		else
			sched.tasks[n++] = sched.tasks[i];
	}
	sched.n_tasks = n;
}

static void dispatch(struct event *event)
{
	struct task *task = event->task;
	struct actor *actor;

	if (!task) {
		event->fn(event->argument);
		return;
	}
	if (task->done || task->turn != event->turn)
		return;
	actor = task->actor;
	if (actor && actor->frozen && sim->now_usec < actor->thaw_usec) {
		event->at_usec = actor->thaw_usec;
		push(*event);
		return;
	}
	if (actor)
		actor->frozen = false;
	switch_to_task(task);
}

void sched_run(void (*each_second)(void))
{
	uint64_t second = 0;
	unsigned moment = 0;

	while (sched.n_heap > 0 && !sim->failed) {
		struct event event = pop();

		moment = event.at_usec > sim->now_usec ? 0 : moment + 1;
		if (moment > MOMENT_MAX)
			sim_fail("liveness", "somebody turns in circles, and no time passes");

		if (event.at_usec > sim->end_usec) {
			push(event);
			break;
		}
		sim->now_usec = event.at_usec;
		if (sim->now_usec / USEC_PER_SEC != second) {
			second = sim->now_usec / USEC_PER_SEC;
			each_second();
		}
		/* That was the last second: what comes now comes too late. */
		if (event.at_usec >= sim->end_usec) {
			push(event);
			break;
		}
		dispatch(&event);
	}
}

/* Everybody is killed, and gets the chance to give back what it holds. */
void sched_end(void)
{
	sim->ending = true;
	for (size_t i = 0; i < sim->n_actors; i++)
		actor_kill(&sim->actors[i]);
	for (size_t turn = 0; sched.n_heap > 0 && turn < 1000000; turn++) {
		struct event event = pop();

		if (event.at_usec > sim->now_usec)
			sim->now_usec = event.at_usec;
		if (event.task)
			dispatch(&event);
		else
			event.fn(event.argument);
	}
	for (size_t i = 0; i < sched.n_tasks; i++) {
		if (!sched.tasks[i]->done) {
			fprintf(stderr, "sim: a task of %s does not end\n",
				sched.tasks[i]->actor ? sched.tasks[i]->actor->name : "nobody");
			abort();
		}
	}
	sweep_tasks();
}
