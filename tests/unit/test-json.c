#include <errno.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/base/json.h"
#include "tests/test.h"

static int parse(const char *text, struct json_object **ret, struct fault *fault)
{
	return json_parse(text, strlen(text), "run record", ret, fault);
}

static struct json_object *parsed(const char *text)
{
	struct json_object *object = NULL;
	struct fault fault = {};

	ck_assert_ptr_nonnull(text);
	ck_assert_msg(parse(text, &object, &fault) == 0, "%s: %s", text, fault.text);
	ck_assert_ptr_nonnull(object);
	return object;
}

START_TEST(takes_every_kind_of_json)
{
	static const struct {
		const char *text;
		const char *canonical;
	} cases[] = {
		{ "{}", "{}" },
		{ "[]", "[]" },
		{ " { \"a\" : [ 1 , true , false , null ] } \r\n\t",
		  "{\"a\":[1,true,false,null]}" },
		{ "42", "42" },
		{ "-1", "-1" },
		{ "0", "0" },
		{ "\"text\"", "\"text\"" },
		{ "true", "true" },
		{ "{\"\":0}", "{\"\":0}" },
		{ "[0.5,-0.5,1e3,1E-3,1.25e+2]", "[0.5,-0.5,1e3,1E-3,1.25e+2]" },
		{ "[18446744073709551615,-9223372036854775808]",
		  "[18446744073709551615,-9223372036854775808]" },
		{ "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
		  "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}" },
		{ "[{\"a\":1},{\"a\":1}]", "[{\"a\":1},{\"a\":1}]" },
		{ "{\"a:b\":\"c:d\",\"'\":\"'\",\"N\":\"//\"}",
		  "{\"a:b\":\"c:d\",\"'\":\"'\",\"N\":\"//\"}" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
		  "\"\\\"\\\\/\\b\\f\\n\\r\\té😀\"" },
		{ "{\"a\\\":1\":1}", "{\"a\\\":1\":1}" },
		{ "\"é😀\"", "\"é😀\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *object = parsed(cases[i].text);

		ck_assert_str_eq(json_text(object), cases[i].canonical);
	}
}
END_TEST

static const char *const not_strict[] = {
	"",
	" ",
	"null",
	" null ",
	"{",
	"}",
	"[",
	"]",
	"[}",
	"{]",
	"\"",
	"\"\\",
	"\"\\\"",
	"{}{}",
	"{} {}",
	"[]]",
	"1 2",
	"{}x",
	"{} //",
	"tru",
	"nul",
	"truefalse",
	"True",
	"TRUE",
	"NULL",
	"hello",
	"{a:1}",
	"{'a':1}",
	"['a']",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\" 1}",
	"{:1}",
	"{\"a\":1,}",
	"{,}",
	"{\"a\":1 \"b\":2}",
	"[1,]",
	"[,1]",
	"[,]",
	"[1 2]",
	"[1:2]",
	"/* c */ {}",
	"{} /* c */",
	"// c\n{}",
	"{/**/}",
	"NaN",
	"[NaN]",
	"Infinity",
	"[-Infinity]",
	"[Infinity]",
	"-",
	"+1",
	"[+1]",
	"[.5]",
	"[1.]",
	"[1.e3]",
	"[1e]",
	"[1e+]",
	"[--1]",
	"[1-1]",
	"[1+1]",
	"[01]",
	"[-01]",
	"[00]",
	"[-00]",
	"[00.5]",
	"[0x10]",
	"[1.2.3]",
	"[1e2e3]",
	"[1_000]",
	"[\"\t\"]",
	"[\"\n\"]",
	"[\"\x01\"]",
	"[\"\x1f\"]",
	"[\"\\x41\"]",
	"[\"\\u12\"]",
	"[\"\\u12g4\"]",
	"[\"\\'\"]",
	"[\"\\0\"]",
	"\xef\xbb\xbf{}",
	"[1]\v",
	"[1\f]",
	"[\"\xff\"]",
	/* json-c takes these for UTF-8: overlong, a surrogate, above U+10FFFF. */
	"[\"\xc0\xb6\"]",
	"[\"\xed\xa0\x80\"]",
	"[\"\xf4\x90\x80\x80\"]",
	"[\"\xe2\x82\"]",
	"[\"\xc3\"]",
	"[\"\xc3(\"]",
	"[\"\xf0\x9f\x98\"]",
};

START_TEST(refuses_what_is_not_strict_json)
{
	for (size_t i = 0; i < ARRAY_SIZE(not_strict); i++) {
		struct json_object *object = NULL;
		struct fault fault = {};

		ck_assert_msg(parse(not_strict[i], &object, &fault) == -EBADMSG, "'%s'",
			      not_strict[i]);
		ck_assert_msg(!object, "'%s'", not_strict[i]);
		ck_assert_msg(strncmp(fault.text, "run record: bad JSON", 20) == 0, "%s",
			      fault.text);
		ck_assert_int_eq(parse(not_strict[i], &object, NULL), -EBADMSG);
	}
}
END_TEST

START_TEST(says_where_and_what_is_wrong)
{
	static const struct {
		const char *text;
		const char *fault;
	} cases[] = {
		{ "{\"a\": 01}", "run record: bad JSON at byte 6: malformed number" },
		{ "[-]", "run record: bad JSON at byte 1: malformed number" },
		{ "[1e+]", "run record: bad JSON at byte 1: malformed number" },
		{ "[\"a\nb\"]", "run record: bad JSON at byte 3: control character in a string" },
		{ "{'a':1}", "run record: bad JSON at byte 1: unexpected character" },
		{ "[\"abc", "run record: bad JSON at byte 5: end in the middle of a string" },
		{ "[99999999999999999999]", "run record: bad JSON at byte 1: number out of range" },
		{ "{\"a\":1", "run record: bad JSON at byte 6: unexpected end of data" },
		{ "{\"a\":1,\"a\":2}", "run record: bad JSON: a key stands twice in an object" },
		{ "{\"a\\u0000\":1}", "run record: bad JSON at byte 10: \\u0000 in a key" },
		{ "null", "run record: bad JSON: null" },
	};
	struct json_object *object = NULL;
	struct fault fault;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(parse(cases[i].text, &object, &fault), -EBADMSG);
		ck_assert_str_eq(fault.text, cases[i].fault);
	}
}
END_TEST

