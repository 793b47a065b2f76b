#pragma once

/* Where the controller meets the world: argv, environment, files, signals. Everything below works
 * on a struct controller and knows of none of this. */

#include <stdbool.h>

#include "common/aws/call.h"
#include "common/base/exit.h"
#include "common/base/table.h"
#include "common/base/verb.h"
#include "controller/controller.h"
#include "controller/converge/converge.h"

/* For test builds: puts something between the controller and its store. */
struct hooks {
	struct store *(*wrap_store)(struct store *store);
};

#define AGENT_ENVIRONMENT_MAX 32

/* The context of every verb. */
struct edges {
	struct config config;
	struct settings settings;
	const struct hooks *hooks; /* may be NULL */

	/* Built by edges_open(). */
	bool prepared; /* all but the store, the forge and the provider */
	struct controller controller;
	char *store_address, *state_dir, *agent_path; /* owned */
	char *agent_beat, *agent_boot;                /* owned: flags' values for local agents */
	const char *agent_flags[10];
	char *agent_environment[AGENT_ENVIRONMENT_MAX + 1]; /* owned: likewise, NULL-ended */
	struct local_options local;
	struct aws *aws; /* owned; NULL until somebody asks for it */
};

extern const struct verb *const verbs[]; /* verbs.c: in the order the help shows */

/* The whole program. hooks may be NULL. Returns an exit code. */
int controller_main(int argc, char **argv, const struct hooks *hooks);

/* Checks the settings, finds the places that they name, and catches SIGINT, SIGTERM and SIGHUP. The
 * others begin with it. */
int edges_prepare(struct edges *edges, struct fault *fault) _must_check_;
/* Opens what the settings name. create: a store that is not there is made; otherwise -ENOENT with a
 * cure. The store (and the forge in it), the provider, and both. */
int edges_open_store(struct edges *edges, bool create, struct fault *fault) _must_check_;
int edges_open_provider(struct edges *edges, struct fault *fault) _must_check_;
int edges_open(struct edges *edges, bool create, struct fault *fault) _must_check_;
void edges_close(struct edges *edges);

/* AWS as the settings name it; borrowed, one a program. -ENOENT without a region. */
int edges_aws(struct edges *edges, struct aws **ret, struct fault *fault) _must_check_;

/* What is looked at before the store is opened, because the store may be a part of it. */
int edges_converge(struct edges *edges, struct converge *ret, struct fault *fault) _must_check_;

bool edges_want_json(const struct edges *edges);

/* Prints one JSON document of a schema ("paddock-status/1") on stdout: adds "schema" in front and
 * takes the body over. Returns EXIT_OK or EXIT_FAILED. */
int print_json(const char *schema, struct json_object *body);

/* The row of cells that follows, into a table whose cells are text. */
#define table_row(table, ...) table_add(table, (const char *const[]){ __VA_ARGS__ })

/* "3.2s", "5min" in the past or ahead; "-" for 0. Caller's buffers of DURATION_TEXT_MAX. */
const char *age_text(uint64_t from_ms, uint64_t to_ms, char *text, size_t size);
