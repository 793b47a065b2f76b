/*
 * The agent's socket: whatever a peer sends, it gets one line of JSON or nothing, and the agent
 * goes on. First byte: after how many bytes the peer pauses.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "agent/control.h"
#include "common/base/buf.h"
#include "common/base/io.h"
#include "tests/fuzz/fuzz.h"

#define SOCKET_NAME "agent.sock"

static int status(_unused_ void *context, struct json_object **ret)
{
	*ret = json_object_new_object();
	return json_set_text(*ret, "phase", "ready");
}

static sd_event *event;

/* One for all inputs, as an agent has one for all peers. */
static void start_once(void)
{
	static struct control *control;

	if (control)
		return;
	FUZZ_CHECK(sd_event_new(&event) >= 0);
	FUZZ_CHECK(control_new(event, fuzz_dir_fd(), SOCKET_NAME, status, NULL, &control) == 0);
}

static int connect_peer(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	FUZZ_CHECK(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
		       fuzz_dir_fd(), SOCKET_NAME);
	FUZZ_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* Until nothing is left to be done. */
static void run_loop(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

/* What the agent does not read any more cannot be sent. */
static void send_some(int fd, const uint8_t *data, size_t size)
{
	ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

	FUZZ_CHECK(n >= 0 || errno == EPIPE || errno == EAGAIN || errno == ECONNRESET);
	run_loop();
}

static void check_reply(int fd)
{
	_cleanup_json_ struct json_object *reply = NULL;
	char text[CONTROL_REPLY_MAX + 1];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n <= 0)
		return;
	FUZZ_CHECK(text[n - 1] == '\n' && memchr(text, '\n', (size_t)n) == text + n - 1);
	FUZZ_CHECK(json_parse(text, (size_t)n, "reply", &reply, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	size_t pause = fuzz_take_byte(&input);
	int fd;

	start_once();
	fd = connect_peer();
	run_loop();
	if (pause > input.size)
		pause = input.size;
	send_some(fd, input.data, pause);
	send_some(fd, input.data + pause, input.size - pause);
	check_reply(fd);
	close(fd);
	run_loop();
	return 0;
}
