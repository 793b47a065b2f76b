/* Numbers, durations, sizes and switches (common/base/parse.h). */

#include <errno.h>
#include <string.h>

#include "common/base/parse.h"
#include "tests/fuzz/fuzz.h"

#define UNTOUCHED UINT64_C(0x5afe5afe5afe5afe)

static void check_u64(const char *text)
{
	uint64_t value = UNTOUCHED;
	char again[24];
	int r = parse_u64(text, &value);

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL, ERANGE);
		FUZZ_CHECK(value == UNTOUCHED);
		return;
	}
	(void)snprintf(again, sizeof(again), "%llu", (unsigned long long)value);
	FUZZ_CHECK_TEXT(strcmp(text + strspn(text, "0"), again + strspn(again, "0")) == 0, text);
}

static void check_duration(const char *text)
{
	char shown[DURATION_TEXT_MAX];
	uint64_t value = UNTOUCHED, again = 0;
	int r = parse_duration(text, &value);

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL, ERANGE);
		FUZZ_CHECK(value == UNTOUCHED);
		return;
	}
	(void)format_duration(value, shown, sizeof(shown));
	FUZZ_CHECK_TEXT(parse_duration(shown, &again) == 0 && again == value, shown);
}

static void check_size(const char *text)
{
	uint64_t value = UNTOUCHED, number;
	int r = parse_size(text, &value);

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL, ERANGE);
		FUZZ_CHECK(value == UNTOUCHED);
	} else if (parse_u64(text, &number) == 0) {
		FUZZ_CHECK(number == value);
	}
}

static void check_bool(const char *text)
{
	bool value = false;
	int r = parse_bool(text, &value);

	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL);
	if (r < 0)
		FUZZ_CHECK(!value);
}

/* A time that is read and printed is read as the same, but for year 10000 and the epoch itself. */
static void check_time(const char *text)
{
	uint64_t value = UNTOUCHED, again = 0;
	char shown[TIME_TEXT_MAX];
	int r = parse_time_ms(text, &value);

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL, ERANGE);
		FUZZ_CHECK(value == UNTOUCHED);
	} else if (value > 0 && value < UINT64_C(253402300800000)) {
		(void)format_time_ms(value, shown, sizeof(shown));
		FUZZ_CHECK_TEXT(parse_time_ms(shown, &again) == 0 && again == value, text);
	}
}

/* Every number is a duration and a time. */
static void check_format(const uint8_t *data, size_t size)
{
	char text[DURATION_TEXT_MAX], time[TIME_TEXT_MAX];
	uint64_t value = 0, again = 0;

	memcpy(&value, data, size < sizeof(value) ? size : sizeof(value));
	(void)format_duration(value, text, sizeof(text));
	FUZZ_CHECK_TEXT(parse_duration(text, &again) == 0 && again == value, text);
	FUZZ_CHECK(strlen(format_time_ms(value, time, sizeof(time))) < sizeof(time));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_free_ char *text = fuzz_take_text(&input);

	check_u64(text);
	check_duration(text);
	check_size(text);
	check_bool(text);
	check_time(text);
	check_format(data, size);
	return 0;
}
