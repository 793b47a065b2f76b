#include "controller/converge/converge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"

#define BODY_MAX (128UL * 1024) /* user data, in base 64, percent-encoded */
#define DYNAMODB "dynamodb:"

const char *const thing_verdict_names[_THING_VERDICT_MAX + 1] = {
	[THING_OK] = "ok",
	[THING_MADE] = "made",
	[THING_MENDED] = "mended",
	[THING_WOULD_MAKE] = "would make",
	[THING_WOULD_MEND] = "would mend",
	[THING_REMOVED] = "removed",
	[THING_WOULD_REMOVE] = "would remove",
	[THING_GONE] = "gone",
	[THING_FAILED] = "failed",
};

/* Queues may be made while the store is missing, and the template tells machines of both. */
const struct thing_ops *const thing_kinds[] = {
	&thing_table, &thing_queues, &thing_template, &thing_parameters, NULL,
};

const char *converge_dynamodb(const char *store_address)
{
	size_t length = strlen(DYNAMODB);

	return strncmp(store_address, DYNAMODB, length) == 0 ? store_address + length : NULL;
}

bool converge_uses_aws(const struct config *config, const char *store_address)
{
	return strcmp(config->provider, "ec2") == 0 || strcmp(config->pool, "sqs") == 0 ||
	       converge_dynamodb(store_address);
}

struct aws_call *thing_call_init(struct aws_call *call, enum aws_service service,
				 const char *operation)
{
	aws_call_init(call, service, operation, BODY_MAX);
	return call;
}

enum thing_verdict thing_verdict_on(enum thing_state found, bool dry_run)
{
	if (found == THING_ABSENT)
		return dry_run ? THING_WOULD_MAKE : THING_MADE;
	if (found == THING_WRONG)
		return dry_run ? THING_WOULD_MEND : THING_MENDED;
	return THING_OK;
}

const struct thing_row *converge_failure(const struct converge *converge)
{
	for (size_t i = 0; i < converge->n; i++) {
		if (converge->rows[i].verdict == THING_FAILED)
			return &converge->rows[i];
	}
	return NULL;
}

const char *converge_image(const struct converge *converge)
{
	if (strcmp(converge->config->provider, "ec2") != 0)
		return "";
	if (converge->config->ec2.ami_id)
		return converge->config->ec2.ami_id;
	return converge->template.image;
}

static void fail(struct thing_row *row, int r, const struct thing_ops *ops)
{
	row->verdict = THING_FAILED;
	row->error = r;
	if (row->fault.cure[0])
		return;
	if (r == -EACCES)
		(void)fault_cure(&row->fault, r,
				 "allow these credentials %s (docs/aws-things.md lists all)",
				 ops->rights);
	else if (fault_is_transient(r, &row->fault))
		(void)fault_cure(&row->fault, r, "run it again in a minute");
}

/* What is looked at, and what is then done to it, as two steps of one row. */
static int make_one(struct converge *converge, const struct thing_ops *ops, size_t i,
		    struct thing_row *row, bool dry_run)
{
	enum thing_state found = THING_NOT_WANTED;
	int r;

	r = ops->name_of(converge, i, row->name, sizeof(row->name), &row->fault);
	if (r == 0)
		r = ops->look(converge, i, &found, row->why, sizeof(row->why), &row->fault);
	if (r == 0 && found == THING_NOT_WANTED)
		return 0;
	row->verdict = thing_verdict_on(found, dry_run);
	if (r == 0 && found != THING_RIGHT && !dry_run)
		r = ops->mend(converge, i, found, &row->fault);
	if (r < 0)
		fail(row, r, ops);
	return 1;
}

static int remove_one(struct converge *converge, const struct thing_ops *ops, size_t i,
		      struct thing_row *row, bool dry_run)
{
	enum thing_state found = THING_NOT_WANTED;
	int r;

	/* What cannot be called so cannot be there. */
	if (ops->name_of(converge, i, row->name, sizeof(row->name), &row->fault) < 0)
		return 0;
	r = ops->look(converge, i, &found, row->why, sizeof(row->why), &row->fault);
	row->verdict = found == THING_ABSENT ? THING_GONE
		       : dry_run             ? THING_WOULD_REMOVE
					     : THING_REMOVED;
	if (r == 0 && found != THING_ABSENT && !dry_run)
		r = ops->remove(converge, i, &row->fault);
	if (r < 0)
		fail(row, r, ops);
	return 1;
}

static struct thing_row *next_row(struct converge *converge, const struct thing_ops *ops)
{
	struct thing_row *row;

	if (converge->n == THINGS_MAX)
		return NULL;
	row = &converge->rows[converge->n];
	*row = (struct thing_row){ .thing = ops->name };
	return row;
}

int converge_make(struct converge *converge, const struct thing_ops *const *kinds, bool dry_run)
{
	for (; *kinds; kinds++) {
		size_t n = (*kinds)->count(converge);

		for (size_t i = 0; i < n; i++) {
			struct thing_row *row = next_row(converge, *kinds);

			if (!row)
				return -ENOBUFS;
			converge->n += (size_t)make_one(converge, *kinds, i, row, dry_run);
		}
	}
	return 0;
}

/* Whether all of a kind went. */
static int remove_kind(struct converge *converge, const struct thing_ops *ops, bool dry_run)
{
	size_t n = ops->count(converge), before = converge->n;

	for (size_t i = 0; i < n; i++) {
		struct thing_row *row = next_row(converge, ops);

		if (!row)
			return -ENOBUFS;
		converge->n += (size_t)remove_one(converge, ops, i, row, dry_run);
	}
	for (size_t i = before; i < converge->n; i++) {
		if (converge->rows[i].verdict == THING_FAILED)
			return 1;
	}
	return 0;
}

int converge_remove(struct converge *converge, const struct thing_ops *const *kinds, bool dry_run)
{
	size_t n = 0;
	int r = 0;

	converge->removing = true;
	while (kinds[n])
		n++;
	while (r == 0 && n > 0)
		r = remove_kind(converge, kinds[--n], dry_run);
	return r < 0 ? r : 0;
}
