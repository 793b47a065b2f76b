#pragma once

/*
 * The simulator: the real controller and the real agent, linked unchanged, as actors on virtual
 * time. What is exchanged below them is what they are given anyway: the ops tables of store,
 * provider, runner and clock; and the agent's event loop, its one thread and its socket, which are
 * replaced when the program is linked (event.c, channel.c).
 *
 * Every external call is a place where another actor may go on (edge.c). Whatever is left to chance
 * is drawn from one tape: from a seed at first, from a file when it is replayed, and 0 always means
 * that nothing out of the ordinary happens. That is what makes a failure replayable, and what lets
 * it be shrunk: draws are replaced by zeros for as long as it still fails (shrink.c).
 *
 * A killed actor is not torn off its stack: every call that it makes from then on fails at once and
 * without effect, until it has unwound.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/domain/machine.h"
#include "tests/sim/store-memory.h"

#define SIM_ACTORS_MAX 2048
#define SIM_TASKS_MAX 4096
#define SIM_INSTANCES_MAX 64
#define SIM_LAUNCHES_MAX 256
#define SIM_RUNS_MAX 8
#define SIM_TRACE_LINES 4000

/* What this world is like: shorter leases than the defaults, so that much happens in little time,
 * with the same order between them. */
#define SIM_BEAT_USEC (5 * USEC_PER_SEC)
#define SIM_BEAT_RUNNING_USEC (10 * USEC_PER_SEC)
#define SIM_WATCH_USEC (3 * USEC_PER_SEC)
#define SIM_BOOT_USEC (90 * USEC_PER_SEC)
#define SIM_IDLE_USEC (120 * USEC_PER_SEC)
#define SIM_CLAIM_USEC (60 * USEC_PER_SEC)
#define SIM_DRAIN_USEC (45 * USEC_PER_SEC)
#define SIM_RUN_USEC (150 * USEC_PER_SEC)
#define SIM_CLAIM_SLACK_USEC (10 * USEC_PER_SEC)
#define SIM_REAP_GRACE_USEC (120 * USEC_PER_SEC)
#define SIM_POLL_USEC USEC_PER_SEC
#define SIM_REFRESH_USEC (30 * USEC_PER_SEC)
/* What a clock may differ from the true time. Two of them by twice as much: less than what makes a
 * machine that beats look silent (3 periods less one). */
#define SIM_SKEW_MS 2000

/* --- chance ---------------------------------------------------------------------------------- */

struct tape {
	uint32_t *draws; /* owned */
	size_t n;
	size_t capacity;
	size_t at;     /* replay: the next one */
	bool replayed; /* beyond its end all draws are 0; else they come from the seed */
	uint64_t seed;
};
void tape_done(struct tape *tape);
int tape_copy(const struct tape *from, struct tape *ret) _must_check_;

uint32_t sim_draw(void);
/* 0 … n-1. */
uint32_t sim_pick(uint32_t n);
/* low … high, both included. */
uint64_t sim_between(uint64_t low, uint64_t high);
bool sim_chance(unsigned permille);

/* --- actors, tasks and time ------------------------------------------------------------------ */

/* A process with clocks of its own. */
struct actor {
	char name[40];
	size_t index;
	bool dead; /* killed, or has left */
	bool left; /* its task is over */
	bool frozen;
	uint64_t thaw_usec;
	uint64_t cut_until_usec;  /* it cannot reach anything until then */
	uint64_t heard_usec;      /* when the last call that the store answered was sent */
	int64_t boot_offset_usec; /* of its CLOCK_BOOTTIME */
	int64_t wall_offset_ms;   /* of its wall clock, which must not matter */
	int64_t skew_ms;          /* of what it takes for the store's now */
	struct clock clock;
	volatile sig_atomic_t cancelled; /* Ctrl-C */
	bool is_agent;
	unsigned calls; /* external ones, so far */
	unsigned dead_calls;
};

struct actor *actor_new(const char *name);
/* kill -9: it unwinds without any further effect. */
void actor_kill(struct actor *actor);
/* It ends by itself: whatever it has left under way unwinds. */
void actor_leave(struct actor *actor);
void actor_freeze(struct actor *actor, uint64_t usec);

typedef void task_fn(void *context);
struct task;
struct task *task_start(struct actor *actor, task_fn *fn, void *context);
/* At that virtual time; on the scheduler's own stack, so it may not block. */
void sim_at(uint64_t usec, task_fn *fn, void *context);

uint64_t sim_now(void); /* microseconds of true time, from 0 */
uint64_t sim_ms_at(uint64_t usec);
uint64_t sim_now_ms(void); /* the same since the epoch: what the store's clock should show */
void sim_sleep(uint64_t usec);
/* Lets the others go first, also for the dead. */
void sim_yield(void);
/* Until task_wake(), or until the time has come. */
void sim_wait_until(uint64_t usec);
void task_wake(struct task *task);
bool task_is_done(const struct task *task);
struct task *sim_self(void);
struct actor *sim_actor(void);

