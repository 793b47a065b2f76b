#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/converge/converge.h"
#include "tests/test.h"

/* Two kinds of two things each, which stand as a test says. */
static enum thing_state found[4];
static int look_error[4], change_error[4];
static char done[64]; /* what was done, in order: "+0" made or mended, "-3" removed */

static size_t two(_unused_ const struct converge *converge)
{
	return 2;
}

static int note(char what, size_t i)
{
	size_t length = strlen(done);

	(void)snprintf(done + length, sizeof(done) - length, "%c%zu ", what, i);
	return change_error[i];
}

static int look(size_t i, enum thing_state *ret, char *why, size_t size, struct fault *fault)
{
	if (look_error[i] < 0)
		return fault_set(fault, look_error[i], "no answer");
	*ret = found[i];
	return found[i] == THING_WRONG ? str_copy(why, size, "it differs") : 0;
}

#define KIND(first)                                                                             \
	static int name_##first(_unused_ const struct converge *converge, size_t i, char *text, \
				size_t size, _unused_ struct fault *fault)                      \
	{                                                                                       \
		(void)snprintf(text, size, "thing-%zu", (first) + i);                           \
		return 0;                                                                       \
	}                                                                                       \
	static int look_##first(_unused_ struct converge *converge, size_t i,                   \
				enum thing_state *ret, char *why, size_t size,                  \
				struct fault *fault)                                            \
	{                                                                                       \
		return look((first) + i, ret, why, size, fault);                                \
	}                                                                                       \
	static int mend_##first(_unused_ struct converge *converge, size_t i,                   \
				_unused_ enum thing_state state, _unused_ struct fault *fault)  \
	{                                                                                       \
		return note('+', (first) + i);                                                  \
	}                                                                                       \
	static int remove_##first(_unused_ struct converge *converge, size_t i,                 \
				  _unused_ struct fault *fault)                                 \
	{                                                                                       \
		return note('-', (first) + i);                                                  \
	}                                                                                       \
	static const struct thing_ops kind_##first = {                                          \
		.name = "kind",                                                                 \
		.count = two,                                                                   \
		.name_of = name_##first,                                                        \
		.look = look_##first,                                                           \
		.mend = mend_##first,                                                           \
		.remove = remove_##first,                                                       \
		.rights = "kind:Look",                                                          \
	}

KIND(0);
KIND(2);

static const struct thing_ops *const kinds[] = { &kind_0, &kind_2, NULL };

static struct converge *fresh(enum thing_state a, enum thing_state b, enum thing_state c,
			      enum thing_state d)
{
	struct converge *converge = calloc(1, sizeof(*converge));

	ck_assert_ptr_nonnull(converge);
	memset(look_error, 0, sizeof(look_error));
	memset(change_error, 0, sizeof(change_error));
	found[0] = a;
	found[1] = b;
	found[2] = c;
	found[3] = d;
	done[0] = '\0';
	return converge;
}

static void verdicts_are(const struct converge *converge, const char *expected)
{
	char text[256] = "";

	for (size_t i = 0; i < converge->n; i++) {
		size_t length = strlen(text);

		(void)snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? ", " : "",
			       thing_verdict_names[converge->rows[i].verdict]);
	}
	ck_assert_str_eq(text, expected);
}

START_TEST(touches_only_what_is_absent_or_wrong)
{
	_cleanup_free_ struct converge *converge =
		fresh(THING_RIGHT, THING_ABSENT, THING_WRONG, THING_NOT_WANTED);

	ck_assert_int_eq(converge_make(converge, kinds, false), 0);
	verdicts_are(converge, "ok, made, mended");
	ck_assert_str_eq(done, "+1 +2 ");
	ck_assert_str_eq(converge->rows[2].why, "it differs");
	ck_assert_ptr_null(converge_failure(converge));
}
END_TEST

START_TEST(a_dry_run_only_looks)
{
	_cleanup_free_ struct converge *converge =
		fresh(THING_RIGHT, THING_ABSENT, THING_WRONG, THING_ABSENT);
	_cleanup_free_ struct converge *removal = NULL;

	ck_assert_int_eq(converge_make(converge, kinds, true), 0);
	verdicts_are(converge, "ok, would make, would mend, would make");
	removal = fresh(THING_RIGHT, THING_ABSENT, THING_WRONG, THING_ABSENT);
	ck_assert_int_eq(converge_remove(removal, kinds, true), 0);
	verdicts_are(removal, "would remove, gone, would remove, gone");
	ck_assert_str_eq(done, "");
}
END_TEST

