#include "common/store/dynamodb-machine.h"

#include <errno.h>
#include <string.h>

/* --- records and items ----------------------------------------------------------------------- */

static bool is_set(const struct machine *machine, const struct machine_field *field)
{
	const char *text = machine_field_text(machine, field);

	return text ? text[0] != '\0' : machine_field_u64(machine, field) != 0;
}

static struct dynamodb_value value_of(const struct machine *machine,
				      const struct machine_field *field)
{
	const char *text = machine_field_text(machine, field);

	if (text)
		return dynamodb_text(text);
	if (field->type == FIELD_BOOL)
		return dynamodb_bool(machine_field_u64(machine, field) != 0);
	return dynamodb_number(machine_field_u64(machine, field));
}

/* An enum without a name is out of range. */
static bool is_sound(const struct machine *machine)
{
	for (const struct machine_field *field = machine_fields; field->name; field++)
		if (field->type == FIELD_ENUM && !machine_field_text(machine, field))
			return false;
	return true;
}

/* The id is the partition key. */
static bool is_id(const struct machine_field *field)
{
	return field->offset == offsetof(struct machine, id);
}

static struct dynamodb_key key_of(const char *id)
{
	return (struct dynamodb_key){ .partition = id, .kind = DYNAMODB_MACHINE };
}

int dynamodb_machine_to_item(const struct machine *machine, struct json_object **ret)
{
	_cleanup_json_ struct json_object *item = NULL;
	const struct dynamodb_key key = key_of(machine->id);
	int r;

	if (!is_sound(machine))
		return -EINVAL;
	if (machine_record_size(machine) > MACHINE_RECORD_MAX)
		return -E2BIG;

	r = dynamodb_item_new(&key, &item);
	for (const struct machine_field *field = machine_fields; field->name && r == 0; field++)
		if (!is_id(field) && is_set(machine, field))
			r = dynamodb_item_set(item, field->name, value_of(machine, field));
	if (r < 0)
		return r;
	*ret = take_ptr(item);
	return 0;
}

static int set_text(struct machine *machine, const struct machine_field *field, const char *text,
		    struct fault *fault)
{
	int r;

	r = machine_field_set_text(machine, field, text);
	if (r == -ENAMETOOLONG)
		return fault_set(fault, EBADMSG, "attribute '%s' is longer than %zu bytes",
				 field->name, field->size - 1);
	if (r < 0)
		return fault_set(fault, EBADMSG, "attribute '%s' has no value '%.40s'", field->name,
				 text);
	return 0;
}

static int field_from_item(struct json_object *item, const struct machine_field *field,
			   struct machine *machine, struct fault *fault)
{
	const char *text = NULL;
	uint64_t value = 0;
	bool flag = false;
	int r = 0;

	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_ENUM:
		r = dynamodb_item_text(item, field->name, &text, fault);
		return r > 0 ? set_text(machine, field, text, fault) : r;
	case FIELD_U64:
		r = dynamodb_item_u64(item, field->name, &value, fault);
		break;
	case FIELD_BOOL:
		r = dynamodb_item_bool(item, field->name, &flag, fault);
		value = flag;
		break;
	}
	if (r > 0)
		machine_field_set_u64(machine, field, value);
	return r < 0 ? r : 0;
}

static int machine_from(struct json_object *item, struct machine *machine, struct fault *fault)
{
	struct dynamodb_key key = {};
	int r;

	r = dynamodb_item_key(item, &key, fault);
	if (r < 0)
		return r;
	if (!machine_id_is_valid(key.partition) || strcmp(key.kind, DYNAMODB_MACHINE) != 0)
		return fault_set(fault, EBADMSG, "no valid id, or not of the kind of a machine");
	for (const struct machine_field *field = machine_fields; field->name && r == 0; field++)
		if (!is_id(field))
			r = field_from_item(item, field, machine, fault);
	if (r < 0)
		return fault_wrap(fault, r, "machine record %s", key.partition);
	if (machine->state == MACHINE_NONE)
		return fault_set(fault, EBADMSG, "machine record %s: no state", key.partition);
	memcpy(machine->id, key.partition, strlen(key.partition) + 1);
	return 0;
}

