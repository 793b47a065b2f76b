/* The mailbox: offering, taking, working, withdrawing, each of them twice and in the wrong order.
 */

#include "common/forge/forge-none.h"

#include "tests/rivals.h"
#include "tests/unit/forge-fixture.h"

#define RIVALS 8

/* --- the plain way --------------------------------------------------------------------------- */

START_TEST(carries_a_job_from_offer_to_result)
{
	_cleanup_registration_ struct registration registration = {}, result = {};
	_cleanup_job_ struct job job = {};
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(job_state(&scene, 5), JOB_QUEUED);
	ck_assert_int_eq(scene.ops->take(scene.forge, "m-1", 5, BOOT, &registration, NULL), 0);
	ck_assert_str_eq(registration.run_key, CONTRACT_RUN);
	ck_assert_str_eq(registration.taken_by, BOOT);
	ck_assert_str_eq(registration.machine, "m-1");
	ck_assert_uint_eq(registration.seq, 5);

	fake_advance(&scene.clock, 1000);
	ck_assert_int_eq(scene.ops->start_job(scene.forge, "m-1", 5, BOOT, &job, NULL), 0);
	ck_assert_uint_eq(job.number, 1);
	ck_assert_uint_eq(job.argc, 2);
	ck_assert_str_eq(job.argv[0], "echo");
	ck_assert_str_eq(job.argv[1], "hello \"you\" \\ ü");
	ck_assert_int_eq(job_state(&scene, 5), JOB_RUNNING);

	fake_advance(&scene.clock, 1000);
	ck_assert_int_eq(end(&scene, 5, 1, 3), 0);
	result = look(&scene, 5);
	ck_assert_int_eq(result.job.state, JOB_DONE);
	ck_assert_int_eq(result.job.exit_code, 3);
	ck_assert_str_eq(result.job.output, "out");
	ck_assert_str_eq(result.job.errors, "err");
	ck_assert_str_eq(result.job.detail, "why");
	ck_assert_uint_eq(result.job.queued_ms, FAKE_WALL_MS);
	ck_assert_uint_eq(result.job.started_ms, FAKE_WALL_MS + 1000);
	ck_assert_uint_eq(result.job.ended_ms, FAKE_WALL_MS + 2000);
	ck_assert(!result.closed);
}
END_TEST

START_TEST(takes_one_command_after_another)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, false), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), FORGE_NOT_YET);
	for (uint64_t i = 1; i <= 3; i++) {
		ck_assert_int_eq(submit(&scene, 5, &number), 0);
		ck_assert_uint_eq(number, i);
		ck_assert_int_eq(start(&scene, 5, BOOT, &number), 0);
		ck_assert_uint_eq(number, i);
		ck_assert_int_eq(end(&scene, 5, i, (int)i), 0);
		ck_assert_int_eq(start(&scene, 5, BOOT, NULL), FORGE_NOT_YET);
	}
	registration = look(&scene, 5);
	ck_assert_int_eq(registration.job.exit_code, 3);
}
END_TEST

START_TEST(serves_the_next_claim)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(end(&scene, 5, 1, 0), 0);
	ck_assert_int_eq(withdraw(&scene, 5, false), 0);
	ck_assert_int_eq(offer(&scene, 6, false), 0);
	registration = look(&scene, 6);
	ck_assert_str_eq(registration.taken_by, "");
	ck_assert_int_eq(registration.job.state, JOB_NONE);
	ck_assert(!registration.closed);
	ck_assert_int_eq(submit(&scene, 6, &number), 0);
	ck_assert_uint_eq(number, 1);
}
END_TEST

/* --- nothing there yet, or no more ----------------------------------------------------------- */

START_TEST(has_nothing_before_the_offer)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	for (int earlier = 0; earlier < 2; earlier++) {
		ck_assert_int_eq(take(&scene, 5, BOOT), FORGE_NOT_YET);
		ck_assert_int_eq(start(&scene, 5, BOOT, NULL), FORGE_NOT_YET);
		ck_assert_int_eq(submit(&scene, 5, &number), FORGE_NOT_YET);
		ck_assert_int_eq(end(&scene, 5, 1, 0), -ESTALE);
		ck_assert_int_eq(scene.ops->look(scene.forge, "m-1", 5, &registration, NULL),
				 FORGE_NOT_YET);
		/* The next time, what stands there is an earlier claim's. */
		ck_assert_int_eq(offer(&scene, 4, true), 0);
	}
}
END_TEST

