/*
 * Watching: a database file tells nobody that it has changed, and a look each second is a second
 * too late for a claim. So an agent that watches puts a file named after its machine into
 * PATH.bell/ and an inotify watch on it; whoever commits a change of that machine touches the file,
 * if it is there. Touching never creates: a bell that nobody hears is not hung up.
 *
 * All of it is a hint. A ring may be lost, or ring for nothing; agents look anyway, just less
 * often.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/store/sqlite.h"

#define BELL_DIRECTORY_MODE 0700
#define BELL_MODE 0600

static char *bell_path(const struct sqlite_store *s, const char *id)
{
	return str_format("%s.bell%s%s", s->path, id ? "/" : "", id ?: "");
}

/* Hangs the bell up and listens to it. */
static int hang(struct sqlite_store *s, int fd, const char *id, struct fault *fault)
{
	_cleanup_free_ char *directory = bell_path(s, NULL);
	_cleanup_free_ char *path = bell_path(s, id);
	_cleanup_close_ int bell = -1;
	int watch;

	if (!directory || !path)
		return fault_set(fault, ENOMEM, "out of memory");
	if (mkdir(directory, BELL_DIRECTORY_MODE) < 0 && errno != EEXIST)
		return fault_set(fault, errno, "cannot make %s: %s", directory, strerror(errno));
	bell = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, BELL_MODE);
	if (bell < 0)
		return fault_set(fault, errno, "cannot make %s: %s", path, strerror(errno));
	watch = inotify_add_watch(fd, path, IN_ATTRIB | IN_MODIFY | IN_DELETE_SELF);
	if (watch < 0)
		return fault_set(fault, errno, "cannot watch %s: %s", path, strerror(errno));
	s->bell_watch = watch;
	return 0;
}

int sqlite_watch(struct store *store, const char *id, int *ret_fd, struct fault *fault)
{
	struct sqlite_store *s = sqlite_store_of(store);
	_cleanup_close_ int fd = -1;
	int r;

	if (!machine_id_is_valid(id))
		return fault_set(fault, EINVAL, "'%.64s' is no machine id", id);
	if (s->bell_fd >= 0 && strcmp(s->bell_id, id) != 0)
		return fault_set(fault, EBUSY, "this store watches '%s' already", s->bell_id);
	if (s->bell_fd >= 0) {
		*ret_fd = s->bell_fd;
		return 0;
	}

	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0) {
		r = fault_set(fault, errno, "cannot watch anything: %s", strerror(errno));
		return fault_cure(fault, r, "raise fs.inotify.max_user_instances (sysctl)");
	}
	r = hang(s, fd, id, fault);
	if (r >= 0)
		r = str_copy(s->bell_id, sizeof(s->bell_id), id);
	if (r < 0)
		return r;

	s->bell_fd = take_fd(fd);
	*ret_fd = s->bell_fd;
	return 0;
}

void sqlite_watch_drain(struct store *store)
{
	struct sqlite_store *s = sqlite_store_of(store);
	_Alignas(struct inotify_event) char events[4096];
	bool gone = false;
	ssize_t n;

	if (s->bell_fd < 0)
		return;
	while ((n = read(s->bell_fd, events, sizeof(events))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(events + at);

			gone |= event->wd == s->bell_watch && event->mask & IN_IGNORED;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	/* Somebody took the bell down: an earlier agent of this machine on its way out. */
	if (gone)
		(void)!hang(s, s->bell_fd, s->bell_id, NULL);
}

void sqlite_ring(const struct sqlite_store *s, const char *id)
{
	_cleanup_free_ char *path = NULL;

	if (!machine_id_is_valid(id))
		return;
	path = bell_path(s, id);
	if (path)
		(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

void sqlite_bell_remove(const struct sqlite_store *s, const char *id)
{
	_cleanup_free_ char *path = NULL;

	if (!machine_id_is_valid(id))
		return;
	path = bell_path(s, id);
	if (path)
		(void)unlink(path);
}

void sqlite_unwatch(struct sqlite_store *s)
{
	if (s->bell_fd < 0)
		return;
	sqlite_bell_remove(s, s->bell_id);
	(void)close(s->bell_fd);
	s->bell_fd = -1;
}
