#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/domain/machine.h"
#include "tests/test.h"

#define SET(array, text) ck_assert_int_eq(str_copy(array, sizeof(array), text), 0)

/* A machine whose every field differs from nothing and from every other field. */
static struct machine machine_full(void)
{
	struct machine machine = {};
	uint64_t value = 1000;
	char text[16];

	for (const struct machine_field *field = machine_fields; field->name; field++) {
		value++;
		(void)snprintf(text, sizeof(text), "t%u", (unsigned)value);
		if (field->type == FIELD_TEXT)
			ck_assert_int_eq(machine_field_set_text(&machine, field, text), 0);
		else if (field->type == FIELD_ENUM)
			ck_assert_int_eq(machine_field_set_text(&machine, field, field->names[1]),
					 0);
		else
			machine_field_set_u64(&machine, field, value);
	}
	return machine;
}

/* As large as they really come; what the user chooses, at its limit. */
static struct machine machine_large(void)
{
	struct machine machine = {
		.id = "i-0123456789abcdef0",
		.state = MACHINE_TERMINATED,
		.seq = 100000,
		.threshold_ms = 1800000000000,
		.last = true,
		.class_name = "benchmark-16xlarge",
		.type = "u7inh-32tb.480xlarge",
		.arch = "x86_64",
		.provider = "ec2",
		.zone = "ap-southeast-2-akl-1a",
		.cpu = 1920,
		.memory_mib = 33554432,
		.image = "lt-0123456789abcdef0:123",
		.token = "pd-0123456789abcdef-12-31",
		.created_ms = 1800000000000,
		.reuse = REUSE_SAME_WORKFLOW,
		.claimed_ms = 1800000000000,
		.max_runtime_ms = 604800000,
		.idle_ms = 420000,
		.drain_ms = 180000,
		.phase = PHASE_REGISTERING,
		.phase_seq = 100000,
		.beat_ms = 1800000000000,
		.beat_period_ms = 30000,
		.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
		.version = "12.10.10",
	};

	memset(machine.run_key, 'k', sizeof(machine.run_key) - 1);
	memset(machine.capabilities, 'c', sizeof(machine.capabilities) - 1);
	memset(machine.repo, 'r', sizeof(machine.repo) - 1);
	memset(machine.workflow, 'w', sizeof(machine.workflow) - 1);
	return machine;
}

START_TEST(names_every_member_of_the_record_in_its_table)
{
	size_t end = 0;

	for (const struct machine_field *field = machine_fields; field->name; field++) {
		size_t size = field->size;

		if (field->type == FIELD_U64)
			size = sizeof(uint64_t);
		else if (field->type == FIELD_BOOL)
			size = sizeof(bool);
		else if (field->type == FIELD_ENUM)
			size = sizeof(int);

		/* What lies between two is padding, never a member. */
		ck_assert_msg(field->offset >= end && field->offset - end < sizeof(uint64_t),
			      "before %s", field->name);
		ck_assert_msg(field->offset - end < sizeof(int) ||
				      field->offset % sizeof(uint64_t) == 0,
			      "before %s", field->name);
		end = field->offset + size;
		ck_assert_ptr_eq(machine_field_find(field->name), field);
	}
	ck_assert_uint_lt(sizeof(struct machine) - end, sizeof(uint64_t));
	ck_assert_ptr_null(machine_field_find("secret"));
}
END_TEST

