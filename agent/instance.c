#include "agent/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/log.h"

static const struct backoff wait_backoff = { 200 * USEC_PER_MSEC, 5 * USEC_PER_SEC };

const char *instance_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

static int ask_id(struct imds *imds, char *ret, size_t size, struct fault *fault)
{
	*fault = (struct fault){};
	return imds_get_line(imds, IMDS_INSTANCE_ID, "the instance's id", ret, size, fault);
}

int instance_identify(const struct imds_options *options, char *ret, size_t size,
		      struct fault *fault)
{
	_cleanup_(imds_closep) struct imds *imds = NULL;
	struct deadline end = deadline_in(options->clock, INSTANCE_WAIT_USEC);
	struct fault own = {};
	unsigned tries = 0;
	int r = imds_open(options, &imds, &own);

	if (r >= 0) {
		r = ask_id(imds, ret, size, &own);
		while (r < 0 && !deadline_passed(&end, options->clock)) {
			if (tries == 0)
				log_info("waiting to learn which instance this is: %s",
					 fault_text(&own, r));
			(void)clock_sleep(options->clock, backoff_usec(&wait_backoff, tries, 0));
			tries++;
			r = ask_id(imds, ret, size, &own);
		}
	}
	if (r >= 0)
		return 0;
	if (fault)
		*fault = own;
	(void)fault_wrap(fault, r, "cannot learn which instance this is");
	return fault_cure(fault, r,
			  "enable the instance's metadata service, or name the machine: "
			  "--machine ID");
}

/* --- notices --------------------------------------------------------------------------------- */

/* Of the thread that looks. */
struct eye {
	const struct clock *clock;
	struct http *http;
	struct imds *imds; /* NULL: not open */
};

/* On error, which is no answer, the look says why. */
static enum notice_answer hear(int r, struct notice_look *look, const struct fault *fault)
{
	if (r == -ENOENT)
		return NOTICE_NONE;
	if (r >= 0)
		return NOTICE_GIVEN;
	look->fault = *fault;
	if (!fault->text[0])
		(void)fault_set(&look->fault, r, IMDS_WHAT ": %m");
	return NOTICE_UNKNOWN;
}

void instance_look(struct imds *imds, const struct clock *clock, struct notice_look *look)
{
	_cleanup_imds_answer_ struct imds_answer answer = {};
	struct fault fault = {};
	int r = imds_get(imds, IMDS_SPOT, "a spot notice", &answer, &fault);

	if (r >= 0)
		r = notice_parse_spot(secret_reveal(&answer.body), answer.body.size, look, &fault);
	look->said_ms = answer.date_ms > 0 ? answer.date_ms : clock_wall_ms(clock);
	look->spot = hear(r, look, &fault);
	/* Nobody there would be there for the next question either. */
	if (imds_found_nobody(r))
		return;

	fault = (struct fault){};
	r = imds_get(imds, IMDS_REBALANCE, "a rebalance recommendation", &answer, &fault);
	look->rebalance = hear(r, look, &fault);
}

static int open_eye(struct eye *eye, struct fault *fault)
{
	int r = 0;

	if (eye->imds)
		return 0;
	if (!eye->http)
		r = http_open(&(struct http_options){ .clock = eye->clock }, &eye->http, fault);
	if (r < 0)
		return r;
	return imds_open(
		&(struct imds_options){
			.http = eye->http,
			.clock = eye->clock,
			.env = instance_env,
		},
		&eye->imds, fault);
}

static void look_with(void *context, struct notice_look *look)
{
	struct eye *eye = context;
	struct fault fault = {};
	int r = open_eye(eye, &fault);

	if (r < 0)
		look->spot = look->rebalance = hear(r, look, &fault);
	else
		instance_look(eye->imds, eye->clock, look);
}

static void close_eye(void *context)
{
	struct eye *eye = context;

	imds_close(eye->imds);
	http_close(eye->http);
	free(eye);
}

int instance_notices(const struct clock *clock, struct notice_source *ret)
{
	struct eye *eye = calloc(1, sizeof(*eye));

	if (!eye)
		return -ENOMEM;
	eye->clock = clock;
	*ret = (struct notice_source){ look_with, close_eye, eye };
	return 0;
}
