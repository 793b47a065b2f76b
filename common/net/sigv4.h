#pragma once

/*
 * AWS Signature Version 4 in the Authorization header. Pure: key, time and request in, headers out.
 *
 * A signature bears the time, and services take it for 5 to 15 minutes only: sign right before
 * sending, in http_exchange_ops.prepare.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/net/http.h"

struct credentials;

#define SIGV4_DATE_MAX sizeof("20261124T100000Z")
#define SIGV4_HASH_MAX 65 /* SHA-256 in hex, or "UNSIGNED-PAYLOAD" */
#define SIGV4_HEADERS_MAX (HTTP_HEADERS_MAX + 4)
#define SIGV4_QUERY_MAX 256 /* parameters */

/* The key of one day, region and service, which takes more than half of the time to derive. Empty
 * is {}. Of one thread. */
struct sigv4_key {
	bool derived;
	unsigned char made_of[32]; /* hash of what it was derived from */
	unsigned char key[32];
};
void sigv4_key_done(struct sigv4_key *key); /* wipes it */
#define _cleanup_sigv4_key_ _cleanup_(sigv4_key_done)

/* How to sign, apart from the request itself. */
struct sigv4_scope {
	const struct credentials *credentials;
	const char *region, *service;
	uint64_t now_ms; /* the service's time: corrected by the caller where clocks disagree */

	/* The path is canonical as it is sent; all services but S3 want "." and ".." resolved, and
	 * it encoded once more. */
	bool path_as_sent;
	/* Adds the header X-Amz-Content-Sha256. */
	bool content_sha256;
	/* Hash of the body in hex where the caller knows it, or "UNSIGNED-PAYLOAD". NULL: of the
	 * body. */
	const char *payload_hash;
};

/* S3 wants both. */
#define SIGV4_S3 .path_as_sent = true, .content_sha256 = true

/* A request as it will be sent. Everything in headers ("Name: value") is signed, but for what a
 * proxy or libcurl may change: authorization, connection, expect, transfer-encoding, user-agent,
 * x-amzn-trace-id. What this module adds itself is left out too. */
struct sigv4_request {
	const char *method;
	const char *host; /* with the port unless it is the scheme's own */
	const char *path; /* percent-encoded, without the query; path_size bytes */
	size_t path_size;
	const char *query; /* percent-encoded; NULL: none */
	const char *const *headers;
	size_t n_headers;
	const void *body;
	size_t body_size;
};

/* The values of the headers to add; the session token's is the credentials' own. */
struct sigv4_signature {
	char date[SIGV4_DATE_MAX];
	char content_sha256[SIGV4_HASH_MAX]; /* empty: not wanted */
	char *authorization;                 /* owned; no secret */
};
void sigv4_signature_done(struct sigv4_signature *signature);
#define _cleanup_sigv4_signature_ _cleanup_(sigv4_signature_done)

/* key may be NULL. -EINVAL for a request that cannot be signed (no ':' in a header, a line break, a
 * time that has no four-digit year, credentials without keys), -E2BIG for too many headers or
 * parameters, -ENOMEM, -EIO when the crypto library fails. */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
	       struct sigv4_key *key, struct sigv4_signature *ret) _must_check_;

/* The same for a request with its URL, headers and body set: adds X-Amz-Date, X-Amz-Security-Token,
 * X-Amz-Content-Sha256 and Authorization. The fault names no header's value. */
int sigv4_sign_http(struct http_request *request, const struct sigv4_scope *scope,
		    struct sigv4_key *key, struct fault *fault) _must_check_;
