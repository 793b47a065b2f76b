/*
 * Peers are rows of a fixed array; each has a timer and one buffer, first for its request, then for
 * the reply. A peer that sends nothing, too much, garbage, or never reads its reply costs its row
 * for CONTROL_TIMEOUT_USEC and nothing else.
 */

#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/io.h"

struct peer {
	struct control *control;
	sd_event_source *io;    /* owned, with its descriptor; NULL: the row is free */
	sd_event_source *timer; /* owned */
	struct buf data;        /* the request, then the reply */
	size_t sent;            /* of the reply */
	bool replying;
};

struct control {
	sd_event *event;           /* a reference of its own */
	sd_event_source *listener; /* owned, with its descriptor */
	int dir_fd;                /* owned */
	char *name;                /* owned; NULL: nothing to take away yet */
	control_status_fn *status;
	void *context;
	struct peer peers[CONTROL_PEERS_MAX];
};

/* By way of the descriptor, for a path may be longer than an address can hold. */
static int make_address(int dir_fd, const char *name, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

static void drop_peer(struct peer *peer)
{
	struct control *control = peer->control;

	sd_event_source_disable_unref(peer->io);
	sd_event_source_disable_unref(peer->timer);
	buf_done(&peer->data);
	*peer = (struct peer){ .control = control };
	(void)sd_event_source_set_enabled(control->listener, SD_EVENT_ON);
}

static int answer_status(struct control *control, struct json_object **ret)
{
	return control->status(control->context, ret);
}

static const struct {
	const char *name;
	int (*answer)(struct control *control, struct json_object **ret);
} verbs[] = {
	{ "status", answer_status },
};

static int answer(struct control *control, const char *text, size_t size, struct json_object **ret,
		  struct fault *fault)
{
	_cleanup_json_ struct json_object *request = NULL;
	const char *verb = NULL;
	int r;

	r = json_parse(text, size, "request", &request, fault);
	if (r < 0)
		return r;
	r = json_get_text(request, "verb", &verb, fault);
	if (r < 0)
		return r;
	if (r == 0)
		return fault_set(fault, EBADMSG, "request: there is no verb");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verb, verbs[i].name) == 0)
			return verbs[i].answer(control, ret);
	}
	return fault_set(fault, EBADMSG, "request: unknown verb");
}

static int fill_reply(struct buf *reply, struct json_object *object)
{
	const char *text = json_text(object);
	int r = text ? buf_add_text(reply, text) : -ENOMEM;

	return r < 0 ? r : buf_add_text(reply, "\n");
}

static int make_reply(struct control *control, const struct buf *request, struct fault *fault,
		      struct buf *reply)
{
	_cleanup_json_ struct json_object *object = NULL;
	int r = -EMSGSIZE;

	if (request)
		r = answer(control, buf_text(request), request->size, &object, fault);
	else
		(void)fault_set(fault, EMSGSIZE, "request: longer than %zu bytes",
				CONTROL_REQUEST_MAX);
	if (r < 0) {
		object = json_object_new_object();
		r = object ? json_set_text(object, "error", fault_text(fault, r)) : -ENOMEM;
	}
	return r < 0 ? r : fill_reply(reply, object);
}

/* 0: more is to come; 1: all is said. */
static int send_some(struct peer *peer, int fd)
{
	while (peer->sent < peer->data.size) {
		ssize_t n = send(fd, peer->data.data + peer->sent, peer->data.size - peer->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		peer->sent += (size_t)n;
	}
	return 1;
}

/* request NULL: it was too long. */
static int begin_reply(struct peer *peer, const struct buf *request)
{
	struct fault fault = {};
	struct buf reply;
	int r;

	buf_init(&reply, CONTROL_REPLY_MAX);
	r = make_reply(peer->control, request, &fault, &reply);
	buf_done(&peer->data);
	peer->data = reply;
	peer->replying = true;
	return r < 0 ? r : sd_event_source_set_io_events(peer->io, EPOLLOUT);
}

/* 0: more is to come; 1: the request is complete, or too long, and the reply has begun. */
static int receive_some(struct peer *peer, int fd)
{
	char chunk[CONTROL_REQUEST_MAX];
	char *end;
	ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
	int r;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;

	end = memchr(chunk, '\n', (size_t)n);
	r = buf_add(&peer->data, chunk, end ? (size_t)(end - chunk) : (size_t)n);
	if (r == -ENOBUFS)
		r = begin_reply(peer, NULL);
	else if (r >= 0 && end)
		r = begin_reply(peer, &peer->data);
	else
		return r;
	return r < 0 ? r : 1;
}

static int on_peer(_unused_ sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct peer *peer = context;
	int r = 0;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !peer->replying)
		r = receive_some(peer, fd);
	if (r >= 0 && peer->replying)
		r = send_some(peer, fd);
	if (r < 0 || (r == 1 && peer->replying))
		drop_peer(peer);
	return 0;
}

static int on_timeout(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *context)
{
	drop_peer(context);
	return 0;
}

