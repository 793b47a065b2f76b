#pragma once

/*
 * What the fuzz targets share. A target is one LLVMFuzzerTestOneInput() that gives bytes to a
 * reader and checks what must hold of the answer. libFuzzer drives it in the build of `./dev fuzz`,
 * replay.c in all others.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/json.h"
#include "common/base/macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays in every build, unlike assert(). */
#define FUZZ_CHECK(condition) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, NULL))
/* The same, showing a text that explains. */
#define FUZZ_CHECK_TEXT(condition, text) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, (text)))
void fuzz_fail(const char *file, int line, const char *condition, const char *text)
	__attribute__((noreturn));

/* What is left of an input, taken from its front. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};
uint8_t fuzz_take_byte(struct fuzz_input *input); /* 0 at the end */
/* Up to a newline, which is taken too: a string in memory of just its size, so that a step beyond
 * it is seen. Ends at a NUL, as text from an argument or a file's name would. */
char *fuzz_take_line(struct fuzz_input *input);
/* The rest, as such a string. */
char *fuzz_take_text(struct fuzz_input *input);

/* A directory of this process's own, emptied by its end. Its path is absolute. */
const char *fuzz_dir(void);
int fuzz_dir_fd(void);
/* Replaces a file below it; directories of its path are made. */
void fuzz_write_file(const char *path, const void *data, size_t size);
/* Fills a directory below it, empty at first, with files: of each a line "=path", then its content
 * up to the next such line. Paths that leave the directory are passed over. Returns its descriptor;
 * the caller closes it. */
int fuzz_write_tree(const char *name, struct fuzz_input *input);

/* Between the two, what the program writes to stdout and stderr is kept instead. */
void fuzz_capture(void);
struct fuzz_output {
	char *out, *err; /* owned */
};
void fuzz_release(struct fuzz_output *ret);
void fuzz_output_done(struct fuzz_output *output);
#define _cleanup_fuzz_output_ _cleanup_(fuzz_output_done)

/* Fails when a text for a person holds what steers a terminal. */
void fuzz_check_harmless(const char *text);

/* Fails unless it reads back, as strict JSON, to the same text. */
void fuzz_check_json(struct json_object *object);

/* Whether an error is one of those that are documented; the list ends with 0. */
bool fuzz_is_among(int r, const int *errors);
#define FUZZ_CHECK_ERROR(r, ...) FUZZ_CHECK(fuzz_is_among((r), (const int[]){ __VA_ARGS__, 0 }))
