#include <errno.h>
#include <string.h>

#include "common/base/fault.h"
#include "tests/test.h"

START_TEST(says_what_went_wrong)
{
	struct fault fault = {};

	ck_assert_int_eq(fault_set(&fault, EINVAL, "beat-period: '%s' is no duration", "3 weeks"),
			 -EINVAL);
	ck_assert_str_eq(fault.text, "beat-period: '3 weeks' is no duration");
	ck_assert_str_eq(fault_text(&fault, -EINVAL), fault.text);
	ck_assert_str_eq(fault.cure, "");
}
END_TEST

START_TEST(takes_the_error_with_either_sign)
{
	struct fault fault = {};

	ck_assert_int_eq(fault_set(&fault, -EINVAL, "x"), -EINVAL);
	ck_assert_int_eq(fault_set(NULL, -EINVAL, "x"), -EINVAL);
	ck_assert_int_eq(fault_set(NULL, EINVAL, "x"), -EINVAL);
}
END_TEST

START_TEST(prints_the_error_in_question_not_the_latest_one)
{
	struct fault fault = {};

	errno = ENOENT;
	ck_assert_int_eq(fault_set(&fault, EACCES, "open: %m"), -EACCES);
	ck_assert_str_eq(fault.text, "open: Permission denied");
	ck_assert_int_eq(fault_cure(&fault, -EBUSY, "%m"), -EBUSY);
	ck_assert_str_eq(fault.cure, "Device or resource busy");
	ck_assert_int_eq(fault_wrap(&fault, -EPERM, "%m"), -EPERM);
	ck_assert_str_eq(fault.text, "Operation not permitted: open: Permission denied");
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(forgets_the_fault_before)
{
	struct fault fault = { .status = 503, .code = "SlowDown", .text = "old", .cure = "wait" };

	ck_assert_int_eq(fault_set(&fault, EINVAL, "new"), -EINVAL);
	ck_assert_int_eq(fault.status, 0);
	ck_assert_str_eq(fault.code, "");
	ck_assert_str_eq(fault.text, "new");
	ck_assert_str_eq(fault.cure, "");
}
END_TEST

START_TEST(adds_a_cure_and_closes_a_chain)
{
	struct fault fault = {};
	int r = fault_cure(&fault, fault_set(&fault, EROFS, "cannot write"), "remount %s", "/var");

	ck_assert_int_eq(r, -EROFS);
	ck_assert_str_eq(fault.text, "cannot write");
	ck_assert_str_eq(fault.cure, "remount /var");
}
END_TEST

START_TEST(puts_words_in_front)
{
	struct fault fault = {};

	ck_assert_int_eq(fault_set(&fault, ENOSPC, "disk is full"), -ENOSPC);
	ck_assert_int_eq(fault_wrap(&fault, -ENOSPC, "cannot open the %s", "store"), -ENOSPC);
	ck_assert_str_eq(fault.text, "cannot open the store: disk is full");
	ck_assert_int_eq(fault_wrap(&fault, -ENOSPC, "m-1: "), -ENOSPC);
	ck_assert_str_eq(fault.text, "m-1: cannot open the store: disk is full");
	ck_assert_int_eq(fault_wrap(&fault, -ENOSPC, "%s", ""), -ENOSPC);
	ck_assert_str_eq(fault.text, "m-1: cannot open the store: disk is full");
}
END_TEST

START_TEST(puts_words_in_front_of_the_errno_when_nothing_was_said)
{
	struct fault fault = { .status = 404, .cure = "look elsewhere" };

	ck_assert_int_eq(fault_wrap(&fault, -ENOENT, "cannot open"), -ENOENT);
	ck_assert_str_eq(fault.text, "cannot open: No such file or directory");
	ck_assert_int_eq(fault.status, 404);
	ck_assert_str_eq(fault.cure, "look elsewhere");
}
END_TEST

START_TEST(changes_nothing_for_a_success)
{
	struct fault fault = { .text = "old" };

	ck_assert_int_eq(fault_wrap(&fault, 0, "words"), 0);
	ck_assert_int_eq(fault_wrap(&fault, 1, "words"), 1);
	ck_assert_int_eq(fault_cure(&fault, 1, "cure"), 1);
	ck_assert_str_eq(fault.text, "old");
	ck_assert_str_eq(fault.cure, "");
}
END_TEST

START_TEST(needs_no_fault_to_pass_the_error_on)
{
	ck_assert_int_eq(fault_set(NULL, EIO, "%s", "x"), -EIO);
	ck_assert_int_eq(fault_cure(NULL, -EIO, "%s", "x"), -EIO);
	ck_assert_int_eq(fault_wrap(NULL, -EIO, "%s", "x"), -EIO);
	ck_assert_str_eq(fault_text(NULL, -EIO), "Input/output error");
	ck_assert(fault_is_transient(-EAGAIN, NULL));
	ck_assert(!fault_is_transient(-EIO, NULL));
}
END_TEST

START_TEST(prints_a_fault_into_itself)
{
	struct fault fault = {};

	ck_assert_int_eq(fault_set(&fault, EIO, "inner"), -EIO);
	ck_assert_int_eq(fault_set(&fault, EIO, "outer (%s)", fault.text), -EIO);
	ck_assert_str_eq(fault.text, "outer (inner)");
	ck_assert_int_eq(fault_wrap(&fault, -EIO, "%s", fault.text), -EIO);
	ck_assert_str_eq(fault.text, "outer (inner): outer (inner)");
	ck_assert_int_eq(fault_cure(&fault, -EIO, "cure"), -EIO);
	ck_assert_int_eq(fault_cure(&fault, -EIO, "a %s", fault.cure), -EIO);
	ck_assert_str_eq(fault.cure, "a cure");
}
END_TEST

START_TEST(cuts_a_long_text_between_two_characters)
{
	struct fault fault = {};
	char text[FAULT_TEXT_MAX * 2];

	/* Two-byte characters from an odd place on: the last one does not fit whole. */
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 2] = '\0';

	ck_assert_int_eq(fault_set(&fault, EIO, "%s", text), -EIO);
	ck_assert_uint_eq(strlen(fault.text), FAULT_TEXT_MAX - 2);
	ck_assert_int_eq(fault_cure(&fault, -EIO, "%s", text), -EIO);
	ck_assert_uint_eq(strlen(fault.cure), sizeof(fault.cure) - 2);
	ck_assert_int_eq(fault_wrap(&fault, -EIO, "ab"), -EIO);
	ck_assert_uint_eq(strlen(fault.text), FAULT_TEXT_MAX - 2);
	ck_assert_int_eq(fault_wrap(&fault, -EIO, "a"), -EIO);
	ck_assert_uint_eq(strlen(fault.text), FAULT_TEXT_MAX - 1);
	ck_assert_int_eq(fault_wrap(&fault, -EIO, "%s", text), -EIO);
	ck_assert_uint_eq(strlen(fault.text), FAULT_TEXT_MAX - 2 + 1);
}
END_TEST

