#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/domain/run.h"
#include "tests/test.h"

#define SET(array, text) ck_assert_int_eq(str_copy(array, sizeof(array), text), 0)

static struct request request_full(void)
{
	return (struct request){
		.count = 3,
		.min_count = 2,
		.class_name = "large",
		.types = "c* m7i.*",
		.usage = USAGE_SPOT,
		.needs = "pmu.cycles",
		.max_runtime_ms = 1800000,
		.no_create = true,
		.claimant = { .run_key = "1-1-default",
			      .repo = "o/r",
			      .workflow = "ci",
			      .image = "ami-1",
			      .fork = true,
			      .reuse = REUSE_SAME_WORKFLOW },
	};
}

static struct run run_full(void)
{
	static const char ids[2][MACHINE_ID_MAX] = { "pd-1-0", "pd-1-1" };
	struct run run = {
		.key = "1-1-default",
		.fence = 7,
		.starter = UINT64_MAX,
		.verdict = VERDICT_GRANTED,
		.reason = "enough",
		.request = request_full(),
		.intents = { { "pd-1", 2, 100, NULL }, { "pd-2", 1000, 200, NULL } },
		.n_intents = 2,
		.created_ms = 99,
		.decided_ms = 300,
	};

	ck_assert_int_eq(run_set_machines(&run, ids, 2), 0);
	run.intents[1].plan = strdup("{ \"usage\": \"spot\" }");
	return run;
}

