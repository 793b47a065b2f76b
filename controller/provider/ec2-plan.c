/*
 * {"usage":"spot","template":"lt-1","version":"7","image":"ami-1","subnets":["subnet-1"],
 *  "zones":["eu-west-1a"],"types":["r6i.large"],"pools":["0.0"]}
 *
 * A pool is a type and a subnet, by their places in the lists before; a zone is that of the subnet
 * in the same place. Names are in the order in which pools first need them.
 */

#include "controller/provider/ec2-plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/parse.h"

/* What a plan of the longest names needs, so that none is ever too long for an intent. */
#define PER_TYPE (EC2_TYPE_MAX - 1 + sizeof("\"\",\"59.15\",") - 1)
#define PER_SUBNET (EC2_ID_MAX - 1 + EC2_ZONE_MAX - 1 + sizeof("\"\",\"\",") - 1)
#define REST                                                                                  \
	(sizeof("{\"usage\":\"on-demand\",\"template\":\"\",\"version\":\"\",\"image\":\"\"," \
		"\"subnets\":[],\"zones\":[],\"types\":[],\"pools\":[]}") +                   \
	 2UL * EC2_ID_MAX + EC2_VERSION_MAX)
_Static_assert(EC2_POOLS_MAX *PER_TYPE + EC2_SUBNETS_MAX * PER_SUBNET + REST <= RUN_PLAN_MAX,
	       "every plan fits an intent");

/* The names of a plan, each once. Borrowed from its pools. */
struct names {
	const char *types[EC2_POOLS_MAX];
	size_t n_types;
	const char *subnets[EC2_SUBNETS_MAX];
	const char *zones[EC2_SUBNETS_MAX];
	size_t n_subnets;
};

/* Of these characters all names of EC2's are made; JSON takes them as they are. */
static bool is_name(const char *text, size_t size)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-_";
	size_t length = strnlen(text, size);

	return length > 0 && length < size && strspn(text, good) == length;
}

static bool is_version(const char *text)
{
	uint64_t version = 0;

	return memchr(text, '\0', EC2_VERSION_MAX) && text[0] != '0' &&
	       parse_u64(text, &version) == 0;
}

static size_t find(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static int add_pool(struct names *names, const struct ec2_pool *pool)
{
	size_t type, subnet;

	if (!is_name(pool->type, EC2_TYPE_MAX) || !is_name(pool->subnet, EC2_ID_MAX) ||
	    !is_name(pool->zone, EC2_ZONE_MAX))
		return -EINVAL;
	type = find(names->types, names->n_types, pool->type);
	if (type == names->n_types)
		names->types[names->n_types++] = pool->type;
	subnet = find(names->subnets, names->n_subnets, pool->subnet);
	if (subnet < names->n_subnets)
		return strcmp(names->zones[subnet], pool->zone) == 0 ? 0 : -EINVAL;
	if (subnet == EC2_SUBNETS_MAX)
		return -EINVAL;
	names->subnets[subnet] = pool->subnet;
	names->zones[subnet] = pool->zone;
	names->n_subnets++;
	return 0;
}

static bool is_same_pool(const struct ec2_pool *a, const struct ec2_pool *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->subnet, b->subnet) == 0;
}

static int collect(const struct ec2_plan *plan, struct names *names)
{
	int r;

	if (!is_name(plan->template_id, EC2_ID_MAX) || !is_version(plan->version) ||
	    (plan->image[0] && !is_name(plan->image, EC2_ID_MAX)))
		return -EINVAL;
	if (plan->n == 0 || plan->n > EC2_POOLS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < plan->n; i++) {
		r = add_pool(names, &plan->pools[i]);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (is_same_pool(&plan->pools[k], &plan->pools[i]))
				return -EINVAL;
	}
	return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static int write_head(const struct ec2_plan *plan, struct buf *buf)
{
	int r;

	r = buf_printf(buf, "{\"usage\":\"%s\",\"template\":\"%s\",\"version\":\"%s\"",
		       plan->spot ? "spot" : "on-demand", plan->template_id, plan->version);
	if (r == 0 && plan->image[0])
		r = buf_printf(buf, ",\"image\":\"%s\"", plan->image);
	return r;
}

static int write_list(const char *key, const char *const *texts, size_t n, struct buf *buf)
{
	int r;

	r = buf_printf(buf, ",\"%s\":[", key);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = buf_printf(buf, "%s\"%s\"", i > 0 ? "," : "", texts[i]);
	return r < 0 ? r : buf_add_text(buf, "]");
}

static int write_pools(const struct ec2_plan *plan, const struct names *names, struct buf *buf)
{
	int r;

	r = buf_add_text(buf, ",\"pools\":[");
	for (size_t i = 0; r == 0 && i < plan->n; i++)
		r = buf_printf(buf, "%s\"%zu.%zu\"", i > 0 ? "," : "",
			       find(names->types, names->n_types, plan->pools[i].type),
			       find(names->subnets, names->n_subnets, plan->pools[i].subnet));
	return r < 0 ? r : buf_add_text(buf, "]}");
}

int ec2_plan_write(const struct ec2_plan *plan, char **ret)
{
	_cleanup_buf_ struct buf buf = {};
	struct names names = {};
	int r;

	r = collect(plan, &names);
	if (r < 0)
		return r;
	buf_init(&buf, RUN_PLAN_MAX - 1);
	r = write_head(plan, &buf);
	if (r == 0)
		r = write_list("subnets", names.subnets, names.n_subnets, &buf);
	if (r == 0)
		r = write_list("zones", names.zones, names.n_subnets, &buf);
	if (r == 0)
		r = write_list("types", names.types, names.n_types, &buf);
	if (r == 0)
		r = write_pools(plan, &names, &buf);
	if (r < 0)
		return r;
	*ret = buf_take(&buf);
	return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

static int get_text(struct json_object *object, const char *key, char *to, size_t size,
		    struct fault *fault)
{
	const char *text = "";
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r < 0)
		return r;
	if (str_copy(to, size, text) < 0)
		return fault_set(fault, EBADMSG, "%s is too long", key);
	return 0;
}

static int get_list(struct json_object *object, const char *key, const char **texts, size_t max,
		    size_t *ret_n, struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n;
	int r;

	r = json_get_array(object, key, &array, fault);
	if (r < 0)
		return r;
	n = r > 0 ? json_object_array_length(array) : 0;
	if (n == 0 || n > max)
		return fault_set(fault, EBADMSG, "%s has none or more than %zu", key, max);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (!json_object_is_type(item, json_type_string))
			return fault_set(fault, EBADMSG, "%s has what is no text", key);
		texts[i] = json_object_get_string(item);
	}
	*ret_n = n;
	return 0;
}

