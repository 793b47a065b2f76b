#pragma once

/* One stream of a job: copied from a pipe to a log file of limited size, with its end kept in
 * memory. */

#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"

struct output {
	int pipe_fd;        /* owned; -1 once the stream has ended */
	int log_fd;         /* owned; -1 once the log is full, or cannot be written */
	uint64_t log_left;  /* bytes that still fit the log */
	uint64_t log_limit; /* for the log's last line */
	int log_error;      /* -errno that cut the log or the stream short; 0: none */
	char *tail;         /* owned ring of tail_max bytes */
	size_t tail_max;
	uint64_t total; /* bytes that have come, ever */
};

/* Takes log_fd over, also when it fails. The pipe's other end goes to ret_write_fd; both are
 * close-on-exec. */
int output_init(struct output *output, int log_fd, uint64_t log_max_bytes, size_t tail_max_bytes,
		int *ret_write_fd) _must_check_;
void output_done(struct output *output);

/* Copies what is there now, a chunk at most, without blocking: the number of bytes; 0 when there is
 * nothing now, or the stream has ended (pipe_fd is -1 then). Output beyond the log's limit is
 * read all the same: a job must not hang on it. */
size_t output_copy(struct output *output);

/* Copies what a pipe can hold: the rest of it, once its writers have gone. Who still writes into it
 * cannot keep us here. */
#define OUTPUT_DRAIN_MAX ((size_t)1024 * 1024) /* pipe-max-size, by default */
void output_drain(struct output *output);

/* The end of the stream, in two parts: the second follows the first, and may be empty. */
struct output_tail {
	const char *first, *second;
	size_t first_size, second_size;
};
struct output_tail output_tail(const struct output *output);
