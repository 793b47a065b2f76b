#include "common/net/http-attempt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/base/parse.h"

/* Probes on a connection that is quiet for so long find a peer that is gone without a word, as
 * behind a NAT that has forgotten it. */
#define KEEPALIVE_IDLE_SEC 30L
#define KEEPALIVE_INTERVAL_SEC 10L
/* Peers and balancers close a quiet connection after a minute; a request that meets the close is
 * sent twice. */
#define KEPT_IDLE_MAX_SEC 50L

static const struct {
	CURLoption option;
	long value;
} fixed_options[] = {
	{ CURLOPT_NOSIGNAL, 1L },
	{ CURLOPT_FOLLOWLOCATION, 0L },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_PATH_AS_IS, 1L }, /* what was signed */
	{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L },
	{ CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_USEC / (long)USEC_PER_MSEC },
	{ CURLOPT_TCP_KEEPALIVE, 1L },
	{ CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC },
	{ CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SEC },
	{ CURLOPT_MAXAGE_CONN, KEPT_IDLE_MAX_SEC },
#if LIBCURL_VERSION_NUM >= 0x075700
	{ CURLOPT_QUICK_EXIT, 1L }, /* do not wait for a name server when time is up */
#endif
#if LIBCURL_VERSION_NUM < 0x075500
	{ CURLOPT_PROTOCOLS, CURLPROTO_HTTPS | CURLPROTO_HTTP },
#endif
};

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

/* No proxy can reach these for us: what is on this host, and what answers on this link alone, such
 * as the metadata of a cloud. */
static bool is_near(const char *host)
{
	static const unsigned char loopback6[16] = { [15] = 1 };
	static const unsigned char metadata6[] = { 0xfd, 0x00, 0x0e, 0xc2 }; /* fd00:ec2::/32 */
	unsigned char a[16];
	char bare[INET6_ADDRSTRLEN];
	size_t size;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, a) == 1)
		return a[0] == 127 || (a[0] == 169 && a[1] == 254);

	size = strcspn(host, "]");
	if (host[0] != '[' || host[size] != ']' || size > sizeof(bare))
		return false;
	memcpy(bare, host + 1, size - 1);
	bare[size - 1] = '\0';
	if (inet_pton(AF_INET6, bare, a) != 1)
		return false;
	return memcmp(a, loopback6, sizeof(a)) == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	       memcmp(a, metadata6, sizeof(metadata6)) == 0;
}

/* Keeps the host for faults. */
static int read_host(struct http_attempt *attempt, bool *ret_near)
{
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL;
	int r = -ENOMEM;

	if (url && curl_url_set(url, CURLUPART_URL, attempt->request.url, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		(void)curl_url_get(url, CURLUPART_PORT, &port, 0);
		(void)snprintf(attempt->host, sizeof(attempt->host), "%s%s%s", host,
			       port ? ":" : "", port ? port : "");
		*ret_near = is_near(host);
		r = 0;
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return r;
}

static bool has_header(const struct http_request *request, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < request->n_headers; i++)
		if (strncasecmp(request->headers[i], name, size) == 0 &&
		    request->headers[i][size] == ':')
			return true;
	return false;
}

/* A list of libcurl's that needs no copies of what may be secret. */
static struct curl_slist *link_headers(struct http_attempt *attempt, bool has_body)
{
	static char no_expect[] = "Expect:", no_type[] = "Content-Type:";
	struct http_request *request = &attempt->request;
	struct curl_slist *lines = attempt->lines;
	size_t n = 0;

	for (; n < request->n_headers; n++)
		lines[n].data = request->headers[n];
	lines[n++].data = no_expect;
	if (has_body && !has_header(request, "Content-Type"))
		lines[n++].data = no_type;

	for (size_t i = 0; i < n; i++)
		lines[i].next = i + 1 < n ? &lines[i + 1] : NULL;
	return lines;
}

/* Of several options the first error counts. */
static void set_text(CURL *easy, CURLoption option, const char *text, CURLcode *code)
{
	if (*code == CURLE_OK)
		*code = curl_easy_setopt(easy, option, text);
}

static void set_long(CURL *easy, CURLoption option, long value, CURLcode *code)
{
	if (*code == CURLE_OK)
		*code = curl_easy_setopt(easy, option, value);
}

static void set_pointer(CURL *easy, CURLoption option, void *pointer, CURLcode *code)
{
	if (*code == CURLE_OK)
		*code = curl_easy_setopt(easy, option, pointer);
}

static void set_request(struct http_attempt *attempt, CURLcode *code)
{
	const struct http_request *request = &attempt->request;
	const char *method = request->method;
	CURL *easy = attempt->easy;
	bool has_body = request->body_size > 0 || strcmp(method, "POST") == 0 ||
			strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;

	set_text(easy, CURLOPT_URL, request->url, code);
	if (strcmp(method, "HEAD") == 0) {
		set_long(easy, CURLOPT_NOBODY, 1, code);
	} else if (has_body) {
		set_long(easy, CURLOPT_POST, 1, code);
		if (*code == CURLE_OK)
			*code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
						 (curl_off_t)request->body_size);
		/* Not copied; NULL would have libcurl ask a callback for it. */
		set_text(easy, CURLOPT_POSTFIELDS,
			 request->body_size > 0 ? (const char *)request->body : "", code);
		set_text(easy, CURLOPT_CUSTOMREQUEST, method, code);
	} else {
		set_text(easy, CURLOPT_CUSTOMREQUEST, method, code);
	}
	set_pointer(easy, CURLOPT_HTTPHEADER, link_headers(attempt, has_body), code);
}

