#pragma once

/* Words of a text, split at spaces. */

#include <stddef.h>

#include "common/base/macro.h"

struct words {
	char *text;         /* owned */
	const char **words; /* owned; in text */
	size_t n;
};
/* text NULL: no words. -ENOMEM. */
int words_split(const char *text, struct words **ret) _must_check_;
void words_free(struct words *words);
DEFINE_CLEANUP(struct words *, words_free)
