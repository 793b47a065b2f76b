/* The machine record as JSON. */

#include <errno.h>
#include <string.h>

#include "common/domain/class.h"
#include "common/domain/machine.h"
#include "tests/fuzz/fuzz.h"

static bool same(const struct machine *a, const struct machine *b)
{
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		const char *x = machine_field_text(a, field), *y = machine_field_text(b, field);

		if (x && y && strcmp(x, y) != 0)
			return false;
		if (machine_field_u64(a, field) != machine_field_u64(b, field))
			return false;
	}
	return true;
}

/* What decisions ask of a record must stand any record. */
static void ask(const struct machine *machine)
{
	static const struct class_table table = { .n = 0 };
	const struct want want = { .class_ = &class_defaults[0] };

	FUZZ_CHECK(!class_find(&table, machine->class_name));
	for (uint64_t now = 1; now; now <<= 7) {
		(void)machine_is_healthy(machine, now);
		(void)want_judge(&want, machine, now, 30000);
	}
	(void)machine_is_live(machine);
	(void)machine_says(machine, PHASE_CLEAN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ struct json_object *object = NULL, *printed = NULL;
	struct machine machine = {}, again = {};
	struct fault fault = {};
	int r;

	if (json_parse((const char *)data, size, "record", &object, &fault) < 0)
		return 0;
	r = machine_from_json(object, &machine, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(machine.state == MACHINE_NONE && machine.id[0] == '\0');
		FUZZ_CHECK(fault.text[0]);
		return 0;
	}
	ask(&machine);

	r = machine_to_json(&machine, &printed);
	FUZZ_CHECK((r == -E2BIG) == (machine_record_size(&machine) > MACHINE_RECORD_MAX));
	if (r == -E2BIG && machine_fit(&machine) == 0)
		r = machine_to_json(&machine, &printed);
	if (r == -E2BIG)
		return 0;
	FUZZ_CHECK(r == 0);
	fuzz_check_json(printed);
	FUZZ_CHECK(machine_from_json(printed, &again, &fault) == 0);
	FUZZ_CHECK_TEXT(same(&machine, &again), json_text(printed));
	return 0;
}
