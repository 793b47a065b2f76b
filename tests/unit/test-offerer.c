#include <errno.h>
#include <string.h>

#include "agent/offerer.h"
#include "tests/fake-clock.h"
#include "tests/test.h"

#define IDLE_MS 420000ULL
#define SENT_USEC (1000 * USEC_PER_SEC)
#define HALF_USEC (IDLE_MS * USEC_PER_MSEC / 2)

START_TEST(offers_what_is_idle_and_stays)
{
	const struct {
		enum agent_state state;
		enum machine_state record;
		uint64_t record_seq;
		bool last, record_last, lost, under_way;
		bool due;
	} cases[] = {
		{ AGENT_READY, MACHINE_IDLE, 3, 0, 0, 0, 0, true },
		{ AGENT_READY, MACHINE_CREATED, 3, 0, 0, 0, 0, false },
		{ AGENT_READY, MACHINE_CLAIMED, 3, 0, 0, 0, 0, false },
		{ AGENT_READY, MACHINE_IDLE, 2, 0, 0, 0, 0, false },
		{ AGENT_READY, MACHINE_IDLE, 3, 1, 0, 0, 0, false },
		{ AGENT_READY, MACHINE_IDLE, 3, 0, 1, 0, 0, false },
		{ AGENT_READY, MACHINE_IDLE, 3, 0, 0, 1, 0, false },
		{ AGENT_READY, MACHINE_IDLE, 3, 0, 0, 0, 1, false },
		{ AGENT_BOOTING, MACHINE_IDLE, 3, 0, 0, 0, 0, false },
		{ AGENT_REGISTERING, MACHINE_IDLE, 3, 0, 0, 0, 0, false },
		{ AGENT_STOPPING, MACHINE_IDLE, 3, 0, 0, 0, 0, false },
		{ AGENT_CLEAN, MACHINE_IDLE, 3, 0, 0, 0, 0, false },
		{ AGENT_LEAVING, MACHINE_IDLE, 3, 0, 0, 0, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct machine record = {
			.state = cases[i].record,
			.seq = cases[i].record_seq,
			.last = cases[i].record_last,
			.idle_ms = IDLE_MS,
		};
		const struct offer_view view = {
			.state = cases[i].state,
			.last = cases[i].last,
			.store_lost = cases[i].lost,
			.under_way = cases[i].under_way,
			.seq = 3,
			.record = &record,
			.now_usec = SENT_USEC,
		};

		ck_assert_msg(offer_is_due(&view) == cases[i].due, "case %zu", i);
	}
}
END_TEST

START_TEST(offers_again_after_half_of_the_idle_time)
{
	const struct {
		uint64_t idle_ms, seq, age_usec;
		bool due;
	} cases[] = {
		{ IDLE_MS, 3, 0, false },
		{ IDLE_MS, 3, HALF_USEC - 1, false },
		{ IDLE_MS, 3, HALF_USEC, true },
		{ IDLE_MS, 2, 0, true }, /* idle anew */
		{ 10000, 3, 4999 * USEC_PER_MSEC, false },
		{ 10000, 3, 5000 * USEC_PER_MSEC, true },
		{ 0, 3, HALF_USEC - 1, false }, /* a record without */
		{ 0, 3, HALF_USEC, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct machine record = {
			.state = MACHINE_IDLE,
			.seq = 3,
			.idle_ms = cases[i].idle_ms,
		};
		const struct offer_view view = {
			.state = AGENT_READY,
			.seq = 3,
			.record = &record,
			.offered_seq = cases[i].seq,
			.offered_usec = SENT_USEC,
			.now_usec = SENT_USEC + cases[i].age_usec,
		};

		ck_assert_msg(offer_is_due(&view) == cases[i].due, "case %zu", i);
	}
}
END_TEST

/* --- an offerer, with a pool that does as it is told ------------------------------------------ */

static struct {
	int opens_with, offers_with;
	unsigned opened, offered;
	bool closed;
	char prefix[16];
} script;

static int fake_offer(_unused_ struct pool *pool, const struct machine *machine,
		      struct fault *fault)
{
	ck_assert_str_eq(machine->id, "m-1");
	script.offered++;
	return script.offers_with < 0 ? fault_set(fault, script.offers_with, "no answer") : 0;
}

static void fake_close(_unused_ struct pool *pool)
{
	script.closed = true;
}

static int fake_open(const struct pool_options *options, struct pool **ret, struct fault *fault)
{
	static const struct pool_ops ops = { .offer = fake_offer, .close = fake_close };
	static struct pool pool = { .ops = &ops };

	(void)snprintf(script.prefix, sizeof(script.prefix), "%s", options->prefix);
	script.opened++;
	if (script.opens_with < 0)
		return fault_set(fault, script.opens_with, "no region");
	*ret = &pool;
	return 0;
}

struct scene {
	sd_event *event;
	struct offerer *offerer;
	struct fake_clock clock;
	struct machine record;
};

static void scene_init(struct scene *scene, const char *pool)
{
	struct offerer_options options = { .pool = pool, .prefix = "paddock", .seed = 1 };

	memset(&script, 0, sizeof(script));
	*scene = (struct scene){
		.clock = fake_clock_new(),
		.record = { .id = "m-1", .state = MACHINE_IDLE, .seq = 3, .idle_ms = IDLE_MS },
	};
	ck_assert_int_ge(sd_event_new(&scene->event), 0);
	options.event = scene->event;
	options.clock = &scene->clock.clock;
	options.open_pool = fake_open;
	ck_assert_int_eq(offerer_new(&options, &scene->offerer), 0);
}

static void scene_done(struct scene *scene)
{
	offerer_free(scene->offerer);
	sd_event_unref(scene->event);
}
#define _cleanup_scene_ _cleanup_(scene_done)

static void look(struct scene *scene)
{
	const struct offer_view view = {
		.state = AGENT_READY,
		.seq = 3,
		.record = &scene->record,
	};

	offerer_look(scene->offerer, view);
}

static void answer(struct scene *scene)
{
	ck_assert_int_gt(sd_event_run(scene->event, 10 * USEC_PER_SEC), 0);
}

START_TEST(offers_once_and_again_when_that_is_old)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene, "sqs");
	look(&scene);
	look(&scene); /* one is under way */
	answer(&scene);
	ck_assert_uint_eq(script.offered, 1);
	ck_assert_str_eq(script.prefix, "paddock");
	look(&scene);
	ck_assert_int_eq(sd_event_run(scene.event, 0), 0);
	ck_assert_uint_eq(script.offered, 1);

	fake_advance(&scene.clock, HALF_USEC / USEC_PER_MSEC);
	look(&scene);
	answer(&scene);
	ck_assert_uint_eq(script.offered, 2);
	ck_assert_uint_eq(script.opened, 1);
	offerer_free(take_ptr(scene.offerer));
	ck_assert(script.closed);
}
END_TEST

START_TEST(tries_again_what_failed)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene, "sqs");
	script.opens_with = -ENOENT;
	look(&scene);
	answer(&scene);
	ck_assert_uint_eq(script.offered, 0);
	script.opens_with = 0;
	script.offers_with = -ETIMEDOUT;
	look(&scene);
	answer(&scene);
	ck_assert_uint_eq(script.offered, 1);
	script.offers_with = 0;
	look(&scene);
	answer(&scene);
	ck_assert_uint_eq(script.offered, 2);
	look(&scene);
	ck_assert_int_eq(sd_event_run(scene.event, 0), 0);
	ck_assert_uint_eq(script.offered, 2);
}
END_TEST

START_TEST(has_nothing_to_do_where_records_are_offers)
{
	_cleanup_scene_ struct scene scene;

	scene_init(&scene, "table");
	ck_assert_ptr_null(scene.offerer);
	look(&scene);
	ck_assert_uint_eq(script.opened, 0);
}
END_TEST

TEST_MAIN(offers_what_is_idle_and_stays, offers_again_after_half_of_the_idle_time,
	  offers_once_and_again_when_that_is_old, tries_again_what_failed,
	  has_nothing_to_do_where_records_are_offers)