START_TEST(has_a_name_for_every_value)
{
	static const struct {
		const char *const *names;
		int n;
		const char *last;
	} lists[] = {
		{ machine_state_names, _MACHINE_STATE_MAX, "terminated" },
		{ machine_phase_names, _MACHINE_PHASE_MAX, "failed" },
		{ reuse_names, _REUSE_MAX, "never" },
		{ usage_names, _USAGE_MAX, "spot-then-on-demand" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (int value = 0; value < lists[i].n; value++)
			ck_assert_int_eq(name_lookup(lists[i].names, lists[i].names[value]), value);
		ck_assert_ptr_null(lists[i].names[lists[i].n]);
		ck_assert_str_eq(lists[i].names[lists[i].n - 1], lists[i].last);
		ck_assert_int_eq(name_lookup(lists[i].names, "Idle"), -EINVAL);
		ck_assert_int_eq(name_lookup(lists[i].names, ""), -EINVAL);
	}
}
END_TEST

START_TEST(reads_back_what_it_wrote_as_json)
{
	struct machine machine = machine_full(), again;
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_json_ struct json_object *parsed = NULL;
	struct fault fault = {};
	const char *text;

	ck_assert_int_eq(machine_to_json(&machine, &object), 0);
	text = json_text(object);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(json_parse(text, strlen(text), "record", &parsed, &fault), 0);
	memset(&again, 0, sizeof(again));
	ck_assert_int_eq(machine_from_json(parsed, &again, &fault), 0);

	for (const struct machine_field *field = machine_fields; field->name; field++) {
		const char *before = machine_field_text(&machine, field);

		if (before)
			ck_assert_str_eq(machine_field_text(&again, field), before);
		else
			ck_assert_uint_eq(machine_field_u64(&again, field),
					  machine_field_u64(&machine, field));
	}
}
END_TEST

START_TEST(leaves_unset_fields_out_of_its_json)
{
	struct machine machine = { .id = "m-1", .state = MACHINE_IDLE };
	_cleanup_json_ struct json_object *object = NULL;

	ck_assert_int_eq(machine_to_json(&machine, &object), 0);
	ck_assert_str_eq(json_text(object), "{\"id\":\"m-1\",\"state\":\"idle\",\"usage\":\"on-"
					    "demand\",\"reuse\":\"any\",\"phase\":\"none\"}");
}
END_TEST

static int read_json(const char *text, struct machine *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;

	ck_assert_int_eq(json_parse(text, strlen(text), "record", &object, fault), 0);
	return machine_from_json(object, ret, fault);
}

START_TEST(ignores_what_a_newer_writer_added)
{
	struct machine machine;
	struct fault fault = {};

	ck_assert_int_eq(read_json("{\"id\":\"m-1\",\"state\":\"idle\",\"colour\":[1,{}]}",
				   &machine, &fault),
			 0);
	ck_assert_str_eq(machine.id, "m-1");
	ck_assert_int_eq(machine.state, MACHINE_IDLE);
}
END_TEST

START_TEST(refuses_a_record_that_it_cannot_trust)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "[]", "not a JSON object" },
		{ "{}", "no valid id" },
		{ "{\"id\":\"m-1\"}", "no state" },
		{ "{\"id\":\"m-1\",\"state\":\"none\"}", "no state" },
		{ "{\"id\":\"../x\",\"state\":\"idle\"}", "no valid id" },
		{ "{\"id\":\"m-1\",\"state\":\"asleep\"}", "state has no value 'asleep'" },
		{ "{\"id\":\"m-1\",\"state\":2}", "state" },
		{ "{\"id\":\"m-1\",\"state\":\"idle\",\"seq\":\"1\"}", "seq" },
		{ "{\"id\":\"m-1\",\"state\":\"idle\",\"seq\":-1}", "seq" },
		{ "{\"id\":\"m-1\",\"state\":\"idle\",\"seq\":1.5}", "seq" },
		{ "{\"id\":\"m-1\",\"state\":\"idle\",\"last\":1}", "last" },
		{ "{\"id\":\"m-1\",\"state\":\"idle\",\"arch\":\"0123456789abcdef\"}",
		  "arch is longer than 15 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine machine = { .id = "untouched" };
		struct fault fault = {};

		ck_assert_msg(read_json(cases[i].text, &machine, &fault) == -EBADMSG, "%s",
			      cases[i].text);
		ck_assert_msg(strstr(fault.text, cases[i].says) != NULL, "%s: %s", cases[i].text,
			      fault.text);
		ck_assert_str_eq(machine.id, "untouched");
	}
}
END_TEST

