/* That a conditional write is as good as a judgement inside a transaction is shown on records that
 * differ, at random, from the one that was judged: where the condition holds of such a record, the
 * judge must come to the same verdict about it, and to the record that the write leaves. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/store/dynamodb-machine.h"
#include "tests/test.h"
#include "tests/unit/dynamodb-fixture.h"
#include "tests/unit/transition-fixture.h"

#define TABLE "paddock"
#define ROUNDS 60

static struct json_object *item_of(const struct machine *machine)
{
	struct json_object *item = NULL;

	if (machine->state == MACHINE_NONE)
		return json_object_new_object();
	MUST(dynamodb_machine_to_item(machine, &item) == 0);
	return item;
}

static struct machine machine_of(struct json_object *item)
{
	struct machine machine = {};
	struct fault fault = {};

	if (dynamodb_machine_from_item(item, &machine, &fault) < 0)
		ck_abort_msg("%s: %s", json_text(item), fault.text);
	return machine;
}

static bool update_text(const char *request, struct json_object *item)
{
	_cleanup_json_ struct json_object *body = parsed(request);

	return update_item(body, item);
}

/* --- chance ---------------------------------------------------------------------------------- */

static uint64_t chance_state;

static size_t chance(size_t n)
{
	chance_state++;
	return (size_t)(mix64(chance_state) % n);
}

/* Values that occur: few, so that they often meet. */
static void spoil_text(struct machine *machine, const struct machine_field *field)
{
	static const char *const texts[] = { "", "a", "o/r", "boot-1", "boot-2", RUN_A, "ami-1" };

	if (field->type == FIELD_ENUM) {
		int n = 0, least = strcmp(field->name, "state") == 0 ? 1 : 0;

		while (field->names[n])
			n++;
		MUST(machine_field_set_text(machine, field,
					    field->names[least + (int)chance(n - least)]) == 0);
		return;
	}
	if (machine_field_set_text(machine, field, texts[chance(ARRAY_SIZE(texts))]) < 0)
		ck_abort_msg("a text is too long");
}

static void spoil_field(struct machine *machine, const struct machine_field *field)
{
	static const uint64_t numbers[] = {
		0, 1, 3, 5, NOW, NOW - 5000, NOW + 100000, NOW - 200000
	};

	if (field->type == FIELD_TEXT || field->type == FIELD_ENUM)
		spoil_text(machine, field);
	else
		machine_field_set_u64(machine, field, numbers[chance(ARRAY_SIZE(numbers))]);
}

static void spoil(struct machine *machine)
{
	size_t n = 0;

	while (machine_fields[n].name)
		n++;
	spoil_field(machine, &machine_fields[1 + chance(n - 1)]); /* not the id */
}

/* Makes an ending true of a record, in one of the ways there are. */
static void arrange(struct machine *record, enum ending ending)
{
	if (ending == ENDING_EXPIRED)
		record->threshold_ms = NOW - 200000;
	if (ending == ENDING_FAILED && chance(2))
		record->phase = PHASE_FAILED;
	if (ending != ENDING_DRAINED)
		return;
	record->state = MACHINE_DRAINING;
	record->last = true;
	if (chance(2))
		record->phase = PHASE_CLEAN;
}

/* Never claimed: anybody's, whatever else it says. */
static void make_fresh(struct machine *record)
{
	record->claimed_ms = 0;
	SET(record->repo, "other/r");
}

/* What a change would write may stand there already. */
static void foresee(struct machine *record)
{
	if (record->state == MACHINE_NONE)
		return;
	if (chance(4) == 0)
		record->beat_ms = NOW;
	if (chance(4) == 0)
		record->threshold_ms = NOW + (record->state == MACHINE_CLAIMED ? 3000 : 4000);
	if (chance(4) == 0)
		record->last = true;
}

