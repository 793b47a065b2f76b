/*
 * Jobs: fetched from the forge, started by the runner, reported to the forge. A fetched job is on
 * record as running, so it is reported in any case, also when it is never started.
 */

#include "agent/agent-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/log.h"

#define JOB_EXIT_KILLED (128 + SIGKILL)

static void set_report(struct agent *agent, uint64_t seq, struct job *job)
{
	if (agent->report.number > 0)
		log_warning("nobody will know how job %" PRIu64 " of seq %" PRIu64 " ended",
			    agent->report.number, agent->report_seq);
	job_done(&agent->report);
	agent->report = *job;
	agent->report.state = JOB_DONE;
	agent->report_seq = seq;
	*job = (struct job){};
}

bool agent_has_handled(struct agent *agent, uint64_t seq, uint64_t number)
{
	struct job lost = { .number = number, .exit_code = JOB_EXIT_KILLED };

	if (agent->handled.seq != seq || number > agent->handled.number)
		return false;
	if (agent->report.number == 0 &&
	    !agent_slot_is_busy(agent, AGENT_SLOT(ACTION_REPORT), seq)) {
		lost.detail = strdup("it has ended, and how was lost");
		set_report(agent, seq, &lost);
	}
	agent_report_job(agent);
	return true;
}

/* A job that was fetched ends without having begun. */
static void end_waiting(struct agent *agent, const char *why)
{
	struct job job = {
		.number = agent->waiting.number,
		.exit_code = JOB_EXIT_WITHDRAWN,
		.detail = strdup(why),
	};

	log_warning("job %" PRIu64 " of seq %" PRIu64 ": %s", job.number, agent->waiting_seq, why);
	agent->handled = (struct agent_job){ .seq = agent->waiting_seq, .number = job.number };
	set_report(agent, agent->waiting_seq, &job);
	job_done(&agent->waiting);
	agent->waiting = (struct job){};
}

void agent_refuse_waiting(struct agent *agent, const char *why)
{
	end_waiting(agent, why);
	agent_report_job(agent);
}

void agent_report_job(struct agent *agent)
{
	struct errand *errand;

	if (agent->waiting.number > 0)
		end_waiting(agent, "never started: the claim is being ended");
	if (agent->report.number == 0 ||
	    agent_slot_is_busy(agent, AGENT_SLOT(ACTION_REPORT), agent->report_seq))
		return;
	errand = agent_errand(agent, ERRAND_REPORT, AGENT_SLOT(ACTION_REPORT));
	if (!errand)
		return;

	errand->seq = agent->report_seq;
	errand->job = agent->report;
	agent->report = (struct job){};
	agent_send(agent, errand);
}

void agent_fetch_job(struct agent *agent)
{
	struct errand *errand;

	if (agent->job.number > 0 || agent->waiting.number > 0 ||
	    agent_slot_is_busy(agent, AGENT_SLOT(ACTION_FETCH), agent->life.seq))
		return;
	errand = agent_errand(agent, ERRAND_FETCH, AGENT_SLOT(ACTION_FETCH));
	if (errand)
		agent_send(agent, errand);
}

/* Why the fetched job must not be started at this very moment; NULL: it may. The answer that
 * brought it may have waited for as long as this process was frozen. */
static const char *objection(const struct agent *agent)
{
	if (!lifecycle_may_start(&agent->life) || agent->waiting_seq != agent->life.seq ||
	    agent->record.seq != agent->life.seq)
		return "not started: the claim has changed";
	if (!fence_store_is_fresh(&agent->fence, agent_now(agent), agent_period_usec(agent)))
		return "not started: the store has been silent for too long";
	if (!fence_may_start(&agent->fence, agent_now(agent), agent_period_usec(agent)))
		return "not started: the claim's time is up";
	return NULL;
}

