#include "tests/sim/store-memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"

struct memory_store {
	struct store store;
	struct memory_db *db;
	const struct clock *clock;
	bool scanning;
};

struct memory_db *memory_db_new(void)
{
	return calloc(1, sizeof(struct memory_db));
}

void memory_db_free(struct memory_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->n_items; i++)
		item_done(&db->items[i]);
	free(db->items);
	free(db->rows);
	free(db);
}

static struct memory_store *memory_of(struct store *store)
{
	return container_of(store, struct memory_store, store);
}

static uint64_t now_of(const struct memory_store *s)
{
	return clock_wall_ms(s->clock);
}

/* --- machines -------------------------------------------------------------------------------- */

static struct memory_row *find_row(const struct memory_db *db, const char *id)
{
	for (size_t i = 0; i < db->n_rows; i++) {
		if (strcmp(db->rows[i].machine.id, id) == 0)
			return &db->rows[i];
	}
	return NULL;
}

const struct memory_row *memory_db_row(const struct memory_db *db, const char *id)
{
	return find_row(db, id);
}

const struct machine *memory_db_find(const struct memory_db *db, const char *id)
{
	struct memory_row *row = find_row(db, id);

	return row ? &row->machine : NULL;
}

static struct machine current(const struct memory_db *db, const char *id)
{
	const struct machine *machine = memory_db_find(db, id);

	return machine ? *machine : (struct machine){ .state = MACHINE_NONE };
}

static int write_row(struct memory_db *db, const struct machine *machine,
		     const struct change *change)
{
	struct memory_row *row = find_row(db, machine->id);
	struct machine before = { .state = MACHINE_NONE };

	if (!row) {
		struct memory_row *rows;

		if (db->n_rows == MEMORY_ROWS_MAX)
			return -ENOSPC;
		rows = reallocarray(db->rows, db->n_rows + 1, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		db->rows = rows;
		row = &db->rows[db->n_rows++];
		*row = (struct memory_row){};
	} else {
		before = row->machine;
	}
	row->before = before;
	row->machine = *machine;
	row->written_usec = db->now_usec ? db->now_usec(db) : 0;
	if (db->on_write)
		db->on_write(db, &before, machine, change);
	return 0;
}

static int memory_now(struct store *store, uint64_t *ret_ms, _unused_ struct fault *fault)
{
	*ret_ms = now_of(memory_of(store));
	return 0;
}

static int check(const struct memory_store *s, size_t n, struct fault *fault)
{
	if (s->scanning)
		return fault_set(fault, EDEADLK, "the store is being scanned");
	if (n > STORE_BATCH_MAX)
		return fault_set(fault, E2BIG, "more than %d machines in one call",
				 STORE_BATCH_MAX);
	return 0;
}

static int memory_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
		      struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	int r = check(s, n, fault);

	for (size_t i = 0; r == 0 && i < n; i++)
		ret[i] = current(s->db, ids[i]);
	return r;
}

static int memory_change(struct store *store, const struct change *changes, size_t n,
			 struct change_outcome *ret, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	int r = check(s, n, fault);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct machine before = current(s->db, changes[i].id);

		r = transition_apply(&before, &changes[i], now_of(s), &ret[i]);
		if (r < 0)
			return fault_set(fault, -r, "'%s' cannot be changed like this",
					 changes[i].id);
		if (ret[i].result != CHANGE_DONE)
			continue;
		memcpy(ret[i].record.id, changes[i].id, sizeof(ret[i].record.id));
		r = write_row(s->db, &ret[i].record, &changes[i]);
	}
	return r;
}

static int memory_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
		       struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	struct machine before;
	int r = check(s, 1, fault);

	if (r < 0)
		return r;
	before = current(s->db, beat->id);
	r = beat_apply(&before, beat, now_of(s), ret);
	if (r < 0)
		return fault_set(fault, -r, "a beat of '%s' that cannot be", beat->id);
	return ret->accepted ? write_row(s->db, &ret->record, NULL) : 0;
}

static bool passes(const struct machine *machine, const struct machine_filter *filter)
{
	if (machine->state == MACHINE_NONE)
		return false;
	if (filter->states && !(filter->states & 1U << machine->state))
		return false;
	if (filter->run_key && strcmp(filter->run_key, machine->run_key) != 0)
		return false;
	if (filter->class_name && strcmp(filter->class_name, machine->class_name) != 0)
		return false;
	return !filter->provider || strcmp(filter->provider, machine->provider) == 0;
}

static int memory_scan(struct store *store, const struct machine_filter *filter, machine_fn *each,
		       void *context, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	int r = check(s, 1, fault);

	for (size_t i = 0; r >= 0 && i < s->db->n_rows; i++) {
		const struct memory_row *row = &s->db->rows[i];
		const struct machine *machine = &row->machine;
		struct machine copy;

		if (s->db->seen)
			machine = s->db->seen(s->db, row, filter);
		if (!machine || !passes(machine, filter))
			continue;
		copy = *machine;
		s->scanning = true;
		r = each(&copy, context);
		s->scanning = false;
	}
	return r < 0 ? r : 0;
}

static int memory_forget(struct store *store, const char *id, uint64_t seq, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	struct memory_row *row = find_row(s->db, id);
	int r = check(s, 1, fault);

	if (r < 0 || !row)
		return r;
	if (row->machine.state != MACHINE_TERMINATED || row->machine.seq != seq)
		return STORE_REFUSED;
	if (s->db->on_write)
		s->db->on_write(s->db, &row->machine, NULL, NULL);
	*row = s->db->rows[--s->db->n_rows];
	return 0;
}

/* --- items ----------------------------------------------------------------------------------- */

