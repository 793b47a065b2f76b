#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/base/io.h"
#include "tests/test.h"

#define _cleanup_tree_ _cleanup_(tree_freep)

#define NOBODY 65534

/* For children: how a step that is not the matter of the test went wrong. */
#define CANNOT 100

static bool exists(struct tree *tree, const char *path)
{
	struct stat st;

	return fstatat(tree->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Runs the function in a child, as some of what it does cannot be undone. Its exit status. */
static int in_child(int (*function)(struct tree *tree), struct tree *tree)
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(function(tree));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "status %d", status);
	return WEXITSTATUS(status);
}

START_TEST(removes_files_links_and_directories)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	tree_write(tree, "x/a/b/c/file", "");
	tree_write(tree, "x/a/b/.hidden", "");
	tree_write(tree, "x/a/...", "");
	ck_assert_int_eq(mkdirat(tree->fd, "x/empty", 0755), 0);
	ck_assert_int_eq(mkfifoat(tree->fd, "x/fifo", 0600), 0);
	ck_assert_int_eq(symlinkat("nowhere", tree->fd, "x/link"), 0);
	tree_write(tree, "y", "");

	ck_assert_int_eq(remove_tree_at(tree->fd, "x"), 0);
	ck_assert(!exists(tree, "x"));
	ck_assert(exists(tree, "y"));
	ck_assert_int_eq(remove_tree_at(tree->fd, "y"), 0);
	ck_assert(!exists(tree, "y"));
}
END_TEST

START_TEST(has_nothing_to_do_where_nothing_is)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	ck_assert_int_eq(remove_tree_at(tree->fd, "absent"), 0);
	ck_assert_int_eq(remove_tree_at(tree->fd, "absent/below"), 0);
}
END_TEST

START_TEST(removes_by_path)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	_cleanup_free_ char *path = str_format("%s/a/b", tree->path);

	tree_write(tree, "a/b/c", "");
	tree_write(tree, "a/d/e", "");
	ck_assert_int_eq(remove_tree_at(AT_FDCWD, path), 0);
	ck_assert(!exists(tree, "a/b"));
	ck_assert_int_eq(remove_tree_at(tree->fd, "a/d"), 0);
	ck_assert(!exists(tree, "a/d"));
	ck_assert(exists(tree, "a"));
}
END_TEST

START_TEST(refuses_names_that_are_no_entry)
{
	static const char *const names[] = { "", ".", "..", "a/", "a/.", "a/..", "/", "link/" };
	_cleanup_tree_ struct tree *tree = tree_new();

	tree_write(tree, "a/b", "");
	ck_assert_int_eq(symlinkat("a", tree->fd, "link"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_msg(remove_tree_at(tree->fd, names[i]) == -EINVAL, "'%s'", names[i]);
	ck_assert(exists(tree, "a/b"));
}
END_TEST

START_TEST(never_follows_a_link)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	tree_write(tree, "precious/file", "");
	tree_write(tree, "x/file", "");
	ck_assert_int_eq(symlinkat("../precious", tree->fd, "x/link"), 0);
	ck_assert_int_eq(symlinkat("/", tree->fd, "x/root"), 0);
	ck_assert_int_eq(symlinkat("precious", tree->fd, "top"), 0);

	ck_assert_int_eq(remove_tree_at(tree->fd, "x"), 0);
	ck_assert_int_eq(remove_tree_at(tree->fd, "top"), 0);
	ck_assert(!exists(tree, "x"));
	ck_assert(!exists(tree, "top"));
	ck_assert(exists(tree, "precious/file"));
}
END_TEST

START_TEST(removes_a_directory_of_many_entries)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	char name[32];

	ck_assert_int_eq(mkdirat(tree->fd, "x", 0755), 0);
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "x/%u", i);
		ck_assert_int_eq(mknodat(tree->fd, name, S_IFREG | 0600, 0), 0);
	}
	ck_assert_int_eq(remove_tree_at(tree->fd, "x"), 0);
	ck_assert(!exists(tree, "x"));
}
END_TEST

/* So many directories, one in the other, of which the first is called "deep". */
static void make_deep(struct tree *tree, unsigned depth)
{
	int fd = fcntl(tree->fd, F_DUPFD_CLOEXEC, 0);

	for (unsigned i = 0; i < depth; i++) {
		const char *name = i == 0 ? "deep" : "d";
		int inner;

		ck_assert_int_eq(mkdirat(fd, name, 0755), 0);
		inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(inner, 0);
		close(fd);
		fd = inner;
	}
	close(fd);
}

