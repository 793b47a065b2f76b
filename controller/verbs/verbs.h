#pragma once

/* The verbs, each in a file of its own beside the function that runs it. */

#include "controller/verbs/edges.h"

extern const struct verb verb_provision, verb_plan; /* cmd-provision.c */
extern const struct verb verb_release;              /* cmd-release.c */
extern const struct verb verb_run, verb_exec;       /* cmd-run.c */
extern const struct verb verb_refresh;              /* cmd-refresh.c */
extern const struct verb verb_status, verb_pool;    /* cmd-status.c */
extern const struct verb verb_why;                  /* cmd-why.c */
extern const struct verb verb_logs;                 /* cmd-logs.c */
extern const struct verb verb_destroy;              /* cmd-destroy.c */
extern const struct verb verb_config;               /* cmd-config.c */
extern const struct verb verb_doctor;               /* cmd-doctor.c */
extern const struct verb verb_demo;                 /* cmd-demo.c */

/* -EINVAL with a sentence unless it can be a run key. */
int check_run_key(const char *key, struct fault *fault) _must_check_;
