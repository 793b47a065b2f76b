#pragma once

/*
 * The round that heals: reaps what is dead, goes on ending what was terminated, gives back what
 * runs that are over still hold, keeps the warm minimum, forgets the long dead. Safe to run at any
 * time, from many places at once; from cron, or by hand.
 */

#include <stdbool.h>

#include "controller/controller.h"

/* What refresh makes of one machine. */
enum verdict_on_machine {
	REFRESH_KEEP,
	REFRESH_TERMINATE, /* ending says why */
	REFRESH_DRAIN,     /* its run is over */
	REFRESH_TEARDOWN,  /* terminated, but its provider still has it */
	REFRESH_FORGET,    /* terminated, gone, and its time to be remembered is over */
	REFRESH_HOLD,      /* would be reaped, but too many fell silent at once */
	_REFRESH_MAX,
};
extern const char *const refresh_names[_REFRESH_MAX + 1];

struct refresh_row {
	struct machine machine;
	enum presence presence;
	enum verdict_on_machine verdict;
	enum ending ending;
	const char *why; /* constant text */
	bool done;       /* the write went through */
};

struct refresh_view {
	uint64_t now_ms;
	struct leases leases;
	bool hold_still;   /* refresh_holds_still() */
	const char *image; /* of new machines; NULL or "": any will do */
};

/* Pure. It was made from another image than new machines are. Nothing is said of a record that
 * holds no image, or one in other words: only images of EC2 ("ami-…") are compared. */
bool machine_is_outdated(const struct machine *machine, const char *image);

/* Pure. run_is_over: the run record says refused or closed. */
void refresh_judge(struct refresh_row *row, const struct refresh_view *view, bool run_is_over);

/* More than half of the machines that ought to beat are silent, at least HOLD_STILL_MIN of them,
 * and their providers do not say that they are gone: the fault is likelier ours (the store was
 * away, this clock is wrong) than theirs. */
#define HOLD_STILL_MIN 4
bool refresh_holds_still(const struct refresh_row *rows, size_t n, uint64_t now_ms);

/* Pure. A machine without a record, which its provider says is there, has had boot time and the
 * grace for getting one: what should have ended it never came up. */
bool orphan_is_overdue(const struct handle *handle, const struct refresh_view *view);

/* Pure. An idle machine whose agent should have offered it again by itself: more than half of its
 * idle time is over, and there is enough left for somebody to claim it. */
bool refresh_offers(const struct machine *machine, const struct refresh_view *view);

struct refresh_result {
	struct refresh_row *rows; /* owned; kept machines are not among them */
	size_t n;
	size_t seen;     /* live machines looked at */
	size_t launched; /* for the warm minimum */
	size_t outdated; /* idle, of another image than today's: not warm, and left to expire */
	size_t offered;  /* idle machines, once more */
	size_t orphans;  /* of the provider's, without a record: gone or overdue, removed */
	bool held_still;
};
void refresh_result_done(struct refresh_result *result);
#define _cleanup_refresh_result_ _cleanup_(refresh_result_done)

/* dry_run: only looks; rows say what would be done. */
int refresh_run(const struct controller *controller, bool dry_run, struct refresh_result *ret,
		struct fault *fault) _must_check_;
