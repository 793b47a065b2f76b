#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Room for most small files at once; larger ones double from here. */
#define FIRST_READ_BYTES 4096

/* Names are drawn from 2^64: one that is taken twice in a row means something else is wrong. */
#define TEMPORARY_TRIES_MAX 8

/* How much of a file's name its temporary repeats, for whoever finds one. */
#define TEMPORARY_STEM_MAX 100

static ssize_t read_retry(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int read_file_at(int dir_fd, const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (size == 0 || size > INT_MAX)
		return -EINVAL;

	fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	n = read_retry(fd, text, size - 1);
	if (n < 0)
		return (int)n;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return (int)n;
}

int read_file_alloc_at(int dir_fd, const char *path, size_t max_bytes, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	size_t size = 0, capacity = 0;

	if (fd < 0)
		return -errno;
	if (max_bytes > SSIZE_MAX - 2)
		return -EINVAL;

	for (;;) {
		ssize_t n;

		if (capacity - size < 2) {
			char *larger;

			capacity = capacity == 0 ? FIRST_READ_BYTES : capacity * 2;
			/* One byte tells a file that is too large, one is for the NUL. */
			if (capacity > max_bytes + 2)
				capacity = max_bytes + 2;
			larger = realloc(text, capacity);
			if (!larger)
				return -ENOMEM;
			text = larger;
		}

		n = read_retry(fd, text + size, capacity - size - 1);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > max_bytes)
			return -EFBIG;
	}

	text[size] = '\0';
	*ret = take_ptr(text);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* no device should, and trying on would not end */
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int open_parent_at(int dir_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	_cleanup_free_ char *parent = NULL;
	int fd;

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;

	if (!slash)
		parent = str_format(".");
	else
		parent = str_format("%.*s", (int)(slash - path + 1), path);
	if (!parent)
		return -ENOMEM;

	fd = openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_name = name;
	return fd;
}

/* A new empty file beside the one called name. */
static int create_temporary(int parent_fd, const char *name, char *temporary, size_t size)
{
	uint64_t random;
	int fd;

	for (unsigned i = 0; i < TEMPORARY_TRIES_MAX; i++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		(void)snprintf(temporary, size, ".%.*s.%016jx.tmp", TEMPORARY_STEM_MAX, name,
			       (uintmax_t)random);

		fd = openat(parent_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int fill_file(int fd, const void *data, size_t size, mode_t mode)
{
	int r;

	r = write_all(fd, data, size);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int replace_file_at(int dir_fd, const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_close_ int parent_fd = -1, fd = -1;
	char temporary[NAME_MAX + 1];
	const char *name = NULL;
	int r;

	parent_fd = open_parent_at(dir_fd, path, &name);
	if (parent_fd < 0)
		return parent_fd;
	fd = create_temporary(parent_fd, name, temporary, sizeof(temporary));
	if (fd < 0)
		return fd;

	r = fill_file(fd, data, size, mode);
	if (r == 0 && renameat(parent_fd, temporary, parent_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(parent_fd, temporary, 0);
		return r;
	}

	/* Some file systems cannot sync a directory and say EINVAL; they need not either. */
	if (fsync(parent_fd) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

char *str_format(const char *format, ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

int str_copy(char *to, size_t size, const char *from)
{
	size_t length = strnlen(from, size);

	if (size == 0)
		return -ENAMETOOLONG;
	if (length == size) {
		to[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(to, from, length + 1);
	return 0;
}

void str_clean(char *text)
{
	unsigned char *at = (unsigned char *)text;

	for (; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) /* C1 in UTF-8 */
			at[0] = at[1] = '?';
	}
}

size_t utf8_cut(const char *text, size_t size)
{
	size_t start = size, length;
	unsigned char lead;

	while (start > 0 && size - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return size;

	lead = (unsigned char)text[start - 1];
	length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	return size - (start - 1) < length ? start - 1 : size;
}

int open_dir_at(int dir_fd, const char *path, DIR **ret)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;

	(void)take_fd(fd);
	*ret = dir;
	return 0;
}

/* The mode is set again where the umask took bits away. */
static int make_dir(const char *path, mode_t mode)
{
	_cleanup_close_ int fd = -1;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

int make_dirs(const char *path, mode_t mode)
{
	char partial[PATH_MAX];
	struct stat st;
	int r;

	r = str_copy(partial, sizeof(partial), path);
	if (r < 0)
		return r;

	for (char *slash = strchr(partial + (partial[0] == '/'), '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_dir(partial, mode);
		*slash = '/';
		if (r < 0)
			return r;
	}
	r = make_dir(partial, mode);
	if (r < 0)
		return r;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
