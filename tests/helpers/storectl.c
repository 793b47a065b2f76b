/*
 * A store from the shell, for tests of the agent without a controller:
 *
 *	storectl STORE init
 *	storectl STORE create ID [LEASE=DURATION…]     boot, idle, drain, run; each 1h unless given
 *	storectl STORE launch ID RUN [LEASE=DURATION…]
 *	storectl STORE claim ID RUN [claim=DURATION]
 *	storectl STORE drain|last ID
 *	storectl STORE terminate|forget ID
 *	storectl STORE offer|submit ID COMMAND…        offer: COMMAND may be missing
 *	storectl STORE withdraw ID
 *	storectl STORE get ID FIELD                    of the record: state, seq, phase, …
 *	storectl STORE job ID SEQ FIELD                state, exit, detail, output, errors
 *	storectl STORE event ID                        the last words
 *	storectl STORE await ID PID FIELD VALUE        until the record says so; refused when the
 *	                                               process is gone or stopped before
 *	storectl STORE await-job ID PID SEQ STATE      the same for a claim's job
 *
 * Exits with 0 when it was done, 1 when it was refused or there is none, 2 otherwise.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/forge/forge.h"
#include "common/store/store.h"

enum { DONE, REFUSED, BROKEN };

#define HOUR_MS (3600 * MSEC_PER_SEC)
#define AWAIT_MAX_USEC (60 * USEC_PER_SEC)
#define AWAIT_STEP_USEC (20 * USEC_PER_MSEC)

struct call {
	struct store *store;
	struct forge *forge;
	struct machine machine; /* as it stands; state NONE: no record */
	const char *id;
	char **args; /* behind the id */
	int n_args;
	struct leases leases;
	struct fault fault;
};

static int broken(const struct call *call, int r)
{
	(void)fprintf(stderr, "storectl: %s\n", fault_text(&call->fault, r));
	return BROKEN;
}

static int read_leases(struct call *call)
{
	static const struct {
		const char *name;
		size_t offset;
	} names[] = {
		{ "boot=", offsetof(struct leases, boot_ms) },
		{ "idle=", offsetof(struct leases, idle_ms) },
		{ "claim=", offsetof(struct leases, claim_ms) },
		{ "drain=", offsetof(struct leases, drain_ms) },
		{ "run=", offsetof(struct leases, max_runtime_ms) },
	};

	call->leases = (struct leases){ .boot_ms = HOUR_MS,
					.idle_ms = HOUR_MS,
					.claim_ms = HOUR_MS,
					.drain_ms = HOUR_MS,
					.max_runtime_ms = HOUR_MS };
	for (int i = 0; i < call->n_args; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			uint64_t usec;
			size_t n = strlen(names[k].name);

			if (strncmp(call->args[i], names[k].name, n) != 0)
				continue;
			if (parse_duration(call->args[i] + n, &usec) < 0)
				return BROKEN;
			*(uint64_t *)((char *)&call->leases + names[k].offset) =
				usec / USEC_PER_MSEC;
		}
	}
	return DONE;
}

static int change(struct call *call, enum transition transition, const char *run, bool last)
{
	struct change wish = { .transition = transition,
			       .seq = call->machine.seq,
			       .threshold_ms = call->machine.threshold_ms,
			       .leases = call->leases,
			       .ending = transition == TRANSITION_TERMINATE ? ENDING_GONE
									    : ENDING_NONE,
			       .last = last,
			       .birth = { .cpu = 2, .memory_mib = 4096 } };
	struct change_outcome outcome;
	char text[REFUSAL_TEXT_MAX];
	int r;

	if (str_copy(wish.id, sizeof(wish.id), call->id) < 0 ||
	    str_copy(wish.claimant.run_key, sizeof(wish.claimant.run_key), run) < 0 ||
	    str_copy(wish.birth.provider, sizeof(wish.birth.provider), "local") < 0 ||
	    str_copy(wish.birth.token, sizeof(wish.birth.token), "storectl") < 0 ||
	    str_copy(wish.reason, sizeof(wish.reason), "storectl") < 0)
		return BROKEN;
	r = store_change_one(call->store, &wish, &outcome, &call->fault);
	if (r < 0)
		return broken(call, r);
	if (outcome.result != CHANGE_REFUSED)
		return DONE;
	(void)fprintf(stderr, "storectl: refused: %s\n",
		      change_refusal_text(&wish, &outcome, text, sizeof(text)));
	return REFUSED;
}