START_TEST(refuses_whoever_speaks_of_an_earlier_claim)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(offer(&scene, 6, false), 0);
	ck_assert_int_eq(offer(&scene, 5, true), -ESTALE);
	ck_assert_int_eq(take(&scene, 5, BOOT), -ESTALE);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), -ESTALE);
	ck_assert_int_eq(end(&scene, 5, 1, 0), -ESTALE);
	ck_assert_int_eq(submit(&scene, 5, &number), -ESTALE);
	ck_assert_int_eq(withdraw(&scene, 5, true), -ESTALE);
	ck_assert_int_eq(scene.ops->look(scene.forge, "m-1", 5, &registration, &scene.fault),
			 -ESTALE);
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "claim 6"));
	ck_assert_int_eq(job_state(&scene, 6), JOB_NONE);
	ck_assert_int_eq(take(&scene, 6, BOOT), 0);
}
END_TEST

START_TEST(expires_after_its_job_could_have_ended)
{
	_cleanup_scene_ struct scene scene;
	const uint64_t day_ms = 24 * 3600 * 1000ULL;

	scene_init(&scene);
	scene.machine.max_runtime_ms = 2 * day_ms;
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	fake_advance(&scene.clock, 3 * day_ms - 1);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	fake_advance(&scene.clock, 3 * day_ms - 1);
	ck_assert_int_eq(job_state(&scene, 5), JOB_QUEUED);
	fake_advance(&scene.clock, 1);
	ck_assert_int_eq(take(&scene, 5, BOOT), FORGE_NOT_YET);
}
END_TEST

/* --- twice ----------------------------------------------------------------------------------- */

START_TEST(takes_an_offer_twice_for_one)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	run_job(&scene);
	ck_assert_int_eq(end(&scene, 5, 1, 3), 0);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(job_state(&scene, 5), JOB_DONE);
}
END_TEST

START_TEST(adds_the_job_of_a_second_offer)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, false), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), 0);
}
END_TEST

START_TEST(is_taken_twice_by_one_boot_and_by_no_other)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	ck_assert_int_eq(take(&scene, 5, "boot-2"), -ESTALE);
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "another boot"));
	ck_assert_int_eq(start(&scene, 5, "boot-2", NULL), -ESTALE);
	ck_assert_int_eq(take(&scene, 5, ""), -EINVAL);
}
END_TEST

START_TEST(starts_no_job_before_it_is_taken)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), -ESTALE);
	ck_assert_int_eq(start(&scene, 5, "", NULL), -ESTALE);
	ck_assert_int_eq(job_state(&scene, 5), JOB_QUEUED);
}
END_TEST

START_TEST(gives_a_running_job_again_to_the_boot_that_has_it)
{
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(start(&scene, 5, BOOT, &number), 0);
	ck_assert_uint_eq(number, 1);
	ck_assert_int_eq(end(&scene, 5, 1, 0), 0);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), FORGE_NOT_YET);
}
END_TEST

START_TEST(believes_the_first_word_on_how_a_job_ended)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(end(&scene, 5, 1, 3), 0);
	ck_assert_int_eq(end(&scene, 5, 1, 4), 0);
	registration = look(&scene, 5);
	ck_assert_int_eq(registration.job.exit_code, 3);
	ck_assert_int_eq(end(&scene, 5, 2, 0), -ESTALE);
	ck_assert_int_eq(end(&scene, 5, 1, 256), -EINVAL);
	ck_assert_int_eq(end(&scene, 5, 1, -1), -EINVAL);
}
END_TEST

START_TEST(holds_one_job_at_a_time)
{
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, false), 0);
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_int_eq(submit(&scene, 5, &number), FORGE_BUSY);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), 0);
	ck_assert_int_eq(submit(&scene, 5, &number), FORGE_BUSY);
	ck_assert_int_eq(end(&scene, 5, 1, 0), 0);
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_uint_eq(number, 2);
	/* An end that comes late is the first job's, not this one's. */
	ck_assert_int_eq(end(&scene, 5, 1, 7), -ESTALE);
	ck_assert_int_eq(job_state(&scene, 5), JOB_QUEUED);
}
END_TEST

