#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/control.h"
#include "common/base/io.h"
#include "tests/test.h"

#define NAME "agent.sock"
#define TURN_USEC (100 * USEC_PER_MSEC)

struct world {
	struct tree *tree;
	sd_event *event;
	struct control *control;
	size_t padding; /* bytes that make the status long */
	int error;
};

static int give_status(void *context, struct json_object **ret)
{
	struct world *world = context;
	_cleanup_free_ char *padding = calloc(1, world->padding + 1);
	struct json_object *object;

	if (world->error)
		return world->error;
	ck_assert_ptr_nonnull(padding);
	memset(padding, 'x', world->padding);
	object = json_object_new_object();
	ck_assert_int_eq(json_set_text(object, "schema", CONTROL_STATUS_SCHEMA), 0);
	ck_assert_int_eq(json_set_text(object, "padding", padding), 0);
	*ret = object;
	return 0;
}

static void world_init(struct world *world)
{
	*world = (struct world){ .tree = tree_new() };
	ck_assert_int_ge(sd_event_new(&world->event), 0);
	ck_assert_int_eq(control_new(world->event, world->tree->fd, NAME, give_status, world,
				     &world->control),
			 0);
}

static void world_done(struct world *world)
{
	control_free(world->control);
	sd_event_unref(world->event);
	tree_free(world->tree);
}

static int connect_raw(const struct world *world)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/" NAME, world->tree->path),
		(int)sizeof(address.sun_path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until the peer has a line, or its connection is closed: then it is empty. */
static void read_line(const struct world *world, int fd, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = recv(fd, line + n, size - 1 - n, 0);

		if (got == 0 || (got < 0 && errno == ECONNRESET))
			break;
		if (got > 0)
			n += (size_t)got;
		if (n > 0 && line[n - 1] == '\n')
			break;
		(void)sd_event_run(world->event, TURN_USEC);
	}
	line[n] = '\0';
}

struct asking {
	struct world *world;
	struct json_object *reply;
	struct fault fault;
	int r;
	_Atomic bool done;
};

static void *ask(void *context)
{
	struct asking *asking = context;

	asking->r = control_ask(asking->world->tree->fd, NAME, "status", &asking->reply,
				&asking->fault);
	asking->done = true;
	return NULL;
}

/* control_ask() blocks, so it asks from a thread of its own while the loop turns here. */
static void ask_for_status(struct world *world, struct asking *asking)
{
	pthread_t thread;

	*asking = (struct asking){ .world = world };
	ck_assert_int_eq(pthread_create(&thread, NULL, ask, asking), 0);
	while (!asking->done)
		(void)sd_event_run(world->event, TURN_USEC);
	pthread_join(thread, NULL);
}

START_TEST(answers_who_asks_for_the_status)
{
	struct world world;
	struct asking asking;
	const char *schema = NULL;

	world_init(&world);
	ask_for_status(&world, &asking);
	ck_assert_int_eq(asking.r, 0);
	ck_assert_int_eq(json_get_text(asking.reply, "schema", &schema, NULL), 1);
	ck_assert_str_eq(schema, CONTROL_STATUS_SCHEMA);
	json_object_put(asking.reply);
	world_done(&world);
}
END_TEST

START_TEST(says_so_when_it_cannot_tell)
{
	struct world world;
	struct asking asking;

	world_init(&world);
	world.error = -ENOMEM;
	ask_for_status(&world, &asking);
	ck_assert_int_eq(asking.r, -EPROTO);
	ck_assert_ptr_nonnull(strstr(asking.fault.text, "memory"));
	world_done(&world);
}
END_TEST

