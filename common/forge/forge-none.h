#pragma once

/* The forge that needs nothing but the store: commands are put into a mailbox there. */

#include "common/forge/forge.h"

int forge_none_open(struct store *store, struct forge **ret, struct fault *fault) _must_check_;