START_TEST(sets_a_field_only_to_what_it_can_hold)
{
	struct machine machine = machine_full();
	const struct machine_field *arch = machine_field_find("arch");
	const struct machine_field *state = machine_field_find("state");
	const struct machine_field *seq = machine_field_find("seq");

	ck_assert_int_eq(machine_field_set_text(&machine, arch, "0123456789abcde"), 0);
	ck_assert_int_eq(machine_field_set_text(&machine, arch, "0123456789abcdef"), -ENAMETOOLONG);
	ck_assert_int_eq(machine_field_set_text(&machine, state, "asleep"), -EBADMSG);
	ck_assert_int_eq(machine.state, MACHINE_CREATED);
	ck_assert_int_eq(machine_field_set_text(&machine, seq, "7"), -EINVAL);
	ck_assert_ptr_null(machine_field_text(&machine, seq));
	machine_field_set_u64(&machine, state, MACHINE_IDLE);
	ck_assert_int_eq(machine.state, MACHINE_CREATED);

	machine.state = _MACHINE_STATE_MAX;
	ck_assert_ptr_null(machine_field_text(&machine, state));
	machine.state = _MACHINE_STATE_INVALID;
	ck_assert_ptr_null(machine_field_text(&machine, state));
}
END_TEST

START_TEST(fits_one_write_unit_with_all_that_a_user_chooses_at_its_limit)
{
	struct machine machine = machine_large();

	SET(machine.reason, "spot notice at 10:00");
	ck_assert_uint_le(machine_record_size(&machine), MACHINE_RECORD_MAX);
	ck_assert_int_eq(machine_fit(&machine), 0);
	ck_assert_str_eq(machine.reason, "spot notice at 10:00");
}
END_TEST

START_TEST(counts_bytes_as_dynamodb_does)
{
	struct machine none = {}, machine = {};

	/* "seq" and 12345 in three bytes and one; "last" and one; "arch" and three. */
	machine.seq = 12345;
	machine.last = true;
	SET(machine.arch, "arm");
	ck_assert_uint_eq(machine_record_size(&machine),
			  machine_record_size(&none) + 3 + 4 + 4 + 1 + 4 + 3);
}
END_TEST

START_TEST(cuts_the_reason_between_characters_until_the_record_fits)
{
	for (size_t first = 0; first < 3; first++) {
		struct machine machine = machine_large();
		size_t before, length;

		/* Three bytes each, from three different starts. */
		memset(machine.reason, 'x', first);
		for (size_t i = first; i + 3 < sizeof(machine.reason); i += 3)
			memcpy(machine.reason + i, "\xe2\x82\xac", 3);
		before = strlen(machine.reason);

		ck_assert_uint_gt(machine_record_size(&machine), MACHINE_RECORD_MAX);
		ck_assert_int_eq(machine_fit(&machine), 0);
		length = strlen(machine.reason);
		ck_assert_uint_le(machine_record_size(&machine), MACHINE_RECORD_MAX);
		ck_assert_uint_gt(machine_record_size(&machine), MACHINE_RECORD_MAX - 3);
		ck_assert_uint_lt(length, before);
		ck_assert_uint_eq((length - first) % 3, 0);
	}
}
END_TEST

START_TEST(refuses_a_record_that_no_cut_can_make_fit)
{
	struct machine machine = machine_large();
	struct json_object *object = NULL;

	memset(machine.id, 'i', sizeof(machine.id) - 1);
	memset(machine.token, 't', sizeof(machine.token) - 1);
	memset(machine.image, 'i', sizeof(machine.image) - 1);
	memset(machine.class_name, 'c', sizeof(machine.class_name) - 1);
	SET(machine.reason, "why");
	ck_assert_int_eq(machine_fit(&machine), -E2BIG);
	ck_assert_str_eq(machine.reason, "why");
	ck_assert_int_eq(machine_to_json(&machine, &object), -E2BIG);
	ck_assert_ptr_null(object);
}
END_TEST

