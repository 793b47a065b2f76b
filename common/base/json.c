/*
 * json-c, made strict. Even in its strict mode json-c 0.16 takes keys in single quotes, NaN and
 * Infinity, control characters in strings and numbers such as 00, brings integers that are too
 * large silently into range, cuts keys at \u0000, takes overlong forms for UTF-8, and lets the last
 * of two equal keys win. So the text is scanned once before json-c sees it. The scan needs no
 * grammar: json-c checks that.
 *
 * Equal keys are found by counting: valid JSON has one colon outside its strings for each member,
 * and json-c keeps one member for each key.
 */

#include "common/base/json.h"

#include <errno.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"

struct scan {
	const char *text;
	size_t size;
	size_t at;
	size_t depth;
	size_t members;
	bool nul_escape;     /* in the last string */
	const char *problem; /* what is wrong at that place */
};

static bool complain(struct scan *scan, const char *problem)
{
	scan->problem = problem;
	return false;
}

/* Moves behind a character of more than one byte. */
static bool scan_utf8(struct scan *scan)
{
	size_t left = scan->size - scan->at, length;
	char next[5] = ""; /* the longest one, and a NUL */

	memcpy(next, scan->text + scan->at, left < sizeof(next) - 1 ? left : sizeof(next) - 1);
	length = text_utf8_length(next);
	if (length == 0)
		return complain(scan, "invalid utf-8 string");
	scan->at += length;
	return true;
}

/* From behind the opening quote to behind the closing one. */
static bool scan_string(struct scan *scan)
{
	scan->nul_escape = false;
	while (scan->at < scan->size) {
		unsigned char c = (unsigned char)scan->text[scan->at];

		if (c >= 0x80) {
			if (!scan_utf8(scan))
				return false;
			continue;
		}
		if (c < 0x20)
			return complain(scan, "control character in a string");
		if (c == '"') {
			scan->at++;
			return true;
		}
		if (c == '\\' && scan->size - scan->at >= 6 &&
		    memcmp(scan->text + scan->at, "\\u0000", 6) == 0)
			scan->nul_escape = true;
		scan->at += c == '\\' ? 2 : 1;
	}
	return complain(scan, "end in the middle of a string");
}

static char peek(const struct scan *scan, size_t at)
{
	if (at >= scan->size)
		return '\0';
	return scan->text[at];
}

static size_t count_digits(const struct scan *scan, size_t at)
{
	size_t n = 0;

	while (peek(scan, at + n) >= '0' && peek(scan, at + n) <= '9')
		n++;
	return n;
}

/* Whether the n digits at text are an integer that json-c can hold. */
static bool fits_64_bits(const char *text, size_t n, bool negative)
{
	char digits[21]; /* those of UINT64_MAX, and a NUL */
	uint64_t value;

	if (n >= sizeof(digits))
		return false;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (parse_u64(digits, &value) < 0)
		return false;
	return !negative || value <= (uint64_t)INT64_MAX + 1;
}

static bool scan_number(struct scan *scan)
{
	bool negative = peek(scan, scan->at) == '-';
	size_t start = scan->at + negative;
	size_t n = count_digits(scan, start);
	size_t at = start + n;
	size_t end = at;

	if (n == 0 || (n > 1 && scan->text[start] == '0'))
		return complain(scan, "malformed number");

	if (peek(scan, at) == '.') {
		end = at + 1 + count_digits(scan, at + 1);
		if (end == at + 1)
			return complain(scan, "malformed number");
		at = end;
	}
	if (peek(scan, at) == 'e' || peek(scan, at) == 'E') {
		at++;
		at += peek(scan, at) == '+' || peek(scan, at) == '-';
		end = at + count_digits(scan, at);
		if (end == at)
			return complain(scan, "malformed number");
	}
	if (end == start + n && !fits_64_bits(scan->text + start, n, negative))
		return complain(scan, "number out of range");

	scan->at = end;
	return true;
}

static bool scan_punctuation(struct scan *scan)
{
	char c = scan->text[scan->at];

	if ((c == '{' || c == '[') && ++scan->depth > JSON_DEPTH_MAX)
		return complain(scan, "nested too deeply");
	if ((c == '}' || c == ']') && scan->depth > 0)
		scan->depth--;
	if (c == ':' && scan->nul_escape)
		return complain(scan, "\\u0000 in a key");

	scan->members += c == ':';
	scan->at++;
	return true;
}

static bool scan_text(struct scan *scan)
{
	while (scan->at < scan->size) {
		char c = scan->text[scan->at];
		bool fine;

		if (c == '"') {
			scan->at++;
			fine = scan_string(scan);
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			fine = scan_number(scan);
		} else if (c && strchr("{}[]:, \t\r\ntruefalsn", c)) {
			fine = scan_punctuation(scan);
		} else {
			fine = complain(scan, "unexpected character");
		}
		if (!fine)
			return false;
	}
	return true;
}

/* Depth is limited by the scan. */
static size_t count_members(struct json_object *object)
{
	size_t n = 0;

	if (json_object_is_type(object, json_type_array))
		for (size_t i = 0; i < json_object_array_length(object); i++)
			n += count_members(json_object_array_get_idx(object, i));

	if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, key, value)
		{
			(void)key;
			n += 1 + count_members(value);
		}
	}
	return n;
}

