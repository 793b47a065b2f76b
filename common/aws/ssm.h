#pragma once

/* SSM: parameters, of which some are secrets, and which machines its agent answers from. Bodies are
 * JSON (application/x-amz-json-1.1); the header X-Amz-Target is SSM_TARGET and the operation. */

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/base/secret.h"

#define SSM_TARGET "AmazonSSM."
#define SSM_INSTANCES_MAX 50 /* ids in one request */

/* GetParameter, in clear. */
int ssm_get_parameter(const char *name, struct buf *ret) _must_check_;
struct ssm_parameter {
	struct secret value;
	uint64_t version;
};
int ssm_parameter_read(const char *body, size_t size, struct ssm_parameter *ret,
		       struct fault *fault) _must_check_;
void ssm_parameter_done(struct ssm_parameter *parameter);
#define _cleanup_ssm_parameter_ _cleanup_(ssm_parameter_done)

/* PutParameter, encrypted, in place of one that is there; the answer has nothing that is needed.
 * The body holds the secret. */
int ssm_put_parameter(const char *name, const struct secret *value, struct buf *ret) _must_check_;

/* PutParameter, in clear, in place of one that is there. */
int ssm_put_text(const char *name, const char *value, struct buf *ret) _must_check_;
/* DeleteParameter. */
int ssm_delete_parameter(const char *name, struct buf *ret) _must_check_;

/* DescribeInstanceInformation; -EINVAL for none or too many ids. What is not in the answer has
 * never reported. */
int ssm_describe_instances(const char *const *ids, size_t n, const char *next,
			   struct buf *ret) _must_check_;
struct ssm_instance {
	char id[32];
	char ping[32]; /* "Online", "ConnectionLost", "Inactive" */
	char version[32];
};
typedef int ssm_instance_fn(const struct ssm_instance *instance, void *context,
			    struct fault *fault);
/* next: as the page's; "" for the last. */
#define SSM_NEXT_MAX 4096
int ssm_instances_read(const char *body, size_t size, ssm_instance_fn *each, void *context,
		       char *ret_next, size_t next_size, struct fault *fault) _must_check_;
