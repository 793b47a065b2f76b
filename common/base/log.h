#pragma once

/* Sentences for an operator, on stderr, a line each: "<priority>text" when stderr is the journal,
 * "name: text" for a person, time, level and fields in front where asked, for log files. Nothing in
 * common/ logs above debug. */

#include <stdbool.h>

#include "common/base/macro.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Fields that every later line of a log file carries: "[machine=m-1 seq=3] ". */
enum log_field { LOG_FIELD_MACHINE, LOG_FIELD_RUN, LOG_FIELD_SEQ, LOG_FIELD_PHASE, _LOG_FIELD_MAX };

struct log_options {
	const char *program;      /* borrowed for the life of the process */
	enum log_level max_level; /* lines above it are dropped */
	bool timestamps;          /* "2026-11-24T10:00:00.123Z " in front: for log files */
};

void log_init(const struct log_options *options);
/* value NULL removes the field. Cut at 128 bytes. */
void log_set_field(enum log_field field, const char *value);

void log_write(enum log_level level, const char *format, ...) _printf_(2, 3);
/* %m in the format is the text of -error. Returns error (negative) unchanged. */
int log_write_errno(enum log_level level, int error, const char *format, ...) _printf_(3, 4);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_error_errno(r, ...) log_write_errno(LOG_LEVEL_ERROR, r, __VA_ARGS__)
#define log_warning_errno(r, ...) log_write_errno(LOG_LEVEL_WARNING, r, __VA_ARGS__)
#define log_debug_errno(r, ...) log_write_errno(LOG_LEVEL_DEBUG, r, __VA_ARGS__)
