#pragma once

/*
 * A small HTTP server on loopback, in a thread of its own, that misbehaves as the path asks:
 *
 *   /ok             200 and the request's head as the body
 *   /status/N       that status, with the body "no"
 *   /size/N         200 and N bytes
 *   /headers/N      200 and N header lines of 1000 bytes
 *   /line/N         200 and one header line of N bytes
 *   /interim/N      N times 100 Continue, with a header of 1000 bytes, before 200
 *   /silent         no answer ever
 *   /cut            closed without an answer
 *   /cut-kept       as /cut, on a connection that has answered before; else as /ok
 *   /half           50 of 100 bytes, then closed
 *   /redirect       302 to /ok
 *   /garbage        what is no HTTP
 *   /gate/N         as /ok, once N such requests are waiting; as /ok from then on
 *   /dated          200 with a Date header, SERVER_DATE
 */

#include "common/base/macro.h"

#define SERVER_DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define SERVER_DATE_MS UINT64_C(784111777000)

struct http_server;

/* The program fails without one. */
struct http_server *http_server_new(void);
void http_server_free(struct http_server *server);
DEFINE_CLEANUP(struct http_server *, http_server_free)

unsigned http_server_port(const struct http_server *server);
/* So far; a request counts when all of it has come. */
unsigned http_server_connections(const struct http_server *server);
unsigned http_server_requests(const struct http_server *server);
