#pragma once

/* What an answer in XML has to say, as a table: which element goes into which member of a struct.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

enum xml_field_type {
	XML_FIELD_TEXT,   /* char[] */
	XML_FIELD_NUMBER, /* uint64_t */
	XML_FIELD_BOOL,   /* bool: "true", "false" */
	XML_FIELD_TIME,   /* uint64_t: milliseconds since the epoch */
};

struct xml_field {
	const char *path; /* from the root on; NULL ends a table */
	enum xml_field_type type;
	size_t offset;
	size_t size; /* XML_FIELD_TEXT */
};

#define XML_TEXT_FIELD(path_, type_, member_)                             \
	{                                                                 \
		(path_), XML_FIELD_TEXT, offsetof(struct type_, member_), \
			sizeof(((struct type_ *)0)->member_)              \
	}
#define XML_VALUE_FIELD(path_, kind_, type_, member_)                \
	{                                                            \
		(path_), (kind_), offsetof(struct type_, member_), 0 \
	}

/* Puts the text of an element where the table says, if it says so: 1, else 0. -EBADMSG for a text
 * that does not fit, or is not of the type. */
int xml_field_read(const struct xml_field *fields, const char *path, const char *text, void *object,
		   struct fault *fault) _must_check_;
