#include "common/domain/machine.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"

const char *const machine_state_names[_MACHINE_STATE_MAX + 1] = {
	[MACHINE_NONE] = "none",
	[MACHINE_CREATED] = "created",
	[MACHINE_IDLE] = "idle",
	[MACHINE_CLAIMED] = "claimed",
	[MACHINE_RUNNING] = "running",
	[MACHINE_DRAINING] = "draining",
	[MACHINE_TERMINATED] = "terminated",
};

const char *const machine_phase_names[_MACHINE_PHASE_MAX + 1] = {
	[PHASE_NONE] = "none",           [PHASE_BOOTING] = "booting",
	[PHASE_READY] = "ready",         [PHASE_REGISTERING] = "registering",
	[PHASE_LISTENING] = "listening", [PHASE_BUSY] = "busy",
	[PHASE_DRAINING] = "draining",   [PHASE_CLEAN] = "clean",
	[PHASE_FAILED] = "failed",
};

const char *const reuse_names[_REUSE_MAX + 1] = {
	[REUSE_ANY] = "any",
	[REUSE_SAME_REPO] = "same-repo",
	[REUSE_SAME_WORKFLOW] = "same-workflow",
	[REUSE_NEVER] = "never",
};

const char *const usage_names[_USAGE_MAX + 1] = {
	[USAGE_ON_DEMAND] = "on-demand",
	[USAGE_SPOT] = "spot",
	[USAGE_SPOT_THEN_ON_DEMAND] = "spot-then-on-demand",
};

#define TEXT(name_, member, agents_)                                                             \
	{                                                                                        \
		.name = (name_), .type = FIELD_TEXT, .offset = offsetof(struct machine, member), \
		.size = sizeof(((struct machine *)0)->member), .agents = (agents_),              \
	}
#define VALUE(name_, type_, member, agents_)                                                  \
	{                                                                                     \
		.name = (name_), .type = (type_), .offset = offsetof(struct machine, member), \
		.agents = (agents_),                                                          \
	}
#define ENUM(name_, member, names_, agents_)                                                     \
	{                                                                                        \
		.name = (name_), .type = FIELD_ENUM, .offset = offsetof(struct machine, member), \
		.names = (names_), .agents = (agents_),                                          \
	}

const struct machine_field machine_fields[] = {
	TEXT("id", id, false),
	ENUM("state", state, machine_state_names, false),
	VALUE("seq", FIELD_U64, seq, false),
	TEXT("run_key", run_key, false),
	VALUE("threshold_ms", FIELD_U64, threshold_ms, false),
	VALUE("last", FIELD_BOOL, last, false),
	TEXT("class", class_name, false),
	TEXT("type", type, false),
	TEXT("arch", arch, false),
	ENUM("usage", usage, usage_names, false),
	TEXT("provider", provider, false),
	TEXT("zone", zone, false),
	VALUE("cpu", FIELD_U64, cpu, false),
	VALUE("memory_mib", FIELD_U64, memory_mib, false),
	TEXT("image", image, false),
	TEXT("token", token, false),
	TEXT("capabilities", capabilities, false),
	VALUE("created_ms", FIELD_U64, created_ms, false),
	TEXT("repo", repo, false),
	TEXT("workflow", workflow, false),
	ENUM("reuse", reuse, reuse_names, false),
	VALUE("claimed_ms", FIELD_U64, claimed_ms, false),
	VALUE("max_runtime_ms", FIELD_U64, max_runtime_ms, false),
	VALUE("idle_ms", FIELD_U64, idle_ms, false),
	VALUE("drain_ms", FIELD_U64, drain_ms, false),
	ENUM("phase", phase, machine_phase_names, true),
	VALUE("phase_seq", FIELD_U64, phase_seq, true),
	VALUE("beat_ms", FIELD_U64, beat_ms, true),
	VALUE("beat_period_ms", FIELD_U64, beat_period_ms, true),
	TEXT("boot_id", boot_id, true),
	TEXT("version", version, true),
	TEXT("reason", reason, true),
	{ .name = NULL },
};

