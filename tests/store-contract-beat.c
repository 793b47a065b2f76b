/* Beats: one conditional write that also reads. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "tests/store-contract.h"

#define PERIOD_MS 5000

static struct beat beat_of(const char *id, const char *boot_id)
{
	struct beat beat = {
		.phase = PHASE_LISTENING,
		.phase_seq = 7,
		.period_ms = PERIOD_MS,
		.version = "0.1.0",
		.reason = "all is well",
	};

	ck_assert_int_eq(str_copy(beat.id, sizeof(beat.id), id), 0);
	ck_assert_int_eq(str_copy(beat.boot_id, sizeof(beat.boot_id), boot_id), 0);
	return beat;
}

static struct beat_answer say(struct contract_world *world, const struct beat *beat)
{
	struct beat_answer answer = {};

	assert_fine(world, world->store->ops->beat(world->store, beat, &answer, &world->fault));
	ck_assert_uint_eq(answer.now_ms, contract_now(world));
	return answer;
}

void contract_writes_a_beat_and_returns_the_record(struct contract_world *world)
{
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);
	struct beat_answer answer;
	struct machine stored;

	contract_idle(world, "m-1");
	fake_advance(&world->clock, 1000);
	answer = say(world, &beat);
	ck_assert(answer.accepted);
	stored = contract_get(world, "m-1");
	contract_assert_same(&answer.record, &stored);
	ck_assert_int_eq(stored.phase, PHASE_LISTENING);
	ck_assert_uint_eq(stored.phase_seq, 7);
	ck_assert_uint_eq(stored.beat_ms, answer.now_ms);
	ck_assert_uint_eq(stored.beat_period_ms, PERIOD_MS);
	ck_assert_str_eq(stored.boot_id, CONTRACT_BOOT);
	ck_assert_str_eq(stored.version, "0.1.0");
	ck_assert_str_eq(stored.reason, "all is well");
}

void contract_leaves_the_fenced_part_alone_at_a_beat(struct contract_world *world)
{
	struct change launch = contract_launch("m-1", CONTRACT_RUN);
	struct machine before = contract_move(world, &launch), after;
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);

	fake_advance(&world->clock, 1000);
	say(world, &beat);
	after = contract_get(world, "m-1");
	for (const struct machine_field *field = machine_fields; field->name; field++)
		if (field->agents)
			memcpy((char *)&after + field->offset, (char *)&before + field->offset,
			       field->type == FIELD_TEXT  ? field->size
			       : field->type == FIELD_U64 ? sizeof(uint64_t)
							  : sizeof(int));
	contract_assert_same(&before, &after);
}

void contract_accepts_no_beat_without_a_record(struct contract_world *world)
{
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);
	struct beat_answer answer = say(world, &beat);

	ck_assert(!answer.accepted);
	ck_assert_int_eq(answer.record.state, MACHINE_NONE);
	ck_assert_int_eq(contract_get(world, "m-1").state, MACHINE_NONE);
}

void contract_accepts_no_beat_of_the_terminated(struct contract_world *world)
{
	struct machine record = contract_idle(world, "m-1"), stored;
	struct change change = contract_next(TRANSITION_TERMINATE, &record);
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);
	struct beat_answer answer;

	record = contract_move(world, &change);
	answer = say(world, &beat);
	ck_assert(!answer.accepted);
	contract_assert_same(&answer.record, &record);
	stored = contract_get(world, "m-1");
	contract_assert_same(&stored, &record);
}

void contract_lets_a_new_boot_speak_only_after_silence(struct contract_world *world)
{
	struct beat old = beat_of("m-1", CONTRACT_BOOT), new = beat_of("m-1", "boot-2");
	struct beat_answer answer;
	struct change create = contract_create("m-1");

	contract_move(world, &create);
	ck_assert(say(world, &old).accepted);

	fake_advance(&world->clock, BEATS_UNTIL_STALE * PERIOD_MS - 1);
	answer = say(world, &new);
	ck_assert(!answer.accepted);
	ck_assert_str_eq(answer.record.boot_id, CONTRACT_BOOT);

	fake_advance(&world->clock, 1);
	answer = say(world, &new);
	ck_assert(answer.accepted);
	ck_assert_str_eq(answer.record.boot_id, "boot-2");
	/* And now the old one is the stranger. */
	ck_assert(!say(world, &old).accepted);
}

void contract_takes_a_beat_twice_for_one(struct contract_world *world)
{
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);
	struct beat_answer first, second;

	contract_idle(world, "m-1");
	first = say(world, &beat);
	second = say(world, &beat);
	ck_assert(second.accepted);
	contract_assert_same(&first.record, &second.record);
}

void contract_keeps_the_reason_of_a_beat_that_gives_none(struct contract_world *world)
{
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);

	contract_idle(world, "m-1");
	say(world, &beat);
	beat.reason[0] = '\0';
	ck_assert_str_eq(say(world, &beat).record.reason, "all is well");
	ck_assert_str_eq(contract_get(world, "m-1").reason, "all is well");
}

static void fill(char *text, size_t size, char c)
{
	memset(text, c, size - 1);
	text[size - 1] = '\0';
}

#define FILL(array, c) fill(array, sizeof(array), c)

void contract_cuts_the_reason_of_a_beat_to_the_record(struct contract_world *world)
{
	struct change change = contract_launch("m-1", CONTRACT_RUN);
	struct beat beat = beat_of("m-1", CONTRACT_BOOT);
	struct beat_answer answer;
	size_t length;

	/* As much else as the record can hold. */
	FILL(change.claimant.run_key, '7');
	FILL(change.claimant.repo, 'r');
	FILL(change.claimant.workflow, 'w');
	FILL(change.birth.capabilities, 'c');
	FILL(change.birth.zone, 'z');
	FILL(change.birth.token, 't');
	FILL(change.birth.image, 'i');
	FILL(change.birth.type, 'y');
	FILL(beat.reason, 'x');
	contract_move(world, &change);

	answer = say(world, &beat);
	ck_assert(answer.accepted);
	length = strlen(answer.record.reason);
	ck_assert_uint_lt(length, sizeof(beat.reason) - 1);
	ck_assert_uint_eq(strspn(answer.record.reason, "x"), length);
	ck_assert_uint_le(machine_record_size(&answer.record), MACHINE_RECORD_MAX);
	ck_assert_str_eq(contract_get(world, "m-1").reason, answer.record.reason);
}

void contract_refuses_a_beat_without_sense(struct contract_world *world)
{
	struct beat beats[] = { beat_of("../m-1", CONTRACT_BOOT), beat_of("m-1", ""),
				beat_of("m-1", CONTRACT_BOOT) };
	struct beat_answer answer;
	struct machine before = contract_idle(world, "m-1"), after;

	beats[2].phase = _MACHINE_PHASE_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(beats); i++)
		ck_assert_int_eq(
			world->store->ops->beat(world->store, &beats[i], &answer, &world->fault),
			-EINVAL);
	after = contract_get(world, "m-1");
	contract_assert_same(&before, &after);
}
