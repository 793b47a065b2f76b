#include "common/domain/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void run_drop_intents(struct run *run)
{
	for (size_t i = 0; i < run->n_intents; i++)
		free(run->intents[i].plan);
	memset(run->intents, 0, sizeof(run->intents));
	run->n_intents = 0;
}

void run_done(struct run *run)
{
	run_drop_intents(run);
	free(run->machines);
	run->machines = NULL;
	run->n_machines = 0;
}

/* --- keys ------------------------------------------------------------------------------------ */

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool run_key_is_valid(const char *key)
{
	size_t length = strnlen(key, RUN_KEY_MAX);

	if (length == 0 || length == RUN_KEY_MAX || !is_letter_or_digit(key[0]))
		return false;

	for (size_t i = 1; i < length; i++)
		if (!is_letter_or_digit(key[i]) && !strchr(".-_", key[i]))
			return false;
	return true;
}

/* One part of a key, appended; the path separators of branch and job names become dots. */
static int add_part(const char *what, const char *part, char *key, size_t size, struct fault *fault)
{
	size_t length = strlen(key);

	if (!part[0])
		return fault_set(fault, EINVAL, "the run's %s is empty", what);

	for (size_t i = 0; part[i]; i++) {
		if (!is_letter_or_digit(part[i]) && !strchr(".-_/", part[i])) {
			(void)fault_set(
				fault, EINVAL,
				"the run's %s '%.64s' has a character that a run key cannot hold",
				what, part);
			return fault_cure(fault, -EINVAL,
					  "use letters, digits, '.', '-', '_' or '/'");
		}
		if (length + 1 >= size)
			return fault_set(fault, EINVAL, "the run key is longer than %zu characters",
					 size - 1);
		key[length] = part[i];
		if (part[i] == '/')
			key[length] = '.';
		key[++length] = '\0';
	}
	return 0;
}

int run_key_make(const char *id, uint64_t attempt, const char *name, char *ret, size_t size,
		 struct fault *fault)
{
	char key[RUN_KEY_MAX] = "";
	char middle[24];
	int r;

	if (size > sizeof(key))
		size = sizeof(key);
	(void)snprintf(middle, sizeof(middle), "-%" PRIu64 "-", attempt);

	r = add_part("id", id, key, size, fault);
	if (r == 0)
		r = add_part("attempt", middle, key, size, fault);
	if (r == 0)
		r = add_part("name", name, key, size, fault);
	if (r < 0)
		return r;
	if (!run_key_is_valid(key))
		return fault_set(fault, EINVAL,
				 "the run's id '%s' does not start with a letter or digit", id);

	memcpy(ret, key, strlen(key) + 1);
	return 0;
}

/* --- tokens and ids -------------------------------------------------------------------------- */

/* FNV-1a, and behind it a mix that spreads the last bytes over all bits: keys that differ in their
 * last digit only must not give tokens that do. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
	return hash ^ (hash >> 31);
}

/* "pd-", 16 digits, '-', a fence of up to 20 digits, '-', the intent's index, and for a machine
 * '-' and its index: the longest of each must fit. */
_Static_assert(RUN_TOKEN_MAX >= 3 + 16 + 1 + 20 + 1 + 2 + 1 && RUN_INTENTS_MAX <= 99, "token");
_Static_assert(MACHINE_ID_MAX >= RUN_TOKEN_MAX + 1 + 4 && RUN_MACHINES_MAX <= 10000, "machine id");

void run_next_token(const struct run *run, char *ret, size_t size)
{
	(void)snprintf(ret, size, "pd-%016" PRIx64 "-%" PRIu64 "-%zu", hash_text(run->key),
		       run->fence, run->n_intents);
}

int machine_id_for(const char *token, uint64_t index, char *ret, size_t size)
{
	int n;

	if (!machine_id_is_valid(token))
		return -EINVAL;

	n = snprintf(ret, size, "%s-%" PRIu64, token, index);
	if (n < 0 || (size_t)n >= size || n >= MACHINE_ID_MAX)
		return -ENAMETOOLONG;
	return 0;
}

int run_set_machines(struct run *run, const char (*ids)[MACHINE_ID_MAX], size_t n)
{
	char(*copy)[MACHINE_ID_MAX] = NULL;

	if (n > RUN_MACHINES_MAX)
		return -E2BIG;
	if (n > 0) {
		copy = calloc(n, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, ids, n * sizeof(*copy));
	}

	free(run->machines);
	run->machines = copy;
	run->n_machines = n;
	return 0;
}
