#include "agent/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"

const char *const errand_kind_names[_ERRAND_KIND_MAX] = {
	[ERRAND_BEAT] = "beat",        [ERRAND_LOOK] = "look",   [ERRAND_CHANGE] = "change",
	[ERRAND_TAKE] = "take",        [ERRAND_FETCH] = "fetch", [ERRAND_REPORT] = "report",
	[ERRAND_WORDS] = "last words",
};

struct desk {
	char *machine; /* owned, as are the next two */
	char *store_address;
	char *forge_name;
	const struct clock *clock;
	open_store_fn *open_store;
	open_forge_fn *open_forge;

	struct store *store; /* owned; NULL while not open */
	struct forge *forge; /* owned; NULL while not open */
	bool watched;        /* the store rings */
	unsigned failures;   /* in a row */
};

static void desk_close(struct desk *desk)
{
	forge_close(take_ptr(desk->forge));
	store_close(take_ptr(desk->store));
	desk->watched = false;
	desk->failures = 0;
}

void desk_finish(void *context)
{
	struct desk *desk = context;

	if (!desk)
		return;
	desk_close(desk);
	free(desk->machine);
	free(desk->store_address);
	free(desk->forge_name);
	free(desk);
}

int desk_new(const struct desk_options *options, struct desk **ret)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	if (!desk)
		return -ENOMEM;
	*desk = (struct desk){
		.machine = strdup(options->machine),
		.store_address = strdup(options->store_address),
		.forge_name = strdup(options->forge_name),
		.clock = options->clock,
		.open_store = options->open_store,
		.open_forge = options->open_forge,
	};
	if (!desk->machine || !desk->store_address || !desk->forge_name) {
		desk_finish(desk);
		return -ENOMEM;
	}
	*ret = desk;
	return 0;
}

/* A descriptor of the loop's own for the store's doorbell, to be waited on, not read: that is left
 * to the store. -1 where there is none: the loop then looks by itself. */
static int open_watch(struct desk *desk)
{
	int fd = -1;

	if (store_watch(desk->store, desk->machine, &fd, NULL) < 0)
		return -1;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	desk->watched = fd >= 0;
	return fd;
}

static int desk_open(struct desk *desk, struct errand *errand)
{
	int r;

	if (desk->store && desk->forge)
		return 0;

	if (!desk->store) {
		/* An agent never makes a store: an empty one would say that its machine is gone. */
		r = desk->open_store(desk->store_address, false, desk->clock, &desk->store,
				     &errand->fault);
		if (r < 0)
			return r;
	}
	r = desk->open_forge(desk->forge_name, desk->store, &desk->forge, &errand->fault);
	if (r < 0)
		return r;
	errand->watch_fd = open_watch(desk);
	return 0;
}

static int run_beat(struct errand *errand, struct desk *desk)
{
	struct beat_answer answer = {};
	int r = desk->store->ops->beat(desk->store, &errand->beat, &answer, &errand->fault);

	if (r < 0)
		return r;
	errand->has_record = true;
	errand->accepted = answer.accepted;
	errand->record = answer.record;
	errand->store_now_ms = answer.now_ms;
	return 0;
}

/* Asked before the call whose threshold it will be set against: see fence.h. */
static int read_store_clock(struct errand *errand, struct desk *desk)
{
	return desk->store->ops->now(desk->store, &errand->store_now_ms, &errand->fault);
}

/* What rings from here on rings for the next look. */
static void drain_watch(struct desk *desk)
{
	if (desk->watched)
		desk->store->ops->watch_drain(desk->store);
}

static int run_look(struct errand *errand, struct desk *desk)
{
	int r;

	drain_watch(desk);
	r = read_store_clock(errand, desk);
	if (r < 0)
		return r;
	r = store_get_one(desk->store, desk->machine, &errand->record, &errand->fault);
	if (r < 0)
		return r;
	if (r == STORE_REFUSED)
		errand->record = (struct machine){ .state = MACHINE_NONE };
	errand->has_record = true;
	return 0;
}

static int run_change(struct errand *errand, struct desk *desk)
{
	struct change_outcome outcome = {};
	int r = read_store_clock(errand, desk);

	if (r < 0)
		return r;
	r = store_change_one(desk->store, &errand->change, &outcome, &errand->fault);
	if (r < 0)
		return r;
	errand->has_record = true;
	errand->record = outcome.record;
	errand->change_result = outcome.result;
	errand->refusal = outcome.refusal;
	return 0;
}

/* Both store and forge say -ESTALE, but only the forge's is an answer: a store that was replaced
 * underneath us knows nothing of who took what. */
static int tell_stale(struct errand *errand, struct desk *desk, int r)
{
	struct machine record;
	int q;

	if (r != -ESTALE)
		return r;
	q = store_get_one(desk->store, desk->machine, &record, NULL);
	return q < 0 ? fault_set(&errand->fault, EIO, "the store went away during the call") : r;
}

