#include <errno.h>
#include <string.h>

#include "common/net/http.h"
#include "tests/test.h"

START_TEST(takes_urls_of_http_and_https_alone)
{
	static const struct {
		const char *url;
		int r;
	} cases[] = {
		{ "https://sqs.eu-west-1.amazonaws.com/", 0 },
		{ "http://169.254.169.254/latest/api/token", 0 },
		{ "http://[fd00:ec2::254]:80/a/../b%20c?x=y%2Fz", 0 },
		{ "", -EINVAL },
		{ "sqs.eu-west-1.amazonaws.com", -EINVAL },
		{ "ftp://example.org/", -EINVAL },
		{ "file:///etc/passwd", -EINVAL },
		{ "https://", -EINVAL },
		{ "https://user@example.org/", -EINVAL },
		{ "https://user:word@example.org/", -EINVAL },
		{ "https://example.org/a b", -EINVAL },
		{ "https://example.org/\r\nX: y", -EINVAL },
		{ "https://example.org/\xc3\xa9", -EINVAL },
		{ "https://example.org:99999/", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_http_request_ struct http_request request = {};

		ck_assert_msg(http_request_url(&request, cases[i].url) == cases[i].r, "%s",
			      cases[i].url);
		if (cases[i].r == 0)
			ck_assert_str_eq(request.url, cases[i].url);
		else
			ck_assert_ptr_null(request.url);
	}
}
END_TEST

START_TEST(takes_urls_up_to_their_limit)
{
	_cleanup_http_request_ struct http_request request = {};
	char url[HTTP_URL_MAX + 2] = "https://example.org/";

	memset(url + strlen(url), 'a', HTTP_URL_MAX - strlen(url));
	ck_assert_int_eq(http_request_url(&request, url), 0);
	url[HTTP_URL_MAX] = 'a';
	ck_assert_int_eq(http_request_url(&request, url), -EFBIG);
	ck_assert_uint_eq(strlen(request.url), HTTP_URL_MAX);
	ck_assert_int_eq(http_request_url(&request, "https://example.org/other"), 0);
	ck_assert_str_eq(request.url, "https://example.org/other");
}
END_TEST

START_TEST(takes_headers_that_are_one_line)
{
	static const struct {
		const char *name, *value;
		int r;
	} cases[] = {
		{ "X-Amz-Target", "DynamoDB_20120810.UpdateItem", 0 },
		{ "x", "caf\xc3\xa9", 0 },
		{ "", "value", -EINVAL },
		{ "A B", "value", -EINVAL },
		{ "A:", "value", -EINVAL },
		{ "A", "", -EINVAL },
		{ "A", "b\r\nC: d", -EINVAL },
		{ "A", "b\n", -EINVAL },
		{ "A", "b\tc", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_http_request_ struct http_request request = {};

		ck_assert_int_eq(http_request_header(&request, cases[i].name, cases[i].value),
				 cases[i].r);
		ck_assert_uint_eq(request.n_headers, cases[i].r == 0);
	}
}
END_TEST

START_TEST(takes_headers_up_to_their_limits)
{
	_cleanup_http_request_ struct http_request request = {};
	char value[HTTP_HEADER_MAX] = "";

	memset(value, 'v', HTTP_HEADER_MAX - strlen("A: "));
	ck_assert_int_eq(http_request_header(&request, "A", value), 0);
	ck_assert_uint_eq(strlen(request.headers[0]), HTTP_HEADER_MAX);
	ck_assert_int_eq(http_request_header(&request, "AB", value), -EFBIG);
	for (size_t i = 1; i < HTTP_HEADERS_MAX; i++)
		ck_assert_int_eq(http_request_header(&request, "A", "b"), 0);
	ck_assert_int_eq(http_request_header(&request, "A", "b"), -ENOBUFS);
	ck_assert_uint_eq(request.n_headers, HTTP_HEADERS_MAX);
}
END_TEST

START_TEST(reads_dates)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777000 },
		{ "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199000 },
		{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228799000 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ms = 1;

		ck_assert_int_eq(http_date_parse(cases[i].text, &ms), 0);
		ck_assert_uint_eq(ms, cases[i].ms);
	}
}
END_TEST

START_TEST(refuses_what_is_no_date)
{
	static const char *const texts[] = {
		"",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 06 Nov 1994 8:49:37 GMT",
		"Sun,  6 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Wed, 29 Feb 2023 08:49:37 GMT",
		"Wed, 31 Dec 1969 23:59:59 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:00:61 GMT",
		"Sun, 06 Nov 1994 -8:00:00 GMT",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t ms = 1;

		ck_assert_msg(http_date_parse(texts[i], &ms) == -EINVAL, "%s", texts[i]);
		ck_assert_uint_eq(ms, 1);
	}
}
END_TEST

TEST_MAIN(takes_urls_of_http_and_https_alone, takes_urls_up_to_their_limit,
	  takes_headers_that_are_one_line, takes_headers_up_to_their_limits, reads_dates,
	  refuses_what_is_no_date)
