#include "tests/fuzz/kit-store.h"

#include <string.h>

#include "common/base/io.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS UINT64_C(1800000000000)

static struct fuzz_store *fuzz_store_of(struct store *store)
{
	return container_of(store, struct fuzz_store, store);
}

static struct item *find(struct fuzz_store *s, const char *kind)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (strcmp(s->items[i].kind, kind) == 0)
			return &s->items[i];
	return NULL;
}

static int store_now(_unused_ struct store *store, uint64_t *ret_ms, _unused_ struct fault *fault)
{
	*ret_ms = NOW_MS;
	return 0;
}

static int store_get(struct store *store, _unused_ const char *const *ids, size_t n,
		     struct machine *ret, _unused_ struct fault *fault)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = fuzz_store_of(store)->machine;
	return 0;
}

static int store_scan(struct store *store, _unused_ const struct machine_filter *filter,
		      machine_fn *each, void *context, _unused_ struct fault *fault)
{
	const struct machine *machine = &fuzz_store_of(store)->machine;

	return machine->state == MACHINE_NONE ? 0 : each(machine, context);
}

static int store_item_get(struct store *store, const char *partition, const char *kind,
			  struct item *ret, _unused_ struct fault *fault)
{
	const struct item *item = find(fuzz_store_of(store), kind);

	if (!item)
		return STORE_REFUSED;
	*ret = *item;
	FUZZ_CHECK(str_copy(ret->partition, sizeof(ret->partition), partition) == 0);
	ret->body = strdup(item->body);
	FUZZ_CHECK(ret->body);
	return 0;
}

static int store_item_put(struct store *store, struct item *item, _unused_ struct item *current,
			  _unused_ struct fault *fault)
{
	FUZZ_CHECK(strlen(item->body) <= STORE_ITEM_BODY_MAX);
	fuzz_store_put(fuzz_store_of(store), item->kind, strdup(item->body));
	item->revision++;
	return 0;
}

/* Its owner is the target. */
static void store_close_nothing(_unused_ struct store *store)
{
}

static const struct store_ops ops = {
	.name = "fuzz",
	.now = store_now,
	.get = store_get,
	.scan = store_scan,
	.item_get = store_item_get,
	.item_put = store_item_put,
	.close = store_close_nothing,
};

void fuzz_store_init(struct fuzz_store *store)
{
	*store = (struct fuzz_store){ .store.ops = &ops };
}

void fuzz_store_done(struct fuzz_store *store)
{
	for (size_t i = 0; i < store->n_items; i++)
		free(store->items[i].body);
	store->n_items = 0;
}

void fuzz_store_put(struct fuzz_store *store, const char *kind, char *body)
{
	struct item *item = find(store, kind);

	FUZZ_CHECK(body);
	if (!item) {
		FUZZ_CHECK(store->n_items < FUZZ_ITEMS_MAX);
		item = &store->items[store->n_items++];
		*item = (struct item){};
		FUZZ_CHECK(str_copy(item->kind, sizeof(item->kind), kind) == 0);
	}
	free(item->body);
	item->body = body;
	item->revision++;
}

const char *fuzz_store_body(const struct fuzz_store *store, const char *kind)
{
	const struct item *item = find((struct fuzz_store *)store, kind);

	return item ? item->body : NULL;
}
