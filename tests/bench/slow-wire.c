/*
 * A TCP forwarder that is as far away as a service in the cloud: what either side sends arrives the
 * given time later, and as much of it as was sent. Making a connection is not delayed.
 *
 *	slow-wire PORT MILLISECONDS DIRECTORY
 *
 * forwards to PORT of the loopback device and says in DIRECTORY/port where it listens itself. At
 * SIGUSR1 it writes DIRECTORY/counts: one line "OPERATION COUNT" for each operation of DynamoDB or
 * SQS that was asked for since the last time.
 *
 * All bytes wait equally long, so those of all connections stand in one queue in the order of
 * their time. A piece in the queue keeps its connection, however dead that is.
 */

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "common/base/io.h"
#include "common/base/parse.h"

#define PIECE_MAX 65536
#define BACKLOG 512
#define WAITING_MAX (8 * 1024 * 1024) /* bytes on one way; more is left in the socket */
#define DELAY_MAX_MS 10000
#define OPERATIONS_MAX 64
#define OPERATION_MAX 64
#define TARGET "\nx-amz-target:"
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL

/* One way through a connection. */
struct way {
	struct connection *connection;
	int from, to;          /* owned by the connection */
	size_t waiting;        /* bytes on their way */
	struct piece *blocked; /* arrived, and the receiver does not take them: owned, in order */
	struct piece **blocked_end;
	bool ended, dead; /* nothing more is sent; nothing more can be delivered */
	/* Of the search for operations; requests go this way when counts is set. */
	bool counts;
	size_t matched;
	char name[OPERATION_MAX];
	size_t name_size;
};

struct connection {
	struct way ways[2]; /* from the client, from the server */
	size_t pieces;      /* in the queue, or blocked */
};

/* Of size 0: the end. */
struct piece {
	struct piece *next;
	struct way *way;
	uint64_t due_nsec;
	size_t size, sent;
	char bytes[];
};

static int epoll_fd, timer_fd;
static uint64_t delay_nsec;
static struct piece *queue, **queue_end = &queue;
static struct {
	char name[OPERATION_MAX];
	uint64_t n;
} operations[OPERATIONS_MAX];

static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* --- counting -------------------------------------------------------------------------------- */

/* "DynamoDB_20120810.UpdateItem": what is behind the dot. */
static void count(const char *target)
{
	const char *dot = strrchr(target, '.');
	const char *name = dot ? dot + 1 : target;

	for (size_t i = 0; i < OPERATIONS_MAX; i++) {
		if (operations[i].n > 0 && strcmp(operations[i].name, name) != 0)
			continue;
		if (operations[i].n++ == 0)
			(void)!str_copy(operations[i].name, sizeof(operations[i].name), name);
		return;
	}
}

static void search(struct way *way, const char *bytes, size_t n)
{
	const size_t whole = strlen(TARGET);

	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];

		if (way->matched < whole) {
			way->matched = tolower((unsigned char)c) == TARGET[way->matched]
					       ? way->matched + 1
					       : (size_t)(c == '\n');
		} else if (c == '\r' || way->name_size == sizeof(way->name) - 1) {
			way->name[way->name_size] = '\0';
			count(way->name);
			way->matched = way->name_size = 0;
		} else if (c != ' ') {
			way->name[way->name_size++] = c;
		}
	}
}

static void write_counts(void)
{
	FILE *file = fopen("counts.new", "we");

	if (!file)
		err(1, "counts.new");
	for (size_t i = 0; i < OPERATIONS_MAX && operations[i].n > 0; i++) {
		(void)fprintf(file, "%s %llu\n", operations[i].name,
			      (unsigned long long)operations[i].n);
		operations[i].n = 0;
	}
	if (fclose(file) != 0 || rename("counts.new", "counts") < 0)
		err(1, "counts");
}

/* --- connections ----------------------------------------------------------------------------- */

static void set_interest(struct connection *connection)
{
	for (size_t i = 0; i < 2; i++) {
		struct way *reads = &connection->ways[i], *writes = &connection->ways[1 - i];
		struct epoll_event event = { .data.ptr = reads };

		if (!reads->ended && reads->waiting < WAITING_MAX)
			event.events |= EPOLLIN;
		if (writes->blocked)
			event.events |= EPOLLOUT;
		/* With nothing to wait for it would still tell of a hangup, for ever. */
		if (epoll_ctl(epoll_fd, event.events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, reads->from,
			      &event) < 0 &&
		    errno == ENOENT && event.events)
			(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, reads->from, &event);
	}
}

static void settle(struct connection *connection)
{
	if (connection->pieces > 0 || !connection->ways[0].ended || !connection->ways[1].ended) {
		set_interest(connection);
		return;
	}
	close(connection->ways[0].from);
	close(connection->ways[0].to);
	free(connection);
}

static void put(struct way *way, struct piece *piece)
{
	piece->way = way;
	piece->due_nsec = now_nsec() + delay_nsec;
	piece->next = NULL;
	*queue_end = piece;
	queue_end = &piece->next;
	way->waiting += piece->size;
	way->connection->pieces++;
}