void agent_start_job(struct agent *agent)
{
	const struct runner_job job = {
		.seq = agent->waiting_seq,
		.number = agent->waiting.number,
		.run_key = agent->record.run_key,
		.argv = agent->waiting.argv,
	};
	const char *why = objection(agent);
	_cleanup_free_ char *text = NULL;
	struct fault fault = {};
	int r;

	if (!why) {
		r = agent->runner->ops->start(agent->runner, &job, &fault);
		if (r < 0) {
			text = str_format("not started: %s", fault_text(&fault, r));
			why = text ? text : "not started: out of memory";
		}
	}
	if (why) {
		end_waiting(agent, why);
		agent->follow_up = EVENT_JOB_ENDED;
		return;
	}

	agent->job = (struct agent_job){ .seq = job.seq, .number = job.number };
	agent->handled = agent->job;
	job_done(&agent->waiting);
	agent->waiting = (struct job){};
}

static void on_started(_unused_ struct runner *runner, pid_t pid, void *context)
{
	struct agent *agent = context;

	agent->job.pid = pid;
	log_info("job %" PRIu64 " started: process %d", agent->job.number, (int)pid);
	agent_tell_status(agent);
	(void)agent_guard(agent);
}

/* A stream's end as text; bytes that would end a string early are shown as such. */
static char *copy_output(const char *bytes, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(bytes[i] ? bytes[i] : '?');
	text[size] = '\0';
	return text;
}

static void on_exited(_unused_ struct runner *runner, const struct runner_result *result,
		      void *context)
{
	struct agent *agent = context;
	struct job job = {
		.number = result->number,
		.exit_code = result->exit_code,
		.detail = result->detail ? strdup(result->detail) : NULL,
		.output = copy_output(result->output, result->output_size),
		.errors = copy_output(result->errors, result->errors_size),
	};

	log_info("job %" PRIu64 " ended: exit code %d%s%s", result->number, result->exit_code,
		 result->detail ? ", " : "", result->detail ? result->detail : "");
	agent->job = (struct agent_job){};
	set_report(agent, result->seq, &job);
	if (agent_guard(agent))
		agent_happen(agent, EVENT_JOB_ENDED, NULL);
}

void agent_give_up_job(struct agent *agent)
{
	struct job job = { .number = agent->job.number, .exit_code = JOB_EXIT_KILLED };

	if (job.number > 0) {
		job.detail = str_format("killed: %s", agent->reason);
		set_report(agent, agent->job.seq, &job);
		agent->job = (struct agent_job){};
	}
	agent_report_job(agent);
}

void agent_stop_job(struct agent *agent)
{
	int r = agent->runner->ops->stop(agent->runner, agent->given.config->stop_grace_usec);

	if (r >= 0)
		return;
	log_error_errno(r, "cannot stop the job: %m; this machine ends at its deadline");
}

static void on_stopped(_unused_ struct runner *runner, void *context)
{
	struct agent *agent = context;

	if (agent_guard(agent))
		agent_happen(agent, EVENT_STOPPED, NULL);
}

void agent_clean(struct agent *agent)
{
	int r = agent->runner->ops->clean(agent->runner, agent->life.seq);

	if (r >= 0)
		return;
	/* What cannot be cleaned cannot be proved clean either. */
	agent_set_reason(agent, "agent: cannot be cleaned: %s", strerror(-r));
	agent->follow_up = EVENT_DIRTY;
}

static void on_cleaned(_unused_ struct runner *runner, _unused_ uint64_t seq,
		       const struct runner_verdict *verdict, void *context)
{
	struct agent *agent = context;

	if (!agent_guard(agent))
		return;
	if (verdict->clean) {
		agent_happen(agent, EVENT_CLEANED, NULL);
		return;
	}
	agent_set_reason(agent, "agent: not clean: %s", verdict->reason);
	agent_happen(agent, EVENT_DIRTY, NULL);
}

const struct runner_callbacks agent_runner_callbacks = {
	.on_started = on_started,
	.on_exited = on_exited,
	.on_stopped = on_stopped,
	.on_cleaned = on_cleaned,
};
