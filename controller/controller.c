#include "controller/controller.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"

#define SAY_MAX 256
#define RETRY_FIRST_USEC (20 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (2 * USEC_PER_SEC)

void controller_say(const struct controller *controller, const char *format, ...)
{
	char line[SAY_MAX];
	va_list args;

	if (!controller->say)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	controller->say(controller->say_context, line);
}

void controller_pause(const struct controller *controller, unsigned attempt,
		      const struct deadline *deadline)
{
	uint64_t usec = controller->config->poll_usec;
	uint64_t left = deadline_left_usec(deadline, controller->clock);

	while (attempt-- > 0 && usec < POLL_MAX_USEC)
		usec *= 2;
	if (usec > POLL_MAX_USEC && controller->config->poll_usec < POLL_MAX_USEC)
		usec = POLL_MAX_USEC;
	(void)clock_sleep(controller->clock, usec < left ? usec : left);
}

bool controller_try_again(const struct controller *controller, int r, const struct fault *fault,
			  unsigned *attempt)
{
	static const struct backoff backoff = { RETRY_FIRST_USEC, RETRY_MAX_USEC };

	if (r >= 0 || !fault_is_transient(r, fault) || *attempt >= CONTROLLER_RETRIES_MAX)
		return false;
	if (controller_cancelled(controller) && *attempt > 0)
		return false;
	(void)clock_sleep(controller->clock,
			  backoff_usec(&backoff, *attempt, clock_boot_usec(controller->clock)));
	(*attempt)++;
	return true;
}

int controller_now(const struct controller *controller, uint64_t *ret_ms, struct fault *fault)
{
	unsigned attempt = 0;
	int r;

	do
		r = controller->store->ops->now(controller->store, ret_ms, fault);
	while (controller_try_again(controller, r, fault, &attempt));
	return r;
}

int controller_get(const struct controller *controller, const char *const *ids, size_t n,
		   struct machine *ret, struct fault *fault)
{
	size_t done = 0;

	while (done < n) {
		size_t batch = n - done < STORE_BATCH_MAX ? n - done : STORE_BATCH_MAX;
		unsigned attempt = 0;
		int r;

		do
			r = controller->store->ops->get(controller->store, ids + done, batch,
							ret + done, fault);
		while (controller_try_again(controller, r, fault, &attempt));
		if (r < 0)
			return r;
		done += batch;
	}
	return 0;
}

int controller_change(const struct controller *controller, const struct change *changes, size_t n,
		      struct change_outcome *ret, struct fault *fault)
{
	size_t done = 0;

	while (done < n) {
		size_t batch = n - done < STORE_BATCH_MAX ? n - done : STORE_BATCH_MAX;
		unsigned attempt = 0;
		int r;

		/* Made twice is made once: what an unanswered try did shows as ALREADY. */
		do
			r = controller->store->ops->change(controller->store, changes + done, batch,
							   ret + done, fault);
		while (controller_try_again(controller, r, fault, &attempt));
		if (r < 0)
			return r;
		done += batch;
	}
	return 0;
}

int controller_open_pool(const struct controller *controller, uint64_t seed, struct pool **ret,
			 struct fault *fault)
{
	const struct pool_options options = {
		.name = controller->config->pool,
		.store = controller->store,
		.clock = controller->clock,
		.seed = seed,
		.prefix = controller->config->ec2.name,
		.region = controller->config->ec2.region,
		.profile = controller->config->ec2.profile,
	};

	return pool_open(&options, ret, fault);
}

int controller_read_run(const struct controller *controller, const char *key, struct run *ret,
			uint64_t *ret_revision, struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	_cleanup_json_ struct json_object *body = NULL;
	unsigned attempt = 0;
	int r;

	do
		r = controller->store->ops->item_get(controller->store, key, "run", &item, fault);
	while (controller_try_again(controller, r, fault, &attempt));
	if (r != 0)
		return r;

	r = json_parse(item.body, strlen(item.body), "run record", &body, fault);
	if (r < 0)
		return r;
	r = run_from_json(body, ret, fault);
	if (r < 0)
		return r;
	*ret_revision = item.revision;
	return 0;
}

