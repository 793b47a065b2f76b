/*
 * Names that come from outside: ids, run keys, types against globs, capabilities, logs. One a line.
 * What is accepted is then part of a path, so none may lead elsewhere.
 */

#include <errno.h>
#include <string.h>

#include "common/domain/class.h"
#include "common/domain/run.h"
#include "controller/provider/local-logs.h"
#include "tests/fuzz/fuzz.h"

#define GLOB_MAX 64 /* the slow way below takes their product */

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Row by row of a table: can the first i of the glob take the first j of the text? */
static bool matches_slowly(const char *glob, const char *text)
{
	bool can[GLOB_MAX + 1] = { true }, next[GLOB_MAX + 1];
	size_t n = strlen(text);

	for (; *glob; glob++) {
		next[0] = *glob == '*' && can[0];
		for (size_t j = 1; j <= n; j++) {
			if (*glob == '*')
				next[j] = can[j] || next[j - 1];
			else
				next[j] = can[j - 1] &&
					  (*glob == '?' || lower(*glob) == lower(text[j - 1]));
		}
		memcpy(can, next, n + 1);
	}
	return can[n];
}

static void check_glob(const char *glob, const char *text)
{
	bool matches = glob_matches(glob, text);

	if (strlen(text) <= GLOB_MAX)
		FUZZ_CHECK_TEXT(matches == matches_slowly(glob, text), glob);
}

static void check_path_part(const char *name)
{
	FUZZ_CHECK_TEXT(*name && *name != '.' && !strchr(name, '/'), name);
	fuzz_check_harmless(name);
}

static void check_name(const char *text)
{
	char name[128];
	int r;

	if (machine_id_is_valid(text))
		check_path_part(text);
	if (run_key_is_valid(text))
		check_path_part(text);
	if (machine_id_for(text, 17, name, sizeof(name)) == 0)
		FUZZ_CHECK_TEXT(machine_id_is_valid(name), name);

	r = local_log_file(text, name, sizeof(name));
	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL);
	else
		check_path_part(name);
}

static void check_key(const char *id, const char *name)
{
	struct fault fault = {};
	char key[RUN_KEY_MAX] = "untouched";
	int r = run_key_make(id, 3, name, key, sizeof(key), &fault);

	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL);
	if (r < 0)
		FUZZ_CHECK(strcmp(key, "untouched") == 0 && fault.text[0]);
	else
		FUZZ_CHECK_TEXT(run_key_is_valid(key), key);
}

static void check_capabilities(const char *has, const char *needs)
{
	char missing[32] = "";
	bool covered = capabilities_cover(has, needs, missing, sizeof(missing));

	FUZZ_CHECK(covered == (missing[0] == '\0'));
	FUZZ_CHECK(capabilities_cover(has, has, NULL, 0));
	FUZZ_CHECK(capabilities_cover(has, "", NULL, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_free_ char *one = fuzz_take_line(&input), *two = fuzz_take_line(&input);

	check_name(one);
	check_name(two);
	check_glob(one, two);
	check_key(one, two);
	check_capabilities(one, two);
	return 0;
}
