/*
 * Below valgrind: what it cannot do. Preloaded into the program that is looked at.
 *
 * Valgrind knows the system calls around pidfds only since 3.2x, and answers ENOSYS for them. So
 * they are asked of a broker outside (pidfd-broker.py), which hands a real pidfd over. And what
 * valgrind executes for /proc/self/exe is valgrind.
 */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/macro.h"

#define SELF_EXE "/proc/self/exe"

struct question {
	int pid;    /* 0: of the pidfd that comes along */
	int signal; /* -1: give a pidfd */
};

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int connect_to_broker(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("PIDFD_BROKER");
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (!path || strlen(path) >= sizeof(address.sun_path))
		abort();
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	return fd;
}

/* What the broker answers: 0 or more, or -1 with errno. */
static long ask(struct question question, int pidfd)
{
	_cleanup_close_ int fd = connect_to_broker();
	union control control = { .bytes = "" };
	struct iovec part = { &question, sizeof(question) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int answer;

	if (pidfd >= 0) {
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &pidfd, sizeof(pidfd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		abort();

	part = (struct iovec){ &answer, sizeof(answer) };
	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != sizeof(answer))
		abort();
	if (answer > 0) {
		errno = answer;
		return -1;
	}
	if (question.signal < 0)
		memcpy(&answer, CMSG_DATA(&control.header), sizeof(answer));
	return answer;
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = va_arg(list, long);
	va_end(list);

	if (number == SYS_pidfd_open)
		return ask((struct question){ .pid = (int)a[0], .signal = -1 }, -1);
	if (number == SYS_pidfd_send_signal)
		return ask((struct question){ .signal = (int)a[1] }, (int)a[0]);
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int posix_spawn(pid_t *restrict pid, const char *restrict path,
		const posix_spawn_file_actions_t *restrict actions,
		const posix_spawnattr_t *restrict attributes, char *const argv[restrict],
		char *const env[restrict])
{
	int (*next)(pid_t *, const char *, const posix_spawn_file_actions_t *,
		    const posix_spawnattr_t *, char *const *, char *const *) =
		(int (*)(pid_t *, const char *, const posix_spawn_file_actions_t *,
			 const posix_spawnattr_t *, char *const *,
			 char *const *))dlsym(RTLD_NEXT, "posix_spawn");
	char self[PATH_MAX] = "";

	if (strcmp(path, SELF_EXE) == 0 && readlink(SELF_EXE, self, sizeof(self) - 1) > 0)
		path = self;
	return next(pid, path, actions, attributes, argv, env);
}