/* --- withdrawing ----------------------------------------------------------------------------- */

START_TEST(starts_nothing_after_withdrawal)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	ck_assert_int_eq(withdraw(&scene, 5, false), 0);
	ck_assert_int_eq(withdraw(&scene, 5, false), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), -ESTALE);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), -ESTALE);
	ck_assert_int_eq(submit(&scene, 5, &number), -ESTALE);
	ck_assert_int_eq(offer(&scene, 5, true), -ESTALE);
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "withdrawn"));

	/* Whoever waits for the job learns that it will not come. */
	registration = look(&scene, 5);
	ck_assert(registration.closed);
	ck_assert_int_eq(registration.job.state, JOB_DONE);
	ck_assert_int_eq(registration.job.exit_code, JOB_EXIT_WITHDRAWN);
	ck_assert_ptr_nonnull(strstr(registration.job.detail, "withdrawn"));
}
END_TEST

START_TEST(refuses_an_offer_that_comes_after_the_withdrawal)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(withdraw(&scene, 5, false), 0);
	ck_assert_int_eq(offer(&scene, 5, true), -ESTALE);
	ck_assert_int_eq(take(&scene, 5, BOOT), -ESTALE);
	ck_assert_int_eq(offer(&scene, 6, true), 0);
	/* The same over what an earlier claim left. */
	ck_assert_int_eq(withdraw(&scene, 7, false), 0);
	ck_assert_int_eq(offer(&scene, 7, true), -ESTALE);
}
END_TEST

START_TEST(leaves_a_running_job_alone_unless_forced)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(withdraw(&scene, 5, false), FORGE_BUSY);
	ck_assert_int_eq(start(&scene, 5, BOOT, &number), 0);
	ck_assert_int_eq(withdraw(&scene, 5, true), 0);
	ck_assert_int_eq(withdraw(&scene, 5, false), 0);
	registration = look(&scene, 5);
	ck_assert(registration.closed);
	ck_assert_int_eq(registration.job.state, JOB_RUNNING);
}
END_TEST

START_TEST(keeps_the_result_of_a_job_that_was_withdrawn)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(withdraw(&scene, 5, true), 0);
	ck_assert_int_eq(end(&scene, 5, 1, 143), 0);
	registration = look(&scene, 5);
	ck_assert_int_eq(registration.job.state, JOB_DONE);
	ck_assert_int_eq(registration.job.exit_code, 143);
	ck_assert_str_eq(registration.job.output, "out");
}
END_TEST

/* --- rivals ---------------------------------------------------------------------------------- */

/* Half of them put commands in, half take one out and end it. */
static int work(size_t index, void *context)
{
	struct scene *scene = context;
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_(forge_closep) struct forge *forge = NULL;
	uint64_t number;
	int r;

	if (store_open(scene->address, false, &scene->clock.clock, &store, NULL) < 0 ||
	    forge_open("none", store, &forge, NULL) < 0)
		return 1;

	for (int done = 0; done < 5; done += r == 0) {
		_cleanup_job_ struct job job = {};

		if (index == 0)
			r = forge->ops->submit(forge, "m-1", 5, &scene->job, &number, NULL);
		else
			r = forge->ops->start_job(forge, "m-1", 5, BOOT, &job, NULL);
		if (r == 0 && index != 0)
			do
				r = forge->ops->end_job(forge, "m-1", 5, &job, NULL);
			while (r == -EAGAIN);
		if (r < 0 && r != -EAGAIN)
			return 2;
	}
	return 0;
}

START_TEST(passes_jobs_from_one_process_to_another)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, false), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	rivals_run(2, work, &scene);
	registration = look(&scene, 5);
	ck_assert_uint_eq(registration.job.number, 5);
	ck_assert_int_eq(registration.job.state, JOB_DONE);
}
END_TEST

