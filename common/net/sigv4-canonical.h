#pragma once

/* The canonical form of a request, of which the signature is made: hashed as it is written, so that
 * the session token in it is never copied. For sigv4.c alone. */

#include "common/net/sigv4.h"

/* A header that is signed; into the caller's texts. */
struct sigv4_header {
	const char *name, *value;
	size_t name_size, value_size;
	size_t place; /* among its like */
};

struct sigv4_canonical {
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	size_t n_headers;
};

/* Collects and sorts what is signed: the request's headers, host, and the three given. token and
 * content_sha256 may be empty. */
int sigv4_canonical_headers(const struct sigv4_request *request, const char *date,
			    const char *content_sha256, const char *token,
			    struct sigv4_canonical *ret) _must_check_;

/* "content-type;host;x-amz-date" */
int sigv4_canonical_names(const struct sigv4_canonical *canonical, struct buf *ret) _must_check_;

/* SHA-256 of the whole canonical request. */
int sigv4_canonical_hash(const struct sigv4_request *request, bool path_as_sent,
			 const struct sigv4_canonical *canonical, const char *signed_names,
			 const char *payload_hash, unsigned char ret[32]) _must_check_;
