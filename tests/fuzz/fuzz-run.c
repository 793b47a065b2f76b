/* The run record as JSON. */

#include <errno.h>
#include <string.h>

#include "common/domain/run.h"
#include "tests/fuzz/fuzz.h"

static void check_token(const struct run *run)
{
	char token[RUN_TOKEN_MAX], id[MACHINE_ID_MAX];

	run_next_token(run, token, sizeof(token));
	FUZZ_CHECK_TEXT(machine_id_is_valid(token), token);
	FUZZ_CHECK(machine_id_for(token, RUN_MACHINES_MAX - 1, id, sizeof(id)) == 0);
	FUZZ_CHECK_TEXT(machine_id_is_valid(id), id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ struct json_object *object = NULL, *printed = NULL, *twice = NULL;
	_cleanup_run_ struct run run = {}, again = {};
	struct fault fault = {};
	int r;

	if (json_parse((const char *)data, size, "record", &object, &fault) < 0)
		return 0;
	r = run_from_json(object, &run, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(run.key[0] == '\0' && !run.machines);
		FUZZ_CHECK(fault.text[0]);
		return 0;
	}
	check_token(&run);

	FUZZ_CHECK(run_to_json(&run, &printed) == 0);
	fuzz_check_json(printed);
	r = run_from_json(printed, &again, &fault);
	FUZZ_CHECK_TEXT(r == 0, fault.text);
	FUZZ_CHECK(request_equal(&run.request, &again.request));
	FUZZ_CHECK(run_to_json(&again, &twice) == 0);
	FUZZ_CHECK_TEXT(strcmp(json_text(printed), json_text(twice)) == 0, json_text(twice));
	return 0;
}
