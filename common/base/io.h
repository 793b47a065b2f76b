#pragma once

/* Small files and directories, relative to a directory fd (AT_FDCWD works). */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/macro.h"

/* The first size - 1 bytes of a small file, as a string, without the newline at its end. For procfs
 * and its like, which answer one read(). Returns the length. */
int read_file_at(int dir_fd, const char *path, char *text, size_t size) _must_check_;

/* The whole of a file as a string in memory of its own. -EFBIG above max_bytes. Returns 0. */
int read_file_alloc_at(int dir_fd, const char *path, size_t max_bytes, char **ret,
		       size_t *ret_size) _must_check_;

/* Replaces a file as one step that survives power loss: temporary beside it, fsync, rename, fsync
 * of the directory. Nothing is left behind when it fails. */
int replace_file_at(int dir_fd, const char *path, const void *data, size_t size,
		    mode_t mode) _must_check_;

/* All of it or -errno; EINTR is retried. */
int write_all(int fd, const void *data, size_t size) _must_check_;

/* printf() into memory of its own, NULL when there is none. asprintf() leaves its pointer
 * undefined on failure, which _cleanup_free_ would then free. */
char *str_format(const char *format, ...) _printf_(1, 2);

/* Copies a string into an array; -ENAMETOOLONG (and an empty array) when it does not fit. */
int str_copy(char *to, size_t size, const char *from) _must_check_;

/* Control characters become '?', in place: what a peer wrote must not steer a terminal. */
void str_clean(char *text);

/* How many of the size bytes are left without a UTF-8 character that is cut off at the end. */
size_t utf8_cut(const char *text, size_t size);

int open_dir_at(int dir_fd, const char *path, DIR **ret) _must_check_;

/* The directory that a path lies in, and the path's last name. -EINVAL when that is empty, "." or
 * "..". Returns the descriptor. */
int open_parent_at(int dir_fd, const char *path, const char **ret_name) _must_check_;

/* mkdir -p; directories that it makes get mode. 0 also when all was there. */
int make_dirs(const char *path, mode_t mode) _must_check_;

/* rm -rf of one entry below dir_fd: never follows a symbolic link, never crosses into another file
 * system (-EXDEV: something is mounted there), chmods directories of ours that refuse us. What can
 * be removed is removed; the first error is returned. 0 also when it was not there. Depth is
 * limited to IO_TREE_DEPTH_MAX (-ELOOP). */
#define IO_TREE_DEPTH_MAX 128
int remove_tree_at(int dir_fd, const char *name) _must_check_;
