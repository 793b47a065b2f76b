/*
 * The report for programs. Keys stand in a fixed order and are all always there; a number is a
 * number, and what is not known is null. A change that breaks a reader changes PROBE_SCHEMA.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "common/base/json.h"
#include "common/base/parse.h"

#define WORDS_MAX 512

/* A key and its value, so that an object is a table. */
struct cell {
	const char *key;
	const char *text;           /* NULL or empty: null */
	struct json_object *object; /* taken over; NULL: no memory */
	uint64_t number;            /* CELL_FLAG: 0 or 1; CELL_SIGNED: its two's complement */
	enum { CELL_TEXT, CELL_NUMBER, CELL_SIGNED, CELL_FLAG, CELL_OBJECT } type;
	bool known; /* numbers and flags: else null */
};

#define TEXT(k, t)                                         \
	{                                                  \
		.key = (k), .type = CELL_TEXT, .text = (t) \
	}
#define NUMBER(k, is_known, n)                                                      \
	{                                                                           \
		.key = (k), .type = CELL_NUMBER, .known = (is_known), .number = (n) \
	}
#define SIGNED(k, is_known, n)                                                                \
	{                                                                                     \
		.key = (k), .type = CELL_SIGNED, .known = (is_known), .number = (uint64_t)(n) \
	}
#define FLAG(k, is_known, n)                                                      \
	{                                                                         \
		.key = (k), .type = CELL_FLAG, .known = (is_known), .number = (n) \
	}
#define OBJECT(k, o)                                           \
	{                                                      \
		.key = (k), .type = CELL_OBJECT, .object = (o) \
	}

static int set_cell(struct json_object *object, const struct cell *cell)
{
	struct json_object *value = NULL;

	if (cell->type == CELL_OBJECT)
		return json_set(object, cell->key, cell->object);
	if (cell->type == CELL_TEXT && cell->text && cell->text[0] != '\0')
		value = json_object_new_string(cell->text);
	else if (cell->type == CELL_NUMBER && cell->known)
		value = json_object_new_uint64(cell->number);
	else if (cell->type == CELL_SIGNED && cell->known)
		value = json_object_new_int64((int64_t)cell->number);
	else if (cell->type == CELL_FLAG && cell->known)
		value = json_object_new_boolean(cell->number != 0);
	else
		return json_object_object_add(object, cell->key, NULL) < 0 ? -ENOMEM : 0;
	return json_set(object, cell->key, value);
}

/* NULL: no memory. The cells' objects are taken over either way. */
static struct json_object *make_object(const struct cell *cells, size_t n)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	int r = object ? 0 : -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = set_cell(object, &cells[i]);
		else
			json_object_put(cells[i].object);
	}
	return r == 0 ? take_ptr(object) : NULL;
}

/* "a b c" as ["a", "b", "c"]. */
static struct json_object *make_words(const char *text)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	if (!array)
		return NULL;
	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (length > 0 &&
		    json_append(array, json_object_new_string_len(text, (int)length)) < 0)
			return NULL;
		text += length + (text[length] == ' ');
	}
	return take_ptr(array);
}

static struct json_object *make_program(void)
{
	const struct cell cells[] = {
		TEXT("name", "paddock-agent"),
		TEXT("version", PADDOCK_VERSION),
	};

	return make_object(cells, ARRAY_SIZE(cells));
}

static struct json_object *make_summary(const struct probe_report *report)
{
	char text[PROBE_SUMMARY_MAX], words[WORDS_MAX];
	const struct probe_row *row;
	enum probe_verdict verdict = probe_pmu_verdict(report, &row);

	(void)probe_capabilities(report, words, sizeof(words));
	const struct cell cells[] = {
		TEXT("text", probe_summary(report, text, sizeof(text))),
		TEXT("pmu", probe_verdict_names[verdict]),
		TEXT("reason", row ? probe_reason_names[row->reason] : NULL),
		TEXT("cure", row ? row->cure : NULL),
		SIGNED("exit_code", true, probe_exit_code(report)),
		OBJECT("capabilities", make_words(words)),
	};

	return make_object(cells, ARRAY_SIZE(cells));
}

static struct json_object *make_machine(const struct probe_context *context)
{
	const struct cell cells[] = {
		TEXT("arch", context->arch),
		TEXT("kernel", context->kernel),
		TEXT("platform", probe_platform_names[context->platform]),
		TEXT("hypervisor", context->hypervisor),
		FLAG("container", true, context->container),
		TEXT("product", context->product),
		TEXT("cpu_vendor", context->cpu_vendor),
		TEXT("cpu_model", context->cpu_model),
		NUMBER("cpus", context->cpus > 0, context->cpus),
		NUMBER("pmu_version", context->pmu_version > 0, context->pmu_version),
		NUMBER("pmu_general_counters", context->pmu_general > 0, context->pmu_general),
		NUMBER("pmu_fixed_counters", context->pmu_version > 0, context->pmu_fixed),
	};