static void vary(struct change *change)
{
	static const enum machine_phase phases[] = { PHASE_NONE, PHASE_CLEAN, PHASE_FAILED,
						     PHASE_BUSY };

	change->testimony.phase = phases[chance(ARRAY_SIZE(phases))];
	if (change->testimony.phase == PHASE_NONE)
		change->testimony = (struct testimony){};
	change->last = chance(2);
	change->claimant.fork = chance(4) == 0;
	change->claimant.reuse = (enum reuse)chance(_REUSE_MAX);
	if (chance(2))
		change->leases.max_runtime_ms = 0;
	if (chance(2))
		change->reason[0] = '\0';
	else
		SET(change->reason, "because");
}

/* --- the proof ------------------------------------------------------------------------------- */

struct tally {
	size_t written; /* to a record other than the one that was judged */
	size_t refused;
};

/* Carries the request out on a record that may not be the one it was made for. */
static void check_write(struct json_object *request, const struct machine *record,
			const struct change *change, struct tally *tally)
{
	_cleanup_json_ struct json_object *item = item_of(record);
	struct change_outcome outcome = {};
	struct machine written;
	int r;

	if (!update_item(request, item)) {
		tally->refused++;
		return;
	}
	tally->written++;
	written = machine_of(item);
	r = transition_apply(record, change, NOW, &outcome);
	if (r < 0 || outcome.result != CHANGE_DONE || !records_equal(&written, &outcome.record))
		ck_abort_msg("%s of %s, %d %d: %s", transition_rows[change->transition].name,
			     machine_state_names[record->state], r, outcome.result,
			     json_text(request));
}

static void check_around(const struct machine *before, const struct change *change,
			 struct tally *tally)
{
	_cleanup_buf_ struct buf text = {};
	_cleanup_json_ struct json_object *request = NULL;
	struct change_outcome outcome = {};
	struct tally own = {};

	if (transition_apply(before, change, NOW, &outcome) < 0 || outcome.result != CHANGE_DONE)
		return;
	buf_init(&text, 65536);
	ck_assert_int_eq(dynamodb_change_request(TABLE, before, &outcome.record, change, &text), 0);
	request = parsed(text.data);

	check_write(request, before, change, &own);
	ck_assert_uint_eq(own.written, 1);
	for (const struct machine_field *field = &machine_fields[1]; field->name; field++) {
		struct machine other = *before;

		if (before->state == MACHINE_NONE)
			other = record_in(MACHINE_CREATED);
		spoil_field(&other, field);
		if (chance(4) == 0)
			spoil(&other);
		check_write(request, &other, change, tally);
	}
}

/* One that the row moves, and often something else about it than usual. */
static struct machine record_for(enum transition transition)
{
	const struct transition_row *row = &transition_rows[transition];
	struct machine record;
	unsigned state;

	do {
		state = (unsigned)chance(_MACHINE_STATE_MAX);
	} while (!(row->from & IN(state)) &&
		 !(transition == TRANSITION_DRAIN && state == MACHINE_DRAINING));
	record = record_in((enum machine_state)state);
	if (row->conditions & CONDITION_NO_RUN)
		record.run_key[0] = '\0';
	if (state != MACHINE_NONE && chance(2))
		spoil(&record);
	return record;
}

START_TEST(writes_only_to_a_record_that_the_judge_would_change_in_the_same_way)
{
	for (int t = 0; t < _TRANSITION_MAX; t++) {
		struct tally tally = {};

		for (size_t round = 0; round < ROUNDS; round++) {
			struct machine before = record_for((enum transition)t);
			enum ending ending = (enum ending)chance(_ENDING_MAX);
			struct change change;

			if (t == TRANSITION_TERMINATE)
				arrange(&before, ending);
			if (t == TRANSITION_CLAIM && chance(2))
				make_fresh(&before);
			foresee(&before);
			change = change_for((enum transition)t, &before);
			vary(&change);
			if (t == TRANSITION_TERMINATE)
				change.ending = ending;
			check_around(&before, &change, &tally);
		}
		/* Not for want of trying. */
		ck_assert_msg(tally.refused > 20, "%s", transition_rows[t].name);
		if (transition_rows[t].from == IN(MACHINE_NONE))
			ck_assert_uint_eq(tally.written, 0);
		else
			ck_assert_msg(tally.written > 20, "%s: %zu", transition_rows[t].name,
				      tally.written);
	}
}
END_TEST

