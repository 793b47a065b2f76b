/*
 * In place of libFuzzer where that is not linked: gives a target each file of the directories, or
 * each of the files, that it is called with, and an empty input first. One test, in TAP; what fails
 * ends the program, and the last line on stderr names the input.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)1024 * 1024)

static int replay_file(const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *exact = NULL;
	size_t size = 0;
	int r;

	(void)fprintf(stderr, "replaying %s\n", path);
	r = read_file_alloc_at(AT_FDCWD, path, INPUT_MAX, &text, &size);
	if (r < 0)
		return r;
	/* Without the NUL behind it. */
	exact = malloc(size > 0 ? size : 1);
	if (!exact)
		return -ENOMEM;
	if (size > 0)
		memcpy(exact, text, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	return 1;
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The number of files, or the first error. */
static int replay_directory(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_input, alphasort), r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];

		if (r >= 0 && snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) <
				      (int)sizeof(file))
			r = replay_file(file);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? r : n;
}

static int replay(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return -errno;
	return S_ISDIR(info.st_mode) ? replay_directory(path) : replay_file(path);
}

int main(int argc, char **argv)
{
	static const uint8_t nothing[1];
	int total = 0;

	(void)printf("1..1\n");
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(nothing, 0);
	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);

		if (n <= 0) {
			(void)printf("not ok 1 - %s: %s\n", argv[i],
				     n < 0 ? strerror(-n) : "there is no input");
			return EXIT_FAILURE;
		}
		total += n;
	}
	(void)printf("ok 1 - stands %d inputs\n", total);
	return EXIT_SUCCESS;
}
