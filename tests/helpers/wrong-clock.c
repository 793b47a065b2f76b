/*
 * To be preloaded: a wall clock that is wrong by so many seconds as the file WRONG_CLOCK says at
 * that moment; all other clocks are right. (libfaketime bends timerfds of CLOCK_BOOTTIME along.)
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/base/macro.h"

static time_t error_of_clock(void)
{
	const char *path = getenv("WRONG_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[32];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	bool negative = n > 0 && text[0] == '-';
	time_t seconds = 0;

	if (fd >= 0)
		close(fd);
	for (ssize_t i = negative; i < n && isdigit((unsigned char)text[i]); i++)
		seconds = seconds * 10 + text[i] - '0';
	return negative ? -seconds : seconds;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int saved = errno, r = (int)syscall(SYS_clock_gettime, id, ret);

	if (r < 0)
		return r;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ret->tv_sec += error_of_clock();
	errno = saved;
	return 0;
}

int gettimeofday(struct timeval *restrict ret, _unused_ void *restrict zone)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	*ret = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
