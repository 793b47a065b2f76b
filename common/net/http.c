/*
 * When what is sent: a list of tasks, one an exchange, and HTTP_EXCHANGES_MAX places in which they
 * are under way. A task waits for its time, which is "now" at first and what again() has asked for
 * later, and for a place. All waiting, for the network, for times and for a cancel, happens in one
 * curl_multi_poll(), so that nobody's wait delays anybody else.
 *
 * Time is the clock's alone. libcurl's own timeouts run on another clock, which stands still while
 * the host is suspended; of them only that of connecting is used.
 */

#include "common/net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/net/http-attempt.h"

#define USER_AGENT "paddock/" PADDOCK_VERSION

struct http {
	const struct clock *clock;
	bool (*cancelled)(void *context);
	void *cancelled_context;
	char *user_agent; /* owned */
	char *ca_file;    /* owned */
	struct http_setup setup;
	struct http_attempt attempts[HTTP_EXCHANGES_MAX];
	bool busy;
};

enum task_state { TASK_WAITING, TASK_UNDER_WAY, TASK_OVER };

struct http_task {
	struct http_exchange *exchange;
	enum task_state state;
	uint64_t at_usec;             /* TASK_WAITING: not before */
	struct http_attempt *attempt; /* TASK_UNDER_WAY */
};

struct batch {
	struct http *http;
	struct http_task *tasks;
	size_t n;
	size_t n_left;
};

static CURLcode global_code;

static void init_global(void)
{
	global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* No alarm() for names, and TLS. */
static int check_libcurl(struct fault *fault)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	(void)pthread_once(&once, init_global);
	if (global_code != CURLE_OK)
		return fault_set(fault, ENOMEM, "libcurl: %s", curl_easy_strerror(global_code));
	if ((info->features & CURL_VERSION_SSL) == 0 ||
	    (info->features & CURL_VERSION_ASYNCHDNS) == 0)
		return fault_cure(fault,
				  fault_set(fault, EOPNOTSUPP,
					    "libcurl %s cannot speak TLS, or blocks on names",
					    info->version),
				  "install the libcurl of the distribution");
	return 0;
}

/*
 * libcurl parses the list of authorities, which takes longer than a request, once for all
 * connections (since 7.87, with OpenSSL) only if there is no directory of them besides, and
 * distributions configure both. So no directory where a file will do.
 */
static bool has_ca_file(const struct http *http)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return http->ca_file || (info->cainfo && access(info->cainfo, R_OK) == 0);
}

int http_open(const struct http_options *options, struct http **ret, struct fault *fault)
{
	_cleanup_(http_closep) struct http *http = NULL;
	int r;

	r = check_libcurl(fault);
	if (r < 0)
		return r;

	http = calloc(1, sizeof(*http));
	if (!http)
		return fault_set(fault, ENOMEM, "%m");
	http->clock = options->clock;
	http->cancelled = options->cancelled;
	http->cancelled_context = options->cancelled_context;
	http->user_agent = strdup(options->user_agent ? options->user_agent : USER_AGENT);
	http->ca_file = options->ca_file ? strdup(options->ca_file) : NULL;
	http->setup.multi = curl_multi_init();
	if (!http->user_agent || (options->ca_file && !http->ca_file) || !http->setup.multi)
		return fault_set(fault, ENOMEM, "%m");

	http->setup.user_agent = http->user_agent;
	http->setup.ca_file = http->ca_file;
	http->setup.without_ca_directory = has_ca_file(http);
	/* Kept ones and those under way together. */
	(void)curl_multi_setopt(http->setup.multi, CURLMOPT_MAXCONNECTS, (long)HTTP_EXCHANGES_MAX);
	*ret = take_ptr(http);
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < HTTP_EXCHANGES_MAX; i++)
		http_attempt_done(&http->attempts[i]);
	if (http->setup.multi)
		curl_multi_cleanup(http->setup.multi);
	free(http->user_agent);
	free(http->ca_file);
	free(http);
}

static struct http_attempt *free_place(struct http *http)
{
	for (size_t i = 0; i < HTTP_EXCHANGES_MAX; i++)
		if (!http->attempts[i].exchange)
			return &http->attempts[i];
	return NULL;
}

static void end_task(struct batch *batch, struct http_task *task)
{
	task->state = TASK_OVER;
	task->attempt = NULL;
	batch->n_left--;
}

/* The task's attempt is over; another one, if the exchange may, wants it and has the time. */
static void end_attempt(struct batch *batch, struct http_task *task, CURLcode code, int r)
{
	struct http_exchange *exchange = task->exchange;
	uint64_t wait_usec = 0;
	uint64_t at_usec;

	if (!http_attempt_end(task->attempt, &batch->http->setup, code, r) ||
	    exchange->ops->again(exchange, &wait_usec) != 1) {
		end_task(batch, task);
		return;
	}

	at_usec = deadline_in(batch->http->clock, wait_usec).at_usec;
	if (at_usec >= exchange->deadline.at_usec) {
		end_task(batch, task);
		return;
	}
	task->state = TASK_WAITING;
	task->attempt = NULL;
	task->at_usec = at_usec;
}

