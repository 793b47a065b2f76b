#pragma once

/*
 * HTTP, and the one place where things happen at the same time: N exchanges at once, each with its
 * own deadline, its own number of attempts and its own ceiling for the answer. All other code is
 * straight-line and blocks in http_perform().
 *
 * A request may be executed twice although it was answered once: libcurl sends again, and says
 * nothing, when a connection that it had kept dies before the first byte of an answer. Nothing may
 * be sent that this would hurt; `fresh` avoids it for the few calls that need more.
 *
 * Redirects are answers, never followed. The proxy variables of the environment (https_proxy,
 * no_proxy, …) hold, but not for loopback and link-local addresses. Programs must ignore SIGPIPE.
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

/* Of each attempt's time, what connecting may take, TLS included: one lost SYN, which is sent again
 * after 1 s, and the next, after 2 s more. */
#define HTTP_CONNECT_USEC (3100 * USEC_PER_MSEC)

/* The connections, kept and used again. Of one thread; not across a fork(). */
struct http;

/* Its texts are copied. */
struct http_options {
	const struct clock *clock; /* of deadlines, timeouts and waits */
	const char *user_agent;    /* NULL: "paddock/<version>" */
	const char *ca_file;       /* the only authorities that are trusted; NULL: the system's */
	/* Asked at least every HTTP_CANCEL_USEC; true ends all that is under way with -ECANCELED.
	 * May be NULL. */
	bool (*cancelled)(void *context);
	void *cancelled_context;
};
#define HTTP_CANCEL_USEC (100 * USEC_PER_MSEC)
/* How late, at most, the end of a suspend, or a jump of the clock, is noticed without it. */
#define HTTP_LOOK_USEC (1 * USEC_PER_SEC)

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

/* -EINVAL unless it is http or https, without a user's name or password, and printable ASCII: what
 * is signed must be what is sent, so it is sent as it is. -EFBIG. Replaces the one before. */
int http_request_url(struct http_request *request, const char *url) _must_check_;
/* -EINVAL for a name that is no token, a value that is empty or has control characters (libcurl
 * would remove the one, and send the other's line break). -EFBIG for a long one, -ENOBUFS for one
 * too many. */
int http_request_header(struct http_request *request, const char *name,
			const char *value) _must_check_;
/* Wipes URL and headers, as both may be secret. http_perform() does so itself after each attempt.
 */
void http_request_done(struct http_request *request);
#define _cleanup_http_request_ _cleanup_(http_request_done)

/* Empty unless the whole of it came. */
struct http_answer {
	int status;         /* 0: none came */
	struct buf body;    /* NUL-terminated; empty where the exchange has a sink */
	struct buf headers; /* the status line and the headers of the final answer, as they came */
	uint64_t date_ms;   /* of the Date header; 0: none that can be read */
};

/* The value of the first header of that name, copied without blanks at its ends; -ENOENT,
 * -ENAMETOOLONG. */
int http_answer_header(const struct http_answer *answer, const char *name, char *ret,
		       size_t size) _must_check_;

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form of HTTP's date that may still be sent, from 1970 to
 * 9999, in milliseconds since the epoch. -EINVAL for all else. */
int http_date_parse(const char *text, uint64_t *ret_ms) _must_check_;

struct http_exchange;

struct http_exchange_ops {
	/* Right before each sending: fills the request, which is empty. The place to sign: a
	 * signature bears the time. < 0 ends the exchange with that error. */
	int (*prepare)(struct http_exchange *exchange, struct http_request *request,
		       struct fault *fault);
	/* After each attempt, answered or not: 0 when the exchange is over, 1 to send again after
	 * *ret_wait_usec, 0 at first (given up all the same when its deadline would pass). Not
	 * asked when there was no time to send, or when an op or a cancel has ended the exchange.
	 * May set exchange->result and its fault. */
	int (*again)(struct http_exchange *exchange, uint64_t *ret_wait_usec);
	/* Optional: takes the body of a 2xx answer piece by piece instead of answer.body. < 0 ends
	 * the exchange with that error. An attempt that is repeated begins anew: see `attempts`. So
	 * does one that libcurl sends again by itself, but that is before the first byte. */
	int (*sink)(struct http_exchange *exchange, const char *data, size_t size);
};

struct http_exchange {
	const struct http_exchange_ops *ops;
	void *context;
	struct deadline deadline; /* of all attempts together */
	uint64_t timeout_usec;    /* of one attempt, connecting included; 0: no limit of its own */
	size_t answer_max;        /* bytes of body, with a sink too; more is -EFBIG */
	bool fresh;               /* on a connection of its own, which is closed afterwards */

	/* --- filled ---- */
	unsigned attempts;   /* begun so far; prepare() sees 1 at its first call */
	int result;          /* 0: an answer came, whatever its status; -ETIMEDOUT, -ECONNREFUSED,
				-ECONNRESET, -EHOSTUNREACH (also: no such name), -EPROTO (TLS, or no
				HTTP), -EKEYREJECTED (certificate), -EFBIG (body or headers), -ECANCELED,
				-EINVAL (no URL), -ENOMEM, -EIO (what else libcurl may say), or what an
				op returned */
	bool maybe_executed; /* an attempt that got no whole answer may have reached the server */
	struct http_answer answer; /* of the last attempt */
	struct fault fault;        /* when result < 0: what and where; no secrets */
};
/* Frees the answer; what the caller has filled stays. */
void http_exchange_done(struct http_exchange *exchange);
#define _cleanup_http_exchange_ _cleanup_(http_exchange_done)

/* Performs all of them, the first ones first; returns when each has its result. What was filled by
 * an earlier call is replaced. < 0 only when nothing could be tried (-ENOMEM, -EBUSY when called
 * from an op); what goes wrong with one exchange is in that exchange. */
int http_perform(struct http *http, struct http_exchange *exchanges, size_t n,
		 struct fault *fault) _must_check_;
