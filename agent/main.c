#include <malloc.h>
#include <string.h>

#include "agent/runner/supervise.h"
#include "agent/verbs.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], SUPERVISE_ARGUMENT) == 0)
		return supervise_main(argc, argv);

	/* One arena serves all threads: the agent is small and should stay so. */
	(void)mallopt(M_ARENA_MAX, 1);
	return agent_main(argc, argv, NULL);
}
