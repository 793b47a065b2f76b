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

/* "2026-11-24T10:00:00", of which each letter stands for its kind: 0 for a digit. */
static bool looks_like_time(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00";

	for (size_t i = 0; shape[i]; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == '0' ? !digit : text[i] != shape[i])
			return false;
	}
	return true;
}

/* The n digits at text, which are there. */
static int digits(const char *text, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* ".123Z", of which only milliseconds count. */
static int parse_fraction(const char *text, uint64_t *ret_ms)
{
	uint64_t ms = 0, unit = 100;
	size_t n = 0;

	if (*text == '.') {
		n = strspn(text + 1, "0123456789");
		if (n == 0)
			return -EINVAL;
		for (size_t i = 1; i <= n; i++, unit /= 10)
			ms += unit * (uint64_t)digits(text + i, 1);
		text += 1 + n;
	}
	if (strcmp(text, "Z") != 0)
		return -EINVAL;
	*ret_ms = ms;
	return 0;
}

int parse_time_ms(const char *text, uint64_t *ret_ms)
{
	struct tm tm = {}, again;
	uint64_t ms = 0;
	time_t seconds;

	if (!text || !looks_like_time(text))
		return -EINVAL;
	tm.tm_year = digits(text, 4) - 1900;
	tm.tm_mon = digits(text + 5, 2) - 1;
	tm.tm_mday = digits(text + 8, 2);
	tm.tm_hour = digits(text + 11, 2);
	tm.tm_min = digits(text + 14, 2);
	tm.tm_sec = digits(text + 17, 2);
	if (parse_fraction(text + 19, &ms) < 0)
		return -EINVAL;

	/* A day that the calendar does not have comes back as another one. */
	again = tm;
	seconds = timegm(&again);
	if (again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return -EINVAL;
	if (seconds < 0)
		return -ERANGE;
	*ret_ms = (uint64_t)seconds * MSEC_PER_SEC + ms;
	return 0;
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