int name_lookup(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

const struct machine_field *machine_field_find(const char *name)
{
	for (const struct machine_field *field = machine_fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

static const void *member(const struct machine *machine, const struct machine_field *field)
{
	return (const char *)machine + field->offset;
}

/* Enums are read and written through their bytes: whether the compiler chose a signed or an
 * unsigned type for one must not matter here. */
static int enum_value(const struct machine *machine, const struct machine_field *field)
{
	int value;

	memcpy(&value, member(machine, field), sizeof(value));
	return value;
}

_Static_assert(sizeof(enum machine_state) == sizeof(int) &&
		       sizeof(enum machine_phase) == sizeof(int) &&
		       sizeof(enum reuse) == sizeof(int) && sizeof(enum usage_class) == sizeof(int),
	       "enum_value() reads them as int");

const char *machine_field_text(const struct machine *machine, const struct machine_field *field)
{
	int value, n = 0;

	if (field->type == FIELD_TEXT)
		return member(machine, field);
	if (field->type != FIELD_ENUM)
		return NULL;

	value = enum_value(machine, field);
	while (field->names[n])
		n++;
	return value >= 0 && value < n ? field->names[value] : NULL;
}

uint64_t machine_field_u64(const struct machine *machine, const struct machine_field *field)
{
	switch (field->type) {
	case FIELD_U64:
		return *(const uint64_t *)member(machine, field);
	case FIELD_BOOL:
		return *(const bool *)member(machine, field);
	case FIELD_ENUM:
		return (uint64_t)enum_value(machine, field);
	case FIELD_TEXT:
		break;
	}
	return 0;
}

int machine_field_set_text(struct machine *machine, const struct machine_field *field,
			   const char *text)
{
	char *to = (char *)machine + field->offset;
	int value;

	if (field->type == FIELD_TEXT)
		return str_copy(to, field->size, text);
	if (field->type != FIELD_ENUM)
		return -EINVAL;

	value = name_lookup(field->names, text);
	if (value < 0)
		return -EBADMSG;
	memcpy(to, &value, sizeof(value));
	return 0;
}

void machine_field_set_u64(struct machine *machine, const struct machine_field *field,
			   uint64_t value)
{
	char *to = (char *)machine + field->offset;

	if (field->type == FIELD_U64)
		*(uint64_t *)to = value;
	else if (field->type == FIELD_BOOL)
		*(bool *)to = value != 0;
}

/* DynamoDB packs two digits into a byte, and needs one byte more. */
static size_t number_bytes(uint64_t value)
{
	size_t digits = 1;

	while (value >= 10) {
		value /= 10;
		digits++;
	}
	return (digits + 1) / 2 + 1;
}

static size_t field_bytes(const struct machine *machine, const struct machine_field *field)
{
	const char *text = machine_field_text(machine, field);
	uint64_t value;

	if (text)
		return text[0] ? strlen(field->name) + strlen(text) : 0;

	value = machine_field_u64(machine, field);
	if (value == 0)
		return 0;
	return strlen(field->name) + (field->type == FIELD_BOOL ? 1 : number_bytes(value));
}

size_t machine_record_size(const struct machine *machine)
{
	size_t bytes = MACHINE_KEY_BYTES;

	for (const struct machine_field *field = machine_fields; field->name; field++)
		bytes += field_bytes(machine, field);
	return bytes;
}

int machine_fit(struct machine *machine)
{
	size_t size = machine_record_size(machine);
	size_t length = strlen(machine->reason);

	if (size <= MACHINE_RECORD_MAX)
		return 0;
	if (size - length > MACHINE_RECORD_MAX)
		return -E2BIG;

	length -= size - MACHINE_RECORD_MAX;
	/* Not in the middle of a character. */
	while (length > 0 && ((unsigned char)machine->reason[length] & 0xc0) == 0x80)
		length--;
	machine->reason[length] = '\0';
	return 0;
}

static int field_to_json(const struct machine *machine, const struct machine_field *field,
			 struct json_object *object)
{
	const char *text = machine_field_text(machine, field);
	uint64_t value = machine_field_u64(machine, field);

	switch (field->type) {
	case FIELD_TEXT:
		return text[0] ? json_set_text(object, field->name, text) : 0;
	case FIELD_ENUM:
		return text ? json_set_text(object, field->name, text) : -EINVAL;
	case FIELD_U64:
		return value > 0 ? json_set_u64(object, field->name, value) : 0;
	case FIELD_BOOL:
		return value ? json_set_bool(object, field->name, true) : 0;
	}
	return -EINVAL;
}

int machine_to_json(const struct machine *machine, struct json_object **ret)
{
	_cleanup_json_ struct json_object *object = NULL;
	int r;

	if (machine_record_size(machine) > MACHINE_RECORD_MAX)
		return -E2BIG;

	object = json_object_new_object();
	if (!object)
		return -ENOMEM;

	for (const struct machine_field *field = machine_fields; field->name; field++) {
		r = field_to_json(machine, field, object);
		if (r < 0)
			return r;
	}

	*ret = take_ptr(object);
	return 0;
}

static int field_from_json(struct json_object *object, const struct machine_field *field,
			   struct machine *machine, struct fault *fault)
{
	const char *text = NULL;
	uint64_t value = 0;
	bool flag = false;
	int r;

	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_ENUM:
		r = json_get_text(object, field->name, &text, fault);
		if (r <= 0)
			return r;
		r = machine_field_set_text(machine, field, text);
		if (r == -ENAMETOOLONG)
			return fault_set(fault, EBADMSG,
					 "machine record: %s is longer than %zu bytes", field->name,
					 field->size - 1);
		if (r < 0)
			return fault_set(fault, EBADMSG, "machine record: %s has no value '%.40s'",
					 field->name, text);
		return 0;
	case FIELD_U64:
		r = json_get_u64(object, field->name, &value, fault);
		break;
	case FIELD_BOOL:
		r = json_get_bool(object, field->name, &flag, fault);
		value = flag;
		break;
	default:
		return -EINVAL;
	}
	if (r > 0)
		machine_field_set_u64(machine, field, value);
	return r < 0 ? r : 0;
}

int machine_from_json(struct json_object *object, struct machine *ret, struct fault *fault)
{
	struct machine machine = {};
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "machine record: not a JSON object");

	for (const struct machine_field *field = machine_fields; field->name; field++) {
		r = field_from_json(object, field, &machine, fault);
		if (r < 0)
			return r;
	}
	if (!machine_id_is_valid(machine.id))
		return fault_set(fault, EBADMSG, "machine record: no valid id");
	if (machine.state == MACHINE_NONE)
		return fault_set(fault, EBADMSG, "machine record %s: no state", machine.id);

	*ret = machine;
	return 0;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool machine_id_is_valid(const char *id)
{
	size_t length = strnlen(id, MACHINE_ID_MAX);

	if (length == 0 || length == MACHINE_ID_MAX || !is_letter_or_digit(id[0]))
		return false;

	for (size_t i = 1; i < length; i++)
		if (!is_letter_or_digit(id[i]) && !strchr("-_.", id[i]))
			return false;
	return true;
}

bool machine_is_live(const struct machine *machine)
{
	return machine->state >= MACHINE_CREATED && machine->state <= MACHINE_DRAINING;
}

bool machine_is_healthy(const struct machine *machine, uint64_t now_ms)
{
	uint64_t period_ms =
		machine->beat_period_ms ? machine->beat_period_ms : BEAT_PERIOD_DEFAULT_MS;

	if (machine->beat_ms == 0)
		return false;
	/* A beat from ahead of our own reading of the store's clock is a fresh one. */
	if (machine->beat_ms >= now_ms)
		return true;
	return (now_ms - machine->beat_ms) / BEATS_UNTIL_STALE < period_ms;
}

bool machine_says(const struct machine *machine, enum machine_phase phase)
{
	return machine->phase == phase && machine->phase_seq == machine->seq;
}
