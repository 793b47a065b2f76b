#include "controller/provider/local-machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/process.h"

#define MACHINES "machines"
#define LOCK_FILE "lock"
#define HANDLE_FILE "handle.json"
#define AGENT_FILE "agent.json"
#define NEW_PREFIX ".new-"
#define GONE_PREFIX ".gone-"

#define HANDLE_FILE_MAX 4096

/* Who only looks holds a lock for a few microseconds: long enough to be in the way of who wants it
 * for good. */
#define LOCK_TRIES_MAX 5
#define LOCK_TRY_USEC (2 * USEC_PER_MSEC)

int local_root_open(const char *state_dir, bool create, struct local_root *ret, struct fault *fault)
{
	_cleanup_free_ char *path = str_format("%s/%s", state_dir, MACHINES);
	struct local_root root = *ret;
	int r;

	if (!path)
		return -ENOMEM;
	if (create) {
		r = make_dirs(path, 0700);
		if (r < 0)
			return fault_cure(fault, fault_set(fault, r, "cannot make %s: %m", path),
					  "give a state directory that you may write to: "
					  "--state-dir");
	}

	root.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root.fd < 0)
		return fault_set(fault, errno, "cannot open %s: %m", path);
	/* The agents start elsewhere. */
	root.path = realpath(path, NULL);
	if (!root.path) {
		r = fault_set(fault, errno, "cannot resolve %s: %m", path);
		close(root.fd);
		return r;
	}
	*ret = root;
	return 0;
}

void local_root_close(struct local_root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	free(root->path);
	*root = (struct local_root){ .fd = -1 };
}

