#include <errno.h>
#include <string.h>

#include "controller/converge/user-data.h"
#include "tests/test.h"

static struct user_data good(void)
{
	return (struct user_data){
		.store = "dynamodb:eu-central-1/machines",
		.pool = "table",
		.aws_name = "fleet",
		.forge = "none",
		.boot_usec = 600 * USEC_PER_SEC,
		.beat_usec = 5 * USEC_PER_SEC,
	};
}

static void render(const struct user_data *data, struct buf *ret)
{
	buf_init(ret, USER_DATA_MAX);
	ck_assert_int_eq(user_data_render(data, ret, NULL), 0);
}

START_TEST(is_a_script_with_the_settings_in_their_place)
{
	struct user_data data = good();
	_cleanup_buf_ struct buf text = {};

	render(&data, &text);
	ck_assert_int_eq(strncmp(text.data, "#!/bin/sh\n", 10), 0);
	ck_assert_ptr_nonnull(strstr(text.data, "END_OF_SETTINGS'\n[agent]\n"
						"provider = ec2\n"
						"store = dynamodb:eu-central-1/machines\n"
						"forge = none\n"
						"boot-time = 10min\n"
						"beat-period = 5s\n"
						"END_OF_SETTINGS\n"));
	ck_assert_ptr_null(strchr(text.data, '@'));
}
END_TEST

START_TEST(tells_of_queues_only_where_there_are_any)
{
	struct user_data data = good();
	_cleanup_buf_ struct buf text = {};

	data.pool = "sqs";
	render(&data, &text);
	ck_assert_ptr_nonnull(strstr(text.data, "\npool = sqs\naws-name = fleet\nEND_OF"));
}
END_TEST

START_TEST(hands_nothing_over_that_could_be_read_as_something_else)
{
	static const char *const bad[] = {
		"",     "a b",  "a\nb", "a'b", "a\"b", "a`b`",
		"$(a)", "a\\b", "a;b",  "a#b", "a\tb", "\xc3\xa4",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct user_data data = good();
		_cleanup_buf_ struct buf text = {};
		struct fault fault = {};

		buf_init(&text, USER_DATA_MAX);
		data.store = bad[i];
		ck_assert_msg(user_data_render(&data, &text, &fault) == -EINVAL, "case %zu", i);
		ck_assert_ptr_nonnull(strstr(fault.text, "store"));
		ck_assert_uint_eq(text.size, 0);
	}
}
END_TEST

START_TEST(says_when_it_would_be_longer_than_ec2_takes)
{
	struct user_data data = good();
	_cleanup_buf_ struct buf text = {};
	char store[USER_DATA_MAX + 1];

	memset(store, 'a', sizeof(store) - 1);
	store[sizeof(store) - 1] = '\0';
	data.store = store;
	buf_init(&text, (size_t)USER_DATA_MAX * 2);
	ck_assert_int_eq(user_data_render(&data, &text, NULL), -E2BIG);
}
END_TEST

START_TEST(is_encoded_by_rfc_4648)
{
	static const struct {
		const char *text, *encoded;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text = {};
		_cleanup_free_ char *encoded = NULL;

		buf_init(&text, 64);
		ck_assert_int_eq(buf_add_text(&text, cases[i].text), 0);
		ck_assert_int_eq(user_data_encode(&text, &encoded), 0);
		ck_assert_str_eq(encoded, cases[i].encoded);
	}
}
END_TEST

TEST_MAIN(is_a_script_with_the_settings_in_their_place, tells_of_queues_only_where_there_are_any,
	  hands_nothing_over_that_could_be_read_as_something_else,
	  says_when_it_would_be_longer_than_ec2_takes, is_encoded_by_rfc_4648)
