#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/net/url.h"
#include "tests/test.h"

START_TEST(takes_urls_apart)
{
	static const struct {
		const char *text, *host, *name, *path, *query;
		bool https;
	} cases[] = {
		{ "https://sts.eu-west-1.amazonaws.com/", "sts.eu-west-1.amazonaws.com",
		  "sts.eu-west-1.amazonaws.com", "/", NULL, true },
		{ "http://h", "h", "h", "", NULL, false },
		{ "http://h?", "h", "h", "", "", false },
		{ "http://h:80/a/b?c=d&e", "h", "h", "/a/b", "c=d&e", false },
		{ "https://h:443/a?b?c", "h", "h", "/a", "b?c", true },
		{ "https://h:80", "h:80", "h", "", NULL, true },
		{ "HTTP://127.0.0.1:4566/x", "127.0.0.1:4566", "127.0.0.1", "/x", NULL, false },
		{ "http://[fd00:ec2::254]/x", "[fd00:ec2::254]", "fd00:ec2::254", "/x", NULL,
		  false },
		{ "http://[::1]:80/", "[::1]", "::1", "/", NULL, false },
		{ "http://[::1]:81/", "[::1]:81", "::1", "/", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[64];
		struct url url;

		ck_assert_msg(url_split(cases[i].text, &url) == 0, "'%s'", cases[i].text);
		(void)snprintf(path, sizeof(path), "%.*s", url.path_size, url.path);
		ck_assert_str_eq(url.host, cases[i].host);
		ck_assert_str_eq(url.name, cases[i].name);
		ck_assert_str_eq(path, cases[i].path);
		ck_assert_pstr_eq(url.query, cases[i].query);
		ck_assert(url.https == cases[i].https);
	}
}
END_TEST

START_TEST(refuses_what_is_no_url_or_hides_where_it_leads)
{
	static const char *const cases[] = {
		"",
		"h",
		"ftp://h/",
		"https://",
		"https:///x",
		"http://a b/",
		"http://h/\r\nX:",
		"http://u@h/",
		"http://u:p@h/",
		"http://h:0/",
		"http://h:/",
		"http://h:65536/",
		"http://h:x/",
		"http://[::1/",
		"http://[]/",
		"http://:1/",
		"http://[::1]x/",
		"http://h/#here",
	};
	char longest[400] = "http://";

	memset(longest + 7, 'a', sizeof(longest) - 8);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct url url = { .path_size = 7 };

		ck_assert_msg(url_split(cases[i], &url) == -EINVAL, "'%s'", cases[i]);
		ck_assert_int_eq(url.path_size, 7);
	}
	ck_assert_int_eq(url_split(longest, &(struct url){}), -EINVAL);
}
END_TEST

START_TEST(shows_no_password_and_no_token)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "https://h/p", "https://h/p" },
		{ "ftp://h\n", "ftp://h?" },
		{ "https://h/p?token=t", "https://h/p?..." },
		{ "https://u:p@h/p", "...@h/p" },
		{ "https://u:p@q@h?a@b", "...@h?..." },
		{ "?", "?..." },
		{ "", "" },
	};
	char shown[80];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(url_shown(cases[i].text, shown, sizeof(shown)), cases[i].shown);
}
END_TEST

TEST_MAIN(takes_urls_apart, shows_no_password_and_no_token,
	  refuses_what_is_no_url_or_hides_where_it_leads)
