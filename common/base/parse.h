#pragma once

/* Text to value: the whole string or -EINVAL, out of the type's range -ERANGE. No white space, no
 * sign, no octal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"

int parse_u64(const char *text, uint64_t *ret) _must_check_;

/* "250ms", "5s", "10min", "1h", "2d", "1h30min"; a bare number is seconds. In microseconds. */
int parse_duration(const char *text, uint64_t *ret_usec) _must_check_;

/* "4096", "64K", "16M", "2G" (powers of 1024; "KiB" and the like too). In bytes. */
int parse_size(const char *text, uint64_t *ret_bytes) _must_check_;

/* yes/no, true/false, on/off, 1/0. */
int parse_bool(const char *text, bool *ret) _must_check_;

/* The shortest form that parse_duration() reads back to the same value: "1min30s", "250ms". */
#define DURATION_TEXT_MAX 48
const char *format_duration(uint64_t usec, char *text, size_t size);

/* ISO 8601 in UTC, to the millisecond: "2026-11-24T10:00:00.123Z"; "-" for 0. */
#define TIME_TEXT_MAX 32
const char *format_time_ms(uint64_t epoch_ms, char *text, size_t size);
/* The same back, with any number of digits behind the second, or none; from 1970 to 9999. */
int parse_time_ms(const char *text, uint64_t *ret_ms) _must_check_;
