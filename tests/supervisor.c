/* What the spawn runner starts in tests, in the place of the agent's own program. As a setuid copy
 * it is also a process that its starter may not kill. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/runner/supervise.h"

/* A test that fails leaves it alone. */
#define LIFE_SEC 60

/* Writes its pid to the file and waits to be killed. */
static int resist(const char *path)
{
	FILE *file;

	(void)alarm(LIFE_SEC);
	if (setresuid(0, 0, 0) < 0)
		return 1;
	file = fopen(path, "we");
	if (!file || fprintf(file, "%d\n", (int)getpid()) < 0 || fclose(file) != 0)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "resist") == 0)
		return resist(argv[2]);
	return supervise_main(argc, argv);
}
