#include "common/aws/form.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 160
#define NUMBER_TEXT_MAX 24

static void keep_error(struct form *form, int r)
{
	if (r < 0 && form->result == 0)
		form->result = r;
}

static void add_text(struct form *form, const char *text)
{
	if (form->result == 0)
		keep_error(form, buf_add_text(form->to, text));
}

int form_encode(struct buf *to, const char *text, const char *plain)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-_.~";
	int r = 0;

	while (*text && r == 0) {
		size_t n = strspn(text, unreserved);

		if (n == 0 && strchr(plain, *text))
			n = 1;
		if (n == 0)
			r = buf_printf(to, "%%%02X", (unsigned char)*text);
		else
			r = buf_add(to, text, n);
		text += n > 0 ? n : 1;
	}
	return r;
}

static void add_member(struct form *form, const char *name, const char *value)
{
	add_text(form, "&");
	add_text(form, name);
	add_text(form, "=");
	if (form->result == 0)
		keep_error(form, form_encode(form->to, value, ""));
}

void form_begin(struct form *form, struct buf *to, const char *action, const char *version)
{
	*form = (struct form){ .to = to };
	keep_error(form, buf_printf(to, "Action=%s&Version=%s", action, version));
}

void form_add(struct form *form, const char *value, const char *name, ...)
{
	char text[NAME_MAX_BYTES] = "";
	va_list args;
	int n;

	if (!value)
		return;
	va_start(args, name);
	n = vsnprintf(text, sizeof(text), name, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		keep_error(form, -EINVAL);
	add_member(form, text, value);
}

void form_add_u64(struct form *form, uint64_t value, const char *name, ...)
{
	char text[NAME_MAX_BYTES] = "", number[NUMBER_TEXT_MAX];
	va_list args;
	int n;

	va_start(args, name);
	n = vsnprintf(text, sizeof(text), name, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		keep_error(form, -EINVAL);
	(void)snprintf(number, sizeof(number), "%" PRIu64, value);
	add_member(form, text, number);
}

int form_end(struct form *form)
{
	return form->result;
}
