#pragma once

/* How machines and results are shown: one place for the columns and for the JSON of each. */

#include "controller/follow.h"
#include "controller/provision/provision.h"
#include "controller/refresh.h"
#include "controller/release.h"
#include "controller/verbs/edges.h"

/* A machine as programs read it: every field of the record. NULL: no memory. */
struct json_object *machine_json(const struct machine *machine);

/* What was granted: on stdout, as a table or as JSON ("paddock-provision/1"). Returns the exit code
 * of the result. start_ms: the store's time when provision began. */
int report_provision(const struct edges *edges, const struct request *request,
		     const struct provision_result *result, uint64_t start_ms);
/* The exit code alone. */
int provision_exit_code(enum provision_end end);

/* "paddock-plan/1": what provision would do. */
int report_plan(const struct edges *edges, const struct request *request,
		const struct provision_result *result, uint64_t to_make);

int report_warm(const struct edges *edges, const char *class_name,
		const struct warm_result *result); /* "paddock-warm/1" */
int report_release(const struct edges *edges, const char *run_key,
		   const struct release_result *result); /* "paddock-release/1" */
int report_refresh(const struct edges *edges, bool dry_run, const struct converge *converge,
		   const struct refresh_result *result); /* "paddock-refresh/1" */
/* What was done to the things in AWS: a table, and why what failed did, on stderr. Returns the exit
 * code of the worst. JSON: "things", in the body of another answer. */
int report_things(const struct converge *converge);
void report_failed_things(const struct converge *converge);
int things_exit_code(const struct converge *converge);
int things_json(const struct converge *converge, struct json_object *body) _must_check_;
/* One line a machine on stderr when something is to be said; nothing for a single exit code 0. */
void report_follow(const struct follow *follows, size_t n);
/* All machines: "paddock-status/1". */
int report_status(const struct edges *edges, const struct records *records, uint64_t now_ms);
