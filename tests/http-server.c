#include "tests/http-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/base/buf.h"
#include "common/base/parse.h"

#define CONNECTIONS_MAX 256
#define REQUEST_MAX (2UL * 1024 * 1024)
#define LINE_BYTES 1000

struct connection {
	int fd;
	struct buf in;
	unsigned answered;
	bool held; /* behind the gate */
};

struct http_server {
	int listen_fd;
	int stop_fds[2];
	unsigned port;
	pthread_t thread;
	atomic_uint connections;
	atomic_uint requests;
	struct connection open[CONNECTIONS_MAX];
	size_t n_open;
	unsigned n_held;
	bool gate_open;
};

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

/* Whether the peer took it. */
static bool send_bytes(const struct connection *c, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static bool send_text(const struct connection *c, const char *text)
{
	return send_bytes(c, text, strlen(text));
}

static bool send_many(const struct connection *c, char byte, size_t size)
{
	char block[4096];

	memset(block, byte, sizeof(block));
	for (; size > sizeof(block); size -= sizeof(block))
		if (!send_bytes(c, block, sizeof(block)))
			return false;
	return send_bytes(c, block, size);
}

/* A status line, and the length of the body, which is to follow. */
static bool send_head(const struct connection *c, unsigned status, size_t length)
{
	char head[128];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 %u X\r\nContent-Length: %zu\r\n", status,
		       length);
	return send_text(c, head);
}

/* Whether the connection stays. */
static bool answer(struct connection *c, unsigned status, const char *headers, const char *body)
{
	c->answered++;
	return send_head(c, status, strlen(body)) && send_text(c, headers) &&
	       send_text(c, "\r\n") && send_text(c, body);
}

static bool answer_size(struct connection *c, size_t size)
{
	c->answered++;
	return send_head(c, 200, size) && send_text(c, "\r\n") && send_many(c, 'x', size);
}

static bool send_header_line(const struct connection *c, size_t size)
{
	return send_text(c, "X: ") && send_many(c, 'h', size) && send_text(c, "\r\n");
}

static bool answer_headers(struct connection *c, size_t n, size_t size)
{
	c->answered++;
	if (!send_head(c, 200, 0))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!send_header_line(c, size))
			return false;
	return send_text(c, "\r\n");
}

static bool answer_interim(struct connection *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!send_text(c, "HTTP/1.1 100 Continue\r\n") ||
		    !send_header_line(c, LINE_BYTES) || !send_text(c, "\r\n"))
			return false;
	return answer(c, 200, "", "ok");
}

static bool answer_gate(struct http_server *server, struct connection *c, size_t n)
{
	if (server->gate_open)
		return answer(c, 200, "", "ok");
	c->held = true;
	if (++server->n_held < n)
		return true;

	server->gate_open = true;
	for (size_t i = 0; i < server->n_open; i++)
		if (server->open[i].held)
			(void)answer(&server->open[i], 200, "", "ok");
	return true;
}

/* The number behind a path's name, when it has that name. */
static bool is_path(const char *path, const char *name, size_t *ret)
{
	uint64_t n = 0;

	if (strncmp(path, name, strlen(name)) != 0 || parse_u64(path + strlen(name), &n) < 0)
		return false;
	*ret = n;
	return true;
}

static bool answer_path(struct http_server *server, struct connection *c, const char *path,
			const char *head)
{
	size_t n = 0;

	if (strcmp(path, "/silent") == 0)
		return true;
	if (strcmp(path, "/cut") == 0)
		return false;
	if (strcmp(path, "/cut-kept") == 0 && c->answered > 0)
		return false;
	if (strcmp(path, "/half") == 0)
		return send_head(c, 200, 100) && send_text(c, "\r\n") && send_many(c, 'x', 50) &&
		       false;
	if (strcmp(path, "/garbage") == 0)
		return send_text(c, "SSH-2.0-OpenSSH_9.2\r\n") && false;
	if (strcmp(path, "/redirect") == 0)
		return answer(c, 302, "Location: /ok\r\n", "");
	if (strcmp(path, "/dated") == 0)
		return answer(c, 200, "date:\t " SERVER_DATE " \r\nDate: later\r\n", "");
	if (is_path(path, "/status/", &n))
		return answer(c, (unsigned)n, "", "no");
	if (is_path(path, "/size/", &n))
		return answer_size(c, n);
	if (is_path(path, "/headers/", &n))
		return answer_headers(c, n, LINE_BYTES);
	if (is_path(path, "/line/", &n))
		return answer_headers(c, 1, n);
	if (is_path(path, "/interim/", &n))
		return answer_interim(c, n);
	if (is_path(path, "/gate/", &n))
		return answer_gate(server, c, n);
	return answer(c, 200, "", head);
}

