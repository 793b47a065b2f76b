/*
 * resctrl, only looked at: whether the kernel has it for this CPU, whether it is mounted, and what
 * its info directory offers. Nothing is mounted, written or created.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "common/base/io.h"
#include "common/base/parse.h"

#define RESOURCE_NAMES_MAX 3
#define MOUNT_POINT_FIELD 5
#define FILESYSTEMS_MAX 16384
#define MOUNTS_MAX (1024UL * 1024) /* a host of many containers has thousands of mounts */

/* Mounted with code and data apart, L3 is called L3CODE and L3DATA. */
static const struct {
	const char *name; /* also the capability's word */
	const char *resources[RESOURCE_NAMES_MAX];
	const char *count; /* how many groups can use it at once */
} features[] = {
	{ "resctrl.l3", { "L3", "L3DATA" }, "num_closids" },
	{ "resctrl.mb", { "MB" }, "num_closids" },
	{ "resctrl.mon", { "L3_MON" }, "num_rmids" },
	{ "resctrl.l2", { "L2", "L2DATA" }, "num_closids" },
};
_Static_assert(ARRAY_SIZE(features) + 2 <= 8, "probe-pmu.c keeps so many rows free");

/* Lines are "nodev\tresctrl". The kernel lists it only when the CPU has something of it. */
static bool is_listed(int root_fd)
{
	_cleanup_free_ char *text = calloc(1, FILESYSTEMS_MAX);
	static const char name[] = "\tresctrl";

	if (!text || read_file_at(root_fd, "proc/filesystems", text, FILESYSTEMS_MAX) < 0)
		return false;
	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
		if (at[strlen(name)] == '\n' || at[strlen(name)] == '\0')
			return true;
	return false;
}

/* "36 35 98:0 / /sys/fs/resctrl rw,relatime - resctrl …". */
static void find_mount(int root_fd, struct probe_resctrl *resctrl)
{
	_cleanup_free_ char *text = NULL;
	const char *field;
	size_t size;
	char *sign;

	if (read_file_alloc_at(root_fd, "proc/self/mountinfo", MOUNTS_MAX, &text, &size) < 0)
		return;
	sign = strstr(text, " - resctrl ");
	if (!sign)
		return;

	*sign = '\0';
	field = strrchr(text, '\n');
	field = field ? field + 1 : text;
	for (unsigned i = 1; i < MOUNT_POINT_FIELD; i++) {
		field = strchr(field, ' ');
		if (!field)
			return;
		field++;
	}
	(void)snprintf(resctrl->path, sizeof(resctrl->path), "%.*s", (int)strcspn(field, " "),
		       field);
	probe_clean(resctrl->path);
}

void probe_read_resctrl(int root_fd, struct probe_resctrl *resctrl)
{
	resctrl->listed = is_listed(root_fd);
	find_mount(root_fd, resctrl);
}

/* 1 and the number, 0 when info does not name the resource. */
static int read_resource(int info_fd, const char *resource, const char *count, uint64_t *ret)
{
	char path[64], text[32];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", resource, count);
	r = read_file_at(info_fd, path, text, sizeof(text));
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;

	text[strcspn(text, "\n")] = '\0';
	r = parse_u64(text, ret);
	return r < 0 ? r : 1;
}

static void look(int info_fd, size_t i, struct probe_observation *seen)
{
	int r = 0;

	for (size_t n = 0; n < RESOURCE_NAMES_MAX && features[i].resources[n] && r == 0; n++)
		r = read_resource(info_fd, features[i].resources[n], features[i].count,
				  &seen->value);
	if (r < 0) {
		seen->step = PROBE_STEP_FILE;
		seen->error = -r;
	}
	seen->counted = r > 0;
}

static void look_at_features(struct probe_report *report, int info_fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		struct probe_row *row = probe_add_row(report);

		row->name = features[i].name;
		row->capability = features[i].name;
		row->group = PROBE_GROUP_RESCTRL;
		(void)snprintf(row->asked, sizeof(row->asked), "info/%s/%s",
			       features[i].resources[0], features[i].count);
		look(info_fd, i, &row->seen);
	}
}

static void read_features(int info_fd, struct probe_resctrl *resctrl)
{
	int n = read_file_at(info_fd, "L3_MON/mon_features", resctrl->features,
			     sizeof(resctrl->features));

	if (n < 0)
		resctrl->features[0] = '\0';
	for (char *c = resctrl->features; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	probe_clean(resctrl->features);
}

void probe_ask_resctrl(struct probe_session *session)
{
	struct probe_resctrl *resctrl = &session->report->context.resctrl;
	struct probe_row *row = probe_add_row(session->report);
	_cleanup_close_ int mount_fd = -1, info_fd = -1;

	row->name = "resctrl";
	row->group = PROBE_GROUP_RESCTRL;
	(void)snprintf(row->asked, sizeof(row->asked),
		       "/proc/filesystems, /proc/self/mountinfo, the CPU's flags");
	if (resctrl->path[0] == '\0')
		return;

	/* The path is absolute; below root_fd it starts behind its slash. */
	mount_fd = openat(session->kernel->root_fd, resctrl->path + strspn(resctrl->path, "/"),
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount_fd >= 0)
		info_fd = openat(mount_fd, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (info_fd < 0) {
		row->seen.step = PROBE_STEP_FILE;
		row->seen.error = errno;
		return;
	}
	row->seen.counted = true;
	read_features(info_fd, resctrl);
	look_at_features(session->report, info_fd);
}
