#pragma once

/*
 * common/net/http.h without a network: a test scripts what is answered, and looks at what was sent.
 * Linked instead of common/net/http.c, so it has all of its functions; texts (http-message.c) are
 * the real ones. The ops of an exchange are called as the header promises.
 */

#include "common/net/http.h"

#define FAKE_HTTP_MAX 64

struct fake_answer {
	/* Of the request that it is for: what its URL and method must be; NULL: any. */
	const char *method, *url;
	int result; /* < 0: nobody answers */
	int status;
	const char *body; /* NULL: empty */
	uint64_t date_ms; /* of its Date header; 0: none */
	bool repeats;     /* for any number of requests */
};

struct fake_request {
	char *method, *url, *headers, *body; /* owned; headers as lines */
	uint64_t timeout_usec;
};

struct http {
	struct fake_answer answers[FAKE_HTTP_MAX];
	size_t n_answers, n_used;
	struct fake_request requests[FAKE_HTTP_MAX];
	size_t n_requests;
	uint64_t waited_usec; /* between attempts, as it was asked to */
};

void fake_http_done(struct http *http);
/* The next answer; in the order in which requests fit them. */
void fake_http_add(struct http *http, const struct fake_answer *answer);
/* The value of a header of a request, NULL when it was not sent. Valid until the next call. */
const char *fake_http_header(const struct fake_request *request, const char *name);