/* What an exchange has that is not sent, or not again. */
static void end_unsent(struct batch *batch, struct http_task *task, int r, const char *why)
{
	http_exchange_done(task->exchange);
	task->exchange->result = fault_set(&task->exchange->fault, r, "not sent: %s", why);
	end_task(batch, task);
}

static void begin_attempt(struct batch *batch, struct http_task *task, uint64_t now_usec,
			  struct http_attempt *attempt)
{
	attempt->task = task;
	task->attempt = attempt;
	task->state = TASK_UNDER_WAY;
	if (http_attempt_begin(attempt, &batch->http->setup, task->exchange, now_usec) < 0)
		end_task(batch, task);
}

static void begin_due(struct batch *batch)
{
	uint64_t now_usec = clock_boot_usec(batch->http->clock);

	for (size_t i = 0; i < batch->n; i++) {
		struct http_task *task = &batch->tasks[i];
		struct http_attempt *place;

		if (task->state != TASK_WAITING)
			continue;
		if (deadline_passed(&task->exchange->deadline, batch->http->clock)) {
			/* What the last attempt brought stays. */
			if (task->exchange->attempts > 0)
				end_task(batch, task);
			else
				end_unsent(batch, task, -ETIMEDOUT, "no time was left");
			continue;
		}
		if (task->at_usec > now_usec)
			continue;
		place = free_place(batch->http);
		if (place)
			begin_attempt(batch, task, now_usec, place);
	}
}

static void take_finished(struct batch *batch)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(batch->http->setup.multi, &left))) {
		struct http_attempt *attempt = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &attempt);
		end_attempt(batch, attempt->task, code, 0);
	}
}

static void end_late(struct batch *batch)
{
	uint64_t now_usec = clock_boot_usec(batch->http->clock);

	for (size_t i = 0; i < batch->n; i++) {
		struct http_task *task = &batch->tasks[i];

		if (task->state == TASK_UNDER_WAY && now_usec >= task->attempt->until_usec)
			end_attempt(batch, task, CURLE_OK, -ETIMEDOUT);
	}
}

/* Without asking anybody. */
static void end_all(struct batch *batch, int r, const char *why)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct http_task *task = &batch->tasks[i];

		if (task->state == TASK_UNDER_WAY) {
			(void)http_attempt_end(task->attempt, &batch->http->setup, CURLE_OK, r);
			end_task(batch, task);
		} else if (task->state == TASK_WAITING) {
			end_unsent(batch, task, r, why);
		}
	}
}

/* How long nothing can happen but on the network. */
static uint64_t quiet_usec(const struct batch *batch)
{
	const struct http *http = batch->http;
	uint64_t now_usec = clock_boot_usec(http->clock);
	uint64_t next_usec = now_usec + (http->cancelled ? HTTP_CANCEL_USEC : HTTP_LOOK_USEC);
	bool has_place = free_place(batch->http) != NULL;

	for (size_t i = 0; i < batch->n; i++) {
		const struct http_task *task = &batch->tasks[i];
		uint64_t at_usec = UINT64_MAX;

		if (task->state == TASK_UNDER_WAY)
			at_usec = task->attempt->until_usec;
		else if (task->state == TASK_WAITING && (has_place || task->at_usec > now_usec))
			at_usec = task->at_usec;
		else if (task->state == TASK_WAITING) /* for a place; it may become too late */
			at_usec = task->exchange->deadline.at_usec;
		if (at_usec < next_usec)
			next_usec = at_usec;
	}
	return next_usec > now_usec ? next_usec - now_usec : 0;
}

static int poll_network(const struct batch *batch)
{
	uint64_t msec = (quiet_usec(batch) + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
	CURLMcode code = curl_multi_poll(batch->http->setup.multi, NULL, 0, (int)msec, NULL);

	if (code == CURLM_OK)
		return 0;
	return code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

static void run(struct batch *batch)
{
	const struct http *http = batch->http;
	int running, r = 0;

	while (batch->n_left > 0) {
		if (r < 0) {
			end_all(batch, r, "libcurl cannot wait for the network");
			return;
		}
		if (http->cancelled && http->cancelled(http->cancelled_context)) {
			end_all(batch, -ECANCELED, "given up, as the program ends");
			return;
		}

		begin_due(batch);
		if (curl_multi_perform(http->setup.multi, &running) != CURLM_OK)
			r = -ENOMEM;
		take_finished(batch);
		end_late(batch);
		if (batch->n_left > 0 && r == 0)
			r = poll_network(batch);
	}
}

int http_perform(struct http *http, struct http_exchange *exchanges, size_t n, struct fault *fault)
{
	struct batch batch = { .http = http, .n = n, .n_left = n };

	if (http->busy)
		return fault_set(fault, EBUSY, "HTTP cannot be used from within HTTP");
	if (n == 0)
		return 0;
	batch.tasks = calloc(n, sizeof(*batch.tasks));
	if (!batch.tasks)
		return fault_set(fault, ENOMEM, "%m");

	for (size_t i = 0; i < n; i++) {
		struct http_exchange *exchange = &exchanges[i];

		exchange->attempts = 0;
		exchange->result = 0;
		exchange->maybe_executed = false;
		exchange->fault = (struct fault){};
		http_exchange_done(exchange);
		batch.tasks[i].exchange = exchange;
	}
	http->busy = true;
	run(&batch);
	http->busy = false;
	free(batch.tasks);
	return 0;
}
