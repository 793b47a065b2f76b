#include "controller/provider/ec2-capacity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"

/* --- what errors mean ------------------------------------------------------------------------ */

enum scope {
	SCOPE_POOL,      /* this type in this zone */
	SCOPE_SUBNET,    /* whatever the type and usage */
	SCOPE_USAGE,     /* a limit of the account */
	SCOPE_SPOT,      /* the same; it speaks of spot only */
	SCOPE_ON_DEMAND, /* the same; it speaks of on-demand unless it says otherwise */
};

static const struct {
	const char *code;
	enum scope scope;
} codes[] = {
	{ "InstanceLimitExceeded", SCOPE_ON_DEMAND },
	{ "InsufficientCapacity", SCOPE_POOL },
	{ "InsufficientFreeAddressesInSubnet", SCOPE_SUBNET },
	{ "InsufficientHostCapacity", SCOPE_POOL },
	{ "InsufficientInstanceCapacity", SCOPE_POOL },
	{ "MaxFleetCountExceeded", SCOPE_USAGE },
	{ "MaxSpotInstanceCountExceeded", SCOPE_SPOT },
	{ "ReservationCapacityExceeded", SCOPE_POOL },
	{ "SpotMaxPriceTooLow", SCOPE_POOL },
	{ "UnfulfillableCapacity", SCOPE_POOL },
	{ "Unsupported", SCOPE_POOL },
	{ "VcpuLimitExceeded", SCOPE_ON_DEMAND },
};

/* Fields of the same sizes; both are terminated. */
#define COPY(to, from) memcpy((to), (from), sizeof(to))

static bool pool_of(const struct ec2_launch_error *error, struct ec2_shortage *row)
{
	if (!error->type[0])
		return false;
	COPY(row->type, error->type);
	COPY(row->zone, error->zone);
	if (!error->zone[0])
		COPY(row->subnet, error->subnet);
	return true;
}

static bool subnet_of(const struct ec2_launch_error *error, struct ec2_shortage *row)
{
	COPY(row->subnet, error->subnet);
	row->spot = false;
	row->any_usage = true;
	return error->subnet[0] != '\0';
}

/* Whether there is something to remember of it. */
static bool shortage_of(const struct ec2_launch_error *error, enum scope scope,
			struct ec2_shortage *row)
{
	bool on_demand = strcmp(error->lifecycle, "on-demand") == 0;

	row->spot = scope == SCOPE_SPOT || strcmp(error->lifecycle, "spot") == 0;
	switch (scope) {
	case SCOPE_POOL:
		row->any_usage = !row->spot && !on_demand;
		return pool_of(error, row);
	case SCOPE_SUBNET:
		return subnet_of(error, row);
	case SCOPE_USAGE:
		row->any_usage = !row->spot && !on_demand;
		return true;
	case SCOPE_SPOT:
	case SCOPE_ON_DEMAND:
		return true;
	}
	return false;
}

/* --- the memory ------------------------------------------------------------------------------ */

static bool is_same(const struct ec2_shortage *a, const struct ec2_shortage *b)
{
	if (a->any_usage != b->any_usage || (!a->any_usage && a->spot != b->spot))
		return false;
	return strcmp(a->type, b->type) == 0 && strcmp(a->zone, b->zone) == 0 &&
	       strcmp(a->subnet, b->subnet) == 0;
}

static struct ec2_shortage *first_to_expire(struct ec2_capacity *capacity)
{
	struct ec2_shortage *first = &capacity->rows[0];

	for (size_t i = 1; i < capacity->n; i++)
		if (capacity->rows[i].until_ms < first->until_ms)
			first = &capacity->rows[i];
	return first;
}

static void add(struct ec2_capacity *capacity, const struct ec2_shortage *row)
{
	struct ec2_shortage *first;

	for (size_t i = 0; i < capacity->n; i++) {
		struct ec2_shortage *old = &capacity->rows[i];

		if (!is_same(old, row))
			continue;
		if (old->until_ms < row->until_ms)
			old->until_ms = row->until_ms;
		return;
	}
	if (capacity->n < EC2_CAPACITY_ROWS_MAX) {
		capacity->rows[capacity->n++] = *row;
		return;
	}
	first = first_to_expire(capacity);
	if (first->until_ms < row->until_ms)
		*first = *row;
}

bool ec2_capacity_note(struct ec2_capacity *capacity, const struct ec2_launch_error *error,
		       uint64_t now_ms)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct ec2_shortage row = { .until_ms = now_ms + EC2_CAPACITY_MEMORY_MS };

		if (strcmp(error->code, codes[i].code) != 0)
			continue;
		if (!shortage_of(error, codes[i].scope, &row))
			return false;
		add(capacity, &row);
		return true;
	}
	return false;
}

static bool is_alive(const struct ec2_shortage *row, uint64_t now_ms)
{
	return row->until_ms > now_ms && row->until_ms - now_ms <= EC2_CAPACITY_MEMORY_MS;
}

static bool fits(const char *field, const char *text)
{
	return !field[0] || strcmp(field, text) == 0;
}

