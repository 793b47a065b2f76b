#pragma once

/* One sending of one exchange: a handle of libcurl, what it sends, and what has come back. Internal
 * to http.c, which decides when. */

#include <curl/curl.h>

#include "common/net/http.h"

#define HTTP_HOST_MAX 300 /* of a name, 253, and its port; what is longer is cut */
#define HTTP_OWN_LINES 2  /* header lines that take one of libcurl's own away */

struct http_task;

struct http_attempt {
	CURL *easy;                     /* owned; used again, as it keeps TLS sessions */
	struct http_exchange *exchange; /* NULL: this place is free */
	struct http_task *task;         /* whose attempt it is, for http.c */
	struct http_request request;    /* owned */
	struct curl_slist lines[HTTP_HEADERS_MAX + HTTP_OWN_LINES]; /* point into request */
	char host[HTTP_HOST_MAX];                                   /* of the request, for faults */
	char error[CURL_ERROR_SIZE];
	uint64_t begun_usec;
	uint64_t until_usec; /* when it has taken too long */
	size_t header_bytes; /* of all answers, 1xx ones too */
	size_t body_bytes;
	int stopped; /* why a callback of ours has ended it */
	bool final;  /* ended by an op: not to be repeated */
};

/* What all attempts share. */
struct http_setup {
	CURLM *multi;
	const char *user_agent;
	const char *ca_file;
	bool without_ca_directory; /* the file is enough: see http_open() */
};

/* All options but the callbacks, on a handle that has none, and the host. */
CURLcode http_attempt_set_up(struct http_attempt *attempt, const struct http_setup *setup);

/* Has it prepared, and sent from the next curl_multi_perform() on. < 0: the exchange is over, with
 * its result and fault filled, and the place is free. */
int http_attempt_begin(struct http_attempt *attempt, const struct http_setup *setup,
		       struct http_exchange *exchange, uint64_t now_usec) _must_check_;

/* Ends it, with its exchange's result, answer and fault filled, and the place free. code is what
 * libcurl said; r < 0 why it was not waited for: -ETIMEDOUT, -ECANCELED, -ENOMEM. Returns whether
 * the exchange may be asked for another: not when an op has ended it. */
bool http_attempt_end(struct http_attempt *attempt, const struct http_setup *setup, CURLcode code,
		      int r);

void http_attempt_done(struct http_attempt *attempt);
