#pragma once

/* A value that must not be shown. Being a struct, it cannot slip into a printf() as a string;
 * whoever needs the bytes must ask for them by name. */

#include <stddef.h>

#include "common/base/macro.h"

/* Room for any key or token that a forge or cloud hands out. */
#define SECRET_MAX_BYTES (64UL * 1024)

struct secret {
	char *bytes; /* owned, NUL-terminated; use secret_reveal() */
	size_t size;
};

/* Copies; the caller wipes its own copy. Size 0 empties it. -EFBIG above SECRET_MAX_BYTES. */
int secret_set(struct secret *secret, const char *bytes, size_t size) _must_check_;
/* Wipes and frees; the secret is empty afterwards. */
void secret_done(struct secret *secret);
/* The bytes themselves, "" when empty. Never into a log, argv or environment. */
const char *secret_reveal(const struct secret *secret);
/* What may be shown instead: "[secret]" or "[unset]". */
const char *secret_redacted(const struct secret *secret);

#define _cleanup_secret_ _cleanup_(secret_done)
