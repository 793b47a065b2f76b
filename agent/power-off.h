#pragma once

/* The end of the machine, by a program that ends it. */

#include "common/base/fault.h"
#include "common/base/macro.h"

/* Runs it (a path, or a name to be looked up in PATH), without arguments, without a shell and with
 * nothing in its environment but PATH, and waits for it: what it says goes where ours does. An exit
 * code that is not 0 is -EIO. */
int power_off(const char *program, struct fault *fault) _must_check_;
