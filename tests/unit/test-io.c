#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "common/base/io.h"
#include "tests/test.h"

#define _cleanup_tree_ _cleanup_(tree_freep)

static mode_t mode_of(struct tree *tree, const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(tree->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* Other than "." and "..". */
static size_t count_entries(int dir_fd, const char *path)
{
	_cleanup_closedir_ DIR *dir = NULL;
	size_t n = 0;

	ck_assert_int_eq(open_dir_at(dir_fd, path, &dir), 0);
	while (readdir(dir))
		n++;
	return n - 2;
}

static void check_content(struct tree *tree, const char *path, const char *expected)
{
	_cleanup_free_ char *text = NULL;

	ck_assert_int_eq(read_file_alloc_at(tree->fd, path, 1 << 20, &text, NULL), 0);
	ck_assert_str_eq(text, expected);
}

static int replace(struct tree *tree, const char *path, const char *text)
{
	return replace_file_at(tree->fd, path, text, strlen(text), 0644);
}

START_TEST(reads_a_small_file_without_its_last_newline)
{
	static const struct {
		const char *content;
		const char *text;
	} cases[] = {
		{ "", "" },
		{ "\n", "" },
		{ "4096\n", "4096" },
		{ "4096", "4096" },
		{ "a\nb\n", "a\nb" },
		{ "a\n\n", "a\n" },
		{ "1234567\n", "1234567" },
		{ "123456789\n", "1234567" },
	};
	_cleanup_tree_ struct tree *tree = tree_new();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[8];

		tree_write(tree, "file", cases[i].content);
		ck_assert_int_eq(read_file_at(tree->fd, "file", text, sizeof(text)),
				 (int)strlen(cases[i].text));
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

START_TEST(reads_what_procfs_answers)
{
	char text[64], expected[64];

	(void)snprintf(expected, sizeof(expected), "%d ", (int)getpid());
	ck_assert_int_gt(read_file_at(AT_FDCWD, "/proc/self/stat", text, sizeof(text)), 0);
	ck_assert_mem_eq(text, expected, strlen(expected));
}
END_TEST

START_TEST(tells_why_it_cannot_read)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	char text[8] = "before";
	char *whole = NULL;

	ck_assert_int_eq(read_file_at(tree->fd, "absent", text, sizeof(text)), -ENOENT);
	ck_assert_int_eq(read_file_at(tree->fd, ".", text, sizeof(text)), -EISDIR);
	ck_assert_int_eq(read_file_at(-1, "x", text, sizeof(text)), -EBADF);
	ck_assert_int_eq(read_file_at(tree->fd, "absent", text, 0), -EINVAL);
	ck_assert_int_eq(read_file_alloc_at(tree->fd, "absent", 10, &whole, NULL), -ENOENT);
	ck_assert_int_eq(read_file_alloc_at(tree->fd, ".", 10, &whole, NULL), -EISDIR);
	ck_assert_ptr_null(whole);
}
END_TEST

START_TEST(reads_a_whole_file_up_to_the_limit_and_not_a_byte_more)
{
	static const size_t sizes[] = { 0, 1, 10, 4095, 4096, 4097, 8191, 8192, 100000 };
	_cleanup_tree_ struct tree *tree = tree_new();

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ char *content = calloc(1, sizes[i] + 1);
		_cleanup_free_ char *text = NULL;
		char *untouched = NULL;
		size_t size = 99;

		memset(content, 'x', sizes[i]);
		tree_write(tree, "file", content);
		ck_assert_int_eq(read_file_alloc_at(tree->fd, "file", sizes[i], &text, &size), 0);
		ck_assert_uint_eq(size, sizes[i]);
		ck_assert_str_eq(text, content);
		if (sizes[i] == 0)
			continue;
		ck_assert_int_eq(
			read_file_alloc_at(tree->fd, "file", sizes[i] - 1, &untouched, NULL),
			-EFBIG);
		ck_assert_ptr_null(untouched);
	}
}
END_TEST

START_TEST(reads_an_endless_file_no_further_than_the_limit)
{
	char *text = NULL;

	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, "/dev/zero", 100000, &text, NULL), -EFBIG);
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(keeps_bytes_that_are_no_text)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	_cleanup_free_ char *text = NULL;
	size_t size;

	ck_assert_int_eq(replace_file_at(tree->fd, "file", "a\0b\n", 4, 0600), 0);
	ck_assert_int_eq(read_file_alloc_at(tree->fd, "file", 10, &text, &size), 0);
	ck_assert_uint_eq(size, 4);
	ck_assert_mem_eq(text, "a\0b\n", 5);
}
END_TEST

