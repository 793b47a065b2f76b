#pragma once

/* What the bodies of all JSON services have in common. Builders return -ENOMEM, and -ENOBUFS where
 * the caller's buffer has no room; nothing else unless they say so. */

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/json.h"

struct aws_tag {
	const char *key;
	const char *value;
};

/* The object as text, behind what the buffer has. */
int aws_body_add(struct buf *buf, struct json_object *object) _must_check_;

/* A new and empty object or array as a member; borrowed from its parent. */
int aws_body_object(struct json_object *parent, const char *key,
		    struct json_object **ret) _must_check_;
int aws_body_array(struct json_object *parent, const char *key,
		   struct json_object **ret) _must_check_;
/* The same as the last element of an array. */
int aws_body_element(struct json_object *array, struct json_object **ret) _must_check_;
/* A text at the end of an array. */
int aws_body_text(struct json_object *array, const char *text) _must_check_;

/* An answer that must be an object; an empty body is taken for "{}". The caller puts the result. */
int aws_answer_parse(const char *body, size_t size, const char *what, struct json_object **ret,
		     struct fault *fault) _must_check_;
/* The n objects of an array that may be absent: *ret is NULL and *ret_n 0 then. */
int aws_answer_objects(struct json_object *object, const char *key, struct json_object **ret,
		       size_t *ret_n, struct fault *fault) _must_check_;
/* A member that must be there, and must fit: -EBADMSG. */
int aws_answer_text(struct json_object *object, const char *key, char *ret, size_t size,
		    struct fault *fault) _must_check_;