START_TEST(makes_a_key_of_id_attempt_and_name)
{
	static const struct {
		const char *id;
		uint64_t attempt;
		const char *name;
		const char *key; /* NULL: refused */
	} cases[] = {
		{ "12345678901", 1, "default", "12345678901-1-default" },
		{ "1", 2, "a/b_c.d-e", "1-2-a.b_c.d-e" },
		{ "local-x", UINT64_MAX, "n", "local-x-18446744073709551615-n" },
		{ "", 1, "default", NULL },
		{ "1", 1, "", NULL },
		{ "1 2", 1, "default", NULL },
		{ "1", 1, "a\nb", NULL },
		{ "1", 1, "caf\xc3\xa9", NULL },
		{ "-1", 1, "default", NULL },
		{ "/1", 1, "default", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char key[RUN_KEY_MAX] = "untouched";
		struct fault fault = {};
		int r = run_key_make(cases[i].id, cases[i].attempt, cases[i].name, key, sizeof(key),
				     &fault);

		ck_assert_msg(r == (cases[i].key ? 0 : -EINVAL), "case %zu: %d", i, r);
		ck_assert_str_eq(key, cases[i].key ? cases[i].key : "untouched");
		ck_assert_int_eq(fault.text[0] != '\0', !cases[i].key);
		if (cases[i].key)
			ck_assert(run_key_is_valid(key));
	}
}
END_TEST

START_TEST(makes_no_key_longer_than_its_limit)
{
	char name[RUN_KEY_MAX + 1] = "";
	char key[RUN_KEY_MAX] = "";
	char small[8] = "";
	struct fault fault = {};

	memset(name, 'n', RUN_KEY_MAX - 1 - strlen("1-1-"));
	ck_assert_int_eq(run_key_make("1", 1, name, key, sizeof(key), &fault), 0);
	ck_assert_uint_eq(strlen(key), RUN_KEY_MAX - 1);
	ck_assert(run_key_is_valid(key));

	name[strlen(name)] = 'n';
	ck_assert_int_eq(run_key_make("1", 1, name, key, sizeof(key), &fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.text, "longer than 127 characters"));
	ck_assert_int_eq(run_key_make("1", 1, "12345", small, sizeof(small), &fault), -EINVAL);
	ck_assert_int_eq(run_key_make("1", 1, "123", small, sizeof(small), &fault), 0);
}
END_TEST

START_TEST(knows_a_valid_key)
{
	char longest[RUN_KEY_MAX + 1] = "";

	memset(longest, 'k', RUN_KEY_MAX);
	ck_assert(!run_key_is_valid(longest));
	longest[RUN_KEY_MAX - 1] = '\0';
	ck_assert(run_key_is_valid(longest));
	ck_assert(run_key_is_valid("1-1-default"));
	ck_assert(!run_key_is_valid(""));
	ck_assert(!run_key_is_valid("-1"));
	ck_assert(!run_key_is_valid("1/1"));
	ck_assert(!run_key_is_valid("1 1"));
}
END_TEST

START_TEST(gives_the_same_token_to_the_same_run_and_another_to_every_other)
{
	struct run run = { .key = "1-1-default", .fence = 1 };
	char first[RUN_TOKEN_MAX], token[RUN_TOKEN_MAX];

	/* Written down, because a token that changes with a release would launch twice. */
	run_next_token(&run, first, sizeof(first));
	ck_assert_str_eq(first, "pd-e54a4d6aee8916ab-1-0");

	run_next_token(&run, token, sizeof(token));
	ck_assert_str_eq(token, first);

	run.n_intents = 1;
	run_next_token(&run, token, sizeof(token));
	ck_assert_str_ne(token, first);

	run.n_intents = 0;
	run.fence = 2;
	run_next_token(&run, token, sizeof(token));
	ck_assert_str_ne(token, first);

	run.fence = 1;
	SET(run.key, "2-1-default");
	run_next_token(&run, token, sizeof(token));
	ck_assert_str_ne(token, first);
}
END_TEST

START_TEST(fits_the_longest_token_and_its_last_machine)
{
	struct run run = { .key = "1-1-default",
			   .fence = UINT64_MAX,
			   .n_intents = RUN_INTENTS_MAX - 1 };
	char token[RUN_TOKEN_MAX], id[MACHINE_ID_MAX];

	run_next_token(&run, token, sizeof(token));
	ck_assert_ptr_nonnull(strstr(token, "-18446744073709551615-31"));
	ck_assert(machine_id_is_valid(token));
	ck_assert_int_eq(machine_id_for(token, RUN_MACHINES_MAX - 1, id, sizeof(id)), 0);
	ck_assert(machine_id_is_valid(id));
	ck_assert_int_eq(strncmp(id, token, strlen(token)), 0);
	ck_assert_str_eq(id + strlen(token), "-999");
}
END_TEST

START_TEST(makes_no_id_that_does_not_fit_or_is_none)
{
	char id[MACHINE_ID_MAX], small[6];

	ck_assert_int_eq(machine_id_for("pd-1", 0, small, sizeof(small)), -ENAMETOOLONG);
	ck_assert_int_eq(machine_id_for("../x", 0, id, sizeof(id)), -EINVAL);
	ck_assert_int_eq(machine_id_for("", 0, id, sizeof(id)), -EINVAL);
}
END_TEST

static void differ(struct request *request, int i)
{
	switch (i) {
	case 0:
		request->count = 4;
		break;
	case 1:
		request->min_count = 3;
		break;
	case 2:
		SET(request->class_name, "xlarge");
		break;
	case 3:
		SET(request->types, "c*");
		break;
	case 4:
		request->usage = USAGE_ON_DEMAND;
		break;
	case 5:
		SET(request->needs, "");
		break;
	case 6:
		request->max_runtime_ms++;
		break;
	case 7:
		request->no_create = false;
		break;
	case 8:
		SET(request->claimant.repo, "o/other");
		break;
	case 9:
		SET(request->claimant.workflow, "nightly");
		break;
	case 10:
		request->claimant.fork = false;
		break;
	case 11:
		request->claimant.reuse = REUSE_ANY;
		break;
	default:
		break;
	}
}

START_TEST(names_the_flag_in_which_two_requests_differ)
{
	static const char *const flags[] = {
		"instance-count",
		"min-count",
		"resource-class",
		"allowed-instance-types",
		"usage-class",
		"need",
		"max-runtime-min",
		"no-create",
		"repository",
		"workflow",
		"fork",
		"reuse",
	};
	struct request a = request_full(), b;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		b = request_full();
		differ(&b, (int)i);
		ck_assert_str_eq(request_difference(&a, &b), flags[i]);
		ck_assert(!request_equal(&a, &b));
	}

	/* The rest of the arrays does not count, nor does today's image. */
	b = request_full();
	memset(b.types + strlen(b.types) + 1, 'x', 10);
	SET(b.claimant.image, "ami-2");
	ck_assert_ptr_null(request_difference(&a, &b));
	ck_assert(request_equal(&a, &b));
}
END_TEST

