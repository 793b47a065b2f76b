/*
 * SQLite takes its memory and its system calls from tables that one may replace.
 */

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/torture.h"

static sqlite3_mem_methods real;

static void *get(int size)
{
	return torture_strikes(TORTURE_SQLITE_MEMORY, "sqlite malloc") ? NULL : real.xMalloc(size);
}

static void *resize(void *p, int size)
{
	return torture_strikes(TORTURE_SQLITE_MEMORY, "sqlite realloc") ? NULL
									: real.xRealloc(p, size);
}

#define WRAP(type, name, error, parameters, args)                            \
	static type our_##name parameters                                    \
	{                                                                    \
		if (torture_strikes(TORTURE_SQLITE_CALL, "sqlite " #name)) { \
			errno = error;                                       \
			return -1;                                           \
		}                                                            \
		return name args;                                            \
	}

WRAP(int, open, EMFILE, (const char *path, int flags, int mode), (path, flags, mode))
WRAP(int, access, EACCES, (const char *path, int mode), (path, mode))
WRAP(int, stat, EIO, (const char *path, struct stat *ret), (path, ret))
WRAP(int, fstat, EIO, (int fd, struct stat *ret), (fd, ret))
WRAP(int, ftruncate, EIO, (int fd, off_t size), (fd, size))
WRAP(ssize_t, read, EIO, (int fd, void *data, size_t size), (fd, data, size))
WRAP(ssize_t, pread, EIO, (int fd, void *data, size_t size, off_t at), (fd, data, size, at))
WRAP(ssize_t, write, ENOSPC, (int fd, const void *data, size_t size), (fd, data, size))
WRAP(ssize_t, pwrite, ENOSPC, (int fd, const void *data, size_t size, off_t at),
     (fd, data, size, at))
WRAP(int, unlink, EIO, (const char *path), (path))

static void *our_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (torture_strikes(TORTURE_SQLITE_CALL, "sqlite mmap")) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return mmap(at, size, protection, flags, fd, offset);
}

static int our_fcntl(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	/* To unlock needs no memory, and so does not fail. */
	if (!(command == F_SETLK && ((struct flock *)argument)->l_type == F_UNLCK) &&
	    torture_strikes(TORTURE_SQLITE_CALL, "sqlite fcntl")) {
		errno = ENOLCK;
		return -1;
	}
	return fcntl(fd, command, argument);
}

static const struct {
	const char *name;
	sqlite3_syscall_ptr function;
} calls[] = {
	{ "open", (sqlite3_syscall_ptr)our_open },
	{ "access", (sqlite3_syscall_ptr)our_access },
	{ "stat", (sqlite3_syscall_ptr)our_stat },
	{ "fstat", (sqlite3_syscall_ptr)our_fstat },
	{ "ftruncate", (sqlite3_syscall_ptr)our_ftruncate },
	{ "fcntl", (sqlite3_syscall_ptr)our_fcntl },
	{ "read", (sqlite3_syscall_ptr)our_read },
	{ "pread", (sqlite3_syscall_ptr)our_pread },
	{ "pread64", (sqlite3_syscall_ptr)our_pread },
	{ "write", (sqlite3_syscall_ptr)our_write },
	{ "pwrite", (sqlite3_syscall_ptr)our_pwrite },
	{ "pwrite64", (sqlite3_syscall_ptr)our_pwrite },
	{ "unlink", (sqlite3_syscall_ptr)our_unlink },
	{ "mmap", (sqlite3_syscall_ptr)our_mmap },
};

int torture_sqlite_init(void)
{
	sqlite3_mem_methods ours;
	sqlite3_vfs *vfs;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		return -1;
	ours = real;
	ours.xMalloc = get;
	ours.xRealloc = resize;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK)
		return -1;

	vfs = sqlite3_vfs_find(NULL);
	if (!vfs || vfs->iVersion < 3)
		return -1;
	/* Those that this SQLite does not know are not called by it either. */
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		(void)vfs->xSetSystemCall(vfs, calls[i].name, calls[i].function);
	return 0;
}
