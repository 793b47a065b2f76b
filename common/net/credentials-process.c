/*
 * credential_process: a program of the user's that prints keys as JSON. It is run without a shell,
 * so only words and quotes are understood, which is also all that the AWS CLI promises. What it
 * writes to stderr is not shown: it may hold what must not be shown.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "common/net/credentials-walk.h"

#define WORDS_MAX 64
#define OUTPUT_MAX SECRET_MAX_BYTES
#define TIMEOUT_USEC (60 * USEC_PER_SEC)
#define POLL_MS 1000 /* at once, as an int must hold it */

/* --- words ----------------------------------------------------------------------------------- */

/* One word at *at, in place, without its quotes; *at is moved behind it. False when a quote is
 * never closed. */
static bool take_word(char **at)
{
	char *from = *at, *to = *at, quote = '\0';

	for (; *from && (quote || !strchr(" \t\n", *from)); from++) {
		if (*from == '\\' && quote != '\'' && from[1])
			*to++ = *++from;
		else if (quote && *from == quote)
			quote = '\0';
		else if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else
			*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = '\0';
	return quote == '\0';
}

/* Takes the line apart, in place. */
static int split(char *line, char *words[WORDS_MAX + 1])
{
	size_t n = 0;

	for (;;) {
		line += strspn(line, " \t\n");
		if (*line == '\0')
			break;
		if (n == WORDS_MAX)
			return -E2BIG;
		words[n++] = line;
		if (!take_word(&line))
			return -EINVAL;
	}
	words[n] = NULL;
	return n > 0 ? 0 : -EINVAL;
}

/* --- the program ----------------------------------------------------------------------------- */

/* Into a process group of its own, so that all of it can be ended. */
static int set_up(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, int out)
{
	sigset_t none, all;
	int r;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							 POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY,
						     0);
	return -r;
}

static int start(char **words, int out, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawnattr_init(&attributes);

	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0) {
		(void)posix_spawnattr_destroy(&attributes);
		return -r;
	}

	r = set_up(&attributes, &actions, out);
	if (r == 0)
		r = -posix_spawnp(ret, words[0], &actions, &attributes, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return r;
}

/* Until it is at its end, too much, or too late. */
static int read_output(int fd, const struct deadline *deadline, const struct clock *clock,
		       struct secret *output)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		uint64_t left_usec = deadline_left_usec(deadline, clock);
		uint64_t left_ms = left_usec / USEC_PER_MSEC + 1;
		ssize_t n;
		int r;

		if (left_usec == 0)
			return -ETIMEDOUT;
		r = poll(&poll_fd, 1, left_ms < POLL_MS ? (int)left_ms : POLL_MS);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		n = read(fd, output->bytes + output->size, OUTPUT_MAX - output->size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		output->size += n > 0 ? (size_t)n : 0;
		if (output->size == OUTPUT_MAX)
			return -EFBIG;
	}
}

/* The program itself may have left its group, or, like sudo, belong to another user. */
static int kill_all(pid_t pid)
{
	(void)kill(-pid, SIGKILL);
	return kill(pid, SIGKILL) < 0 ? -errno : 0;
}

/* Ends what is left of it, and gives back how it ended: its status, or -errno. */
static int finish(pid_t pid, bool kill_it, const struct deadline *deadline,
		  const struct clock *clock)
{
	_cleanup_close_ int pidfd = process_open_child(pid);
	int status = 0, r = 0;

	/* It may have closed its output and go on. */
	if (kill_it || pidfd < 0 || process_wait(pidfd, deadline, clock) != 1)
		r = kill_all(pid);
	/* It may go on for ever. */
	if (r < 0)
		return waitpid(pid, &status, WNOHANG) == pid ? status : r;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return status;
}

/* Gives the output, NUL-terminated, and how it ended, which is also known when it went wrong. */
static int run(const struct credentials_options *options, char **words, struct secret *output,
	       int *ret_status)
{
	uint64_t timeout =
		options->process_timeout_usec ? options->process_timeout_usec : TIMEOUT_USEC;
	struct deadline deadline = deadline_in(options->clock, timeout);
	_cleanup_close_ int out = -1, in = -1;
	int fds[2], r, status;
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	out = fds[0];
	in = fds[1];
	r = start(words, in, &pid);
	if (r < 0)
		return r;
	close(take_fd(in));

	r = read_output(out, &deadline, options->clock, output);
	status = finish(pid, r < 0, &deadline, options->clock);
	*ret_status = status;
	return r < 0 || status >= 0 ? r : status;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int check_version(const struct secret *output, const char *what, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	uint64_t version = 0;
	int r = json_parse(secret_reveal(output), output->size, what, &object, fault);

	if (r < 0)
		return r;
	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "%s: the answer is no JSON object", what);
	r = json_get_u64(object, "Version", &version, fault);
	if (r < 0)
		return fault_wrap(fault, r, "%s", what);
	if (version != 1)
		return fault_set(fault, EBADMSG, "%s: 'Version' of the answer is not 1", what);
	return 0;
}

static int refuse_ending(int r, int status, const char *what, struct fault *fault)
{
	if (r == -ETIMEDOUT)
		r = fault_set(fault, r, "%s did not end in time, and %s", what,
			      status < 0 ? "cannot be killed" : "was killed");
	else if (r == -EFBIG)
		r = fault_set(fault, r, "%s prints more than %lu bytes", what, OUTPUT_MAX);
	else if (r < 0)
		r = fault_set(fault, r, "%s cannot be run: %m", what);
	else if (WIFSIGNALED(status))
		r = fault_set(fault, EIO, "%s was killed by signal %d", what, WTERMSIG(status));
	else
		r = fault_set(fault, EIO, "%s failed with exit status %d", what,
			      WEXITSTATUS(status));
	return fault_cure(fault, r,
			  "run the program by hand; what it writes to stderr is not shown here, as "
			  "it may hold secrets");
}

int profile_process(struct walk *walk, const char *profile, struct credentials *ret,
		    struct fault *fault)
{
	const char *line = walk_value(walk, profile, "credential_process");
	char shown[SHOWN_TEXT_MAX], what[SHOWN_TEXT_MAX + 48];
	_cleanup_secret_ struct secret output = {};
	_cleanup_secret_ struct secret copy = {}; /* a password may be among the words */
	char *words[WORDS_MAX + 1];
	int r, status = 0;

	if (!line)
		return 0;
	(void)snprintf(what, sizeof(what), "credential_process of the AWS profile '%s'",
		       text_shown(profile, shown, sizeof(shown)));
	r = secret_set(&copy, line, strlen(line));
	if (r < 0)
		return r;
	r = split(copy.bytes, words);
	if (r < 0)
		return fault_set(fault, EINVAL, "%s: %s", what,
				 r == -E2BIG ? "too many words" : "a quote is never closed");

	output.bytes = calloc(1, OUTPUT_MAX + 1);
	if (!output.bytes)
		return -ENOMEM;
	r = run(&walk->source->options, words, &output, &status);
	if (r < 0 || status != 0)
		return refuse_ending(r, status, what, fault);

	r = check_version(&output, what, fault);
	if (r >= 0)
		r = credentials_from_json(&output, what, "SessionToken", ret, fault);
	return r < 0 ? r : 1;
}

int provide_process(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	int r = walk_read(walk, fault);

	return r < 0 ? r : profile_process(walk, walk->profile, ret, fault);
}
