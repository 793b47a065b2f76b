/* The runner of the simulated machines: jobs that take their time, resist, and outlive their agent
 * for a moment. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "tests/sim/check.h"
#include "tests/sim/cloud.h"
#include "tests/sim/event.h"

#define JOB_LINGER_MAX_USEC (2 * USEC_PER_SEC)
/* A job takes a second, doubled up to JOB_STEPS - 1 times. */
#define JOB_STEPS 7
#define CLEAN_MAX_USEC (3 * USEC_PER_SEC)

struct sim_runner {
	struct runner runner;
	const struct runner_callbacks *callbacks;
	void *context;
	sd_event *event;
	struct instance *instance;
	bool freed; /* its memory stays until the schedule is over: something may still come for it
		     */
	struct sim_runner *next;
	bool running, stopping, cleaning;
	uint64_t seq, number;
	uint64_t turn; /* of starts: an end that was set for an earlier job is void */
	uint64_t clean_seq;
	int exit_code;
};

static struct sim_runner *runner_of(struct runner *runner)
{
	return container_of(runner, struct sim_runner, runner);
}

static struct sim_runner *runners; /* of this schedule */

/* Something that comes to a runner after a while: by then it may be freed. */
struct later {
	struct sim_runner *runner;
	uint64_t turn;
	sim_post_fn *fn;
};

static void run_later(void *context)
{
	struct later *later = context;

	if (!later->runner->freed && later->turn == later->runner->turn)
		later->fn(later->runner);
	free(later);
}

static void in_a_while(struct sim_runner *runner, uint64_t usec, sim_post_fn *fn)
{
	struct later *later = calloc(1, sizeof(*later));

	if (!later)
		abort();
	*later = (struct later){ runner, runner->turn, fn };
	sim_at(sim_now() + usec, run_later, later);
}

static void tell_started(void *context)
{
	struct sim_runner *runner = context;

	if (!runner->freed && runner->running)
		runner->callbacks->on_started(&runner->runner, 4711, runner->context);
}

static void tell_stopped(void *context)
{
	struct sim_runner *runner = context;

	if (!runner->freed)
		runner->callbacks->on_stopped(&runner->runner, runner->context);
}

static void tell_exited(void *context)
{
	struct sim_runner *runner = context;
	struct runner_result result = {
		.seq = runner->seq,
		.number = runner->number,
		.exit_code = runner->exit_code,
		.output = "",
		.errors = "",
	};
	bool stopping = runner->stopping;

	if (runner->freed)
		return;
	runner->running = false;
	runner->stopping = false;
	runner->callbacks->on_exited(&runner->runner, &result, runner->context);
	if (stopping)
		sim_post(runner->event, tell_stopped, runner);
}

static void job_exits(void *context)
{
	struct sim_runner *runner = context;

	sim_note("%s: job %llu of seq %llu ends", runner->instance->id,
		 (unsigned long long)runner->number, (unsigned long long)runner->seq);
	instance_job_ends(runner->instance);
	runner->turn++;
	sim_post(runner->event, tell_exited, runner);
}

static int sim_runner_create(const struct runner_options *options,
			     const struct runner_callbacks *callbacks, void *context,
			     struct runner **ret)
{
	struct sim_runner *runner = calloc(1, sizeof(*runner));
	if (!runner)
		return -ENOMEM;
	*runner = (struct sim_runner){
		.runner = { .ops = &sim_runner_ops },
		.callbacks = callbacks,
		.context = context,
		.event = options->event,
		.instance = instance_find(options->machine),
		.next = runners,
	};
	runners = runner;
	runner->instance->loop = options->event;
	*ret = &runner->runner;
	return 0;
}

static int sim_runner_start(struct runner *r, const struct runner_job *job, struct fault *fault)
{
	struct sim_runner *runner = runner_of(r);
	struct instance *instance = runner->instance;

	if (runner->running || runner->cleaning)
		return fault_set(fault, EBUSY, "another job runs");
	sim_note("%s: job %llu of seq %llu starts for %s", instance->id,
		 (unsigned long long)job->number, (unsigned long long)job->seq, job->run_key);
	check_job_starts(instance, job);

	instance->job.alive = true;
	instance->job.seq = job->seq;
	instance->job.number = job->number;
	(void)!str_copy(instance->job.run_key, sizeof(instance->job.run_key), job->run_key);
	instance->dirty_seq = job->seq;
	if (instance->n_started < SIM_JOBS_MAX) {
		(void)!str_copy(instance->started[instance->n_started].command,
				sizeof(instance->started->command), job->argv[0]);
		instance->started[instance->n_started].seq = job->seq;
		instance->started[instance->n_started++].number = job->number;
	}
	runner->running = true;
	runner->seq = job->seq;
	runner->number = job->number;
	runner->exit_code = 0;
	runner->turn++;
	sim_post(runner->event, tell_started, runner);
	in_a_while(runner, USEC_PER_SEC << sim_pick(JOB_STEPS), job_exits);
	return 0;
}

static int sim_runner_stop(struct runner *r, uint64_t grace_usec)
{
	struct sim_runner *runner = runner_of(r);

	if (!runner->running) {
		sim_post(runner->event, tell_stopped, runner);
		return 0;
	}
	if (runner->stopping)
		return 0;
	runner->stopping = true;
	if (runner->instance->job.alive) {
		runner->exit_code = 143;
		in_a_while(runner, sim_between(10 * USEC_PER_MSEC, grace_usec), job_exits);
	}
	return 0;
}

static void tell_cleaned(void *context)
{
	struct sim_runner *runner = context;
	struct runner_verdict verdict = { .clean = true };

	if (runner->freed)
		return;
	runner->cleaning = false;
	if (!sim_is_calm() && !sim->fair && sim_chance(15)) {
		verdict = (struct runner_verdict){ .reason = "something resists" };
	} else if (!runner->instance->job.alive) {
		runner->instance->dirty_seq = 0;
	}
	runner->callbacks->on_cleaned(&runner->runner, runner->clean_seq, &verdict,
				      runner->context);
}

static void clean_ends(void *context)
{
	struct sim_runner *runner = context;

	sim_post(runner->event, tell_cleaned, runner);
}

static int sim_runner_clean(struct runner *r, uint64_t seq)
{
	struct sim_runner *runner = runner_of(r);

	if (runner->running || runner->cleaning)
		return -EBUSY;
	runner->cleaning = true;
	runner->clean_seq = seq;
	in_a_while(runner, sim_between(10 * USEC_PER_MSEC, CLEAN_MAX_USEC), clean_ends);
	return 0;
}

static void job_is_swept(void *context)
{
	struct instance *instance = context;

	if (instance->n_started == instance->swept)
		instance_job_ends(instance);
}

/* The supervisor sees that its agent is gone, and ends what it has started. */
static void sweep_job(struct instance *instance)
{
	if (!instance->job.alive)
		return;
	instance->swept = instance->n_started;
	sim_at(sim_now() + sim_between(USEC_PER_MSEC, JOB_LINGER_MAX_USEC), job_is_swept, instance);
}

static void sim_runner_free(struct runner *r)
{
	struct sim_runner *runner = runner_of(r);

	runner->freed = true;
	sweep_job(runner->instance);
}

const struct runner_ops sim_runner_ops = {
	.name = "simulated",
	.create = sim_runner_create,
	.start = sim_runner_start,
	.stop = sim_runner_stop,
	.clean = sim_runner_clean,
	.free = sim_runner_free,
};

void sim_runners_done(void)
{
	while (runners) {
		struct sim_runner *next = runners->next;

		free(runners);
		runners = next;
	}
}
