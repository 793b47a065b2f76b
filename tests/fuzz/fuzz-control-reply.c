/*
 * What an agent's socket answers, read by `paddock-agent status`, which shows it as a table. The
 * socket's owner may be anybody who could put one there.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/control.h"
#include "agent/home.h"
#include "agent/verbs.h"
#include "common/base/exit.h"
#include "common/base/io.h"
#include "tests/fuzz/fuzz.h"

#define MACHINE_DIR "machines/m-1"

/* What the other thread says to whoever connects. Each time that it has done so it raises served:
 * only then is the reply free to be another. */
static struct fuzz_input reply;
static sem_t served;
static int listener = -1;

static void *serve(_unused_ void *context)
{
	char request[CONTROL_REQUEST_MAX];

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		FUZZ_CHECK(fd >= 0);
		(void)!recv(fd, request, sizeof(request), 0);
		(void)!send(fd, reply.data, reply.size, MSG_NOSIGNAL);
		close(fd);
		FUZZ_CHECK(sem_post(&served) == 0);
	}
	return NULL;
}

static void start_once(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	pthread_t thread;
	char path[4096];

	if (listener >= 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), MACHINE_DIR);
	FUZZ_CHECK(make_dirs(path, 0700) == 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s/%s", fuzz_dir(),
		       MACHINE_DIR, HOME_SOCKET);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(listener >= 0);
	FUZZ_CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	FUZZ_CHECK(listen(listener, 8) == 0);
	FUZZ_CHECK(sem_init(&served, 0, 0) == 0);
	FUZZ_CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
}

static void wait_until_served(void)
{
	while (sem_wait(&served) < 0)
		FUZZ_CHECK(errno == EINTR);
}

static void check_ask(void)
{
	_cleanup_close_ int fd = openat(fuzz_dir_fd(), MACHINE_DIR, O_RDONLY | O_DIRECTORY);
	_cleanup_json_ struct json_object *answer = NULL;
	struct fault fault = {};
	int r;

	FUZZ_CHECK(fd >= 0);
	r = control_ask(fd, HOME_SOCKET, "status", &answer, &fault);
	wait_until_served();
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG, EPROTO, ECONNRESET);
		FUZZ_CHECK(!answer && fault.text[0]);
		return;
	}
	fuzz_check_json(answer);
}

static void check_status(bool json)
{
	_cleanup_fuzz_output_ struct fuzz_output output = {};
	_cleanup_json_ struct json_object *printed = NULL;
	struct output_options options = { .json = json };
	char machine[] = "m-1", dir[4096];
	struct agent_program program = { .config = { .machine = machine, .state_dir = dir } };
	int code;

	(void)snprintf(dir, sizeof(dir), "%s", fuzz_dir());
	fuzz_capture();
	code = verb_status.run(&(struct verb_call){
		.verb = &verb_status,
		.options = &options,
		.context = &program,
	});
	fuzz_release(&output);
	wait_until_served();
	FUZZ_CHECK(code == EXIT_OK || code == EXIT_UNAVAILABLE);
	/* JSON is for programs, and may hold what its own rules let pass. */
	if (!json)
		fuzz_check_harmless(output.out);
	else if (code == EXIT_OK)
		FUZZ_CHECK_TEXT(
			json_parse(output.out, strlen(output.out), "output", &printed, NULL) == 0,
			output.out);
	fuzz_check_harmless(output.err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start_once();
	reply = (struct fuzz_input){ data, size };
	check_ask();
	check_status(false);
	check_status(true);
	return 0;
}
