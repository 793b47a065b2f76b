#pragma once

/*
 * The store in one DynamoDB table: partition key pk, sort key sk (common/aws/dynamodb.h). A machine
 * record is the kind "machine" of its id's partition; an item is its kind of its partition. So what
 * an instance's role may touch can be held to its own machine.
 *
 * Changes are judged here and pinned there (dynamodb-machine.h). Scans are parallel, in segments.
 * Expired items are as good as absent at once; DynamoDB deletes them by itself some time later.
 * There is nothing to watch.
 */

#include "common/store/store.h"

struct dynamodb_options {
	const char *table; /* 3 to 255 of letters, digits, '_', '-', '.' */
	/* NULL: as the AWS CLI finds them. The profile must outlive the store. */
	const char *region, *profile;
	bool create; /* a table that is not there */
	const struct clock *clock;
	/* Its now is the clock's, as it is: for tests, which own the clock. Otherwise it is the
	 * service's, told by its answers. */
	bool own_clock;
};

/* -ENOENT without a table unless create; -EMEDIUMTYPE for a table with other keys; -ENOKEY without
 * credentials; and aws_error_errno()'s. */
int store_dynamodb_open(const struct dynamodb_options *options, struct store **ret,
			struct fault *fault) _must_check_;

/* What its calls have cost so far, in thousandths of capacity units, as the service has told. */
struct dynamodb_usage {
	uint64_t calls, capacity_milli;
};
struct dynamodb_usage store_dynamodb_usage(const struct store *store);

/* How the table stands; all of it is empty or false when there is none. */
struct dynamodb_look {
	char region[32];
	char status[32]; /* "ACTIVE", "CREATING", "DELETING", …; "": there is no such table */
	bool fits;       /* it has Paddock's keys */
	bool expires;    /* by Paddock's attribute, or is about to */
};
int store_dynamodb_look(const struct dynamodb_options *options, struct dynamodb_look *ret,
			struct fault *fault) _must_check_;
/* Switches the expiry of items on; it must not be on already. */
int store_dynamodb_set_expiry(const struct dynamodb_options *options,
			      struct fault *fault) _must_check_;

/* Takes the table away, protection included. 0 also when there is none. */
int store_dynamodb_destroy(const struct dynamodb_options *options,
			   struct fault *fault) _must_check_;