START_TEST(makes_and_replaces_a_file)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	ck_assert_int_eq(replace(tree, "file", "one"), 0);
	check_content(tree, "file", "one");
	ck_assert_int_eq(replace(tree, "file", "a longer two"), 0);
	check_content(tree, "file", "a longer two");
	ck_assert_int_eq(replace(tree, "file", ""), 0);
	check_content(tree, "file", "");
	ck_assert_uint_eq(count_entries(tree->fd, "."), 1);
}
END_TEST

START_TEST(gives_the_mode_that_was_asked_for_whatever_the_umask)
{
	static const mode_t modes[] = { 0600, 0644, 0666, 0755, 0400 };
	_cleanup_tree_ struct tree *tree = tree_new();

	umask(077);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		ck_assert_int_eq(replace_file_at(tree->fd, "file", "x", 1, modes[i]), 0);
		ck_assert_uint_eq(mode_of(tree, "file"), modes[i]);
	}
}
END_TEST

START_TEST(replaces_by_absolute_and_by_relative_path)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	_cleanup_free_ char *path = str_format("%s/sub/file", tree->path);

	tree_write(tree, "sub/other", "");
	ck_assert_int_eq(replace(tree, path, "absolute"), 0);
	check_content(tree, "sub/file", "absolute");
	ck_assert_int_eq(replace(tree, "sub/file", "relative"), 0);
	check_content(tree, "sub/file", "relative");
	ck_assert_uint_eq(count_entries(tree->fd, "sub"), 2);
}
END_TEST

START_TEST(replaces_a_file_of_the_longest_name)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	char name[NAME_MAX + 1];

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	ck_assert_int_eq(replace(tree, name, "x"), 0);
	check_content(tree, name, "x");
}
END_TEST

START_TEST(replaces_a_link_and_leaves_alone_what_it_led_to)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	tree_write(tree, "target", "target");
	ck_assert_int_eq(symlinkat("target", tree->fd, "link"), 0);
	ck_assert_int_eq(replace(tree, "link", "new"), 0);
	check_content(tree, "link", "new");
	check_content(tree, "target", "target");
}
END_TEST

START_TEST(leaves_nothing_behind_when_it_cannot_replace)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	tree_write(tree, "dir/inner", "");
	ck_assert_int_eq(replace(tree, "dir", "x"), -EISDIR);
	ck_assert_int_eq(replace(tree, "absent/file", "x"), -ENOENT);
	ck_assert_int_eq(replace(tree, "dir/inner/file", "x"), -ENOTDIR);
	ck_assert_int_eq(replace(tree, "", "x"), -EINVAL);
	ck_assert_int_eq(replace(tree, "dir/", "x"), -EINVAL);
	ck_assert_int_eq(replace(tree, ".", "x"), -EINVAL);
	ck_assert_int_eq(replace(tree, "dir/..", "x"), -EINVAL);
	ck_assert_uint_eq(count_entries(tree->fd, "."), 1);
	ck_assert_uint_eq(count_entries(tree->fd, "dir"), 1);
}
END_TEST

/* A limit on the size of files takes the place of a full disk: part of the data is written, then
 * write() fails. */
START_TEST(leaves_the_file_whole_when_the_disk_is_full)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	const struct rlimit limit = { 1000, 1000 };
	char data[3000];
	int status;
	pid_t child;

	memset(data, 'x', sizeof(data));
	ck_assert_int_eq(replace(tree, "file", "old"), 0);

	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
			_exit(100);
		_exit(replace_file_at(tree->fd, "file", data, sizeof(data), 0644) == -EFBIG ? 0
											    : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	check_content(tree, "file", "old");
	ck_assert_uint_eq(count_entries(tree->fd, "."), 1);
}
END_TEST

