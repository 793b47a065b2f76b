/*
 * Check's two entry points for assertions, in place of Check's own: here a test that fails has
 * mostly met what it should. What its code left behind is looked for at the spot: as long as the
 * test's frames are on the stack, what they own is reachable, and what nobody can reach was lost by
 * the code. Then the frames are unwound, so that their cleanups meet the objects as a failed call
 * left them (tests are built with -fexceptions for this).
 */

#include <check.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/torture/torture.h"

void _mark_point(_unused_ const char *file, _unused_ int line)
{
}

void _ck_assert_failed(const char *file, int line, const char *expression, const char *message, ...)
{
	va_list args;

	(void)fprintf(stderr, "%s:%d: ", file, line);
	if (message) {
		va_start(args, message);
		(void)vfprintf(stderr, message, args);
		va_end(args);
	} else {
		(void)fprintf(stderr, "%s", expression);
	}
	(void)fputc('\n', stderr);
	torture_refuse();
}
