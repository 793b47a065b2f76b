/*
 * A pid is pinned in three steps: open a pidfd for whatever has the pid now; read the start time of
 * whatever has the pid now; ask the pidfd whether its process still lives. If it does, nobody else
 * can have had the pid in between, so that what was read was read of the process behind the pidfd.
 */

#include "common/base/process.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/parse.h"

#define STAT_MAX 1024          /* 52 numbers and a name */
#define IDENTITY_FILE_MAX 1024 /* three short members */
#define PROC_PATH_MAX 32

/* Positions in /proc/PID/stat, counted from 1 as in proc(5). */
enum { FIELD_STATE = 3, FIELD_PARENT, FIELD_GROUP, FIELD_SESSION, FIELD_START_TIME = 22 };

static int parse_pid(const char *text, pid_t *ret)
{
	uint64_t value;
	int r;

	r = parse_u64(text, &value);
	if (r < 0)
		return r;
	if (value > INT32_MAX)
		return -ERANGE;
	*ret = (pid_t)value;
	return 0;
}

static int parse_stat_field(int position, const char *text, struct process_stat *stat)
{
	switch (position) {
	case FIELD_STATE:
		stat->state = text[0];
		return text[0] != '\0' && text[1] == '\0' ? 0 : -EBADMSG;
	case FIELD_PARENT:
		return parse_pid(text, &stat->parent);
	case FIELD_GROUP:
		return parse_pid(text, &stat->group);
	case FIELD_SESSION:
		return parse_pid(text, &stat->session);
	case FIELD_START_TIME:
		return parse_u64(text, &stat->start_time);
	default:
		return 0;
	}
}

/* The name may hold anything, also spaces, newlines and ')': it ends at the last one. */
static int parse_name(char *text, struct process_stat *stat, char **ret_rest)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	size_t n = 0;

	if (!open || !close || close < open || close[1] != ' ')
		return -EBADMSG;

	for (const char *p = open + 1; p < close && n < sizeof(stat->name) - 1; p++)
		stat->name[n++] = isascii(*p) && isprint((unsigned char)*p) ? *p : '?';
	stat->name[n] = '\0';
	*ret_rest = close + 2;
	return 0;
}

int process_read_stat(int proc_fd, pid_t pid, struct process_stat *ret)
{
	char path[PROC_PATH_MAX], text[STAT_MAX], *rest, *field;
	struct process_stat stat = { .pid = pid };
	int r, position = FIELD_STATE;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	r = read_file_at(proc_fd, path, text, sizeof(text));
	if (r == -ENOENT)
		return -ESRCH;
	if (r < 0)
		return r;

	r = parse_name(text, &stat, &rest);
	if (r < 0)
		return r;

	while (position <= FIELD_START_TIME) {
		field = strsep(&rest, " \n");
		if (!field)
			return -EBADMSG;
		if (parse_stat_field(position, field, &stat) < 0)
			return -EBADMSG;
		position++;
	}

	*ret = stat;
	return 0;
}

bool process_is_dead(const struct process_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

int process_boot_id(int proc_fd, char *ret, size_t size)
{
	char text[BOOT_ID_MAX + 2];
	int r;

	r = read_file_at(proc_fd, "sys/kernel/random/boot_id", text, sizeof(text));
	if (r < 0)
		return r;
	if (text[0] == '\0')
		return -EBADMSG;
	return str_copy(ret, size, text);
}

int process_identify(int proc_fd, pid_t pid, struct process_identity *ret)
{
	struct process_identity identity = { .pid = pid };
	struct process_stat stat;
	int r;

	r = process_read_stat(proc_fd, pid, &stat);
	if (r < 0)
		return r;
	r = process_boot_id(proc_fd, identity.boot_id, sizeof(identity.boot_id));
	if (r < 0)
		return r;

	identity.start_time = stat.start_time;
	*ret = identity;
	return 0;
}

int process_write_identity_at(int dir_fd, const char *path, const struct process_identity *identity)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	const char *text;
	int r;

	if (!object)
		return -ENOMEM;
	r = json_set_u64(object, "pid", (uint64_t)identity->pid);
	if (r >= 0)
		r = json_set_u64(object, "start_time", identity->start_time);
	if (r >= 0)
		r = json_set_text(object, "boot_id", identity->boot_id);
	if (r < 0)
		return r;

	text = json_text(object);
	if (!text)
		return -ENOMEM;
	return replace_file_at(dir_fd, path, text, strlen(text), 0600);
}

