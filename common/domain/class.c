#include "common/domain/class.h"

#include <string.h>

#define DEFAULT(name_, cpu_, memory_mib_)                                   \
	{                                                                   \
		.name = (name_), .cpu = (cpu_), .memory_mib = (memory_mib_) \
	}

const struct resource_class class_defaults[] = {
	DEFAULT("large", 2, 4096),       DEFAULT("xlarge", 4, 8192),
	DEFAULT("2xlarge", 8, 16384),    DEFAULT("4xlarge", 16, 32768),
	DEFAULT("8xlarge", 32, 65536),   DEFAULT("12xlarge", 48, 98304),
	DEFAULT("16xlarge", 64, 131072),
};
const size_t class_defaults_n = ARRAY_SIZE(class_defaults);

_Static_assert(ARRAY_SIZE(class_defaults) <= CLASSES_MAX, "the defaults fit the table");

const char *const misfit_texts[_MISFIT_MAX] = {
	[MISFIT_NONE] = "it fits",
	[MISFIT_STATE] = "it is not idle",
	[MISFIT_LAST] = "it is never to be pooled again",
	[MISFIT_CLASS] = "it is of another resource class",
	[MISFIT_SIZE] = "its processors or memory are not what its class says today",
	[MISFIT_PROVIDER] = "it is another provider's",
	[MISFIT_ARCH] = "it is of another architecture",
	[MISFIT_TYPE] = "its type is not among the allowed ones",
	[MISFIT_USAGE] = "it is of another usage class",
	[MISFIT_NEEDS] = "it lacks a capability",
	[MISFIT_REUSE] = "the reuse rule forbids it after the run it served last",
	[MISFIT_IMAGE] = "it was made from another image than today's",
	[MISFIT_EXPIRING] = "too little time is left before its threshold",
	[MISFIT_STALE] = "its agent has not been heard of lately",
};

const struct resource_class *class_find(const struct class_table *table, const char *name)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	return NULL;
}

/* Not tolower(): the locale must not decide which machine fits. */
static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c;
}

/* Only the last star is ever tried again: whatever an earlier one could yield to it, it can take
 * by itself. So each character of text is passed over at most once for each of glob's. */
bool glob_matches(const char *glob, const char *text)
{
	const char *star = NULL;  /* behind the last one seen */
	const char *retry = NULL; /* where in text it stopped taking */

	while (*text) {
		if (*glob == '*') {
			star = ++glob;
			retry = text;
		} else if (*glob && (*glob == '?' || lower(*glob) == lower(*text))) {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++retry;
		} else {
			return false;
		}
	}

	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

/* The next word of a list separated by spaces; NULL at its end. */
static const char *next_word(const char **list, size_t *ret_length)
{
	const char *word = *list + strspn(*list, " ");
	size_t length = strcspn(word, " ");

	*list = word + length;
	*ret_length = length;
	return length > 0 ? word : NULL;
}

static bool has_word(const char *list, const char *word, size_t length)
{
	const char *candidate;
	size_t n;

	while ((candidate = next_word(&list, &n)))
		if (n == length && memcmp(candidate, word, n) == 0)
			return true;
	return false;
}

bool capabilities_cover(const char *capabilities, const char *needs, char *missing, size_t size)
{
	const char *word;
	size_t length;

	while ((word = next_word(&needs, &length))) {
		if (has_word(capabilities, word, length))
			continue;
		if (missing && size > 0) {
			if (length >= size)
				length = size - 1;
			memcpy(missing, word, length);
			missing[length] = '\0';
		}
		return false;
	}
	return true;
}

static bool any_or_equal(const char *wanted, const char *text)
{
	return !wanted || !wanted[0] || strcmp(wanted, text) == 0;
}

static bool covers(const struct machine *machine, const char *needs)
{
	return !needs || capabilities_cover(machine->capabilities, needs, NULL, 0);
}

static bool type_is_allowed(const struct want *want, const struct machine *machine)
{
	for (size_t i = 0; i < want->n_types; i++)
		if (glob_matches(want->types[i], machine->type))
			return true;
	return want->n_types == 0;
}

/* What the machine is, whoever asks. */
static enum misfit judge_kind(const struct want *want, const struct machine *machine)
{
	const struct resource_class *class = want->class_;

	if (strcmp(machine->class_name, class->name) != 0)
		return MISFIT_CLASS;
	if (machine->cpu != class->cpu || machine->memory_mib < class->memory_mib)
		return MISFIT_SIZE;
	if (!any_or_equal(class->provider, machine->provider) ||
	    !any_or_equal(want->provider, machine->provider))
		return MISFIT_PROVIDER;
	if (!any_or_equal(class->arch, machine->arch))
		return MISFIT_ARCH;
	if (!type_is_allowed(want, machine))
		return MISFIT_TYPE;
	if (want->usage != USAGE_SPOT_THEN_ON_DEMAND && machine->usage != want->usage)
		return MISFIT_USAGE;
	if (!covers(machine, class->needs) || !covers(machine, want->needs) ||
	    (class->metal && !covers(machine, CAPABILITY_METAL)))
		return MISFIT_NEEDS;
	return MISFIT_NONE;
}

static enum misfit judge_reuse(const struct want *want, const struct machine *machine)
{
	struct claimant claimant = want->claimant;

	if (reuse_allows(machine, &claimant))
		return MISFIT_NONE;

	claimant.image[0] = '\0';
	return reuse_allows(machine, &claimant) ? MISFIT_IMAGE : MISFIT_REUSE;
}

enum misfit want_judge(const struct want *want, const struct machine *machine, uint64_t now_ms,
		       uint64_t claim_slack_ms)
{
	enum misfit misfit;

	if (machine->state != MACHINE_IDLE || machine->run_key[0])
		return MISFIT_STATE;
	if (machine->last)
		return MISFIT_LAST;
	misfit = judge_kind(want, machine);
	if (misfit != MISFIT_NONE)
		return misfit;
	misfit = judge_reuse(want, machine);
	if (misfit != MISFIT_NONE)
		return misfit;

	/* As CONDITION_AHEAD, in a form that cannot overflow. */
	if (machine->threshold_ms <= now_ms || machine->threshold_ms - now_ms <= claim_slack_ms)
		return MISFIT_EXPIRING;
	if (machine->phase == PHASE_FAILED || !machine_is_healthy(machine, now_ms))
		return MISFIT_STALE;
	return MISFIT_NONE;
}