int dynamodb_machine_from_item(struct json_object *item, struct machine *ret, struct fault *fault)
{
	struct machine machine = {};
	int r;

	r = machine_from(item, &machine, fault);
	if (r < 0)
		return r;
	*ret = machine;
	return 0;
}

/* --- what is pinned -------------------------------------------------------------------------- */

#define PINS_MAX 7

static const struct {
	enum condition condition;
	const char *fields[PINS_MAX]; /* NULL-ended */
} condition_pins[] = {
	{ CONDITION_RUN, { "run_key" } },
	{ CONDITION_NO_RUN, { "run_key" } },
	{ CONDITION_SEQ, { "seq" } },
	{ CONDITION_AHEAD, { "threshold_ms" } },
	{ CONDITION_REUSE, { "reuse", "image", "claimed_ms", "repo", "workflow" } },
	{ CONDITION_NOT_LAST, { "last" } },
	{ CONDITION_CLEAN, { "seq" } },
	{ CONDITION_THRESHOLD, { "threshold_ms" } },
	{ CONDITION_ENDED, { NULL } }, /* see ending_pins[] */
	{ CONDITION_BOOT, { "boot_id" } },
	{ CONDITION_UNHEARD, { "beat_ms" } },
};

_Static_assert(1 << ARRAY_SIZE(condition_pins) == _CONDITION_END, "the pins of each condition");

static const char *const ending_pins[_ENDING_MAX][PINS_MAX] = {
	[ENDING_EXPIRED] = { "threshold_ms" },
	[ENDING_FAILED] = { "phase", "seq", "boot_id" },
	[ENDING_FENCED] = { "boot_id" },
	[ENDING_DRAINED] = { "last", "phase", "phase_seq", "seq", "boot_id" },
	[ENDING_GONE] = { NULL },
};

/* What a lease is taken from, where the record has its own. */
static const char *const lease_pins[] = {
	[LEASE_IDLE] = "idle_ms",
	[LEASE_RUN] = "max_runtime_ms",
	[LEASE_DRAIN] = "drain_ms",
	[LEASE_NONE] = NULL,
};

const char *const *dynamodb_pins(enum condition condition, enum ending ending)
{
	if (condition == CONDITION_ENDED)
		return ending_pins[ending];
	for (size_t i = 0; i < ARRAY_SIZE(condition_pins); i++)
		if (condition_pins[i].condition == condition)
			return condition_pins[i].fields;
	return NULL;
}

/* Pinned is what the record held, or that it held nothing. */
static void pin(struct dynamodb_expression *e, const struct machine *before, const char *name)
{
	const struct machine_field *field = machine_field_find(name);

	if (is_set(before, field))
		dynamodb_where(e, name, "=", value_of(before, field));
	else
		dynamodb_where_absent(e, name);
}

/* Whether the judgement looks at what the condition reads. */
static bool is_asked(const struct transition_row *row, const struct change *change, unsigned bit)
{
	return (row->conditions & bit) && (bit != CONDITION_UNHEARD || change->unheard);
}

/* Whether a pin is among those of an earlier bit: nothing is said twice. */
static bool is_pinned_by(const struct transition_row *row, const struct change *change,
			 unsigned before_bit, const char *name)
{
	for (unsigned bit = 1; bit < before_bit; bit <<= 1) {
		const char *const *pins = dynamodb_pins(bit, change->ending);

		if (!is_asked(row, change, bit))
			continue;
		for (size_t i = 0; pins[i]; i++)
			if (strcmp(pins[i], name) == 0)
				return true;
	}
	return false;
}