START_TEST(refuses_a_key_that_stands_twice)
{
	static const char *const cases[] = {
		"{\"a\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":1}",
		"{\"a\":1,\"b\":2,\"a\":null}",
		"{\"\":1,\"\":1}",
		"[{\"x\":{\"a\":1,\"a\":2}}]",
		"{\"a\":{\"a\":1},\"a\":{}}",
		"{\"a\":{\"b\":1,\"c\":2},\"a\":{\"b\":1,\"c\":2,\"d\":3}}",
		"{\"\\ud800\":1,\"\\ud801\":2}", /* both become U+FFFD */
	};
	struct json_object *object = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_msg(parse(cases[i], &object, NULL) == -EBADMSG, "'%s'", cases[i]);
		ck_assert_ptr_null(object);
	}
}
END_TEST

START_TEST(refuses_integers_that_64_bits_cannot_hold)
{
	static const char *const cases[] = {
		"[18446744073709551616]",   "[-9223372036854775809]",
		"[-18446744073709551615]",  "[100000000000000000000]",
		"[-100000000000000000000]", "[99999999999999999999999999999999999999999999999999]",
	};
	struct json_object *object = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(parse(cases[i], &object, NULL) == -EBADMSG, "'%s'", cases[i]);
}
END_TEST

/* The value 0 inside n pairs of the texts. */
static char *nested(const char *open, const char *close, size_t n)
{
	_cleanup_buf_ struct buf buf;

	buf_init(&buf, 1 << 20);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(buf_add_text(&buf, open), 0);
	ck_assert_int_eq(buf_add_text(&buf, "0"), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(buf_add_text(&buf, close), 0);
	return buf_take(&buf);
}

START_TEST(goes_down_to_the_depth_limit_and_no_further)
{
	static const struct {
		const char *open, *close;
	} cases[] = { { "[", "]" }, { "{\"a\":", "}" }, { "[[],{},", ",[],1]" } };
	struct json_object *object = NULL;
	struct fault fault = {};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *deep = nested(cases[i].open, cases[i].close, JSON_DEPTH_MAX);
		_cleanup_free_ char *deeper =
			nested(cases[i].open, cases[i].close, JSON_DEPTH_MAX + 1);
		_cleanup_free_ char *deepest = nested(cases[i].open, "", 100000);

		if (i < 2)
			json_object_put(parsed(deep));
		ck_assert_int_eq(parse(deeper, &object, &fault), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(fault.text, "nested too deeply"));
		ck_assert_int_eq(parse(deepest, &object, &fault), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(fault.text, "nested too deeply"));
	}
}
END_TEST