/* The words may be a stranger's, or out of a damaged file. */
START_TEST(shows_no_control_characters)
{
	struct fault fault = {};
	int r = fault_set(&fault, EPROTO, "it says: %s", "\033[2Jgone\r\n\x7f");

	ck_assert_str_eq(fault.text, "it says: ?[2Jgone???");
	r = fault_cure(&fault, r, "ask %s", "\a");
	ck_assert_str_eq(fault.cure, "ask ?");
	(void)fault_wrap(&fault, r, "%s", "\t");
	ck_assert_str_eq(fault.text, "?: it says: ?[2Jgone???");
}
END_TEST

START_TEST(knows_which_errnos_pass)
{
	static const int passing[] = { EAGAIN,       EBUSY,      EINTR,        ETIMEDOUT,
				       ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH,
				       ENETDOWN,     EPIPE };
	static const int lasting[] = { EINVAL, EIO,    ENOENT,  EACCES, EPERM,    ENOSPC,
				       EROFS,  ENOMEM, EBADMSG, EEXIST, ECANCELED };
	const struct fault none = {};

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
		ck_assert(fault_is_transient(-passing[i], &none));
		ck_assert(!fault_is_transient(passing[i], &none));
	}
	for (size_t i = 0; i < ARRAY_SIZE(lasting); i++)
		ck_assert(!fault_is_transient(-lasting[i], &none));
}
END_TEST

START_TEST(knows_which_answers_pass)
{
	static const struct {
		struct fault fault;
		bool transient;
	} cases[] = {
		{ { .status = 408 }, true },
		{ { .status = 429 }, true },
		{ { .status = 500 }, true },
		{ { .status = 502 }, true },
		{ { .status = 503 }, true },
		{ { .status = 504 }, true },
		{ { .status = 200 }, false },
		{ { .status = 400 }, false },
		{ { .status = 403 }, false },
		{ { .status = 404 }, false },
		{ { .status = 501 }, false },
		{ { .status = 400, .code = "Throttling" }, true },
		{ { .status = 400, .code = "ThrottlingException" }, true },
		{ { .status = 400, .code = "RequestLimitExceeded" }, true },
		{ { .status = 400, .code = "ProvisionedThroughputExceededException" }, true },
		{ { .status = 400, .code = "SlowDown" }, true },
		{ { .status = 400, .code = "InternalError" }, true },
		{ { .status = 400, .code = "ServiceUnavailable" }, true },
		{ { .status = 400, .code = "RequestTimeout" }, true },
		{ { .status = 400, .code = "TransactionInProgressException" }, true },
		{ { .status = 400, .code = "ConditionalCheckFailedException" }, false },
		{ { .status = 400, .code = "Throttlin" }, false },
		{ { .status = 400, .code = "ThrottlingX" }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_msg(fault_is_transient(-EIO, &cases[i].fault) == cases[i].transient,
			      "%d %s", cases[i].fault.status, cases[i].fault.code);
		ck_assert(!fault_is_transient(0, &cases[i].fault));
	}
}
END_TEST

TEST_MAIN(says_what_went_wrong, takes_the_error_with_either_sign,
	  prints_the_error_in_question_not_the_latest_one, forgets_the_fault_before,
	  adds_a_cure_and_closes_a_chain, puts_words_in_front,
	  puts_words_in_front_of_the_errno_when_nothing_was_said, changes_nothing_for_a_success,
	  needs_no_fault_to_pass_the_error_on, prints_a_fault_into_itself,
	  cuts_a_long_text_between_two_characters, shows_no_control_characters,
	  knows_which_errnos_pass, knows_which_answers_pass)