static int get_pool(const char *text, const struct names *names, struct ec2_pool *pool)
{
	char type[4] = "";
	const char *point = text ? strchr(text, '.') : NULL;
	uint64_t t = 0, s = 0;

	if (!point || (size_t)(point - text) >= sizeof(type))
		return -EBADMSG;
	memcpy(type, text, (size_t)(point - text));
	if (parse_u64(type, &t) < 0 || parse_u64(point + 1, &s) < 0 || t >= names->n_types ||
	    s >= names->n_subnets)
		return -EBADMSG;
	if (str_copy(pool->type, sizeof(pool->type), names->types[t]) < 0 ||
	    str_copy(pool->subnet, sizeof(pool->subnet), names->subnets[s]) < 0 ||
	    str_copy(pool->zone, sizeof(pool->zone), names->zones[s]) < 0)
		return -EBADMSG;
	return 0;
}

static int get_pools(struct json_object *object, struct ec2_plan *plan, struct fault *fault)
{
	const char *pools[EC2_POOLS_MAX] = {};
	struct names names = {};
	size_t n_zones = 0;
	int r;

	r = get_list(object, "types", names.types, EC2_POOLS_MAX, &names.n_types, fault);
	if (r == 0)
		r = get_list(object, "subnets", names.subnets, EC2_SUBNETS_MAX, &names.n_subnets,
			     fault);
	if (r == 0)
		r = get_list(object, "zones", names.zones, EC2_SUBNETS_MAX, &n_zones, fault);
	if (r == 0)
		r = get_list(object, "pools", pools, EC2_POOLS_MAX, &plan->n, fault);
	if (r < 0)
		return r;
	if (n_zones != names.n_subnets)
		return fault_set(fault, EBADMSG, "not as many zones as subnets");
	for (size_t i = 0; i < plan->n; i++)
		if (get_pool(pools[i], &names, &plan->pools[i]) < 0)
			return fault_set(fault, EBADMSG, "pools has one that is none");
	return 0;
}

static int plan_from(struct json_object *object, struct ec2_plan *plan, struct fault *fault)
{
	char usage[16] = "";
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "not a JSON object");
	r = get_text(object, "usage", usage, sizeof(usage), fault);
	if (r == 0)
		r = get_text(object, "template", plan->template_id, sizeof(plan->template_id),
			     fault);
	if (r == 0)
		r = get_text(object, "version", plan->version, sizeof(plan->version), fault);
	if (r == 0)
		r = get_text(object, "image", plan->image, sizeof(plan->image), fault);
	if (r == 0)
		r = get_pools(object, plan, fault);
	plan->spot = strcmp(usage, "spot") == 0;
	return r;
}

/* Whatever else may be odd about it: what does not come out as it went in is no plan of ours. */
int ec2_plan_read(const char *text, struct ec2_plan *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ char *again = NULL;
	struct ec2_plan plan = {};
	size_t size = strnlen(text, RUN_PLAN_MAX);
	int r;

	if (size == RUN_PLAN_MAX)
		return fault_set(fault, EBADMSG, "plan of a launch: too long");
	r = json_parse(text, size, "plan of a launch", &object, fault);
	if (r < 0)
		return r;
	r = plan_from(object, &plan, fault);
	if (r < 0)
		return fault_wrap(fault, r, "plan of a launch");
	r = ec2_plan_write(&plan, &again);
	if (r == -ENOMEM)
		return fault_set(fault, ENOMEM, "plan of a launch: out of memory");
	if (r < 0 || strcmp(again, text) != 0)
		return fault_set(fault, EBADMSG, "plan of a launch: not as it is written");
	*ret = plan;
	return 0;
}
