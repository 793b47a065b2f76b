/* The run record as JSON, and the one table of a request's members. */

#include "common/domain/run.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/io.h"

const char *const verdict_names[_VERDICT_MAX + 1] = {
	[VERDICT_OPEN] = "open",
	[VERDICT_GRANTED] = "granted",
	[VERDICT_REFUSED] = "refused",
	[VERDICT_CLOSED] = "closed",
};

/* --- the request ----------------------------------------------------------------------------- */

/* Every member of a request, once: for JSON and for comparing. */
static const struct request_field {
	const char *name;
	const char *flag; /* what the user calls it; NULL: may differ */
	enum field_type type;
	size_t offset;
	size_t size;
	const char *const *names;
} request_fields[] = {
#define FIELD(name_, flag_, type_, member, names_)                           \
	{                                                                    \
		(name_), (flag_), (type_), offsetof(struct request, member), \
			sizeof(((struct request *)0)->member), (names_),     \
	}
	FIELD("count", "instance-count", FIELD_U64, count, NULL),
	FIELD("min_count", "min-count", FIELD_U64, min_count, NULL),
	FIELD("class", "resource-class", FIELD_TEXT, class_name, NULL),
	FIELD("types", "allowed-instance-types", FIELD_TEXT, types, NULL),
	FIELD("usage", "usage-class", FIELD_ENUM, usage, usage_names),
	FIELD("needs", "need", FIELD_TEXT, needs, NULL),
	FIELD("max_runtime_ms", "max-runtime-min", FIELD_U64, max_runtime_ms, NULL),
	FIELD("no_create", "no-create", FIELD_BOOL, no_create, NULL),
	FIELD("repo", "repository", FIELD_TEXT, claimant.repo, NULL),
	FIELD("workflow", "workflow", FIELD_TEXT, claimant.workflow, NULL),
	FIELD("fork", "fork", FIELD_BOOL, claimant.fork, NULL),
	FIELD("reuse", "reuse", FIELD_ENUM, claimant.reuse, reuse_names),
	/* Today's image is the world's, not the asker's: it may change between two starts. */
	FIELD("image", NULL, FIELD_TEXT, claimant.image, NULL),
#undef FIELD
};

static bool field_equal(const struct request_field *field, const void *a, const void *b)
{
	return field->type == FIELD_TEXT ? strcmp(a, b) == 0 : memcmp(a, b, field->size) == 0;
}

const char *request_difference(const struct request *a, const struct request *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(request_fields); i++) {
		const struct request_field *field = &request_fields[i];

		if (field->flag && !field_equal(field, (const char *)a + field->offset,
						(const char *)b + field->offset))
			return field->flag;
	}
	return NULL;
}

bool request_equal(const struct request *a, const struct request *b)
{
	return request_difference(a, b) == NULL;
}

static int enum_to_json(struct json_object *object, const struct request_field *field,
			const void *member)
{
	int value, n = 0;

	memcpy(&value, member, sizeof(value));
	while (field->names[n])
		n++;
	if (value < 0 || value >= n)
		return -EINVAL;
	return json_set_text(object, field->name, field->names[value]);
}

static int request_to_json(const struct request *request, struct json_object **ret)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(request_fields); i++) {
		const struct request_field *field = &request_fields[i];
		const void *member = (const char *)request + field->offset;

		if (field->type == FIELD_TEXT)
			r = json_set_text(object, field->name, member);
		else if (field->type == FIELD_ENUM)
			r = enum_to_json(object, field, member);
		else if (field->type == FIELD_BOOL)
			r = json_set_bool(object, field->name, *(const bool *)member);
		else
			r = json_set_u64(object, field->name, *(const uint64_t *)member);
		if (r < 0)
			return r;
	}

	*ret = take_ptr(object);
	return 0;
}

/* An absent text leaves *to empty. */
static int get_text(struct json_object *object, const char *key, char *to, size_t size,
		    struct fault *fault)
{
	const char *text = "";
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r < 0)
		return r;
	if (str_copy(to, size, text) < 0)
		return fault_set(fault, EBADMSG, "run record: %s is longer than %zu bytes", key,
				 size - 1);
	return 0;
}

static int get_name(struct json_object *object, const char *key, const char *const *names,
		    struct fault *fault)
{
	const char *text = NULL;
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r < 0)
		return r;
	r = text ? name_lookup(names, text) : -EINVAL;
	if (r < 0)
		return fault_set(fault, EBADMSG, "run record: %s has no value '%.40s'", key,
				 text ? text : "");
	return r;
}

