#include "controller/provider/ec2-plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/words.h"
#include "common/domain/run.h"

struct subnets {
	const struct ec2_pool *rows[EC2_PLAN_SUBNETS_MAX]; /* one that has it */
	size_t n;
};

int ec2_plan_make(const struct ec2_choice *choice, const char *template_id, const char *version,
		  const char *image, struct ec2_plan *ret)
{
	int r;

	*ret = (struct ec2_plan){};
	r = str_copy(ret->template_id, sizeof(ret->template_id), template_id);
	if (r == 0)
		r = str_copy(ret->template_version, sizeof(ret->template_version), version);
	if (r == 0)
		r = str_copy(ret->image, sizeof(ret->image), image ? image : "");
	if (r < 0 || !choice)
		return r;
	ret->spot = choice->spot;
	ret->n = choice->n;
	memcpy(ret->pools, choice->pools, choice->n * sizeof(*ret->pools));
	return 0;
}

static size_t find_subnet(const struct subnets *subnets, const char *id)
{
	size_t i = 0;

	while (i < subnets->n && strcmp(subnets->rows[i]->subnet, id) != 0)
		i++;
	return i;
}

static int list_subnets(const struct ec2_plan *plan, struct subnets *ret)
{
	*ret = (struct subnets){};
	for (size_t i = 0; i < plan->n; i++) {
		size_t at = find_subnet(ret, plan->pools[i].subnet);

		if (at == EC2_PLAN_SUBNETS_MAX)
			return -EINVAL;
		if (at == ret->n)
			ret->rows[ret->n++] = &plan->pools[i];
	}
	return 0;
}

static int write_pools(const struct ec2_plan *plan, const struct subnets *subnets, struct buf *buf)
{
	const char *type = "";
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n; i++) {
		const struct ec2_pool *pool = &plan->pools[i];
		size_t at = find_subnet(subnets, pool->subnet);

		if (strcmp(pool->type, type) == 0)
			r = buf_printf(buf, ",%zu", at);
		else
			r = buf_printf(buf, " type=%s/%zu", pool->type, at);
		type = pool->type;
	}
	return r;
}

int ec2_plan_write(const struct ec2_plan *plan, char **ret)
{
	_cleanup_buf_ struct buf buf = {};
	struct subnets subnets;
	int r;

	buf_init(&buf, RUN_PLAN_MAX - 1);
	if (plan->n == 0 || !plan->template_id[0] || !plan->template_version[0])
		return -EINVAL;
	r = list_subnets(plan, &subnets);
	if (r == 0)
		r = buf_printf(&buf, "usage=%s template=%s version=%s",
			       plan->spot ? "spot" : "on-demand", plan->template_id,
			       plan->template_version);
	if (r == 0 && plan->image[0])
		r = buf_printf(&buf, " image=%s", plan->image);
	for (size_t i = 0; r == 0 && i < subnets.n; i++)
		r = buf_printf(&buf, " subnet=%s/%s", subnets.rows[i]->subnet,
			       subnets.rows[i]->zone);
	if (r == 0)
		r = write_pools(plan, &subnets, &buf);
	if (r < 0)
		return r;
	*ret = strdup(buf_text(&buf));
	return *ret ? 0 : -ENOMEM;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
	struct ec2_plan plan;
	struct ec2_pool subnets[EC2_PLAN_SUBNETS_MAX]; /* without types */
	size_t n_subnets;
	bool has_usage;
};

static int copy_word(const char *value, char *ret, size_t size)
{
	return !ret[0] && value[0] && str_copy(ret, size, value) == 0 ? 0 : -EBADMSG;
}

/* "left/right"; *ret is the right part, the left one is cut out of the text. */
static int cut(char *text, char **ret)
{
	char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1])
		return -EBADMSG;
	*slash = '\0';
	*ret = slash + 1;
	return 0;
}