START_TEST(goes_down_to_the_depth_limit)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	make_deep(tree, IO_TREE_DEPTH_MAX);
	ck_assert_int_eq(remove_tree_at(tree->fd, "deep"), 0);
	ck_assert(!exists(tree, "deep"));
}
END_TEST

START_TEST(removes_what_lies_beside_something_too_deep)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	make_deep(tree, IO_TREE_DEPTH_MAX + 1);
	tree_write(tree, "deep/a", "");
	tree_write(tree, "deep/z/file", "");
	tree_write(tree, "deep/d/d/file", "");
	ck_assert_int_eq(remove_tree_at(tree->fd, "deep"), -ELOOP);
	ck_assert(!exists(tree, "deep/a"));
	ck_assert(!exists(tree, "deep/z"));
	ck_assert(!exists(tree, "deep/d/d/file"));
	ck_assert(exists(tree, "deep/d/d/d/d"));

	/* One level less to go lets the rest be removed. */
	ck_assert_int_eq(remove_tree_at(tree->fd, "deep/d"), 0);
	ck_assert_int_eq(remove_tree_at(tree->fd, "deep"), 0);
}
END_TEST

static int remove_as_ordinary_user(struct tree *tree)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return CANNOT;
	return -remove_tree_at(tree->fd, "x");
}

/* Root may remove anything, which would prove nothing. */
static void give_away(struct tree *tree, const char *path)
{
	if (geteuid() == 0)
		ck_assert_int_eq(fchownat(tree->fd, path, NOBODY, NOBODY, 0), 0);
}

START_TEST(removes_directories_of_ours_that_refuse_us)
{
	static const mode_t modes[] = { 0000, 0100, 0200, 0300, 0400, 0500, 0600, 0077 };
	_cleanup_tree_ struct tree *tree = tree_new();

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		tree_write(tree, "x/a/b/file", "");
		give_away(tree, ".");
		give_away(tree, "x");
		give_away(tree, "x/a");
		give_away(tree, "x/a/b");
		ck_assert_int_eq(fchmodat(tree->fd, "x/a/b", modes[i], 0), 0);
		ck_assert_int_eq(fchmodat(tree->fd, "x/a", modes[i], 0), 0);
		ck_assert_int_eq(fchmodat(tree->fd, "x", modes[i], 0), 0);

		ck_assert_msg(in_child(remove_as_ordinary_user, tree) == 0, "mode %03o", modes[i]);
		ck_assert_msg(!exists(tree, "x"), "mode %03o", modes[i]);
	}
}
END_TEST

START_TEST(goes_on_past_what_it_may_not_remove)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	/* Only root can make what others may not remove. */
	if (geteuid() != 0)
		return;
	tree_write(tree, "x/a/file", "");
	tree_write(tree, "x/theirs/file", "");
	tree_write(tree, "x/z", "");
	give_away(tree, ".");
	give_away(tree, "x");
	give_away(tree, "x/a");
	ck_assert_int_eq(fchmodat(tree->fd, "x/theirs", 0700, 0), 0);

	ck_assert_int_eq(in_child(remove_as_ordinary_user, tree), EACCES);
	ck_assert(!exists(tree, "x/a"));
	ck_assert(!exists(tree, "x/z"));
	ck_assert(exists(tree, "x/theirs/file"));
	ck_assert_int_eq(fchmodat(tree->fd, "x/theirs", 0755, 0), 0);
	ck_assert_int_eq(in_child(remove_as_ordinary_user, tree), EACCES);
	ck_assert(exists(tree, "x/theirs/file"));
}
END_TEST

