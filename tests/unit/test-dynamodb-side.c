/* Each request is carried out on a sample item, and what refuses it is given its verdict: together
 * they must come to what the contract of side items says. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/dynamodb-side.h"
#include "tests/test.h"
#include "tests/unit/dynamodb-fixture.h"

#define TABLE "paddock"
#define NOW 1795514400000
#define REQUEST_MAX (1 << 21)

static struct buf new_buf(void)
{
	struct buf buf;

	buf_init(&buf, REQUEST_MAX);
	return buf;
}

static struct item item_with(uint64_t revision, const char *body, uint64_t expires_ms)
{
	struct item item = { .revision = revision, .expires_ms = expires_ms };

	MUST(str_copy(item.partition, sizeof(item.partition), "m-1") == 0);
	MUST(str_copy(item.kind, sizeof(item.kind), "event") == 0);
	item.body = strdup(body);
	MUST(item.body);
	return item;
}

/* What stands in the table; nothing is an empty object. */
static struct json_object *standing(uint64_t revision, const char *body, uint64_t expires_ms)
{
	_cleanup_item_ struct item item = item_with(revision, body, expires_ms);
	struct json_object *object = NULL;

	ck_assert_int_eq(dynamodb_side_to_item(&item, &object, NULL), 0);
	return object;
}

static struct json_object *nothing(void)
{
	return json_object_new_object();
}

/* What an answer shows of it. */
static struct json_object *shown(struct json_object *object)
{
	return member(object, DYNAMODB_PARTITION) ? object : NULL;
}

/* As a store would do it: 0 or STORE_REFUSED. */
static int put_at(struct json_object **object, uint64_t now_ms, const struct item *wish,
		  struct item *current)
{
	_cleanup_json_ struct json_object *body = NULL;
	_cleanup_buf_ struct buf request = new_buf();
	struct fault fault = {};
	int r;

	ck_assert_int_eq(dynamodb_side_put(TABLE, wish, now_ms, &request, &fault), 0);
	body = parsed(request.data);
	if (put_item(body, object))
		return 0;
	r = dynamodb_side_put_verdict(wish, shown(*object), now_ms, current, &fault);
	ck_assert_msg(r >= 0, "%s", fault.text);
	return r;
}

static int put(struct json_object **object, uint64_t revision, const char *text)
{
	_cleanup_item_ struct item wish = item_with(revision, text, 0);

	return put_at(object, NOW, &wish, NULL);
}

static int take_away(struct json_object **object, uint64_t revision)
{
	_cleanup_json_ struct json_object *body = NULL;
	_cleanup_buf_ struct buf request = new_buf();
	struct fault fault = {};

	ck_assert_int_eq(dynamodb_side_remove(TABLE, "m-1", "event", revision, &request, &fault),
			 0);
	body = parsed(request.data);
	if (delete_item(body, object))
		return 0;
	return dynamodb_side_remove_verdict(shown(*object), NOW, &fault);
}

static bool purges(struct json_object **object)
{
	const struct dynamodb_key key = { "m-1", "event" };
	_cleanup_json_ struct json_object *body = NULL;
	_cleanup_buf_ struct buf request = new_buf();

	ck_assert_int_eq(dynamodb_side_purge(TABLE, &key, NOW, &request, NULL), 0);
	body = parsed(request.data);
	return delete_item(body, object);
}

/* The item that lives there, of this revision and body. */
static void assert_lives(struct json_object *object, uint64_t revision, const char *body)
{
	_cleanup_item_ struct item item = {};
	struct fault fault = {};

	ck_assert_msg(dynamodb_side_from_item(object, NOW, &item, &fault) == 0, "%s: %s",
		      json_text(object), fault.text);
	ck_assert_str_eq(item.partition, "m-1");
	ck_assert_str_eq(item.kind, "event");
	ck_assert_uint_eq(item.revision, revision);
	ck_assert_str_eq(item.body, body);
}

