#include "common/base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct unit {
	const char *name;
	uint64_t value;
};

#define USEC_PER_MIN (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* From large to small, as they must stand in a text. The first name of a value is printed. */
static const struct unit duration_units[] = {
	{ "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR }, { "min", USEC_PER_MIN },
	{ "m", USEC_PER_MIN }, { "s", USEC_PER_SEC },  { "ms", USEC_PER_MSEC },
	{ "us", 1 },
};

/* Of a number that stands alone. */
static const struct unit bare_unit = { "", USEC_PER_SEC };

static const struct unit size_units[] = {
	{ "", 1 },           { "B", 1 },
	{ "K", 1ULL << 10 }, { "KiB", 1ULL << 10 },
	{ "M", 1ULL << 20 }, { "MiB", 1ULL << 20 },
	{ "G", 1ULL << 30 }, { "GiB", 1ULL << 30 },
	{ "T", 1ULL << 40 }, { "TiB", 1ULL << 40 },
};

static const struct {
	const char *name;
	bool value;
} bool_words[] = {
	{ "yes", true }, { "true", true },   { "on", true },   { "1", true },
	{ "no", false }, { "false", false }, { "off", false }, { "0", false },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at *text, which is moved behind them: all of them, also when they are too many. */
static int take_u64(const char **text, uint64_t *ret)
{
	uint64_t value = 0;
	bool overflow = false;

	if (!is_digit(**text))
		return -EINVAL;

	for (; is_digit(**text); (*text)++) {
		overflow |= __builtin_mul_overflow(value, 10, &value);
		overflow |= __builtin_add_overflow(value, (uint64_t)(**text - '0'), &value);
	}
	if (overflow)
		return -ERANGE;

	*ret = value;
	return 0;
}

int parse_u64(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	int r;

	if (!text)
		return -EINVAL;

	r = take_u64(&text, &value);
	if (*text)
		return -EINVAL; /* outranks -ERANGE: "99999999999999999999x" is no number */
	if (r < 0)
		return r;

	*ret = value;
	return 0;
}

/* The unit that begins at *text and ends before a digit or the end; the text is moved behind it. */
static const struct unit *take_unit(const char **text, const struct unit *units, size_t n)
{
	size_t size = strcspn(*text, "0123456789");

	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].name) == size && memcmp(*text, units[i].name, size) == 0) {
			*text += size;
			return &units[i];
		}
	return NULL;
}

int parse_duration(const char *text, uint64_t *ret_usec)
{
	uint64_t sum = 0, count = 0, product;
	uint64_t limit = UINT64_MAX; /* units must get smaller */
	const struct unit *unit;
	bool overflow = false;

	if (!text)
		return -EINVAL;

	do {
		bool first = limit == UINT64_MAX;
		int r = take_u64(&text, &count);

		if (r == -EINVAL)
			return r;
		overflow |= r == -ERANGE;

		if (first && *text == '\0')
			unit = &bare_unit;
		else
			unit = take_unit(&text, duration_units, ARRAY_SIZE(duration_units));
		if (!unit || unit->value >= limit)
			return -EINVAL;
		limit = unit->value;

		overflow |= __builtin_mul_overflow(count, unit->value, &product);
		overflow |= __builtin_add_overflow(sum, product, &sum);
	} while (*text);

	if (overflow)
		return -ERANGE;
	*ret_usec = sum;
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	const struct unit *unit;
	uint64_t count = 0, bytes;
	int r;

	if (!text)
		return -EINVAL;

	r = take_u64(&text, &count);
	if (r == -EINVAL)
		return r;
	unit = take_unit(&text, size_units, ARRAY_SIZE(size_units));
	if (!unit || *text)
		return -EINVAL;
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(count, unit->value, &bytes))
		return -ERANGE;

	*ret_bytes = bytes;
	return 0;
}

int parse_bool(const char *text, bool *ret)
{
	if (!text)
		return -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(bool_words); i++)
		if (strcasecmp(text, bool_words[i].name) == 0) {
			*ret = bool_words[i].value;
			return 0;
		}
	return -EINVAL;
}

