#pragma once

/* What a machine is told at its launch: userdata/boot.sh with the settings of its agent in it. It
 * holds no secrets, for whatever runs on the machine can read it. */

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define USER_DATA_MAX 16384 /* EC2's limit, before it is base 64 */

struct user_data {
	const char *store; /* as machines reach it */
	const char *pool;
	const char *aws_name;
	const char *forge;
	uint64_t boot_usec;
	uint64_t beat_usec;
};

/* The script, behind what the buffer has. -EINVAL for a value that could be read as anything but
 * itself by a shell or a settings' file: with a quote, a newline or the like. */
int user_data_render(const struct user_data *data, struct buf *ret,
		     struct fault *fault) _must_check_;

/* Base 64 of all of it; owned by the caller. */
int user_data_encode(const struct buf *text, char **ret) _must_check_;
