#include "agent/runner/output.h"

#include <fcntl.h>
#include <string.h>
#include <errno.h>

#include "common/base/io.h"
#include "tests/test.h"

#define TAIL_MAX 16

struct stream {
	struct tree *tree;
	struct output output;
	int write_fd;
};

static void stream_open(struct stream *stream, const char *log, uint64_t log_max)
{
	int log_fd;

	stream->tree = tree_new();
	log_fd = openat(stream->tree->fd, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(log_fd, 0);
	ck_assert_int_eq(output_init(&stream->output, log_fd, log_max, TAIL_MAX, &stream->write_fd),
			 0);
}

static void stream_close(struct stream *stream)
{
	output_done(&stream->output);
	close(stream->write_fd);
	tree_free(stream->tree);
}

static void stream_put(struct stream *stream, const char *text)
{
	ck_assert_int_eq(write_all(stream->write_fd, text, strlen(text)), 0);
	ck_assert_uint_eq(output_copy(&stream->output), strlen(text));
}

static void check_tail(const struct stream *stream, const char *expected)
{
	struct output_tail tail = output_tail(&stream->output);
	char text[TAIL_MAX + 1] = "";

	ck_assert_uint_le(tail.first_size + tail.second_size, TAIL_MAX);
	memcpy(text, tail.first, tail.first_size);
	memcpy(text + tail.first_size, tail.second, tail.second_size);
	ck_assert_str_eq(text, expected);
}

static void check_log(const struct stream *stream, const char *expected)
{
	char text[256];

	ck_assert_int_ge(read_file_at(stream->tree->fd, "log", text, sizeof(text)), 0);
	ck_assert_str_eq(text, expected);
}

static const struct {
	const char *parts[4];
	const char *tail;
} tails[] = {
	{ { "" }, "" },
	{ { "abc" }, "abc" },
	{ { "abc", "def" }, "abcdef" },
	{ { "0123456789abcdef" }, "0123456789abcdef" },
	{ { "0123456789abcde", "f" }, "0123456789abcdef" },
	{ { "0123456789abcdef", "g" }, "123456789abcdefg" },
	{ { "0123456789abcdefg" }, "123456789abcdefg" },
	{ { "xyz", "0123456789abcdefghijklmnopqrstuvwxyz" }, "klmnopqrstuvwxyz" },
	{ { "0123456789", "abcdefghij", "klmnopqrst" }, "efghijklmnopqrst" },
	{ { "0123456789abcdefghi", "jkl" }, "6789abcdefghijkl" },
};

START_TEST(keeps_the_end_of_a_stream)
{
	struct stream stream;

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		stream_open(&stream, "log", 1000);
		for (size_t j = 0; j < ARRAY_SIZE(tails[i].parts) && tails[i].parts[j]; j++)
			stream_put(&stream, tails[i].parts[j]);
		check_tail(&stream, tails[i].tail);
		stream_close(&stream);
	}
}
END_TEST

START_TEST(ends_a_log_at_its_limit_and_says_so)
{
	struct stream stream;

	stream_open(&stream, "log", 10);
	stream_put(&stream, "01234");
	stream_put(&stream, "56789");
	check_log(&stream, "0123456789");
	stream_put(&stream, "abc");
	check_log(&stream, "0123456789\n[paddock: this log ends at its limit of 10 bytes]");
	stream_put(&stream, "def");
	check_log(&stream, "0123456789\n[paddock: this log ends at its limit of 10 bytes]");
	check_tail(&stream, "0123456789abcdef");
	ck_assert_int_eq(stream.output.log_error, 0);
	stream_close(&stream);
}
END_TEST

START_TEST(goes_on_when_the_log_cannot_be_written)
{
	struct stream stream;

	/* A full disk. */
	stream_open(&stream, "/dev/full", 1000);
	stream_put(&stream, "abc");
	ck_assert_int_eq(stream.output.log_error, -ENOSPC);
	stream_put(&stream, "def");
	check_tail(&stream, "abcdef");
	stream_close(&stream);
}
END_TEST

START_TEST(sees_the_end_of_a_stream)
{
	struct stream stream;

	stream_open(&stream, "log", 1000);
	ck_assert_uint_eq(output_copy(&stream.output), 0);
	ck_assert_int_ge(stream.output.pipe_fd, 0);
	stream_put(&stream, "abc");
	close(stream.write_fd);
	stream.write_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_uint_eq(output_copy(&stream.output), 0);
	ck_assert_int_eq(stream.output.pipe_fd, -1);
	ck_assert_uint_eq(output_copy(&stream.output), 0);
	check_tail(&stream, "abc");
	stream_close(&stream);
}
END_TEST

START_TEST(drains_a_pipe_whose_writer_is_still_there)
{
	struct stream stream;
	char block[4096];

	memset(block, 'x', sizeof(block));
	stream_open(&stream, "log", 1000000);
	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(write_all(stream.write_fd, block, sizeof(block)), 0);
	output_drain(&stream.output);
	ck_assert_uint_eq(stream.output.total, 15 * sizeof(block));
	ck_assert_int_ge(stream.output.pipe_fd, 0);
	stream_close(&stream);
}
END_TEST

TEST_MAIN(keeps_the_end_of_a_stream, ends_a_log_at_its_limit_and_says_so,
	  goes_on_when_the_log_cannot_be_written, sees_the_end_of_a_stream,
	  drains_a_pipe_whose_writer_is_still_there)
