#pragma once

/*
 * The machine record: what every store keeps of a machine, and what every decision is made from.
 * Plain data, fixed size.
 *
 * A write of up to 1 KB costs one DynamoDB write unit, and beats are most of all writes: so the
 * record, measured as DynamoDB measures an item, stays within MACHINE_RECORD_MAX. The fields' own
 * limits add up to more than that, because each must hold the longest value that occurs; the run
 * key, repository, workflow and capabilities all at their longest still fit beside everything else
 * as it really is. What yields when space is short is the reason (machine_fit()).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/json.h"
#include "common/base/macro.h"

#define MACHINE_RECORD_MAX 1024
#define MACHINE_KEY_BYTES 32 /* of which so many are the store's own: key names, kind, expiry */
#define MACHINE_ID_MAX 64    /* with the NUL, like every …_MAX here */
#define RUN_KEY_MAX 128      /* "<run id>-<attempt>-<name>" */
#define CLASS_NAME_MAX 32
#define TYPE_NAME_MAX 32
#define REASON_MAX 128
#define NEEDS_MAX 128 /* capabilities, sorted, separated by one space */

enum machine_state {
	MACHINE_NONE, /* no record */
	MACHINE_CREATED,
	MACHINE_IDLE,
	MACHINE_CLAIMED,
	MACHINE_RUNNING,
	MACHINE_DRAINING,
	MACHINE_TERMINATED,
	_MACHINE_STATE_MAX,
	_MACHINE_STATE_INVALID = -22,
};

/* What the agent says of itself, always with the seq it speaks of. */
enum machine_phase {
	PHASE_NONE, /* has not spoken yet */
	PHASE_BOOTING,
	PHASE_READY,
	PHASE_REGISTERING,
	PHASE_LISTENING,
	PHASE_BUSY,
	PHASE_DRAINING,
	PHASE_CLEAN,
	PHASE_FAILED,
	_MACHINE_PHASE_MAX,
	_MACHINE_PHASE_INVALID = -22,
};

/* Who may have a machine after another run has had it; a larger value is stricter. */
enum reuse {
	REUSE_ANY,
	REUSE_SAME_REPO,
	REUSE_SAME_WORKFLOW,
	REUSE_NEVER,
	_REUSE_MAX,
	_REUSE_INVALID = -22,
};

/* The last is for those who ask: a machine is one of the others. */
enum usage_class {
	USAGE_ON_DEMAND,
	USAGE_SPOT,
	USAGE_SPOT_THEN_ON_DEMAND,
	_USAGE_MAX,
	_USAGE_INVALID = -22,
};

/* Times are milliseconds since the epoch by the store's clock; lengths of time are milliseconds. */
struct machine {
	char id[MACHINE_ID_MAX];

	/* The fenced part: changes by transitions only (transition.h). */
	enum machine_state state;
	uint64_t seq;
	char run_key[RUN_KEY_MAX]; /* "" = nobody's */
	uint64_t threshold_ms;     /* when the present state must end */
	bool last;                 /* never to be pooled again */

	/* What it is: set at birth. */
	char class_name[CLASS_NAME_MAX];
	char type[TYPE_NAME_MAX];
	char arch[16];
	enum usage_class usage;
	char provider[16];
	char zone[32];
	uint64_t cpu;
	uint64_t memory_mib;
	char image[64];             /* image or template version */
	char token[MACHINE_ID_MAX]; /* the intent it was launched for */
	char capabilities[NEEDS_MAX];
	uint64_t created_ms;

	/* Whom it serves, or served last: set by a claim. */
	char repo[100];
	char workflow[64];
	enum reuse reuse;
	uint64_t claimed_ms;
	uint64_t max_runtime_ms; /* the lease that running will get */
	uint64_t idle_ms;        /* the lease that idle will get */
	uint64_t drain_ms;

	/* What its agent last said: changed by a beat, or by a transition of the agent's. */
	enum machine_phase phase;
	uint64_t phase_seq;
	uint64_t beat_ms; /* 0 = never */
	uint64_t beat_period_ms;
	char boot_id[40];
	char version[16];
	char reason[REASON_MAX];
};

extern const char *const machine_state_names[_MACHINE_STATE_MAX + 1];
extern const char *const machine_phase_names[_MACHINE_PHASE_MAX + 1];
extern const char *const reuse_names[_REUSE_MAX + 1];
extern const char *const usage_names[_USAGE_MAX + 1];

/* Every field of the record, once: JSON, SQL columns, DynamoDB attributes and text output all walk
 * this table. Ends with a row whose name is NULL. */
enum field_type { FIELD_TEXT, FIELD_U64, FIELD_BOOL, FIELD_ENUM };
struct machine_field {
	const char *name;
	enum field_type type;
	size_t offset;
	size_t size;              /* FIELD_TEXT: of the array */
	const char *const *names; /* FIELD_ENUM: NULL-ended */
	bool agents;              /* changed by a beat: never in an index */
};
extern const struct machine_field machine_fields[];

/* Typed access through a row. Text is borrowed; enums come as their names, numbers and bools are
 * NULL as text. As u64: numbers, bools (0, 1) and enums (their value). */
const char *machine_field_text(const struct machine *machine, const struct machine_field *field);
uint64_t machine_field_u64(const struct machine *machine, const struct machine_field *field);
/* -EBADMSG for an unknown enum name, -ENAMETOOLONG, -EINVAL for a number or bool. */
int machine_field_set_text(struct machine *machine, const struct machine_field *field,
			   const char *text) _must_check_;
/* Numbers and bools; enums and texts are left alone. */
void machine_field_set_u64(struct machine *machine, const struct machine_field *field,
			   uint64_t value);
/* By name; NULL when there is none. */
const struct machine_field *machine_field_find(const char *name);

/* The value of a name in a NULL-ended list, as those below; -EINVAL when it is not there. */
int name_lookup(const char *const *names, const char *name);

/* Its bytes as a DynamoDB item: names and values, numbers packed; unset fields cost nothing. */
size_t machine_record_size(const struct machine *machine);
/* Shortens the reason until the record fits; -E2BIG when even without one it does not.
 * transition_apply() does this to its results; a beat must do it too. */
int machine_fit(struct machine *machine) _must_check_;

/* Unset fields (empty text, 0, no) are left out; enums never are. The caller puts the result.
 * -E2BIG for a record that does not fit, -EINVAL for an enum out of range. */
int machine_to_json(const struct machine *machine, struct json_object **ret) _must_check_;
/* Unknown keys are ignored (a newer writer); wrong types, unknown enum names, texts that are too
 * long and a missing or bad id or state are -EBADMSG. */
int machine_from_json(struct json_object *object, struct machine *ret,
		      struct fault *fault) _must_check_;

/* Letters, digits, '-', '_', '.'; starts with a letter or digit; fits MACHINE_ID_MAX. */
bool machine_id_is_valid(const char *id);

/* created, idle, claimed, running or draining. */
bool machine_is_live(const struct machine *machine);

/* Healthy = the last beat is younger than 3 of its own periods. A machine that never beat is judged
 * by its threshold, not by this: it is not healthy. Until a first beat has told the period, words
 * spoken along with a transition count as beats of the default period. */
#define BEATS_UNTIL_STALE 3
#define BEAT_PERIOD_DEFAULT_MS 5000
bool machine_is_healthy(const struct machine *machine, uint64_t now_ms);

/* Whether the agent has said this of the present claim. */
bool machine_says(const struct machine *machine, enum machine_phase phase);
