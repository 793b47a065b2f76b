#pragma once

/* What errno cannot say: a sentence about where and what, for errors that a remote party, a
 * document or a user is to blame for. Caller's memory, fixed size, may be NULL everywhere. */

#include <stdbool.h>

#include "common/base/macro.h"

#define FAULT_TEXT_MAX 512
#define FAULT_CURE_MAX 256

struct fault {
	int status;    /* HTTP status, 0 when there was none */
	char code[64]; /* the peer's word for it: "Throttling"; empty when it gave none */
	char text[FAULT_TEXT_MAX]; /* what went wrong and where: "beat-period: '3 weeks' is no …" */
	char cure[FAULT_CURE_MAX]; /* what to do about it; empty when there is nothing to say */
};

/* Fills *fault (cut at its size, without control characters; status, code and cure are empty
 * afterwards) and returns -error. error may have either sign; %m in the format is its text. */
int fault_set(struct fault *fault, int error, const char *format, ...) _printf_(3, 4);

/* Adds the cure to a fault that is set. Returns r unchanged, so that it can close a chain. */
int fault_cure(struct fault *fault, int r, const char *format, ...) _printf_(3, 4);

/* Puts words and ": " in front of the text: "cannot open the store" gives "cannot open the store:
 * disk is full". Returns r unchanged. */
int fault_wrap(struct fault *fault, int r, const char *format, ...) _printf_(3, 4);

/* The text, or strerror(-r) when nothing was set. Valid until the fault or errno string changes. */
const char *fault_text(const struct fault *fault, int r);

/* Whether trying again later may help: a fixed table of errnos (EAGAIN, EBUSY, ETIMEDOUT, …),
 * HTTP statuses and codes. */
bool fault_is_transient(int r, const struct fault *fault);
