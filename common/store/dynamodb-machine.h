#pragma once

/*
 * Machine records in DynamoDB, and how they change there. Pure: requests and items.
 *
 * A change is judged here and made there. The caller has a record, as it last read it; judges by
 * transition_apply(); and asks the service to write what came out of it, on condition that every
 * attribute which the judgement looked at is still as it was. When the condition fails, the answer
 * holds the record that refused it: the caller judges again by that one, a bounded number of times.
 *
 * That this is as good as a transaction follows from two things, which test-dynamodb-machine proves
 * of every row of the table, attribute by attribute:
 *
 *   - What the judgement reads is pinned: the state, what each condition of the row reads, and what
 *     the new threshold is reckoned from. So the record that is written to would have been judged
 *     the same way.
 *   - What is written does not depend on what is not pinned, and nothing else is touched. So a beat
 *     that came in between is not lost.
 *
 * Time is judged here, too. The threshold is pinned and only ever moved by a change, so the one
 * thing that a late request can get wrong is how much time is left. Therefore no request of a
 * change may be under way for longer than half of the claim slack; what takes longer is judged
 * anew.
 *
 * The one exception: machine_fit() may cut the reason with an eye to the whole record. A record
 * that a beat has made longer meanwhile can so grow beyond 1 KB, by no more than what the beat
 * added: it costs a second write unit until the next write, and nothing else.
 *
 * In an item, fields that are not set are absent, enumerations are always there, and the id is the
 * partition key and nowhere else.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/aws/dynamodb.h"
#include "common/domain/machine.h"
#include "common/domain/transition.h"
#include "common/store/store.h"

#define DYNAMODB_MACHINE "machine" /* the kind */

/* The item of a record; the caller puts it. -E2BIG for a record that does not fit, -EINVAL for an
 * enum out of range. */
int dynamodb_machine_to_item(const struct machine *machine, struct json_object **ret) _must_check_;
/* -EBADMSG as machine_from_json(); attributes that are not known are passed over. */
int dynamodb_machine_from_item(struct json_object *item, struct machine *ret,
			       struct fault *fault) _must_check_;

/* The attributes that a condition reads, by the names of machine_fields[], NULL-ended; of
 * CONDITION_ENDED for this ending. */
const char *const *dynamodb_pins(enum condition condition, enum ending ending);

/* UpdateItem for a change that transition_apply() has judged as done: before it and after it. */
int dynamodb_change_request(const char *table, const struct machine *before,
			    const struct machine *after, const struct change *change,
			    struct buf *ret) _must_check_;

/*
 * UpdateItem for a beat. Its condition is the rule of beat_apply() itself, so a steady beat needs
 * no record that was read before: before is NULL then, or whatever is known. Refused, it has either
 * to be given up (no item: there is no record; or beat_apply() says so of the item), or is the
 * first of a new boot: that takes over from the silent one which before then shows, on condition
 * that it is still silent.
 *
 * -EINVAL: no beat, or one that before does not accept; -E2BIG as beat_apply().
 */
int dynamodb_beat_request(const char *table, const struct machine *before, const struct beat *beat,
			  uint64_t now_ms, struct buf *ret) _must_check_;

/* DeleteItem of a record that is terminated with this seq. */
int dynamodb_forget_request(const char *table, const char *id, uint64_t seq,
			    struct buf *ret) _must_check_;

/* Scan for what passes the filter, one segment of so many; start as in dynamodb.h. */
int dynamodb_machine_scan(const char *table, const struct machine_filter *filter, uint64_t segment,
			  uint64_t segments, struct json_object *start,
			  struct buf *ret) _must_check_;