static int do_init(_unused_ struct call *call)
{
	return DONE;
}

static int do_create(struct call *call)
{
	return change(call, TRANSITION_CREATE, "", false);
}

static int do_launch(struct call *call)
{
	return call->n_args < 1 ? BROKEN : change(call, TRANSITION_LAUNCH, call->args[0], false);
}

static int do_claim(struct call *call)
{
	return call->n_args < 1 ? BROKEN : change(call, TRANSITION_CLAIM, call->args[0], false);
}

static int do_drain(struct call *call)
{
	return change(call, TRANSITION_DRAIN, call->machine.run_key, false);
}

static int do_last(struct call *call)
{
	return change(call, TRANSITION_DRAIN, call->machine.run_key, true);
}

static int do_terminate(struct call *call)
{
	return change(call, TRANSITION_TERMINATE, call->machine.run_key, false);
}

static int do_forget(struct call *call)
{
	int r = call->store->ops->forget(call->store, call->id, call->machine.seq, &call->fault);

	return r < 0 ? broken(call, r) : r;
}

static int do_offer(struct call *call)
{
	_cleanup_job_ struct job job = {};
	int r = 0;

	if (call->n_args > 0)
		r = job_set_command(&job, call->args, (size_t)call->n_args);
	if (r >= 0)
		r = call->forge->ops->offer(call->forge, &call->machine,
					    call->n_args > 0 ? &job : NULL, &call->fault);
	return r < 0 ? broken(call, r) : r;
}

static int do_submit(struct call *call)
{
	_cleanup_job_ struct job job = {};
	uint64_t number;
	int r = job_set_command(&job, call->args, (size_t)call->n_args);

	if (r >= 0)
		r = call->forge->ops->submit(call->forge, call->id, call->machine.seq, &job,
					     &number, &call->fault);
	if (r != 0)
		return r < 0 ? broken(call, r) : REFUSED;
	(void)printf("%" PRIu64 "\n", number);
	return DONE;
}

static int do_withdraw(struct call *call)
{
	int r = call->forge->ops->withdraw(call->forge, call->id, call->machine.seq, true,
					   &call->fault);

	return r < 0 ? broken(call, r) : r;
}

static int do_get(struct call *call)
{
	const struct machine_field *field;

	if (call->n_args < 1)
		return BROKEN;
	if (call->machine.state == MACHINE_NONE)
		return REFUSED;
	field = machine_field_find(call->args[0]);
	if (!field)
		return BROKEN;
	if (field->type == FIELD_TEXT || field->type == FIELD_ENUM)
		(void)puts(machine_field_text(&call->machine, field));
	else
		(void)printf("%" PRIu64 "\n", machine_field_u64(&call->machine, field));
	return DONE;
}

static int do_job(struct call *call)
{
	_cleanup_(registration_done) struct registration registration = {};
	const struct job *job = &registration.job;
	uint64_t seq;
	int r;

	if (call->n_args < 2 || parse_u64(call->args[0], &seq) < 0)
		return BROKEN;
	r = call->forge->ops->look(call->forge, call->id, seq, &registration, &call->fault);
	if (r != 0)
		return r < 0 ? broken(call, r) : REFUSED;
	if (strcmp(call->args[1], "state") == 0)
		(void)puts(job_state_names[job->state]);
	else if (strcmp(call->args[1], "exit") == 0)
		(void)printf("%d\n", job->exit_code);
	else if (strcmp(call->args[1], "number") == 0)
		(void)printf("%" PRIu64 "\n", job->number);
	else if (strcmp(call->args[1], "detail") == 0)
		(void)puts(job->detail ? job->detail : "");
	else if (strcmp(call->args[1], "output") == 0)
		(void)fputs(job->output ? job->output : "", stdout);
	else if (strcmp(call->args[1], "errors") == 0)
		(void)fputs(job->errors ? job->errors : "", stdout);
	else
		return BROKEN;
	return DONE;
}

