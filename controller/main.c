#include "controller/verbs/edges.h"

int main(int argc, char **argv)
{
	return controller_main(argc, argv, NULL);
}
