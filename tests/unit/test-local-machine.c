#include "controller/provider/local-machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/base/io.h"
#include "common/base/process.h"
#include "tests/test.h"

static const struct handle made = {
	.provider = "local",
	.id = "t-0",
	.correlation = "42-1-default",
	.type = "local",
	.arch = "x86_64",
};

static struct local_root root_open(struct tree *tree)
{
	struct local_root root = {
		.fd = -1,
		.proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.clock = &clock_system,
	};

	ck_assert_int_ge(root.proc_fd, 0);
	ck_assert_int_eq(local_root_open(tree->path, true, &root, NULL), 0);
	return root;
}

static void root_close(struct local_root *root)
{
	close(root->proc_fd);
	local_root_close(root);
}

static size_t count_entries(struct local_root *root)
{
	_cleanup_closedir_ DIR *dir = NULL;
	size_t n = 0;

	ck_assert_int_eq(open_dir_at(root->fd, ".", &dir), 0);
	while (readdir(dir))
		n++;
	return n - 2; /* "." and ".." */
}

static void make(struct local_root *root, int *ret_dir_fd, int *ret_lock_fd)
{
	ck_assert_int_eq(local_machine_create(root, &made, ret_dir_fd, ret_lock_fd, NULL), 0);
	ck_assert_uint_eq(count_entries(root), 1);
}

START_TEST(opens_no_root_that_was_never_made)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct local_root root = { .fd = -1 };

	ck_assert_int_eq(local_root_open(tree->path, false, &root, NULL), -ENOENT);
	ck_assert_int_eq(root.fd, -1);
}
END_TEST

START_TEST(makes_a_machine_with_its_lock_held)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_(root_close) struct local_root root = root_open(tree);
	_cleanup_close_ int dir_fd = -1, lock_fd = -1, again = -1;
	struct handle handle;

	make(&root, &dir_fd, &lock_fd);
	ck_assert_int_eq(local_machine_presence(&root, "t-0", NULL), PRESENCE_STARTING);
	ck_assert_int_eq(local_machine_lock(&root, "t-0", dir_fd), -EWOULDBLOCK);
	ck_assert(!local_machine_was_born(dir_fd));
	local_machine_handle(&root, "t-0", &handle);
	ck_assert_str_eq(handle.correlation, "42-1-default");
	ck_assert_str_eq(handle.arch, "x86_64");

	close(take_fd(lock_fd));
	ck_assert_int_eq(local_machine_presence(&root, "t-0", NULL), PRESENCE_GONE);
	again = local_machine_lock(&root, "t-0", dir_fd);
	ck_assert_int_ge(again, 0);
}
END_TEST

START_TEST(makes_no_second_one_and_leaves_nothing_of_the_attempt)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_(root_close) struct local_root root = root_open(tree);
	_cleanup_close_ int dir_fd = -1, lock_fd = -1;
	int other_dir_fd = -1, other_lock_fd = -1;

	make(&root, &dir_fd, &lock_fd);
	ck_assert_int_eq(local_machine_create(&root, &made, &other_dir_fd, &other_lock_fd, NULL),
			 -ESTALE);
	ck_assert_int_eq(other_lock_fd, -1);
	ck_assert_uint_eq(count_entries(&root), 1);
	ck_assert_int_eq(local_machine_presence(&root, "t-0", NULL), PRESENCE_STARTING);
}
END_TEST

/* Who waits for the lock while the machine is removed, and perhaps made again, has got a lock that
 * means nothing any more. */
START_TEST(gives_no_lock_of_a_directory_that_has_gone)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_(root_close) struct local_root root = root_open(tree);
	_cleanup_close_ int dir_fd = -1, lock_fd = -1, next_dir_fd = -1, next_lock_fd = -1;
	_cleanup_close_ int kept_fd = -1;

	make(&root, &dir_fd, &lock_fd);
	ck_assert_int_eq(renameat(root.fd, "t-0", tree->fd, "moved"), 0);
	close(take_fd(lock_fd));
	ck_assert_int_eq(local_machine_lock(&root, "t-0", dir_fd), -ESTALE);
	make(&root, &next_dir_fd, &next_lock_fd);
	ck_assert_int_eq(local_machine_lock(&root, "t-0", dir_fd), -ESTALE);

	close(take_fd(next_lock_fd));
	kept_fd = local_machine_lock(&root, "t-0", next_dir_fd);
	ck_assert_int_ge(kept_fd, 0);
}
END_TEST

START_TEST(looks_at_a_lock_without_being_in_the_way)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_(root_close) struct local_root root = root_open(tree);
	_cleanup_close_ int dir_fd = -1, lock_fd = -1, looking_fd = -1;

	make(&root, &dir_fd, &lock_fd);
	close(take_fd(lock_fd));
	looking_fd = openat(dir_fd, "lock", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(looking_fd, LOCK_SH | LOCK_NB), 0);
	ck_assert_int_eq(local_machine_presence(&root, "t-0", NULL), PRESENCE_GONE);
	/* Not for ever. */
	ck_assert_int_eq(local_machine_lock(&root, "t-0", dir_fd), -EWOULDBLOCK);
}
END_TEST

START_TEST(removes_a_machine_over_what_an_earlier_removal_left)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_(root_close) struct local_root root = root_open(tree);
	_cleanup_close_ int dir_fd = -1, lock_fd = -1;

	make(&root, &dir_fd, &lock_fd);
	tree_write(tree, "machines/.gone-t-0/lock", "");
	tree_write(tree, "machines/t-0/work-1/file", "");
	tree_write(tree, "machines/t-0/agent.json", "");
	ck_assert_int_eq(local_machine_remove(&root, "t-0", NULL), 0);
	ck_assert_uint_eq(count_entries(&root), 0);
	ck_assert_int_eq(local_machine_lock(&root, "t-0", dir_fd), -ENOENT);
}
END_TEST

static const char *const bad_handles[] = {
	"",
	"{",
	"[]",
	"{\"correlation\":7,\"arch\":\"0123456789abcdef\"}",
};

START_TEST(knows_a_machine_by_its_name_at_least)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_(root_close) struct local_root root = root_open(tree);
	struct handle handle;

	for (size_t i = 0; i < ARRAY_SIZE(bad_handles); i++) {
		tree_write(tree, "machines/t-0/handle.json", bad_handles[i]);
		local_machine_handle(&root, "t-0", &handle);
		ck_assert_str_eq(handle.id, "t-0");
		ck_assert_str_eq(handle.provider, "local");
		ck_assert_str_eq(handle.correlation, "");
		ck_assert_str_eq(handle.arch, "");
	}
}
END_TEST

TEST_MAIN(opens_no_root_that_was_never_made, makes_a_machine_with_its_lock_held,
	  makes_no_second_one_and_leaves_nothing_of_the_attempt,
	  gives_no_lock_of_a_directory_that_has_gone, looks_at_a_lock_without_being_in_the_way,
	  removes_a_machine_over_what_an_earlier_removal_left, knows_a_machine_by_its_name_at_least)