START_TEST(takes_any_number_of_siblings)
{
	_cleanup_free_ char *most = nested("[[]],{\"a\":[]},", "", 1000);
	_cleanup_free_ char *text = str_format("[%s]", most);
	_cleanup_json_ struct json_object *array = parsed(text);

	ck_assert_uint_eq(json_object_array_length(array), 2001);
}
END_TEST

/* The buffer ends where the document does, so that ASan sees a read beyond it. */
START_TEST(stays_within_the_text)
{
	static const char *const cases[] = {
		"123", "-0", "1.5", "1e5", "true", "\"a\"", "{\"a\":1}"
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t size = 0; size <= strlen(cases[i]); size++) {
			_cleanup_free_ char *exact = size > 0 ? calloc(1, size) : NULL;
			_cleanup_json_ struct json_object *object = NULL;
			int r;

			if (size > 0)
				memcpy(exact, cases[i], size);
			r = json_parse(exact, size, "x", &object, NULL);
			if (size == strlen(cases[i]))
				ck_assert_msg(r == 0, "'%s'", cases[i]);
			else
				ck_assert_msg(r == 0 || r == -EBADMSG, "'%s'", cases[i]);
		}
	}
}
END_TEST

START_TEST(refuses_bytes_behind_a_nul)
{
	struct json_object *object = NULL;

	ck_assert_int_eq(json_parse("{}\0", 3, "x", &object, NULL), -EBADMSG);
	ck_assert_int_eq(json_parse("{}\0{}", 5, "x", &object, NULL), -EBADMSG);
	ck_assert_int_eq(json_parse("1\0", 2, "x", &object, NULL), -EBADMSG);
	ck_assert_int_eq(json_parse("[\"a\0b\"]", 7, "x", &object, NULL), -EBADMSG);
	ck_assert_int_eq(json_parse("{}", JSON_SIZE_MAX + 1, "x", &object, NULL), -EBADMSG);
}
END_TEST

/* Whatever one byte is changed to, the answer is yes or no, and a yes reads back. */
START_TEST(survives_every_change_of_a_byte)
{
	static const char text[] =
		"{\"a\":[1,-2.5e3,\"\\u00e9\\n\xc3\xa9\",null],\"b\":{\"c\":true}}";
	char changed[sizeof(text)];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (unsigned byte = 0; byte < 256; byte++) {
			_cleanup_json_ struct json_object *object = NULL;
			struct fault fault = {};
			int r;

			memcpy(changed, text, sizeof(text));
			changed[i] = (char)byte;
			r = json_parse(changed, sizeof(text) - 1, "x", &object, &fault);
			if (r == 0)
				json_object_put(parsed(json_text(object)));
			else
				ck_assert_int_eq(r, -EBADMSG);
			ck_assert_int_eq(fault.text[0] == '\0', r == 0);
		}
}
END_TEST

#define DOCUMENT                                                                                   \
	"{\"text\":\"abc\",\"empty\":\"\",\"nul\":\"a\\u0000b\",\"null\":null,\"zero\":0,"         \
	"\"seq\":7,\"minus\":-7,\"max_u64\":18446744073709551615,\"max_i64\":9223372036854775807," \
	"\"above_i64\":9223372036854775808,\"min_i64\":-9223372036854775808,\"half\":0.5,"         \
	"\"one\":1.0,\"exp\":1e3,\"digits\":\"7\",\"yes\":true,\"no\":false,\"array\":[1],"        \
	"\"object\":{\"a\":1}}"

