#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/io.h"

void fuzz_fail(const char *file, int line, const char *condition, const char *text)
{
	dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, condition);
	if (text)
		dprintf(STDERR_FILENO, "of: %s\n", text);
	abort();
}

bool fuzz_is_among(int r, const int *errors)
{
	for (; *errors; errors++)
		if (r == -*errors)
			return true;
	return false;
}

/* --- the input ------------------------------------------------------------------------------- */

uint8_t fuzz_take_byte(struct fuzz_input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static char *take_string(struct fuzz_input *input, size_t size)
{
	size_t length = strnlen((const char *)input->data, size);
	char *text = malloc(length + 1);

	FUZZ_CHECK(text);
	if (length > 0)
		memcpy(text, input->data, length);
	text[length] = '\0';
	input->data += size;
	input->size -= size;
	return text;
}

char *fuzz_take_line(struct fuzz_input *input)
{
	const uint8_t *end = input->size > 0 ? memchr(input->data, '\n', input->size) : NULL;
	char *line;

	if (!end)
		return fuzz_take_text(input);
	line = take_string(input, (size_t)(end - input->data));
	input->data++;
	input->size--;
	return line;
}

char *fuzz_take_text(struct fuzz_input *input)
{
	static const uint8_t nothing[1];

	if (input->size == 0)
		input->data = nothing;
	return take_string(input, input->size);
}

/* --- files ----------------------------------------------------------------------------------- */

static char dir_path[PATH_MAX];
static int dir_fd = -1;

static void remove_dir(void)
{
	(void)!remove_tree_at(AT_FDCWD, dir_path);
}

/* Where there is one, in memory: a disk would be most of the time. */
static void make_dir(void)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	const char *base = getenv("TMPDIR");

	for (size_t i = 0; i < ARRAY_SIZE(places) && !base; i++)
		if (access(places[i], W_OK) == 0)
			base = places[i];
	FUZZ_CHECK(base);
	(void)snprintf(dir_path, sizeof(dir_path), "%s/paddock-fuzz-XXXXXX", base);
	FUZZ_CHECK(mkdtemp(dir_path));
	dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(dir_fd >= 0);
	FUZZ_CHECK(atexit(remove_dir) == 0);
}

const char *fuzz_dir(void)
{
	(void)fuzz_dir_fd();
	return dir_path;
}

int fuzz_dir_fd(void)
{
	if (dir_fd < 0)
		make_dir();
	return dir_fd;
}

/* Without must the path is the input's, and may be none that a file can have. */
static void write_at(const char *path, const void *data, size_t size, bool must)
{
	char full[PATH_MAX];
	_cleanup_close_ int fd = -1;
	char *slash;
	int n;

	n = snprintf(full, sizeof(full), "%s/%s", fuzz_dir(), path);
	if (n >= (int)sizeof(full))
		return;
	slash = strrchr(full, '/');
	*slash = '\0';
	if (make_dirs(full, 0700) < 0 && !must)
		return;
	*slash = '/';
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && !must)
		return;
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write_all(fd, data, size) == 0);
}

void fuzz_write_file(const char *path, const void *data, size_t size)
{
	write_at(path, data, size, true);
}

/* The next line that begins with '=', or the end. */
static const uint8_t *find_mark(const uint8_t *at, const uint8_t *end)
{
	bool line_start = true;

	for (; at < end; at++) {
		if (line_start && *at == '=')
			return at;
		line_start = *at == '\n';
	}
	return end;
}

/* Unless its path leads out of the directory. */
static void write_member(const char *name, const char *file, size_t length, const void *data,
			 size_t size)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%.*s", name, (int)length, file);

	if (n >= (int)sizeof(path) || length == 0 || *file == '/' || strstr(path, ".."))
		return;
	write_at(path, data, size, false);
}

int fuzz_write_tree(const char *name, struct fuzz_input *input)
{
	const uint8_t *at = input->data, *end = at + input->size, *next;
	int fd;

	FUZZ_CHECK(remove_tree_at(fuzz_dir_fd(), name) == 0);
	FUZZ_CHECK(mkdirat(fuzz_dir_fd(), name, 0700) == 0);
	for (at = find_mark(at, end); at < end; at = next) {
		const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *content = line_end ? line_end + 1 : end;

		next = find_mark(content, end);
		write_member(name, (const char *)at + 1, (size_t)((line_end ?: end) - at) - 1,
			     content, (size_t)(next - content));
	}
	input->size = 0;

	fd = openat(fuzz_dir_fd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	return fd;
}

/* --- output ---------------------------------------------------------------------------------- */

static FILE *real_out, *real_err;
static struct fuzz_output captured;
static size_t captured_sizes[2];

void fuzz_capture(void)
{
	real_out = stdout;
	real_err = stderr;
	stdout = open_memstream(&captured.out, &captured_sizes[0]);
	stderr = open_memstream(&captured.err, &captured_sizes[1]);
	FUZZ_CHECK(stdout && stderr);
}

void fuzz_release(struct fuzz_output *ret)
{
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = real_out;
	stderr = real_err;
	*ret = captured;
	captured = (struct fuzz_output){};
}

void fuzz_output_done(struct fuzz_output *output)
{
	free(output->out);
	free(output->err);
}

/* --- properties ------------------------------------------------------------------------------ */

void fuzz_check_harmless(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	for (; *c; c++) {
		FUZZ_CHECK_TEXT((*c >= ' ' && *c != 0x7f) || *c == '\n', text);
		/* The other control characters, in UTF-8. */
		FUZZ_CHECK_TEXT(c[0] != 0xc2 || c[1] < 0x80 || c[1] > 0x9f, text);
	}
}

void fuzz_check_json(struct json_object *object)
{
	_cleanup_json_ struct json_object *again = NULL;
	_cleanup_free_ char *text = strdup(json_text(object));
	int r;

	FUZZ_CHECK(text);
	r = json_parse(text, strlen(text), "what was printed", &again, NULL);
	FUZZ_CHECK_TEXT(r == 0, text);
	FUZZ_CHECK_TEXT(strcmp(json_text(again), text) == 0, text);
}
