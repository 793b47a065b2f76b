/*
 * Which processes there are: a directory that takes /proc's place, read for one process, for all
 * below one, and for the boot; and "agent.json" in it, which says which process an agent is.
 */

#include <errno.h>
#include <string.h>

#include "agent/runner/descendants.h"
#include "common/base/process.h"
#include "tests/fuzz/fuzz.h"

static void check_stat(int proc_fd)
{
	struct process_stat stat = { .pid = -1 };
	int r = process_read_stat(proc_fd, 7, &stat);

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, ESRCH, EBADMSG, EISDIR, ENOTDIR);
		FUZZ_CHECK(stat.pid == -1);
		return;
	}
	FUZZ_CHECK(stat.pid == 7 && stat.parent >= 0 && stat.group >= 0 && stat.session >= 0);
	FUZZ_CHECK(strlen(stat.name) < sizeof(stat.name));
	fuzz_check_harmless(stat.name);
	(void)process_is_dead(&stat);
}

static void check_descendants(int proc_fd)
{
	_cleanup_descendants_ struct descendants below = {};
	int r = descendants_read(proc_fd, 7, &below);

	if (r < 0)
		FUZZ_CHECK_ERROR(r, ENOENT, EBADMSG, EISDIR, ENOTDIR);
	for (size_t i = 1; i < below.n; i++)
		FUZZ_CHECK(below.rows[i - 1].pid < below.rows[i].pid);
}

/* What is read is written to the same again. */
static void check_identity(int fd)
{
	struct process_identity identity = {}, again = {};
	struct fault fault = {};
	int r;

	r = process_read_identity_at(fd, "agent.json", &identity, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, ENOENT, EBADMSG, EISDIR, ENOTDIR);
		FUZZ_CHECK(identity.pid == 0);
		return;
	}
	FUZZ_CHECK(identity.pid > 1);
	FUZZ_CHECK(process_write_identity_at(fd, "again.json", &identity) == 0);
	FUZZ_CHECK(process_read_identity_at(fd, "again.json", &again, &fault) == 0);
	FUZZ_CHECK(identity.pid == again.pid && identity.start_time == again.start_time &&
		   strcmp(identity.boot_id, again.boot_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_close_ int fd = fuzz_write_tree("proc", &input);
	char boot_id[BOOT_ID_MAX];
	struct process_identity identity;
	int r;

	check_stat(fd);
	check_descendants(fd);
	check_identity(fd);
	r = process_boot_id(fd, boot_id, sizeof(boot_id));
	FUZZ_CHECK(r < 0 || strlen(boot_id) > 0);
	(void)!process_identify(fd, 7, &identity);
	return 0;
}