START_TEST(pins_something_for_each_condition_and_each_ending_that_reads_the_record)
{
	for (unsigned bit = 1; bit < _CONDITION_END; bit <<= 1) {
		const char *const *pins = dynamodb_pins((enum condition)bit, ENDING_EXPIRED);

		ck_assert_ptr_nonnull(pins);
		ck_assert_msg(pins[0] != NULL, "condition %x", bit);
		for (size_t i = 0; pins[i]; i++)
			ck_assert_ptr_nonnull(machine_field_find(pins[i]));
	}
	for (int ending = 0; ending < _ENDING_MAX; ending++) {
		const char *const *pins = dynamodb_pins(CONDITION_ENDED, (enum ending)ending);

		/* That a machine is gone, its provider says, whatever the record holds. */
		ck_assert_int_eq(pins[0] == NULL, ending == ENDING_GONE || ending == ENDING_NONE);
		for (size_t i = 0; pins[i]; i++)
			ck_assert_ptr_nonnull(machine_field_find(pins[i]));
	}
}
END_TEST

START_TEST(never_touches_what_the_agent_says_unless_it_speaks)
{
	struct machine before = record_in(MACHINE_CLAIMED);
	struct change change = change_for(TRANSITION_RENEW, &before);
	_cleanup_buf_ struct buf request = {};
	_cleanup_json_ struct json_object *item = NULL;
	struct change_outcome outcome;
	struct machine beaten = before, written;

	change.testimony = (struct testimony){};
	outcome = apply(&before, &change);
	buf_init(&request, 65536);
	ck_assert_int_eq(
		dynamodb_change_request(TABLE, &before, &outcome.record, &change, &request), 0);
	beaten.beat_ms = NOW + 1;
	beaten.phase = PHASE_LISTENING;
	SET(beaten.version, "9");
	item = item_of(&beaten);
	ck_assert(update_text(request.data, item));
	written = machine_of(item);
	ck_assert_uint_eq(written.beat_ms, NOW + 1);
	ck_assert_int_eq(written.phase, PHASE_LISTENING);
	ck_assert_str_eq(written.version, "9");
	ck_assert_uint_eq(written.threshold_ms, NOW + 3000);
}
END_TEST

/* --- beats ----------------------------------------------------------------------------------- */

static struct beat beat_of(const char *boot_id)
{
	struct beat beat = { .id = "m-1",
			     .phase = PHASE_LISTENING,
			     .phase_seq = 3,
			     .period_ms = 5000,
			     .version = "1" };

	SET(beat.boot_id, boot_id);
	return beat;
}

/* Whether a beat that was made for one record is written to another, which must be as
 * beat_apply() has it. */
static bool beats(const struct machine *before, const struct beat *beat,
		  const struct machine *record)
{
	_cleanup_buf_ struct buf request = {};
	_cleanup_json_ struct json_object *item = item_of(record);
	struct beat_answer answer = {};
	struct machine written;

	buf_init(&request, 65536);
	ck_assert_int_eq(dynamodb_beat_request(TABLE, before, beat, NOW, &request), 0);
	if (!update_text(request.data, item))
		return false;
	written = machine_of(item);
	ck_assert_int_eq(beat_apply(record, beat, NOW, &answer), 0);
	ck_assert_msg(answer.accepted && records_equal(&written, &answer.record), "%s",
		      request.data);
	return true;
}

