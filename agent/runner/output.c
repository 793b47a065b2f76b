#include "agent/runner/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/io.h"

#define CHUNK_MAX (32 * 1024) /* half of what a pipe holds */

int output_init(struct output *output, int log_fd, uint64_t log_max_bytes, size_t tail_max_bytes,
		int *ret_write_fd)
{
	int fds[2];

	*output = (struct output){
		.pipe_fd = -1,
		.log_fd = log_fd,
		.log_left = log_max_bytes,
		.log_limit = log_max_bytes,
		.tail = malloc(tail_max_bytes),
		.tail_max = tail_max_bytes,
	};
	if (!output->tail)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;

	/* Only this end: a job that finds its stdout non-blocking loses output. */
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	output->pipe_fd = fds[0];
	*ret_write_fd = fds[1];
	return 0;
}

void output_done(struct output *output)
{
	if (output->pipe_fd >= 0)
		close(output->pipe_fd);
	if (output->log_fd >= 0)
		close(output->log_fd);
	free(output->tail);
	*output = (struct output){ .pipe_fd = -1, .log_fd = -1 };
}

static void end_log(struct output *output, int error)
{
	close(take_fd(output->log_fd));
	output->log_error = error;
}

static void add_to_log(struct output *output, const char *data, size_t size)
{
	_cleanup_free_ char *notice = NULL;
	size_t fits = size < output->log_left ? size : (size_t)output->log_left;
	int r;

	if (output->log_fd < 0)
		return;

	r = write_all(output->log_fd, data, fits);
	if (r < 0) {
		end_log(output, r);
		return;
	}
	output->log_left -= fits;
	if (fits == size)
		return;

	notice = str_format("\n[paddock: this log ends at its limit of %llu bytes]\n",
			    (unsigned long long)output->log_limit);
	r = notice ? write_all(output->log_fd, notice, strlen(notice)) : -ENOMEM;
	end_log(output, r);
}

static void add_to_tail(struct output *output, const char *data, size_t size)
{
	size_t at, n;

	if (size > output->tail_max) {
		output->total += size - output->tail_max;
		data += size - output->tail_max;
		size = output->tail_max;
	}
	while (size > 0) {
		at = (size_t)(output->total % output->tail_max);
		n = output->tail_max - at < size ? output->tail_max - at : size;
		memcpy(output->tail + at, data, n);
		output->total += n;
		data += n;
		size -= n;
	}
}

size_t output_copy(struct output *output)
{
	char chunk[CHUNK_MAX];
	ssize_t n;

	if (output->pipe_fd < 0)
		return 0;

	n = read(output->pipe_fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		if (n < 0)
			output->log_error = -errno;
		close(take_fd(output->pipe_fd));
		return 0;
	}

	add_to_log(output, chunk, (size_t)n);
	add_to_tail(output, chunk, (size_t)n);
	return (size_t)n;
}

void output_drain(struct output *output)
{
	size_t bytes = 0, n;

	do {
		n = output_copy(output);
		bytes += n;
	} while (n > 0 && bytes < OUTPUT_DRAIN_MAX);
}

struct output_tail output_tail(const struct output *output)
{
	size_t at;

	if (output->total <= output->tail_max)
		return (struct output_tail){
			.first = output->tail,
			.first_size = (size_t)output->total,
			.second = output->tail,
		};

	at = (size_t)(output->total % output->tail_max);
	return (struct output_tail){
		.first = output->tail + at,
		.first_size = output->tail_max - at,
		.second = output->tail,
		.second_size = at,
	};
}
