#include "controller/verbs/confirm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 128

int confirm_word(const char *question, const char *word, struct fault *fault)
{
	char answer[ANSWER_MAX] = "";

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return fault_cure(
			fault,
			fault_set(fault, EINVAL, "there is no terminal to ask at: %s", question),
			"--yes, to do it without asking");
	fprintf(stderr, "%s\nType %s to go on: ", question, word);
	(void)fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		answer[0] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	if (strcmp(answer, word) != 0)
		return fault_set(fault, ECANCELED, "nothing was done: '%s' was not typed", word);
	return 0;
}
