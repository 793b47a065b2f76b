/* The pool in SQS: each test has queues of its own on the peer that the environment names, and a
 * store in SQLite. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/aws/call.h"
#include "common/aws/sqs.h"
#include "common/base/io.h"
#include "common/domain/offer.h"
#include "common/store/pool-sqs.h"
#include "tests/store-contract.h"

#define MANY 300 /* more than one round of receives */
#define CALL_MAX 65536
#define PATIENCE_USEC (10 * USEC_PER_SEC) /* five times what a message given back is hidden */

struct scene {
	struct tree *tree;
	struct fake_clock store_clock;
	struct store *store;
	struct aws *aws;
	char *prefix; /* of this test's queues */
	char *url;    /* of the queue of class large */
	struct pool *pool;
	struct fault fault;
};

#define assert_ok(scene, r) ck_assert_msg((r) == 0, "%s", (scene)->fault.text)

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

/* --- the queue, behind the pool's back ------------------------------------------------------- */

static void call(struct scene *scene, struct aws_call *call)
{
	assert_ok(scene, aws_call(scene->aws, call, &scene->fault));
}

static char *make_queue(struct scene *scene, const char *class_name)
{
	const struct sqs_queue queue = { .visibility_sec = 30, .retention_sec = 3600 };
	_cleanup_free_ char *name = str_format("%s-%s", scene->prefix, class_name);
	_cleanup_aws_call_ struct aws_call create;
	char url[SQS_URL_MAX];

	ck_assert_ptr_nonnull(name);
	aws_call_init(&create, AWS_SQS, "CreateQueue", CALL_MAX);
	ck_assert_int_eq(sqs_create_queue(name, &queue, NULL, 0, &create.body), 0);
	call(scene, &create);
	assert_ok(scene, sqs_url_read(buf_text(&create.answer.body), create.answer.body.size, url,
				      sizeof(url), &scene->fault));
	return strdup(url);
}

/* As it is, also what is no offer. */
static void send_text(struct scene *scene, const char *text)
{
	_cleanup_aws_call_ struct aws_call send;

	aws_call_init(&send, AWS_SQS, "SendMessageBatch", CALL_MAX);
	ck_assert_int_eq(sqs_send_batch(scene->url, &text, 1, &send.body), 0);
	call(scene, &send);
}

static struct sqs_attributes look(struct scene *scene)
{
	_cleanup_aws_call_ struct aws_call get;
	struct sqs_attributes attributes;

	aws_call_init(&get, AWS_SQS, "GetQueueAttributes", CALL_MAX);
	ck_assert_int_eq(sqs_get_queue_attributes(scene->url, &get.body), 0);
	call(scene, &get);
	assert_ok(scene, sqs_attributes_read(buf_text(&get.answer.body), get.answer.body.size,
					     &attributes, &scene->fault));
	return attributes;
}

static void assert_queue(struct scene *scene, uint64_t waiting, uint64_t hidden)
{
	struct sqs_attributes attributes = look(scene);

	ck_assert_uint_eq(attributes.waiting, waiting);
	ck_assert_uint_eq(attributes.hidden, hidden);
}

/* The peer notices that hiding has ended when it is asked for messages, and not when it counts
 * them: so one is taken and put back. */
static void nudge(struct scene *scene)
{
	_cleanup_sqs_messages_ struct sqs_messages messages = {};
	_cleanup_aws_call_ struct aws_call get, put;

	aws_call_init(&get, AWS_SQS, "ReceiveMessage", CALL_MAX);
	aws_call_init(&put, AWS_SQS, "ChangeMessageVisibilityBatch", CALL_MAX);
	ck_assert_int_eq(sqs_receive(scene->url, 1, 0, 30, &get.body), 0);
	call(scene, &get);
	assert_ok(scene, sqs_messages_read(buf_text(&get.answer.body), get.answer.body.size,
					   &messages, &scene->fault));
	if (messages.n == 0)
		return;
	ck_assert_int_eq(sqs_hide_batch(scene->url, &messages.messages[0].receipt, 1, 0, &put.body),
			 0);
	call(scene, &put);
}

