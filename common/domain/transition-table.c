/* The table, and its words: for the docs, and for people whose wish was refused. */

#include "common/domain/transition.h"

#include <inttypes.h>
#include <string.h>

#define IN(state) (1U << (state))
#define LIVE                                                                                  \
	(IN(MACHINE_CREATED) | IN(MACHINE_IDLE) | IN(MACHINE_CLAIMED) | IN(MACHINE_RUNNING) | \
	 IN(MACHINE_DRAINING))

const struct transition_row transition_rows[_TRANSITION_MAX] = {
	[TRANSITION_CREATE] = {
		.name = "create",
		.from = IN(MACHINE_NONE),
		.to = MACHINE_CREATED,
		.lease = LEASE_BOOT,
		.by = BY_PROVISION | BY_REFRESH,
		.why = "launched for the pool; an intent was written before",
	},
	[TRANSITION_LAUNCH] = {
		.name = "launch",
		.from = IN(MACHINE_NONE),
		.to = MACHINE_CLAIMED,
		.seq_step = 1,
		.lease = LEASE_BOOT,
		.by = BY_PROVISION,
		.why = "launched for a run; an intent of this run was written before",
	},
	[TRANSITION_READY] = {
		.name = "ready",
		.from = IN(MACHINE_CREATED),
		.to = MACHINE_IDLE,
		.conditions = CONDITION_NO_RUN | CONDITION_SEQ | CONDITION_BOOT,
		.lease = LEASE_IDLE,
		.by = BY_AGENT,
		.why = "its agent is up: it may be claimed",
	},
	[TRANSITION_CLAIM] = {
		.name = "claim",
		.from = IN(MACHINE_IDLE),
		.to = MACHINE_CLAIMED,
		.conditions = CONDITION_NO_RUN | CONDITION_SEQ | CONDITION_AHEAD |
			      CONDITION_REUSE | CONDITION_NOT_LAST,
		.seq_step = 1,
		.lease = LEASE_CLAIM,
		.by = BY_PROVISION,
		.why = "given to a run",
	},
	[TRANSITION_RENEW] = {
		.name = "renew",
		.from = IN(MACHINE_CLAIMED),
		.to = MACHINE_CLAIMED,
		.conditions = CONDITION_RUN | CONDITION_SEQ,
		.lease = LEASE_CLAIM,
		.by = BY_PROVISION,
		.why = "the provisioner lives and still waits for it",
	},
	[TRANSITION_RUN] = {
		.name = "run",
		.from = IN(MACHINE_CLAIMED),
		.to = MACHINE_RUNNING,
		.conditions = CONDITION_RUN | CONDITION_SEQ | CONDITION_BOOT,
		.lease = LEASE_RUN,
		.by = BY_AGENT,
		.why = "its runner listens; from here on no provisioner is needed",
	},
	[TRANSITION_DRAIN] = {
		.name = "drain",
		.from = IN(MACHINE_CLAIMED) | IN(MACHINE_RUNNING),
		.to = MACHINE_DRAINING,
		.conditions = CONDITION_RUN | CONDITION_SEQ | CONDITION_BOOT |
			      CONDITION_UNHEARD,
		.lease = LEASE_DRAIN,
		.by = BY_PROVISION | BY_RELEASE | BY_REFRESH | BY_AGENT,
		.why = "release, rollback, notice or deadline: the claim ends, cleaning begins",
	},
	[TRANSITION_WITHDRAW] = {
		.name = "withdraw",
		.from = IN(MACHINE_CREATED) | IN(MACHINE_IDLE),
		.to = MACHINE_DRAINING,
		.conditions = CONDITION_NO_RUN | CONDITION_SEQ | CONDITION_BOOT,
		.lease = LEASE_DRAIN,
		.by = BY_AGENT,
		.why = "notice, SIGTERM or idle for too long: never to be pooled again",
	},
	[TRANSITION_OFFER] = {
		.name = "offer",
		.from = IN(MACHINE_DRAINING),
		.to = MACHINE_IDLE,
		.conditions = CONDITION_SEQ | CONDITION_NOT_LAST | CONDITION_CLEAN |
			      CONDITION_BOOT,
		.lease = LEASE_IDLE,
		.by = BY_AGENT,
		.why = "proved clean: back to the pool, nobody's",
	},
	[TRANSITION_TERMINATE] = {
		.name = "terminate",
		.from = LIVE,
		.to = MACHINE_TERMINATED,
		.conditions = CONDITION_SEQ | CONDITION_THRESHOLD | CONDITION_ENDED,
		.seq_step = 1,
		.lease = LEASE_NONE,
		.by = BY_PROVISION | BY_RELEASE | BY_REFRESH | BY_AGENT,
		.why = "its end was proved; a renewal meanwhile wins",
	},
};

