#pragma once

/*
 * Random faults on real processes: storm.c runs schedules, storm-act.c does what they choose,
 * storm-look.c reads /proc and the store and says what must not be.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/domain/machine.h"
#include "common/store/store.h"

#define STORM_RUNS_MAX 4096
#define STORM_CHILDREN_MAX 64
#define STORM_SIGHTS_MAX 512
#define STORM_RECORDS_MAX 4096
#define STORM_STOPPED_MAX 32

/* Nothing of a machine whose end is on record may live longer than that: a frozen agent is thawed
 * within 3 s, a job has 10 s to leave, and there is a refresh in every second round. */
#define STORM_LINGER_MS 25000

enum sight_kind { SIGHT_AGENT, SIGHT_JOB };

/* A process of ours, as /proc shows it. */
struct sight {
	enum sight_kind kind;
	pid_t pid;
	pid_t parent;
	uint64_t start_time;
	char machine[MACHINE_ID_MAX];
	char run_key[RUN_KEY_MAX]; /* of a job */
	uint64_t seq;              /* of a job */
	uint64_t condemned_ms;     /* since when it should be gone; 0: it may live */
};

/* What was asked of the controllers. */
struct storm_run {
	char key[RUN_KEY_MAX];
	char name[48];
	unsigned count;
	bool keeps; /* holds its machines until it is released */
};

/* A controller at work. */
struct storm_child {
	pid_t pid;
	unsigned log;  /* number of its output's files */
	bool killed;   /* by us */
	char verb[16]; /* for the report */
};

struct storm {
	const char *dir; /* absolute: state/ is the state directory, logs/ what controllers said */
	const char *paddock;
	char *store_path; /* owned */
	char *store;      /* owned: its address */
	uint64_t seed;
	uint64_t draws;
	unsigned target; /* agents that are kept */

	struct storm_run runs[STORM_RUNS_MAX];
	size_t n_runs, first_open; /* those before are closed */
	struct storm_child children[STORM_CHILDREN_MAX];
	size_t n_children;
	unsigned logs;

	/* Faults that are on. */
	struct {
		pid_t pid;
		uint64_t start_time, until_ms;
	} stopped[STORM_STOPPED_MAX];
	size_t n_stopped;
	pid_t locker;
	uint64_t away_until_ms; /* the store's file is elsewhere until then; 0: it is there */

	struct sight sights[STORM_SIGHTS_MAX];
	size_t n_sights;
	struct machine records[STORM_RECORDS_MAX];
	size_t n_records;

	unsigned long counts[16]; /* of each act */
	unsigned long looks;
};

uint64_t storm_now_ms(void);
/* 0 … below - 1: the same sequence for the same seed, whatever happens meanwhile. */
uint64_t storm_draw(struct storm *storm, uint64_t below);

/* --- storm-act.c --- */

extern const char *const storm_act_names[];
/* Draws an act and does it. */
void storm_act(struct storm *storm);
/* What time brings: thaws, gives the store back, reaps controllers. -1: a controller left in a way
 * that it must not. */
int storm_tick(struct storm *storm);
/* Ends all faults at once. */
void storm_calm(struct storm *storm);
/* A controller with these arguments, NULL-ended. */
void storm_controller(struct storm *storm, const char *const *arguments);
/* The same, to its end. Its exit code; 128 and more for a signal. */
int storm_call(struct storm *storm, const char *const *arguments);

/* --- storm-look.c --- */

/* Processes, then records, then judges. -1, with words on stderr, when something must not be; 0
 * also when the store gave no answer. */
int storm_look(struct storm *storm);
/* Nothing but idle machines, each with one agent; what is not so is told when tell is set. */
bool storm_is_settled(struct storm *storm, bool tell);
/* Whether this very process still lives. */
bool sight_lives(const struct sight *sight);