static int parse_scanned(const struct scan *scan, const char *what, struct json_object **ret,
			 struct fault *fault)
{
	/* json-c counts the scalars inside as a level of their own. */
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	struct json_object *object;
	enum json_tokener_error error;
	size_t end;

	if (!tokener)
		return fault_set(fault, ENOMEM, "%s: %m", what);

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, scan->text, (int)scan->size);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	if (error == json_tokener_continue) {
		/* The end of a number at the very end is only seen with the NUL behind it. */
		object = json_tokener_parse_ex(tokener, "", 1);
		error = json_tokener_get_error(tokener);
	}
	json_tokener_free(tokener);

	if (error != json_tokener_success)
		return fault_set(fault, EBADMSG, "%s: bad JSON at byte %zu: %s", what, end,
				 json_tokener_error_desc(error));
	*ret = object;
	return 0;
}

int json_parse(const char *text, size_t size, const char *what, struct json_object **ret,
	       struct fault *fault)
{
	struct scan scan = { .text = text, .size = size };
	_cleanup_json_ struct json_object *object = NULL;
	int r;

	if (size > JSON_SIZE_MAX)
		return fault_set(fault, EBADMSG, "%s: bad JSON: %zu bytes, more than %lu", what,
				 size, JSON_SIZE_MAX);
	if (!scan_text(&scan))
		return fault_set(fault, EBADMSG, "%s: bad JSON at byte %zu: %s", what, scan.at,
				 scan.problem);

	r = parse_scanned(&scan, what, &object, fault);
	if (r < 0)
		return r;
	if (!object)
		return fault_set(fault, EBADMSG, "%s: bad JSON: null", what);
	if (count_members(object) != scan.members)
		return fault_set(fault, EBADMSG, "%s: bad JSON: a key stands twice in an object",
				 what);

	*ret = take_ptr(object);
	return 0;
}

/* 1 and the value, 0 when absent or null, -EBADMSG when it is of another type. */
static int get(struct json_object *object, const char *key, enum json_type type,
	       struct json_object **ret, struct fault *fault)
{
	struct json_object *value;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "expected an object with the key '%s', got %s",
				 key, json_type_to_name(json_object_get_type(object)));
	if (!json_object_object_get_ex(object, key, &value) || !value)
		return 0;
	if (!json_object_is_type(value, type))
		return fault_set(fault, EBADMSG, "key '%s': expected %s, got %s", key,
				 json_type_to_name(type),
				 json_type_to_name(json_object_get_type(value)));
	*ret = value;
	return 1;
}

int json_get_text(struct json_object *object, const char *key, const char **ret,
		  struct fault *fault)
{
	struct json_object *value = NULL;
	const char *text;
	int r;

	r = get(object, key, json_type_string, &value, fault);
	if (r <= 0)
		return r;

	text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value))
		return fault_set(fault, EBADMSG, "key '%s': \\u0000 in a string", key);
	*ret = text;
	return 1;
}

int json_get_u64(struct json_object *object, const char *key, uint64_t *ret, struct fault *fault)
{
	struct json_object *value = NULL;
	int r;

	r = get(object, key, json_type_int, &value, fault);
	if (r <= 0)
		return r;

	if (json_object_get_int64(value) < 0)
		return fault_set(fault, EBADMSG, "key '%s': %jd is negative", key,
				 (intmax_t)json_object_get_int64(value));
	*ret = json_object_get_uint64(value);
	return 1;
}

int json_get_i64(struct json_object *object, const char *key, int64_t *ret, struct fault *fault)
{
	struct json_object *value = NULL;
	int r;

	r = get(object, key, json_type_int, &value, fault);
	if (r <= 0)
		return r;

	/* A negative number reads as 0 here. */
	if (json_object_get_uint64(value) > INT64_MAX)
		return fault_set(fault, EBADMSG, "key '%s': %ju is out of range", key,
				 (uintmax_t)json_object_get_uint64(value));
	*ret = json_object_get_int64(value);
	return 1;
}

int json_get_bool(struct json_object *object, const char *key, bool *ret, struct fault *fault)
{
	struct json_object *value = NULL;
	int r;

	r = get(object, key, json_type_boolean, &value, fault);
	if (r > 0)
		*ret = json_object_get_boolean(value);
	return r;
}

int json_get_array(struct json_object *object, const char *key, struct json_object **ret,
		   struct fault *fault)
{
	return get(object, key, json_type_array, ret, fault);
}

int json_get_object(struct json_object *object, const char *key, struct json_object **ret,
		    struct fault *fault)
{
	return get(object, key, json_type_object, ret, fault);
}

int json_set(struct json_object *object, const char *key, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_object_add(object, key, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_set_text(struct json_object *object, const char *key, const char *value)
{
	_cleanup_free_ char *copy = NULL;

	if (!value)
		return 0;
	if (!text_is_utf8(value)) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
		text_make_utf8(copy);
		value = copy;
	}
	return json_set(object, key, json_object_new_string(value));
}

int json_set_u64(struct json_object *object, const char *key, uint64_t value)
{
	return json_set(object, key, json_object_new_uint64(value));
}

int json_set_bool(struct json_object *object, const char *key, bool value)
{
	return json_set(object, key, json_object_new_boolean(value));
}

int json_append(struct json_object *array, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_array_add(array, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

const char *json_text(struct json_object *object)
{
	return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
}
