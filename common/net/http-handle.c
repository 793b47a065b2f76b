/* What libcurl is told about one request. */

#include "common/net/http-attempt.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

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
	{ CURLOPT_CONNECTTIMEOUT_MS, (long)(HTTP_CONNECT_USEC / USEC_PER_MSEC) },
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
	int r = -1; /* no memory: the URL was read before */

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
	if (*code == CURLE_OK)
		*code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, link_headers(attempt, has_body));
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

CURLcode http_attempt_set_up(struct http_attempt *attempt, const struct http_setup *setup)
{
	CURLcode code = CURLE_OK;
	bool near = false;

	if (read_host(attempt, &near) < 0)
		return CURLE_OUT_OF_MEMORY;
	set_setup(attempt, setup, near, &code);
	set_request(attempt, &code);
	return code;
}