static struct item *find_item(const struct memory_store *s, const char *partition, const char *kind)
{
	for (size_t i = 0; i < s->db->n_items; i++) {
		struct item *item = &s->db->items[i];

		if (strcmp(item->partition, partition) == 0 && strcmp(item->kind, kind) == 0)
			return item;
	}
	return NULL;
}

static void drop_item(struct memory_db *db, struct item *item)
{
	item_done(item);
	*item = db->items[--db->n_items];
}

static bool is_living(const struct memory_store *s, const struct item *item)
{
	return item->expires_ms == 0 || item->expires_ms > now_of(s);
}

static int check_item(const struct memory_store *s, const char *partition, const char *kind,
		      struct fault *fault)
{
	int r = check(s, 1, fault);

	if (r < 0)
		return r;
	if (!partition[0] || strlen(partition) >= RUN_KEY_MAX || !kind[0] ||
	    strlen(kind) >= STORE_KIND_MAX)
		return fault_set(fault, EINVAL, "no item can be called '%s' / '%s'", partition,
				 kind);
	return 0;
}

static int copy_item(const struct item *item, struct item *ret)
{
	struct item copy = *item;

	copy.body = strdup(item->body);
	if (!copy.body)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int memory_item_get(struct store *store, const char *partition, const char *kind,
			   struct item *ret, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	struct item *item;
	int r = check_item(s, partition, kind, fault);

	if (r < 0)
		return r;
	item = find_item(s, partition, kind);
	return item && is_living(s, item) ? copy_item(item, ret) : STORE_REFUSED;
}

static int add_item(struct memory_db *db, const struct item *item)
{
	struct item *items = reallocarray(db->items, db->n_items + 1, sizeof(*items));
	int r;

	if (!items)
		return -ENOMEM;
	db->items = items;
	r = copy_item(item, &items[db->n_items]);
	if (r < 0)
		return r;
	items[db->n_items++].revision++;
	return 0;
}

static int memory_item_put(struct store *store, struct item *item, struct item *current_item,
			   struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	struct item *standing;
	uint64_t revision;
	int r;

	if (!item->body)
		return fault_set(fault, EINVAL, "an item without a body");
	if (strlen(item->body) > STORE_ITEM_BODY_MAX)
		return fault_set(fault, E2BIG, "a body of more than %d bytes", STORE_ITEM_BODY_MAX);
	r = check_item(s, item->partition, item->kind, fault);
	if (r < 0)
		return r;

	standing = find_item(s, item->partition, item->kind);
	if (standing && !is_living(s, standing)) {
		drop_item(s->db, standing);
		standing = NULL;
	}
	revision = standing ? standing->revision : 0;
	if (revision == item->revision) {
		if (s->db->on_item)
			s->db->on_item(s->db, standing, item);
		r = add_item(s->db, item);
		if (r < 0)
			return r;
		if (standing)
			drop_item(s->db, find_item(s, item->partition, item->kind));
		item->revision++;
		return 0;
	}
	if (standing && revision == item->revision + 1 && strcmp(standing->body, item->body) == 0) {
		item->revision++;
		return 0;
	}
	if (current_item) {
		*current_item = (struct item){};
		if (standing) {
			r = copy_item(standing, current_item);
		} else {
			memcpy(current_item->partition, item->partition, sizeof(item->partition));
			memcpy(current_item->kind, item->kind, sizeof(item->kind));
		}
	}
	return r < 0 ? r : STORE_REFUSED;
}

static int memory_item_remove(struct store *store, const char *partition, const char *kind,
			      uint64_t revision, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	struct item *item;
	int r = check_item(s, partition, kind, fault);

	if (r < 0)
		return r;
	item = find_item(s, partition, kind);
	if (!item || !is_living(s, item))
		return 0;
	if (revision != 0 && item->revision != revision)
		return STORE_REFUSED;
	drop_item(s->db, item);
	return 0;
}

static int memory_item_scan(struct store *store, const char *partition, const char *kind,
			    item_fn *each, void *context, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	int r = check(s, 1, fault);

	for (size_t i = 0; r >= 0 && i < s->db->n_items; i++) {
		const struct item *item = &s->db->items[i];

		if ((partition && strcmp(partition, item->partition) != 0) ||
		    (kind && strcmp(kind, item->kind) != 0) || !is_living(s, item))
			continue;
		s->scanning = true;
		r = each(item, context);
		s->scanning = false;
	}
	return r < 0 ? r : 0;
}

static int memory_purge(struct store *store, struct fault *fault)
{
	struct memory_store *s = memory_of(store);
	int n = 0, r = check(s, 1, fault);

	for (size_t i = 0; r == 0 && i < s->db->n_items;) {
		if (is_living(s, &s->db->items[i])) {
			i++;
			continue;
		}
		drop_item(s->db, &s->db->items[i]);
		n++;
	}
	return r < 0 ? r : n;
}

static int memory_describe(struct store *store, char *text, size_t size,
			   _unused_ struct fault *fault)
{
	(void)snprintf(text, size, "memory, %zu machines", memory_of(store)->db->n_rows);
	return 0;
}

static void memory_close(struct store *store)
{
	free(memory_of(store));
}

static const struct store_ops memory_ops = {
	.name = "memory",
	.now = memory_now,
	.get = memory_get,
	.change = memory_change,
	.beat = memory_beat,
	.scan = memory_scan,
	.forget = memory_forget,
	.item_get = memory_item_get,
	.item_put = memory_item_put,
	.item_remove = memory_item_remove,
	.item_scan = memory_item_scan,
	.purge = memory_purge,
	.describe = memory_describe,
	.close = memory_close,
};

struct store *store_memory_open(struct memory_db *db, const struct clock *clock)
{
	struct memory_store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->store.ops = &memory_ops;
	s->db = db;
	s->clock = clock;
	return &s->store;
}