/* How long the request at the front is; 0 when not all of it is there. */
static size_t request_size(const struct buf *in)
{
	const char *text = buf_text(in);
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "\r\nContent-Length: ");
	size_t size;
	char number[24] = "";
	uint64_t n = 0;

	if (!end)
		return 0;
	size = (size_t)(end - text) + 4;
	if (length && length < end) {
		length += strlen("\r\nContent-Length: ");
		(void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(length, "\r"), length);
		require(parse_u64(number, &n) == 0, "Content-Length");
	}
	return in->size >= size + n ? size + n : 0;
}

/* All requests that are there; whether the connection stays. */
static bool serve(struct http_server *server, struct connection *c)
{
	size_t size;

	while ((size = request_size(&c->in)) > 0) {
		char path[256] = "", *head = strndup(buf_text(&c->in), size);
		struct buf rest;
		bool stays;

		require(head, "memory");
		if (strchr(head, ' '))
			(void)snprintf(path, sizeof(path), "%.*s",
				       (int)strcspn(strchr(head, ' ') + 1, " ?"),
				       strchr(head, ' ') + 1);
		atomic_fetch_add(&server->requests, 1);
		stays = answer_path(server, c, path, head);
		free(head);

		buf_init(&rest, REQUEST_MAX);
		require(buf_add(&rest, c->in.data + size, c->in.size - size) == 0, "memory");
		buf_done(&c->in);
		c->in = rest;
		if (!stays)
			return false;
	}
	return true;
}

static bool receive(struct http_server *server, struct connection *c)
{
	char block[8192];
	ssize_t n = recv(c->fd, block, sizeof(block), 0);

	if (n <= 0 || buf_add(&c->in, block, (size_t)n) < 0)
		return false;
	/* The first byte of TLS, and of no method. */
	if (c->in.data[0] == '\x16')
		return send_text(c, "HTTP/1.1 400 X\r\n\r\n") && false;
	return serve(server, c);
}

static void take_connection(struct http_server *server)
{
	struct connection *c = &server->open[server->n_open];
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	require(server->n_open < CONNECTIONS_MAX, "too many connections");
	*c = (struct connection){ .fd = fd };
	buf_init(&c->in, REQUEST_MAX);
	server->n_open++;
	atomic_fetch_add(&server->connections, 1);
}

static void end_connection(struct http_server *server, size_t i)
{
	close(server->open[i].fd);
	buf_done(&server->open[i].in);
	server->open[i] = server->open[--server->n_open];
}

static void *run(void *context)
{
	struct http_server *server = context;
	struct pollfd fds[CONNECTIONS_MAX + 2];

	for (;;) {
		size_t n = server->n_open;

		fds[0] = (struct pollfd){ .fd = server->stop_fds[0], .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = server->listen_fd, .events = POLLIN };
		for (size_t i = 0; i < n; i++)
			fds[2 + i] = (struct pollfd){ server->open[i].fd, POLLIN, 0 };
		if (poll(fds, n + 2, -1) < 0)
			continue;

		if (fds[0].revents)
			return NULL;
		/* From the end: what takes the place of one that ends has had its turn. */
		for (size_t i = n; i-- > 0;)
			if (fds[2 + i].revents && !receive(server, &server->open[i]))
				end_connection(server, i);
		if (fds[1].revents)
			take_connection(server);
	}
}

struct http_server *http_server_new(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct http_server *server = calloc(1, sizeof(*server));
	socklen_t size = sizeof(address);

	require(server, "memory");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(server->listen_fd >= 0, "socket");
	require(bind(server->listen_fd, (struct sockaddr *)&address, size) == 0, "bind");
	require(listen(server->listen_fd, CONNECTIONS_MAX) == 0, "listen");
	require(getsockname(server->listen_fd, (struct sockaddr *)&address, &size) == 0,
		"getsockname");
	require(pipe2(server->stop_fds, O_CLOEXEC) == 0, "pipe2");
	server->port = ntohs(address.sin_port);
	require(pthread_create(&server->thread, NULL, run, server) == 0, "pthread_create");
	return server;
}

void http_server_free(struct http_server *server)
{
	close(server->stop_fds[1]); /* the other end becomes readable */
	(void)pthread_join(server->thread, NULL);
	while (server->n_open > 0)
		end_connection(server, server->n_open - 1);
	close(server->stop_fds[0]);
	close(server->listen_fd);
	free(server);
}

unsigned http_server_port(const struct http_server *server)
{
	return server->port;
}

unsigned http_server_connections(const struct http_server *server)
{
	return atomic_load(&server->connections);
}

unsigned http_server_requests(const struct http_server *server)
{
	return atomic_load(&server->requests);
}