/* Until exactly so many can be received, which is what hiding ends with. */
static void wait_for_waiting(struct scene *scene, uint64_t waiting)
{
	struct deadline deadline = deadline_in(&clock_system, PATIENCE_USEC);
	uint64_t is;

	for (;;) {
		nudge(scene);
		is = look(scene).waiting;
		if (is == waiting)
			return;
		ck_assert_msg(!deadline_passed(&deadline, &clock_system), "%d wait, not %d",
			      (int)is, (int)waiting);
		(void)clock_sleep(&clock_system, 50 * USEC_PER_MSEC);
	}
}

/* --- a scene --------------------------------------------------------------------------------- */

static struct pool *pool_with(struct scene *scene, uint64_t held_sec)
{
	const struct pool_sqs_options options = {
		.store = scene->store,
		.prefix = scene->prefix,
		.clock = &clock_system,
		.held_sec = held_sec,
	};
	struct pool *pool = NULL;

	assert_ok(scene, pool_sqs_open(&options, &pool, &scene->fault));
	return pool;
}

static void scene_init(struct scene *scene)
{
	const struct aws_options aws = { .env = get_env, .clock = &clock_system };
	_cleanup_free_ char *address = NULL;

	*scene = (struct scene){ .tree = tree_new(), .store_clock = fake_clock_new() };
	address = str_format("sqlite:%s/paddock.db", scene->tree->path);
	assert_ok(scene, store_open(address, true, &scene->store_clock.clock, &scene->store,
				    &scene->fault));
	assert_ok(scene, aws_open(&aws, &scene->aws, &scene->fault));
	/* Each test is a process of its own. */
	scene->prefix = str_format("check-%d", (int)getpid());
	ck_assert_ptr_nonnull(scene->prefix);
	scene->url = make_queue(scene, "large");
	scene->pool = pool_with(scene, 0);
}

static void scene_done(struct scene *scene)
{
	pool_close(scene->pool);
	aws_close(scene->aws);
	store_close(scene->store);
	free(scene->prefix);
	free(scene->url);
	tree_free(scene->tree);
}
#define _cleanup_scene_ _cleanup_(scene_done)

static struct machine move(struct scene *scene, const struct change *change)
{
	struct change_outcome outcome;

	assert_ok(scene, store_change_one(scene->store, change, &outcome, &scene->fault));
	ck_assert_int_eq(outcome.result, CHANGE_DONE);
	return outcome.record;
}

/* An idle machine, which is offered. */
static struct machine offer(struct scene *scene, const char *id)
{
	struct change change = contract_create(id);
	struct machine record = move(scene, &change);

	change = contract_next(TRANSITION_READY, &record);
	record = move(scene, &change);
	assert_ok(scene, pool_sqs_offer(scene->pool, &record, &scene->fault));
	return record;
}

static void offer_many(struct scene *scene, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = str_format("m-%zu", i);

		offer(scene, id);
	}
}

static size_t receive(struct scene *scene, struct pool *pool, struct offer *ret, size_t max)
{
	int r = pool->ops->receive(pool, "large", ret, max, &scene->fault);

	ck_assert_msg(r >= 0, "%s", scene->fault.text);
	ck_assert_int_le(r, (int)max);
	return (size_t)r;
}

static void settle(struct scene *scene, const struct offer *offers, size_t n, enum offer_fate fate)
{
	enum offer_fate fates[MANY];

	for (size_t i = 0; i < n; i++)
		fates[i] = fate;
	assert_ok(scene, scene->pool->ops->settle(scene->pool, offers, fates, n, &scene->fault));
}

