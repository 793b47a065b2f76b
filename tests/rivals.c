#include "tests/rivals.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

static void run(size_t index, rival_fn *fn, void *context, const int gate[2])
{
	char byte;

	/* End of file, once the parent opens the gate. */
	close(gate[1]);
	(void)!read(gate[0], &byte, 1);
	_exit(fn(index, context));
}

void rivals_run(size_t n, rival_fn *fn, void *context)
{
	pid_t pids[RIVALS_MAX];
	int gate[2];

	ck_assert_uint_le(n, RIVALS_MAX);
	ck_assert_int_eq(pipe(gate), 0);
	for (size_t i = 0; i < n; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			run(i, fn, context, gate);
	}
	close(gate[0]);
	close(gate[1]);

	for (size_t i = 0; i < n; i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "rival %zu ended with status %d", i, status);
	}
}
