/* What is sent, and what came: texts, without the network. */

#include "common/net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/io.h"

static void free_wiped(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void http_request_done(struct http_request *request)
{
	free_wiped(request->url);
	for (size_t i = 0; i < request->n_headers; i++)
		free_wiped(request->headers[i]);
	free(request->headers);
	*request = (struct http_request){};
}

static bool has_part(CURLU *parsed, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(parsed, part, &text, 0) == CURLUE_OK;

	if (text)
		explicit_bzero(text, strlen(text));
	curl_free(text);
	return has;
}

/* libcurl guesses a scheme that is missing, and would send a user's name as a password. */
static int check_url(const char *url)
{
	CURLU *parsed;
	int r = 0;

	if (strncmp(url, "https://", strlen("https://")) != 0 &&
	    strncmp(url, "http://", strlen("http://")) != 0)
		return -EINVAL;
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~')
			return -EINVAL;

	parsed = curl_url();
	if (!parsed)
		return -ENOMEM;
	switch (curl_url_set(parsed, CURLUPART_URL, url, 0)) {
	case CURLUE_OK:
		if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
			r = -EINVAL;
		break;
	case CURLUE_OUT_OF_MEMORY:
		r = -ENOMEM;
		break;
	default:
		r = -EINVAL;
	}
	curl_url_cleanup(parsed);
	return r;
}

int http_request_url(struct http_request *request, const char *url)
{
	char *copy;
	int r;

	if (strlen(url) > HTTP_URL_MAX)
		return -EFBIG;
	r = check_url(url);
	if (r < 0)
		return r;

	copy = strdup(url);
	if (!copy)
		return -ENOMEM;
	free_wiped(request->url);
	request->url = copy;
	return 0;
}

/* RFC 9110, 5.6.2. */
static bool is_token(const char *name)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *name && name[strspn(name, allowed)] == '\0';
}

static bool is_value(const char *value)
{
	if (!*value)
		return false;
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\x7f')
			return false;
	return true;
}

int http_request_header(struct http_request *request, const char *name, const char *value)
{
	char *line;

	if (!is_token(name) || !is_value(value))
		return -EINVAL;
	if (strlen(name) + strlen(": ") + strlen(value) > HTTP_HEADER_MAX)
		return -EFBIG;
	if (request->n_headers == HTTP_HEADERS_MAX)
		return -ENOBUFS;

	if (!request->headers) {
		request->headers = calloc(HTTP_HEADERS_MAX, sizeof(*request->headers));
		if (!request->headers)
			return -ENOMEM;
	}
	line = str_format("%s: %s", name, value);
	if (!line)
		return -ENOMEM;
	request->headers[request->n_headers++] = line;
	return 0;
}

void http_exchange_done(struct http_exchange *exchange)
{
	buf_done(&exchange->answer.body);
	buf_done(&exchange->answer.headers);
	exchange->answer = (struct http_answer){};
}

/* The value in a line of that name, which is not terminated; NULL when it has another name. */
static const char *value_of(const char *line, size_t size, const char *name, size_t *ret_size)
{
	size_t length = strlen(name);
	const char *value;

	if (size <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
		return NULL;

	value = line + length + 1;
	size -= length + 1;
	for (; size > 0 && (*value == ' ' || *value == '\t'); size--)
		value++;
	while (size > 0 && strchr(" \t\r", value[size - 1]))
		size--;
	*ret_size = size;
	return value;
}

int http_answer_header(const struct http_answer *answer, const char *name, char *ret, size_t size)
{
	const char *line = buf_text(&answer->headers);

	while (*line) {
		size_t length = strcspn(line, "\n"), value_size;
		const char *value = value_of(line, length, name, &value_size);

		if (value && value_size >= size)
			return -ENAMETOOLONG;
		if (value) {
			memcpy(ret, value, value_size);
			ret[value_size] = '\0';
			return 0;
		}
		line += length + (line[length] == '\n');
	}
	return -ENOENT;
}

/* So many digits; -1 when they are none. */
static int digits(const char *text, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

/* 0 to 11; -1 when it is none. */
static int month(const char *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (strncmp(text, names + (ptrdiff_t)i * 3, 3) == 0)
			return i;
	return -1;
}

/* Whether all places that are no number or name are as in the pattern, '?' being any. */
static bool has_form(const char *text, const char *pattern)
{
	if (strlen(text) != strlen(pattern))
		return false;
	for (; *pattern; pattern++, text++)
		if (*pattern != '?' && *pattern != *text)
			return false;
	return true;
}

int http_date_parse(const char *text, uint64_t *ret_ms)
{
	struct tm tm;
	int day;
	time_t time;

	if (!has_form(text, "???, ?? ??? ???? ??:??:?? GMT"))
		return -EINVAL;

	day = digits(text + 5, 2);
	tm = (struct tm){
		.tm_mday = day,
		.tm_mon = month(text + 8),
		.tm_year = digits(text + 12, 4) - 1900,
		.tm_hour = digits(text + 17, 2),
		.tm_min = digits(text + 20, 2),
		.tm_sec = digits(text + 23, 2),
	};
	if (day < 1 || tm.tm_mon < 0 || tm.tm_year < 70 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -EINVAL;
	if (tm.tm_sec == 60) /* a leap second */
		tm.tm_sec = 59;

	time = timegm(&tm);
	if (time < 0 || tm.tm_mday != day) /* 30 Feb */
		return -EINVAL;
	*ret_ms = (uint64_t)time * MSEC_PER_SEC;
	return 0;
}
