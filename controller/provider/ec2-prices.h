#pragma once

/*
 * What instances cost, by a table that the user gives: prices differ by region, contract and hour,
 * and asking AWS for them takes megabytes. Lines of TYPE USAGE DOLLARS, such as
 *	m6i.large on-demand 0.115
 * and comments that start with '#'. Prices are in millionths of a dollar an hour.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

#define EC2_PRICES_MAX 8192               /* lines */
#define EC2_PRICES_FILE_MAX (1024 * 1024) /* bytes */

struct ec2_prices;

/* *ret is the caller's. -EINVAL, with the line in the fault. */
int ec2_prices_parse(const char *text, const char *name, struct ec2_prices **ret,
		     struct fault *fault) _must_check_;
int ec2_prices_load(const char *path, struct ec2_prices **ret, struct fault *fault) _must_check_;
void ec2_prices_free(struct ec2_prices *prices);
DEFINE_CLEANUP(struct ec2_prices *, ec2_prices_free)

/* 0: not known. prices may be NULL. */
uint64_t ec2_prices_find(const struct ec2_prices *prices, const char *type, bool spot);

/* "0.0912": digits, and at most 6 of them behind a point; above 0 and below a million. -EINVAL. */
int ec2_price_parse(const char *text, uint64_t *ret_micros, struct fault *fault) _must_check_;
/* "0.0912", for people; no zeros at its end beyond cents. */
#define EC2_PRICE_TEXT_MAX 24
const char *ec2_price_text(uint64_t micros, char *text, size_t size);