const char *format_duration(uint64_t usec, char *text, size_t size)
{
	size_t used = 0;

	(void)snprintf(text, size, "0s");
	for (size_t i = 0; i < ARRAY_SIZE(duration_units) && used < size; i++) {
		const struct unit *unit = &duration_units[i];

		if (usec < unit->value)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%llu%s",
					 (unsigned long long)(usec / unit->value), unit->name);
		usec %= unit->value;
	}
	return text;
}

const char *format_time_ms(uint64_t epoch_ms, char *text, size_t size)
{
	time_t seconds = (time_t)(epoch_ms / MSEC_PER_SEC);
	struct tm tm;

	if (epoch_ms == 0 || !gmtime_r(&seconds, &tm)) {
		(void)snprintf(text, size, "-");
		return text;
	}

	(void)snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		       (unsigned)(epoch_ms % MSEC_PER_SEC));
	return text;
}

/* n digits at *text, which is moved behind them. */
static int take_digits(const char **text, unsigned n, unsigned *ret)
{
	unsigned value = 0;

	for (; n > 0; n--, (*text)++) {
		if (!is_digit(**text))
			return -EINVAL;
		value = value * 10 + (unsigned)(**text - '0');
	}
	*ret = value;
	return 0;
}

/* Numbers of fixed width where the pattern has digits (their count); all else stands for itself. */
static int take_pattern(const char **text, const char *pattern, unsigned *values)
{
	for (; *pattern; pattern++) {
		if (is_digit(*pattern)) {
			if (take_digits(text, (unsigned)(*pattern - '0'), values++) < 0)
				return -EINVAL;
			continue;
		}
		if (**text != *pattern)
			return -EINVAL;
		(*text)++;
	}
	return 0;
}

/* ".123456": what is finer than a millisecond is dropped. */
static int take_fraction_ms(const char **text, unsigned *ret_ms)
{
	unsigned ms = 0, weight = 100;

	if (**text != '.') {
		*ret_ms = 0;
		return 0;
	}
	(*text)++;
	if (!is_digit(**text))
		return -EINVAL;
	for (; is_digit(**text); (*text)++) {
		ms += weight * (unsigned)(**text - '0');
		weight /= 10;
	}
	*ret_ms = ms;
	return 0;
}

/* 'Z', or how far the clock there is ahead. */
static int take_zone(const char **text, int64_t *ret_seconds)
{
	unsigned parts[2] = {};
	int64_t seconds;
	char sign = **text;

	if (sign != 'Z' && sign != '+' && sign != '-')
		return -EINVAL;
	(*text)++;
	if (sign != 'Z' && take_pattern(text, "2:2", parts) < 0)
		return -EINVAL;
	if (parts[0] > 23 || parts[1] > 59)
		return -EINVAL;

	seconds = (int64_t)parts[0] * 3600 + (int64_t)parts[1] * 60;
	*ret_seconds = sign == '-' ? -seconds : seconds;
	return 0;
}

int parse_time_ms(const char *text, uint64_t *ret_epoch_ms)
{
	enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, N_PARTS };
	unsigned parts[N_PARTS], ms;
	struct tm tm = {};
	int64_t ahead, seconds;

	if (!text || take_pattern(&text, "4-2-2T2:2:2", parts) < 0 ||
	    take_fraction_ms(&text, &ms) < 0 || take_zone(&text, &ahead) < 0 || *text)
		return -EINVAL;
	if (parts[HOUR] > 23 || parts[MINUTE] > 59 || parts[SECOND] > 60)
		return -EINVAL;

	tm.tm_year = (int)parts[YEAR] - 1900;
	tm.tm_mon = (int)parts[MONTH] - 1;
	tm.tm_mday = (int)parts[DAY];
	seconds = timegm(&tm);
	/* timegm() makes another day of one that there is not. */
	if (tm.tm_mon != (int)parts[MONTH] - 1 || tm.tm_mday != (int)parts[DAY])
		return -EINVAL;

	seconds += (int64_t)parts[HOUR] * 3600 + (int64_t)parts[MINUTE] * 60 + parts[SECOND];
	seconds -= ahead;
	if (seconds < 0)
		return -ERANGE;
	*ret_epoch_ms = (uint64_t)seconds * MSEC_PER_SEC + ms;
	return 0;
}
