#include "common/net/http-attempt.h"

#include <errno.h>
#include <string.h>

#include "common/base/parse.h"

/* What libcurl's verdict is to us; all else is -EIO. */
static const struct {
	CURLcode code;
	int error;
} verdicts[] = {
	{ CURLE_OK, 0 },
	{ CURLE_OPERATION_TIMEDOUT, ETIMEDOUT },
	{ CURLE_COULDNT_CONNECT, ECONNREFUSED },
	{ CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH },
	{ CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH },
	{ CURLE_PROXY, EHOSTUNREACH },
	{ CURLE_GOT_NOTHING, ECONNRESET },
	{ CURLE_SEND_ERROR, ECONNRESET },
	{ CURLE_RECV_ERROR, ECONNRESET },
	{ CURLE_PARTIAL_FILE, ECONNRESET },
	{ CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED },
	{ CURLE_SSL_ISSUER_ERROR, EKEYREJECTED },
	{ CURLE_SSL_INVALIDCERTSTATUS, EKEYREJECTED },
	{ CURLE_SSL_CACERT_BADFILE, EKEYREJECTED },
	{ CURLE_SSL_CONNECT_ERROR, EPROTO },
	{ CURLE_SSL_CIPHER, EPROTO },
	{ CURLE_SSL_ENGINE_INITFAILED, EPROTO },
	{ CURLE_WEIRD_SERVER_REPLY, EPROTO },
	{ CURLE_UNSUPPORTED_PROTOCOL, EPROTO }, /* no HTTP/1 in front of the answer */
	{ CURLE_BAD_CONTENT_ENCODING, EPROTO },
#if LIBCURL_VERSION_NUM >= 0x080600
	{ CURLE_TOO_LARGE, EFBIG },
#endif
	{ CURLE_URL_MALFORMAT, EINVAL },
	{ CURLE_OUT_OF_MEMORY, ENOMEM },
};

static const struct {
	int error;
	const char *cure;
} cures[] = {
	{ ETIMEDOUT, "check route, security groups and proxy between here and there, or allow "
		     "more time" },
	{ ECONNREFUSED, "check the address and the port, and that the server is up" },
	{ EHOSTUNREACH, "check the spelling of the name, the region in it, and that this machine "
			"has DNS and a route" },
	{ ECONNRESET, "try again; if it persists, look for a proxy or a balancer that cuts "
		      "connections" },
	{ EPROTO, "check that the URL leads to a server that speaks HTTP, or HTTPS, at this port" },
	{ EKEYREJECTED, "check this machine's clock and its list of authorities (package "
			"ca-certificates), and name the authority's file if it is your own" },
	{ EFBIG, "ask for less at a time" },
};

/* The fault of this exchange; returns -error. */
static int say(struct http_attempt *attempt, int error, const char *what)
{
	struct fault *fault = &attempt->exchange->fault;
	int r = fault_set(fault, error, "%s %s: %s",
			  attempt->request.method ? attempt->request.method : "request",
			  attempt->host[0] ? attempt->host : "without a URL", what);

	for (size_t i = 0; i < ARRAY_SIZE(cures); i++)
		if (r == -cures[i].error)
			return fault_cure(fault, r, "%s", cures[i].cure);
	return r;
}

/* Room for size more bytes below a ceiling. */
static bool fits(size_t *used, size_t size, size_t max)
{
	if (size > max - *used)
		return false;
	*used += size;
	return true;
}

/* What a callback returns to have libcurl end it. */
static size_t stop(struct http_attempt *attempt, int r)
{
	attempt->stopped = r;
	return 0;
}

