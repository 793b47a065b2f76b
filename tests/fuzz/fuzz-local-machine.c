/* A local machine's directory as the provider and the agent find it: handle.json, agent.json, lock,
 * logs, and whatever else a job has left there. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/runner/job-logs.h"
#include "common/base/process.h"
#include "controller/provider/local-logs.h"
#include "controller/provider/local-machine.h"
#include "tests/fuzz/fuzz.h"

#define STATE "state"
#define MACHINE "m-1"

static int proc_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	return fd;
}

static void check_handle(const struct local_root *root)
{
	struct handle handle;

	local_machine_handle(root, MACHINE, &handle);
	FUZZ_CHECK(strcmp(handle.id, MACHINE) == 0 && strcmp(handle.provider, "local") == 0);
	FUZZ_CHECK(memchr(handle.correlation, '\0', sizeof(handle.correlation)));
	FUZZ_CHECK(memchr(handle.type, '\0', sizeof(handle.type)));
	FUZZ_CHECK(memchr(handle.arch, '\0', sizeof(handle.arch)));
}

static void check_agent(const struct local_root *root)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, MACHINE);
	struct fault fault = {};
	int pidfd;

	if (dir_fd < 0)
		return;
	(void)local_machine_was_born(dir_fd);
	pidfd = local_machine_agent(root, dir_fd, &fault);
	if (pidfd >= 0)
		close(pidfd);
	else
		FUZZ_CHECK_ERROR(pidfd, ENOENT, ESRCH, EBADMSG, EISDIR);
}

/* The agent makes room for a job's logs among what is there. */
static void check_job_logs(const struct local_root *root)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, MACHINE), out = -1, err = -1;
	int r;

	if (dir_fd < 0)
		return;
	r = job_logs_open_at(dir_fd, 3, 1, &out, &err);
	FUZZ_CHECK(r < 0 || (out >= 0 && err >= 0));
	if (r < 0)
		FUZZ_CHECK_ERROR(r, EISDIR, ELOOP, ENXIO);
}

static void check_logs(const char *state_dir, const struct local_root *root)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, MACHINE), fd = -1;
	struct fault fault = {};

	if (dir_fd < 0)
		return;
	(void)!local_logs_keep(state_dir, MACHINE, dir_fd, &fault);
	fd = local_logs_open(state_dir, MACHINE, dir_fd, LOCAL_AGENT_LOG);
	if (fd < 0)
		FUZZ_CHECK_ERROR(fd, ENOENT, ENOTDIR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_local_root_ struct local_root root = {
		.fd = -1,
		.proc_fd = proc_fd(),
		.clock = &clock_system,
	};
	struct fault fault = {};
	char state_dir[4096];

	close(fuzz_write_tree(STATE, &input));
	(void)snprintf(state_dir, sizeof(state_dir), "%s/%s", fuzz_dir(), STATE);
	if (local_root_open(state_dir, false, &root, &fault) < 0)
		return 0;
	check_handle(&root);
	check_agent(&root);
	(void)local_machine_presence(&root, MACHINE, &fault);
	check_job_logs(&root);
	check_logs(state_dir, &root);
	local_root_sweep(&root);
	return 0;
}
