/*
 * The loop and its events. Every callback begins with agent_guard(), which looks at the clock
 * before anything else is believed, then turns what happened into events for agent_happen().
 *
 * Leaving takes two turns of the loop: what runs is killed outside of any callback of the runner's,
 * and what has been told the store gets a moment to arrive.
 */

#include "agent/agent-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/control.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/parse.h"

uint64_t agent_now(const struct agent *agent)
{
	return clock_boot_usec(agent->given.clock);
}

sd_event *agent_loop(const struct agent *agent)
{
	return agent->event;
}

static void begin_to_leave(struct agent *agent)
{
	agent_stop_timers(agent);
	agent_arm(agent, agent->leave_timer, 0);
}

/* What led to the end of one claim is no reason of the next. */
static bool starts_afresh(enum agent_state state)
{
	return state == AGENT_READY || state == AGENT_REGISTERING;
}

void agent_happen(struct agent *agent, enum agent_event event, const struct machine *record)
{
	if (agent->life.state == AGENT_ENDED)
		return;

	do {
		enum agent_state before = agent->life.state;
		unsigned actions = lifecycle_step(&agent->life, event, record);

		agent->follow_up = _AGENT_EVENT_INVALID;
		if (agent->life.state != before && starts_afresh(agent->life.state))
			agent->reason[0] = '\0';
		agent_tell(agent, before, event);
		agent_act(agent, actions);
		if (actions & ACTION_EXIT)
			begin_to_leave(agent);

		event = agent->follow_up;
		if (event == _AGENT_EVENT_INVALID)
			event = agent_standing_notice(agent);
		record = NULL;
	} while (event != _AGENT_EVENT_INVALID);
	agent_speak_up(agent);
}

static void meet_deadline(struct agent *agent)
{
	bool booting = agent->life.state == AGENT_BOOTING;
	char text[DURATION_TEXT_MAX];

	if (booting)
		agent_set_reason(
			agent, "agent: no record within %s",
			format_duration(agent->given.config->boot_usec, text, sizeof(text)));
	else
		agent_set_reason(agent, "agent: past its threshold, and still %s",
				 agent_state_names[agent->life.state]);
	agent_give_up_job(agent);
	agent_happen(agent, EVENT_DEADLINE, NULL);

	/* Of a machine that never had a record only these words will tell. */
	if (booting)
		agent_leave_words(agent);
}

bool agent_guard(struct agent *agent)
{
	if (agent->life.state == AGENT_ENDED)
		return false;

	switch (fence_check(&agent->fence, agent_now(agent))) {
	case FENCE_CALM:
		break;
	case FENCE_THRESHOLD:
		/* What is being ended already has a reason. */
		if (agent->life.state < AGENT_STOPPING)
			agent_set_reason(agent, "agent: the time for being %s is up",
					 machine_state_names[agent->record.state]);
		agent_happen(agent, EVENT_THRESHOLD, NULL);
		agent_arm_fence(agent);
		break;
	case FENCE_DEADLINE:
		meet_deadline(agent);
		break;
	}
	return agent->life.state != AGENT_ENDED;
}

static int on_signal(_unused_ sd_event_source *source, const struct signalfd_siginfo *info,
		     void *context)
{
	struct agent *agent = context;
	const char *name = sigabbrev_np((int)info->ssi_signo);

	if (!agent_guard(agent))
		return 0;
	log_info("SIG%s: leaving in good order", name);
	agent_set_reason(agent, "agent: SIG%s", name);
	agent->dismissed = agent->life.state == AGENT_BOOTING;
	agent_happen(agent, EVENT_TERM, NULL);
	return 0;
}

void agent_leave_if_quiet(struct agent *agent)
{
	if (agent->life.state != AGENT_ENDED || agent->runner)
		return;
	if (agent->writes > 0 || agent->slots[SLOT_WORDS].busy ||
	    agent->slots[AGENT_SLOT(ACTION_REPORT)].busy)
		return;
	(void)sd_event_exit(agent->event, 0);
}

static int on_leave(sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	struct agent *agent = context;

	if (!agent->runner)
		return sd_event_exit(agent->event, 0);

	runner_free(take_ptr(agent->runner));
	agent_leave_if_quiet(agent);
	agent_arm(agent, source, agent_now(agent) + AGENT_LEAVE_USEC);
	return 0;
}

