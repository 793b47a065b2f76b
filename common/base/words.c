#include "common/base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int words_split(const char *text, struct words **ret)
{
	struct words *words = calloc(1, sizeof(*words));
	size_t max = text ? strlen(text) / 2 + 1 : 1;
	char *rest, *word, *state = NULL;

	if (!words)
		return -ENOMEM;
	words->text = strdup(text ?: "");
	words->words = calloc(max, sizeof(*words->words));
	if (!words->text || !words->words) {
		words_free(words);
		return -ENOMEM;
	}
	rest = words->text;
	while ((word = strtok_r(rest, " ", &state))) {
		rest = NULL;
		words->words[words->n++] = word;
	}
	*ret = words;
	return 0;
}

void words_free(struct words *words)
{
	if (!words)
		return;
	free(words->text);
	free(words->words);
	free(words);
}