static int request_field_from_json(struct json_object *object, const struct request_field *field,
				   void *member, struct fault *fault)
{
	int r;

	switch (field->type) {
	case FIELD_TEXT:
		return get_text(object, field->name, member, field->size, fault);
	case FIELD_ENUM:
		r = get_name(object, field->name, field->names, fault);
		if (r >= 0)
			memcpy(member, &r, sizeof(r));
		return r;
	case FIELD_BOOL:
		return json_get_bool(object, field->name, member, fault);
	case FIELD_U64:
		return json_get_u64(object, field->name, member, fault);
	}
	return -EINVAL;
}

static int request_from_json(struct json_object *object, struct request *request,
			     struct fault *fault)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(request_fields); i++) {
		const struct request_field *field = &request_fields[i];

		r = request_field_from_json(object, field, (char *)request + field->offset, fault);
		if (r < 0)
			return r;
	}

	if (request->count == 0 || request->count > RUN_MACHINES_MAX)
		return fault_set(fault, EBADMSG, "run record: count %" PRIu64 " is not 1 to %d",
				 request->count, RUN_MACHINES_MAX);
	if (request->min_count > request->count)
		return fault_set(fault, EBADMSG,
				 "run record: min_count %" PRIu64 " is above count %" PRIu64,
				 request->min_count, request->count);
	return 0;
}

/* --- the record ------------------------------------------------------------------------------ */

static int intent_to_json(const struct intent *intent, struct json_object *array)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;

	r = json_set_text(object, "token", intent->token);
	if (r == 0)
		r = json_set_u64(object, "count", intent->count);
	if (r == 0)
		r = json_set_u64(object, "created_ms", intent->created_ms);
	if (r == 0 && intent->plan && strlen(intent->plan) >= RUN_PLAN_MAX)
		r = -E2BIG;
	if (r == 0 && intent->plan)
		r = json_set_text(object, "plan", intent->plan);
	if (r < 0)
		return r;
	return json_append(array, take_ptr(object));
}

static int intents_to_json(const struct run *run, struct json_object **ret)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();
	int r;

	if (!array)
		return -ENOMEM;
	if (run->n_intents > RUN_INTENTS_MAX)
		return -EINVAL;

	for (size_t i = 0; i < run->n_intents; i++) {
		r = intent_to_json(&run->intents[i], array);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(array);
	return 0;
}

static int machines_to_json(const struct run *run, struct json_object **ret)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();
	int r;

	if (!array)
		return -ENOMEM;

	for (size_t i = 0; i < run->n_machines; i++) {
		r = json_append(array, json_object_new_string(run->machines[i]));
		if (r < 0)
			return r;
	}
	*ret = take_ptr(array);
	return 0;
}

static int scalars_to_json(const struct run *run, struct json_object *object)
{
	int r;

	if ((int)run->verdict < 0 || run->verdict >= _VERDICT_MAX)
		return -EINVAL;

	r = json_set_text(object, "key", run->key);
	if (r == 0)
		r = json_set_u64(object, "fence", run->fence);
	if (r == 0)
		r = json_set_u64(object, "starter", run->starter);
	if (r == 0)
		r = json_set_text(object, "verdict", verdict_names[run->verdict]);
	if (r == 0)
		r = json_set_text(object, "reason", run->reason);
	if (r == 0)
		r = json_set_u64(object, "created_ms", run->created_ms);
	if (r == 0)
		r = json_set_u64(object, "decided_ms", run->decided_ms);
	return r;
}

int run_to_json(const struct run *run, struct json_object **ret)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *request = NULL, *intents = NULL, *machines = NULL;
	int r;

	if (!object)
		return -ENOMEM;

	r = scalars_to_json(run, object);
	/* A tombstone has no request. */
	if (r == 0 && run->request.count > 0) {
		r = request_to_json(&run->request, &request);
		if (r == 0)
			r = json_set(object, "request", request);
	}
	if (r == 0)
		r = intents_to_json(run, &intents);
	if (r == 0)
		r = json_set(object, "intents", intents);
	if (r == 0)
		r = machines_to_json(run, &machines);
	if (r == 0)
		r = json_set(object, "machines", machines);
	if (r < 0)
		return r;

	*ret = take_ptr(object);
	return 0;
}

/* The n elements of an array that may be absent (0), at most max. */
static int get_list(struct json_object *object, const char *key, size_t max,
		    struct json_object **ret, size_t *ret_n, struct fault *fault)
{
	int r;

	*ret_n = 0;
	r = json_get_array(object, key, ret, fault);
	if (r <= 0)
		return r;

	*ret_n = json_object_array_length(*ret);
	if (*ret_n > max)
		return fault_set(fault, EBADMSG, "run record: %zu %s, more than %zu", *ret_n, key,
				 max);
	return 0;
}