START_TEST(beats_without_having_read)
{
	struct beat beat = beat_of("boot-1");
	struct machine gone = {};

	for (int state = MACHINE_CREATED; state < _MACHINE_STATE_MAX; state++) {
		struct machine record = record_in((enum machine_state)state), fresh = record;
		struct machine other = record;

		fresh.boot_id[0] = '\0';
		SET(other.boot_id, "boot-0");
		ck_assert_int_eq(beats(NULL, &beat, &record), state != MACHINE_TERMINATED);
		ck_assert_int_eq(beats(NULL, &beat, &fresh), state != MACHINE_TERMINATED);
		ck_assert(!beats(NULL, &beat, &other));
	}
	ck_assert(!beats(NULL, &beat, &gone));
}
END_TEST

START_TEST(keeps_the_reason_that_a_silent_beat_finds)
{
	struct machine record = record_in(MACHINE_RUNNING);
	struct beat beat = beat_of("boot-1");

	SET(record.reason, "released");
	ck_assert(beats(NULL, &beat, &record));
	SET(beat.reason, "disk full");
	ck_assert(beats(NULL, &beat, &record));
	ck_assert(beats(&record, &beat, &record));
}
END_TEST

START_TEST(takes_over_only_from_a_boot_that_stays_silent)
{
	struct machine silent = record_in(MACHINE_RUNNING), alive, third;
	struct beat beat = beat_of("boot-2");
	_cleanup_buf_ struct buf request = {};

	buf_init(&request, 65536);
	ck_assert_int_eq(dynamodb_beat_request(TABLE, &silent, &beat, NOW, &request), -EINVAL);
	ck_assert_uint_eq(request.size, 0);

	silent.beat_ms = NOW - 60000;
	alive = silent;
	alive.beat_ms = NOW - 1;
	third = silent;
	SET(third.boot_id, "boot-3");
	ck_assert(beats(&silent, &beat, &silent));
	ck_assert(!beats(&silent, &beat, &alive));
	ck_assert(!beats(&silent, &beat, &third));
}
END_TEST

/* --- items ----------------------------------------------------------------------------------- */

START_TEST(reads_the_item_that_it_writes)
{
	for (size_t round = 0; round < 300; round++) {
		struct machine machine = record_in(MACHINE_RUNNING), again;
		_cleanup_json_ struct json_object *item = NULL;

		for (size_t n = chance(20); n > 0; n--)
			spoil(&machine);
		machine.cpu = UINT64_MAX;
		item = item_of(&machine);
		again = machine_of(item);
		ck_assert_msg(records_equal(&machine, &again), "%s", json_text(item));
	}
}
END_TEST

START_TEST(keeps_an_item_within_one_write_unit)
{
	struct machine machine = record_in(MACHINE_RUNNING);
	_cleanup_json_ struct json_object *item = NULL;
	size_t bytes = 0;

	memset(machine.capabilities, 'c', sizeof(machine.capabilities) - 1);
	memset(machine.run_key, 'r', sizeof(machine.run_key) - 1);
	memset(machine.repo, 'o', sizeof(machine.repo) - 1);
	memset(machine.reason, 'w', sizeof(machine.reason) - 1);
	ck_assert_int_eq(machine_fit(&machine), 0);
	item = item_of(&machine);
	/* A name and its value each; what stands between them in JSON is not counted. */
	json_object_object_foreach(item, name, value)
	{
		const char *text = member(value, "BOOL") ? "1" : member_text(value, "S");

		if (member(value, "N"))
			text = member_text(value, "N");
		bytes += strlen(name) + strlen(text);
	}
	ck_assert_uint_le(bytes, MACHINE_RECORD_MAX);
}
END_TEST

