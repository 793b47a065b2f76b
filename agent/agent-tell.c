/* Words for people and programs: the log, systemd's status line, `paddock-agent status`. */

#include "agent/agent-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "agent/control.h"
#include "common/base/log.h"

static const char *store_word(const struct agent *agent)
{
	if (agent->store_lost)
		return "silent";
	if (agent->store_trouble[0])
		return "in trouble";
	return agent->met ? "answering" : "waiting";
}

void agent_tell_status(const struct agent *agent)
{
	const char *run = agent->record.run_key;

	(void)sd_notifyf(0, "STATUS=%s, seq %" PRIu64 "%s%s%s",
			 agent_state_names[agent->life.state], agent->life.seq,
			 run[0] ? ", run " : "", run,
			 agent->store_lost ? "; the store does not answer" : "");
}

static void set_fields(const struct agent *agent)
{
	char seq[24];

	(void)snprintf(seq, sizeof(seq), "%" PRIu64, agent->life.seq);
	log_set_field(LOG_FIELD_SEQ, seq);
	log_set_field(LOG_FIELD_RUN, agent->record.run_key[0] ? agent->record.run_key : NULL);
	log_set_field(LOG_FIELD_PHASE, machine_phase_names[lifecycle_phase(&agent->life)]);
}

/* One line for each step in a machine's life that an operator would ask for. */
static void log_state(const struct agent *agent, enum agent_state before)
{
	const char *reason = agent->reason[0] ? agent->reason : "no reason was given";
	const char *run = agent->record.run_key;
	uint64_t seq = agent->life.seq;

	switch (agent->life.state) {
	case AGENT_READY:
		log_info("idle at seq %" PRIu64 "%s", seq,
			 before == AGENT_CLEAN ? ", proved clean" : "");
		break;
	case AGENT_REGISTERING:
		log_info("claimed by %s at seq %" PRIu64, run, seq);
		break;
	case AGENT_LISTENING:
		if (before == AGENT_ANNOUNCING)
			log_info("listening for %s at seq %" PRIu64, run, seq);
		break;
	case AGENT_STOPPING:
		log_info("draining seq %" PRIu64 "%s: %s", seq,
			 agent->life.last ? ", for the last time" : "", reason);
		break;
	case AGENT_LEAVING:
		log_info("leaving (%s): %s", ending_names[agent->life.ending], reason);
		break;
	case AGENT_ENDED:
		log_info("ends (%s): %s", ending_names[agent->life.ending], reason);
		break;
	default:
		break;
	}
}

void agent_tell(struct agent *agent, enum agent_state before, enum agent_event event)
{
	if (agent->life.state == before)
		return;
	log_debug("%s: %s -> %s", agent_event_names[event], agent_state_names[before],
		  agent_state_names[agent->life.state]);
	set_fields(agent);
	log_state(agent, before);
	agent_tell_status(agent);
}

static uint64_t ms_since(uint64_t now_usec, uint64_t then_usec)
{
	return now_usec > then_usec ? (now_usec - then_usec) / USEC_PER_MSEC : 0;
}

static int add_store(const struct agent *agent, struct json_object *status)
{
	struct json_object *store = json_object_new_object();
	int r;

	r = json_set(status, "store", store);
	if (r < 0)
		return r;
	if ((r = json_set_text(store, "state", store_word(agent))) < 0 ||
	    (r = json_set_u64(store, "silent_ms",
			      ms_since(agent_now(agent), agent->fence.heard_usec))) < 0 ||
	    (r = json_set_u64(store, "pending", channel_pending(agent->channel))) < 0 ||
	    (r = json_set_text(store, "watch", agent->bell ? "doorbell" : "looks")) < 0)
		return r;
	return agent->store_trouble[0] ? json_set_text(store, "trouble", agent->store_trouble) : 0;
}

static int add_job(const struct agent *agent, struct json_object *status)
{
	struct json_object *runner = json_object_new_object();
	int r;

	r = json_set(status, "runner", runner);
	if (r < 0)
		return r;
	r = json_set_text(runner, "name", agent->given.runner->name);
	if (r < 0 || agent->job.number == 0)
		return r;
	if ((r = json_set_u64(runner, "job", agent->job.number)) < 0 ||
	    (r = json_set_u64(runner, "pid", (uint64_t)agent->job.pid)) < 0)
		return r;
	return 0;
}

static int add_times(const struct agent *agent, struct json_object *status)
{
	uint64_t now = agent_now(agent);
	int r;

	if (agent->said_usec > 0) {
		r = json_set_u64(status, "last_beat_ms", ms_since(now, agent->said_usec));
		if (r < 0)
			return r;
	}
	if ((r = json_set_u64(status, "beat_period_ms", agent_period_usec(agent) / USEC_PER_MSEC)) <
		    0 ||
	    (r = json_set_u64(status, "threshold_in_ms",
			      ms_since(fence_threshold_usec(&agent->fence), now))) < 0 ||
	    (r = json_set_u64(status, "deadline_in_ms",
			      ms_since(fence_deadline_usec(&agent->fence), now))) < 0)
		return r;
	return 0;
}

int agent_status(const struct agent *agent, struct json_object **ret)
{
	_cleanup_json_ struct json_object *status = json_object_new_object();
	const struct lifecycle *life = &agent->life;
	int r;

	if (!status)
		return -ENOMEM;
	if ((r = json_set_text(status, "schema", CONTROL_STATUS_SCHEMA)) < 0 ||
	    (r = json_set_text(status, "machine", agent->given.config->machine)) < 0 ||
	    (r = json_set_u64(status, "pid", (uint64_t)getpid())) < 0 ||
	    (r = json_set_text(status, "version", PADDOCK_VERSION)) < 0 ||
	    (r = json_set_text(status, "boot_id", life->boot_id)) < 0 ||
	    (r = json_set_text(status, "agent", agent_state_names[life->state])) < 0 ||
	    (r = json_set_text(status, "phase", machine_phase_names[lifecycle_phase(life)])) < 0 ||
	    (r = json_set_u64(status, "seq", life->seq)) < 0 ||
	    (r = json_set_bool(status, "last", life->last)) < 0 ||
	    (r = json_set_text(status, "record", machine_state_names[agent->record.state])) < 0 ||
	    (r = json_set_text(status, "run", agent->record.run_key)) < 0 ||
	    (r = json_set_text(status, "reason", agent->reason)) < 0 ||
	    (r = add_times(agent, status)) < 0 || (r = add_store(agent, status)) < 0 ||
	    (r = add_job(agent, status)) < 0)
		return r;

	*ret = take_ptr(status);
	return 0;
}