START_TEST(does_not_write_a_value_that_has_no_name)
{
	struct machine machine = { .id = "m-1", .state = _MACHINE_STATE_MAX };
	struct json_object *object = NULL;

	ck_assert_int_eq(machine_to_json(&machine, &object), -EINVAL);
	ck_assert_ptr_null(object);
}
END_TEST

START_TEST(knows_a_valid_id)
{
	static const struct {
		const char *id;
		bool valid;
	} cases[] = {
		{ "i-0123456789abcdef0", true },
		{ "a", true },
		{ "7.x_y-z", true },
		{ "012345678901234567890123456789012345678901234567890123456789012", true },
		{ "0123456789012345678901234567890123456789012345678901234567890123", false },
		{ "", false },
		{ ".", false },
		{ "..", false },
		{ "-rf", false },
		{ "_x", false },
		{ "a/b", false },
		{ "a b", false },
		{ "a\n", false },
		{ "\xc3\xa9", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(machine_id_is_valid(cases[i].id) == cases[i].valid, "'%s'",
			      cases[i].id);
}
END_TEST

START_TEST(is_live_between_birth_and_end)
{
	for (int state = 0; state < _MACHINE_STATE_MAX; state++) {
		struct machine machine = { .state = (enum machine_state)state };

		ck_assert_int_eq(machine_is_live(&machine),
				 state != MACHINE_NONE && state != MACHINE_TERMINATED);
	}
}
END_TEST

START_TEST(is_healthy_for_three_periods_after_a_beat)
{
	static const struct {
		uint64_t beat_ms, period_ms, now_ms;
		bool healthy;
	} cases[] = {
		{ 0, 5000, 100, false },         { 100000, 5000, 100000, true },
		{ 100000, 5000, 114999, true },  { 100000, 5000, 115000, false },
		{ 100000, 30000, 189999, true }, { 100000, 30000, 190000, false },
		{ 100000, 0, 114999, true },     { 100000, 0, 115000, false },
		{ 100000, 5000, 99000, true },   { 1, UINT64_MAX, UINT64_MAX, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine machine = { .beat_ms = cases[i].beat_ms,
					   .beat_period_ms = cases[i].period_ms };

		ck_assert_msg(machine_is_healthy(&machine, cases[i].now_ms) == cases[i].healthy,
			      "case %zu", i);
	}
}
END_TEST

START_TEST(hears_only_what_was_said_of_the_present_claim)
{
	struct machine machine = { .seq = 4, .phase = PHASE_CLEAN, .phase_seq = 4 };

	ck_assert(machine_says(&machine, PHASE_CLEAN));
	ck_assert(!machine_says(&machine, PHASE_FAILED));
	machine.phase_seq = 3;
	ck_assert(!machine_says(&machine, PHASE_CLEAN));
}
END_TEST

TEST_MAIN(names_every_member_of_the_record_in_its_table, has_a_name_for_every_value,
	  reads_back_what_it_wrote_as_json, leaves_unset_fields_out_of_its_json,
	  ignores_what_a_newer_writer_added, refuses_a_record_that_it_cannot_trust,
	  sets_a_field_only_to_what_it_can_hold,
	  fits_one_write_unit_with_all_that_a_user_chooses_at_its_limit,
	  counts_bytes_as_dynamodb_does, cuts_the_reason_between_characters_until_the_record_fits,
	  refuses_a_record_that_no_cut_can_make_fit, does_not_write_a_value_that_has_no_name,
	  knows_a_valid_id, is_live_between_birth_and_end,
	  is_healthy_for_three_periods_after_a_beat, hears_only_what_was_said_of_the_present_claim)