int controller_write_run(const struct controller *controller, const struct run *run,
			 uint64_t *revision, struct fault *fault)
{
	_cleanup_item_ struct item item = { .revision = *revision };
	_cleanup_json_ struct json_object *body = NULL;
	unsigned attempt = 0;
	const char *text;
	int r;

	r = run_to_json(run, &body);
	if (r < 0)
		return r;
	text = json_text(body);
	item.body = text ? strdup(text) : NULL;
	if (!item.body)
		return -ENOMEM;
	r = str_copy(item.partition, sizeof(item.partition), run->key);
	if (r < 0)
		return r;
	r = str_copy(item.kind, sizeof(item.kind), "run");
	if (r < 0)
		return r;
	if (run->verdict == VERDICT_CLOSED)
		item.expires_ms = run->decided_ms + RUN_TTL_MS;

	do
		r = controller->store->ops->item_put(controller->store, &item, NULL, fault);
	while (controller_try_again(controller, r, fault, &attempt));
	if (r == 0)
		*revision = item.revision;
	return r;
}

void records_done(struct records *records)
{
	free(records->rows);
	*records = (struct records){};
}

int records_add(struct records *records, const struct machine *machine)
{
	if (records->n == records->capacity) {
		size_t capacity = records->capacity > 0 ? records->capacity * 2 : 16;
		struct machine *rows;

		if (records->n >= RECORDS_MAX)
			return -ENOBUFS;
		rows = reallocarray(records->rows, capacity, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		records->rows = rows;
		records->capacity = capacity;
	}
	records->rows[records->n++] = *machine;
	return 0;
}

static int keep_record(const struct machine *machine, void *context)
{
	return records_add(context, machine);
}

int controller_scan(const struct controller *controller, const struct machine_filter *filter,
		    struct records *ret, struct fault *fault)
{
	unsigned attempt = 0;
	int r;

	do {
		records_done(ret);
		r = controller->store->ops->scan(controller->store, filter, keep_record, ret,
						 fault);
	} while (controller_try_again(controller, r, fault, &attempt));
	return r;
}

int controller_certify(const struct controller *controller, const struct machine *machine,
		       const char *why, uint64_t now_ms, struct fault *fault)
{
	_cleanup_item_ struct item item = { .expires_ms = now_ms + EVENT_TTL_MS };
	_cleanup_json_ struct json_object *body = json_object_new_object();
	const char *text;
	int r;

	if (!body)
		return -ENOMEM;
	r = json_set_text(body, "why", why);
	if (r == 0)
		r = json_set_text(body, "reason", machine->reason);
	if (r == 0)
		r = json_set_u64(body, "seq", machine->seq);
	if (r == 0)
		r = json_set_text(body, "run", machine->run_key);
	if (r == 0)
		r = json_set_text(body, "phase", machine_phase_names[machine->phase]);
	if (r == 0)
		r = json_set_u64(body, "last_beat", machine->beat_ms);
	if (r == 0)
		r = json_set_u64(body, "at", now_ms);
	if (r == 0)
		r = json_set_text(body, "by", "controller");
	if (r < 0)
		return r;

	text = json_text(body);
	item.body = text ? strdup(text) : NULL;
	if (!item.body)
		return -ENOMEM;
	r = str_copy(item.partition, sizeof(item.partition), machine->id);
	if (r == 0)
		r = str_copy(item.kind, sizeof(item.kind), "event");
	if (r < 0)
		return r;

	/* What the agent itself has said before it died stands. */
	r = controller->store->ops->item_put(controller->store, &item, NULL, fault);
	return r == STORE_REFUSED ? 0 : r;
}
