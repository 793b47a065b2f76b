#pragma once

/* The exit codes of every verb of every program. One table: help and manual print it too. */

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,      /* it went wrong; or a probe verdict `lies` */
	EXIT_USAGE = 2,       /* the command line, a setting or a request is wrong */
	EXIT_UNAVAILABLE = 3, /* not available on this machine */
	EXIT_PARTIAL = 4,     /* done in part, or degraded */
	EXIT_NO_CAPACITY = 5, /* no machine could be had */
	EXIT_AGAIN = 75,      /* a passing trouble: try again (sysexits' EX_TEMPFAIL) */
};

struct exit_row {
	enum exit_code code;
	const char *meaning;
};

/* Ends with a row whose meaning is NULL. */
extern const struct exit_row exit_rows[];