/* One reading, or the end of all. */
static void take_in(struct way *way)
{
	struct piece *piece = malloc(sizeof(*piece) + PIECE_MAX), *fitting;
	ssize_t n;

	if (!piece)
		errx(1, "no memory");
	n = recv(way->from, piece->bytes, PIECE_MAX, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		free(piece);
		return;
	}
	if (n <= 0) {
		way->ended = true;
		n = 0;
	}
	piece->size = (size_t)n;
	piece->sent = 0;
	if (way->counts)
		search(way, piece->bytes, piece->size);
	fitting = realloc(piece, sizeof(*piece) + piece->size);
	put(way, fitting ? fitting : piece);
}

/* 1: delivered, or nobody is left to take it; 0: the receiver takes no more now. */
static int deliver(struct way *way, struct piece *piece)
{
	if (piece->size == 0 && !way->dead)
		(void)shutdown(way->to, SHUT_WR);
	while (!way->dead && piece->sent < piece->size) {
		ssize_t n = send(way->to, piece->bytes + piece->sent, piece->size - piece->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			way->dead = true;
		if (n > 0)
			piece->sent += (size_t)n;
	}
	return 1;
}

static void drop(struct way *way, struct piece *piece)
{
	way->waiting -= piece->size;
	way->connection->pieces--;
	free(piece);
}

static void deliver_blocked(struct way *way)
{
	while (way->blocked && deliver(way, way->blocked) > 0) {
		struct piece *piece = way->blocked;

		way->blocked = piece->next;
		if (!way->blocked)
			way->blocked_end = &way->blocked;
		drop(way, piece);
	}
}

static void deliver_due(void)
{
	uint64_t now = now_nsec();

	while (queue && queue->due_nsec <= now) {
		struct piece *piece = queue;
		struct way *way = piece->way;

		queue = piece->next;
		if (!queue)
			queue_end = &queue;
		piece->next = NULL;
		*way->blocked_end = piece;
		way->blocked_end = &piece->next;
		deliver_blocked(way);
		settle(way->connection);
	}
}

static void set_timer(void)
{
	uint64_t due = queue ? queue->due_nsec : 0;
	const struct itimerspec when = { .it_value = { .tv_sec = (time_t)(due / NSEC_PER_SEC),
						       .tv_nsec = (long)(due % NSEC_PER_SEC) } };

	(void)timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* --- sockets --------------------------------------------------------------------------------- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void make_prompt(int fd)
{
	const int yes = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void let_in(int listener, uint16_t port)
{
	const struct sockaddr_in address = loopback(port);
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), server;
	struct connection *connection;

	if (client < 0)
		return;
	server = new_socket();
	if (connect(server, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(client);
		close(server);
		return;
	}
	make_prompt(client);
	make_prompt(server);
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		errx(1, "no memory");
	for (size_t i = 0; i < 2; i++)
		connection->ways[i] = (struct way){
			.connection = connection,
			.from = i == 0 ? client : server,
			.to = i == 0 ? server : client,
			.blocked_end = &connection->ways[i].blocked,
			.counts = i == 0,
		};
	set_interest(connection);
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = new_socket();
	FILE *file;

	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		err(1, "cannot listen");
	file = fopen("port.new", "we");
	if (!file || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0 ||
	    rename("port.new", "port") < 0)
		err(1, "port");
	return fd;
}

static int catch_usr1(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Events that are about no connection bear the address of their descriptor. */
static void listen_to(const int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = (void *)fd };

	if (*fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *fd, &event) < 0)
		err(1, "epoll");
}

static void on_end(struct way *reads, uint32_t events)
{
	struct connection *connection = reads->connection;
	struct way *writes =
		reads == &connection->ways[0] ? &connection->ways[1] : &connection->ways[0];

	if (events & EPOLLOUT)
		deliver_blocked(writes);
	if (!reads->ended && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		take_in(reads);
	settle(connection);
}

static _Noreturn void forward(uint16_t port)
{
	struct epoll_event event;
	struct signalfd_siginfo info;
	int signals = catch_usr1(), listener = listen_somewhere();

	listen_to(&timer_fd);
	listen_to(&signals);
	listen_to(&listener);
	for (;;) {
		/* One at a time: what is done about it may free what another one is about. */
		int n = epoll_wait(epoll_fd, &event, 1, -1);

		if (n < 1)
			continue;
		if (event.data.ptr == &listener)
			let_in(listener, port);
		else if (event.data.ptr == &signals &&
			 read(signals, &info, sizeof(info)) == sizeof(info))
			write_counts();
		else if (event.data.ptr != &timer_fd)
			on_end(event.data.ptr, event.events);
		deliver_due();
		set_timer();
	}
}

int main(int argc, char **argv)
{
	uint64_t port, delay_ms;

	if (argc != 4 || parse_u64(argv[1], &port) < 0 || port == 0 || port > UINT16_MAX ||
	    parse_u64(argv[2], &delay_ms) < 0 || delay_ms > DELAY_MAX_MS)
		errx(2, "slow-wire PORT MILLISECONDS DIRECTORY");
	if (chdir(argv[3]) < 0)
		err(1, "%s", argv[3]);
	delay_nsec = delay_ms * NSEC_PER_MSEC;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (epoll_fd < 0)
		err(1, "epoll");
	forward((uint16_t)port);
}
