#include "agent/runner/descendants.h"

#include <errno.h>
#include <stdio.h>

#include "tests/test.h"

static void add(struct tree *tree, int pid, int parent, char state)
{
	char path[32], text[128];

	(void)snprintf(path, sizeof(path), "%d/stat", pid);
	(void)snprintf(text, sizeof(text),
		       "%d (p%d) %c %d 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 %d 1\n", pid, pid, state,
		       parent, pid * 10);
	tree_write(tree, path, text);
}

START_TEST(finds_children_and_theirs_but_nobody_elses)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_descendants_ struct descendants below = {};
	static const pid_t expected[] = { 40, 120, 500, 501 };

	add(tree, 1, 0, 'S');
	add(tree, 2, 0, 'S');
	add(tree, 100, 1, 'S');
	add(tree, 120, 100, 'S');
	/* Pids start again from below when they are used up. */
	add(tree, 500, 40, 'R');
	add(tree, 501, 500, 'Z');
	add(tree, 40, 120, 'S');
	/* Others: a sibling, its child, one whose parent has just gone, one of another tree. */
	add(tree, 101, 1, 'S');
	add(tree, 121, 101, 'S');
	add(tree, 130, 999, 'S');
	add(tree, 131, 130, 'S');
	add(tree, 3, 2, 'S');
	tree_write(tree, "meminfo", "x");
	tree_write(tree, "self/stat", "x");
	tree_write(tree, "99999999999999/stat", "x");

	ck_assert_int_eq(descendants_read(tree->fd, 100, &below), 0);
	ck_assert_uint_eq(below.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		ck_assert_int_eq(below.rows[i].pid, expected[i]);
		ck_assert_uint_eq(below.rows[i].start_time, (uint64_t)expected[i] * 10);
	}
	ck_assert(process_is_dead(&below.rows[3]));
}
END_TEST

START_TEST(comes_to_an_end_when_parents_go_round_in_a_ring)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_descendants_ struct descendants below = {};

	add(tree, 100, 1, 'S');
	add(tree, 5, 6, 'S');
	add(tree, 6, 7, 'S');
	add(tree, 7, 5, 'S');
	add(tree, 8, 8, 'S');
	ck_assert_int_eq(descendants_read(tree->fd, 100, &below), 0);
	ck_assert_uint_eq(below.n, 0);
}
END_TEST

START_TEST(reads_more_processes_than_fit_at_first)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_descendants_ struct descendants below = {};

	for (int pid = 1000; pid < 1600; pid++)
		add(tree, pid, pid == 1000 ? 1 : pid - 1, 'S');
	ck_assert_int_eq(descendants_read(tree->fd, 1000, &below), 0);
	ck_assert_uint_eq(below.n, 599);
}
END_TEST

START_TEST(passes_over_who_has_gone_and_refuses_what_it_cannot_read)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_descendants_ struct descendants below = {};

	add(tree, 100, 1, 'S');
	tree_write(tree, "101/other", "x");
	ck_assert_int_eq(descendants_read(tree->fd, 100, &below), 0);
	ck_assert_uint_eq(below.n, 0);
	tree_write(tree, "102/stat", "nonsense");
	ck_assert_int_eq(descendants_read(tree->fd, 100, &below), -EBADMSG);
}
END_TEST

TEST_MAIN(finds_children_and_theirs_but_nobody_elses,
	  comes_to_an_end_when_parents_go_round_in_a_ring, reads_more_processes_than_fit_at_first,
	  passes_over_who_has_gone_and_refuses_what_it_cannot_read)