static bool peer_is_welcome(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static int add_peer(struct control *control, int fd, struct peer *peer)
{
	int r = sd_event_add_io(control->event, &peer->io, fd, EPOLLIN, on_peer, peer);

	if (r < 0) {
		close(fd);
		return r;
	}
	(void)sd_event_source_set_io_fd_own(peer->io, true);
	buf_init(&peer->data, CONTROL_REQUEST_MAX);
	return sd_event_add_time_relative(control->event, &peer->timer, CLOCK_BOOTTIME,
					  CONTROL_TIMEOUT_USEC, 0, on_timeout, peer);
}

static int on_listener(sd_event_source *source, int fd, _unused_ uint32_t events, void *context)
{
	struct control *control = context;
	int peer_fd;

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct peer *peer = &control->peers[i];

		if (peer->io)
			continue;
		peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer_fd < 0)
			return 0;
		if (!peer_is_welcome(peer_fd))
			close(peer_fd);
		else if (add_peer(control, peer_fd, peer) < 0)
			drop_peer(peer);
		return 0;
	}
	/* All rows are taken: whoever leaves lets the next one in. */
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int listen_at(struct control *control, const char *name, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r;

	if (fd < 0)
		return -errno;
	r = make_address(control->dir_fd, name, &address);
	if (r < 0)
		return r;
	if (unlinkat(control->dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	control->name = strdup(name);
	if (!control->name)
		return -ENOMEM;
	if (fchmodat(control->dir_fd, name, 0600, 0) < 0)
		return -errno;
	if (listen(fd, CONTROL_PEERS_MAX) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

int control_new(sd_event *event, int dir_fd, const char *name, control_status_fn *status,
		void *context, struct control **ret)
{
	_cleanup_(control_freep) struct control *control = calloc(1, sizeof(*control));
	int fd = -1, r;

	if (!control)
		return -ENOMEM;
	*control = (struct control){
		.event = sd_event_ref(event),
		.dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3),
		.status = status,
		.context = context,
	};
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		control->peers[i].control = control;
	if (control->dir_fd < 0)
		return -errno;

	r = listen_at(control, name, &fd);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &control->listener, fd, EPOLLIN, on_listener, control);
	if (r < 0) {
		close(fd);
		return r;
	}
	(void)sd_event_source_set_io_fd_own(control->listener, true);
	(void)sd_event_source_set_description(control->listener, "control");
	(void)sd_event_source_set_priority(control->listener, SD_EVENT_PRIORITY_IDLE);
	*ret = take_ptr(control);
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		if (control->peers[i].io)
			drop_peer(&control->peers[i]);
	}
	sd_event_source_disable_unref(control->listener);
	if (control->name)
		(void)unlinkat(control->dir_fd, control->name, 0);
	if (control->dir_fd >= 0)
		close(control->dir_fd);
	sd_event_unref(control->event);
	free(control->name);
	free(control);
}

/* --- the other end --------------------------------------------------------------------------- */

static int set_timeouts(int fd)
{
	const struct timeval limit = { .tv_sec = CONTROL_TIMEOUT_USEC / USEC_PER_SEC };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return 0;
}

static int connect_to(int dir_fd, const char *name, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r;

	if (fd < 0)
		return -errno;
	r = make_address(dir_fd, name, &address);
	if (r >= 0)
		r = set_timeouts(fd);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ECONNREFUSED)
			return -ENOENT;
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	}
	*ret_fd = take_fd(fd);
	return 0;
}

/* A request is far smaller than what a socket takes at once. */
static int send_request(int fd, const char *request)
{
	ssize_t n;

	do
		n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int receive_line(int fd, struct buf *line)
{
	char chunk[1024];

	for (;;) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		char *end;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -EBADMSG;
		end = memchr(chunk, '\n', (size_t)n);
		r = buf_add(line, chunk, end ? (size_t)(end - chunk) : (size_t)n);
		if (r < 0)
			return r == -ENOBUFS ? -EBADMSG : r;
		if (end)
			return 0;
	}
}

int control_ask(int dir_fd, const char *name, const char *verb, struct json_object **ret,
		struct fault *fault)
{
	_cleanup_free_ char *request = str_format("{\"verb\":\"%s\"}\n", verb);
	_cleanup_json_ struct json_object *reply = NULL;
	_cleanup_buf_ struct buf line;
	_cleanup_close_ int fd = -1;
	const char *error = NULL;
	int r;

	buf_init(&line, CONTROL_REPLY_MAX);
	if (!request)
		return -ENOMEM;
	r = connect_to(dir_fd, name, &fd);
	if (r < 0)
		return fault_set(fault, r, "no agent answers: %m");
	r = send_request(fd, request);
	if (r < 0)
		return fault_set(fault, r, "cannot ask the agent: %m");
	r = receive_line(fd, &line);
	if (r < 0)
		return fault_set(fault, r, "the agent gives no answer: %m");

	r = json_parse(buf_text(&line), line.size, "the agent's answer", &reply, fault);
	if (r < 0)
		return r;
	if (json_get_text(reply, "error", &error, NULL) > 0)
		return fault_set(fault, EPROTO, "the agent says: %s", error);
	*ret = take_ptr(reply);
	return 0;
}
