/*
 * Forge `none`: a mailbox per machine, in the store. Each verb loads it, edits it by a pure
 * function and saves it under the revision that it was loaded with; whoever lost the race looks
 * again. What is asked for and stands there already is success, so each verb may be executed twice.
 *
 * Withdrawing does not delete: it closes, also where there was nothing yet. A controller that was
 * stopped between claim and offer and wakes up after the release then finds its seq closed, rather
 * than a free place to put a job into that nobody waits for. The next claim's offer, with its
 * larger seq, takes the place; otherwise it expires.
 */

#include "common/forge/forge-none.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/io.h"
#include "common/forge/mailbox.h"

/* A mailbox has three writers at most; each round that we lose, one of them got on. */
#define TRIES_MAX 32
#define DAY_MS 86400000ULL
#define KEEP_MS DAY_MS /* after its last change, beyond the time that the job may take */
#define RUNTIME_MAX_MS (365 * DAY_MS)

/* What is asked for: the arguments of all verbs. */
struct wish {
	const char *machine;
	uint64_t seq;
	const char *run_key;
	const char *boot_id;
	const struct job *job;
	bool force;
	uint64_t keep_ms;
	uint64_t now_ms;
};

/* Edits in place. EDIT_SAVE: save it; 0 or FORGE_…: that is the answer, nothing to save. */
enum { EDIT_SAVE = 16 };
typedef int edit_fn(struct mailbox *mailbox, const struct wish *wish, struct fault *fault);

/* --- judging --------------------------------------------------------------------------------- */

/* 0 it is this seq's, FORGE_NOT_YET there is none for it, -ESTALE it serves a later one. */
static int judge_seq(const struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	const struct registration *registration = &mailbox->registration;

	if (registration->revision == 0 || registration->seq < wish->seq)
		return FORGE_NOT_YET;
	if (registration->seq > wish->seq)
		return fault_set(fault, ESTALE,
				 "%s serves claim %" PRIu64 " now, no longer claim %" PRIu64,
				 wish->machine, registration->seq, wish->seq);
	return 0;
}

static int judge_open(const struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	int r = judge_seq(mailbox, wish, fault);

	if (r == 0 && mailbox->registration.closed)
		return fault_set(fault, ESTALE, "claim %" PRIu64 " of %s was withdrawn", wish->seq,
				 wish->machine);
	return r;
}

static int judge_boot(const struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	const char *taken_by = mailbox->registration.taken_by;

	if (!taken_by[0] || strcmp(taken_by, wish->boot_id) != 0)
		return fault_set(fault, ESTALE, "claim %" PRIu64 " of %s was taken by %s",
				 wish->seq, wish->machine,
				 taken_by[0] ? "another boot" : "nobody yet");
	return 0;
}

static bool is_open_ended(const struct job *job)
{
	return job->state == JOB_QUEUED || job->state == JOB_RUNNING;
}

/* --- editing --------------------------------------------------------------------------------- */

