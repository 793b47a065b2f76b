#pragma once

/* Growing bytes with a ceiling given at the start. Always NUL-terminated behind the data. */

#include <stddef.h>

#include "common/base/macro.h"

struct buf {
	char *data; /* owned; NULL until something is added */
	size_t size;
	size_t capacity;
	size_t max;
};

/* Ready for use and empty; max_bytes is the ceiling of size. */
void buf_init(struct buf *buf, size_t max_bytes);
void buf_done(struct buf *buf);

/* -ENOBUFS when the ceiling would be passed (nothing added then), -ENOMEM. */
int buf_add(struct buf *buf, const void *data, size_t size) _must_check_;
int buf_add_text(struct buf *buf, const char *text) _must_check_;
int buf_printf(struct buf *buf, const char *format, ...) _printf_(2, 3) _must_check_;

/* The data as a string, never NULL. */
const char *buf_text(const struct buf *buf);
/* Hands the memory over; the buffer is empty afterwards. NULL when nothing was added. */
char *buf_take(struct buf *buf);

#define _cleanup_buf_ _cleanup_(buf_done)
