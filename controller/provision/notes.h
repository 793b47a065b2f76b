#pragma once

/* What provision saw and did not take, and why: kept beside the run for `paddock why`. */

#include <stddef.h>

#include "controller/controller.h"

#define NOTES_MAX 256 /* the first so many; the rest is only counted */
#define NOTE_TEXT_MAX 160

struct note {
	char machine[MACHINE_ID_MAX]; /* "" = about the run as a whole */
	char text[NOTE_TEXT_MAX];
	uint64_t at_ms;
};

struct notes {
	struct note *rows; /* owned */
	size_t n;
	size_t dropped;
};
void notes_done(struct notes *notes);
#define _cleanup_notes_ _cleanup_(notes_done)

/* What is no printable UTF-8 is noted as '?'. The same words about the same machine are noted once.
 * Out of memory counts as dropped: a note is never worth failing for. */
void notes_add(struct notes *notes, const char *machine, uint64_t at_ms, const char *format, ...)
	_printf_(4, 5);

/* Adds them to what is stored beside the run (item "notes"). */
int notes_write(const struct controller *controller, const char *run_key, const struct notes *notes,
		struct fault *fault) _must_check_;
/* 0, or STORE_REFUSED when there are none. */
int notes_read(const struct controller *controller, const char *run_key, struct notes *ret,
	       struct fault *fault) _must_check_;
