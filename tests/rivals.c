#include "tests/rivals.h"

#include <signal.h>
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

	/* Who waits for one that has failed would wait for ever. */
	for (size_t left = n; left > 0; left--) {
		int status;
		pid_t pid = waitpid(0, &status, 0);
		size_t i = 0;

		while (i < n && pids[i] != pid)
			i++;
		ck_assert_uint_lt(i, n);
		pids[i] = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		for (size_t k = 0; k < n; k++)
			if (pids[k] > 0)
				(void)kill(pids[k], SIGKILL);
		ck_abort_msg("rival %zu ended with status %d", i, status);
	}
}
