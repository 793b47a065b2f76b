/*
 * The files of the AWS CLI: the input is read as either, and as both. What is found is looked for
 * by every name and key that the input could hold, and no fault shows any of it.
 */

#include <errno.h>
#include <string.h>

#include "common/base/secret.h"
#include "common/net/aws-profile.h"
#include "tests/fuzz/fuzz.h"

/* "PATH:LINE: …" */
static void check_fault(const struct fault *fault, const char *path)
{
	size_t size = strlen(path);

	FUZZ_CHECK_TEXT(strncmp(fault->text, path, size) == 0 && fault->text[size] == ':',
			fault->text);
	fuzz_check_harmless(fault->text);
	fuzz_check_harmless(fault->cure);
	/* Secrets of the corpus have this in them. */
	FUZZ_CHECK_TEXT(!strstr(fault->text, "PLANTED"), fault->text);
}

static void parse(struct aws_profiles *profiles, enum aws_file file, const char *path,
		  const uint8_t *data, size_t size)
{
	struct fault fault = {};
	int r = aws_profiles_parse(profiles, file, path, (const char *)data, size, &fault);

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL);
		check_fault(&fault, path);
	}
}

static void check_value(const char *value)
{
	if (!value)
		return;
	FUZZ_CHECK(*value != '\0' && strlen(value) <= SECRET_MAX_BYTES);
	for (; *value; value++)
		FUZZ_CHECK((unsigned char)*value >= ' ' || strchr("\t\n", *value));
}

static void ask(const struct aws_profiles *profiles, const char *name, const char *key)
{
	bool there = aws_profiles_has(profiles, AWS_SECTION_PROFILE, name);
	const char *value = aws_profiles_get(profiles, AWS_SECTION_PROFILE, name, key);

	FUZZ_CHECK(there || !value);
	check_value(value);
	check_value(aws_profiles_get(profiles, AWS_SECTION_SERVICES, name, key));
}

/* The two ways of saying one key, so that a value that was set is found again. */
static void check_found_again(const char *name, const char *key, const char *value)
{
	_cleanup_(aws_profiles_freep) struct aws_profiles *profiles = NULL;
	char text[512];
	int n = snprintf(text, sizeof(text), "[%s]\n%s = %s\n", name, key, value);

	if (n >= (int)sizeof(text))
		return;
	FUZZ_CHECK(aws_profiles_new(&profiles) == 0);
	if (aws_profiles_parse(profiles, AWS_FILE_CREDENTIALS, "p", text, (size_t)n, NULL) == 0)
		ask(profiles, name, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(aws_profiles_freep) struct aws_profiles *profiles = NULL;
	struct fuzz_input input = { data, size };
	_cleanup_free_ char *name = NULL, *key = NULL, *value = NULL;

	FUZZ_CHECK(aws_profiles_new(&profiles) == 0);
	parse(profiles, AWS_FILE_CONFIG, "config", data, size);
	parse(profiles, AWS_FILE_CREDENTIALS, "credentials", data, size);
	ask(profiles, "default", "region");
	ask(profiles, "x", "s3.addressing_style");

	name = fuzz_take_line(&input);
	key = fuzz_take_line(&input);
	value = fuzz_take_line(&input);
	ask(profiles, name, key);
	check_found_again(name, key, value);
	return 0;
}
