/*
 * The name that was probably meant: the optimal string alignment distance, in which swapping two
 * neighbouring letters, the commonest slip, costs one step as every other edit does.
 */

#include "common/base/settings.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Longer texts are no misspelt names, and the work grows with the square of it. */
#define NEAREST_TEXT_MAX 64

/* The fewest letters that may stand for a longer name. */
#define NEAREST_PREFIX_MIN 3

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Both texts are at most NEAREST_TEXT_MAX bytes long. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_TEXT_MAX + 1];
	size_t *before = rows[0], *previous = rows[1], *current = rows[2], *spare;
	size_t n = strlen(a), m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		current[j] = j;

	for (size_t i = 1; i <= n; i++) {
		spare = before;
		before = previous;
		previous = current;
		current = spare;

		current[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t replace =
				previous[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);

			current[j] = min_size(min_size(previous[j], current[j - 1]) + 1, replace);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				current[j] = min_size(current[j], before[j - 2] + 1);
		}
	}
	return current[m];
}

static const char *only_word_with_prefix(const char *text, const char *const *words)
{
	size_t size = strlen(text);
	const char *found = NULL;

	if (size < NEAREST_PREFIX_MIN)
		return NULL;

	for (; *words; words++) {
		if (strncasecmp(*words, text, size) != 0)
			continue;
		if (found)
			return NULL;
		found = *words;
	}
	return found;
}

const char *nearest_word(const char *text, const char *const *words)
{
	size_t size = strlen(text), best = size / 3;
	const char *found = NULL;

	if (size == 0 || size > NEAREST_TEXT_MAX)
		return NULL;

	for (const char *const *word = words; *word; word++) {
		size_t distance;

		if (strlen(*word) > NEAREST_TEXT_MAX)
			continue;
		distance = edit_distance(text, *word);
		if (distance < best || (distance == best && !found)) {
			best = distance;
			found = *word;
		}
	}
	return found ? found : only_word_with_prefix(text, words);
}
