#include "tests/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"

struct tree *tree_new(void)
{
	const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	struct tree *tree = calloc(1, sizeof(*tree));

	ck_assert_ptr_nonnull(tree);
	tree->path = str_format("%s/paddock-test-XXXXXX", base);
	ck_assert_ptr_nonnull(tree->path);
	ck_assert_ptr_nonnull(mkdtemp(tree->path));
	tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(tree->fd, 0);
	return tree;
}

void tree_write(struct tree *tree, const char *path, const char *text)
{
	_cleanup_free_ char *full = str_format("%s/%s", tree->path, path);
	_cleanup_close_ int fd = -1;
	char *slash;

	ck_assert_ptr_nonnull(full);
	slash = strrchr(full, '/');
	*slash = '\0';
	ck_assert_int_eq(make_dirs(full, 0755), 0);
	*slash = '/';

	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, text, strlen(text)), 0);
}

void tree_free(struct tree *tree)
{
	close(tree->fd);
	(void)!remove_tree_at(AT_FDCWD, tree->path);
	free(tree->path);
	free(tree);
}
