#pragma once

/* S3, as far as putting reports there takes: the path of an object. Errors are aws_error()'s. */

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define S3_KEY_MAX 1024 /* bytes: the service's limit */

/*
 * The path of an object, percent-encoded once and for all: it is signed as it stands. bucket: NULL
 * where the host names it ("reports.s3.us-east-1.amazonaws.com"), else its name, for a service
 * whose host does not. -EINVAL for an empty or too long key, or one that a path could not be told
 * from: with a "/" at its front, or "." and ".." between slashes.
 */
int s3_object_path(const char *bucket, const char *key, struct buf *ret) _must_check_;

/* Whether S3 takes it for a bucket's name that a host name can hold, too: 3 to 63 small letters,
 * digits and '-'. (A '.' would spoil the host's certificate.) */
bool s3_bucket_is_valid(const char *bucket);