/* Everything that a sweep shows, all of it unfit; offers has room for one more than expected. */
static size_t sweep_all(struct scene *scene, struct offer *offers, size_t max)
{
	size_t n = 0, got;

	while (n < max && (got = receive(scene, scene->pool, offers + n, max - n)) > 0) {
		settle(scene, offers + n, got, OFFER_UNFIT);
		n += got;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (strcmp(offers[i].machine.id, offers[k].machine.id) == 0)
				ck_abort_msg("%s was offered twice", offers[i].machine.id);
	return n;
}

/* --- what a sweep shows ---------------------------------------------------------------------- */

static bool is_wanted(const struct offer *offer)
{
	static const char *const wanted[] = { "m-7", "m-150", "m-299" };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (strcmp(offer->machine.id, wanted[i]) == 0)
			return true;
	return false;
}

START_TEST(finds_the_three_that_fit_among_many_in_one_sweep)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[3];
	size_t found = 0, n;

	scene_init(&scene);
	offer_many(&scene, MANY);
	while (found < 3 && (n = receive(&scene, scene.pool, offers, 3)) > 0)
		for (size_t i = 0; i < n; i++) {
			enum offer_fate fate = is_wanted(&offers[i]) ? OFFER_CLAIMED : OFFER_UNFIT;

			settle(&scene, &offers[i], 1, fate);
			found += fate == OFFER_CLAIMED;
		}
	ck_assert_uint_eq(found, 3);
	scene.pool->ops->rewind(scene.pool);
	wait_for_waiting(&scene, MANY - 3);
}
END_TEST

START_TEST(shows_each_of_many_once_and_gives_them_all_back)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[MANY + 1];

	scene_init(&scene);
	offer_many(&scene, MANY);
	ck_assert_uint_eq(sweep_all(&scene, offers, MANY + 1), MANY);
	wait_for_waiting(&scene, MANY);

	/* Once more in the same sweep: nothing new, which one round is enough to tell, and what it
	 * took is given back again. */
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, MANY), 0);
	ck_assert_uint_gt(pool_sqs_counts(scene.pool).again, 0);
	ck_assert_uint_lt(pool_sqs_counts(scene.pool).again, MANY);
	wait_for_waiting(&scene, MANY);
	scene.pool->ops->rewind(scene.pool);
	ck_assert_uint_eq(sweep_all(&scene, offers, MANY + 1), MANY);
}
END_TEST

START_TEST(shows_the_record_as_it_is)
{
	_cleanup_scene_ struct scene scene;
	struct machine record;
	struct offer offers[1];

	scene_init(&scene);
	record = offer(&scene, "m-1");
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 1);
	contract_assert_same(&offers[0].machine, &record);
}
END_TEST

START_TEST(is_exhausted_by_an_empty_queue)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[1];
	uint64_t start_usec;

	scene_init(&scene);
	start_usec = clock_boot_usec(&clock_system);
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 0);
	/* Long polls, both of them. */
	ck_assert_uint_ge(clock_boot_usec(&clock_system) - start_usec, 1900 * USEC_PER_MSEC);
}
END_TEST

START_TEST(hides_no_more_than_is_wanted_at_first)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[1];

	scene_init(&scene);
	offer_many(&scene, 25);
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 1);
	assert_queue(&scene, 15, 10);
}
END_TEST

START_TEST(keeps_one_of_several_messages_with_one_offer)
{
	_cleanup_scene_ struct scene scene;
	struct machine record;
	struct offer offers[4];

	scene_init(&scene);
	record = offer(&scene, "m-1");
	for (int i = 0; i < 4; i++)
		assert_ok(&scene, pool_sqs_offer(scene.pool, &record, &scene.fault));
	ck_assert_uint_eq(sweep_all(&scene, offers, 4), 1);
	ck_assert_uint_eq(pool_sqs_counts(scene.pool).spare, 4);
	ck_assert_uint_eq(pool_sqs_counts(scene.pool).shown, 1);
	wait_for_waiting(&scene, 1);
	assert_queue(&scene, 1, 0);
}
END_TEST

/* --- what becomes of messages ---------------------------------------------------------------- */

