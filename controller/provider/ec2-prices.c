#include "controller/provider/ec2-prices.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"

#define MICROS_PER_DOLLAR UINT64_C(1000000)
#define WHITE " \t\r"
#define ROWS_STEP 1024 /* room for so many more at once */

void ec2_prices_done(struct ec2_prices *prices)
{
	free(prices->rows);
	*prices = (struct ec2_prices){};
}

/* --- amounts --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int ec2_price_parse(const char *text, uint64_t *ret_micros)
{
	uint64_t micros = 0, unit = MICROS_PER_DOLLAR;

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++) {
		micros = micros * 10 + (uint64_t)(*text - '0') * MICROS_PER_DOLLAR;
		if (micros > EC2_PRICE_MAX_MICROS)
			return -ERANGE;
	}
	if (*text == '.') {
		if (!is_digit(text[1]))
			return -EINVAL;
		for (text++; is_digit(*text); text++) {
			unit /= 10;
			if (unit == 0)
				return -EINVAL;
			micros += (uint64_t)(*text - '0') * unit;
		}
	}
	if (*text)
		return -EINVAL;
	if (micros == 0 || micros > EC2_PRICE_MAX_MICROS)
		return -ERANGE;
	*ret_micros = micros;
	return 0;
}

const char *ec2_price_text(uint64_t micros, char *text, size_t size)
{
	uint64_t whole = micros / MICROS_PER_DOLLAR, rest = micros % MICROS_PER_DOLLAR;
	int digits = 6;

	if (rest == 0) {
		(void)snprintf(text, size, "%" PRIu64, whole);
		return text;
	}
	for (; rest % 10 == 0; rest /= 10)
		digits--;
	(void)snprintf(text, size, "%" PRIu64 ".%0*" PRIu64, whole, digits, rest);
	return text;
}

/* --- the table ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct ec2_price *x = a, *y = b;
	int order = strcmp(x->type, y->type);

	return order != 0 ? order : (int)x->spot - (int)y->spot;
}

static int parse_price(const char *type, const char *usage, const char *dollars,
		       struct ec2_price *price, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];
	int r;

	if (!dollars)
		return fault_set(fault, EBADMSG, "not TYPE USAGE DOLLARS");
	if (str_copy(price->type, sizeof(price->type), type) < 0)
		return fault_set(fault, EBADMSG, "'%s' is no instance type",
				 text_shown(type, shown, sizeof(shown)));
	price->spot = strcmp(usage, "spot") == 0;
	if (!price->spot && strcmp(usage, "on-demand") != 0)
		return fault_set(fault, EBADMSG, "'%s' is neither spot nor on-demand",
				 text_shown(usage, shown, sizeof(shown)));
	r = ec2_price_parse(dollars, &price->micros);
	if (r == -ERANGE)
		return fault_set(fault, EBADMSG, "the price '%s' is zero or above 100000 dollars",
				 text_shown(dollars, shown, sizeof(shown)));
	if (r < 0)
		return fault_set(fault, EBADMSG, "'%s' is no price such as 0.0912",
				 text_shown(dollars, shown, sizeof(shown)));
	return 0;
}

/* 1: a price; 0: a line without one. */
static int parse_line(char *line, struct ec2_price *price, struct fault *fault)
{
	char *comment = strchr(line, '#'), *rest = NULL, *type, *usage, *dollars;
	int r;

	if (comment)
		*comment = '\0';
	type = strtok_r(line, WHITE, &rest);
	if (!type)
		return 0;
	usage = strtok_r(NULL, WHITE, &rest);
	dollars = usage ? strtok_r(NULL, WHITE, &rest) : NULL;
	if (dollars && strtok_r(NULL, WHITE, &rest))
		return fault_set(fault, EBADMSG, "more than TYPE USAGE DOLLARS");
	r = parse_price(type, usage, dollars, price, fault);
	return r < 0 ? r : 1;
}

static int add_line(struct ec2_prices *prices, const char *text, size_t size, struct fault *fault)
{
	char line[EC2_PRICES_LINE_MAX];
	struct ec2_price price = {}, *rows;
	int r;

	if (size >= sizeof(line) || memchr(text, '\0', size))
		return fault_set(fault, EBADMSG, "longer than %zu bytes, or no text",
				 sizeof(line) - 1);
	memcpy(line, text, size);
	line[size] = '\0';
	r = parse_line(line, &price, fault);
	if (r <= 0)
		return r;
	if (prices->n == EC2_PRICES_MAX)
		return fault_set(fault, EBADMSG, "more than %d prices", EC2_PRICES_MAX);
	if (prices->n % ROWS_STEP == 0) {
		rows = reallocarray(prices->rows, prices->n + ROWS_STEP, sizeof(*rows));
		if (!rows)
			return fault_set(fault, ENOMEM, "out of memory");
		prices->rows = rows;
	}
	prices->rows[prices->n++] = price;
	return 0;
}

static int sort(struct ec2_prices *prices, struct fault *fault)
{
	if (prices->n == 0)
		return 0;
	qsort(prices->rows, prices->n, sizeof(*prices->rows), compare);
	for (size_t i = 1; i < prices->n; i++)
		if (compare(&prices->rows[i - 1], &prices->rows[i]) == 0)
			return fault_set(fault, EBADMSG, "%s %s has two prices",
					 prices->rows[i].type,
					 prices->rows[i].spot ? "spot" : "on-demand");
	return 0;
}

int ec2_prices_parse(const char *text, size_t size, struct ec2_prices *ret, struct fault *fault)
{
	_cleanup_ec2_prices_ struct ec2_prices prices = {};
	const char *end = text + size;
	int r;

	if (size > EC2_PRICES_SIZE_MAX)
		return fault_set(fault, EBADMSG, "more than %lu bytes", EC2_PRICES_SIZE_MAX);
	for (size_t number = 1; text < end; number++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			stop = end;
		r = add_line(&prices, text, (size_t)(stop - text), fault);
		if (r < 0)
			return fault_wrap(fault, r, "line %zu", number);
		text = stop < end ? stop + 1 : end;
	}
	r = sort(&prices, fault);
	if (r < 0)
		return r;
	*ret = prices;
	prices = (struct ec2_prices){};
	return 0;
}

int ec2_prices_load(const char *path, struct ec2_prices *ret, struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	r = read_file_alloc_at(AT_FDCWD, path, EC2_PRICES_SIZE_MAX, &text, &size);
	if (r < 0)
		return fault_set(fault, r, "cannot read the prices in %s: %m", path);
	r = ec2_prices_parse(text, size, ret, fault);
	return r < 0 ? fault_wrap(fault, r, "%s", path) : 0;
}

int ec2_prices_lookup(const struct ec2_prices *prices, const char *type, bool spot,
		      uint64_t *ret_micros)
{
	struct ec2_price key = { .spot = spot };
	const struct ec2_price *found;

	if (!prices || prices->n == 0 || str_copy(key.type, sizeof(key.type), type) < 0)
		return -ENOENT;
	found = bsearch(&key, prices->rows, prices->n, sizeof(*prices->rows), compare);
	if (!found)
		return -ENOENT;
	*ret_micros = found->micros;
	return 0;
}
