/*
 * What the kernel may refuse. The objects under test call torture_X in place of X. Each fails with
 * the errno that is most likely to come, and to go unhandled. Names end in 64 because the objects
 * are built for large files.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "tests/torture/torture.h"

/* name(args) returns failed, with errno set to error. */
#define WRAP_AS(type, name, real, failed, error, parameters, args) \
	type torture_##name parameters;                            \
	type torture_##name parameters                             \
	{                                                          \
		if (torture_strikes(TORTURE_CALL, #name)) {        \
			errno = error;                             \
			return failed;                             \
		}                                                  \
		return real args;                                  \
	}

/* The same for what returns -1. */
#define WRAP(type, name, error, parameters, args) \
	WRAP_AS(type, name, name, -1, error, parameters, args)
#define WRAP64(type, name, error, parameters, args) \
	WRAP_AS(type, name##64, name, -1, error, parameters, args)

/* The same for what a signal may also interrupt, if it waits. */
#define WRAP_SLOW(type, name, error, waits, parameters, args)                            \
	type torture_##name parameters;                                                  \
	type torture_##name parameters                                                   \
	{                                                                                \
		bool interrupted = (waits) && torture_strikes(TORTURE_INTERRUPT, #name); \
                                                                                         \
		if (interrupted || torture_strikes(TORTURE_CALL, #name)) {               \
			errno = interrupted ? EINTR : error;                             \
			return -1;                                                       \
		}                                                                        \
		return name args;                                                        \
	}

static bool is_blocking(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* --- files ----------------------------------------------------------------------------------- */

int torture_open64(const char *path, int flags, ...);
int torture_open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (torture_strikes(TORTURE_CALL, "open")) {
		errno = EMFILE;
		return -1;
	}
	return open(path, flags, mode);
}

int torture_openat64(int dir_fd, const char *path, int flags, ...);
int torture_openat64(int dir_fd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (torture_strikes(TORTURE_CALL, "openat")) {
		errno = EMFILE;
		return -1;
	}
	return openat(dir_fd, path, flags, mode);
}

/* It is closed all the same, as on Linux. */
int torture_close(int fd);
int torture_close(int fd)
{
	int r = close(fd);

	if (torture_strikes(TORTURE_CALL, "close")) {
		errno = EIO;
		return -1;
	}
	return r;
}

ssize_t torture_write(int fd, const void *data, size_t size);
ssize_t torture_write(int fd, const void *data, size_t size)
{
	if (torture_strikes(TORTURE_CALL, "write")) {
		errno = ENOSPC;
		return -1;
	}
	if (torture_strikes(TORTURE_INTERRUPT, "write")) {
		if (size > 1)
			return write(fd, data, size / 2);
		errno = EINTR;
		return -1;
	}
	return write(fd, data, size);
}

WRAP_SLOW(ssize_t, read, EIO, is_blocking(fd), (int fd, void *data, size_t size), (fd, data, size))
WRAP(int, fsync, EIO, (int fd), (fd))
WRAP64(int, fstat, EIO, (int fd, struct stat *ret), (fd, ret))
WRAP64(int, stat, EIO, (const char *path, struct stat *ret), (path, ret))
WRAP64(int, fstatat, EIO, (int dir_fd, const char *path, struct stat *ret, int flags),
       (dir_fd, path, ret, flags))
WRAP(int, statx, EIO, (int dir_fd, const char *path, int flags, unsigned mask, struct statx *ret),
     (dir_fd, path, flags, mask, ret))
WRAP64(int, statvfs, EIO, (const char *path, struct statvfs *ret), (path, ret))
WRAP(int, access, EIO, (const char *path, int mode), (path, mode))
WRAP(int, faccessat, EIO, (int dir_fd, const char *path, int mode, int flags),
     (dir_fd, path, mode, flags))
WRAP(ssize_t, readlink, EIO, (const char *path, char *ret, size_t size), (path, ret, size))
WRAP(int, unlink, EIO, (const char *path), (path))
WRAP(int, unlinkat, EIO, (int dir_fd, const char *path, int flags), (dir_fd, path, flags))
WRAP(int, renameat, EIO, (int dir_fd, const char *from, int to_fd, const char *to),
     (dir_fd, from, to_fd, to))
WRAP(int, mkdir, ENOSPC, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, ENOSPC, (int dir_fd, const char *path, mode_t mode), (dir_fd, path, mode))
WRAP(int, mknod, ENOSPC, (const char *path, mode_t mode, dev_t device), (path, mode, device))
WRAP_AS(char *, mkdtemp, mkdtemp, NULL, ENOSPC, (char *path), (path))
WRAP(int, fchmod, EIO, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchmodat, EIO, (int dir_fd, const char *path, mode_t mode, int flags),
     (dir_fd, path, mode, flags))
WRAP(int, utimensat, EIO, (int dir_fd, const char *path, const struct timespec *times, int flags),
     (dir_fd, path, times, flags))
WRAP(int, fchdir, EIO, (int fd), (fd))
WRAP(int, flock, ENOLCK, (int fd, int operation), (fd, operation))
WRAP_AS(struct dirent *, readdir64, readdir, NULL, EIO, (DIR * dir), (dir))
WRAP_AS(int, fflush, fflush, EOF, ENOSPC, (FILE * file), (file))
WRAP_AS(int, fclose, fclose, EOF, ENOSPC, (FILE * file), (file))
WRAP(ssize_t, getrandom, EIO, (void *data, size_t size, unsigned flags), (data, size, flags))

/* --- descriptors ----------------------------------------------------------------------------- */

int torture_fcntl64(int fd, int command, ...);
int torture_fcntl64(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	if (torture_strikes(TORTURE_CALL, "fcntl")) {
		errno = command == F_DUPFD_CLOEXEC ? EMFILE : ENOLCK;
		return -1;
	}
	return fcntl(fd, command, argument);
}

int torture_ioctl(int fd, unsigned long request, ...);
int torture_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (torture_strikes(TORTURE_CALL, "ioctl")) {
		errno = EIO;
		return -1;
	}
	return ioctl(fd, request, argument);
}

WRAP(int, dup2, EMFILE, (int fd, int new_fd), (fd, new_fd))
WRAP(int, pipe2, EMFILE, (int *fds, int flags), (fds, flags))
WRAP(int, eventfd, EMFILE, (unsigned count, int flags), (count, flags))
WRAP(int, eventfd_read, EIO, (int fd, eventfd_t *ret), (fd, ret))
WRAP(int, eventfd_write, EIO, (int fd, eventfd_t value), (fd, value))
WRAP(int, signalfd, EMFILE, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
WRAP(int, inotify_init1, EMFILE, (int flags), (flags))
WRAP(int, inotify_add_watch, ENOSPC, (int fd, const char *path, uint32_t mask), (fd, path, mask))
WRAP_SLOW(int, poll, ENOMEM, timeout != 0, (struct pollfd * fds, nfds_t n, int timeout),
	  (fds, n, timeout))
WRAP_SLOW(int, ppoll, ENOMEM, true,
	  (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
	  (fds, n, timeout, mask))
WRAP_AS(void *, mmap64, mmap, MAP_FAILED, ENOMEM,
	(void *at, size_t size, int protection, int flags, int fd, off_t offset),
	(at, size, protection, flags, fd, offset))
WRAP(int, close_range, ENOSYS, (unsigned first, unsigned last, int flags), (first, last, flags))

/* --- sockets --------------------------------------------------------------------------------- */

WRAP(int, socket, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, socketpair, EMFILE, (int domain, int type, int protocol, int *fds),
     (domain, type, protocol, fds))
WRAP(int, bind, EADDRINUSE, (int fd, const struct sockaddr *address, socklen_t size),
     (fd, address, size))
WRAP(int, listen, EADDRINUSE, (int fd, int backlog), (fd, backlog))
WRAP_SLOW(int, accept4, EMFILE, is_blocking(fd),
	  (int fd, struct sockaddr *address, socklen_t *size, int flags),
	  (fd, address, size, flags))
WRAP(int, connect, ECONNREFUSED, (int fd, const struct sockaddr *address, socklen_t size),
     (fd, address, size))
WRAP_SLOW(ssize_t, send, EPIPE, !(flags & MSG_DONTWAIT) && is_blocking(fd),
	  (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
WRAP_SLOW(ssize_t, recv, ECONNRESET, !(flags & MSG_DONTWAIT) && is_blocking(fd),
	  (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
WRAP_SLOW(ssize_t, sendmsg, ENOBUFS, !(flags & MSG_DONTWAIT) && is_blocking(fd),
	  (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP_SLOW(ssize_t, recvmsg, ENOMEM, !(flags & MSG_DONTWAIT) && is_blocking(fd),
	  (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, setsockopt, ENOMEM, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, getsockopt, ENOBUFS, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))

/* --- processes ------------------------------------------------------------------------------- */

WRAP(pid_t, fork, EAGAIN, (void), ())
WRAP(int, execvp, ENOENT, (const char *file, char *const argv[]), (file, argv))
WRAP_AS(int, posix_spawn, posix_spawn, EAGAIN, EAGAIN,
	(pid_t * ret, const char *path, const posix_spawn_file_actions_t *actions,
	 const posix_spawnattr_t *attr, char *const argv[], char *const env[]),
	(ret, path, actions, attr, argv, env))
WRAP_SLOW(pid_t, waitpid, ECHILD, !(options & WNOHANG), (pid_t pid, int *status, int options),
	  (pid, status, options))
WRAP_SLOW(int, waitid, ECHILD, !(options & WNOHANG),
	  (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
WRAP(int, kill, EPERM, (pid_t pid, int signal), (pid, signal))
WRAP(pid_t, setsid, EPERM, (void), ())

int torture_prctl(int option, ...);
int torture_prctl(int option, ...)
{
	unsigned long a[4];
	va_list args;

	va_start(args, option);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = va_arg(args, unsigned long);
	va_end(args);
	if (torture_strikes(TORTURE_CALL, "prctl")) {
		errno = EINVAL;
		return -1;
	}
	return prctl(option, a[0], a[1], a[2], a[3]);
}

/* What has no wrapper in the C library: pidfd_open() and the like. */
long torture_syscall(long number, ...);
long torture_syscall(long number, ...)
{
	va_list args;
	long a[6];

	va_start(args, number);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (torture_strikes(TORTURE_CALL, "syscall")) {
		errno = EMFILE;
		return -1;
	}
	return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- the rest -------------------------------------------------------------------------------- */

WRAP64(int, getrlimit, EINVAL, (__rlimit_resource_t resource, struct rlimit *ret), (resource, ret))
WRAP(int, sysinfo, EFAULT, (struct sysinfo * ret), (ret))
WRAP(int, uname, EFAULT, (struct utsname * ret), (ret))
WRAP(int, sched_getaffinity, EINVAL, (pid_t pid, size_t size, cpu_set_t *ret), (pid, size, ret))
WRAP(int, sched_setaffinity, EINVAL, (pid_t pid, size_t size, const cpu_set_t *set),
     (pid, size, set))
WRAP_AS(int, sd_event_set_watchdog, sd_event_set_watchdog, -EINVAL, EINVAL,
	(sd_event * event, int enable), (event, enable))
