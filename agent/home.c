#include "agent/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/process.h"

#define DIRECTORY_MODE 0700

void home_close(struct home *home)
{
	if (home->lock_fd >= 0)
		close(home->lock_fd);
	if (home->fd >= 0)
		close(home->fd);
	free(home->dir);
	*home = (struct home){ .fd = -1, .lock_fd = -1 };
}

/* Who holds the lock, for the message. The note may be an earlier agent's: then what that one left
 * running holds it. */
static int tell_holder(int dir_fd, int proc_fd, const char *machine, struct fault *fault)
{
	struct process_identity holder = {};
	_cleanup_close_ int pidfd = -1;
	int r = process_read_identity_at(dir_fd, HOME_IDENTITY, &holder, NULL);

	if (r >= 0)
		pidfd = process_open(proc_fd, &holder);
	if (pidfd >= 0)
		r = fault_set(fault, EBUSY, "machine %s has an agent already: process %d", machine,
			      (int)holder.pid);
	else
		r = fault_set(fault, EBUSY,
			      "machine %s is locked by a process that an earlier agent has left",
			      machine);
	return fault_cure(fault, r, "paddock-agent status --machine %s", machine);
}

static int take_lock(struct home *home, struct fault *fault)
{
	home->lock_fd =
		openat(home->fd, HOME_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (home->lock_fd < 0)
		return fault_set(fault, errno, "cannot open %s/%s: %m", home->dir, HOME_LOCK);
	return 0;
}

/* A descriptor that was handed down must be this machine's lock file, not merely some file. */
static int keep_lock(struct home *home, int lock_fd, struct fault *fault)
{
	struct stat given, wanted;

	if (fstat(lock_fd, &given) < 0)
		return fault_set(fault, EINVAL, "lock-fd %d is not open", lock_fd);
	if (fstatat(home->fd, HOME_LOCK, &wanted, AT_SYMLINK_NOFOLLOW) < 0 ||
	    given.st_dev != wanted.st_dev || given.st_ino != wanted.st_ino)
		return fault_set(fault, EINVAL, "lock-fd %d is not %s/%s", lock_fd, home->dir,
				 HOME_LOCK);
	home->lock_fd = lock_fd;
	if (fcntl(lock_fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int hold_lock(struct home *home, const char *machine, int lock_fd, struct fault *fault)
{
	_cleanup_close_ int proc_fd = open(PROCESS_PROC, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct process_identity self;
	int r;

	if (proc_fd < 0)
		return fault_set(fault, errno, "cannot open %s: %m", PROCESS_PROC);

	r = lock_fd > 0 ? keep_lock(home, lock_fd, fault) : take_lock(home, fault);
	if (r < 0)
		return r;
	/* On a descriptor that was handed down this only confirms what is held. */
	if (flock(home->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return tell_holder(home->fd, proc_fd, machine, fault);
		return fault_set(fault, errno, "cannot lock %s/%s: %m", home->dir, HOME_LOCK);
	}

	r = process_identify(proc_fd, getpid(), &self);
	if (r < 0)
		return fault_set(fault, r, "cannot tell which process this is: %m");
	r = process_write_identity_at(home->fd, HOME_IDENTITY, &self);
	if (r < 0)
		return fault_set(fault, r, "cannot write %s/%s: %m", home->dir, HOME_IDENTITY);
	return 0;
}

int home_open(const char *state_dir, const char *machine, int lock_fd, struct home *ret,
	      struct fault *fault)
{
	_cleanup_home_ struct home home = { .fd = -1, .lock_fd = -1 };
	_cleanup_free_ char *path = str_format("%s/%s/%s", state_dir, HOME_MACHINES, machine);
	int r;

	if (!path)
		return -ENOMEM;
	r = make_dirs(path, DIRECTORY_MODE);
	if (r < 0)
		return fault_set(fault, r, "cannot make %s: %m", path);
	home.dir = realpath(path, NULL);
	if (!home.dir)
		return fault_set(fault, errno, "cannot resolve %s: %m", path);
	home.fd = open(home.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home.fd < 0)
		return fault_set(fault, errno, "cannot open %s: %m", home.dir);
	r = hold_lock(&home, machine, lock_fd, fault);
	if (r < 0)
		return r;

	*ret = home;
	home = (struct home){ .fd = -1, .lock_fd = -1 };
	return 0;
}
