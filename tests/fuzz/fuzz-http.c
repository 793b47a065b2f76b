/* What an HTTP answer says (common/net/http.h, retry.h), and what a request is made of: URLs and
 * regions of the environment (endpoint.h), header values. Lines: a header's name, its value, a URL,
 * a region; the rest is the headers of an answer. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/net/endpoint.h"
#include "common/net/http.h"
#include "common/net/retry.h"
#include "tests/fuzz/fuzz.h"

#define UNTOUCHED UINT64_C(0x5afe5afe5afe5afe)

static void check_date(const char *text)
{
	uint64_t ms = UNTOUCHED;
	int r = http_date_parse(text, &ms);
	char again[64];
	struct tm tm;
	time_t time;

	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EINVAL);
		FUZZ_CHECK(ms == UNTOUCHED);
		return;
	}
	/* But for the day of the week, which says nothing, and a leap second. */
	time = (time_t)(ms / MSEC_PER_SEC);
	FUZZ_CHECK(ms % MSEC_PER_SEC == 0 && gmtime_r(&time, &tm));
	FUZZ_CHECK(strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S GMT", &tm) ==
		   strlen(text));
	FUZZ_CHECK_TEXT(strncmp(again + 3, text + 3, 20) == 0, text);
	FUZZ_CHECK_TEXT(strcmp(again + 23, text + 23) == 0 || strncmp(text + 23, "60", 2) == 0,
			text);
}

static void check_after(const char *text)
{
	uint64_t usec = UNTOUCHED;
	int r = retry_after_parse(text, &usec);

	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL, ERANGE);
	FUZZ_CHECK(r < 0 ? usec == UNTOUCHED : usec % USEC_PER_MSEC == 0);
}

static void check_answer(const char *headers, const char *name)
{
	struct http_answer answer = {};
	char value[32];
	int r;

	buf_init(&answer.headers, HTTP_ANSWER_HEADERS_MAX);
	if (buf_add_text(&answer.headers, headers) == 0) {
		r = http_answer_header(&answer, name, value, sizeof(value));
		if (r < 0)
			FUZZ_CHECK_ERROR(r, ENOENT, ENAMETOOLONG);
		else
			FUZZ_CHECK(strlen(value) < sizeof(value) && !strchr(value, '\n') &&
				   strcasestr(headers, name) && strstr(headers, value));
		if (r == 0)
			check_date(value);
	}
	buf_done(&answer.headers);
}

/* What is sent is one line. */
static void check_request(const char *name, const char *value, const char *url)
{
	_cleanup_http_request_ struct http_request request = {};
	int r = http_request_header(&request, name, value);

	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL, EFBIG);
	else
		FUZZ_CHECK(request.n_headers == 1 && !strpbrk(request.headers[0], "\r\n") &&
			   strchr(request.headers[0], ':') == request.headers[0] + strlen(name));

	r = http_request_url(&request, url);
	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL, EFBIG);
	else
		FUZZ_CHECK(strcmp(request.url, url) == 0 && !strpbrk(url, " \r\n"));
}

static void check_endpoint(const char *region, const char *url)
{
	struct endpoint_query query = { .service = AWS_SQS, .region = region };
	struct endpoint endpoint;
	struct fault fault;
	int r = endpoint_resolve(&query, &endpoint, &fault);

	if (r < 0)
		fuzz_check_harmless(fault.text);
	else /* in the domain of AWS, whatever the region */
		FUZZ_CHECK_TEXT(strncmp(endpoint.url, "https://sqs.", strlen("https://sqs.")) ==
						0 &&
					strspn(endpoint.url + strlen("https://sqs."),
					       "abcdefghijklmnopqrstuvwxyz0123456789-.") ==
						strlen(endpoint.url) - strlen("https://sqs."),
				endpoint.url);

	query.region = "us-east-1";
	query.url = url;
	r = endpoint_resolve(&query, &endpoint, &fault);
	if (r < 0)
		FUZZ_CHECK_ERROR(r, EINVAL);
	else
		FUZZ_CHECK(!strpbrk(endpoint.url, "?# "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_free_ char *name = fuzz_take_line(&input);
	_cleanup_free_ char *value = fuzz_take_line(&input);
	_cleanup_free_ char *url = fuzz_take_line(&input);
	_cleanup_free_ char *region = fuzz_take_line(&input);
	_cleanup_free_ char *headers = fuzz_take_text(&input);

	check_date(value);
	check_after(value);
	check_answer(headers, name);
	check_request(name, value, url);
	check_endpoint(region, url);
	return 0;
}
