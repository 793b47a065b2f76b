#pragma once

/* Strict JSON over json-c: one value, nothing behind it, no comments, no duplicate keys, UTF-8,
 * limited depth and size; typed getters that say which key of which document was wrong. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

#define JSON_DEPTH_MAX 16
#define JSON_SIZE_MAX (64UL * 1024 * 1024)

DEFINE_CLEANUP(struct json_object *, json_object_put)
#define _cleanup_json_ _cleanup_(json_object_putp)

/* what names the document in the fault: "run record". The caller puts the result. -EBADMSG, also
 * for a document that is just null. */
int json_parse(const char *text, size_t size, const char *what, struct json_object **ret,
	       struct fault *fault) _must_check_;

/* 1 found, 0 absent or null (*ret untouched), -EBADMSG of the wrong type or out of range. Strings
 * are borrowed from the object. */
int json_get_text(struct json_object *object, const char *key, const char **ret,
		  struct fault *fault) _must_check_;
int json_get_u64(struct json_object *object, const char *key, uint64_t *ret,
		 struct fault *fault) _must_check_;
int json_get_i64(struct json_object *object, const char *key, int64_t *ret,
		 struct fault *fault) _must_check_;
int json_get_bool(struct json_object *object, const char *key, bool *ret,
		  struct fault *fault) _must_check_;
int json_get_array(struct json_object *object, const char *key, struct json_object **ret,
		   struct fault *fault) _must_check_;
int json_get_object(struct json_object *object, const char *key, struct json_object **ret,
		    struct fault *fault) _must_check_;

/* -ENOMEM is the only error. json_set() takes the value over, also when it fails; a NULL value is
 * taken for one that could not be made and is -ENOMEM, so json_set(o, k, json_object_new_…()) is
 * safe. json_set_text() leaves the key alone when the value is NULL; what is no UTF-8 in it becomes
 * '?', byte for byte: a reason that was cut short must not make a whole record unreadable. */
int json_set(struct json_object *object, const char *key, struct json_object *value) _must_check_;
int json_set_text(struct json_object *object, const char *key, const char *value) _must_check_;
int json_set_u64(struct json_object *object, const char *key, uint64_t value) _must_check_;
int json_set_bool(struct json_object *object, const char *key, bool value) _must_check_;
int json_append(struct json_object *array, struct json_object *value) _must_check_;

/* One line, no spaces; borrowed from the object. NULL when there is no memory. */
const char *json_text(struct json_object *object);