const char *const ending_names[_ENDING_MAX + 1] = {
	[ENDING_NONE] = "none",     [ENDING_EXPIRED] = "expired", [ENDING_FAILED] = "failed",
	[ENDING_FENCED] = "fenced", [ENDING_DRAINED] = "drained", [ENDING_GONE] = "gone",
};

static const struct {
	enum condition condition;
	const char *name;
	const char *meaning; /* for the docs */
} condition_words[] = {
	{ CONDITION_RUN, "run key", "the record's run key is the asker's" },
	{ CONDITION_NO_RUN, "no run key", "the record belongs to no run" },
	{ CONDITION_SEQ, "seq", "the record's seq is the one that the asker read" },
	{ CONDITION_AHEAD, "time left", "threshold > now + claim slack" },
	{ CONDITION_REUSE, "reuse rule",
	  "the stricter of the last run's rule and the asker's, and the asker's image" },
	{ CONDITION_NOT_LAST, "not last", "it is not marked as never to be pooled again" },
	{ CONDITION_CLEAN, "clean", "its agent says clean of this seq, in this very write" },
	{ CONDITION_THRESHOLD, "threshold", "the threshold is the one that the asker read" },
	{ CONDITION_ENDED, "ended",
	  "threshold < now - grace, or its agent says failed, or fences itself, or it is draining, "
	  "last and clean, or its provider says that it is gone" },
	{ CONDITION_BOOT, "boot",
	  "the record bears no other boot's id than the agent's that speaks; controllers do not "
	  "speak" },
	{ CONDITION_UNHEARD, "unheard",
	  "who takes its agent for lost has read its last word: a beat meanwhile wins" },
};

_Static_assert(1 << ARRAY_SIZE(condition_words) == _CONDITION_END, "a word for each condition");

static const char *const lease_words[] = {
	[LEASE_BOOT] = "now + boot",   [LEASE_IDLE] = "now + idle",
	[LEASE_CLAIM] = "now + claim", [LEASE_RUN] = "now + max-runtime",
	[LEASE_DRAIN] = "now + drain", [LEASE_NONE] = "now",
};

static const char *const by_words[] = { "provision", "release", "refresh", "agent" };

/* "created, idle": the names of the bits that are set. */
static void print_bits(FILE *to, unsigned bits, const char *const *names, size_t n)
{
	const char *comma = "";

	for (size_t i = 0; i < n; i++) {
		if (!(bits & 1U << i))
			continue;
		(void)fprintf(to, "%s%s", comma, names[i]);
		comma = ", ";
	}
}

static void print_conditions(FILE *to, unsigned conditions)
{
	const char *comma = "";

	if (conditions == 0)
		(void)fputs("no record", to);
	for (size_t i = 0; i < ARRAY_SIZE(condition_words); i++) {
		if (!(conditions & condition_words[i].condition))
			continue;
		(void)fprintf(to, "%s%s", comma, condition_words[i].name);
		comma = ", ";
	}
}