/* --- the world ------------------------------------------------------------------------------- */

/* What may go wrong with a call. Each schedule has some of them. */
enum fate {
	FATE_FINE,
	FATE_LOST_REQUEST, /* never executed; the caller waits in vain */
	FATE_LOST_REPLY,   /* executed; the caller waits in vain */
	FATE_LATE,         /* executed, long after the caller has given up */
	FATE_TWICE,        /* executed, answered, and executed again later */
	FATE_SLOW,         /* executed late, answered */
	FATE_SLOW_REPLY,   /* executed, answered late */
	FATE_FREEZE,       /* executed; the caller is frozen before it hears of it */
	FATE_THROTTLED,    /* -EAGAIN */
	FATE_ERROR,        /* -EIO, not executed */
	FATE_CRASH_BEFORE, /* the caller is killed, and its request never leaves */
	FATE_CRASH_LATE,   /* the caller is killed, and its request is executed long after */
	FATE_CRASH_AFTER,  /* the caller is killed once it is executed */
	_FATE_MAX,
};

struct run_plan;
struct instance;
struct launch;

struct sim {
	struct tape *tape;
	uint64_t now_usec;
	uint64_t end_usec; /* nothing goes on beyond */
	bool failed;
	bool ending; /* all are being killed */
	char failure[512];
	const char *invariant; /* its name */

	struct actor *actors; /* owned */
	size_t n_actors;
	struct memory_db *db;       /* owned */
	struct instance *instances; /* owned */
	size_t n_instances;
	struct launch *launches; /* owned */
	size_t n_launches;
	struct run_plan *plans; /* owned */
	size_t n_plans;

	/* What this schedule is like. */
	unsigned trouble_permille; /* of calls */
	int focus;                 /* an enum transition whose requests are in trouble most
				      of the time; -1: none */
	unsigned fates;            /* bits of enum fate that occur */
	uint64_t calm_usec;        /* from then on nothing goes wrong any more */
	uint64_t store_away_until_usec;
	uint64_t forge_away_until_usec; /* its items cannot be reached */
	uint64_t cloud_away_until_usec;
	uint64_t no_capacity_until_usec;
	bool fair;    /* nothing goes wrong at all: what is asked for must be given */
	bool crowded; /* many runs after few machines, one after another */
	bool stale_scans;
	bool lossy_pool;
	bool agents_restart; /* a killed agent comes back, as systemd would have it */

	/* Counted for the report. */
	uint64_t calls;
	uint64_t switches;
	unsigned commands; /* names given out */

	char (*trace)[200]; /* owned; the last lines; NULL: not wanted */
	size_t n_trace;
	bool loud; /* straight to stdout */
};
extern struct sim *sim;

/* A line of the trace. */
void sim_note(const char *format, ...) _printf_(1, 2);
/* The schedule has shown a violation; the first one counts. */
void sim_fail(const char *invariant, const char *format, ...) _printf_(2, 3);
/* Whether things may still be made to go wrong. */
bool sim_is_calm(void);

/* Turns the world: until nothing is left to happen, a violation, or end_usec. */
void sched_run(void (*each_second)(void));
/* Kills all actors and lets them unwind. */
void sched_end(void);

/* --- edge.c ---------------------------------------------------------------------------------- */

enum { CALL_STORE = 1, CALL_FORGE = 2, CALL_CLOUD = 4, CALL_WRITES = 8 };
struct call {
	struct actor *actor;
	enum fate fate;
	const char *name;
	uint64_t sent_usec;
	uint64_t again_usec; /* to be executed (again) then; 0: no */
};
struct fault;
/* The request travels. < 0: it is not executed, or not while the caller waits. */
int call_begin(struct call *call, struct actor *actor, unsigned flags, const char *name,
	       struct fault *fault);
/* The same for a change of a record. */
int call_begin_change(struct call *call, struct actor *actor, int transition, struct fault *fault);
/* The answer travels. Returns r, or what the caller gets instead. */
int call_end(struct call *call, int r, struct fault *fault);

/* After a change of a machine's record: what lay in wait for it comes. */
void edge_on_change(const char *id);
/* After a schedule. */
void edge_done(void);

/* A connection for an actor. */
struct store *edge_store(struct actor *actor);
/* By "sim:<actor's index>", as agents open it. */
int edge_open(const char *address, bool create, const struct clock *clock, struct store **ret,
	      struct fault *fault);

/* --- schedule.c, shrink.c -------------------------------------------------------------------- */

struct outcome {
	bool failed;
	char invariant[32];
	char failure[512];
	uint64_t calls;
	uint64_t virtual_usec;
	size_t machines, granted, refused, jobs;
};

/* Runs one schedule off the tape. trace: printed on failure, or all of it when loud. */
void schedule_run(struct tape *tape, bool trace, bool loud, struct outcome *ret);
void sim_print_trace(void);

/* Replaces the tape by one with more zeros that fails in the same way. Returns the tries. */
unsigned shrink(struct tape *tape, const struct outcome *failure, double seconds);
