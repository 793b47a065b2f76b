#include "common/domain/offer.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/parse.h"

int offer_to_text(const struct machine *machine, struct buf *ret)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	const char *usage = machine_field_text(machine, machine_field_find("usage")), *text;
	char threshold[TIME_TEXT_MAX];
	int r;

	if (!object)
		return -ENOMEM;
	if (!machine_id_is_valid(machine->id) || !machine->class_name[0] || !usage ||
	    machine->threshold_ms == 0)
		return -EINVAL;

	r = json_set_text(object, "id", machine->id);
	if (r == 0)
		r = json_set_text(object, "resourceClass", machine->class_name);
	if (r == 0)
		r = json_set_text(object, "instanceType", machine->type);
	if (r == 0)
		r = json_set_u64(object, "cpu", machine->cpu);
	if (r == 0)
		r = json_set_u64(object, "mmem", machine->memory_mib);
	if (r == 0)
		r = json_set_text(object, "usageClass", usage);
	if (r == 0)
		r = json_set_text(
			object, "threshold",
			format_time_ms(machine->threshold_ms, threshold, sizeof(threshold)));
	if (r == 0)
		r = json_set_u64(object, "seq", machine->seq);
	if (r < 0)
		return r;
	text = json_text(object);
	return text ? buf_add_text(ret, text) : -ENOMEM;
}

/* Absent, it leaves *to empty. */
static int get_optional(struct json_object *object, const char *key, char *to, size_t size,
			struct fault *fault)
{
	const char *text = "";
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r < 0)
		return r;
	if (str_copy(to, size, text) < 0)
		return fault_set(fault, EBADMSG, "%s is longer than %zu bytes", key, size - 1);
	return 0;
}

/* A text that must be there and must not be empty. */
static int get_text(struct json_object *object, const char *key, char *to, size_t size,
		    struct fault *fault)
{
	int r;

	r = get_optional(object, key, to, size, fault);
	if (r == 0 && !to[0])
		return fault_set(fault, EBADMSG, "no %s", key);
	return r;
}

static int get_usage(struct json_object *object, enum usage_class *ret, struct fault *fault)
{
	char text[16] = "";
	int r;

	r = get_text(object, "usageClass", text, sizeof(text), fault);
	if (r < 0)
		return r;
	r = name_lookup(usage_names, text);
	if (r < 0)
		return fault_set(fault, EBADMSG, "usageClass has no value '%s'", text);
	*ret = (enum usage_class)r;
	return 0;
}

static int get_threshold(struct json_object *object, uint64_t *ret, struct fault *fault)
{
	char text[TIME_TEXT_MAX] = "";
	int r;

	r = get_text(object, "threshold", text, sizeof(text), fault);
	if (r < 0)
		return r;
	if (parse_time_ms(text, ret) < 0)
		return fault_set(fault, EBADMSG, "threshold '%s' is no time", text);
	return 0;
}

static int offer_from(struct json_object *object, struct machine *machine, struct fault *fault)
{
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "not a JSON object");
	r = get_text(object, "id", machine->id, sizeof(machine->id), fault);
	if (r == 0 && !machine_id_is_valid(machine->id))
		return fault_set(fault, EBADMSG, "'%s' is no machine's id", machine->id);
	if (r == 0)
		r = get_text(object, "resourceClass", machine->class_name,
			     sizeof(machine->class_name), fault);
	if (r == 0)
		r = get_optional(object, "instanceType", machine->type, sizeof(machine->type),
				 fault);
	if (r == 0)
		r = json_get_u64(object, "cpu", &machine->cpu, fault);
	if (r >= 0)
		r = json_get_u64(object, "mmem", &machine->memory_mib, fault);
	if (r >= 0)
		r = get_usage(object, &machine->usage, fault);
	if (r == 0)
		r = get_threshold(object, &machine->threshold_ms, fault);
	if (r == 0)
		r = json_get_u64(object, "seq", &machine->seq, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "no seq");
	return r < 0 ? r : 0;
}

int offer_from_text(const char *text, size_t size, struct machine *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct machine machine = { .state = MACHINE_IDLE };
	int r;

	if (size > OFFER_TEXT_MAX)
		return fault_set(fault, EBADMSG, "offer: longer than %d bytes", OFFER_TEXT_MAX);
	r = json_parse(text, size, "offer", &object, fault);
	if (r < 0)
		return r;
	r = offer_from(object, &machine, fault);
	if (r < 0)
		return fault_wrap(fault, r, "offer");
	*ret = machine;
	return 0;
}