START_TEST(keeps_machines_of_its_own)
{
	static char ids[RUN_MACHINES_MAX + 1][MACHINE_ID_MAX];
	_cleanup_run_ struct run run = run_full();

	SET(ids[0], "m-1");
	ck_assert_int_eq(run_set_machines(&run, ids, RUN_MACHINES_MAX + 1), -E2BIG);
	ck_assert_uint_eq(run.n_machines, 2);
	ck_assert_int_eq(run_set_machines(&run, ids, 1), 0);
	SET(ids[0], "m-2");
	ck_assert_uint_eq(run.n_machines, 1);
	ck_assert_str_eq(run.machines[0], "m-1");
	ck_assert_int_eq(run_set_machines(&run, NULL, 0), 0);
	ck_assert_uint_eq(run.n_machines, 0);
}
END_TEST

START_TEST(reads_back_what_it_wrote_as_json)
{
	_cleanup_run_ struct run run = run_full(), again = {};
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_json_ struct json_object *parsed = NULL;
	struct fault fault = {};
	const char *text;

	ck_assert_int_eq(run_to_json(&run, &object), 0);
	text = json_text(object);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(json_parse(text, strlen(text), "run", &parsed, &fault), 0);
	ck_assert_int_eq(run_from_json(parsed, &again, &fault), 0);

	ck_assert_str_eq(again.key, run.key);
	ck_assert_uint_eq(again.fence, 7);
	ck_assert_uint_eq(again.starter, UINT64_MAX);
	ck_assert_int_eq(again.verdict, VERDICT_GRANTED);
	ck_assert_str_eq(again.reason, "enough");
	ck_assert(request_equal(&again.request, &run.request));
	ck_assert_str_eq(again.request.claimant.image, "ami-1");
	ck_assert_str_eq(again.request.claimant.run_key, run.key);
	ck_assert_uint_eq(again.n_intents, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_str_eq(again.intents[i].token, run.intents[i].token);
		ck_assert_uint_eq(again.intents[i].count, run.intents[i].count);
		ck_assert_uint_eq(again.intents[i].created_ms, run.intents[i].created_ms);
	}
	ck_assert_ptr_null(again.intents[0].plan);
	ck_assert_pstr_eq(again.intents[1].plan, run.intents[1].plan);
	ck_assert_uint_eq(again.n_machines, 2);
	ck_assert_mem_eq(again.machines, run.machines, 2 * sizeof(*run.machines));
	ck_assert_uint_eq(again.created_ms, 99);
	ck_assert_uint_eq(again.decided_ms, 300);
}
END_TEST

START_TEST(reads_back_a_tombstone)
{
	struct run run = { .key = "1-1-default", .verdict = VERDICT_CLOSED, .decided_ms = 5 };
	_cleanup_run_ struct run again = {};
	_cleanup_json_ struct json_object *object = NULL;
	struct fault fault = {};

	ck_assert_int_eq(run_to_json(&run, &object), 0);
	ck_assert_int_eq(run_from_json(object, &again, &fault), 0);
	ck_assert_int_eq(again.verdict, VERDICT_CLOSED);
	ck_assert_uint_eq(again.request.count, 0);
}
END_TEST

#define HEAD "{\"key\":\"1-1-a\",\"fence\":1,\"verdict\":\"open\","
#define REQUEST "\"request\":{\"count\":1,\"min_count\":1,\"usage\":\"spot\",\"reuse\":\"any\"}"