static int set_text(char **to, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int queue_job(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	struct job *job = &mailbox->registration.job;
	uint64_t number = job->number + 1;
	int r;

	job_done(job);
	r = job_set_command(job, wish->job->argv, wish->job->argc);
	if (r < 0)
		return fault_set(fault, -r, "the command for %s is %s", wish->machine,
				 r == -E2BIG ? "too large" : "missing");
	job->number = number;
	job->ticket = wish->job->ticket;
	job->state = JOB_QUEUED;
	job->queued_ms = wish->now_ms;
	return EDIT_SAVE;
}

/* Empty and of this seq, whatever was there. */
static int renew(struct mailbox *mailbox, const struct wish *wish)
{
	struct registration *registration = &mailbox->registration;
	uint64_t revision = registration->revision;
	int r;

	registration_done(registration);
	registration->revision = revision;
	registration->seq = wish->seq;
	mailbox->keep_ms = wish->keep_ms;
	r = str_copy(registration->machine, sizeof(registration->machine), wish->machine);
	if (r >= 0 && wish->run_key)
		r = str_copy(registration->run_key, sizeof(registration->run_key), wish->run_key);
	return r;
}

static int edit_offer(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	int r = judge_open(mailbox, wish, fault);

	if (r < 0)
		return r;
	if (r == FORGE_NOT_YET) {
		r = renew(mailbox, wish);
		if (r < 0)
			return r;
		return wish->job ? queue_job(mailbox, wish, fault) : EDIT_SAVE;
	}
	if (wish->job && mailbox->registration.job.number == 0)
		return queue_job(mailbox, wish, fault);
	return 0;
}

static int edit_withdraw(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	struct registration *registration = &mailbox->registration;
	struct job *job = &registration->job;
	int r = judge_seq(mailbox, wish, fault);

	if (r < 0)
		return r;
	if (r == FORGE_NOT_YET)
		r = renew(mailbox, wish);
	if (r < 0)
		return r;
	if (registration->closed)
		return 0;
	if (job->state == JOB_RUNNING && !wish->force)
		return FORGE_BUSY;

	registration->closed = true;
	if (job->state == JOB_QUEUED) {
		job->state = JOB_DONE;
		job->exit_code = JOB_EXIT_WITHDRAWN;
		job->ended_ms = wish->now_ms;
		r = set_text(&job->detail, "withdrawn before it started");
		if (r < 0)
			return r;
	}
	return EDIT_SAVE;
}

static int edit_take(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	struct registration *registration = &mailbox->registration;
	int r = judge_open(mailbox, wish, fault);

	if (r != 0)
		return r;
	if (registration->taken_by[0])
		return judge_boot(mailbox, wish, fault);
	r = str_copy(registration->taken_by, sizeof(registration->taken_by), wish->boot_id);
	return r < 0 ? r : EDIT_SAVE;
}

static int edit_start_job(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	struct job *job = &mailbox->registration.job;
	int r = judge_open(mailbox, wish, fault);

	if (r == 0)
		r = judge_boot(mailbox, wish, fault);
	if (r != 0)
		return r;
	if (job->state == JOB_RUNNING)
		return 0;
	if (job->state != JOB_QUEUED)
		return FORGE_NOT_YET;
	job->state = JOB_RUNNING;
	job->started_ms = wish->now_ms;
	return EDIT_SAVE;
}

static int edit_end_job(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	struct job *job = &mailbox->registration.job;
	int r = judge_seq(mailbox, wish, fault);

	if (r < 0)
		return r;
	if (r == FORGE_NOT_YET || job->number != wish->job->number)
		return fault_set(fault, ESTALE,
				 "claim %" PRIu64 " of %s has no job %" PRIu64 " (any more)",
				 wish->seq, wish->machine, wish->job->number);
	if (!is_open_ended(job))
		return 0;

	job->state = JOB_DONE;
	job->exit_code = wish->job->exit_code;
	job->ended_ms = wish->now_ms;
	r = set_text(&job->detail, wish->job->detail);
	if (r >= 0)
		r = set_text(&job->output, wish->job->output ?: "");
	if (r >= 0)
		r = set_text(&job->errors, wish->job->errors ?: "");
	return r < 0 ? r : EDIT_SAVE;
}

static int edit_submit(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	const struct job *job = &mailbox->registration.job;
	int r = judge_open(mailbox, wish, fault);

	if (r != 0)
		return r;
	/* It was executed before, and the answer lost. */
	if (job->ticket != 0 && job->ticket == wish->job->ticket)
		return 0;
	if (is_open_ended(job))
		return FORGE_BUSY;
	return queue_job(mailbox, wish, fault);
}

static int edit_nothing(struct mailbox *mailbox, const struct wish *wish, struct fault *fault)
{
	return judge_seq(mailbox, wish, fault);
}

/* --- verbs ----------------------------------------------------------------------------------- */

/* The store's -ESTALE says that the store was replaced underneath us, ours that a claim is over:
 * whoever hears it may take the machine away. */
static int not_about_the_claim(int r, struct fault *fault)
{
	return r == -ESTALE ? fault_wrap(fault, -EIO, "the store went away") : r;
}

/* 0 and the mailbox as it is now, or what the edit says. */
static int edit(struct forge *forge, edit_fn *how, struct wish *wish, struct mailbox *ret,
		struct fault *fault)
{
	int r;

	r = forge->store->ops->now(forge->store, &wish->now_ms, fault);
	if (r < 0)
		return not_about_the_claim(r, fault);

	for (int i = 0; i < TRIES_MAX; i++) {
		_cleanup_mailbox_ struct mailbox mailbox = {};

		r = mailbox_load(forge->store, wish->machine, &mailbox, fault);
		if (r < 0)
			return not_about_the_claim(r, fault);
		r = how(&mailbox, wish, fault);
		if (r == EDIT_SAVE)
			r = not_about_the_claim(
				mailbox_save(forge->store, &mailbox, wish->now_ms, fault), fault);
		else if (r > 0)
			return r;
		if (r < 0)
			return r;
		if (r == 0) {
			*ret = mailbox;
			mailbox = (struct mailbox){};
			return 0;
		}
	}
	return fault_set(fault, EAGAIN, "the registration of %s changes all the time",
			 wish->machine);
}

static int none_offer(struct forge *forge, const struct machine *machine, const struct job *job,
		      struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = {
		.machine = machine->id,
		.seq = machine->seq,
		.run_key = machine->run_key,
		.job = job,
		.keep_ms = KEEP_MS,
	};

	wish.keep_ms +=
		machine->max_runtime_ms < RUNTIME_MAX_MS ? machine->max_runtime_ms : RUNTIME_MAX_MS;
	return edit(forge, edit_offer, &wish, &mailbox, fault);
}

static int none_withdraw(struct forge *forge, const char *machine, uint64_t seq, bool force,
			 struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = {
		.machine = machine,
		.seq = seq,
		.force = force,
		.keep_ms = KEEP_MS,
	};

	return edit(forge, edit_withdraw, &wish, &mailbox, fault);
}

static int none_take(struct forge *forge, const char *machine, uint64_t seq, const char *boot_id,
		     struct registration *ret, struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = { .machine = machine, .seq = seq, .boot_id = boot_id };
	int r;

	if (!boot_id[0])
		return fault_set(fault, EINVAL, "a registration is taken by a boot");
	r = edit(forge, edit_take, &wish, &mailbox, fault);
	if (r != 0)
		return r;
	*ret = mailbox.registration;
	mailbox.registration = (struct registration){};
	return 0;
}

static int none_start_job(struct forge *forge, const char *machine, uint64_t seq,
			  const char *boot_id, struct job *ret, struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = { .machine = machine, .seq = seq, .boot_id = boot_id };
	int r;

	r = edit(forge, edit_start_job, &wish, &mailbox, fault);
	if (r != 0)
		return r;
	*ret = mailbox.registration.job;
	mailbox.registration.job = (struct job){};
	return 0;
}

static int none_end_job(struct forge *forge, const char *machine, uint64_t seq,
			const struct job *job, struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = { .machine = machine, .seq = seq, .job = job };

	if (job->exit_code < 0 || job->exit_code > UINT8_MAX)
		return fault_set(fault, EINVAL, "%d is no exit code", job->exit_code);
	return edit(forge, edit_end_job, &wish, &mailbox, fault);
}

static int none_submit(struct forge *forge, const char *machine, uint64_t seq,
		       const struct job *job, uint64_t *ret_number, struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = { .machine = machine, .seq = seq, .job = job };
	int r;

	r = edit(forge, edit_submit, &wish, &mailbox, fault);
	if (r == 0)
		*ret_number = mailbox.registration.job.number;
	return r;
}

static int none_look(struct forge *forge, const char *machine, uint64_t seq,
		     struct registration *ret, struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	struct wish wish = { .machine = machine, .seq = seq };
	int r;

	r = edit(forge, edit_nothing, &wish, &mailbox, fault);
	if (r != 0)
		return r;
	*ret = mailbox.registration;
	mailbox.registration = (struct registration){};
	return 0;
}

static void none_close(struct forge *forge)
{
	free(forge);
}

static const struct forge_ops none_ops = {
	.name = "none",
	.offer = none_offer,
	.withdraw = none_withdraw,
	.take = none_take,
	.start_job = none_start_job,
	.end_job = none_end_job,
	.submit = none_submit,
	.look = none_look,
	.close = none_close,
};

int forge_none_open(struct store *store, struct forge **ret, struct fault *fault)
{
	struct forge *forge = calloc(1, sizeof(*forge));

	if (!forge)
		return fault_set(fault, ENOMEM, "out of memory");
	*forge = (struct forge){ .ops = &none_ops, .store = store };
	*ret = forge;
	return 0;
}
