/* A file that is replaced is the old one or the new one, whatever failed. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/process.h"
#include "tests/test.h"
#include "tests/torture/torture.h"

#define SIZE 100000

static size_t count_entries(struct tree *tree)
{
	_cleanup_closedir_ DIR *dir = opendir(tree->path);
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	return n - 2;
}

static char whole(struct tree *tree, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	ck_assert_int_eq(read_file_alloc_at(tree->fd, name, SIZE, &text, &size), 0);
	ck_assert_uint_eq(size, SIZE);
	for (size_t i = 1; i < size; i++)
		ck_assert_int_eq(text[i], text[0]);
	return text[0];
}

START_TEST(a_file_that_is_replaced_is_never_torn)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	char data[SIZE];
	char now;
	int r;

	torture_pause();
	memset(data, 'o', sizeof(data));
	ck_assert_int_eq(replace_file_at(tree->fd, "file", data, sizeof(data), 0600), 0);
	memset(data, 'n', sizeof(data));
	torture_resume();
	r = replace_file_at(tree->fd, "file", data, sizeof(data), 0600);
	torture_pause();
	now = whole(tree, "file");
	ck_assert(r == 0 ? now == 'n' : now == 'n' || now == 'o');
	/* What it wrote beside it goes, unless removing fails as well. */
	if (!torture_state->point.lasting)
		ck_assert_uint_eq(count_entries(tree), 1);
}
END_TEST

START_TEST(a_process_is_named_whole_or_as_before)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	const struct process_identity old = { .pid = 7, .start_time = 1, .boot_id = "b" };
	const struct process_identity new = { .pid = 8, .start_time = 2, .boot_id = "b" };
	struct process_identity now;
	int r;

	torture_pause();
	ck_assert_int_eq(process_write_identity_at(tree->fd, "id", &old), 0);
	torture_resume();
	r = process_write_identity_at(tree->fd, "id", &new);
	torture_pause();
	if (torture_is_about_memory())
		ck_assert(r == 0 || r == -ENOMEM);
	ck_assert_int_eq(process_read_identity_at(tree->fd, "id", &now, NULL), 0);
	ck_assert(now.pid == 8 || (r < 0 && now.pid == 7));
}
END_TEST

TEST_MAIN(a_file_that_is_replaced_is_never_torn, a_process_is_named_whole_or_as_before)
