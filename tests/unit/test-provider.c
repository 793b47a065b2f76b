#include "controller/provider/provider.h"
#include "tests/test.h"

#define BORN 1000000ULL

START_TEST(takes_an_absent_machine_for_gone_only_when_it_is_old)
{
	const uint64_t old = BORN + ABSENT_MEANS_GONE_MS;

	ck_assert_int_eq(presence_settle(PRESENCE_ABSENT, BORN, BORN), PRESENCE_UNKNOWN);
	ck_assert_int_eq(presence_settle(PRESENCE_ABSENT, BORN, old), PRESENCE_UNKNOWN);
	ck_assert_int_eq(presence_settle(PRESENCE_ABSENT, BORN, old + 1), PRESENCE_GONE);
	/* Its age is not known. */
	ck_assert_int_eq(presence_settle(PRESENCE_ABSENT, 0, old + 1), PRESENCE_UNKNOWN);
}
END_TEST

START_TEST(leaves_every_other_answer_as_it_is)
{
	static const enum presence answers[] = { PRESENCE_UNKNOWN, PRESENCE_STARTING,
						 PRESENCE_THERE, PRESENCE_ENDING, PRESENCE_GONE };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		ck_assert_int_eq(presence_settle(answers[i], BORN, UINT64_MAX), answers[i]);
}
END_TEST

TEST_MAIN(takes_an_absent_machine_for_gone_only_when_it_is_old, leaves_every_other_answer_as_it_is)
