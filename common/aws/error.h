#pragma once

/* What a service of AWS says instead of a result: JSON of DynamoDB, SQS and SSM, XML of EC2, STS
 * and S3, or whatever something in between has put there. */

#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

/*
 * Fills the fault from an answer whose status is not 2xx: status, the service's code and its
 * message, behind what ("dynamodb UpdateItem"). type: the value of the header x-amzn-errortype,
 * NULL when there is none. Never 0; the errno is aws_error_errno()'s. A body that says nothing is
 * no error of its own: the status counts then.
 */
int aws_error(const char *what, int status, const char *type, const char *body, size_t size,
	      struct fault *fault) _must_check_;

/*
 * What a code means, as far as a program can do something about it; by the status where the code is
 * not known. status 0: there was none, as with the errors inside of an answer.
 *
 * -EAGAIN: throttled, or the service is in trouble: later. -ENOSPC: no capacity, or a limit of the
 * account reached: elsewhere, or much later. -EKEYEXPIRED: the credentials have expired. -ETIME:
 * our clock is wrong. -EACCES: not allowed, or not believed. -ENOENT: what was named is not there.
 * -EEXIST: it is there already. -ESTALE: the condition of a write does not hold. -E2BIG: more than
 * may be sent at once. -EINVAL: the request itself is wrong. -EIO: anything else.
 */
int aws_error_errno(const char *code, int status);