	return make_object(cells, ARRAY_SIZE(cells));
}

static struct json_object *make_policy(const struct probe_context *context)
{
	const struct cell cells[] = {
		SIGNED("perf_event_paranoid", context->has_paranoid, context->paranoid),
		FLAG("capable", context->has_status, probe_is_capable(context)),
		NUMBER("uid", context->has_status, context->uid),
		NUMBER("seccomp", context->has_status, context->seccomp),
		FLAG("user_namespace", true, context->user_namespace),
		TEXT("lockdown", context->lockdown),
		TEXT("lsm", context->lsm),
		FLAG("nmi_watchdog", context->nmi_watchdog >= 0, context->nmi_watchdog > 0),
	};

	return make_object(cells, ARRAY_SIZE(cells));
}

static struct json_object *make_resctrl(const struct probe_resctrl *resctrl)
{
	const struct cell cells[] = {
		FLAG("listed", true, resctrl->listed),
		TEXT("mounted", resctrl->path),
		OBJECT("flags", make_words(resctrl->flags)),
		OBJECT("features", make_words(resctrl->features)),
	};

	return make_object(cells, ARRAY_SIZE(cells));
}

static struct json_object *make_sources(const struct probe_context *context)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < context->n_sources; i++) {
		const struct probe_source *source = &context->sources[i];
		const struct cell cells[] = {
			TEXT("name", source->name),
			NUMBER("type", true, source->type),
			FLAG("core", true, source->core),
		};

		if (json_append(array, make_object(cells, ARRAY_SIZE(cells))) < 0)
			return NULL;
	}
	return take_ptr(array);
}

static struct json_object *make_row(const struct probe_row *row)
{
	const struct probe_observation *seen = &row->seen;
	bool timed = seen->counted && seen->enabled_ns > 0;
	const struct cell cells[] = {
		TEXT("name", row->name),
		TEXT("group", probe_group_names[row->group]),
		TEXT("scope", probe_scope_names[row->scope]),
		TEXT("capability", row->capability),
		TEXT("meaning", row->meaning),
		FLAG("core", true, row->core),
		TEXT("asked", row->asked),
		TEXT("step", probe_step_names[seen->step]),
		TEXT("errno", seen->error > 0 ? strerrorname_np(seen->error) : NULL),
		SIGNED("errno_value", seen->error > 0, seen->error),
		FLAG("end_of_file", true, seen->end_of_file),
		NUMBER("value", seen->counted, seen->value),
		NUMBER("enabled_ns", timed, seen->enabled_ns),
		NUMBER("running_ns", timed, seen->running_ns),
		NUMBER("expected", seen->expected > 0, seen->expected),
		NUMBER("low", seen->low > 0, seen->low),
		NUMBER("high", seen->high > 0, seen->high),
		TEXT("verdict", probe_verdict_names[row->verdict]),
		TEXT("reason", probe_reason_names[row->reason]),
		TEXT("brief", row->brief),
		TEXT("detail", row->detail),
		TEXT("cure", row->cure),
	};

	return make_object(cells, ARRAY_SIZE(cells));
}

static struct json_object *make_rows(const struct probe_report *report)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < report->n_rows; i++)
		if (json_append(array, make_row(&report->rows[i])) < 0)
			return NULL;
	return take_ptr(array);
}

static struct json_object *make_evidence(const struct probe_context *context)
{
	const struct cell cells[] = { TEXT("kernel_log", context->kernel_message) };

	return make_object(cells, ARRAY_SIZE(cells));
}

int probe_to_json(const struct probe_report *report, struct json_object **ret)
{
	bool timed = report->taken_ms > 0;
	char taken[TIME_TEXT_MAX];
	const struct cell cells[] = {
		TEXT("schema", PROBE_SCHEMA),
		OBJECT("program", make_program()),
		TEXT("taken",
		     timed ? format_time_ms(report->taken_ms, taken, sizeof(taken)) : NULL),
		NUMBER("took_ms", timed, report->took_usec / USEC_PER_MSEC),
		OBJECT("summary", make_summary(report)),
		OBJECT("machine", make_machine(&report->context)),
		OBJECT("policy", make_policy(&report->context)),
		OBJECT("sources", make_sources(&report->context)),
		OBJECT("resctrl", make_resctrl(&report->context.resctrl)),
		OBJECT("rows", make_rows(report)),
		OBJECT("evidence", make_evidence(&report->context)),
	};
	struct json_object *object = make_object(cells, ARRAY_SIZE(cells));

	if (!object)
		return -ENOMEM;
	*ret = object;
	return 0;
}

int probe_print_json(const struct probe_report *report, FILE *to)
{
	_cleanup_json_ struct json_object *object = NULL;
	const char *text;
	int r;

	r = probe_to_json(report, &object);
	if (r < 0)
		return r;
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return -ENOMEM;
	(void)fprintf(to, "%s\n", text);
	return ferror(to) || fflush(to) == EOF ? -EIO : 0;
}
