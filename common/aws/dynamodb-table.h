#pragma once

/* The table itself: made once by `setup`, looked at by `doctor`. Bodies and readers, as in
 * dynamodb.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/body.h"
#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

struct dynamodb_table {
	const char *name;
	const struct aws_tag *tags;
	size_t n_tags;
	bool protected; /* from deletion */
};

/* CreateTable: both keys of dynamodb.h, paid by request. */
int dynamodb_create_table(const struct dynamodb_table *table, struct buf *ret) _must_check_;
/* DescribeTable. */
int dynamodb_describe_table(const char *table, struct buf *ret) _must_check_;
/* UpdateTable: only whether it may be deleted. */
int dynamodb_protect_table(const char *table, bool protect, struct buf *ret) _must_check_;
/* DeleteTable. */
int dynamodb_delete_table(const char *table, struct buf *ret) _must_check_;

/* UpdateTimeToLive: the attribute holds seconds since the epoch. It must not be on already. */
int dynamodb_expire_by(const char *table, const char *attribute, struct buf *ret) _must_check_;
/* DescribeTimeToLive. */
int dynamodb_describe_expiry(const char *table, struct buf *ret) _must_check_;

/* Of the first four. */
struct dynamodb_description {
	char name[256];
	char arn[1024];
	char status[32]; /* "CREATING", "ACTIVE", "DELETING", … */
	bool protected;
	bool fits;      /* it has the keys of dynamodb.h */
	uint64_t items; /* some hours old */
	uint64_t bytes;
};
int dynamodb_description_read(const char *body, size_t size, struct dynamodb_description *ret,
			      struct fault *fault) _must_check_;

/* Of the last. */
struct dynamodb_expiry {
	char status[32];     /* "ENABLED", "DISABLED", "ENABLING", "DISABLING" */
	char attribute[256]; /* "" where there is none */
};
int dynamodb_expiry_read(const char *body, size_t size, struct dynamodb_expiry *ret,
			 struct fault *fault) _must_check_;