static int write_at(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

/* An ordinary user's mounts need a user namespace too, and files there an owner that it knows. */
static int enter_user_namespace(void)
{
	_cleanup_free_ char *users = str_format("%u %u 1", geteuid(), geteuid());
	_cleanup_free_ char *groups = str_format("%u %u 1", getegid(), getegid());

	if (!users || !groups || unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    write_at("/proc/self/setgroups", "deny") < 0 ||
	    write_at("/proc/self/uid_map", users) < 0 || write_at("/proc/self/gid_map", groups) < 0)
		return CANNOT;
	return 0;
}

/* A mount namespace of its own, which not every machine grants; CANNOT where not. The tree is
 * opened anew, as a descriptor stays in the namespace that it comes from. */
static int enter_namespace(struct tree *tree)
{
	if (unshare(CLONE_NEWNS) < 0 && enter_user_namespace() != 0)
		return CANNOT;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return CANNOT;

	close(tree->fd);
	tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fchdir(tree->fd) < 0 ? CANNOT : 0;
}

static int remove_with_a_bind_mount(struct tree *tree)
{
	int r;

	if (enter_namespace(tree) != 0 || mount("precious", "x/mounted", NULL, MS_BIND, NULL) < 0)
		return CANNOT;
	r = remove_tree_at(tree->fd, "x");
	if (r == -EXDEV && exists(tree, "x/mounted"))
		r = remove_tree_at(tree->fd, "x/mounted");
	return -r;
}

static int remove_with_a_tmpfs(struct tree *tree)
{
	int r;

	if (enter_namespace(tree) != 0 || mount("tmpfs", "x/mounted", "tmpfs", 0, "size=64k") < 0)
		return CANNOT;
	tree_write(tree, "x/mounted/file", "");
	r = remove_tree_at(tree->fd, "x");
	return exists(tree, "x/mounted/file") ? -r : ENOENT;
}

START_TEST(never_enters_what_is_mounted_in_the_tree)
{
	static int (*const functions[])(struct tree * tree) = { remove_with_a_bind_mount,
								remove_with_a_tmpfs };
	_cleanup_tree_ struct tree *tree = tree_new();

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		int r;

		tree_write(tree, "precious/file", "");
		tree_write(tree, "x/mounted/under", "");
		tree_write(tree, "x/beside", "");
		r = in_child(functions[i], tree);
		if (r == CANNOT)
			continue;
		ck_assert_int_eq(r, EXDEV);
		ck_assert(exists(tree, "precious/file"));
		ck_assert(!exists(tree, "x/beside"));
	}
}
END_TEST

/* On a tmpfs that is full: the temporary is there, the data does not fit. */
static int replace_on_a_full_disk(struct tree *tree)
{
	_cleanup_free_ char *data = calloc(1, 1 << 20);
	_cleanup_closedir_ DIR *dir = NULL;
	char text[8];
	size_t n = 0;

	if (!data || enter_namespace(tree) != 0 ||
	    mount("tmpfs", "small", "tmpfs", 0, "size=64k") < 0)
		return CANNOT;
	if (replace_file_at(tree->fd, "small/file", "old", 3, 0644) < 0)
		return 1;
	if (replace_file_at(tree->fd, "small/file", data, 1 << 20, 0644) != -ENOSPC)
		return 2;
	if (read_file_at(tree->fd, "small/file", text, sizeof(text)) != 3)
		return 3;
	if (open_dir_at(tree->fd, "small", &dir) < 0)
		return 4;
	while (readdir(dir))
		n++;
	return n == 3 ? 0 : 5;
}

START_TEST(leaves_the_file_whole_on_a_full_tmpfs)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	int r;

	ck_assert_int_eq(mkdirat(tree->fd, "small", 0755), 0);
	r = in_child(replace_on_a_full_disk, tree);
	ck_assert_msg(r == 0 || r == CANNOT, "step %d", r);
}
END_TEST

/* Somebody who swaps a directory for a link to what is precious, as fast as he can. */
static _Noreturn void swap_on(const struct tree *tree)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)renameat2(tree->fd, "x/d", tree->fd, "link", RENAME_EXCHANGE);
}

START_TEST(is_not_led_astray_by_a_race)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	_cleanup_free_ char *target = str_format("%s/precious", tree->path);
	pid_t child;

	tree_write(tree, "precious/file", "");
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		swap_on(tree);

	for (unsigned i = 0; i < 300; i++) {
		/* Results are whatever the race comes to. */
		(void)!symlinkat(target, tree->fd, "link");
		(void)!mkdirat(tree->fd, "x", 0755);
		(void)!mkdirat(tree->fd, "x/d", 0755);
		(void)!mkdirat(tree->fd, "x/d/inner", 0755);
		(void)!remove_tree_at(tree->fd, "x");
		ck_assert(exists(tree, "precious/file"));
		(void)!remove_tree_at(tree->fd, "link");
		ck_assert(exists(tree, "precious/file"));
	}
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

TEST_MAIN(removes_files_links_and_directories, has_nothing_to_do_where_nothing_is, removes_by_path,
	  refuses_names_that_are_no_entry, never_follows_a_link,
	  removes_a_directory_of_many_entries, goes_down_to_the_depth_limit,
	  removes_what_lies_beside_something_too_deep, removes_directories_of_ours_that_refuse_us,
	  goes_on_past_what_it_may_not_remove, never_enters_what_is_mounted_in_the_tree,
	  leaves_the_file_whole_on_a_full_tmpfs, is_not_led_astray_by_a_race)
