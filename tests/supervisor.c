/* What the spawn runner starts in tests, in the place of the agent's own program. */

#include "agent/runner/supervise.h"

int main(int argc, char **argv)
{
	return supervise_main(argc, argv);
}
