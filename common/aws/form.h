#pragma once

/* The bodies of the query services (EC2, STS): names and values, percent-encoded. The first error
 * is kept, and form_end() returns it. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/macro.h"

/* Adds a text with all but what RFC 3986 calls unreserved percent-encoded; plain: further
 * characters that stay as they are, "" for none. */
int form_encode(struct buf *to, const char *text, const char *plain) _must_check_;

struct form {
	struct buf *to; /* borrowed */
	int result;
};

/* "Action=…&Version=…", behind what the buffer has. */
void form_begin(struct form *form, struct buf *to, const char *action, const char *version);

/* One more member; the name is a format: "Filter.%zu.Name". A NULL value adds nothing. */
void form_add(struct form *form, const char *value, const char *name, ...) _printf_(3, 4);
void form_add_u64(struct form *form, uint64_t value, const char *name, ...) _printf_(3, 4);

/* -ENOMEM, -ENOBUFS where the buffer has no room. */
int form_end(struct form *form) _must_check_;