START_TEST(takes_a_submission_that_is_repeated_for_one)
{
	_cleanup_scene_ struct scene scene;
	uint64_t number = 0;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, false), 0);
	ck_assert_int_eq(take(&scene, 5, BOOT), 0);
	scene.job.ticket = 17;
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_uint_eq(number, 1);
	/* While it waits, while it runs, and when it has ended. */
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_uint_eq(number, 1);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), 0);
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_int_eq(job_state(&scene, 5), JOB_RUNNING);
	ck_assert_int_eq(end(&scene, 5, 1, 0), 0);
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_uint_eq(number, 1);
	ck_assert_int_eq(job_state(&scene, 5), JOB_DONE);

	/* Another one is another command. */
	scene.job.ticket = 18;
	ck_assert_int_eq(submit(&scene, 5, &number), 0);
	ck_assert_uint_eq(number, 2);
	scene.job.ticket = 19;
	ck_assert_int_eq(submit(&scene, 5, &number), FORGE_BUSY);
}
END_TEST

/* It would be taken for a claim that is over, and the machine be given back with a job on it. */
START_TEST(does_not_say_that_a_claim_is_over_when_the_store_was_replaced)
{
	_cleanup_registration_ struct registration registration = {};
	_cleanup_scene_ struct scene scene;
	uint64_t number;

	scene_init(&scene);
	run_job(&scene);
	ck_assert_int_eq(unlinkat(scene.tree->fd, "paddock.db", 0), 0);
	ck_assert_int_eq(offer(&scene, 5, true), -EIO);
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "removed or replaced"));
	ck_assert_int_eq(withdraw(&scene, 5, false), -EIO);
	ck_assert_int_eq(take(&scene, 5, BOOT), -EIO);
	ck_assert_int_eq(start(&scene, 5, BOOT, NULL), -EIO);
	ck_assert_int_eq(end(&scene, 5, 1, 0), -EIO);
	ck_assert_int_eq(submit(&scene, 5, &number), -EIO);
	ck_assert_int_eq(scene.ops->look(scene.forge, "m-1", 5, &registration, NULL), -EIO);
}
END_TEST

static int take_alone(size_t index, void *context)
{
	struct scene *scene = context;
	_cleanup_registration_ struct registration registration = {};
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_(forge_closep) struct forge *forge = NULL;
	_cleanup_free_ char *boot = str_format("boot-%zu", index);
	int r;

	if (store_open(scene->address, false, &scene->clock.clock, &store, NULL) < 0 ||
	    forge_open("none", store, &forge, NULL) < 0)
		return 1;
	do
		r = forge->ops->take(forge, "m-1", 5, boot, &registration, NULL);
	while (r == -EAGAIN);
	if (r == 0)
		tree_write(scene->tree, boot, "");
	return r == 0 || r == -ESTALE ? 0 : 2;
}

START_TEST(is_taken_by_one_of_eight_boots)
{
	_cleanup_scene_ struct scene scene;
	int taken = 0;

	scene_init(&scene);
	ck_assert_int_eq(offer(&scene, 5, true), 0);
	rivals_run(RIVALS, take_alone, &scene);
	for (int i = 0; i < RIVALS; i++) {
		_cleanup_free_ char *boot = str_format("boot-%d", i);

		taken += faccessat(scene.tree->fd, boot, F_OK, 0) == 0;
	}
	ck_assert_int_eq(taken, 1);
}
END_TEST

TEST_MAIN(carries_a_job_from_offer_to_result, takes_one_command_after_another,
	  serves_the_next_claim, has_nothing_before_the_offer,
	  refuses_whoever_speaks_of_an_earlier_claim, expires_after_its_job_could_have_ended,
	  takes_an_offer_twice_for_one, adds_the_job_of_a_second_offer,
	  is_taken_twice_by_one_boot_and_by_no_other, starts_no_job_before_it_is_taken,
	  gives_a_running_job_again_to_the_boot_that_has_it,
	  believes_the_first_word_on_how_a_job_ended, holds_one_job_at_a_time,
	  starts_nothing_after_withdrawal, refuses_an_offer_that_comes_after_the_withdrawal,
	  leaves_a_running_job_alone_unless_forced, keeps_the_result_of_a_job_that_was_withdrawn,
	  passes_jobs_from_one_process_to_another, takes_a_submission_that_is_repeated_for_one,
	  does_not_say_that_a_claim_is_over_when_the_store_was_replaced,
	  is_taken_by_one_of_eight_boots)
