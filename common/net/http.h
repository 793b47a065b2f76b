#pragma once

/*
 * HTTP, and the one place where things happen at the same time: N exchanges at once, each with its
 * own deadline, its own number of attempts and its own ceiling for the answer. All other code is
 * straight-line and blocks in http_perform().
 *
 * A request may be executed twice although it was answered once: libcurl sends again, and says
 * nothing, when a connection that it had kept dies before the first byte of an answer. Nothing may
 * be sent that this would hurt; `fresh` avoids it for the few calls that need more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/fault.h"

#define HTTP_EXCHANGES_MAX 64         /* under way at once; the others wait for their turn */
#define HTTP_HEADERS_MAX 32           /* of one request */
#define HTTP_HEADER_MAX 16384         /* bytes of one header line: a session token is long */
#define HTTP_ANSWER_HEADERS_MAX 65536 /* bytes of all headers of one answer */
#define HTTP_URL_MAX 8192

/* The connections, kept and used again. Of one thread; not across a fork(). */
struct http;

struct http_options {
	const struct clock *clock;
	const char *user_agent; /* NULL: "paddock/<version>" */
	const char *ca_file;    /* NULL: the system's */
	/* Asked at least every HTTP_CANCEL_USEC; true ends all that is under way with -ECANCELED.
	 * May be NULL. */
	bool (*cancelled)(void *context);
	void *cancelled_context;
};
#define HTTP_CANCEL_USEC (100 * 1000)

/* -ENOMEM, -EOPNOTSUPP for a libcurl that lacks what is needed. */
int http_open(const struct http_options *options, struct http **ret,
	      struct fault *fault) _must_check_;
void http_close(struct http *http);
DEFINE_CLEANUP(struct http *, http_close)

/* One request, as it is sent once. Texts are copied by the functions below. */
struct http_request {
	const char *method; /* constant text */
	char *url;          /* owned; https, or http for loopback, metadata and overrides */
	char **headers;     /* owned: "Name: value" */
	size_t n_headers;
	const void *body; /* borrowed: must live until http_perform() returns */
	size_t body_size;
};

/* The name of a header is plain text; a value with a line break is -EINVAL. Values may be secret:
 * they are wiped when the request is done with. */
int http_request_url(struct http_request *request, const char *url) _must_check_;
int http_request_header(struct http_request *request, const char *name,
			const char *value) _must_check_;

struct http_answer {
	int status;      /* 0: none came */
	struct buf body; /* NUL-terminated; empty where the exchange has a sink */
	struct buf headers;
	uint64_t date_ms; /* of the Date header; 0: none */
};

/* The value of the first header of that name, copied without blanks at its ends; -ENOENT. */
int http_answer_header(const struct http_answer *answer, const char *name, char *ret,
		       size_t size) _must_check_;

struct http_exchange;

struct http_exchange_ops {
	/* Right before each sending: fills the request, which is empty. The place to sign: a
	 * signature bears the time. < 0 ends the exchange with that error. */
	int (*prepare)(struct http_exchange *exchange, struct http_request *request,
		       struct fault *fault);
	/* After each attempt, answered or not: 0 when the exchange is over, 1 to send again after
	 * *ret_wait_usec (given up all the same when its deadline would pass). Not asked when there
	 * was no time to send. May set exchange->result. */
	int (*again)(struct http_exchange *exchange, uint64_t *ret_wait_usec);
	/* Optional: takes the body of a 2xx answer piece by piece instead of answer.body. < 0 ends
	 * the exchange with that error. An attempt that is repeated begins anew: see `attempts`. */
	int (*sink)(struct http_exchange *exchange, const char *data, size_t size);
};

struct http_exchange {
	const struct http_exchange_ops *ops;
	void *context;
	struct deadline deadline; /* of all attempts together */
	uint64_t timeout_usec;    /* of one attempt, connecting included */
	size_t answer_max;        /* bytes of body; more is -EFBIG */
	bool fresh;               /* on a connection of its own, which is closed afterwards */

	/* --- filled ---- */
	unsigned attempts;   /* begun so far */
	int result;          /* 0: an answer came, whatever its status; -ETIMEDOUT, -ECONNREFUSED,
				-ECONNRESET, -EHOSTUNREACH (also: no such name), -EPROTO (TLS, or no HTTP),
				-EKEYREJECTED (certificate), -EFBIG, -ECANCELED, or what an op returned */
	bool maybe_executed; /* without an answer: some attempt may have reached the server */
	struct http_answer answer; /* of the last attempt */
	struct fault fault;        /* when result < 0: what and where; no secrets */
};
void http_exchange_done(struct http_exchange *exchange);
#define _cleanup_http_exchange_ _cleanup_(http_exchange_done)

/* Performs all of them; returns when each has its result. < 0 only when nothing could be tried
 * (-ENOMEM); what goes wrong with one exchange is in that exchange. */
int http_perform(struct http *http, struct http_exchange *exchanges, size_t n,
		 struct fault *fault) _must_check_;