/* --- items ----------------------------------------------------------------------------------- */

START_TEST(writes_an_item_and_reads_it_back)
{
	static const uint64_t expiries[] = { 0, NOW + 1, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(expiries); i++) {
		_cleanup_json_ struct json_object *object =
			standing(UINT64_MAX, "{\"a\":\"\\\"ü\"}", expiries[i]);
		_cleanup_item_ struct item item = {};

		ck_assert_int_eq(dynamodb_side_from_item(object, NOW, &item, NULL), 0);
		ck_assert_uint_eq(item.expires_ms, expiries[i]);
		assert_lives(object, UINT64_MAX, "{\"a\":\"\\\"ü\"}");
	}
}
END_TEST

START_TEST(has_a_second_to_sweep_by_which_is_never_too_early)
{
	static const struct {
		uint64_t expires_ms;
		const char *sec;
	} cases[] = {
		{ 0, "" },
		{ 1, "1" },
		{ 1000, "1" },
		{ 1001, "2" },
		{ UINT64_MAX, "18446744073709552" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *object = standing(1, "", cases[i].expires_ms);

		ck_assert_str_eq(member_text(member(object, "ttl"), "N"), cases[i].sec);
		ck_assert_int_eq(member(object, "expires_ms") != NULL, cases[i].expires_ms != 0);
	}
}
END_TEST

START_TEST(takes_an_item_past_its_time_for_absent)
{
	static const struct {
		uint64_t expires_ms;
		int r;
	} cases[] = {
		{ 1, STORE_REFUSED }, { NOW - 1, STORE_REFUSED }, { NOW, STORE_REFUSED },
		{ NOW + 1, 0 },       { UINT64_MAX, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *object = standing(1, "x", cases[i].expires_ms);
		_cleanup_item_ struct item item = {};

		ck_assert_int_eq(dynamodb_side_from_item(object, NOW, &item, NULL), cases[i].r);
		ck_assert_int_eq(item.body != NULL, cases[i].r == 0);
	}
}
END_TEST

/* A reader that took 0 for never would keep alive what each condition takes for expired. */
START_TEST(takes_an_expiry_of_0_for_a_past_one)
{
	_cleanup_json_ struct json_object *object = standing(1, "x", 0);
	struct item item = {};

	ck_assert_int_eq(dynamodb_item_set(object, "expires_ms", dynamodb_number(0)), 0);
	ck_assert_int_eq(dynamodb_side_from_item(object, NOW, &item, NULL), STORE_REFUSED);
	ck_assert_int_eq(put(&object, 0, "new"), 0);
	assert_lives(object, 1, "new");
}
END_TEST

START_TEST(passes_over_the_record_of_a_machine)
{
	_cleanup_json_ struct json_object *object =
		parsed("{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},\"seq\":{\"N\":\"1\"}}");
	struct item item = {};

	ck_assert_int_eq(dynamodb_side_from_item(object, NOW, &item, NULL), STORE_REFUSED);
}
END_TEST

#define NAMED "\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"event\"}"

START_TEST(refuses_a_damaged_item)
{
	static const struct {
		const char *item;
		const char *words;
	} cases[] = {
		{ "{}", "without pk and sk" },
		{ "{\"pk\":{\"S\":\"\"},\"sk\":{\"S\":\"event\"}}", "bad name" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"a-kind-that-is-much-too-long\"}}",
		  "bad name" },
		{ "{" NAMED "}", "item 'm-1' / 'event': no revision" },
		{ "{" NAMED ",\"revision\":{\"N\":\"0\"},\"body\":{\"S\":\"\"}}", "no revision" },
		{ "{" NAMED ",\"revision\":{\"N\":\"1\"}}", "no body" },
		{ "{" NAMED ",\"revision\":{\"S\":\"1\"},\"body\":{\"S\":\"\"}}", "not of type N" },
		{ "{" NAMED ",\"revision\":{\"N\":\"1\"},\"body\":{\"N\":\"1\"}}",
		  "not of type S" },
		{ "{" NAMED ",\"expires_ms\":{\"N\":\"1e3\"}}", "'1e3' is no number" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *object = parsed(cases[i].item);
		struct item item = {};
		struct fault fault = {};

		ck_assert_int_eq(dynamodb_side_from_item(object, NOW, &item, &fault), -EBADMSG);
		ck_assert_msg(strstr(fault.text, cases[i].words) != NULL, "case %zu: %s", i,
			      fault.text);
		ck_assert_ptr_null(item.body);
	}
}
END_TEST

START_TEST(reads_no_body_that_it_would_not_write)
{
	_cleanup_json_ struct json_object *object = standing(1, "", 0);
	_cleanup_free_ char *body = malloc(STORE_ITEM_BODY_MAX + 2);
	_cleanup_item_ struct item item = {};
	struct fault fault = {};

	memset(body, 'x', STORE_ITEM_BODY_MAX + 1);
	body[STORE_ITEM_BODY_MAX + 1] = '\0';
	ck_assert_int_eq(dynamodb_item_set(object, "body", dynamodb_text(body)), 0);
	ck_assert_int_eq(dynamodb_side_from_item(object, NOW, &item, &fault), -EBADMSG);
	body[STORE_ITEM_BODY_MAX] = '\0';
	ck_assert_int_eq(dynamodb_item_set(object, "body", dynamodb_text(body)), 0);
	assert_lives(object, 1, body);
}
END_TEST

START_TEST(does_not_take_what_is_damaged_for_absent)
{
	_cleanup_json_ struct json_object *object = parsed("{" NAMED "}");
	_cleanup_item_ struct item wish = item_with(0, "x", 0), current = {};
	struct fault fault = {};

	ck_assert_int_eq(dynamodb_side_put_verdict(&wish, object, NOW, &current, &fault), -EBADMSG);
	ck_assert_ptr_null(current.body);
	ck_assert_int_eq(dynamodb_side_remove_verdict(object, NOW, &fault), -EBADMSG);
	ck_assert_int_eq(take_away(&object, 0), 0);
	ck_assert_ptr_null(shown(object));
}
END_TEST

/* --- put ------------------------------------------------------------------------------------- */

START_TEST(puts_only_over_the_revision_that_was_read)
{
	_cleanup_json_ struct json_object *object = nothing();

	ck_assert_int_eq(put(&object, 1, "0"), STORE_REFUSED);
	ck_assert_int_eq(put(&object, 0, "1"), 0);
	assert_lives(object, 1, "1");
	ck_assert_int_eq(put(&object, 1, "2"), 0);
	for (uint64_t revision = 0; revision < 5; revision++)
		if (revision != 2)
			ck_assert_int_eq(put(&object, revision, "3"), STORE_REFUSED);
	assert_lives(object, 2, "2");
}
END_TEST

START_TEST(takes_a_put_twice_for_one)
{
	_cleanup_json_ struct json_object *object = nothing();

	for (uint64_t revision = 0; revision < 3; revision++) {
		ck_assert_int_eq(put(&object, revision, "same"), 0);
		ck_assert_int_eq(put(&object, revision, "same"), 0);
		assert_lives(object, revision + 1, "same");
	}
	/* Somebody has written since: that is no answer that was lost. */
	ck_assert_int_eq(put(&object, 0, "same"), STORE_REFUSED);
	ck_assert_int_eq(put(&object, 2, "other"), STORE_REFUSED);
	assert_lives(object, 3, "same");
}
END_TEST

START_TEST(shows_the_item_that_refused)
{
	_cleanup_json_ struct json_object *object = standing(4, "theirs", NOW + 9);
	_cleanup_item_ struct item wish = item_with(2, "mine", 0), current = {};

	ck_assert_int_eq(put_at(&object, NOW, &wish, &current), STORE_REFUSED);
	ck_assert_str_eq(current.partition, "m-1");
	ck_assert_str_eq(current.kind, "event");
	ck_assert_uint_eq(current.revision, 4);
	ck_assert_uint_eq(current.expires_ms, NOW + 9);
	ck_assert_str_eq(current.body, "theirs");
	ck_assert_uint_eq(wish.revision, 2);
	ck_assert_str_eq(wish.body, "mine");
}
END_TEST

START_TEST(shows_that_nothing_stands_there)
{
	_cleanup_json_ struct json_object *absent = nothing();
	_cleanup_json_ struct json_object *expired = standing(2, "late", NOW);
	_cleanup_item_ struct item wish = item_with(1, "late", 0);
	struct item current = { .revision = 7 };

	ck_assert_int_eq(put_at(&absent, NOW, &wish, &current), STORE_REFUSED);
	ck_assert_uint_eq(current.revision, 0);
	ck_assert_ptr_null(current.body);
	ck_assert_str_eq(current.partition, "m-1");
	ck_assert_str_eq(current.kind, "event");

	/* Not even the very same body at the next revision: it is gone. */
	current.revision = 7;
	ck_assert_int_eq(put_at(&expired, NOW, &wish, &current), STORE_REFUSED);
	ck_assert_uint_eq(current.revision, 0);
	ck_assert_ptr_null(current.body);
}
END_TEST

START_TEST(gives_an_expired_item_a_successor_of_revision_1)
{
	_cleanup_json_ struct json_object *object = standing(6, "old", NOW);

	ck_assert_int_eq(put(&object, 6, "late"), STORE_REFUSED);
	ck_assert_int_eq(put(&object, 5, "late"), STORE_REFUSED);
	ck_assert_int_eq(put(&object, 0, "new"), 0);
	assert_lives(object, 1, "new");
	/* Nothing of the old one is left to be swept by. */
	ck_assert_ptr_null(member(object, "expires_ms"));
	ck_assert_ptr_null(member(object, "ttl"));
	ck_assert_int_eq(put(&object, 0, "new"), 0);
	ck_assert_int_eq(put(&object, 0, "newer"), STORE_REFUSED);
}
END_TEST

START_TEST(puts_over_an_item_until_the_moment_that_it_expires)
{
	_cleanup_item_ struct item wish = item_with(6, "next", NOW + 100);
	_cleanup_json_ struct json_object *object = standing(6, "old", NOW + 1);

	ck_assert_int_eq(put_at(&object, NOW + 1, &wish, NULL), STORE_REFUSED);
	ck_assert_int_eq(put(&object, 0, "new"), STORE_REFUSED);
	ck_assert_int_eq(put_at(&object, NOW, &wish, NULL), 0);
	assert_lives(object, 7, "next");
	ck_assert_str_eq(member_text(member(object, "expires_ms"), "N"), "1795514400100");
}
END_TEST

START_TEST(puts_nothing_that_is_no_item)
{
	_cleanup_buf_ struct buf request = new_buf();
	_cleanup_item_ struct item item = item_with(0, "x", 0), large = item_with(0, "", 0);
	_cleanup_item_ struct item bare = item_with(0, "x", 0), odd = item_with(0, "\xff", 0);
	struct fault fault = {};

	free(take_ptr(bare.body));
	ck_assert_int_eq(dynamodb_side_put(TABLE, &bare, NOW, &request, &fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.text, "no body"));
	ck_assert_int_eq(dynamodb_side_put(TABLE, &odd, NOW, &request, &fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.text, "not UTF-8"));

	free(large.body);
	large.body = malloc(STORE_ITEM_BODY_MAX + 2);
	memset(large.body, '"', STORE_ITEM_BODY_MAX + 1);
	large.body[STORE_ITEM_BODY_MAX + 1] = '\0';
	ck_assert_int_eq(dynamodb_side_put(TABLE, &large, NOW, &request, &fault), -E2BIG);
	ck_assert_uint_eq(request.size, 0);
	large.body[STORE_ITEM_BODY_MAX] = '\0';
	ck_assert_int_eq(dynamodb_side_put(TABLE, &large, NOW, &request, &fault), 0);
	request.size = 0;

	item.revision = UINT64_MAX;
	ck_assert_int_eq(dynamodb_side_put(TABLE, &item, NOW, &request, &fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.text, "no revision"));
	item.revision = 0;
	item.partition[0] = '\0';
	ck_assert_int_eq(dynamodb_side_put(TABLE, &item, NOW, &request, &fault), -EINVAL);
	ck_assert_uint_eq(request.size, 0);
}
END_TEST

/* --- remove and purge ------------------------------------------------------------------------ */

START_TEST(removes_the_revision_that_was_read_or_any)
{
	_cleanup_json_ struct json_object *object = standing(2, "x", NOW + 1);

	ck_assert_int_eq(take_away(&object, 1), STORE_REFUSED);
	ck_assert_int_eq(take_away(&object, 3), STORE_REFUSED);
	assert_lives(object, 2, "x");
	ck_assert_int_eq(take_away(&object, 2), 0);
	ck_assert_ptr_null(shown(object));
	ck_assert_int_eq(take_away(&object, 2), 0);
	ck_assert_int_eq(take_away(&object, 0), 0);

	ck_assert_int_eq(put(&object, 0, "x"), 0);
	ck_assert_int_eq(take_away(&object, 0), 0);
	ck_assert_ptr_null(shown(object));
}
END_TEST

START_TEST(has_removed_what_has_expired_or_is_gone_meanwhile)
{
	_cleanup_json_ struct json_object *object = standing(2, "x", NOW);

	ck_assert_int_eq(take_away(&object, 7), 0);
	ck_assert_int_eq(dynamodb_side_remove_verdict(NULL, NOW, NULL), 0);
}
END_TEST

START_TEST(purges_only_what_has_expired)
{
	_cleanup_json_ struct json_object *expired = standing(2, "x", NOW);
	_cleanup_json_ struct json_object *living = standing(2, "x", NOW + 1);
	_cleanup_json_ struct json_object *lasting = standing(2, "x", 0);
	_cleanup_json_ struct json_object *gone = nothing();

	ck_assert(purges(&expired));
	ck_assert_ptr_null(shown(expired));
	ck_assert(!purges(&living));
	ck_assert(!purges(&lasting));
	ck_assert(!purges(&gone));
}
END_TEST

/* --- what is asked --------------------------------------------------------------------------- */

START_TEST(never_asks_for_the_record_of_a_machine)
{
	static const char *const kinds[] = { "", "machine", "a-kind-that-is-much-too-long",
					     "\xff" };
	const struct dynamodb_part all = {};
	_cleanup_buf_ struct buf request = new_buf();

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *kind = kinds[i];
		const struct dynamodb_key key = { "m-1", kind };

		ck_assert_int_eq(dynamodb_side_get(TABLE, "m-1", kind, &request, NULL), -EINVAL);
		ck_assert_int_eq(dynamodb_side_remove(TABLE, "m-1", kind, 0, &request, NULL),
				 -EINVAL);
		ck_assert_int_eq(dynamodb_side_purge(TABLE, &key, NOW, &request, NULL), -EINVAL);
		ck_assert_int_eq(dynamodb_side_query(TABLE, "m-1", kind, NULL, &request, NULL),
				 -EINVAL);
		ck_assert_int_eq(dynamodb_side_scan(TABLE, kind, &all, &request, NULL), -EINVAL);
	}
	ck_assert_int_eq(dynamodb_side_query(TABLE, "", NULL, NULL, &request, NULL), -EINVAL);
	ck_assert_uint_eq(request.size, 0);
}
END_TEST

START_TEST(gets_what_was_written_last)
{
	_cleanup_buf_ struct buf request = new_buf();
	_cleanup_json_ struct json_object *body = NULL;

	ck_assert_int_eq(dynamodb_side_get(TABLE, "m-1", "event", &request, NULL), 0);
	body = parsed(request.data);
	ck_assert_str_eq(member_text(body, "ConsistentRead"), "true");
	ck_assert_str_eq(json_text(member(body, "Key")), "{" NAMED "}");
}
END_TEST

START_TEST(queries_a_partition_for_one_kind_or_all)
{
	_cleanup_buf_ struct buf any = new_buf(), one = new_buf();

	ck_assert_int_eq(dynamodb_side_query(TABLE, "m-1", NULL, NULL, &any, NULL), 0);
	ck_assert_ptr_nonnull(strstr(any.data, "\"KeyConditionExpression\":\"#0 = :0\""));
	ck_assert_ptr_nonnull(strstr(any.data, "\"ConsistentRead\":true"));
	ck_assert_int_eq(dynamodb_side_query(TABLE, "m-1", "event", NULL, &one, NULL), 0);
	ck_assert_ptr_nonnull(
		strstr(one.data, "\"KeyConditionExpression\":\"#0 = :0 AND #1 = :1\""));
}
END_TEST

/* Which of the samples a scan shows: bits. */
static unsigned passing(const char *request)
{
	_cleanup_json_ struct json_object *body = parsed(request);
	struct json_object *samples[] = {
		standing(1, "x", 0),
		standing(1, "x", NOW),
		standing(1, "x", NOW + 1),
		parsed("{\"pk\":{\"S\":\"r-1\"},\"sk\":{\"S\":\"run\"}}"),
		parsed("{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},"
		       "\"expires_ms\":{\"N\":\"1\"}}"),
	};
	unsigned bits = 0;

	ck_assert_str_eq(member_text(body, "Segment"), "1");
	ck_assert_str_eq(member_text(body, "TotalSegments"), "4");
	ck_assert_str_eq(member_text(body, "ConsistentRead"), "true");
	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++) {
		bits |= filter_passes(body, samples[i]) ? 1U << i : 0;
		json_object_put(samples[i]);
	}
	return bits;
}

START_TEST(scans_for_a_kind_for_all_and_for_what_has_expired)
{
	const struct dynamodb_part part = { .segment = 1, .segments = 4 };
	_cleanup_buf_ struct buf request = new_buf();

	ck_assert_int_eq(dynamodb_side_scan(TABLE, "event", &part, &request, NULL), 0);
	ck_assert_uint_eq(passing(request.data), 0x07);
	request.size = 0;
	ck_assert_int_eq(dynamodb_side_scan(TABLE, NULL, &part, &request, NULL), 0);
	ck_assert_uint_eq(passing(request.data), 0x0f);
	request.size = 0;
	ck_assert_int_eq(dynamodb_side_scan_expired(TABLE, NOW, &part, &request), 0);
	ck_assert_uint_eq(passing(request.data), 0x02);
}
END_TEST

TEST_MAIN(writes_an_item_and_reads_it_back, has_a_second_to_sweep_by_which_is_never_too_early,
	  takes_an_item_past_its_time_for_absent, takes_an_expiry_of_0_for_a_past_one,
	  passes_over_the_record_of_a_machine, refuses_a_damaged_item,
	  reads_no_body_that_it_would_not_write, does_not_take_what_is_damaged_for_absent,
	  puts_only_over_the_revision_that_was_read, takes_a_put_twice_for_one,
	  shows_the_item_that_refused, shows_that_nothing_stands_there,
	  gives_an_expired_item_a_successor_of_revision_1,
	  puts_over_an_item_until_the_moment_that_it_expires, puts_nothing_that_is_no_item,
	  removes_the_revision_that_was_read_or_any,
	  has_removed_what_has_expired_or_is_gone_meanwhile, purges_only_what_has_expired,
	  never_asks_for_the_record_of_a_machine, gets_what_was_written_last,
	  queries_a_partition_for_one_kind_or_all,
	  scans_for_a_kind_for_all_and_for_what_has_expired)