struct reader {
	struct tree *tree;
	_Atomic bool stop;
	_Atomic unsigned reads;
	_Atomic unsigned torn;
};

static void *read_on(void *context)
{
	struct reader *reader = context;

	while (!reader->stop) {
		_cleanup_free_ char *text = NULL;
		size_t size = 0;
		int r = read_file_alloc_at(reader->tree->fd, "file", 1 << 20, &text, &size);

		/* Each version is so many times the same letter. */
		if (r < 0 || size != 50000 || strspn(text, (char[]){ text[0], '\0' }) != size)
			reader->torn++;
		reader->reads++;
	}
	return NULL;
}

START_TEST(never_shows_a_reader_a_torn_file)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	struct reader reader = { .tree = tree };
	char data[50000];
	pthread_t thread;

	memset(data, 'a', sizeof(data));
	ck_assert_int_eq(replace_file_at(tree->fd, "file", data, sizeof(data), 0644), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_on, &reader), 0);
	for (unsigned i = 0; i < 100 || reader.reads < 100; i++) {
		memset(data, 'a' + (int)(i % 26), sizeof(data));
		ck_assert_int_eq(replace_file_at(tree->fd, "file", data, sizeof(data), 0644), 0);
	}
	reader.stop = true;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(reader.torn, 0);
}
END_TEST

static int alarms_fd;

static void on_alarm(_unused_ int number)
{
	(void)!write(alarms_fd, "!", 1);
}

#define PIPED_BYTES (1024UL * 1024)
#define ALARMS 5

/* The writer, in a child: a full pipe makes it wait, a timer interrupts it there. */
static _Noreturn void write_through_alarms(int fd)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	static char data[PIPED_BYTES];

	if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &often, NULL) < 0)
		_exit(100);
	_exit(write_all(fd, data, PIPED_BYTES) == 0 ? 0 : 1);
}

START_TEST(writes_all_in_spite_of_signals)
{
	int data_fds[2], alarm_fds[2], status;
	char data[4096];
	size_t sum = 0;
	ssize_t n;
	pid_t child;

	ck_assert_int_eq(pipe2(data_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(alarm_fds, O_CLOEXEC), 0);
	alarms_fd = alarm_fds[1];
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(data_fds[0]);
		write_through_alarms(data_fds[1]);
	}
	/* A writer that ends early shows as an end of file. */
	close(data_fds[1]);
	close(alarm_fds[1]);

	/* Not before the writer was interrupted several times, as most of them hit the wait. */
	for (unsigned i = 0; i < ALARMS; i++)
		ck_assert_int_eq(read(alarm_fds[0], data, 1), 1);
	while ((n = read(data_fds[0], data, sizeof(data))) > 0)
		sum += (size_t)n;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(sum, PIPED_BYTES);
	close(data_fds[0]);
	close(alarm_fds[0]);
}
END_TEST

START_TEST(tells_why_it_cannot_write_all)
{
	static char data[PIPED_BYTES];
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(write_all(fds[1], data, 0), 0);
	ck_assert_int_eq(write_all(fds[1], data, PIPED_BYTES), -EAGAIN);
	(void)signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	ck_assert_int_eq(write_all(fds[1], "x", 1), -EPIPE);
	close(fds[1]);
	ck_assert_int_eq(write_all(-1, "x", 1), -EBADF);
}
END_TEST

START_TEST(prints_into_memory_of_its_own)
{
	_cleanup_free_ char *text = str_format("%s-%d", "a", 7);
	_cleanup_free_ char *empty = str_format("%s", "");

	ck_assert_str_eq(text, "a-7");
	ck_assert_str_eq(empty, "");
}
END_TEST

START_TEST(copies_what_fits_and_nothing_of_what_does_not)
{
	char to[4] = "zzz";

	ck_assert_int_eq(str_copy(to, sizeof(to), "abc"), 0);
	ck_assert_str_eq(to, "abc");
	ck_assert_int_eq(str_copy(to, sizeof(to), "abcd"), -ENAMETOOLONG);
	ck_assert_str_eq(to, "");
	ck_assert_int_eq(str_copy(to, sizeof(to), ""), 0);
	ck_assert_str_eq(to, "");
	ck_assert_int_eq(str_copy(to, 1, ""), 0);
	ck_assert_int_eq(str_copy(to, 1, "a"), -ENAMETOOLONG);
	ck_assert_int_eq(str_copy(NULL, 0, ""), -ENAMETOOLONG);
}
END_TEST

