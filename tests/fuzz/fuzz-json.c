/* Strict JSON (common/base/json.h): what passes is what it prints, and the getters keep their word.
 */

#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define UNTOUCHED UINT64_C(0x5afe5afe5afe5afe)

static void check_answer(int r, bool touched)
{
	if (r < 0)
		FUZZ_CHECK_ERROR(r, EBADMSG);
	FUZZ_CHECK(r > 0 || !touched);
}

static void check_member(struct json_object *object, const char *key)
{
	struct json_object *inner = NULL;
	const char *text = NULL;
	struct fault fault = {};
	uint64_t number = UNTOUCHED;
	int64_t signed_number = (int64_t)UNTOUCHED;
	bool flag = false;
	int r;

	r = json_get_text(object, key, &text, &fault);
	check_answer(r, text);
	r = json_get_u64(object, key, &number, &fault);
	check_answer(r, number != UNTOUCHED);
	r = json_get_i64(object, key, &signed_number, &fault);
	check_answer(r, signed_number != (int64_t)UNTOUCHED);
	r = json_get_bool(object, key, &flag, &fault);
	check_answer(r, flag);
	r = json_get_array(object, key, &inner, &fault);
	check_answer(r, inner);
	inner = NULL;
	r = json_get_object(object, key, &inner, &fault);
	check_answer(r, inner);
}

static void check_members(struct json_object *object)
{
	check_member(object, "a");
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, key, value)
	{
		check_member(object, key);
		if (value)
			check_members(value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct fault fault = {};
	int r;

	r = json_parse((const char *)data, size, "input", &object, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(!object);
		FUZZ_CHECK(strncmp(fault.text, "input: ", strlen("input: ")) == 0);
		return 0;
	}
	FUZZ_CHECK(object);
	fuzz_check_json(object);
	check_members(object);
	return 0;
}