static int run_take(struct errand *errand, struct desk *desk)
{
	_cleanup_(registration_done) struct registration registration = {};
	int r = desk->forge->ops->take(desk->forge, desk->machine, errand->seq, errand->boot_id,
				       &registration, &errand->fault);

	return tell_stale(errand, desk, r);
}

static int run_fetch(struct errand *errand, struct desk *desk)
{
	int r = desk->forge->ops->start_job(desk->forge, desk->machine, errand->seq,
					    errand->boot_id, &errand->job, &errand->fault);

	return tell_stale(errand, desk, r);
}

static int run_report(struct errand *errand, struct desk *desk)
{
	int r = desk->forge->ops->end_job(desk->forge, desk->machine, errand->seq, &errand->job,
					  &errand->fault);

	return tell_stale(errand, desk, r);
}

static int words_to_text(const struct errand *errand, char **ret)
{
	const struct words *words = &errand->words;
	_cleanup_json_ struct json_object *object = json_object_new_object();
	const char *text;
	int r;

	if (!object)
		return -ENOMEM;
	if ((r = json_set_text(object, "why", words->why)) < 0 ||
	    (r = json_set_text(object, "reason", words->reason)) < 0 ||
	    (r = json_set_u64(object, "seq", errand->seq)) < 0 ||
	    (r = json_set_text(object, "run", words->run)) < 0 ||
	    (r = json_set_text(object, "phase", machine_phase_names[words->phase])) < 0 ||
	    (r = json_set_u64(object, "at", errand->store_now_ms)) < 0 ||
	    (r = json_set_text(object, "by", "agent")) < 0)
		return r;
	text = json_text(object);
	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : -ENOMEM;
}

/* Whatever stood there is replaced: these are the last. */
static int run_words(struct errand *errand, struct desk *desk)
{
	_cleanup_free_ char *text = NULL;
	int r = read_store_clock(errand, desk);

	if (r >= 0)
		r = words_to_text(errand, &text);
	if (r < 0)
		return r;

	for (int i = 0; i < WORDS_TRIES_MAX; i++) {
		_cleanup_item_ struct item item = {};

		r = desk->store->ops->item_get(desk->store, desk->machine, "event", &item,
					       &errand->fault);
		if (r < 0)
			return r;
		if (r == STORE_REFUSED) {
			item = (struct item){ .kind = "event" };
			r = str_copy(item.partition, sizeof(item.partition), desk->machine);
			if (r < 0)
				return r;
		}
		free(item.body);
		item.body = take_ptr(text);
		item.expires_ms = errand->store_now_ms + WORDS_TTL_MS;
		r = desk->store->ops->item_put(desk->store, &item, NULL, &errand->fault);
		if (r != STORE_REFUSED)
			return r;
		text = take_ptr(item.body);
	}
	return -EAGAIN;
}

static int (*const runs[_ERRAND_KIND_MAX])(struct errand *errand, struct desk *desk) = {
	[ERRAND_BEAT] = run_beat,   [ERRAND_LOOK] = run_look,   [ERRAND_CHANGE] = run_change,
	[ERRAND_TAKE] = run_take,   [ERRAND_FETCH] = run_fetch, [ERRAND_REPORT] = run_report,
	[ERRAND_WORDS] = run_words,
};

bool errand_is_denied(const struct errand *errand)
{
	return errand->result == -ESTALE && errand->kind >= ERRAND_TAKE &&
	       errand->kind <= ERRAND_REPORT;
}

/* On the worker. */
static int run_errand(struct channel_request *request)
{
	struct errand *errand = container_of(request, struct errand, request);
	struct desk *desk = errand->desk;
	int r = desk_open(desk, errand);

	errand->sent_usec = clock_boot_usec(desk->clock);
	if (r >= 0)
		r = runs[errand->kind](errand, desk);
	errand->result = r;

	if (r >= 0 || errand_is_denied(errand))
		desk->failures = 0;
	else if (r == -ESTALE || ++desk->failures >= DESK_FAILURES_MAX)
		desk_close(desk);
	return r;
}

static void on_done(struct channel_request *request, _unused_ int r)
{
	struct errand *errand = container_of(request, struct errand, request);

	errand->answered(errand, errand->context);
}

static void on_drop(struct channel_request *request)
{
	errand_free(container_of(request, struct errand, request));
}

struct errand *errand_new(enum errand_kind kind, struct desk *desk, uint64_t seq,
			  uint64_t timeout_usec, errand_fn *answered, void *context)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->request = (struct channel_request){
		.run = run_errand,
		.done = on_done,
		.drop = on_drop,
		.timeout_usec = timeout_usec,
	};
	errand->desk = desk;
	errand->answered = answered;
	errand->context = context;
	errand->kind = kind;
	errand->seq = seq;
	errand->watch_fd = -1;
	return errand;
}

void errand_free(struct errand *errand)
{
	if (!errand)
		return;
	if (errand->watch_fd >= 0)
		close(errand->watch_fd);
	job_done(&errand->job);
	free(errand);
}

int errand_send(struct errand *errand, struct channel *channel)
{
	return channel_submit(channel, &errand->request);
}