static int identity_from_json(struct json_object *object, struct process_identity *ret,
			      struct fault *fault)
{
	struct process_identity identity = {};
	const char *boot_id = NULL;
	uint64_t pid = 0;
	int r;

	r = json_get_u64(object, "pid", &pid, fault);
	if (r > 0)
		r = json_get_u64(object, "start_time", &identity.start_time, fault);
	if (r > 0)
		r = json_get_text(object, "boot_id", &boot_id, fault);
	if (r < 0)
		return r;
	if (r == 0)
		return fault_set(fault, EBADMSG, "it lacks pid, start_time or boot_id");

	/* Pid 1 is never one of ours, and 0 and negative ones mean groups to kill(). */
	if (pid <= 1 || pid > INT32_MAX)
		return fault_set(fault, EBADMSG, "%llu is no pid", (unsigned long long)pid);
	if (str_copy(identity.boot_id, sizeof(identity.boot_id), boot_id) < 0)
		return fault_set(fault, EBADMSG, "its boot_id is too long");

	identity.pid = (pid_t)pid;
	*ret = identity;
	return 0;
}

int process_read_identity_at(int dir_fd, const char *path, struct process_identity *ret,
			     struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = read_file_alloc_at(dir_fd, path, IDENTITY_FILE_MAX, &text, &size);
	if (r == -EFBIG)
		return fault_set(fault, EBADMSG, "%s is larger than a process identity can be",
				 path);
	if (r < 0)
		return fault_set(fault, -r, "cannot read %s: %s", path, strerror(-r));

	r = json_parse(text, size, path, &object, fault);
	if (r >= 0)
		r = identity_from_json(object, ret, fault);
	if (r < 0)
		return fault_wrap(fault, r, "%s does not name a process", path);
	return 0;
}

/* By number, because the C library has had wrappers only since glibc 2.36. */
int process_open_child(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd < 0 ? -errno : pidfd;
}

int process_open(int proc_fd, const struct process_identity *identity)
{
	_cleanup_close_ int pidfd = -1;
	char boot_id[BOOT_ID_MAX];
	struct process_stat stat;
	int r;

	r = process_boot_id(proc_fd, boot_id, sizeof(boot_id));
	if (r < 0)
		return r;
	if (strcmp(boot_id, identity->boot_id) != 0)
		return -ESRCH;

	pidfd = process_open_child(identity->pid);
	if (pidfd < 0)
		/* EINVAL: the number is a thread's now. */
		return pidfd == -EINVAL ? -ESRCH : pidfd;

	r = process_read_stat(proc_fd, identity->pid, &stat);
	if (r < 0)
		return r;
	if (stat.start_time != identity->start_time || process_is_dead(&stat))
		return -ESRCH;

	/* A process that we may not signal is there all the same. */
	r = process_signal(pidfd, 0);
	if (r < 0 && r != -EPERM)
		return r;
	return take_fd(pidfd);
}

int process_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int process_wait(int pidfd, const struct deadline *deadline, const struct clock *clock)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	uint64_t left_usec;
	struct timespec timeout;
	int r;

	for (;;) {
		left_usec = deadline_left_usec(deadline, clock);
		timeout = (struct timespec){
			.tv_sec = (time_t)(left_usec / USEC_PER_SEC),
			.tv_nsec = (long)(left_usec % USEC_PER_SEC * 1000),
		};
		r = ppoll(&poll_fd, 1, left_usec == UINT64_MAX ? NULL : &timeout, NULL);
		if (r > 0)
			return poll_fd.revents & POLLNVAL ? -EBADF : 1;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0 && deadline_passed(deadline, clock))
			return 0;
	}
}
