#include "agent/runner/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/exit.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/parse.h"

/* A pipe that gets one of the first three numbers would be lost when the job's are set up. */
static int fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

static int check_fds(int end)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(SUPERVISE_FD_CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_SEQPACKET)
		return -EBADF;

	for (int fd = SUPERVISE_FD_CONTROL; fd < end; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
	return 0;
}

/* Goes on to its end when the agent dies: what it removes is to be removed in any case. */
static int clean(const char *name)
{
	struct supervise_report report = { .type = SUPERVISE_ENDED };
	int r;

	r = check_fds(SUPERVISE_FD_DIR + 1);
	if (r < 0)
		return r;

	r = remove_tree_at(SUPERVISE_FD_DIR, name);
	if (r == -EXDEV || r == -EBUSY)
		(void)snprintf(report.dirt, sizeof(report.dirt),
			       "cannot remove %s: something is mounted there", name);
	else if (r < 0)
		(void)snprintf(report.dirt, sizeof(report.dirt), "cannot remove %s: %s", name,
			       strerror(-r));

	(void)!send(SUPERVISE_FD_CONTROL, &report, sizeof(report), MSG_NOSIGNAL);
	return 0;
}

static int job(const char *log_max, const char *resist, char **argv)
{
	uint64_t bytes, usec;
	int r;

	r = parse_u64(log_max, &bytes);
	if (r < 0)
		return r;
	r = parse_u64(resist, &usec);
	if (r < 0)
		return r;
	r = check_fds(_SUPERVISE_FD_END);
	return r < 0 ? r : supervise_job(argv, bytes, usec);
}

int supervise_main(int argc, char **argv)
{
	int r = -EINVAL;

	log_init(&(struct log_options){
		.program = "paddock-agent",
		.max_level = LOG_LEVEL_INFO,
		.timestamps = true,
	});

	if (argc == 4 && strcmp(argv[2], "clean") == 0) {
		r = clean(argv[3]);
	} else if (argc >= 7 && strcmp(argv[2], "job") == 0 && strcmp(argv[5], "--") == 0) {
		r = fill_standard_fds();
		if (r >= 0)
			r = job(argv[3], argv[4], argv + 6);
	}

	if (r == -EINVAL || r == -EBADF) {
		log_error("%s is for the agent's own use", SUPERVISE_ARGUMENT);
		return EXIT_USAGE;
	}
	if (r < 0) {
		log_error_errno(r, "cannot supervise: %m");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
