/*
 * Text to value and back. Each type of setting has one reader; defaults, files, environment and
 * flags all pass through it, so a range or a choice is checked, and explained, in one place.
 */

#include "common/base/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/parse.h"
#include "common/base/text.h"

#define SETTING_TEXT_MAX 255 /* bytes of a text, or of one word of a list */
#define LIST_SEPARATORS " \t\r\n,"

static int refuse_text(const char *text, size_t min, size_t max, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];

	if (*text == '\0' && min > 0)
		return fault_set(fault, EINVAL, "the value is empty");
	if (strlen(text) < min)
		return fault_set(fault, EINVAL, "'%s' is shorter than %zu bytes",
				 text_shown(text, shown, sizeof(shown)), min);
	if (strlen(text) > max)
		return fault_set(fault, EINVAL, "'%s' is longer than %zu bytes",
				 text_shown(text, shown, sizeof(shown)), max);
	if (!text_is_printable(text))
		return fault_set(fault, EINVAL, "'%s' holds a byte that is no printable UTF-8",
				 text_shown(text, shown, sizeof(shown)));
	return 0;
}

static int read_text(const struct setting *row, void *field, const char *text, _unused_ bool add,
		     struct fault *fault)
{
	char **value = field, *copy = NULL;
	int r = refuse_text(text, row->min, row->max > 0 ? row->max : SETTING_TEXT_MAX, fault);

	if (r < 0)
		return r;

	if (*text) {
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*value);
	*value = copy;
	return 0;
}

/* The number as the row's type writes it, so that a range reads as a value would. */
static const char *format_number(enum setting_type type, uint64_t value, char *text, size_t size)
{
	static const char *const units[] = { "", "K", "M", "G" };
	size_t unit = 0;

	if (type == SETTING_DURATION)
		return format_duration(value, text, size);

	if (type == SETTING_SIZE) {
		while (value > 0 && value % 1024 == 0 && unit + 1 < ARRAY_SIZE(units)) {
			value /= 1024;
			unit++;
		}
	}
	(void)snprintf(text, size, "%" PRIu64 "%s", value, units[unit]);
	return text;
}

static int refuse_range(const struct setting *row, const char *text, struct fault *fault)
{
	static const char *const kinds[_SETTING_TYPE_MAX] = {
		[SETTING_U64] = "NUMBER",
		[SETTING_DURATION] = "DURATION",
		[SETTING_SIZE] = "SIZE",
	};
	const char *unit = row->unit ? row->unit : kinds[row->type];
	char shown[SHOWN_TEXT_MAX], min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];

	(void)text_shown(text, shown, sizeof(shown));
	(void)format_number(row->type, row->min, min, sizeof(min));
	(void)format_number(row->type, row->max > 0 ? row->max : UINT64_MAX, max, sizeof(max));
	if (row->min > 0 && row->max == 0)
		return fault_set(fault, EINVAL, "'%s' is out of range: %s must be at least %s",
				 shown, unit, min);
	return fault_set(fault, EINVAL, "'%s' is out of range: %s must be from %s to %s", shown,
			 unit, min, max);
}

/* What a parser of parse.h made of the text: its answer, its value, and what it takes. */
static int read_number(const struct setting *row, uint64_t *field, const char *text, int parsed,
		       uint64_t value, const char *what, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];

	if (parsed < 0 && parsed != -ERANGE)
		return fault_set(fault, EINVAL, "'%s' is no %s",
				 text_shown(text, shown, sizeof(shown)), what);
	if (parsed < 0 || value < row->min || (row->max > 0 && value > row->max))
		return refuse_range(row, text, fault);

	*field = value;
	return 0;
}

static int read_u64(const struct setting *row, void *field, const char *text, _unused_ bool add,
		    struct fault *fault)
{
	uint64_t value = 0;
	int r = parse_u64(text, &value);

	return read_number(row, field, text, r, value, "whole number", fault);
}

static int read_duration(const struct setting *row, void *field, const char *text,
			 _unused_ bool add, struct fault *fault)
{
	uint64_t value = 0;
	int r = parse_duration(text, &value);

	return read_number(row, field, text, r, value,
			   "duration, such as 250ms, 5s, 10min or 1h30min", fault);
}

static int read_size(const struct setting *row, void *field, const char *text, _unused_ bool add,
		     struct fault *fault)
{
	uint64_t value = 0;
	int r = parse_size(text, &value);

	return read_number(row, field, text, r, value, "size, such as 4096, 64K, 16M or 2G", fault);
}

static int read_bool(_unused_ const struct setting *row, void *field, const char *text,
		     _unused_ bool add, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];

	if (parse_bool(text, field) < 0)
		return fault_set(fault, EINVAL, "'%s' is neither yes nor no",
				 text_shown(text, shown, sizeof(shown)));
	return 0;
}

static int refuse_choice(const struct setting *row, const char *text, struct fault *fault)
{
	_cleanup_buf_ struct buf all;
	const char *nearest = nearest_word(text, row->choices);
	char shown[SHOWN_TEXT_MAX];
	int r = 0;

	buf_init(&all, FAULT_TEXT_MAX);
	for (size_t i = 0; row->choices[i] && r == 0; i++)
		r = buf_printf(&all, "%s%s", i > 0 ? ", " : "", row->choices[i]);
	if (r == -ENOMEM)
		return r;

	(void)text_shown(text, shown, sizeof(shown));
	if (nearest)
		return fault_set(fault, EINVAL, "'%s' is none of %s; did you mean '%s'?", shown,
				 buf_text(&all), nearest);
	return fault_set(fault, EINVAL, "'%s' is none of %s", shown, buf_text(&all));
}