static const struct bad_run {
	const char *text, *says;
} bad_runs[] = {
	{ "[]", "not a JSON object" },
	{ "{}", "verdict has no value" },
	{ "{\"verdict\":\"open\"}", "no valid key" },
	{ "{\"key\":\"a/b\",\"verdict\":\"open\"}", "no valid key" },
	{ "{\"key\":\"1-1-a\",\"verdict\":\"maybe\"}", "verdict has no value 'maybe'" },
	{ "{\"key\":\"1-1-a\",\"verdict\":\"open\"}", "no request" },
	{ "{\"key\":\"1-1-a\",\"verdict\":\"granted\"}", "no request" },
	{ "{\"key\":\"1-1-a\",\"verdict\":\"open\",\"fence\":\"1\"}", "fence" },
	{ HEAD "\"request\":{\"usage\":\"spot\",\"reuse\":\"any\"}}", "count 0 is not 1 to 1000" },
	{ HEAD "\"request\":{\"count\":1001,\"usage\":\"spot\",\"reuse\":\"any\"}}", "count 1001" },
	{ HEAD "\"request\":{\"count\":1,\"min_count\":2,\"usage\":\"spot\",\"reuse\":\"any\"}}",
	  "min_count 2 is above" },
	{ HEAD "\"request\":{\"count\":1,\"usage\":\"lent\",\"reuse\":\"any\"}}",
	  "usage has no value 'lent'" },
	{ HEAD "\"request\":{\"count\":1,\"usage\":\"spot\"}}", "reuse has no value" },
	{ HEAD "\"request\":{\"count\":1,\"class\":\"a-class-with-a-name-that-is-too-long\"}}",
	  "class is longer than 31" },
	{ HEAD REQUEST ",\"intents\":{}}", "intents" },
	{ HEAD REQUEST ",\"intents\":[1]}", "not an object" },
	{ HEAD REQUEST ",\"intents\":[{\"token\":\"\",\"count\":1}]}", "bad token" },
	{ HEAD REQUEST ",\"intents\":[{\"token\":\"a/b\",\"count\":1}]}", "bad token" },
	{ HEAD REQUEST ",\"intents\":[{\"token\":\"t\",\"count\":0}]}", "for 0 machines" },
	{ HEAD REQUEST ",\"intents\":[{\"token\":\"t\",\"count\":1001}]}", "for 1001 machines" },
	{ HEAD REQUEST ",\"machines\":[\"m-1\",\"\"]}", "bad machine id" },
	{ HEAD REQUEST ",\"machines\":[\"m-1\",7]}", "bad machine id" },
	{ HEAD REQUEST ",\"machines\":[\"m-1\\u0000x\"]}", "bad machine id" },
	{ HEAD REQUEST ",\"machines\":[null]}", "bad machine id" },
};

static void assert_bad(const char *text, const char *says)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct run run = { .fence = 99 };
	struct fault fault = {};

	ck_assert_int_eq(json_parse(text, strlen(text), "run", &object, &fault), 0);
	ck_assert_msg(run_from_json(object, &run, &fault) == -EBADMSG, "%.200s", text);
	ck_assert_msg(strstr(fault.text, says) != NULL, "%.200s: %s", text, fault.text);
	ck_assert_uint_eq(run.fence, 99);
	ck_assert_ptr_null(run.machines);
}

START_TEST(refuses_a_record_that_it_cannot_trust)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_runs); i++)
		assert_bad(bad_runs[i].text, bad_runs[i].says);
}
END_TEST

START_TEST(refuses_lists_beyond_their_limits)
{
	static const struct {
		const char *list, *element, *says;
		size_t max;
	} cases[] = {
		{ "intents", "{\"token\":\"t\",\"count\":1}", "33 intents, more than 32",
		  RUN_INTENTS_MAX },
		{ "machines", "\"m\"", "1001 machines, more than 1000", RUN_MACHINES_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text;

		buf_init(&text, 65536);
		ck_assert_int_eq(buf_printf(&text, HEAD REQUEST ",\"%s\":[%s", cases[i].list,
					    cases[i].element),
				 0);
		for (size_t n = 0; n < cases[i].max; n++)
			ck_assert_int_eq(buf_printf(&text, ",%s", cases[i].element), 0);
		ck_assert_int_eq(buf_add_text(&text, "]}"), 0);
		assert_bad(buf_text(&text), cases[i].says);
	}
}
END_TEST

START_TEST(does_not_write_a_value_that_has_no_name)
{
	_cleanup_run_ struct run run = run_full();
	struct json_object *object = NULL;

	run.verdict = _VERDICT_MAX;
	ck_assert_int_eq(run_to_json(&run, &object), -EINVAL);
	run.verdict = VERDICT_OPEN;
	run.request.usage = _USAGE_MAX;
	ck_assert_int_eq(run_to_json(&run, &object), -EINVAL);
	run.request.usage = USAGE_SPOT;
	run.n_intents = RUN_INTENTS_MAX + 1;
	ck_assert_int_eq(run_to_json(&run, &object), -EINVAL);
	run.n_intents = 2;
	ck_assert_ptr_null(object);
}
END_TEST

TEST_MAIN(makes_a_key_of_id_attempt_and_name, makes_no_key_longer_than_its_limit, knows_a_valid_key,
	  gives_the_same_token_to_the_same_run_and_another_to_every_other,
	  fits_the_longest_token_and_its_last_machine, makes_no_id_that_does_not_fit_or_is_none,
	  names_the_flag_in_which_two_requests_differ, keeps_machines_of_its_own,
	  reads_back_what_it_wrote_as_json, reads_back_a_tombstone,
	  refuses_a_record_that_it_cannot_trust, refuses_lists_beyond_their_limits,
	  does_not_write_a_value_that_has_no_name)