START_TEST(cleans_control_characters_only)
{
	static const struct {
		const char *text;
		const char *clean;
	} cases[] = {
		{ "", "" },
		{ "plain ~ text", "plain ~ text" },
		{ "\t\n\r\x01\x1f\x7f", "??????" },
		{ "\x1b[31mred", "?[31mred" },
		{ "\xc2\x80\xc2\x9b\xc2\x9f", "??????" },
		{ "\xc2\xa0\xc3\x9b", "\xc2\xa0\xc3\x9b" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc2", "\xc2" },
		{ "\xc2\x1b", "\xc2?" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = str_format("%s", cases[i].text);

		str_clean(text);
		ck_assert_str_eq(text, cases[i].clean);
	}
}
END_TEST

START_TEST(cuts_off_a_broken_character_at_the_end)
{
	static const struct {
		const char *text;
		size_t left;
	} cases[] = {
		{ "", 0 },
		{ "abc", 3 },
		{ "ab\xc3", 2 },
		{ "ab\xc3\xa9", 4 },
		{ "ab\xe2", 2 },
		{ "ab\xe2\x82", 2 },
		{ "ab\xe2\x82\xac", 5 },
		{ "ab\xf0", 2 },
		{ "ab\xf0\x9f", 2 },
		{ "ab\xf0\x9f\x98", 2 },
		{ "ab\xf0\x9f\x98\x80", 6 },
		{ "\xc3", 0 },
		{ "\xc3\xa9\xc3", 2 },
		/* What is no UTF-8 anyway stays. */
		{ "\x80\x80", 2 },
		{ "\x80\x80\x80\x80\x80", 5 },
		{ "a\x80\x80\x80\x80\x80", 6 },
		{ "a\xc3\xa9\x80", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(utf8_cut(cases[i].text, strlen(cases[i].text)) == cases[i].left,
			      "case %zu: %zu", i, utf8_cut(cases[i].text, strlen(cases[i].text)));
}
END_TEST

START_TEST(opens_directories_only)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	DIR *dir = NULL;

	tree_write(tree, "sub/file", "");
	ck_assert_uint_eq(count_entries(tree->fd, "sub"), 1);
	ck_assert_int_eq(open_dir_at(tree->fd, "sub/file", &dir), -ENOTDIR);
	ck_assert_int_eq(open_dir_at(tree->fd, "absent", &dir), -ENOENT);
	ck_assert_ptr_null(dir);
}
END_TEST

START_TEST(makes_all_directories_of_a_path_with_their_mode)
{
	static const char *const paths[] = { "/a", "/a/b/c", "/a/b/c/", "/a//b///d", "/e/./f", "" };
	_cleanup_tree_ struct tree *tree = tree_new();

	umask(077);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *path = str_format("%s%s", tree->path, paths[i]);

		ck_assert_int_eq(make_dirs(path, 0755), 0);
		ck_assert_int_eq(make_dirs(path, 0700), 0);
	}
	ck_assert_uint_eq(mode_of(tree, "a"), 0755);
	ck_assert_uint_eq(mode_of(tree, "a/b"), 0755);
	ck_assert_uint_eq(mode_of(tree, "a/b/c"), 0755);
	ck_assert_uint_eq(mode_of(tree, "a/b/d"), 0755);
	ck_assert_uint_eq(mode_of(tree, "e/f"), 0755);
	ck_assert_int_eq(make_dirs("/", 0755), 0);
}
END_TEST

START_TEST(makes_directories_from_where_it_stands)
{
	_cleanup_tree_ struct tree *tree = tree_new();

	ck_assert_int_eq(fchdir(tree->fd), 0);
	ck_assert_int_eq(make_dirs("a/b", 0700), 0);
	ck_assert_uint_eq(mode_of(tree, "a/b"), 0700);
	ck_assert_int_eq(make_dirs(".", 0700), 0);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(goes_through_links_to_directories)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	_cleanup_free_ char *path = str_format("%s/link/b", tree->path);

	tree_write(tree, "a/file", "");
	ck_assert_int_eq(symlinkat("a", tree->fd, "link"), 0);
	ck_assert_int_eq(make_dirs(path, 0700), 0);
	ck_assert_uint_eq(mode_of(tree, "a/b"), 0700);
}
END_TEST

START_TEST(tells_why_it_cannot_make_directories)
{
	_cleanup_tree_ struct tree *tree = tree_new();
	_cleanup_free_ char *file = str_format("%s/file", tree->path);
	_cleanup_free_ char *below = str_format("%s/file/x", tree->path);
	_cleanup_free_ char *dangling = str_format("%s/dangling", tree->path);
	char long_path[PATH_MAX + 2] = "";

	tree_write(tree, "file", "");
	ck_assert_int_eq(symlinkat("absent", tree->fd, "dangling"), 0);
	memset(long_path, '/', PATH_MAX + 1);
	ck_assert_int_eq(make_dirs(file, 0755), -ENOTDIR);
	ck_assert_int_eq(make_dirs(below, 0755), -ENOTDIR);
	ck_assert_int_eq(make_dirs(dangling, 0755), -ENOENT);
	ck_assert_int_eq(make_dirs("", 0755), -ENOENT);
	ck_assert_int_eq(make_dirs(long_path, 0755), -ENAMETOOLONG);
	ck_assert_int_lt(make_dirs("/proc/paddock", 0755), 0);
}
END_TEST

START_TEST(finds_the_parent_of_a_path)
{
	static const struct {
		const char *path;
		const char *name; /* NULL: no such */
		int r;
	} cases[] = {
		{ "file", "file", 0 },        { "sub/file", "file", 0 },
		{ "sub//file", "file", 0 },   { "/proc", "proc", 0 },
		{ "sub/..x", "..x", 0 },      { "", NULL, -EINVAL },
		{ "sub/", NULL, -EINVAL },    { ".", NULL, -EINVAL },
		{ "..", NULL, -EINVAL },      { "sub/.", NULL, -EINVAL },
		{ "sub/..", NULL, -EINVAL },  { "/", NULL, -EINVAL },
		{ "no/file", NULL, -ENOENT }, { "f/file", NULL, -ENOTDIR },
	};
	_cleanup_tree_ struct tree *tree = tree_new();

	tree_write(tree, "sub/x", "");
	tree_write(tree, "f", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = NULL;
		_cleanup_close_ int fd = open_parent_at(tree->fd, cases[i].path, &name);

		ck_assert_msg(cases[i].name ? fd >= 0 : fd == cases[i].r, "'%s': %d", cases[i].path,
			      fd);
		ck_assert_pstr_eq(name, cases[i].name);
	}
}
END_TEST

TEST_MAIN(reads_a_small_file_without_its_last_newline, reads_what_procfs_answers,
	  tells_why_it_cannot_read, reads_a_whole_file_up_to_the_limit_and_not_a_byte_more,
	  reads_an_endless_file_no_further_than_the_limit, keeps_bytes_that_are_no_text,
	  makes_and_replaces_a_file, gives_the_mode_that_was_asked_for_whatever_the_umask,
	  replaces_by_absolute_and_by_relative_path, replaces_a_file_of_the_longest_name,
	  replaces_a_link_and_leaves_alone_what_it_led_to,
	  leaves_nothing_behind_when_it_cannot_replace, leaves_the_file_whole_when_the_disk_is_full,
	  never_shows_a_reader_a_torn_file, writes_all_in_spite_of_signals,
	  tells_why_it_cannot_write_all, prints_into_memory_of_its_own,
	  copies_what_fits_and_nothing_of_what_does_not, cleans_control_characters_only,
	  cuts_off_a_broken_character_at_the_end, opens_directories_only,
	  makes_all_directories_of_a_path_with_their_mode, makes_directories_from_where_it_stands,
	  goes_through_links_to_directories, tells_why_it_cannot_make_directories,
	  finds_the_parent_of_a_path)