static void pin_conditions(struct dynamodb_expression *e, const struct machine *before,
			   const struct change *change)
{
	const struct transition_row *row = &transition_rows[change->transition];

	for (unsigned bit = 1; bit < _CONDITION_END; bit <<= 1) {
		const char *const *pins = dynamodb_pins(bit, change->ending);

		if (!is_asked(row, change, bit))
			continue;
		for (size_t i = 0; pins[i]; i++)
			if (!is_pinned_by(row, change, bit, pins[i]))
				pin(e, before, pins[i]);
	}
}

/* A drain of a machine that is draining already says no more than that this is its last. */
static bool marks(const struct machine *before, const struct change *change)
{
	return change->transition == TRANSITION_DRAIN && before->state == MACHINE_DRAINING;
}

static void pin_all(struct dynamodb_expression *e, const struct machine *before,
		    const struct change *change)
{
	enum lease lease = transition_rows[change->transition].lease;

	if (before->state == MACHINE_NONE) {
		dynamodb_where_absent(e, DYNAMODB_PARTITION);
		return;
	}
	pin(e, before, "state");
	pin_conditions(e, before, change);
	if (marks(before, change))
		pin(e, before, "last");
	else if (lease_pins[lease])
		pin(e, before, lease_pins[lease]);
}

/* --- what is written ------------------------------------------------------------------------- */

static bool is_among(const char *name, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool gives_reason(const struct change *change)
{
	return change->reason[0] && (change->transition == TRANSITION_DRAIN ||
				     change->transition == TRANSITION_WITHDRAW ||
				     change->transition == TRANSITION_TERMINATE);
}

static bool is_last(const struct change *change)
{
	return change->transition == TRANSITION_WITHDRAW ||
	       (change->transition == TRANSITION_DRAIN && change->last);
}

/* What the change itself says of a field, whatever the record held: written even where it seems to
 * be there already, for that may have changed. */
static bool is_said(const struct machine_field *field, const struct machine *before,
		    const struct change *change)
{
	static const char *const always[] = { "state", "seq", "threshold_ms", NULL };
	static const char *const claimants[] = { "run_key", "repo",       "workflow",
						 "reuse",   "claimed_ms", NULL };
	static const char *const testimonies[] = { "phase",   "phase_seq", "beat_ms",
						   "boot_id", "reason",    NULL };
	const char *name = field->name;
	bool claims = change->transition == TRANSITION_CLAIM;

	if (gives_reason(change) && strcmp(name, "reason") == 0)
		return true;
	if (marks(before, change))
		return false;
	return is_among(name, always) || (claims && is_among(name, claimants)) ||
	       (claims && change->leases.max_runtime_ms && strcmp(name, "max_runtime_ms") == 0) ||
	       (change->testimony.phase != PHASE_NONE && is_among(name, testimonies)) ||
	       (is_last(change) && strcmp(name, "last") == 0) ||
	       (change->transition == TRANSITION_OFFER && strcmp(name, "run_key") == 0);
}

static bool differs(const struct machine_field *field, const struct machine *a,
		    const struct machine *b)
{
	if (field->type == FIELD_TEXT)
		return strcmp(machine_field_text(a, field), machine_field_text(b, field)) != 0;
	return machine_field_u64(a, field) != machine_field_u64(b, field);
}

static void write_field(struct dynamodb_expression *e, const struct machine *after,
			const struct machine_field *field)
{
	if (is_set(after, field))
		dynamodb_set(e, field->name, value_of(after, field));
	else
		dynamodb_remove(e, field->name);
}

static void write_change(struct dynamodb_expression *e, const struct machine *before,
			 const struct machine *after, const struct change *change)
{
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		if (is_id(field))
			continue;
		/* A birth has nothing to take away. */
		if (before->state == MACHINE_NONE
			    ? is_set(after, field)
			    : differs(field, before, after) || is_said(field, before, change))
			write_field(e, after, field);
	}
}

int dynamodb_change_request(const char *table, const struct machine *before,
			    const struct machine *after, const struct change *change,
			    struct buf *ret)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct dynamodb_key key = key_of(change->id);

	if (!is_sound(before) || !is_sound(after))
		return -EINVAL;
	dynamodb_expression_init(&e);
	pin_all(&e, before, change);
	write_change(&e, before, after, change);
	return dynamodb_update_item(table, &key, &e, ret);
}

