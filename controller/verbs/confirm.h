#pragma once

/* Asks a person before something is done that cannot be undone. */

#include "common/base/fault.h"
#include "common/base/macro.h"

/* Whoever sits at the terminal types the word. 0: they did. -ECANCELED: something else. -EINVAL
 * without a terminal to ask at, with the cure to give --yes. */
int confirm_word(const char *question, const char *word, struct fault *fault) _must_check_;
