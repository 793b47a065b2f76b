#include "controller/provider/ec2-prices.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/aws/ec2.h"
#include "common/base/io.h"
#include "common/base/words.h"
#include "common/domain/machine.h"

#define MICROS ((uint64_t)1000000)
#define WHOLE_MAX 999999ULL

struct price {
	char type[EC2_TYPE_MAX];
	bool spot;
	uint64_t micros;
};

struct ec2_prices {
	struct price *rows; /* owned; sorted */
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct price *x = a, *y = b;
	int order = strcmp(x->type, y->type);

	return order != 0 ? order : (int)x->spot - (int)y->spot;
}

static int bad_price(const char *text, struct fault *fault)
{
	return fault_set(fault, EINVAL, "'%.32s' is no price: dollars an hour, such as 0.0912",
			 text);
}

int ec2_price_parse(const char *text, uint64_t *ret_micros, struct fault *fault)
{
	uint64_t whole = 0, part = 0, unit = MICROS;
	const char *at = text;

	if (*at < '0' || *at > '9')
		return bad_price(text, fault);
	for (; *at >= '0' && *at <= '9'; at++) {
		whole = whole * 10 + (uint64_t)(*at - '0');
		if (whole > WHOLE_MAX)
			return bad_price(text, fault);
	}
	if (*at == '.') {
		for (at++; *at >= '0' && *at <= '9' && unit > 1; at++) {
			unit /= 10;
			part += (uint64_t)(*at - '0') * unit;
		}
		if (at[-1] == '.')
			return bad_price(text, fault);
	}
	if (*at != '\0' || whole + part == 0)
		return bad_price(text, fault);
	*ret_micros = whole * MICROS + part;
	return 0;
}

const char *ec2_price_text(uint64_t micros, char *text, size_t size)
{
	size_t n;

	(void)snprintf(text, size, "%" PRIu64 ".%06" PRIu64, micros / MICROS, micros % MICROS);
	n = strlen(text);
	while (n > 2 && text[n - 1] == '0' && text[n - 3] != '.')
		text[--n] = '\0';
	return text;
}

static int read_line(const char *line, struct price *ret, struct fault *fault)
{
	_cleanup_(words_freep) struct words *words = NULL;
	int r = words_split(line, &words);

	if (r < 0)
		return r;
	if (words->n != 3)
		return fault_set(fault, EINVAL, "is not TYPE USAGE DOLLARS");
	*ret = (struct price){ .spot = strcmp(words->words[1], usage_names[USAGE_SPOT]) == 0 };
	if (!ret->spot && strcmp(words->words[1], usage_names[USAGE_ON_DEMAND]) != 0)
		return fault_set(fault, EINVAL, "'%.32s' is neither on-demand nor spot",
				 words->words[1]);
	if (str_copy(ret->type, sizeof(ret->type), words->words[0]) < 0)
		return fault_set(fault, EINVAL, "'%.64s' is no instance type", words->words[0]);
	return ec2_price_parse(words->words[2], &ret->micros, fault);
}

static int add_row(struct ec2_prices *prices, const struct price *row, struct fault *fault)
{
	struct price *rows;

	if (prices->n == EC2_PRICES_MAX)
		return fault_set(fault, EINVAL, "is one of more than %d", EC2_PRICES_MAX);
	rows = reallocarray(prices->rows, prices->n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	prices->rows = rows;
	rows[prices->n++] = *row;
	return 0;
}

/* The text up to a comment, with blanks for whatever separates. */
static void clean_line(char *line)
{
	line[strcspn(line, "#")] = '\0';
	for (; *line; line++) {
		if (*line == '\t' || *line == '\r')
			*line = ' ';
	}
}

static int check_doubles(const struct ec2_prices *prices, const char *name, struct fault *fault)
{
	for (size_t i = 1; i < prices->n; i++) {
		if (compare(&prices->rows[i - 1], &prices->rows[i]) == 0)
			return fault_set(fault, EINVAL, "%s: %s has two prices", name,
					 prices->rows[i].type);
	}
	return 0;
}

int ec2_prices_parse(const char *text, const char *name, struct ec2_prices **ret,
		     struct fault *fault)
{
	_cleanup_(ec2_prices_freep) struct ec2_prices *prices = calloc(1, sizeof(*prices));
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	unsigned number = 0;
	int r;

	if (!prices || !copy)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		struct price row;

		number++;
		clean_line(line);
		if (line[strspn(line, " ")] == '\0')
			continue;
		r = read_line(line, &row, fault);
		if (r == 0)
			r = add_row(prices, &row, fault);
		if (r < 0)
			return fault_wrap(fault, r, "%s: line %u", name, number);
	}
	if (prices->n > 0)
		qsort(prices->rows, prices->n, sizeof(*prices->rows), compare);
	r = check_doubles(prices, name, fault);
	if (r == 0)
		*ret = take_ptr(prices);
	return r;
}

int ec2_prices_load(const char *path, struct ec2_prices **ret, struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file_alloc_at(AT_FDCWD, path, EC2_PRICES_FILE_MAX, &text, &size);

	if (r < 0)
		return fault_set(fault, r, "cannot read the prices in %s: %m", path);
	return ec2_prices_parse(text, path, ret, fault);
}

void ec2_prices_free(struct ec2_prices *prices)
{
	if (!prices)
		return;
	free(prices->rows);
	free(prices);
}

uint64_t ec2_prices_find(const struct ec2_prices *prices, const char *type, bool spot)
{
	struct price key = { .spot = spot };
	const struct price *row;

	if (!prices || prices->n == 0 || str_copy(key.type, sizeof(key.type), type) < 0)
		return 0;
	row = bsearch(&key, prices->rows, prices->n, sizeof(*prices->rows), compare);
	return row ? row->micros : 0;
}