START_TEST(gets_texts)
{
	static const struct {
		const char *key;
		int r;
		const char *value;
	} cases[] = {
		{ "text", 1, "abc" },         { "empty", 1, "" },
		{ "digits", 1, "7" },         { "absent", 0, NULL },
		{ "null", 0, NULL },          { "nul", -EBADMSG, NULL },
		{ "seq", -EBADMSG, NULL },    { "yes", -EBADMSG, NULL },
		{ "array", -EBADMSG, NULL },  { "half", -EBADMSG, NULL },
		{ "object", -EBADMSG, NULL },
	};
	_cleanup_json_ struct json_object *object = parsed(DOCUMENT);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *value = NULL;
		int r = json_get_text(object, cases[i].key, &value, NULL);

		ck_assert_msg(r == cases[i].r, "%s: %d", cases[i].key, r);
		ck_assert_pstr_eq(value, cases[i].value);
	}
}
END_TEST

START_TEST(gets_numbers)
{
	static const struct {
		const char *key;
		int r_u64, r_i64;
		uint64_t u64;
		int64_t i64;
	} cases[] = {
		{ "zero", 1, 1, 0, 0 },
		{ "seq", 1, 1, 7, 7 },
		{ "minus", -EBADMSG, 1, 42, -7 },
		{ "max_u64", 1, -EBADMSG, UINT64_MAX, 42 },
		{ "max_i64", 1, 1, INT64_MAX, INT64_MAX },
		{ "above_i64", 1, -EBADMSG, INT64_MAX + 1ULL, 42 },
		{ "min_i64", -EBADMSG, 1, 42, INT64_MIN },
		{ "half", -EBADMSG, -EBADMSG, 42, 42 },
		{ "one", -EBADMSG, -EBADMSG, 42, 42 },
		{ "exp", -EBADMSG, -EBADMSG, 42, 42 },
		{ "digits", -EBADMSG, -EBADMSG, 42, 42 },
		{ "yes", -EBADMSG, -EBADMSG, 42, 42 },
		{ "array", -EBADMSG, -EBADMSG, 42, 42 },
		{ "null", 0, 0, 42, 42 },
		{ "absent", 0, 0, 42, 42 },
	};
	_cleanup_json_ struct json_object *object = parsed(DOCUMENT);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t u64 = 42;
		int64_t i64 = 42;
		int r = json_get_u64(object, cases[i].key, &u64, NULL);

		ck_assert_msg(r == cases[i].r_u64, "%s: %d", cases[i].key, r);
		ck_assert_msg(u64 == cases[i].u64, "%s: %ju", cases[i].key, (uintmax_t)u64);
		r = json_get_i64(object, cases[i].key, &i64, NULL);
		ck_assert_msg(r == cases[i].r_i64, "%s: %d", cases[i].key, r);
		ck_assert_msg(i64 == cases[i].i64, "%s: %jd", cases[i].key, (intmax_t)i64);
	}
}
END_TEST

START_TEST(gets_truths_arrays_and_objects)
{
	_cleanup_json_ struct json_object *object = parsed(DOCUMENT);
	struct json_object *inner = NULL;
	uint64_t a = 0;
	bool value = false;

	ck_assert_int_eq(json_get_bool(object, "yes", &value, NULL), 1);
	ck_assert(value);
	ck_assert_int_eq(json_get_bool(object, "absent", &value, NULL), 0);
	ck_assert_int_eq(json_get_bool(object, "null", &value, NULL), 0);
	ck_assert_int_eq(json_get_bool(object, "seq", &value, NULL), -EBADMSG);
	ck_assert(value);
	ck_assert_int_eq(json_get_bool(object, "no", &value, NULL), 1);
	ck_assert(!value);

	ck_assert_int_eq(json_get_array(object, "object", &inner, NULL), -EBADMSG);
	ck_assert_int_eq(json_get_object(object, "array", &inner, NULL), -EBADMSG);
	ck_assert_int_eq(json_get_object(object, "null", &inner, NULL), 0);
	ck_assert_int_eq(json_get_array(object, "absent", &inner, NULL), 0);
	ck_assert_ptr_null(inner);
	ck_assert_int_eq(json_get_array(object, "array", &inner, NULL), 1);
	ck_assert_uint_eq(json_object_array_length(inner), 1);
	ck_assert_int_eq(json_get_object(object, "object", &inner, NULL), 1);
	ck_assert_int_eq(json_get_u64(inner, "a", &a, NULL), 1);
	ck_assert_uint_eq(a, 1);
}
END_TEST

