#pragma once

/*
 * The agent's own socket: who asks for its status gets it at once, whatever the store does. One
 * request a connection, one line of JSON each way: {"verb":"status"}. Only its own user and root
 * are answered.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/base/fault.h"
#include "common/base/json.h"
#include "common/base/macro.h"

#define CONTROL_PEERS_MAX 8 /* further ones wait in the kernel's queue */
#define CONTROL_REQUEST_MAX ((size_t)1024)
#define CONTROL_REPLY_MAX ((size_t)16 * 1024)
#define CONTROL_STATUS_SCHEMA "paddock-agent-status/1"
#define CONTROL_LIST_SCHEMA "paddock-agent-status-list/1" /* of many agents */
#define CONTROL_TIMEOUT_USEC (2 * USEC_PER_SEC)           /* for a whole conversation */

struct control;

/* The caller puts the object. */
typedef int control_status_fn(void *context, struct json_object **ret);

/* Listens on a socket called name in the directory; one that is there already is replaced, for the
 * caller holds the machine's lock. Nothing reaches the callback outside of the event loop. */
int control_new(sd_event *event, int dir_fd, const char *name, control_status_fn *status,
		void *context, struct control **ret) _must_check_;
/* Takes the socket away. */
void control_free(struct control *control);
DEFINE_CLEANUP(struct control *, control_free)

/* The other end, blocking: asks and waits for CONTROL_TIMEOUT_USEC. -ENOENT: nobody listens there;
 * -ETIMEDOUT; -EBADMSG; -EPROTO: it answered with an error, which is in the fault. */
int control_ask(int dir_fd, const char *name, const char *verb, struct json_object **ret,
		struct fault *fault) _must_check_;