START_TEST(no_answer_is_not_absent_and_holds_up_nothing_else)
{
	_cleanup_free_ struct converge *converge =
		fresh(THING_ABSENT, THING_ABSENT, THING_ABSENT, THING_ABSENT);

	look_error[1] = -EACCES;
	look_error[2] = -EAGAIN;
	change_error[3] = -EIO;
	ck_assert_int_eq(converge_make(converge, kinds, false), 0);
	verdicts_are(converge, "made, failed, failed, failed");
	ck_assert_str_eq(done, "+0 +3 ");
	ck_assert_ptr_eq(converge_failure(converge), &converge->rows[1]);
	ck_assert_ptr_nonnull(strstr(converge->rows[1].fault.cure, "kind:Look"));
	ck_assert_ptr_nonnull(strstr(converge->rows[2].fault.cure, "run it again"));
}
END_TEST

START_TEST(takes_away_backwards_and_stops_before_what_others_may_need)
{
	_cleanup_free_ struct converge *converge =
		fresh(THING_RIGHT, THING_RIGHT, THING_RIGHT, THING_WRONG);
	_cleanup_free_ struct converge *stuck = NULL;

	ck_assert_int_eq(converge_remove(converge, kinds, false), 0);
	verdicts_are(converge, "removed, removed, removed, removed");
	ck_assert_str_eq(done, "-2 -3 -0 -1 ");

	stuck = fresh(THING_RIGHT, THING_RIGHT, THING_RIGHT, THING_RIGHT);
	look_error[2] = -EAGAIN;
	ck_assert_int_eq(converge_remove(stuck, kinds, false), 0);
	verdicts_are(stuck, "failed, removed");
	ck_assert_str_eq(done, "-3 ");
}
END_TEST

START_TEST(a_mark_differs_with_whatever_is_in_the_template)
{
	static const char *const groups[] = { "sg-1", "sg-2" };
	const struct ec2_template base = { .image = "ami-1",
					   .instance_profile = "p",
					   .security_groups = groups,
					   .n_security_groups = 2,
					   .user_data = "QQ==",
					   .hop_limit = 1,
					   .root_device = "/dev/xvda" };
	struct ec2_template others[] = { base, base, base, base, base, base };
	char mark[TEMPLATE_MARK_MAX], other[TEMPLATE_MARK_MAX];

	ck_assert_int_eq(template_mark(&base, mark, sizeof(mark)), 0);
	ck_assert_int_eq(template_mark(&base, other, sizeof(other)), 0);
	ck_assert_str_eq(mark, other);
	ck_assert_int_eq(strncmp(mark, "paddock sha256:", 15), 0);
	ck_assert_uint_eq(strlen(mark), 15 + 64);

	others[0].image = "ami-2";
	others[1].instance_profile = NULL;
	others[2].n_security_groups = 1;
	others[3].user_data = "QUE=";
	others[4].hop_limit = 2;
	others[5].root_device = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ck_assert_int_eq(template_mark(&others[i], other, sizeof(other)), 0);
		ck_assert_msg(strcmp(mark, other) != 0, "case %zu", i);
	}
	ck_assert_int_eq(template_mark(&base, other, 20), -ENAMETOOLONG);
}
END_TEST

START_TEST(knows_what_is_in_aws)
{
	struct config config = { .provider = "local", .pool = "table" };
	struct converge converge = { .config = &config, .template = { .image = "ami-2" } };

	ck_assert(!converge_uses_aws(&config, "sqlite:/x.db"));
	ck_assert(converge_uses_aws(&config, "dynamodb:t"));
	ck_assert_str_eq(converge_dynamodb("dynamodb:r/t"), "r/t");
	ck_assert_str_eq(converge_image(&converge), "");
	config.pool = "sqs";
	ck_assert(converge_uses_aws(&config, "sqlite:/x.db"));
	config.provider = "ec2";
	ck_assert_str_eq(converge_image(&converge), "ami-2");
	config.ec2.ami_id = "ami-3";
	ck_assert_str_eq(converge_image(&converge), "ami-3");
}
END_TEST

TEST_MAIN(touches_only_what_is_absent_or_wrong, a_dry_run_only_looks,
	  no_answer_is_not_absent_and_holds_up_nothing_else,
	  takes_away_backwards_and_stops_before_what_others_may_need,
	  a_mark_differs_with_whatever_is_in_the_template, knows_what_is_in_aws)