START_TEST(deletes_after_the_claim_and_not_before)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[3];

	scene_init(&scene);
	offer_many(&scene, 3);
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 3), 3);
	assert_queue(&scene, 0, 3);
	settle(&scene, &offers[0], 1, OFFER_CLAIMED);
	assert_queue(&scene, 0, 2);
	settle(&scene, &offers[1], 1, OFFER_LOST);
	assert_queue(&scene, 0, 1);
	settle(&scene, &offers[2], 1, OFFER_UNFIT);
	assert_queue(&scene, 0, 1);
	/* Executed twice. */
	settle(&scene, &offers[0], 1, OFFER_CLAIMED);
	assert_queue(&scene, 0, 1);
}
END_TEST

START_TEST(gives_back_what_was_never_settled)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[3];

	scene_init(&scene);
	offer_many(&scene, 3);
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 1);
	pool_close(scene.pool);
	scene.pool = pool_with(&scene, 0);
	wait_for_waiting(&scene, 3);
}
END_TEST

/* Whoever was given the offer is gone: its pool is not closed before all is over. */
START_TEST(shows_again_what_died_with_its_owner)
{
	_cleanup_scene_ struct scene scene;
	_cleanup_(pool_closep) struct pool *dead = NULL;
	struct offer offers[1];

	scene_init(&scene);
	offer(&scene, "m-1");
	dead = pool_with(&scene, 1);
	ck_assert_uint_eq(receive(&scene, dead, offers, 1), 1);
	wait_for_waiting(&scene, 1);
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 1);
	ck_assert_str_eq(offers[0].machine.id, "m-1");
	settle(&scene, offers, 1, OFFER_CLAIMED);
	assert_queue(&scene, 0, 0);
}
END_TEST

START_TEST(deletes_what_the_record_has_outlived)
{
	_cleanup_scene_ struct scene scene;
	struct machine record;
	struct change change;
	struct offer offers[1];

	scene_init(&scene);
	record = offer(&scene, "claimed");
	change = contract_next(TRANSITION_CLAIM, &record);
	move(&scene, &change);
	/* Idle, but of another time. */
	record = offer(&scene, "idle");
	settle(&scene, offers, receive(&scene, scene.pool, offers, 1), OFFER_CLAIMED);
	record.seq--;
	assert_ok(&scene, pool_sqs_offer(scene.pool, &record, &scene.fault));

	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 0);
	ck_assert_uint_eq(pool_sqs_counts(scene.pool).old, 2);
	assert_queue(&scene, 0, 0);
}
END_TEST

START_TEST(hides_and_counts_what_can_be_no_offer)
{
	_cleanup_scene_ struct scene scene;
	struct machine record;
	struct change change;
	struct offer offers[2];
	_cleanup_buf_ struct buf text;

	scene_init(&scene);
	offer(&scene, "m-1");
	send_text(&scene, "poison");
	send_text(&scene, "{\"id\":\"m-1\"}");
	change = contract_create("other");
	ck_assert_int_eq(
		str_copy(change.birth.class_name, sizeof(change.birth.class_name), "xlarge"), 0);
	record = move(&scene, &change);
	buf_init(&text, OFFER_TEXT_MAX);
	ck_assert_int_eq(offer_to_text(&record, &text), 0);
	send_text(&scene, buf_text(&text));
	memcpy(record.id, "nobody", sizeof("nobody"));
	memcpy(record.class_name, "large", sizeof("large"));
	assert_ok(&scene, pool_sqs_offer(scene.pool, &record, &scene.fault));

	ck_assert_uint_eq(sweep_all(&scene, offers, 2), 1);
	ck_assert_uint_eq(pool_sqs_counts(scene.pool).poison, 4);
	ck_assert_str_ne(pool_sqs_counts(scene.pool).why, "");
	/* The offer comes back, those four do not, and all of them are there. */
	wait_for_waiting(&scene, 1);
	assert_queue(&scene, 1, 4);
}
END_TEST

/* --- queues ---------------------------------------------------------------------------------- */

