#include "common/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Small answers fit at once; larger ones double from here. */
#define BUF_FIRST_CAPACITY 256

void buf_init(struct buf *buf, size_t max_bytes)
{
	*buf = (struct buf){ .max = max_bytes };
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ .max = buf->max };
}

/* Room for size more bytes and the NUL behind them. */
static int reserve(struct buf *buf, size_t size)
{
	size_t capacity = buf->capacity;
	char *data;

	if (size > buf->max - buf->size)
		return -ENOBUFS;
	if (buf->size + size < capacity)
		return 0;
	if (buf->size + size == SIZE_MAX)
		return -ENOMEM;

	capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
	if (capacity < BUF_FIRST_CAPACITY)
		capacity = BUF_FIRST_CAPACITY;
	if (capacity > buf->max)
		capacity = buf->max + 1;
	if (capacity <= buf->size + size)
		capacity = buf->size + size + 1;

	data = realloc(buf->data, capacity);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->capacity = capacity;
	return 0;
}

int buf_add(struct buf *buf, const void *data, size_t size)
{
	int r;

	if (size == 0)
		return 0;
	r = reserve(buf, size);
	if (r < 0)
		return r;

	memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return 0;
}

int buf_add_text(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int n, r;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return -EINVAL;
	if (n == 0)
		return 0;

	r = reserve(buf, (size_t)n);
	if (r < 0)
		return r;

	va_start(args, format);
	vsnprintf(buf->data + buf->size, (size_t)n + 1, format, args);
	va_end(args);
	buf->size += (size_t)n;
	return 0;
}

const char *buf_text(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
	char *data = take_ptr(buf->data);

	buf_init(buf, buf->max);
	return data;
}