/* --- beats ----------------------------------------------------------------------------------- */

static bool takes_over(const struct machine *before, const struct beat *beat)
{
	return before && before->boot_id[0] && strcmp(before->boot_id, beat->boot_id) != 0;
}

static void pin_beat(struct dynamodb_expression *e, const struct machine *before,
		     const struct beat *beat)
{
	dynamodb_where_present(e, DYNAMODB_PARTITION);
	dynamodb_where(e, "state", "<>", dynamodb_text(machine_state_names[MACHINE_TERMINATED]));
	if (!takes_over(before, beat)) {
		dynamodb_where_absent_or(e, "boot_id", "boot_id", "=",
					 dynamodb_text(beat->boot_id));
		return;
	}
	pin(e, before, "boot_id");
	pin(e, before, "beat_ms");
	pin(e, before, "beat_period_ms");
}

/* Without a record the beat is applied to one that knows nothing. */
static int apply_beat(const struct machine *before, const struct beat *beat, uint64_t now_ms,
		      struct machine *ret)
{
	struct machine unknown = { .state = MACHINE_CREATED };
	struct beat_answer answer = {};
	int r;

	r = beat_apply(before ? before : &unknown, beat, now_ms, &answer);
	if (r < 0)
		return r;
	if (!answer.accepted)
		return -EINVAL;
	*ret = answer.record;
	return 0;
}

int dynamodb_beat_request(const char *table, const struct machine *before, const struct beat *beat,
			  uint64_t now_ms, struct buf *ret)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct dynamodb_key key = key_of(beat->id);
	struct machine after = {};
	int r;

	r = apply_beat(before, beat, now_ms, &after);
	if (r < 0)
		return r;

	dynamodb_expression_init(&e);
	pin_beat(&e, before, beat);
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		/* A beat without a reason leaves the one that is there. */
		if (!field->agents ||
		    (field->offset == offsetof(struct machine, reason) && !beat->reason[0]))
			continue;
		write_field(&e, &after, field);
	}
	return dynamodb_update_item(table, &key, &e, ret);
}

/* --- the rest -------------------------------------------------------------------------------- */

int dynamodb_forget_request(const char *table, const char *id, uint64_t seq, struct buf *ret)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct machine dead = { .state = MACHINE_TERMINATED, .seq = seq };
	const struct dynamodb_key key = key_of(id);

	dynamodb_expression_init(&e);
	pin(&e, &dead, "state");
	pin(&e, &dead, "seq");
	return dynamodb_delete_item(table, &key, &e, ret);
}

static void where_states(struct dynamodb_expression *e, unsigned states)
{
	struct dynamodb_value values[_MACHINE_STATE_MAX];
	size_t n = 0;

	for (unsigned i = 0; i < _MACHINE_STATE_MAX; i++)
		if (states & 1U << i)
			values[n++] = dynamodb_text(machine_state_names[i]);
	dynamodb_where_any(e, "state", values, n);
}

static void where_text(struct dynamodb_expression *e, const char *name, const char *text)
{
	if (text)
		dynamodb_where(e, name, "=", dynamodb_text(text));
}

int dynamodb_machine_scan(const char *table, const struct machine_filter *filter, uint64_t segment,
			  uint64_t segments, struct json_object *start, struct buf *ret)
{
	_cleanup_expression_ struct dynamodb_expression e = {};
	const struct dynamodb_search search = {
		.table = table,
		.filter = &e,
		.consistent = true,
		.segment = segment,
		.segments = segments,
		.start = start,
	};

	dynamodb_expression_init(&e);
	where_text(&e, DYNAMODB_KIND, DYNAMODB_MACHINE);
	if (filter->states)
		where_states(&e, filter->states);
	where_text(&e, "run_key", filter->run_key);
	where_text(&e, "class", filter->class_name);
	where_text(&e, "provider", filter->provider);
	return dynamodb_scan(&search, ret);
}
