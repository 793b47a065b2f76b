#include "common/base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"

static const int transient_errnos[] = {
	EAGAIN,     EBUSY,        EINTR,       ETIMEDOUT, ECONNREFUSED,
	ECONNRESET, EHOSTUNREACH, ENETUNREACH, ENETDOWN,  EPIPE,
};

static const int transient_statuses[] = { 408, 429, 500, 502, 503, 504 };

static const char *const transient_codes[] = {
	"Throttling",
	"ThrottlingException",
	"RequestLimitExceeded",
	"ProvisionedThroughputExceededException",
	"SlowDown",
	"InternalError",
	"ServiceUnavailable",
	"RequestTimeout",
	"TransactionInProgressException",
};

/* %m is the text of error. What does not fit is cut between two characters; what would steer a
 * terminal, such as a name out of a damaged file, is made harmless. */
static void _printf_(4, 0)
	print_text(char *text, size_t size, int error, const char *format, va_list args)
{
	int saved_errno = errno;

	errno = error;
	if (vsnprintf(text, size, format, args) < 0)
		text[0] = '\0';
	errno = saved_errno;
	text[utf8_cut(text, strlen(text))] = '\0';
	str_clean(text);
}

/* All three print beside the fault first, as the arguments may point into it. */
int fault_set(struct fault *fault, int error, const char *format, ...)
{
	struct fault fresh = {};
	va_list args;

	if (error < 0)
		error = -error;
	if (!fault)
		return -error;

	va_start(args, format);
	print_text(fresh.text, sizeof(fresh.text), error, format, args);
	va_end(args);
	*fault = fresh;
	return -error;
}

int fault_cure(struct fault *fault, int r, const char *format, ...)
{
	char cure[FAULT_CURE_MAX];
	va_list args;

	if (!fault || r >= 0)
		return r;

	va_start(args, format);
	print_text(cure, sizeof(cure), -r, format, args);
	va_end(args);
	strncpy(fault->cure, cure, sizeof(fault->cure));
	return r;
}

int fault_wrap(struct fault *fault, int r, const char *format, ...)
{
	char text[FAULT_TEXT_MAX];
	const char *between;
	va_list args;
	size_t used;

	if (!fault || r >= 0)
		return r;

	va_start(args, format);
	print_text(text, sizeof(text), -r, format, args);
	va_end(args);
	used = strlen(text);
	between = used == 0 || text[used - 1] == ' ' ? "" : ": ";
	(void)snprintf(text + used, sizeof(text) - used, "%s%s", between, fault_text(fault, r));
	text[utf8_cut(text, strlen(text))] = '\0';
	strncpy(fault->text, text, sizeof(fault->text));
	return r;
}

const char *fault_text(const struct fault *fault, int r)
{
	if (fault && fault->text[0])
		return fault->text;
	return strerror(r < 0 ? -r : r);
}

bool fault_is_transient(int r, const struct fault *fault)
{
	if (r >= 0)
		return false;

	for (size_t i = 0; i < ARRAY_SIZE(transient_errnos); i++)
		if (r == -transient_errnos[i])
			return true;
	if (!fault)
		return false;

	for (size_t i = 0; i < ARRAY_SIZE(transient_statuses); i++)
		if (fault->status == transient_statuses[i])
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(transient_codes); i++)
		if (strcmp(fault->code, transient_codes[i]) == 0)
			return true;
	return false;
}