static int read_choice(const struct setting *row, void *field, const char *text, _unused_ bool add,
		       struct fault *fault)
{
	for (int i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], text) != 0)
			continue;
		*(int *)field = i;
		return 0;
	}
	return refuse_choice(row, text, fault);
}

static void list_done(struct setting_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->words[i]);
	free(list->words);
	*list = (struct setting_list){};
}

/* The list's words have room for SETTING_LIST_MAX. */
static int list_add(struct setting_list *list, const char *word, size_t size, struct fault *fault)
{
	_cleanup_free_ char *copy = NULL;
	int r;

	if (list->n == SETTING_LIST_MAX)
		return fault_set(fault, EINVAL, "more than %d words", SETTING_LIST_MAX);

	copy = strndup(word, size);
	if (!copy)
		return -ENOMEM;
	r = refuse_text(copy, 0, SETTING_TEXT_MAX, fault);
	if (r < 0)
		return r;

	list->words[list->n++] = take_ptr(copy);
	return 0;
}

static int read_list(const struct setting *row, void *field, const char *text, bool add,
		     struct fault *fault)
{
	_cleanup_(list_done) struct setting_list list = {};
	struct setting_list *old = field;
	size_t size;
	int r;

	list.words = calloc(SETTING_LIST_MAX, sizeof(*list.words));
	if (!list.words)
		return -ENOMEM;

	for (size_t i = 0; add && i < old->n; i++) {
		r = list_add(&list, old->words[i], strlen(old->words[i]), fault);
		if (r < 0)
			return r;
	}
	for (text += strspn(text, LIST_SEPARATORS); *text; text += strspn(text, LIST_SEPARATORS)) {
		size = strcspn(text, LIST_SEPARATORS);
		r = list_add(&list, text, size, fault);
		if (r < 0)
			return r;
		text += size;
	}
	if (list.n < row->min || (row->max > 0 && list.n > row->max))
		return fault_set(fault, EINVAL,
				 "%zu words are out of range: from %" PRIu64 " to %" PRIu64, list.n,
				 row->min, row->max > 0 ? row->max : SETTING_LIST_MAX);

	list_done(old);
	*old = list;
	list = (struct setting_list){};
	return 0;
}

static void *field_of(const struct setting *row, void *values)
{
	return (char *)values + row->offset;
}

int setting_read(const struct setting *row, void *values, const char *text, bool add,
		 struct fault *fault)
{
	static int (*const readers[_SETTING_TYPE_MAX])(const struct setting *row, void *field,
						       const char *text, bool add,
						       struct fault *fault) = {
		[SETTING_TEXT] = read_text,         [SETTING_U64] = read_u64,
		[SETTING_DURATION] = read_duration, [SETTING_SIZE] = read_size,
		[SETTING_BOOL] = read_bool,         [SETTING_CHOICE] = read_choice,
		[SETTING_LIST] = read_list,
	};

	return readers[row->type](row, field_of(row, values), text, add, fault);
}

static char *format_list(const struct setting_list *list)
{
	_cleanup_buf_ struct buf text;
	int r;

	buf_init(&text, (size_t)SETTING_LIST_MAX * (SETTING_TEXT_MAX + 1));
	for (size_t i = 0; i < list->n; i++) {
		r = buf_printf(&text, "%s%s", i > 0 ? " " : "", list->words[i]);
		if (r < 0)
			return NULL;
	}
	return list->n > 0 ? buf_take(&text) : strdup("");
}

char *setting_format(const struct setting *row, const void *values)
{
	const void *field = (const char *)values + row->offset;
	char text[DURATION_TEXT_MAX];
	const char *string;

	switch (row->type) {
	case SETTING_LIST:
		return format_list(field);
	case SETTING_TEXT:
		string = *(char *const *)field;
		return strdup(string ? string : "");
	case SETTING_BOOL:
		return strdup(*(const bool *)field ? "yes" : "no");
	case SETTING_CHOICE:
		return strdup(row->choices[*(const int *)field]);
	default:
		return strdup(
			format_number(row->type, *(const uint64_t *)field, text, sizeof(text)));
	}
}

static void zero_field(const struct setting *row, void *values)
{
	static const size_t sizes[_SETTING_TYPE_MAX] = {
		[SETTING_TEXT] = sizeof(char *),
		[SETTING_U64] = sizeof(uint64_t),
		[SETTING_DURATION] = sizeof(uint64_t),
		[SETTING_SIZE] = sizeof(uint64_t),
		[SETTING_BOOL] = sizeof(bool),
		[SETTING_CHOICE] = sizeof(int),
		[SETTING_LIST] = sizeof(struct setting_list),
	};

	(void)memset(field_of(row, values), 0, sizes[row->type]);
}

int settings_read_defaults(const struct setting *rows, size_t n_rows, void *values,
			   struct fault *fault)
{
	int r;

	for (size_t i = 0; i < n_rows; i++)
		zero_field(&rows[i], values);

	for (size_t i = 0; i < n_rows; i++) {
		if (!rows[i].fallback)
			continue;
		r = setting_read(&rows[i], values, rows[i].fallback, false, fault);
		if (r < 0) {
			settings_free_values(rows, n_rows, values);
			return fault_wrap(fault, r, "default of %s", rows[i].name);
		}
	}
	return 0;
}

void settings_free_values(const struct setting *rows, size_t n_rows, void *values)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].type == SETTING_TEXT)
			free(*(char **)field_of(&rows[i], values));
		else if (rows[i].type == SETTING_LIST)
			list_done(field_of(&rows[i], values));
		else
			continue;
		zero_field(&rows[i], values);
	}
}