START_TEST(names_the_key_that_is_wrong)
{
	_cleanup_json_ struct json_object *object = parsed(DOCUMENT);
	_cleanup_json_ struct json_object *array = parsed("[1]");
	struct fault fault = {};
	const char *text;
	uint64_t value;
	int64_t i64;

	ck_assert_int_eq(json_get_u64(object, "digits", &value, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "key 'digits': expected int, got string");
	ck_assert_int_eq(json_get_u64(object, "minus", &value, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "key 'minus': -7 is negative");
	ck_assert_int_eq(json_get_i64(object, "max_u64", &i64, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "key 'max_u64': 18446744073709551615 is out of range");
	ck_assert_int_eq(json_get_text(object, "nul", &text, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "key 'nul': \\u0000 in a string");
	ck_assert_int_eq(json_get_text(array, "id", &text, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "expected an object with the key 'id', got array");
	ck_assert_int_eq(json_get_text(NULL, "id", &text, &fault), -EBADMSG);
	ck_assert_str_eq(fault.text, "expected an object with the key 'id', got null");
}
END_TEST

START_TEST(builds_a_document)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();

	ck_assert_int_eq(json_append(array, json_object_new_int(1)), 0);
	ck_assert_int_eq(json_append(array, json_object_new_string("x")), 0);
	ck_assert_int_eq(json_set_text(object, "path", "/a \"b\"\n"), 0);
	ck_assert_int_eq(json_set_text(object, "unset", NULL), 0);
	ck_assert_int_eq(json_set_u64(object, "seq", UINT64_MAX), 0);
	ck_assert_int_eq(json_set_bool(object, "last", true), 0);
	ck_assert_int_eq(json_set(object, "list", array), 0);
	ck_assert_int_eq(json_set_u64(object, "seq", 8), 0);
	ck_assert_str_eq(json_text(object), "{\"path\":\"/a \\\"b\\\"\\n\",\"seq\":8,"
					    "\"last\":true,\"list\":[1,\"x\"]}");
}
END_TEST

START_TEST(sets_no_text_that_could_not_be_read_again)
{
	static const struct {
		const char *given, *read;
	} cases[] = {
		{ "a\xff\x62", "a?b" },
		{ "half a \xc3", "half a ?" },
		{ "\xe2\x82 \xe2\x82\xac", "?? \xe2\x82\xac" },
		{ "\033\n\xc2\x80", "\033\n\xc2\x80" },
		{ "\xed\xa0\x80", "???" },
		{ "\xc0\xaf", "??" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *object = json_object_new_object();
		_cleanup_json_ struct json_object *again = NULL;
		const char *text = NULL;

		ck_assert_int_eq(json_set_text(object, "a", cases[i].given), 0);
		text = json_text(object);
		ck_assert_ptr_nonnull(text);
		ck_assert_int_eq(json_parse(text, strlen(text), "again", &again, NULL), 0);
		ck_assert_int_eq(json_get_text(again, "a", &text, NULL), 1);
		ck_assert_str_eq(text, cases[i].read);
	}
}
END_TEST

START_TEST(takes_a_missing_value_for_missing_memory)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	_cleanup_json_ struct json_object *array = json_object_new_array();

	ck_assert_int_eq(json_set(object, "a", NULL), -ENOMEM);
	ck_assert_int_eq(json_append(array, NULL), -ENOMEM);
	ck_assert_str_eq(json_text(object), "{}");
	ck_assert_str_eq(json_text(array), "[]");
}
END_TEST

TEST_MAIN(takes_every_kind_of_json, refuses_what_is_not_strict_json, says_where_and_what_is_wrong,
	  refuses_a_key_that_stands_twice, refuses_integers_that_64_bits_cannot_hold,
	  goes_down_to_the_depth_limit_and_no_further, takes_any_number_of_siblings,
	  stays_within_the_text, refuses_bytes_behind_a_nul, survives_every_change_of_a_byte,
	  gets_texts, gets_numbers, gets_truths_arrays_and_objects, names_the_key_that_is_wrong,
	  builds_a_document, sets_no_text_that_could_not_be_read_again,
	  takes_a_missing_value_for_missing_memory)
