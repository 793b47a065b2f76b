/*
 * How much of everything a search has, and which guard is taken out. Read from the environment when the
 * verifier starts, so that it is made once: BROKEN=7 CRASHES=1 ./pan. Not part of the state.
 */

c_decl {
	\#include <stdlib.h>
	static int setting(const char *name, int otherwise)
	{
		const char *text = getenv(name);

		return text ? atoi(text) : otherwise;
	}
	static int broken, runs, claims, jobs, asks, crashes_max, copies_max, terms_max;
	static int leftovers_max, refresh_on, clock_on, births;
	__attribute__((constructor)) static void read_settings(void)
	{
		broken = setting("BROKEN", 0);
		runs = setting("RUNS", 1);
		claims = setting("CLAIMS", 1);
		jobs = setting("JOBS", 1);
		asks = setting("ASKS", 1);
		crashes_max = setting("CRASHES", 0);
		copies_max = setting("COPIES", 0);
		terms_max = setting("TERMS", 0);
		leftovers_max = setting("LEFTOVERS", 0);
		refresh_on = setting("REFRESH", 1);
		clock_on = setting("CLOCK", 1);
		births = setting("BIRTHS", 0);
	}
}
#define RUNS c_expr { runs }             /* that want the machine: 1, 2 */
#define CLAIMS c_expr { claims }         /* highest seq that a claim gives */
#define JOBS c_expr { jobs }             /* runs that give a command: the first so many */
#define ASKS c_expr { asks }             /* how often one command is asked for, for want of an answer */
#define CRASHES c_expr { crashes_max }   /* of the agent */
#define COPIES c_expr { copies_max }     /* requests that are executed later, whatever became of them */
#define TERMS c_expr { terms_max }       /* SIGTERM, or a spot notice */
#define LEFTOVERS c_expr { leftovers_max } /* jobs that leave what nobody can see after a crash */
#define REFRESH c_expr { refresh_on }
#define CLOCK c_expr { clock_on }        /* limits pass */
#define BIRTHS c_expr { births }         /* 0: created for the pool; 1: launched for a run; 2: either */

/* Property n of README.md. */
#define P(n, c) assert((n) == 0 || (c))

/* A guard is its condition, unless it is taken out; what stands in UNGUARD is possible only then. */
#define IS_BROKEN(name) c_expr { broken == B_##name }
#define GUARD(name, c) ((c) || IS_BROKEN(name))
#define UNGUARD(name, c) ((c) && IS_BROKEN(name))

#define B_claim_seq 1
#define B_run_claim 2
#define B_drain_claim 3
#define B_offer_seq 4
#define B_offer_last 5
#define B_threshold 6
#define B_grace 7
#define B_ticket 8
#define B_closed 9
#define B_handled 10
#define B_fresh 11
#define B_deadline 12
#define B_withdraw_first 13
#define B_clean_first 14
#define B_found_draining 15
#define B_found_running 16
#define B_cas 17
#define B_nonce 18
#define B_fence 19
#define B_superseded 20
#define B_verdict_first 21
#define B_token 22
#define B_intent_first 23
#define B_rollback 24
#define B_close_first 25
#define B_tombstone 26
#define B_unheard 27
#define B_boot 28
#define B_boot_id 29
#define B_late_drain 30
