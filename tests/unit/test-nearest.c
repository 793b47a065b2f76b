#include <string.h>

#include "common/base/settings.h"
#include "tests/test.h"

static const char *const words[] = { "provision",       "release", "refresh", "run",
				     "status",          "why",     "plan",    "pool",
				     "max-runtime-min", NULL };

static const struct {
	const char *text;
	const char *nearest;
} cases[] = {
	/* the word itself, and one slip of each kind */
	{ "provision", "provision" },
	{ "provison", "provision" },
	{ "provisiion", "provision" },
	{ "provizion", "provision" },
	{ "porvision", "provision" },
	{ "PROVISION", "provision" },
	{ "rnu", "run" },
	{ "plam", "plan" },
	{ "statsu", "status" },
	{ "max-runtim-min", "max-runtime-min" },
	/* a third of the letters, and one more */
	{ "stapqs", "status" },
	{ "spapqs", NULL },
	{ "zzz", NULL },
	/* the nearest of two, and the first of two that are as near */
	{ "releash", "release" },
	{ "plol", "pool" },
	{ "pol", "pool" },
	{ "refrease", "release" },
	/* too short to say anything */
	{ "", NULL },
	{ "w", NULL },
	{ "wy", NULL },
	/* beginnings: only long enough ones, and of one word only */
	{ "prov", "provision" },
	{ "max", "max-runtime-min" },
	{ "Max-Run", "max-runtime-min" },
	{ "st", NULL },
	{ "re", NULL },
	/* other bytes */
	{ "\xff\xfe\xfd", NULL },
	{ "provis\xc3\xb6n", "provision" },
};

START_TEST(finds_the_word_that_was_meant)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *found = nearest_word(cases[i].text, words);

		ck_assert_msg(found == cases[i].nearest || (found && cases[i].nearest &&
							    strcmp(found, cases[i].nearest) == 0),
			      "'%s': '%s', not '%s'", cases[i].text, found ? found : "(none)",
			      cases[i].nearest ? cases[i].nearest : "(none)");
	}
}
END_TEST

START_TEST(finds_nothing_among_no_words)
{
	ck_assert_ptr_null(nearest_word("provision", (const char *const[]){ NULL }));
}
END_TEST

START_TEST(gives_up_on_texts_that_are_no_names)
{
	char text[1001];

	(void)memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_ptr_null(nearest_word(text, words));
	ck_assert_ptr_null(nearest_word(text, (const char *const[]){ text, NULL }));
	ck_assert_ptr_null(nearest_word("provision", (const char *const[]){ text, NULL }));

	text[64] = '\0';
	ck_assert_ptr_eq(nearest_word(text, (const char *const[]){ text, NULL }), text);
}
END_TEST

START_TEST(does_not_guess_between_two_words_with_one_beginning)
{
	static const char *const twins[] = { "max-runtime-min", "max-runners-all", NULL };

	ck_assert_ptr_null(nearest_word("max-run", twins));
	ck_assert_str_eq(nearest_word("max-runt", twins), "max-runtime-min");
}
END_TEST

TEST_MAIN(finds_the_word_that_was_meant, finds_nothing_among_no_words,
	  gives_up_on_texts_that_are_no_names, does_not_guess_between_two_words_with_one_beginning)
