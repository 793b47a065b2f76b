#include "common/base/words.h"
#include "tests/test.h"

START_TEST(splits_at_spaces_and_only_there)
{
	_cleanup_(words_freep) struct words *words = NULL;

	ck_assert_int_eq(words_split("  a bc\td   e ", &words), 0);
	ck_assert_uint_eq(words->n, 3);
	ck_assert_str_eq(words->words[0], "a");
	ck_assert_str_eq(words->words[1], "bc\td");
	ck_assert_str_eq(words->words[2], "e");
}
END_TEST

START_TEST(finds_none_in_nothing)
{
	static const char *const texts[] = { NULL, "", " ", "    " };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(words_freep) struct words *words = NULL;

		ck_assert_int_eq(words_split(texts[i], &words), 0);
		ck_assert_uint_eq(words->n, 0);
	}
}
END_TEST

TEST_MAIN(splits_at_spaces_and_only_there, finds_none_in_nothing)
