#pragma once

/* The parts of an http or https URL that signing and allow-lists look at. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"

#define URL_HOST_MAX 256

struct url {
	bool https;
	char host[URL_HOST_MAX]; /* as the Host header says it: with the port unless it is usual */
	char name[URL_HOST_MAX]; /* without the port, and without the brackets of IPv6 */
	const char *path;        /* into the text: from the first '/' up to '?'; not terminated */
	int path_size;           /* 0: the URL has none, which means "/" */
	const char *query;       /* behind the '?', up to the end; NULL: none */
};

/* -EINVAL: not http(s), no host, a user name in it, a fragment, blanks or control characters. The
 * text must outlive the parts. */
int url_split(const char *text, struct url *ret) _must_check_;

/* Whether nobody on the way can read what is sent there: https, or loopback. */
bool url_is_private(const struct url *url);

/* Fit to stand in an error: like text_shown(), but without what may be a password or a token, in
 * front of an '@' or behind a '?'. Returns to. */
const char *url_shown(const char *text, char *to, size_t size);
