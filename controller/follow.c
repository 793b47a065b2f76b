#include "controller/follow.h"

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"

#define COPY_BYTES 16384
/* A machine that runs beats slowly; its provider knows of its death sooner. */
#define ASK_EVERY_USEC USEC_PER_SEC

static const char *const log_suffixes[2] = { "out", "err" };

void follow_init(struct follow *follow, const struct machine *machine)
{
	*follow = (struct follow){
		.seq = machine->seq,
		.fds = { -1, -1 },
		.line_start = { true, true },
	};
	memcpy(follow->machine, machine->id, sizeof(follow->machine));
}

void follow_done(struct follow *follow)
{
	for (size_t i = 0; i < 2; i++) {
		closep(&follow->fds[i]);
		follow->fds[i] = -1;
	}
}

int follow_submit(const struct controller *controller, struct follow *follows, size_t n,
		  const struct job *job, struct fault *fault)
{
	struct forge *forge = controller->forge;
	struct job ticketed = *job; /* what it owns stays the caller's */

	/* Another for each call, and for each controller. */
	ticketed.ticket = mix64(controller->nonce ^ clock_boot_usec(controller->clock)) | 1;
	for (size_t i = 0; i < n; i++) {
		unsigned attempt = 0;
		int r;

		do
			r = forge->ops->submit(forge, follows[i].machine, follows[i].seq, &ticketed,
					       &follows[i].number, fault);
		while (controller_try_again(controller, r, fault, &attempt));
		if (r == FORGE_BUSY)
			return fault_set(fault, EBUSY, "%s has a job already", follows[i].machine);
		if (r == -ESTALE)
			return fault_set(fault, ESTALE, "%s no longer serves this run",
					 follows[i].machine);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_prefixed(struct follow *follow, size_t stream, FILE *to, const char *data,
			  size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (follow->line_start[stream] && fprintf(to, "%s | ", follow->machine) < 0)
			return -EIO;
		if (putc(data[i], to) == EOF)
			return -EIO;
		follow->line_start[stream] = data[i] == '\n';
	}
	return 0;
}

static int pass_on(struct follow *follow, size_t stream, const struct follow_options *options,
		   const char *data, size_t size)
{
	FILE *to = stream == 0 ? options->out : options->err;

	if (size == 0)
		return 0;
	follow->shown_bytes[stream] += size;
	if (options->prefix)
		return write_prefixed(follow, stream, to, data, size);
	return fwrite(data, 1, size, to) == size ? 0 : -EIO;
}

static int open_log(const struct controller *controller, struct follow *follow, size_t stream)
{
	struct provider *provider = controller->provider;
	_cleanup_free_ char *log = NULL;
	struct fault ignored;

	if (follow->fds[stream] >= 0)
		return 0;
	if (!provider->ops->open_log)
		return -EOPNOTSUPP;
	log = str_format("job-%llu-%llu.%s", (unsigned long long)follow->seq,
			 (unsigned long long)follow->number, log_suffixes[stream]);
	if (!log)
		return -ENOMEM;
	return provider->ops->open_log(provider, follow->machine, log, &follow->fds[stream],
				       &ignored);
}

/* What the machine has written since the last look. A machine whose logs cannot be read while it
 * runs shows its output at the end, from the result. */
static int show_new(const struct controller *controller, struct follow *follow,
		    const struct follow_options *options)
{
	char data[COPY_BYTES];

	for (size_t stream = 0; stream < 2; stream++) {
		if (open_log(controller, follow, stream) < 0)
			continue;
		for (;;) {
			ssize_t n = read(follow->fds[stream], data, sizeof(data));
			int r;

			if (n <= 0)
				break;
			r = pass_on(follow, stream, options, data, (size_t)n);
			if (r < 0)
				return r;
		}
	}
	if (fflush(options->out) != 0 || fflush(options->err) != 0)
		return -EIO;
	return 0;
}

static int show_rest(struct follow *follow, const struct job *job,
		     const struct follow_options *options)
{
	const char *texts[2] = { job->output, job->errors };

	for (size_t stream = 0; stream < 2; stream++) {
		int r;

		if (follow->fds[stream] >= 0 || !texts[stream])
			continue;
		r = pass_on(follow, stream, options, texts[stream], strlen(texts[stream]));
		if (r < 0)
			return r;
	}
	return 0;
}

static void take_result(struct follow *follow, const struct job *job)
{
	follow->exit_code = job->exit_code;
	follow->started_ms = job->started_ms;
	follow->ended_ms = job->ended_ms;
	follow->state = FOLLOW_DONE;
	if (job->detail)
		(void)!str_copy(follow->detail, sizeof(follow->detail), job->detail);
}

static bool serves_still(const struct machine *machine, const struct follow *follow)
{
	return machine->seq == follow->seq &&
	       (machine->state == MACHINE_CLAIMED || machine->state == MACHINE_RUNNING);
}

/* The mailbox has no answer yet: is there still somebody who could give one? */
static int look_at_machine(const struct controller *controller, struct follow *follow,
			   struct fault *fault)
{
	const char *id = follow->machine;
	enum presence presence = PRESENCE_UNKNOWN;
	struct machine machine;
	struct fault ignored;
	int r;

	r = controller_get(controller, &id, 1, &machine, fault);
	if (r < 0)
		return r;

	if (!serves_still(&machine, follow)) {
		follow->state = FOLLOW_LOST;
		return str_copy(follow->detail, sizeof(follow->detail),
				machine.reason[0] ? machine.reason : "its machine was taken away");
	}
	if (clock_boot_usec(controller->clock) - follow->asked_usec < ASK_EVERY_USEC)
		return 0;
	follow->asked_usec = clock_boot_usec(controller->clock);
	/* No answer is not "gone". */
	if (controller->provider->ops->poll(controller->provider, &id, 1, &presence, &ignored) <
		    0 ||
	    presence != PRESENCE_GONE)
		return 0;
	follow->state = FOLLOW_LOST;
	return str_copy(follow->detail, sizeof(follow->detail), "its machine is gone");
}

static int look(const struct controller *controller, struct follow *follow,
		const struct follow_options *options, struct fault *fault)
{
	_cleanup_registration_ struct registration registration = {};
	struct forge *forge = controller->forge;
	unsigned attempt = 0;
	bool found;
	int r;

	do
		r = forge->ops->look(forge, follow->machine, follow->seq, &registration, fault);
	while (controller_try_again(controller, r, fault, &attempt));
	if (r < 0 && r != -ESTALE)
		return r;

	found = r == 0 && registration.job.number == follow->number;
	if (found && registration.job.state != JOB_QUEUED)
		follow->state = FOLLOW_RUNNING;
	if (follow->state != FOLLOW_QUEUED) {
		r = show_new(controller, follow, options);
		if (r < 0)
			return fault_set(fault, -r, "cannot pass the output on");
	}
	if (found && registration.job.state == JOB_DONE) {
		take_result(follow, &registration.job);
		r = show_new(controller, follow, options);
		return r < 0 ? r : show_rest(follow, &registration.job, options);
	}
	return look_at_machine(controller, follow, fault);
}

int follow_all(const struct controller *controller, struct follow *follows, size_t n,
	       const struct follow_options *options, struct fault *fault)
{
	unsigned attempt = 0;

	for (;;) {
		size_t open = 0;

		for (size_t i = 0; i < n; i++) {
			int r;

			if (follows[i].state >= FOLLOW_DONE)
				continue;
			r = look(controller, &follows[i], options, fault);
			if (r < 0)
				return r;
			open += follows[i].state < FOLLOW_DONE;
		}
		if (open == 0)
			return 0;
		if (controller_cancelled(controller))
			return -EINTR;
		if (deadline_passed(&options->deadline, controller->clock))
			return -ETIMEDOUT;
		controller_pause(controller, attempt++, &options->deadline);
	}
}

int follow_exit_code(const struct follow *follows, size_t n)
{
	int code = 0;

	for (size_t i = 0; i < n; i++) {
		int own = follows[i].state == FOLLOW_DONE ? follows[i].exit_code : 1;

		code = own > code ? own : code;
	}
	return code;
}