static void set_setup(struct http_attempt *attempt, const struct http_setup *setup, bool near,
		      CURLcode *code)
{
	CURL *easy = attempt->easy;

	for (size_t i = 0; i < ARRAY_SIZE(fixed_options); i++)
		set_long(easy, fixed_options[i].option, fixed_options[i].value, code);
#if LIBCURL_VERSION_NUM >= 0x075500
	set_text(easy, CURLOPT_PROTOCOLS_STR, "https,http", code);
#endif
	set_text(easy, CURLOPT_USERAGENT, setup->user_agent, code);
	if (setup->ca_file)
		set_text(easy, CURLOPT_CAINFO, setup->ca_file, code);
	if (setup->without_ca_directory)
		set_text(easy, CURLOPT_CAPATH, NULL, code);
	if (near)
		set_text(easy, CURLOPT_PROXY, "", code);
	set_long(easy, CURLOPT_FRESH_CONNECT, attempt->exchange->fresh, code);
	set_long(easy, CURLOPT_FORBID_REUSE, attempt->exchange->fresh, code);
}

static void set_callbacks(struct http_attempt *attempt, CURLcode *code)
{
	CURL *easy = attempt->easy;

	if (*code == CURLE_OK)
		*code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	if (*code == CURLE_OK)
		*code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	set_pointer(easy, CURLOPT_HEADERDATA, attempt, code);
	set_pointer(easy, CURLOPT_WRITEDATA, attempt, code);
	set_pointer(easy, CURLOPT_PRIVATE, attempt, code);
	set_pointer(easy, CURLOPT_ERRORBUFFER, attempt->error, code);
}

/* Everything up to the first byte. */
static int prepare(struct http_attempt *attempt, const struct http_setup *setup)
{
	struct http_exchange *exchange = attempt->exchange;
	CURLcode code = CURLE_OK;
	bool near = false;
	int r;

	r = exchange->ops->prepare(exchange, &attempt->request, &exchange->fault);
	if (r < 0)
		return r;
	if (!attempt->request.url || !attempt->request.method)
		return say(attempt, EINVAL, "there is no URL or no method");
	r = read_host(attempt, &near);
	if (r < 0)
		return say(attempt, r, "out of memory");

	if (!attempt->easy)
		attempt->easy = curl_easy_init();
	if (!attempt->easy)
		return say(attempt, ENOMEM, "out of memory");
	set_setup(attempt, setup, near, &code);
	set_request(attempt, &code);
	set_callbacks(attempt, &code);
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
	may_repeat = !attempt->final && r != -ECANCELED;

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