bool ec2_capacity_blocks(const struct ec2_capacity *capacity, const char *type, const char *zone,
			 const char *subnet, bool spot, uint64_t now_ms)
{
	for (size_t i = 0; capacity && i < capacity->n; i++) {
		const struct ec2_shortage *row = &capacity->rows[i];

		if (is_alive(row, now_ms) && (row->any_usage || row->spot == spot) &&
		    fits(row->type, type) && fits(row->zone, zone) && fits(row->subnet, subnet))
			return true;
	}
	return false;
}

bool ec2_capacity_blocks_subnet(const struct ec2_capacity *capacity, const char *subnet,
				uint64_t now_ms)
{
	for (size_t i = 0; capacity && i < capacity->n; i++) {
		const struct ec2_shortage *row = &capacity->rows[i];

		if (is_alive(row, now_ms) && row->any_usage && !row->type[0] &&
		    strcmp(row->subnet, subnet) == 0)
			return true;
	}
	return false;
}

void ec2_capacity_merge(struct ec2_capacity *capacity, const struct ec2_capacity *other)
{
	for (size_t i = 0; i < other->n; i++)
		add(capacity, &other->rows[i]);
}

void ec2_capacity_expire(struct ec2_capacity *capacity, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < capacity->n; i++)
		if (is_alive(&capacity->rows[i], now_ms))
			capacity->rows[kept++] = capacity->rows[i];
	capacity->n = kept;
}

/* --- as text --------------------------------------------------------------------------------- */

static int write_row(const struct ec2_shortage *row, struct json_object *object)
{
	int r;

	r = json_set_text(object, "type", row->type[0] ? row->type : NULL);
	if (r == 0)
		r = json_set_text(object, "zone", row->zone[0] ? row->zone : NULL);
	if (r == 0)
		r = json_set_text(object, "subnet", row->subnet[0] ? row->subnet : NULL);
	if (r == 0 && !row->any_usage)
		r = json_set_text(object, "usage", row->spot ? "spot" : "on-demand");
	if (r == 0)
		r = json_set_u64(object, "until", row->until_ms);
	return r;
}

static int write_rows(const struct ec2_capacity *capacity, struct json_object *array)
{
	for (size_t i = 0; i < capacity->n; i++) {
		_cleanup_json_ struct json_object *object = json_object_new_object();
		int r;

		if (!object)
			return -ENOMEM;
		r = write_row(&capacity->rows[i], object);
		if (r == 0)
			r = json_append(array, take_ptr(object));
		if (r < 0)
			return r;
	}
	return 0;
}

int ec2_capacity_write(const struct ec2_capacity *capacity, char **ret)
{
	_cleanup_json_ struct json_object *object = json_object_new_object(),
					  *array = json_object_new_array();
	const char *text;
	char *copy;
	int r;

	if (!object || !array)
		return -ENOMEM;
	r = write_rows(capacity, array);
	if (r == 0)
		r = json_set(object, "rows", take_ptr(array));
	if (r < 0)
		return r;
	text = json_text(object);
	copy = text ? strdup(text) : NULL;
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

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

static int read_row(struct json_object *object, struct ec2_shortage *row, struct fault *fault)
{
	char usage[16] = "";
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "a row is no object");
	r = get_text(object, "type", row->type, sizeof(row->type), fault);
	if (r == 0)
		r = get_text(object, "zone", row->zone, sizeof(row->zone), fault);
	if (r == 0)
		r = get_text(object, "subnet", row->subnet, sizeof(row->subnet), fault);
	if (r == 0)
		r = get_text(object, "usage", usage, sizeof(usage), fault);
	if (r == 0)
		r = json_get_u64(object, "until", &row->until_ms, fault);
	if (r < 0)
		return r;
	row->any_usage = usage[0] == '\0';
	row->spot = strcmp(usage, "spot") == 0;
	if (!row->any_usage && !row->spot && strcmp(usage, "on-demand") != 0)
		return fault_set(fault, EBADMSG, "usage is neither spot nor on-demand");
	return 0;
}

static int read_rows(struct json_object *object, struct ec2_capacity *capacity, struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n;
	int r;

	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "not a JSON object");
	r = json_get_array(object, "rows", &array, fault);
	if (r <= 0)
		return r < 0 ? r : fault_set(fault, EBADMSG, "no rows");
	n = json_object_array_length(array);
	if (n > EC2_CAPACITY_ROWS_MAX)
		return fault_set(fault, EBADMSG, "more than %d rows", EC2_CAPACITY_ROWS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct ec2_shortage row = {};

		r = read_row(json_object_array_get_idx(array, i), &row, fault);
		if (r < 0)
			return r;
		add(capacity, &row);
	}
	return 0;
}

int ec2_capacity_read(const char *text, size_t size, struct ec2_capacity *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ struct ec2_capacity *capacity = calloc(1, sizeof(*capacity));
	int r;

	if (!capacity)
		return fault_set(fault, ENOMEM, "memory of capacity: out of memory");
	if (size > EC2_CAPACITY_TEXT_MAX)
		return fault_set(fault, EBADMSG, "memory of capacity: too long");
	r = json_parse(text, size, "memory of capacity", &object, fault);
	if (r < 0)
		return r;
	r = read_rows(object, capacity, fault);
	if (r < 0)
		return fault_wrap(fault, r, "memory of capacity");
	*ret = *capacity;
	return 0;
}
