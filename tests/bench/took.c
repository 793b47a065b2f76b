/*
 * took FILE COMMAND…: runs it, and writes what it took into the file: its exit status (255 for a
 * signal), milliseconds, CPU milliseconds, and the peak of its memory in KiB.
 */

#include <err.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cpu_ms(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double start = now_ms();
	FILE *file;
	pid_t pid;
	int status;

	if (argc < 3)
		errx(2, "took FILE COMMAND…");
	pid = fork();
	if (pid < 0)
		err(1, "cannot fork");
	if (pid == 0) {
		execv(argv[2], argv + 2);
		err(127, "%s", argv[2]);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		err(1, "cannot wait");
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	file = fopen(argv[1], "we");
	if (!file ||
	    fprintf(file, "%d %.0f %.0f %ld\n", status, now_ms() - start, cpu_ms(&usage),
		    usage.ru_maxrss) < 0 ||
	    fclose(file) != 0)
		err(1, "%s", argv[1]);
	return status;
}
