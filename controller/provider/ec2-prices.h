#pragma once

/* The user's table of prices: lines "TYPE USAGE DOLLARS" per hour, '#' comments. Amounts are whole
 * micro-dollars. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/ec2.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define EC2_PRICES_MAX 8192                 /* rows of a table */
#define EC2_PRICES_SIZE_MAX (1024UL * 1024) /* bytes of its file */
#define EC2_PRICES_LINE_MAX 256
#define EC2_PRICE_MAX_MICROS UINT64_C(100000000000) /* 100,000 dollars an hour: a slip */

struct ec2_price {
	char type[EC2_TYPE_MAX];
	bool spot;
	uint64_t micros;
};
struct ec2_prices {
	struct ec2_price *rows; /* owned; sorted by type and usage */
	size_t n;
};
void ec2_prices_done(struct ec2_prices *prices);
#define _cleanup_ec2_prices_ _cleanup_(ec2_prices_done)

/* -EBADMSG with a fault that names the line; *ret is written only on success. */
int ec2_prices_parse(const char *text, size_t size, struct ec2_prices *ret,
		     struct fault *fault) _must_check_;
/* The same of a file; -EFBIG above EC2_PRICES_SIZE_MAX. */
int ec2_prices_load(const char *path, struct ec2_prices *ret, struct fault *fault) _must_check_;
/* Of one hour. -ENOENT when it is not in the table, or there is none (NULL). */
int ec2_prices_lookup(const struct ec2_prices *prices, const char *type, bool spot,
		      uint64_t *ret_micros) _must_check_;

/* "0.0912": digits, and up to six more behind a point. -EINVAL for anything else, -ERANGE for 0 and
 * above EC2_PRICE_MAX_MICROS. */
int ec2_price_parse(const char *text, uint64_t *ret_micros) _must_check_;
/* The other way, without zeros at the end: "0.0912", "12". Returns text. */
#define EC2_PRICE_TEXT_MAX 32
const char *ec2_price_text(uint64_t micros, char *text, size_t size);