START_TEST(says_what_to_do_without_a_queue)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[1];

	scene_init(&scene);
	ck_assert_int_eq(scene.pool->ops->receive(scene.pool, "xlarge", offers, 1, &scene.fault),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "there is no queue check-"));
	ck_assert_ptr_nonnull(strstr(scene.fault.text, "-xlarge in "));
	ck_assert_ptr_nonnull(strstr(scene.fault.cure, "paddock refresh"));
}
END_TEST

static struct pool_sqs_options own_options(const struct scene *scene)
{
	return (struct pool_sqs_options){ .prefix = scene->prefix, .clock = &clock_system };
}

START_TEST(makes_queues_and_sets_right_what_is_there)
{
	static const char *const classes[] = { "large", "xlarge" };
	_cleanup_scene_ struct scene scene;
	struct pool_sqs_options options;
	struct sqs_attributes attributes;
	struct offer offers[1];

	scene_init(&scene);
	options = own_options(&scene);
	offer(&scene, "m-1");
	/* The one that the scene has made has other attributes. */
	for (int i = 0; i < 2; i++) {
		assert_ok(&scene, pool_sqs_create(&options, classes, 2, &scene.fault));
		attributes = look(&scene);
		ck_assert_uint_eq(attributes.queue.visibility_sec, POOL_SQS_HELD_SEC);
		ck_assert_uint_eq(attributes.queue.retention_sec, POOL_SQS_KEPT_SEC);
		ck_assert_uint_eq(attributes.waiting, 1);
	}
	ck_assert_int_eq(scene.pool->ops->receive(scene.pool, "xlarge", offers, 1, &scene.fault),
			 0);
}
END_TEST

START_TEST(deletes_queues_whether_they_are_there_or_not)
{
	static const char *const classes[] = { "xlarge", "large" };
	_cleanup_scene_ struct scene scene;
	struct pool_sqs_options options;
	struct offer offers[1];

	scene_init(&scene);
	options = own_options(&scene);
	for (int i = 0; i < 2; i++)
		assert_ok(&scene, pool_sqs_destroy(&options, classes, 2, &scene.fault));
	ck_assert_int_eq(scene.pool->ops->receive(scene.pool, "large", offers, 1, &scene.fault),
			 -ENOENT);
}
END_TEST

START_TEST(describes_what_it_has_met)
{
	_cleanup_scene_ struct scene scene;
	struct offer offers[2];
	char text[FAULT_TEXT_MAX];

	scene_init(&scene);
	offer(&scene, "m-1");
	send_text(&scene, "poison");
	ck_assert_uint_eq(sweep_all(&scene, offers, 2), 1);
	scene.pool->ops->describe(scene.pool, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "0 old, 1 poison ("));
}
END_TEST

START_TEST(gives_one_class_back_when_it_turns_to_another)
{
	_cleanup_scene_ struct scene scene;
	_cleanup_free_ char *other = NULL;
	struct offer offers[1];

	scene_init(&scene);
	other = make_queue(&scene, "xlarge");
	offer(&scene, "m-1");
	ck_assert_uint_eq(receive(&scene, scene.pool, offers, 1), 1);
	ck_assert_int_eq(scene.pool->ops->receive(scene.pool, "xlarge", offers, 1, &scene.fault),
			 0);
	wait_for_waiting(&scene, 1);
}
END_TEST

TEST_MAIN(finds_the_three_that_fit_among_many_in_one_sweep,
	  shows_each_of_many_once_and_gives_them_all_back, shows_the_record_as_it_is,
	  is_exhausted_by_an_empty_queue, hides_no_more_than_is_wanted_at_first,
	  keeps_one_of_several_messages_with_one_offer, deletes_after_the_claim_and_not_before,
	  gives_back_what_was_never_settled, shows_again_what_died_with_its_owner,
	  deletes_what_the_record_has_outlived, hides_and_counts_what_can_be_no_offer,
	  says_what_to_do_without_a_queue, makes_queues_and_sets_right_what_is_there,
	  deletes_queues_whether_they_are_there_or_not, describes_what_it_has_met,
	  gives_one_class_back_when_it_turns_to_another)
