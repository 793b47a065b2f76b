/* Offers: what was read and is offered again reads as the same. */

#include <errno.h>
#include <string.h>

#include "common/domain/offer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine machine = {}, again = {};
	struct fault fault = {};
	_cleanup_buf_ struct buf text = {};
	int r;

	buf_init(&text, (size_t)4 * OFFER_TEXT_MAX);
	r = offer_from_text((const char *)data, size, &machine, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(strncmp(fault.text, "offer: ", strlen("offer: ")) == 0);
		FUZZ_CHECK(machine.state == MACHINE_NONE && !machine.id[0]);
		fuzz_check_harmless(fault.text);
		return 0;
	}
	FUZZ_CHECK(machine.state == MACHINE_IDLE && machine_id_is_valid(machine.id));
	r = offer_to_text(&machine, &text);
	/* The epoch itself is no threshold. */
	FUZZ_CHECK(machine.threshold_ms ? r == 0 : r == -EINVAL);
	if (r < 0 || text.size > OFFER_TEXT_MAX)
		return 0;
	FUZZ_CHECK(offer_from_text(text.data, text.size, &again, &fault) == 0);
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		const char *a = machine_field_text(&machine, field);

		FUZZ_CHECK(machine_field_u64(&machine, field) == machine_field_u64(&again, field));
		FUZZ_CHECK(!a || strcmp(a, machine_field_text(&again, field)) == 0);
	}
	return 0;
}