static int plan_from_json(struct json_object *object, struct intent *intent, struct fault *fault)
{
	const char *plan = "";
	int r;

	r = json_get_text(object, "plan", &plan, fault);
	if (r < 0)
		return r;
	if (strlen(plan) >= RUN_PLAN_MAX)
		return fault_set(fault, EBADMSG, "run record: the plan of intent %s is too long",
				 intent->token);
	if (!plan[0])
		return 0;
	intent->plan = strdup(plan);
	return intent->plan ? 0 : -ENOMEM;
}

static int intent_from_json(struct json_object *object, struct intent *intent, struct fault *fault)
{
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "run record: an intent is not an object");

	r = get_text(object, "token", intent->token, sizeof(intent->token), fault);
	if (r >= 0)
		r = json_get_u64(object, "count", &intent->count, fault);
	if (r >= 0)
		r = json_get_u64(object, "created_ms", &intent->created_ms, fault);
	if (r < 0)
		return r;

	if (!machine_id_is_valid(intent->token))
		return fault_set(fault, EBADMSG, "run record: bad token '%s'", intent->token);
	if (intent->count == 0 || intent->count > RUN_MACHINES_MAX)
		return fault_set(fault, EBADMSG,
				 "run record: intent %s is for %" PRIu64 " machines, not 1 to %d",
				 intent->token, intent->count, RUN_MACHINES_MAX);
	return plan_from_json(object, intent, fault);
}

static int intents_from_json(struct json_object *object, struct run *run, struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n;
	int r;

	r = get_list(object, "intents", RUN_INTENTS_MAX, &array, &n, fault);
	if (r < 0)
		return r;

	while (run->n_intents < n) {
		size_t i = run->n_intents++;

		r = intent_from_json(json_object_array_get_idx(array, i), &run->intents[i], fault);
		if (r < 0)
			return r;
	}
	return 0;
}

static int machines_from_json(struct json_object *object, struct run *run, struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n;
	int r;

	r = get_list(object, "machines", RUN_MACHINES_MAX, &array, &n, fault);
	if (r < 0)
		return r;
	if (n == 0)
		return 0;

	run->machines = calloc(n, sizeof(*run->machines));
	if (!run->machines)
		return -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		struct json_object *id = json_object_array_get_idx(array, i);
		const char *text = "";

		if (json_object_is_type(id, json_type_string))
			text = json_object_get_string(id);
		/* A string with a NUL inside is longer than it looks. */
		if (!machine_id_is_valid(text) ||
		    strlen(text) != (size_t)json_object_get_string_len(id))
			return fault_set(fault, EBADMSG, "run record: bad machine id '%.64s'",
					 text);
		memcpy(run->machines[i], text, strlen(text) + 1);
	}
	run->n_machines = n;
	return 0;
}

static int scalars_from_json(struct json_object *object, struct run *run, struct fault *fault)
{
	int r;

	r = get_text(object, "key", run->key, sizeof(run->key), fault);
	if (r >= 0)
		r = json_get_u64(object, "fence", &run->fence, fault);
	if (r >= 0)
		r = json_get_u64(object, "starter", &run->starter, fault);
	if (r >= 0)
		r = get_text(object, "reason", run->reason, sizeof(run->reason), fault);
	if (r >= 0)
		r = json_get_u64(object, "created_ms", &run->created_ms, fault);
	if (r >= 0)
		r = json_get_u64(object, "decided_ms", &run->decided_ms, fault);
	if (r >= 0)
		r = get_name(object, "verdict", verdict_names, fault);
	if (r < 0)
		return r;

	run->verdict = (enum verdict)r;
	if (!run_key_is_valid(run->key))
		return fault_set(fault, EBADMSG, "run record: no valid key");
	return 0;
}

static int members_from_json(struct json_object *object, struct run *run, struct fault *fault)
{
	struct json_object *request = NULL;
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "run record: not a JSON object");

	r = scalars_from_json(object, run, fault);
	if (r == 0)
		r = json_get_object(object, "request", &request, fault);
	if (r < 0)
		return r;
	if (r == 0 && run->verdict != VERDICT_CLOSED)
		return fault_set(fault, EBADMSG, "run record %s: no request", run->key);
	if (r > 0)
		r = request_from_json(request, &run->request, fault);
	if (r == 0)
		r = intents_from_json(object, run, fault);
	if (r == 0)
		r = machines_from_json(object, run, fault);
	memcpy(run->request.claimant.run_key, run->key, sizeof(run->key));
	return r;
}

int run_from_json(struct json_object *object, struct run *ret, struct fault *fault)
{
	struct run run = {};
	int r;

	r = members_from_json(object, &run, fault);
	if (r < 0) {
		run_done(&run);
		return r;
	}
	*ret = run;
	return 0;
}
