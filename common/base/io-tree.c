/*
 * rm -rf of a tree that may have been made by somebody hostile who is still at work in it.
 *
 * Every step is relative to the descriptor of a directory that was opened without following links,
 * and what may be entered is decided on that descriptor, not on the name: swapping a directory for
 * a link or for a mount point in between leads nowhere else. A bind mount has the device number of
 * where it comes from, so that the device alone is not enough to know one.
 */

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Removing while reading may hide entries on some file systems; others may add some meanwhile. */
#define PASSES_MAX 8

static int remove_entry(int parent_fd, const char *name, unsigned depth);

/* 0 when the directory may be entered from its parent, -EXDEV when it is mounted there. */
static int check_same_mount(int parent_fd, int fd)
{
	struct statx parent, entry;

	if (statx(parent_fd, "", AT_EMPTY_PATH, STATX_TYPE, &parent) < 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &entry) < 0)
		return -errno;

	if (parent.stx_dev_major != entry.stx_dev_major ||
	    parent.stx_dev_minor != entry.stx_dev_minor)
		return -EXDEV;
	/* Reported since Linux 5.8; before that the devices must do. */
	if (entry.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return -EXDEV;
	return 0;
}

/* A descriptor of the directory, which then lets its owner list and empty it. */
static int open_for_removal(int parent_fd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int fd = openat(parent_fd, name, flags);
	struct stat st;
	int r;

	if (fd < 0 && errno == EACCES) {
		if (fchmodat(parent_fd, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) < 0)
			return -EACCES;
		fd = openat(parent_fd, name, flags);
	}
	if (fd < 0)
		return -errno;

	r = check_same_mount(parent_fd, fd);
	if (r < 0)
		return r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == geteuid() && (st.st_mode & S_IRWXU) != S_IRWXU)
		(void)fchmod(fd, S_IRWXU);
	return take_fd(fd);
}

/* One pass over the entries: the first error, else the number of those that are gone now. */
static int remove_entries(DIR *dir, unsigned depth)
{
	const struct dirent *entry;
	int removed = 0, error = 0, r;

	rewinddir(dir);
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;

		r = remove_entry(dirfd(dir), entry->d_name, depth + 1);
		if (r < 0 && error == 0)
			error = r;
		removed++;
	}
	if (errno > 0 && error == 0)
		error = -errno;
	return error < 0 ? error : removed;
}

static int remove_directory(int parent_fd, const char *name, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (depth >= IO_TREE_DEPTH_MAX)
		return -ELOOP;
	fd = open_for_removal(parent_fd, name);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(fd);

	for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
		r = remove_entries(dir, depth);
		if (r < 0)
			return r;
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != ENOTEMPTY)
			return -errno;
	}
	return -ENOTEMPTY;
}

static int remove_entry(int parent_fd, const char *name, unsigned depth)
{
	int r;

	if (unlinkat(parent_fd, name, 0) == 0)
		return 0;

	r = -errno;
	if (r == -EISDIR)
		r = remove_directory(parent_fd, name, depth);
	return r == -ENOENT ? 0 : r;
}

int remove_tree_at(int dir_fd, const char *name)
{
	_cleanup_close_ int parent_fd = -1;
	const char *entry;

	parent_fd = open_parent_at(dir_fd, name, &entry);
	if (parent_fd < 0)
		return parent_fd == -ENOENT ? 0 : parent_fd;
	return remove_entry(parent_fd, entry, 0);
}
