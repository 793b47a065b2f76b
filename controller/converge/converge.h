#pragma once

/*
 * What Paddock needs in AWS: brought into being, kept right, and taken away again. A table of kinds
 * of things, in the order in which they are made; taking away goes backwards. Each thing is looked
 * at, and only what is positively absent or different is touched: no answer is not "absent".
 * Everything may be done twice, and by several at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/call.h"
#include "common/aws/ec2.h"
#include "controller/config.h"

/* How a thing is found. */
enum thing_state {
	THING_NOT_WANTED, /* the settings do not ask for it: no row */
	THING_ABSENT,
	THING_WRONG, /* there, and not as it ought to be */
	THING_RIGHT,
	_THING_STATE_MAX,
};

/* What became of it. */
enum thing_verdict {
	THING_OK,
	THING_MADE,
	THING_MENDED,
	THING_WOULD_MAKE,
	THING_WOULD_MEND,
	THING_REMOVED,
	THING_WOULD_REMOVE,
	THING_GONE, /* was to be removed, and is not there */
	THING_FAILED,
	_THING_VERDICT_MAX,
};
extern const char *const thing_verdict_names[_THING_VERDICT_MAX + 1];

#define THING_NAME_MAX 192
#define THING_WHY_MAX 160
#define THINGS_MAX (CLASSES_MAX + 16)

struct thing_row {
	const char *thing; /* what kind of: constant text */
	char name[THING_NAME_MAX];
	enum thing_verdict verdict;
	char why[THING_WHY_MAX]; /* of what was, or would be, done */
	int error;               /* THING_FAILED: why, and the fault of it */
	struct fault fault;
};

struct converge {
	const struct config *config;
	const struct clock *clock;
	const char *store_address;
	struct aws *aws; /* borrowed; may be NULL where converge_uses_aws() says so */
	uint64_t nonce;
	bool removing; /* looks only at what there is, not at how it ought to be */

	/* Found on the way, for what comes later; "" and 0: not known. */
	char store_region[32];
	struct ec2_template_state template;

	struct thing_row rows[THINGS_MAX];
	size_t n;
};

/* A kind of things. i counts the things of the kind. */
struct thing_ops {
	const char *name;
	size_t (*count)(const struct converge *converge);
	/* What it is called; -EINVAL when that is no name for one. */
	int (*name_of)(const struct converge *converge, size_t i, char *text, size_t size,
		       struct fault *fault);
	/* Looks only. why: of a thing that is wrong, what is. */
	int (*look)(struct converge *converge, size_t i, enum thing_state *ret, char *why,
		    size_t size, struct fault *fault);
	/* Makes it, or makes it right; as it was found. */
	int (*mend)(struct converge *converge, size_t i, enum thing_state found,
		    struct fault *fault);
	/* 0 also when it has gone meanwhile. */
	int (*remove)(struct converge *converge, size_t i, struct fault *fault);
	/* How a refusal for want of rights is cured: the actions that it takes. */
	const char *rights;
};
extern const struct thing_ops thing_table, thing_queues, thing_template, thing_parameters;
/* All of them, in the order of making; ends with NULL. */
extern const struct thing_ops *const thing_kinds[];

/* Whether the settings name anything in AWS. */
bool converge_uses_aws(const struct config *config, const char *store_address);
/* "dynamodb:TABLE" or "dynamodb:REGION/TABLE": the rest behind the colon; NULL for other stores. */
const char *converge_dynamodb(const char *store_address);

/* Looks at everything of these kinds and, but for dry_run, makes it right. What fails is a row
 * THING_FAILED, and the others go on. Rows are added. < 0 only for want of memory or room. */
int converge_make(struct converge *converge, const struct thing_ops *const *kinds,
		  bool dry_run) _must_check_;
/* Takes everything of these kinds away, the last first. What comes behind something that did not
 * go stays: the store is last. */
int converge_remove(struct converge *converge, const struct thing_ops *const *kinds,
		    bool dry_run) _must_check_;

/* The first row that failed; NULL: none. */
const struct thing_row *converge_failure(const struct converge *converge);
/* The image of new machines, as far as it is known: "" when it is not. */
const char *converge_image(const struct converge *converge);

/* Pure. */
enum thing_verdict thing_verdict_on(enum thing_state found, bool dry_run);
/* What a template is in a few words: its version's description. The same for the same content. */
#define TEMPLATE_MARK_MAX 96
int template_mark(const struct ec2_template *template, char *text, size_t size) _must_check_;

/* For the kinds: one call whose body is there. */
struct aws_call *thing_call_init(struct aws_call *call, enum aws_service service,
				 const char *operation);