START_TEST(is_open_to_its_user_alone_and_gone_afterwards)
{
	struct world world;
	struct stat st;
	_cleanup_(tree_freep) struct tree *tree = NULL;

	world_init(&world);
	ck_assert_int_eq(fstatat(world.tree->fd, NAME, &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	tree = world.tree;
	control_free(world.control);
	ck_assert_int_eq(fstatat(tree->fd, NAME, &st, 0), -1);
	sd_event_unref(world.event);
}
END_TEST

START_TEST(replaces_a_socket_that_a_dead_agent_has_left)
{
	struct world world;
	struct control *second = NULL;
	struct asking asking;

	world_init(&world);
	ck_assert_int_eq(
		control_new(world.event, world.tree->fd, NAME, give_status, &world, &second), 0);
	ask_for_status(&world, &asking);
	ck_assert_int_eq(asking.r, 0);
	json_object_put(asking.reply);
	control_free(second);
	world_done(&world);
}
END_TEST

static const struct {
	const char *request;
	const char *answer; /* part of it */
} bad_requests[] = {
	{ "\n", "error" },
	{ "status\n", "error" },
	{ "{\"verb\":\"status\"\n", "error" },
	{ "{\"verb\":\"status\"} {}\n", "error" },
	{ "{\"verb\":\"reboot\"}\n", "unknown verb" },
	{ "{\"verb\":7}\n", "verb" },
	{ "{}\n", "no verb" },
	{ "[]\n", "error" },
	{ "{\"verb\":\"status\",\"verb\":\"status\"}\n", "error" },
	{ "\xff\xfe{}\n", "error" },
};

START_TEST(answers_garbage_with_an_error_and_goes_on)
{
	struct world world;
	struct asking asking;

	world_init(&world);
	for (size_t i = 0; i < ARRAY_SIZE(bad_requests); i++) {
		int fd = connect_raw(&world);
		char line[1024];

		send_text(fd, bad_requests[i].request);
		read_line(&world, fd, line, sizeof(line));
		ck_assert_msg(strstr(line, bad_requests[i].answer), "case %zu: %s", i, line);
		ck_assert_msg(strstr(line, "error"), "case %zu: %s", i, line);
		close(fd);
	}
	ask_for_status(&world, &asking);
	ck_assert_int_eq(asking.r, 0);
	json_object_put(asking.reply);
	world_done(&world);
}
END_TEST

START_TEST(refuses_a_request_that_is_too_long)
{
	struct world world;
	char request[CONTROL_REQUEST_MAX * 2], line[1024];
	int fd;

	world_init(&world);
	fd = connect_raw(&world);
	memset(request, 'x', sizeof(request));
	ck_assert_int_eq(send(fd, request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
	read_line(&world, fd, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "longer than"));
	close(fd);
	world_done(&world);
}
END_TEST

START_TEST(takes_a_request_that_comes_in_pieces)
{
	struct world world;
	char line[1024];
	int fd;

	world_init(&world);
	fd = connect_raw(&world);
	send_text(fd, "{\"ver");
	(void)sd_event_run(world.event, TURN_USEC);
	(void)sd_event_run(world.event, TURN_USEC);
	send_text(fd, "b\":\"status\"}\nand more");
	read_line(&world, fd, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, CONTROL_STATUS_SCHEMA));
	close(fd);
	world_done(&world);
}
END_TEST

START_TEST(forgets_a_peer_that_leaves_in_the_middle)
{
	struct world world;
	struct asking asking;

	world_init(&world);
	for (int i = 0; i < 3 * CONTROL_PEERS_MAX; i++) {
		int fd = connect_raw(&world);

		send_text(fd, i % 2 ? "{\"verb" : "{\"verb\":\"status\"}\n");
		close(fd);
		while (sd_event_run(world.event, 0) > 0)
			;
	}
	ask_for_status(&world, &asking);
	ck_assert_int_eq(asking.r, 0);
	json_object_put(asking.reply);
	world_done(&world);
}
END_TEST

/* All rows are taken by peers that say nothing: the next one gets its turn when their time is up.
 */
START_TEST(outlives_peers_that_say_nothing)
{
	struct world world;
	int fds[CONTROL_PEERS_MAX];
	char line[1024];
	int fd;

	world_init(&world);
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		fds[i] = connect_raw(&world);
	while (sd_event_run(world.event, 0) > 0)
		;
	fd = connect_raw(&world);
	send_text(fd, "{\"verb\":\"\"}\n");
	read_line(&world, fd, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "unknown verb"));

	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		close(fds[i]);
	close(fd);
	world_done(&world);
}
END_TEST

START_TEST(answers_peers_that_never_read)
{
	struct world world;
	struct asking asking;
	int fds[3 * CONTROL_PEERS_MAX];

	world_init(&world);
	world.padding = CONTROL_REPLY_MAX - 128;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_raw(&world);
		send_text(fds[i], "{\"verb\":\"status\"}\n");
		while (sd_event_run(world.event, 0) > 0)
			;
	}
	ask_for_status(&world, &asking);
	ck_assert_int_eq(asking.r, 0);
	json_object_put(asking.reply);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	world_done(&world);
}
END_TEST

START_TEST(never_sends_more_than_a_reply_may_hold)
{
	struct world world;
	struct asking asking;

	world_init(&world);
	world.padding = 2 * CONTROL_REPLY_MAX;
	ask_for_status(&world, &asking);
	ck_assert_int_lt(asking.r, 0);
	world_done(&world);
}
END_TEST

START_TEST(tells_that_nobody_listens)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct json_object *reply = NULL;
	struct fault fault = {};
	struct world world;
	int copy;

	ck_assert_int_eq(control_ask(tree->fd, NAME, "status", &reply, &fault), -ENOENT);

	/* Also where a dead agent's socket is left. */
	world_init(&world);
	copy = linkat(world.tree->fd, NAME, world.tree->fd, "left.sock", 0);
	ck_assert_int_eq(copy, 0);
	control_free(world.control);
	ck_assert_int_eq(control_ask(world.tree->fd, "left.sock", "status", &reply, &fault),
			 -ENOENT);
	sd_event_unref(world.event);
	tree_free(world.tree);
}
END_TEST

START_TEST(works_below_a_path_that_no_address_could_hold)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int dir_fd = -1;
	struct control *control = NULL;
	sd_event *event = NULL;
	char name[120];

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	path = str_format("%s/%s", tree->path, name);
	ck_assert_ptr_nonnull(path);
	ck_assert_int_eq(make_dirs(path, 0700), 0);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(control_new(event, dir_fd, NAME, give_status, NULL, &control), 0);
	control_free(control);
	sd_event_unref(event);
}
END_TEST

TEST_MAIN(answers_who_asks_for_the_status, says_so_when_it_cannot_tell,
	  is_open_to_its_user_alone_and_gone_afterwards,
	  replaces_a_socket_that_a_dead_agent_has_left, answers_garbage_with_an_error_and_goes_on,
	  refuses_a_request_that_is_too_long, takes_a_request_that_comes_in_pieces,
	  forgets_a_peer_that_leaves_in_the_middle, outlives_peers_that_say_nothing,
	  answers_peers_that_never_read, never_sends_more_than_a_reply_may_hold,
	  tells_that_nobody_listens, works_below_a_path_that_no_address_could_hold)
