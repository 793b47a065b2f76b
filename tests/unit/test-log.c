#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/log.h"
#include "tests/test.h"

/* stderr of this process, caught in a file; a test's own messages go to it too, so that it is put
 * back before anything is asserted. */
struct capture {
	struct tree *tree;
	int stderr_fd;
	char *text;
};

static struct capture capture_begin(void)
{
	struct capture capture = { .tree = tree_new() };
	_cleanup_close_ int fd = -1;

	fd = openat(capture.tree->fd, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	capture.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(capture.stderr_fd, 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
	return capture;
}

static const char *capture_end(struct capture *capture)
{
	ck_assert_int_eq(dup2(capture->stderr_fd, STDERR_FILENO), STDERR_FILENO);
	close(capture->stderr_fd);
	ck_assert_int_eq(
		read_file_alloc_at(capture->tree->fd, "log", 1 << 20, &capture->text, NULL), 0);
	return capture->text;
}

static void capture_done(struct capture *capture)
{
	free(capture->text);
	tree_free(capture->tree);
}

#define _cleanup_capture_ _cleanup_(capture_done)

static void journal_stream_is_stderr(void)
{
	_cleanup_free_ char *stream = NULL;
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	stream = str_format("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
}

START_TEST(speaks_plainly_to_a_person)
{
	_cleanup_capture_ struct capture capture = capture_begin();

	log_init(&(struct log_options){ .program = "paddock", .max_level = LOG_LEVEL_DEBUG });
	log_set_field(LOG_FIELD_MACHINE, "m-1");
	log_error("cannot %s", "do it");
	log_warning("careful");
	log_info("hello");
	log_debug("detail");
	ck_assert_str_eq(capture_end(&capture), "paddock: cannot do it\n"
						"paddock: careful\n"
						"paddock: hello\n"
						"paddock: detail\n");
}
END_TEST

START_TEST(drops_what_is_above_the_level)
{
	_cleanup_capture_ struct capture capture = capture_begin();

	log_init(&(struct log_options){ .program = "p", .max_level = LOG_LEVEL_WARNING });
	log_error("1");
	log_warning("2");
	log_info("3");
	log_debug("4");
	ck_assert_int_eq(log_debug_errno(-EIO, "5"), -EIO);
	ck_assert_str_eq(capture_end(&capture), "p: 1\np: 2\n");
}
END_TEST

START_TEST(gives_the_journal_its_priorities)
{
	_cleanup_capture_ struct capture capture = capture_begin();

	journal_stream_is_stderr();
	log_init(&(struct log_options){ .program = "p", .max_level = LOG_LEVEL_DEBUG });
	log_error("1");
	log_warning("2");
	log_info("3");
	log_debug("4");
	ck_assert_str_eq(capture_end(&capture), "<3>1\n<4>2\n<6>3\n<7>4\n");
}
END_TEST

START_TEST(knows_that_stderr_went_elsewhere)
{
	static const char *const streams[] = { "", "8:1", "x", "0:0" };
	_cleanup_capture_ struct capture capture = capture_begin();

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		(void)setenv("JOURNAL_STREAM", streams[i], 1);
		log_init(&(struct log_options){ .program = "p", .max_level = LOG_LEVEL_INFO });
		log_info("x");
	}
	ck_assert_str_eq(capture_end(&capture), "p: x\np: x\np: x\np: x\n");
}
END_TEST

/* What stands behind the time stamp, which must be one: digits and punctuation in their places. */
static const char *behind_timestamp(const char *line)
{
	static const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

	for (size_t i = 0; pattern[i]; i++)
		if (pattern[i] == 'd')
			ck_assert_msg(line[i] >= '0' && line[i] <= '9', "%s", line);
		else
			ck_assert_msg(line[i] == pattern[i], "%s", line);
	return line + strlen(pattern);
}

START_TEST(adds_time_level_and_fields_in_a_log_file)
{
	static const char *const expected[] = {
		"agent: no fields\n",
		"agent: [machine=m-1] one\n",
		"agent: [machine=m-1 run=7-1-x seq=3 phase=idle] error: all\n",
		"agent: [machine=m-1 seq=4] warning: some\n",
		"agent: none\n",
	};
	_cleanup_capture_ struct capture capture = capture_begin();
	const char *line;

	log_init(&(struct log_options){
		.program = "agent", .max_level = LOG_LEVEL_INFO, .timestamps = true });
	log_info("no fields");
	log_set_field(LOG_FIELD_MACHINE, "m-1");
	log_info("one");
	log_set_field(LOG_FIELD_PHASE, "idle");
	log_set_field(LOG_FIELD_SEQ, "3");
	log_set_field(LOG_FIELD_RUN, "7-1-x");
	log_error("all");
	log_set_field(LOG_FIELD_PHASE, "");
	log_set_field(LOG_FIELD_RUN, NULL);
	log_set_field(LOG_FIELD_SEQ, "4");
	log_warning("some");
	log_set_field(LOG_FIELD_MACHINE, NULL);
	log_set_field(LOG_FIELD_SEQ, NULL);
	log_info("none");

	line = capture_end(&capture);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		line = behind_timestamp(line);
		ck_assert_msg(strncmp(line, expected[i], strlen(expected[i])) == 0, "%s", line);
		line += strlen(expected[i]);
	}
	ck_assert_str_eq(line, "");
}
END_TEST

START_TEST(prints_the_error_and_hands_it_on)
{
	_cleanup_capture_ struct capture capture = capture_begin();

	log_init(&(struct log_options){ .program = "p", .max_level = LOG_LEVEL_INFO });
	errno = ENOENT;
	ck_assert_int_eq(log_error_errno(-EACCES, "cannot open %s: %m", "x"), -EACCES);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(log_warning_errno(-EIO, "%m"), -EIO);
	log_error("%m");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(capture_end(&capture), "p: cannot open x: Permission denied\n"
						"p: Input/output error\n"
						"p: No such file or directory\n");
}
END_TEST

START_TEST(keeps_what_a_peer_wrote_on_one_harmless_line)
{
	_cleanup_capture_ struct capture capture = capture_begin();

	log_init(&(struct log_options){ .program = "p", .max_level = LOG_LEVEL_INFO });
	log_info("%s", "a\nb\rc\td\x1b[31me\x7f\xc2\x9b"
		       "f é");
	ck_assert_str_eq(capture_end(&capture), "p: a?b?c?d?[31me???f é\n");
}
END_TEST

START_TEST(cuts_long_lines)
{
	_cleanup_capture_ struct capture capture = capture_begin();
	char text[5000];
	const char *line;

	log_init(&(struct log_options){ .program = "p", .max_level = LOG_LEVEL_INFO });
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	log_info("next");

	line = capture_end(&capture);
	ck_assert_uint_eq(strcspn(line, "\n"), 2047);
	ck_assert_str_eq(line + 2048, "p: next\n");
}
END_TEST

START_TEST(cuts_long_lines_and_fields_between_characters)
{
	_cleanup_capture_ struct capture capture = capture_begin();
	char text[5001];
	const char *line;

	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';

	log_init(&(struct log_options){ .program = "pp", .max_level = LOG_LEVEL_INFO });
	log_info("%s", text);
	log_info("x%s", text);
	log_init(&(struct log_options){
		.program = "p", .max_level = LOG_LEVEL_INFO, .timestamps = true });
	log_set_field(LOG_FIELD_RUN, text + 1000);
	log_info("y");
	text[999] = 'x';
	log_set_field(LOG_FIELD_RUN, text + 999);
	log_info("y");

	line = capture_end(&capture);
	ck_assert_uint_eq(strcspn(line, "\n"), 2046);
	line += 2047;
	ck_assert_uint_eq(strcspn(line, "\n"), 2047);
	line = behind_timestamp(line + 2048);
	ck_assert_uint_eq(strcspn(line, "\n"), strlen("p: [run=] y") + 128);
	line = behind_timestamp(line + strlen("p: [run=] y") + 128 + 1);
	ck_assert_uint_eq(strcspn(line, "\n"), strlen("p: [run=] y") + 127);
	ck_assert_str_eq(strstr(line, "\xc3\xa9]"), "\xc3\xa9] y\n");
}
END_TEST

#define THREADS 4UL
#define LINES 200UL

static void *log_much(_unused_ void *context)
{
	for (unsigned i = 0; i < LINES; i++) {
		log_set_field(LOG_FIELD_PHASE, i % 2 ? "clean" : "listening");
		log_info("line");
	}
	return NULL;
}

START_TEST(keeps_the_lines_of_threads_apart)
{
	_cleanup_capture_ struct capture capture = capture_begin();
	pthread_t threads[THREADS];
	const char *line;
	size_t n = 0;

	log_init(&(struct log_options){
		.program = "p", .max_level = LOG_LEVEL_INFO, .timestamps = true });
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, log_much, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);

