/*
 * One line, one write(2): lines of several threads and processes that share a file never mix, and
 * nothing is lost in a buffer when the process is killed.
 */

#include "common/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/parse.h"

/* Longer lines are cut; well below PIPE_BUF, so that a line into a pipe stays whole. */
#define LINE_MAX_BYTES 2048
#define FIELD_MAX_BYTES 128

static const char *const field_names[] = {
	[LOG_FIELD_MACHINE] = "machine",
	[LOG_FIELD_RUN] = "run",
	[LOG_FIELD_SEQ] = "seq",
	[LOG_FIELD_PHASE] = "phase",
};
_Static_assert(ARRAY_SIZE(field_names) == _LOG_FIELD_MAX, "a name for each field");

static const struct {
	int priority; /* of syslog, as sd-daemon(3) prefixes it */
	const char *label;
} levels[] = {
	[LOG_LEVEL_ERROR] = { 3, "error: " },
	[LOG_LEVEL_WARNING] = { 4, "warning: " },
	[LOG_LEVEL_INFO] = { 6, "" },
	[LOG_LEVEL_DEBUG] = { 7, "" },
};

/* The lock is for the fields alone: they change while other threads log. */
static pthread_mutex_t fields_lock = PTHREAD_MUTEX_INITIALIZER;
static char fields[_LOG_FIELD_MAX][FIELD_MAX_BYTES + 1];

static struct log_options log_options = { .max_level = LOG_LEVEL_INFO };
static bool to_journal;

struct line {
	char text[LINE_MAX_BYTES];
	size_t size;
};

/* JOURNAL_STREAM names the socket that the service manager gave; stderr may be another by now. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	_cleanup_free_ char *ours = NULL;
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	ours = str_format("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return ours && strcmp(stream, ours) == 0;
}

static void lock_fields(void)
{
	pthread_mutex_lock(&fields_lock);
}

static void unlock_fields(void)
{
	pthread_mutex_unlock(&fields_lock);
}

void log_init(const struct log_options *options)
{
	static bool prepared;

	log_options = *options;
	to_journal = stderr_is_journal();
	/* A child of fork() must not inherit a lock that another thread holds. */
	if (!prepared)
		prepared = pthread_atfork(lock_fields, unlock_fields, unlock_fields) == 0;
}

void log_set_field(enum log_field field, const char *value)
{
	char text[FIELD_MAX_BYTES + 1];

	(void)snprintf(text, sizeof(text), "%s", value ? value : "");
	text[utf8_cut(text, strlen(text))] = '\0';

	lock_fields();
	memcpy(fields[field], text, sizeof(text));
	unlock_fields();
}

static void _printf_(2, 0) line_vprintf(struct line *line, const char *format, va_list args)
{
	size_t left = sizeof(line->text) - line->size;
	int n = vsnprintf(line->text + line->size, left, format, args);

	if (n > 0)
		line->size += (size_t)n < left ? (size_t)n : left - 1;
}

static void _printf_(2, 3) line_printf(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_vprintf(line, format, args);
	va_end(args);
}

static void line_add_fields(struct line *line)
{
	const char *separator = "[";

	lock_fields();
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i][0] == '\0')
			continue;
		line_printf(line, "%s%s=%s", separator, field_names[i], fields[i]);
		separator = " ";
	}
	unlock_fields();
	if (*separator == ' ')
		line_printf(line, "] ");
}

static void line_begin(struct line *line, enum log_level level)
{
	const char *program =
		log_options.program ? log_options.program : program_invocation_short_name;
	char time[TIME_TEXT_MAX];

	if (to_journal) {
		line_printf(line, "<%d>", levels[level].priority);
		return;
	}
	if (!log_options.timestamps) {
		line_printf(line, "%s: ", program);
		return;
	}
	line_printf(line,
		    "%s %s: ", format_time_ms(clock_wall_ms(&clock_system), time, sizeof(time)),
		    program);
	line_add_fields(line);
	line_printf(line, "%s", levels[level].label);
}

static void line_write(struct line *line)
{
	line->size = utf8_cut(line->text, line->size);
	line->text[line->size] = '\0';
	str_clean(line->text);
	line->text[line->size++] = '\n';

	/* There is nowhere to say that this failed. */
	(void)!write_all(STDERR_FILENO, line->text, line->size);
}

static void _printf_(3, 0)
	log_vwrite(enum log_level level, int error, const char *format, va_list args)
{
	int saved_errno = errno;
	struct line line = {};

	if (level > log_options.max_level)
		return;

	line_begin(&line, level);
	errno = error;
	line_vprintf(&line, format, args);
	line_write(&line);
	errno = saved_errno;
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(level, errno, format, args);
	va_end(args);
}

int log_write_errno(enum log_level level, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(level, error < 0 ? -error : error, format, args);
	va_end(args);
	return error;
}
