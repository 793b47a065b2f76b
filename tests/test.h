#pragma once

#include <check.h>

#include "common/base/macro.h"

/* A test program is its START_TESTs and one of these. */
#define TEST_MAIN(...)                                                \
	int main(void)                                                \
	{                                                             \
		const TTest *const tests[] = { __VA_ARGS__ };         \
		return test_main(__FILE__, tests, ARRAY_SIZE(tests)); \
	}

int test_main(const char *file, const TTest *const *tests, size_t n);

/* How long to wait for what should come: usec, or less where most of it never comes. Both are
 * replaced in tests/torture. */
uint64_t test_patience_usec(uint64_t usec);

/* A directory of small files, such as a procfs to read from. Freed with all that is in it. */
struct tree {
	char *path;
	int fd;
};

struct tree *tree_new(void);
void tree_write(struct tree *tree, const char *path, const char *text);
void tree_free(struct tree *tree);
DEFINE_CLEANUP(struct tree *, tree_free)