static int write_handle(int dir_fd, const struct handle *handle)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	_cleanup_close_ int fd = -1;
	const char *text;
	int r;

	if (!object)
		return -ENOMEM;
	r = json_set_text(object, "correlation", handle->correlation);
	if (r >= 0)
		r = json_set_text(object, "type", handle->type);
	if (r >= 0)
		r = json_set_text(object, "arch", handle->arch);
	text = r >= 0 ? json_text(object) : NULL;
	if (!text)
		return -ENOMEM;

	/* It becomes visible with the directory; and no machine survives a loss of power. */
	fd = openat(dir_fd, HANDLE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

static void copy_member(struct json_object *object, const char *key, char *to, size_t size)
{
	const char *text = NULL;

	if (json_get_text(object, key, &text, NULL) > 0)
		(void)!str_copy(to, size, text);
}

void local_machine_handle(const struct local_root *root, const char *id, struct handle *ret)
{
	_cleanup_free_ char *path = str_format("%s/" HANDLE_FILE, id), *text = NULL;
	_cleanup_json_ struct json_object *object = NULL;
	struct stat st;
	size_t size;
	int n;

	*ret = (struct handle){ .provider = "local" };
	(void)!str_copy(ret->id, sizeof(ret->id), id);
	n = snprintf(ret->address, sizeof(ret->address), "%s/%s", root->path, id);
	if (n >= (int)sizeof(ret->address))
		ret->address[0] = '\0';

	if (!path || read_file_alloc_at(root->fd, path, HANDLE_FILE_MAX, &text, &size) < 0 ||
	    json_parse(text, size, path, &object, NULL) < 0)
		return;
	if (fstatat(root->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec > 0)
		ret->launched_ms = (uint64_t)st.st_mtim.tv_sec * MSEC_PER_SEC;
	copy_member(object, "correlation", ret->correlation, sizeof(ret->correlation));
	copy_member(object, "type", ret->type, sizeof(ret->type));
	copy_member(object, "arch", ret->arch, sizeof(ret->arch));
}

static int make_lock(int dir_fd)
{
	_cleanup_close_ int fd =
		openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return take_fd(fd);
}

/* Fills the directory while it has a name that nobody looks at. */
static int furnish(int dir_fd, const struct handle *handle, int *ret_lock_fd)
{
	int lock_fd, r;

	lock_fd = make_lock(dir_fd);
	if (lock_fd < 0)
		return lock_fd;
	r = write_handle(dir_fd, handle);
	if (r < 0) {
		close(lock_fd);
		return r;
	}
	*ret_lock_fd = lock_fd;
	return 0;
}

int local_machine_create(const struct local_root *root, const struct handle *handle,
			 int *ret_dir_fd, int *ret_lock_fd, struct fault *fault)
{
	_cleanup_free_ char *path = str_format("%s/" NEW_PREFIX "XXXXXX", root->path);
	_cleanup_close_ int dir_fd = -1, lock_fd = -1;
	const char *name;
	int r;

	if (!path)
		return -ENOMEM;
	if (!mkdtemp(path))
		return fault_set(fault, errno, "cannot make a directory in %s: %m", root->path);
	name = strrchr(path, '/') + 1;

	dir_fd = openat(root->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dir_fd < 0 ? -errno : furnish(dir_fd, handle, &lock_fd);
	/* Who clears away may have come in between, and taken it for left behind. */
	if (r == -ENOENT || r == -EWOULDBLOCK)
		r = -ESTALE;
	/* A machine's directory is never empty, so that it is not replaced. */
	if (r >= 0 && renameat(root->fd, name, root->fd, handle->id) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST ? -ESTALE : -errno;
	if (r < 0) {
		(void)!remove_tree_at(root->fd, name);
		return fault_set(fault, r, "cannot make the machine's directory %s/%s: %m",
				 root->path, handle->id);
	}

	*ret_dir_fd = take_fd(dir_fd);
	*ret_lock_fd = take_fd(lock_fd);
	return 0;
}

int local_machine_open(const struct local_root *root, const char *id)
{
	int fd;

	if (!machine_id_is_valid(id))
		return -ENOENT;
	fd = openat(root->fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_same_dir(const struct local_root *root, const char *id, int dir_fd)
{
	struct stat opened, named;

	return fstat(dir_fd, &opened) == 0 &&
	       fstatat(root->fd, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static int open_lock(int dir_fd)
{
	int fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int local_machine_lock(const struct local_root *root, const char *id, int dir_fd)
{
	_cleanup_close_ int fd = open_lock(dir_fd);

	if (fd < 0)
		return fd;
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK || tries == LOCK_TRIES_MAX)
			return -errno;
		(void)clock_sleep(root->clock, LOCK_TRY_USEC);
	}
	/* Whoever had it may have removed the machine. */
	return is_same_dir(root, id, dir_fd) ? take_fd(fd) : -ESTALE;
}

/* 1 when something holds the lock. */
static int is_held(int dir_fd)
{
	_cleanup_close_ int fd = open_lock(dir_fd);

	if (fd < 0)
		return fd;
	/* Shared, so that those who only look do not see each other. */
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -errno;
}

bool local_machine_was_born(int dir_fd)
{
	return faccessat(dir_fd, AGENT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int local_machine_agent(const struct local_root *root, int dir_fd, struct fault *fault)
{
	struct process_identity identity;
	int r;

	r = process_read_identity_at(dir_fd, AGENT_FILE, &identity, fault);
	if (r < 0)
		return r;
	r = process_open(root->proc_fd, &identity);
	if (r < 0 && r != -ESRCH)
		return fault_set(fault, r, "cannot look at process %d: %m", (int)identity.pid);
	return r;
}

static enum presence judge_held(const struct local_root *root, int dir_fd)
{
	struct fault ignored = {};
	int pidfd;

	pidfd = local_machine_agent(root, dir_fd, &ignored);
	if (pidfd >= 0)
		close(pidfd);
	if (pidfd == -ENOENT)
		return PRESENCE_STARTING;
	/* Its agent has ended, and what that left is being ended. */
	return pidfd == -ESRCH ? PRESENCE_ENDING : PRESENCE_THERE;
}

enum presence local_machine_presence(const struct local_root *root, const char *id,
				     struct fault *fault)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, id);
	enum presence presence;
	int r;

	if (dir_fd == -ENOENT)
		return PRESENCE_GONE;
	r = dir_fd < 0 ? dir_fd : is_held(dir_fd);
	if (r == -ENOENT) {
		/* Somebody removed the lock file: the machine may live on without it. */
		presence = judge_held(root, dir_fd);
		return presence == PRESENCE_THERE ? PRESENCE_THERE : PRESENCE_GONE;
	}
	if (r < 0) {
		(void)fault_set(fault, r, "cannot look at machine %s in %s: %m", id, root->path);
		return PRESENCE_UNKNOWN;
	}
	return r > 0 ? judge_held(root, dir_fd) : PRESENCE_GONE;
}

/* All but what the machine is known by. */
static int empty_dir(int dir_fd, const char **ret_culprit, char *culprit, size_t size)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r, first = 0;

	r = open_dir_at(dir_fd, ".", &dir);
	if (r < 0)
		return r;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno > 0 ? -errno : first;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, LOCK_FILE) == 0 ||
		    strcmp(entry->d_name, HANDLE_FILE) == 0 ||
		    strcmp(entry->d_name, AGENT_FILE) == 0)
			continue;

		r = remove_tree_at(dir_fd, entry->d_name);
		if (r < 0 && first == 0) {
			first = r;
			(void)snprintf(culprit, size, "%s", entry->d_name);
			*ret_culprit = culprit;
		}
	}
}

int local_machine_remove(const struct local_root *root, const char *id, struct fault *fault)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, id);
	char gone[sizeof(GONE_PREFIX) + MACHINE_ID_MAX], name[256];
	const char *culprit = "";
	int r;

	r = dir_fd < 0 ? dir_fd : empty_dir(dir_fd, &culprit, name, sizeof(name));
	if (r < 0) {
		r = fault_set(fault, r, "cannot remove %s/%s/%s: %m", root->path, id, culprit);
		return r == -EXDEV ? fault_cure(fault, r, "unmount what is mounted in it") : r;
	}

	/* One that was left half-way is in the way of nothing else. */
	(void)snprintf(gone, sizeof(gone), GONE_PREFIX "%s", id);
	r = remove_tree_at(root->fd, gone);
	if (r >= 0 && renameat(root->fd, id, root->fd, gone) < 0)
		r = -errno;
	if (r >= 0)
		r = remove_tree_at(root->fd, gone);
	return r < 0 ? fault_set(fault, r, "cannot remove %s/%s: %m", root->path, id) : 0;
}

/* Whoever is at work on such a directory holds its lock, but for the moment before there is one:
 * then it is empty, and its maker makes another. Without a lock and not empty it is garbage; that
 * is looked at twice, because a lock may have come in between. */
static void sweep_one(const struct local_root *root, const char *name)
{
	_cleanup_close_ int dir_fd =
		openat(root->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	r = dir_fd < 0 ? -errno : is_held(dir_fd);
	if (r == -ENOENT && unlinkat(root->fd, name, AT_REMOVEDIR) < 0 && errno == ENOTEMPTY &&
	    is_held(dir_fd) == -ENOENT)
		r = 0;
	if (r == 0)
		(void)!remove_tree_at(root->fd, name);
}

void local_root_sweep(const struct local_root *root)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	if (open_dir_at(root->fd, ".", &dir) < 0)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0 ||
		    strncmp(entry->d_name, GONE_PREFIX, strlen(GONE_PREFIX)) == 0)
			sweep_one(root, entry->d_name);
}
