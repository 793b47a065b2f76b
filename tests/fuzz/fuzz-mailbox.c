/* Registrations: the body of the item in which a controller and an agent hand each other jobs. */

#include <errno.h>
#include <string.h>

#include "common/forge/mailbox.h"
#include "tests/fuzz/kit-store.h"
#include "tests/fuzz/fuzz.h"

static void check_job(const struct job *job)
{
	size_t bytes = 0;

	FUZZ_CHECK(job->argc > 0 && job->argc <= JOB_ARGS_MAX);
	for (size_t i = 0; i < job->argc; i++)
		bytes += strlen(job->argv[i]) + 1;
	FUZZ_CHECK(!job->argv[job->argc] && bytes <= JOB_COMMAND_MAX);
	FUZZ_CHECK(job->exit_code >= 0 && job->exit_code <= 255);
	FUZZ_CHECK((int)job->state >= 0 && job->state < _JOB_STATE_MAX);
}

/* Written and read again it is the same body. */
static void check_again(struct fuzz_store *store, struct mailbox *mailbox)
{
	_cleanup_mailbox_ struct mailbox again = {};
	_cleanup_free_ char *body = NULL;
	struct fault fault = {};
	int r;

	r = mailbox_save(&store->store, mailbox, 1, &fault);
	if (r == -E2BIG)
		return;
	FUZZ_CHECK_TEXT(r == 0, fault.text);
	body = strdup(fuzz_store_body(store, MAILBOX_KIND));
	r = mailbox_load(&store->store, "m-1", &again, &fault);
	FUZZ_CHECK_TEXT(body && r == 0, fault.text);
	FUZZ_CHECK(mailbox_save(&store->store, &again, 1, &fault) == 0);
	FUZZ_CHECK_TEXT(strcmp(body, fuzz_store_body(store, MAILBOX_KIND)) == 0, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_mailbox_ struct mailbox mailbox = {};
	_cleanup_fuzz_store_ struct fuzz_store store;
	struct fault fault = {};
	int r;

	fuzz_store_init(&store);
	fuzz_store_put(&store, MAILBOX_KIND, fuzz_take_text(&input));
	r = mailbox_load(&store.store, "m-1", &mailbox, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG, E2BIG, EINVAL);
		FUZZ_CHECK(mailbox.registration.machine[0] == '\0' &&
			   !mailbox.registration.job.argv);
		FUZZ_CHECK(fault.text[0]);
		return 0;
	}
	if (mailbox.registration.job.argv)
		check_job(&mailbox.registration.job);
	check_again(&store, &mailbox);
	return 0;
}
