#include "agent/runner/descendants.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/io.h"
#include "common/base/parse.h"

#define ROWS_FIRST 256

static int add_process(struct descendants *all, size_t *capacity, const struct process_stat *stat)
{
	struct process_stat *rows;
	size_t wanted;

	if (all->n == DESCENDANTS_SCAN_MAX)
		return -EOVERFLOW;

	if (all->n == *capacity) {
		wanted = *capacity ? *capacity * 2 : ROWS_FIRST;
		rows = reallocarray(all->rows, wanted, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		all->rows = rows;
		*capacity = wanted;
	}
	all->rows[all->n++] = *stat;
	return 0;
}

static int read_all(int proc_fd, struct descendants *all)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct process_stat stat;
	struct dirent *entry;
	size_t capacity = 0;
	uint64_t pid;
	int r;

	r = open_dir_at(proc_fd, ".", &dir);
	if (r < 0)
		return r;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (parse_u64(entry->d_name, &pid) < 0 || pid > INT32_MAX)
			continue;

		r = process_read_stat(proc_fd, (pid_t)pid, &stat);
		if (r == -ESRCH)
			continue;
		if (r >= 0)
			r = add_process(all, &capacity, &stat);
		if (r < 0)
			return r;
	}
}

static int compare_pids(const void *a, const void *b)
{
	const struct process_stat *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool is_below(const struct descendants *all, const bool *below, pid_t ancestor, size_t i)
{
	const struct process_stat key = { .pid = all->rows[i].parent };
	const struct process_stat *parent;

	if (key.pid == ancestor)
		return true;
	parent = bsearch(&key, all->rows, all->n, sizeof(*all->rows), compare_pids);
	return parent && below[parent - all->rows];
}

/* A child's pid is mostly higher than its parent's, so that two passes do for most hosts. */
static void mark_below(const struct descendants *all, pid_t ancestor, bool *below)
{
	bool changed;

	do {
		changed = false;
		for (size_t i = 0; i < all->n; i++) {
			if (below[i] || !is_below(all, below, ancestor, i))
				continue;
			below[i] = true;
			changed = true;
		}
	} while (changed);
}

int descendants_read(int proc_fd, pid_t ancestor, struct descendants *ret)
{
	_cleanup_descendants_ struct descendants all = {};
	_cleanup_free_ bool *below = NULL;
	size_t n = 0;
	int r;

	r = read_all(proc_fd, &all);
	if (r < 0)
		return r;

	if (all.n == 0)
		return -ENOENT; /* not even this process: no procfs */
	qsort(all.rows, all.n, sizeof(*all.rows), compare_pids);
	below = calloc(all.n, sizeof(*below));
	if (!below)
		return -ENOMEM;

	mark_below(&all, ancestor, below);
	for (size_t i = 0; i < all.n; i++)
		if (below[i])
			all.rows[n++] = all.rows[i];

	ret->rows = take_ptr(all.rows);
	ret->n = n;
	return 0;
}

void descendants_done(struct descendants *descendants)
{
	free(descendants->rows);
	*descendants = (struct descendants){};
}
