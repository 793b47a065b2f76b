#include "common/store/pool-sweep.h"

#include <errno.h>
#include <string.h>

#include "common/base/backoff.h"

#define SLOTS_FIRST 256 /* never more than half of the slots are taken */

void pool_sweep_done(struct pool_sweep *sweep)
{
	for (size_t i = 0; i < sweep->n; i++)
		free(sweep->messages[i].receipt);
	free(sweep->messages);
	free(sweep->slots);
	*sweep = (struct pool_sweep){};
}

uint64_t pool_sweep_key(const char *id, uint64_t seq)
{
	return mix64(hash_text(id) ^ mix64(seq));
}

/* Where the key stands, or the free slot where it would. */
static size_t slot_of(const struct pool_sweep *sweep, uint64_t key)
{
	size_t at = key & (sweep->n_slots - 1);

	while (sweep->slots[at] > 0 && sweep->messages[sweep->slots[at] - 1].key != key)
		at = (at + 1) & (sweep->n_slots - 1);
	return at;
}

struct pool_message *pool_sweep_find(const struct pool_sweep *sweep, uint64_t key)
{
	size_t at;

	if (sweep->n_slots == 0)
		return NULL;
	at = slot_of(sweep, key);
	return sweep->slots[at] > 0 ? &sweep->messages[sweep->slots[at] - 1] : NULL;
}

/* Room for one more message. */
static int make_room(struct pool_sweep *sweep)
{
	size_t n_slots = sweep->n_slots > 0 ? 2 * sweep->n_slots : SLOTS_FIRST;
	struct pool_message *messages;
	uint32_t *slots;

	if (sweep->n < sweep->capacity)
		return 0;
	messages = reallocarray(sweep->messages, n_slots / 2, sizeof(*messages));
	if (!messages)
		return -ENOMEM;
	sweep->messages = messages;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;

	free(sweep->slots);
	sweep->slots = slots;
	sweep->n_slots = n_slots;
	sweep->capacity = n_slots / 2;
	for (size_t i = 0; i < sweep->n; i++)
		slots[slot_of(sweep, messages[i].key)] = (uint32_t)i + 1;
	return 0;
}

static int meet_again(struct pool_message *known, uint64_t message, const char *receipt,
		      uint64_t now_usec, uint64_t until_usec)
{
	char *copy;

	if (known->mark == POOL_HELD && known->message != message && now_usec < known->until_usec)
		return POOL_SPARE;
	copy = strdup(receipt);
	if (!copy)
		return -ENOMEM;
	free(known->receipt);
	known->receipt = copy;
	known->message = message;
	known->until_usec = until_usec;
	known->mark = POOL_HELD;
	return POOL_SEEN;
}

int pool_sweep_add(struct pool_sweep *sweep, uint64_t key, const char *message, const char *receipt,
		   uint64_t now_usec, uint64_t until_usec)
{
	struct pool_message *known = pool_sweep_find(sweep, key);
	struct pool_message new = {
		.key = key,
		.message = hash_text(message),
		.until_usec = until_usec,
	};
	int r;

	if (known)
		return meet_again(known, new.message, receipt, now_usec, until_usec);
	if (sweep->n == POOL_SWEEP_MAX)
		return -ENOBUFS;
	r = make_room(sweep);
	if (r < 0)
		return r;
	new.receipt = strdup(receipt);
	if (!new.receipt)
		return -ENOMEM;
	sweep->messages[sweep->n++] = new;
	sweep->slots[slot_of(sweep, key)] = (uint32_t)sweep->n;
	return POOL_NEW;
}
