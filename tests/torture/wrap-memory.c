/*
 * What allocates. The objects under test call torture_X in place of X.
 */

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "tests/torture/torture.h"

/* name(args) returns failed, with errno set to ENOMEM. */
#define WRAP(type, name, failed, parameters, args)            \
	type torture_##name parameters;                       \
	type torture_##name parameters                        \
	{                                                     \
		if (torture_strikes(TORTURE_MEMORY, #name)) { \
			errno = ENOMEM;                       \
			return failed;                        \
		}                                             \
		return name args;                             \
	}

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, NULL, (void *p, size_t size), (p, size))
WRAP(void *, reallocarray, NULL, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, NULL, (const char *text), (text))
WRAP(char *, strndup, NULL, (const char *text, size_t size), (text, size))
WRAP(char *, realpath, NULL, (const char *path, char *resolved), (path, resolved))
WRAP(FILE *, fdopen, NULL, (int fd, const char *mode), (fd, mode))
WRAP(DIR *, fdopendir, NULL, (int fd), (fd))
WRAP(cpu_set_t *, __sched_cpualloc, NULL, (size_t n), (n))

/* What it leaves in *ret when it fails is undefined; this is the worst of it. */
int torture_vasprintf(char **ret, const char *format, va_list args) _printf_(2, 0);
int torture_vasprintf(char **ret, const char *format, va_list args)
{
	if (torture_strikes(TORTURE_MEMORY, "vasprintf")) {
		*ret = (char *)16;
		errno = ENOMEM;
		return -1;
	}
	return vasprintf(ret, format, args);
}

WRAP(struct json_object *, json_object_new_object, NULL, (void), ())
WRAP(struct json_object *, json_object_new_array, NULL, (void), ())
WRAP(struct json_object *, json_object_new_string, NULL, (const char *text), (text))
WRAP(struct json_object *, json_object_new_string_len, NULL, (const char *text, const int n),
     (text, n))
WRAP(struct json_object *, json_object_new_int64, NULL, (int64_t value), (value))
WRAP(struct json_object *, json_object_new_uint64, NULL, (uint64_t value), (value))
WRAP(struct json_object *, json_object_new_boolean, NULL, (json_bool value), (value))
WRAP(int, json_object_object_add, -1,
     (struct json_object * object, const char *key, struct json_object *value),
     (object, key, value))
WRAP(int, json_object_array_add, -1, (struct json_object * array, struct json_object *value),
     (array, value))
WRAP(const char *, json_object_to_json_string_ext, NULL, (struct json_object * object, int flags),
     (object, flags))
WRAP(struct json_tokener *, json_tokener_new_ex, NULL, (int depth), (depth))

WRAP(int, sd_event_new, -ENOMEM, (sd_event * *ret), (ret))
WRAP(int, sd_event_add_io, -ENOMEM,
     (sd_event * event, sd_event_source **ret, int fd, uint32_t events,
      sd_event_io_handler_t callback, void *context),
     (event, ret, fd, events, callback, context))
WRAP(int, sd_event_add_time, -ENOMEM,
     (sd_event * event, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
      sd_event_time_handler_t callback, void *context),
     (event, ret, clock, usec, accuracy, callback, context))
WRAP(int, sd_event_add_time_relative, -ENOMEM,
     (sd_event * event, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
      sd_event_time_handler_t callback, void *context),
     (event, ret, clock, usec, accuracy, callback, context))
WRAP(int, sd_event_add_signal, -ENOMEM,
     (sd_event * event, sd_event_source **ret, int signal, sd_event_signal_handler_t callback,
      void *context),
     (event, ret, signal, callback, context))
WRAP(int, sd_event_add_defer, -ENOMEM,
     (sd_event * event, sd_event_source **ret, sd_event_handler_t callback, void *context),
     (event, ret, callback, context))
WRAP(int, sd_event_source_set_description, -ENOMEM,
     (sd_event_source * source, const char *description), (source, description))
WRAP(int, sd_event_source_set_enabled, -ENOMEM, (sd_event_source * source, int enabled),
     (source, enabled))
WRAP(int, sd_event_source_set_time_relative, -ENOMEM, (sd_event_source * source, uint64_t usec),
     (source, usec))
WRAP(int, sd_event_source_set_io_events, -ENOMEM, (sd_event_source * source, uint32_t events),
     (source, events))
WRAP(int, sd_event_source_set_priority, -ENOMEM, (sd_event_source * source, int64_t priority),
     (source, priority))

WRAP(int, pthread_create, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*start)(void *), void *context),
     (thread, attr, start, context))
WRAP(int, pthread_mutex_init, ENOMEM, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attr),
     (mutex, attr))
WRAP(int, pthread_cond_init, ENOMEM, (pthread_cond_t * cond, const pthread_condattr_t *attr),
     (cond, attr))
WRAP(int, pthread_condattr_init, ENOMEM, (pthread_condattr_t * attr), (attr))
WRAP(int, pthread_attr_init, ENOMEM, (pthread_attr_t * attr), (attr))
WRAP(int, pthread_attr_setstacksize, EINVAL, (pthread_attr_t * attr, size_t size), (attr, size))
WRAP(int, pthread_atfork, ENOMEM,
     (void (*prepare)(void), void (*parent)(void), void (*child)(void)), (prepare, parent, child))

WRAP(int, posix_spawnattr_init, ENOMEM, (posix_spawnattr_t * attr), (attr))
WRAP(int, posix_spawn_file_actions_init, ENOMEM, (posix_spawn_file_actions_t * actions), (actions))
WRAP(int, posix_spawn_file_actions_adddup2, ENOMEM,
     (posix_spawn_file_actions_t * actions, int fd, int new_fd), (actions, fd, new_fd))
WRAP(int, posix_spawn_file_actions_addopen, ENOMEM,
     (posix_spawn_file_actions_t * actions, int fd, const char *path, int flags, mode_t mode),
     (actions, fd, path, flags, mode))
WRAP(int, posix_spawn_file_actions_addclosefrom_np, ENOMEM,
     (posix_spawn_file_actions_t * actions, int from), (actions, from))
WRAP(int, posix_spawn_file_actions_addchdir_np, ENOMEM,
     (posix_spawn_file_actions_t * actions, const char *path), (actions, path))