/* A line, for every answer: a 100, or those of a proxy, may come before ours. */
static size_t on_header(char *data, size_t one, size_t size, void *context)
{
	struct http_attempt *attempt = context;
	struct http_answer *answer = &attempt->exchange->answer;
	int r;

	size *= one;
	if (size >= strlen("HTTP/") && strncmp(data, "HTTP/", strlen("HTTP/")) == 0)
		buf_done(&answer->headers);
	if (!fits(&attempt->header_bytes, size, HTTP_ANSWER_HEADERS_MAX))
		return stop(attempt, -EFBIG);
	r = buf_add(&answer->headers, data, size);
	return r < 0 ? stop(attempt, r) : size;
}

static int status_of(struct http_attempt *attempt)
{
	long status = 0;

	(void)curl_easy_getinfo(attempt->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
	struct http_attempt *attempt = context;
	struct http_exchange *exchange = attempt->exchange;
	int r;

	size *= one;
	if (!fits(&attempt->body_bytes, size, exchange->answer_max))
		return stop(attempt, -EFBIG);

	if (exchange->ops->sink && status_of(attempt) / 100 == 2) {
		r = exchange->ops->sink(exchange, data, size);
		attempt->final = r < 0;
	} else {
		r = buf_add(&exchange->answer.body, data, size);
	}
	return r < 0 ? stop(attempt, r) : size;
}

static CURLcode set_callbacks(struct http_attempt *attempt)
{
	const struct {
		CURLoption option;
		void *pointer;
	} pointers[] = {
		{ CURLOPT_HEADERDATA, attempt },
		{ CURLOPT_WRITEDATA, attempt },
		{ CURLOPT_PRIVATE, attempt },
		{ CURLOPT_ERRORBUFFER, attempt->error },
	};
	CURLcode code = curl_easy_setopt(attempt->easy, CURLOPT_HEADERFUNCTION, on_header);

	if (code == CURLE_OK)
		code = curl_easy_setopt(attempt->easy, CURLOPT_WRITEFUNCTION, on_body);
	for (size_t i = 0; i < ARRAY_SIZE(pointers) && code == CURLE_OK; i++)
		code = curl_easy_setopt(attempt->easy, pointers[i].option, pointers[i].pointer);
	return code;
}

/* Everything up to the first byte. */
static int prepare(struct http_attempt *attempt, const struct http_setup *setup)
{
	struct http_exchange *exchange = attempt->exchange;
	CURLcode code;
	int r;

	r = exchange->ops->prepare(exchange, &attempt->request, &exchange->fault);
	if (r < 0)
		return r;
	if (!attempt->request.url || !attempt->request.method)
		return say(attempt, EINVAL, "there is no URL or no method");
	if (!attempt->easy)
		attempt->easy = curl_easy_init();
	if (!attempt->easy)
		return say(attempt, ENOMEM, "out of memory");
	code = http_attempt_set_up(attempt, setup);
	if (code == CURLE_OK)
		code = set_callbacks(attempt);
	if (code != CURLE_OK)
		return say(attempt, code == CURLE_OUT_OF_MEMORY ? ENOMEM : EOPNOTSUPP,
			   curl_easy_strerror(code));
	if (curl_multi_add_handle(setup->multi, attempt->easy) != CURLM_OK)
		return say(attempt, ENOMEM, "out of memory");
	return 0;
}

/* Gives the place up. */
static void leave(struct http_attempt *attempt)
{
	if (attempt->easy)
		curl_easy_reset(attempt->easy);
	http_request_done(&attempt->request);
	attempt->exchange = NULL;
	attempt->task = NULL;
}

int http_attempt_begin(struct http_attempt *attempt, const struct http_setup *setup,
		       struct http_exchange *exchange, uint64_t now_usec)
{
	int r;

	*attempt = (struct http_attempt){
		.easy = attempt->easy,
		.exchange = exchange,
		.task = attempt->task,
		.begun_usec = now_usec,
		.until_usec = exchange->deadline.at_usec,
	};
	if (exchange->timeout_usec > 0 && attempt->until_usec - now_usec > exchange->timeout_usec)
		attempt->until_usec = now_usec + exchange->timeout_usec;

	exchange->attempts++;
	exchange->result = 0;
	exchange->fault = (struct fault){};
	http_exchange_done(exchange);
	buf_init(&exchange->answer.body, exchange->answer_max);
	buf_init(&exchange->answer.headers, HTTP_ANSWER_HEADERS_MAX);

	r = prepare(attempt, setup);
	if (r < 0) {
		exchange->result = r;
		leave(attempt);
	}
	return r < 0 ? r : 0;
}

/* errno for what libcurl said, where that says too little. */
static int judge(struct http_attempt *attempt, CURLcode code)
{
	long os_errno = 0;
	int error = EIO;

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (verdicts[i].code == code)
			error = verdicts[i].error;

	(void)curl_easy_getinfo(attempt->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_COULDNT_CONNECT && os_errno == ETIMEDOUT)
		return -ETIMEDOUT;
	if (code == CURLE_COULDNT_CONNECT && os_errno != 0 && os_errno != ECONNREFUSED)
		return -EHOSTUNREACH;
	if (code == CURLE_SSL_CONNECT_ERROR && os_errno == ECONNRESET)
		return -ECONNRESET;
	/* libcurl's own ceiling for one header line says so, too. */
	if (code == CURLE_OUT_OF_MEMORY && attempt->header_bytes > 0)
		return -EFBIG;
	return -error;
}

static int say_timeout(struct http_attempt *attempt)
{
	curl_off_t sent_after = 0;
	char text[DURATION_TEXT_MAX], what[DURATION_TEXT_MAX + 64];

	(void)curl_easy_getinfo(attempt->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after);
	(void)format_duration(attempt->until_usec - attempt->begun_usec, text, sizeof(text));
	(void)snprintf(what, sizeof(what), "no %s within %s",
		       sent_after > 0 ? "answer" : "connection", text);
	return say(attempt, ETIMEDOUT, what);
}

static int fail(struct http_attempt *attempt, CURLcode code, int r)
{
	struct fault *fault = &attempt->exchange->fault;

	if (attempt->final) {
		if (!fault->text[0])
			return say(attempt, r, "the answer could not be taken");
		return r;
	}
	if (r == -ECANCELED)
		return say(attempt, r, "given up, as the program ends");
	if (r == -ETIMEDOUT && code == CURLE_OK)
		return say_timeout(attempt);
	if (r == -EFBIG)
		return say(attempt, r, "the answer is too large");
	if (code == CURLE_OK)
		return say(attempt, r, strerror(-r));
	return say(attempt, r, attempt->error[0] ? attempt->error : curl_easy_strerror(code));
}

/* The status and the date of an answer that came. */
static void read_answer(struct http_attempt *attempt)
{
	struct http_answer *answer = &attempt->exchange->answer;
	char date[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];

	answer->status = status_of(attempt);
	if (http_answer_header(answer, "Date", date, sizeof(date)) < 0 ||
	    http_date_parse(date, &answer->date_ms) < 0)
		answer->date_ms = 0;
}

bool http_attempt_end(struct http_attempt *attempt, const struct http_setup *setup, CURLcode code,
		      int r)
{
	struct http_exchange *exchange = attempt->exchange;
	bool may_repeat;
	long sent = 0;

	(void)curl_easy_getinfo(attempt->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (r == 0)
		r = attempt->stopped < 0 ? attempt->stopped : judge(attempt, code);
	if (r == 0) {
		read_answer(attempt);
	} else {
		r = fail(attempt, code, r);
		exchange->maybe_executed |= sent > 0;
		http_exchange_done(exchange);
	}
	exchange->result = r;
	may_repeat = !attempt->final;

	(void)curl_multi_remove_handle(setup->multi, attempt->easy);
	leave(attempt);
	return may_repeat;
}

void http_attempt_done(struct http_attempt *attempt)
{
	if (attempt->easy)
		curl_easy_cleanup(attempt->easy);
	attempt->easy = NULL;
	http_request_done(&attempt->request);
}
