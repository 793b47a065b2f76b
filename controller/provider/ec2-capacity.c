#include "controller/provider/ec2-capacity.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"

/* What an error of CreateFleet speaks of. */
enum scope { SCOPE_POOL, SCOPE_SUBNET, SCOPE_ACCOUNT };

static const struct {
	const char *code;
	enum scope scope;
} codes[] = {
	{ "InsufficientInstanceCapacity", SCOPE_POOL },
	{ "UnfulfillableCapacity", SCOPE_POOL },
	{ "Unsupported", SCOPE_POOL },
	{ "ReservationCapacityExceeded", SCOPE_POOL },
	{ "InsufficientHostCapacity", SCOPE_POOL },
	{ "InsufficientCapacity", SCOPE_POOL },
	{ "InsufficientFreeAddressesInSubnet", SCOPE_SUBNET },
	{ "MaxSpotInstanceCountExceeded", SCOPE_ACCOUNT },
	{ "MaxFleetCountExceeded", SCOPE_ACCOUNT },
	{ "VcpuLimitExceeded", SCOPE_ACCOUNT },
	{ "InstanceLimitExceeded", SCOPE_ACCOUNT },
};

static void init_shortage(struct ec2_shortage *ret, const struct ec2_launch_error *error,
			  enum scope scope, uint64_t now_ms)
{
	const char *place = error->zone[0] ? error->zone : error->subnet;

	*ret = (struct ec2_shortage){
		.spot = strcmp(error->lifecycle, "spot") == 0,
		.until_ms = now_ms + EC2_CAPACITY_MEMORY_MS,
	};
	if (scope == SCOPE_POOL)
		(void)!str_copy(ret->type, sizeof(ret->type), error->type);
	if (scope == SCOPE_SUBNET)
		place = error->subnet;
	if (scope != SCOPE_ACCOUNT)
		(void)!str_copy(ret->place, sizeof(ret->place), place);
	(void)!str_copy(ret->code, sizeof(ret->code), error->code);
}

static bool same(const struct ec2_shortage *a, const struct ec2_shortage *b)
{
	return a->spot == b->spot && strcmp(a->type, b->type) == 0 &&
	       strcmp(a->place, b->place) == 0;
}

static void add(struct ec2_capacity *capacity, const struct ec2_shortage *row)
{
	struct ec2_shortage *first = &capacity->rows[0];

	for (size_t i = 0; i < capacity->n; i++) {
		struct ec2_shortage *present = &capacity->rows[i];

		if (same(present, row)) {
			if (present->until_ms < row->until_ms)
				*present = *row;
			return;
		}
		if (present->until_ms < first->until_ms)
			first = present;
	}
	if (capacity->n < EC2_CAPACITY_ROWS_MAX)
		capacity->rows[capacity->n++] = *row;
	else if (first->until_ms < row->until_ms)
		*first = *row;
}

void ec2_capacity_note(struct ec2_capacity *capacity, const struct ec2_launch_error *error,
		       uint64_t now_ms)
{
	struct ec2_shortage row;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (strcmp(error->code, codes[i].code) != 0)
			continue;
		init_shortage(&row, error, codes[i].scope, now_ms);
		/* An error that does not say of what it speaks would block everything. */
		if (codes[i].scope == SCOPE_ACCOUNT || row.type[0] || row.place[0])
			add(capacity, &row);
		return;
	}
}

const struct ec2_shortage *ec2_capacity_blocks(const struct ec2_capacity *capacity,
					       const char *type, const char *zone,
					       const char *subnet, bool spot, uint64_t now_ms)
{
	for (size_t i = 0; i < capacity->n; i++) {
		const struct ec2_shortage *row = &capacity->rows[i];

		if (row->until_ms <= now_ms || row->spot != spot)
			continue;
		if (row->type[0] && strcmp(row->type, type) != 0)
			continue;
		if (row->place[0] && strcmp(row->place, zone) != 0 &&
		    strcmp(row->place, subnet) != 0)
			continue;
		return row;
	}
	return NULL;
}

void ec2_capacity_merge(struct ec2_capacity *capacity, const struct ec2_capacity *other)
{
	for (size_t i = 0; i < other->n; i++)
		add(capacity, &other->rows[i]);
}

static int write_row(const struct ec2_shortage *row, struct json_object *array)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = json_set_text(object, "type", row->type);
	if (r == 0)
		r = json_set_text(object, "place", row->place);
	if (r == 0)
		r = json_set_text(object, "usage", row->spot ? "spot" : "on-demand");
	if (r == 0)
		r = json_set_text(object, "code", row->code);
	if (r == 0)
		r = json_set_u64(object, "until_ms", row->until_ms);
	return r < 0 ? r : json_append(array, take_ptr(object));
}

int ec2_capacity_write(const struct ec2_capacity *capacity, uint64_t now_ms, char **ret)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	const char *text;
	int r;

	if (!object) {
		json_object_put(array);
		return -ENOMEM;
	}
	r = json_set(object, "short", array);
	for (size_t i = 0; r == 0 && i < capacity->n; i++) {
		if (capacity->rows[i].until_ms > now_ms)
			r = write_row(&capacity->rows[i], array);
	}
	if (r < 0)
		return r;
	text = json_text(object);
	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : -ENOMEM;
}

static int get_text(struct json_object *object, const char *key, char *to, size_t size,
		    struct fault *fault)
{
	const char *text = "";
	int r = json_get_text(object, key, &text, fault);

	if (r < 0)
		return r;
	return str_copy(to, size, text) < 0
		       ? fault_set(fault, EBADMSG, "capacity: %s is too long", key)
		       : 0;
}

static int read_row(struct json_object *object, struct ec2_shortage *row, struct fault *fault)
{
	char usage[16] = "";
	int r;

	*row = (struct ec2_shortage){};
	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "capacity: a row is no object");
	r = get_text(object, "type", row->type, sizeof(row->type), fault);
	if (r >= 0)
		r = get_text(object, "place", row->place, sizeof(row->place), fault);
	if (r >= 0)
		r = get_text(object, "usage", usage, sizeof(usage), fault);
	if (r >= 0)
		r = get_text(object, "code", row->code, sizeof(row->code), fault);
	if (r >= 0)
		r = json_get_u64(object, "until_ms", &row->until_ms, fault);
	row->spot = strcmp(usage, "spot") == 0;
	return r < 0 ? r : 0;
}

int ec2_capacity_read(const char *text, struct ec2_capacity *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *array = NULL;
	int r;

	*ret = (struct ec2_capacity){};
	r = json_parse(text, strlen(text), "capacity", &object, fault);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(object, "short", &array))
		return 0;
	if (!json_object_is_type(array, json_type_array) ||
	    json_object_array_length(array) > EC2_CAPACITY_ROWS_MAX)
		return fault_set(fault, EBADMSG, "capacity: 'short' is no list of at most %d",
				 EC2_CAPACITY_ROWS_MAX);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(array); i++) {
		struct ec2_shortage row;

		r = read_row(json_object_array_get_idx(array, i), &row, fault);
		if (r == 0)
			add(ret, &row);
	}
	return r;
}