static int read_usage(struct reading *reading, char *value)
{
	if (reading->has_usage)
		return -EBADMSG;
	reading->has_usage = true;
	reading->plan.spot = strcmp(value, "spot") == 0;
	return reading->plan.spot || strcmp(value, "on-demand") == 0 ? 0 : -EBADMSG;
}

static int read_template(struct reading *reading, char *value)
{
	return copy_word(value, reading->plan.template_id, sizeof(reading->plan.template_id));
}

static int read_version(struct reading *reading, char *value)
{
	return copy_word(value, reading->plan.template_version,
			 sizeof(reading->plan.template_version));
}

static int read_image(struct reading *reading, char *value)
{
	return copy_word(value, reading->plan.image, sizeof(reading->plan.image));
}

static int read_subnet(struct reading *reading, char *value)
{
	struct ec2_pool *subnet = &reading->subnets[reading->n_subnets];
	char *zone;
	int r;

	if (reading->n_subnets == EC2_PLAN_SUBNETS_MAX)
		return -EBADMSG;
	r = cut(value, &zone);
	if (r == 0)
		r = copy_word(value, subnet->subnet, sizeof(subnet->subnet));
	if (r == 0)
		r = copy_word(zone, subnet->zone, sizeof(subnet->zone));
	reading->n_subnets += r == 0;
	return r;
}

static int add_pool(struct reading *reading, const char *type, const char *number)
{
	struct ec2_plan *plan = &reading->plan;
	uint64_t at;

	if (plan->n == EC2_POOLS_MAX || parse_u64(number, &at) < 0 || at >= reading->n_subnets)
		return -EBADMSG;
	plan->pools[plan->n] = reading->subnets[at];
	return copy_word(type, plan->pools[plan->n++].type, EC2_TYPE_MAX);
}

static int read_type(struct reading *reading, char *value)
{
	char *numbers, *number;
	int r = cut(value, &numbers);

	while (r == 0 && (number = strsep(&numbers, ",")))
		r = add_pool(reading, value, number);
	return r;
}

static int read_word(struct reading *reading, const char *word)
{
	static const struct {
		const char *key;
		int (*read)(struct reading *reading, char *value);
	} words[] = {
		{ "usage=", read_usage },     { "template=", read_template },
		{ "version=", read_version }, { "image=", read_image },
		{ "subnet=", read_subnet },   { "type=", read_type },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i].key);
		_cleanup_free_ char *value = NULL;

		if (strncmp(word, words[i].key, n) != 0)
			continue;
		value = strdup(word + n);
		return value ? words[i].read(reading, value) : -ENOMEM;
	}
	return -EBADMSG;
}

int ec2_plan_read(const char *text, struct ec2_plan *ret, struct fault *fault)
{
	_cleanup_(words_freep) struct words *words = NULL;
	_cleanup_free_ struct reading *reading = calloc(1, sizeof(*reading));
	int r;

	if (!reading)
		return -ENOMEM;
	r = strlen(text) < RUN_PLAN_MAX ? words_split(text, &words) : -EBADMSG;
	for (size_t i = 0; r == 0 && words && i < words->n; i++)
		r = read_word(reading, words->words[i]);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !reading->has_usage || !reading->plan.template_id[0] ||
	    !reading->plan.template_version[0] || reading->plan.n == 0)
		return fault_set(fault, EBADMSG, "'%.80s' is no plan of a launch", text);
	*ret = reading->plan;
	return 0;
}

const char *ec2_plan_zone(const struct ec2_plan *plan, const char *subnet)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (strcmp(plan->pools[i].subnet, subnet) == 0)
			return plan->pools[i].zone;
	}
	return "";
}

void ec2_plan_image(const struct ec2_plan *plan, char *ret, size_t size)
{
	if (plan->image[0])
		(void)snprintf(ret, size, "%s", plan->image);
	else
		(void)snprintf(ret, size, "%s:%s", plan->template_id, plan->template_version);
}