	for (line = capture_end(&capture); *line; line = strchr(line, '\n') + 1, n++) {
		const char *rest = behind_timestamp(line);

		ck_assert_msg(strncmp(rest, "p: [phase=clean] line\n", 22) == 0 ||
				      strncmp(rest, "p: [phase=listening] line\n", 26) == 0,
			      "%s", rest);
	}
	ck_assert_uint_eq(n, THREADS * LINES);
}
END_TEST

START_TEST(has_a_name_before_it_was_given_one)
{
	_cleanup_capture_ struct capture capture = capture_begin();
	_cleanup_free_ char *expected = str_format("%s: x\n", program_invocation_short_name);

	log_init(&(struct log_options){ .max_level = LOG_LEVEL_INFO });
	log_info("x");
	ck_assert_str_eq(capture_end(&capture), expected);
}
END_TEST

TEST_MAIN(speaks_plainly_to_a_person, drops_what_is_above_the_level,
	  gives_the_journal_its_priorities, knows_that_stderr_went_elsewhere,
	  adds_time_level_and_fields_in_a_log_file, prints_the_error_and_hands_it_on,
	  keeps_what_a_peer_wrote_on_one_harmless_line, cuts_long_lines,
	  cuts_long_lines_and_fields_between_characters, keeps_the_lines_of_threads_apart,
	  has_a_name_before_it_was_given_one)
