/* The words in braces that the texts of the decision tables may hold, and what they stand for. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"

enum place_name {
	PLACE_ERRNO,
	PLACE_ERROR,
	PLACE_CALL,
	PLACE_SCOPE,
	PLACE_NEEDED,
	PLACE_PARANOID,
	PLACE_LSM,
	PLACE_LOCKDOWN,
	PLACE_KERNEL,
	PLACE_PMU,
	PLACE_WATCHDOG,
	PLACE_MOUNT,
	PLACE_FLAGS,
	PLACE_VALUE,
	PLACE_EXPECTED,
	PLACE_LOW,
	PLACE_HIGH,
	PLACE_RUNNING,
	PLACE_RATIO,
	PLACE_PERCENT,
	_PLACE_MAX,
};

static const char *const place_names[] = {
	[PLACE_ERRNO] = "errno", [PLACE_ERROR] = "error",       [PLACE_CALL] = "call",
	[PLACE_SCOPE] = "scope", [PLACE_NEEDED] = "needed",     [PLACE_PARANOID] = "paranoid",
	[PLACE_LSM] = "lsm",     [PLACE_LOCKDOWN] = "lockdown", [PLACE_KERNEL] = "kernel",
	[PLACE_PMU] = "pmu",     [PLACE_WATCHDOG] = "watchdog", [PLACE_MOUNT] = "mount",
	[PLACE_FLAGS] = "flags", [PLACE_VALUE] = "value",       [PLACE_EXPECTED] = "expected",
	[PLACE_LOW] = "low",     [PLACE_HIGH] = "high",         [PLACE_RUNNING] = "running",
	[PLACE_RATIO] = "ratio", [PLACE_PERCENT] = "percent",
};
_Static_assert(ARRAY_SIZE(place_names) == _PLACE_MAX, "each place has a name");

struct place {
	char text[176];
};

static void put(struct place *place, const char *format, ...) _printf_(2, 3);
static void put(struct place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(place->text, sizeof(place->text), format, args);
	va_end(args);
	if (place->text[0] == '\0')
		memcpy(place->text, "not known", sizeof("not known"));
}

static void fill_context(const struct probe_context *context, struct place *places)
{
	static const char *const switch_names[] = { "not known", "off", "on" };
	int watchdog = context->nmi_watchdog;

	if (context->has_paranoid)
		put(&places[PLACE_PARANOID], "%" PRId64, context->paranoid);
	else
		put(&places[PLACE_PARANOID], "%s", "");
	put(&places[PLACE_LSM], "%s", context->lsm);
	put(&places[PLACE_LOCKDOWN], "%s", context->lockdown);
	put(&places[PLACE_KERNEL], "%s",
	    context->kernel_message[0] != '\0' ? context->kernel_message : "nothing readable");
	put(&places[PLACE_PMU], "%s", context->core_pmu);
	put(&places[PLACE_WATCHDOG], "%s", switch_names[watchdog < 0 ? 0 : watchdog > 0 ? 2 : 1]);
	put(&places[PLACE_MOUNT], "%s", context->resctrl.path);
	put(&places[PLACE_FLAGS], "%s", context->resctrl.flags);
}

static void fill_seen(const struct probe_row *row, struct place *places)
{
	/* The highest perf_event_paranoid that lets each scope through, says the kernel. */
	static const char *const needed[_PROBE_SCOPE_MAX] = { "2", "1", "0" };
	const struct probe_observation *seen = &row->seen;
	const char *name = strerrorname_np(seen->error);
	const char *words = strerrordesc_np(seen->error);
	unsigned permille = 0; /* cut, not rounded: "100 %" would say that nothing was missed */
	double ratio = 0;

	if (seen->expected > 0)
		ratio = (double)seen->value / (double)seen->expected;
	if (seen->enabled_ns > 0)
		permille = (unsigned)(1000 * (double)seen->running_ns / (double)seen->enabled_ns);

	put(&places[PLACE_ERRNO], "%s", name ? name : "");
	put(&places[PLACE_ERROR], "%s", words ? words : "");
	put(&places[PLACE_CALL], "%s", probe_step_names[seen->step]);
	put(&places[PLACE_SCOPE], "%s", probe_scope_names[row->scope]);
	put(&places[PLACE_NEEDED], "%s", needed[row->scope]);
	put(&places[PLACE_VALUE], "%" PRIu64, seen->value);
	put(&places[PLACE_EXPECTED], "%" PRIu64, seen->expected);
	put(&places[PLACE_LOW], "%" PRIu64, seen->low);
	put(&places[PLACE_HIGH], "%" PRIu64, seen->high);
	put(&places[PLACE_RUNNING], "%" PRIu64, seen->running_ns);
	put(&places[PLACE_RATIO], ratio < 1 ? "%.2f" : "%.1f", ratio);
	if (permille < 100)
		put(&places[PLACE_PERCENT], "%u.%u", permille / 10, permille % 10);
	else
		put(&places[PLACE_PERCENT], "%u", permille / 10);
}

/* The text for "{name}" at the start of from, and its length there; NULL when it is no place. */
static const char *find_place(const char *from, const struct place *places, size_t *ret_length)
{
	const char *end = strchr(from, '}');

	if (from[0] != '{' || !end)
		return NULL;
	for (size_t i = 0; i < _PLACE_MAX; i++) {
		size_t length = strlen(place_names[i]);

		if ((size_t)(end - from - 1) != length ||
		    memcmp(from + 1, place_names[i], length) != 0)
			continue;
		*ret_length = length + 2;
		return places[i].text;
	}
	return NULL;
}

/* Cut at the size of the field: kernel messages can be long. */
static void expand(char *text, size_t size, const char *from, const struct place *places)
{
	size_t used = 0;

	text[0] = '\0';
	while (*from != '\0' && used + 1 < size) {
		size_t length = 1;
		const char *fact = find_place(from, places, &length);
		int n;

		if (fact)
			n = snprintf(text + used, size - used, "%s", fact);
		else
			n = snprintf(text + used, size - used, "%c", *from);
		used += (size_t)n;
		from += length;
	}
}

void probe_write_texts(const struct probe_context *context, struct probe_row *row,
		       const char *brief, const char *detail, const char *cure)
{
	struct place places[_PLACE_MAX];

	fill_context(context, places);
	fill_seen(row, places);
	expand(row->brief, sizeof(row->brief), brief, places);
	expand(row->detail, sizeof(row->detail), detail, places);
	expand(row->cure, sizeof(row->cure), cure, places);
}