START_TEST(refuses_an_item_that_is_no_record)
{
	static const struct {
		const char *item;
		const char *words;
	} cases[] = {
		{ "{}", "an item without pk and sk" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"run\"}}", "not of the kind" },
		{ "{\"pk\":{\"S\":\"-\"},\"sk\":{\"S\":\"machine\"}}", "no valid id" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"}}",
		  "machine record m-1: no state" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},\"state\":{\"S\":\"odd\"}}",
		  "has no value 'odd'" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},\"state\":{\"N\":\"1\"}}",
		  "not of type S" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},\"seq\":{\"N\":\"1.5\"}}",
		  "'1.5' is no number" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},\"seq\":{\"N\":\"-1\"}}",
		  "'-1' is no number" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},\"last\":{\"S\":\"yes\"}}",
		  "not of type BOOL" },
		{ "{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"},"
		  "\"arch\":{\"S\":\"0123456789abcdef\"}}",
		  "longer than 15 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *item = parsed(cases[i].item);
		struct machine machine = {};
		struct fault fault = {};

		ck_assert_int_eq(dynamodb_machine_from_item(item, &machine, &fault), -EBADMSG);
		ck_assert_msg(strstr(fault.text, cases[i].words) != NULL, "case %zu: %s", i,
			      fault.text);
		ck_assert_str_eq(machine.id, "");
	}
}
END_TEST

START_TEST(makes_no_item_of_an_impossible_record)
{
	struct machine odd = record_in(MACHINE_RUNNING), large = record_in(MACHINE_RUNNING);
	struct json_object *item = NULL;

	odd.phase = _MACHINE_PHASE_MAX;
	ck_assert_int_eq(dynamodb_machine_to_item(&odd, &item), -EINVAL);
	for (const struct machine_field *field = machine_fields; field->name; field++)
		if (field->type == FIELD_TEXT)
			memset((char *)&large + field->offset, 'x', field->size - 1);
	ck_assert_int_eq(dynamodb_machine_to_item(&large, &item), -E2BIG);
	ck_assert_ptr_null(item);
}
END_TEST

START_TEST(forgets_only_what_is_terminated_with_this_seq)
{
	_cleanup_buf_ struct buf request = {};

	buf_init(&request, 65536);
	ck_assert_int_eq(dynamodb_forget_request(TABLE, "m-1", 4, &request), 0);
	ck_assert_str_eq(request.data,
			 "{\"TableName\":\"paddock\",\"ReturnConsumedCapacity\":\"TOTAL\","
			 "\"Key\":{\"pk\":{\"S\":\"m-1\"},\"sk\":{\"S\":\"machine\"}},"
			 "\"ConditionExpression\":\"#0 = :0 AND #1 = :1\","
			 "\"ExpressionAttributeNames\":{\"#0\":\"state\",\"#1\":\"seq\"},"
			 "\"ExpressionAttributeValues\":{\":0\":{\"S\":\"terminated\"},"
			 "\":1\":{\"N\":\"4\"}},"
			 "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

START_TEST(scans_for_what_the_filter_lets_through)
{
	const struct machine_filter filter = { .states = IN(MACHINE_IDLE) | IN(MACHINE_CREATED),
					       .class_name = "large" };
	_cleanup_buf_ struct buf request = {};
	_cleanup_json_ struct json_object *body = NULL;

	buf_init(&request, 65536);
	ck_assert_int_eq(dynamodb_machine_scan(TABLE, &filter, 1, 4, NULL, &request), 0);
	body = parsed(request.data);
	ck_assert_str_eq(member_text(body, "FilterExpression"),
			 "#0 = :0 AND #1 IN (:1, :2) AND #2 = :3");
	ck_assert_str_eq(member_text(member(body, "ExpressionAttributeNames"), "#2"), "class");
	ck_assert_str_eq(member_text(body, "Segment"), "1");
	ck_assert_str_eq(member_text(body, "TotalSegments"), "4");
}
END_TEST

TEST_MAIN(writes_only_to_a_record_that_the_judge_would_change_in_the_same_way,
	  pins_something_for_each_condition_and_each_ending_that_reads_the_record,
	  never_touches_what_the_agent_says_unless_it_speaks, beats_without_having_read,
	  keeps_the_reason_that_a_silent_beat_finds, takes_over_only_from_a_boot_that_stays_silent,
	  reads_the_item_that_it_writes, keeps_an_item_within_one_write_unit,
	  refuses_an_item_that_is_no_record, makes_no_item_of_an_impossible_record,
	  forgets_only_what_is_terminated_with_this_seq, scans_for_what_the_filter_lets_through)