static int do_event(struct call *call)
{
	_cleanup_item_ struct item item = {};
	int r = call->store->ops->item_get(call->store, call->id, "event", &item, &call->fault);

	if (r != 0)
		return r < 0 ? broken(call, r) : REFUSED;
	(void)puts(item.body);
	return DONE;
}

/* Whether a process runs: neither gone nor stopped. */
static bool process_runs(const char *pid)
{
	_cleanup_free_ char *path = str_format("/proc/%s/stat", pid);
	char text[512];
	const char *name_end;

	if (!path || read_file_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	name_end = strrchr(text, ')');
	return name_end && strchr("RSD", name_end[2]);
}

static bool record_says(struct call *call, const char *field_name, const char *value)
{
	const struct machine_field *field = machine_field_find(field_name);

	if (!field || store_get_one(call->store, call->id, &call->machine, NULL) != 0)
		return false;
	return strcmp(machine_field_text(&call->machine, field) ?: "", value) == 0;
}

static bool job_says(struct call *call, const char *seq_text, const char *state)
{
	_cleanup_(registration_done) struct registration registration = {};
	uint64_t seq;

	if (parse_u64(seq_text, &seq) < 0 ||
	    call->forge->ops->look(call->forge, call->id, seq, &registration, NULL) != 0)
		return false;
	return strcmp(job_state_names[registration.job.state], state) == 0;
}

/* What it waits for is asked once more after the process's end: that may have brought it. */
static int await(struct call *call, bool (*says)(struct call *, const char *, const char *))
{
	struct deadline deadline = deadline_in(&clock_system, AWAIT_MAX_USEC);
	bool runs = true;

	if (call->n_args < 3)
		return BROKEN;
	while (runs) {
		runs = process_runs(call->args[0]);
		if (says(call, call->args[1], call->args[2]))
			return DONE;
		if (deadline_passed(&deadline, &clock_system)) {
			(void)fprintf(stderr, "storectl: waited in vain for %s %s\n", call->args[1],
				      call->args[2]);
			return BROKEN;
		}
		(void)clock_sleep(&clock_system, AWAIT_STEP_USEC);
	}
	return REFUSED;
}

static int do_await(struct call *call)
{
	return await(call, record_says);
}

static int do_await_job(struct call *call)
{
	return await(call, job_says);
}

static const struct {
	const char *name;
	int (*run)(struct call *call);
} verbs[] = {
	{ "init", do_init },
	{ "create", do_create },
	{ "launch", do_launch },
	{ "claim", do_claim },
	{ "drain", do_drain },
	{ "last", do_last },
	{ "terminate", do_terminate },
	{ "forget", do_forget },
	{ "offer", do_offer },
	{ "submit", do_submit },
	{ "get", do_get },
	{ "withdraw", do_withdraw },
	{ "job", do_job },
	{ "event", do_event },
	{ "await", do_await },
	{ "await-job", do_await_job },
};

static int run(struct call *call, const char *address, const char *verb)
{
	int r = store_open(address, strcmp(verb, "init") == 0, &clock_system, &call->store,
			   &call->fault);

	if (r >= 0)
		r = forge_open("none", call->store, &call->forge, &call->fault);
	if (r >= 0 && call->id)
		r = store_get_one(call->store, call->id, &call->machine, &call->fault);
	if (r < 0)
		return broken(call, r);
	if (r == STORE_REFUSED)
		call->machine = (struct machine){};
	if (read_leases(call) != DONE)
		return BROKEN;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verb, verbs[i].name) == 0)
			return verbs[i].run(call);
	}
	(void)fprintf(stderr, "storectl: no verb '%s'\n", verb);
	return BROKEN;
}

int main(int argc, char **argv)
{
	struct call call = {};
	int code;

	if (argc < 3)
		return BROKEN;
	if (argc > 3) {
		call.id = argv[3];
		call.args = argv + 4;
		call.n_args = argc - 4;
	}
	code = run(&call, argv[1], argv[2]);
	forge_close(call.forge);
	store_close(call.store);
	return code;
}