static int add_signals(struct agent *agent)
{
	static const int signals[] = { SIGTERM, SIGINT };
	int r;

	_Static_assert(ARRAY_SIZE(signals) == ARRAY_SIZE(((struct agent *)0)->signals), "all kept");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		r = sd_event_add_signal(agent->event, &agent->signals[i],
					signals[i] | SD_EVENT_SIGNAL_PROCMASK, on_signal, agent);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_channel(struct agent *agent)
{
	const struct desk_options desk_options = {
		.machine = agent->given.config->machine,
		.store_address = agent->given.store_address,
		.forge_name = agent->given.config->forge,
		.clock = agent->given.clock,
		.open_store = agent->given.open_store,
		.open_forge = agent->given.open_forge,
	};
	const struct channel_options options = {
		.name = "store",
		.event = agent->event,
		.clock = agent->given.clock,
		.on_late = agent_on_late,
		.context = agent,
		.finish = desk_finish,
	};
	struct channel_options own = options;
	int r = desk_new(&desk_options, &agent->desk);

	if (r < 0)
		return r;
	own.finish_context = agent->desk;
	r = channel_new(&own, &agent->channel);
	if (r < 0)
		desk_finish(agent->desk);
	return r;
}

static int add_offerer(struct agent *agent)
{
	const struct offerer_options options = {
		.pool = agent->given.config->pool,
		.prefix = agent->given.config->aws_name,
		.clock = agent->given.clock,
		.seed = agent->given.seed,
		.open_pool = agent->given.open_pool,
		.event = agent->event,
	};

	return offerer_new(&options, &agent->offerer);
}

static int add_runner(struct agent *agent)
{
	const struct runner_options options = {
		.event = agent->event,
		.machine = agent->given.config->machine,
		.machine_dir = agent->given.home->dir,
		.machine_fd = agent->given.home->fd,
		.lock_fd = agent->given.home->lock_fd,
		.log_max_bytes = agent->given.config->job_log_max_bytes,
	};

	return agent->given.runner->create(&options, &agent_runner_callbacks, agent,
					   &agent->runner);
}

static int status_for_control(void *context, struct json_object **ret)
{
	return agent_status(context, ret);
}

static int add_all(struct agent *agent, struct fault *fault)
{
	int r;

	r = sd_event_new(&agent->event);
	if (r < 0)
		return fault_set(fault, r, "cannot make an event loop: %m");
	r = add_signals(agent);
	if (r < 0)
		return fault_set(fault, r, "cannot wait for signals: %m");
	r = sd_event_add_time(agent->event, &agent->leave_timer, CLOCK_BOOTTIME, 0, 1, on_leave,
			      agent);
	if (r >= 0)
		r = sd_event_source_set_enabled(agent->leave_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = agent_add_timers(agent);
	if (r < 0)
		return fault_set(fault, r, "cannot set a timer: %m");
	r = add_channel(agent);
	if (r < 0)
		return fault_set(fault, r, "cannot start the store's thread: %m");
	r = add_offerer(agent);
	if (r < 0)
		return fault_set(fault, r, "cannot start the pool's thread: %m");
	r = add_runner(agent);
	if (r < 0)
		return fault_set(fault, r, "cannot make the %s runner: %m",
				 agent->given.runner->name);
	r = agent_add_notices(agent);
	if (r < 0)
		return fault_set(fault, r, "cannot start the thread that looks for notices: %m");
	r = control_new(agent->event, agent->given.home->fd, HOME_SOCKET, status_for_control, agent,
			&agent->control);
	if (r < 0)
		return fault_set(fault, r, "cannot listen on %s/%s: %m", agent->given.home->dir,
				 HOME_SOCKET);
	return 0;
}

int agent_new(const struct agent_options *options, struct agent **ret, struct fault *fault)
{
	_cleanup_(agent_freep) struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent)
		return -ENOMEM;
	agent->given = *options;
	fence_init(&agent->fence, agent_now(agent), options->config->boot_usec);
	r = str_copy(agent->life.boot_id, sizeof(agent->life.boot_id), options->boot_id);
	if (r < 0)
		return fault_set(fault, r, "the boot id is too long");
	r = add_all(agent, fault);
	if (r < 0)
		return r;

	agent_arm_fence(agent);
	*ret = take_ptr(agent);
	return 0;
}

int agent_run(struct agent *agent)
{
	int r;

	(void)sd_event_set_watchdog(agent->event, true);
	(void)sd_notify(0, "READY=1");
	agent_tell_status(agent);
	r = sd_event_loop(agent->event);
	(void)sd_notify(0, "STOPPING=1");
	return r < 0 ? r : 0;
}

bool agent_is_over(const struct agent *agent)
{
	return agent->life.state == AGENT_ENDED && !agent->dismissed;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	control_free(agent->control);
	runner_free(agent->runner);
	spot_free(agent->spot);
	channel_free(agent->channel);
	offerer_free(agent->offerer);
	agent_hang_bell(agent, -1);
	for (size_t i = 0; i < ARRAY_SIZE(agent->signals); i++)
		sd_event_source_disable_unref(agent->signals[i]);
	sd_event_source_disable_unref(agent->beat_timer);
	sd_event_source_disable_unref(agent->look_timer);
	sd_event_source_disable_unref(agent->fence_timer);
	sd_event_source_disable_unref(agent->leave_timer);
	sd_event_source_disable_unref(agent->notice_timer);
	sd_event_unref(agent->event);
	job_done(&agent->waiting);
	job_done(&agent->report);
	free(agent);
}