void transition_print_markdown(FILE *to)
{
	(void)fputs("| transition | from | to | conditions | seq | new threshold | by | why |\n"
		    "|---|---|---|---|---|---|---|---|\n",
		    to);
	for (size_t i = 0; i < _TRANSITION_MAX; i++) {
		const struct transition_row *row = &transition_rows[i];

		(void)fprintf(to, "| %s | ", row->name);
		print_bits(to, row->from, machine_state_names, _MACHINE_STATE_MAX);
		(void)fprintf(to, " | %s | ", machine_state_names[row->to]);
		print_conditions(to, row->conditions);
		(void)fprintf(to, " | %s | %s | ", row->seq_step ? "+1" : "same",
			      lease_words[row->lease]);
		print_bits(to, row->by, by_words, ARRAY_SIZE(by_words));
		(void)fprintf(to, " | %s |\n", row->why);
	}

	(void)fputs("\n| condition | holds when |\n|---|---|\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(condition_words); i++)
		(void)fprintf(to, "| %s | %s |\n", condition_words[i].name,
			      condition_words[i].meaning);
}

void transition_print_text(FILE *to)
{
	for (unsigned state = 0; state < _MACHINE_STATE_MAX; state++) {
		for (size_t i = 0; i < _TRANSITION_MAX; i++) {
			const struct transition_row *row = &transition_rows[i];

			if (row->from & 1U << state)
				(void)fprintf(to, "%-8s -> %-10s  %s\n", machine_state_names[state],
					      machine_state_names[row->to], row->name);
		}
	}
}

static const char *ending_refusal(enum ending ending)
{
	switch (ending) {
	case ENDING_EXPIRED:
		return "its threshold has not passed by the grace";
	case ENDING_FAILED:
		return "its agent does not say failed";
	case ENDING_FENCED:
		return "only the agent of its own boot may fence it";
	case ENDING_DRAINED:
		return "it is not draining for good and clean";
	default:
		return "no reason for its end was given";
	}
}

/* The states of a row that the record is in none of. */
static void refuse_state(const struct change *change, const struct machine *record, char *text,
			 size_t size)
{
	const struct transition_row *row = &transition_rows[change->transition];
	char wanted[96] = "";
	size_t length = 0;

	if (row->from == 1U << MACHINE_NONE) {
		(void)snprintf(
			text, size, "there is a record already: it is %s, %s%s, seq %" PRIu64,
			machine_state_names[record->state],
			record->run_key[0] ? "of run " : "of no run", record->run_key, record->seq);
		return;
	}
	if (record->state == MACHINE_NONE) {
		(void)snprintf(text, size, "it has no record");
		return;
	}

	for (unsigned i = 0; i < _MACHINE_STATE_MAX; i++)
		if (row->from & 1U << i)
			length += (size_t)snprintf(wanted + length, sizeof(wanted) - length, "%s%s",
						   length ? " or " : "", machine_state_names[i]);
	(void)snprintf(text, size, "it is %s, not %s", machine_state_names[record->state], wanted);
}

static void refuse_reuse(const struct change *change, const struct machine *record, char *text,
			 size_t size)
{
	const struct claimant *claimant = &change->claimant;

	if (claimant->image[0] && strcmp(claimant->image, record->image) != 0)
		(void)snprintf(text, size, "its image is %s, wanted is %s",
			       record->image[0] ? record->image : "unknown", claimant->image);
	else
		(void)snprintf(text, size,
			       "the reuse rules %s (its last run's) and %s (this run's) do not "
			       "allow it after %s",
			       reuse_names[record->reuse], reuse_names[claimant->reuse],
			       record->repo[0] ? record->repo : "a run without a repository");
}

const char *change_refusal_text(const struct change *change, const struct change_outcome *outcome,
				char *text, size_t size)
{
	const struct machine *record = &outcome->record;

	switch (outcome->refusal) {
	case CONDITION_RUN:
		(void)snprintf(text, size, "it belongs to %s%s, not to run %s",
			       record->run_key[0] ? "run " : "no run", record->run_key,
			       change->claimant.run_key);
		break;
	case CONDITION_NO_RUN:
		(void)snprintf(text, size, "it belongs to run %s", record->run_key);
		break;
	case CONDITION_SEQ:
		(void)snprintf(text, size,
			       "its seq is %" PRIu64 ", not %" PRIu64 ": it changed hands",
			       record->seq, change->seq);
		break;
	case CONDITION_AHEAD:
		(void)snprintf(text, size, "too little time is left before its threshold");
		break;
	case CONDITION_REUSE:
		refuse_reuse(change, record, text, size);
		break;
	case CONDITION_NOT_LAST:
		(void)snprintf(text, size, "it is never to be pooled again");
		break;
	case CONDITION_CLEAN:
		(void)snprintf(text, size, "its agent does not say clean of seq %" PRIu64,
			       record->seq);
		break;
	case CONDITION_THRESHOLD:
		(void)snprintf(text, size, "its threshold was moved meanwhile");
		break;
	case CONDITION_ENDED:
		(void)snprintf(text, size, "%s", ending_refusal(change->ending));
		break;
	case CONDITION_BOOT:
		(void)snprintf(text, size, "another boot (%s) speaks for it", record->boot_id);
		break;
	case CONDITION_UNHEARD:
		(void)snprintf(text, size, "its agent has spoken meanwhile");
		break;
	default:
		refuse_state(change, record, text, size);
	}
	return text;
}
