/*
 * Machines that are EC2 instances, made by CreateFleet from the launch template of Paddock's name.
 *
 * A machine's id is the instance's. What ties it to the intent that asked for it is a tag that it
 * bears from its first moment on, and the client token, by which a launch that is repeated answers
 * with the instances that it made before. All instances that bear our name are ours.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "common/store/store.h"
#include "controller/provider/ec2-calls.h"
#include "controller/provider/ec2-catalog.h"
#include "controller/provider/ec2-memory.h"
#include "controller/provider/ec2-outlook.h"
#include "controller/provider/ec2-plan.h"
#include "controller/provider/provider.h"

#define TAG_NAME "paddock:name"
#define TAG_TOKEN "paddock:token"
#define TAG_RUN "paddock:run"
#define TAG_CLASS "paddock:class"
#define HANDLES_MAX 100000

struct ec2 {
	struct provider provider;
	struct ec2_options options;
	struct ec2_catalog_cache catalog;
	struct ec2_memory memory;
};

static struct ec2 *ec2_of(struct provider *provider)
{
	return container_of(provider, struct ec2, provider);
}

/* --- making ---------------------------------------------------------------------------------- */

static const char *arch_of(const struct resource_class *class_)
{
	return class_->arch ? class_->arch : "x86_64";
}

static int draw(struct ec2 *ec2, const struct blueprint *blueprint, struct ec2_choice *ret,
		struct fault *fault)
{
	struct ec2_wish wish = {
		.class_ = blueprint->class_,
		.globs = blueprint->types,
		.n_globs = blueprint->n_types,
		.usage = blueprint->usage,
		.now_ms = aws_now_ms(ec2->options.aws),
	};
	struct ec2_catalog catalog;
	int r;

	r = ec2_catalog_open(&ec2->catalog, blueprint->class_, &catalog, fault);
	if (r == 0)
		r = ec2_memory_read(&ec2->memory, fault);
	if (r < 0)
		return r;
	wish.capacity = &ec2->memory.capacity;
	wish.prices = &ec2->catalog.prices;
	wish.max_price_micros = ec2->catalog.max_price_micros;
	return ec2_choose(&catalog, &wish, ret, fault);
}

/* choice NULL: without pools. */
static int make_plan(const struct ec2 *ec2, const struct ec2_choice *choice, struct ec2_plan *ret)
{
	int r;

	*ret = (struct ec2_plan){};
	r = str_copy(ret->template_id, sizeof(ret->template_id), ec2->catalog.template_id);
	if (r == 0)
		r = str_copy(ret->version, sizeof(ret->version), ec2->catalog.template_version);
	if (r == 0)
		r = str_copy(ret->image, sizeof(ret->image), ec2->options.ami_id ?: "");
	if (r < 0 || !choice)
		return r;
	ret->spot = choice->spot;
	ret->n = choice->n;
	memcpy(ret->pools, choice->pools, choice->n * sizeof(*ret->pools));
	return 0;
}

static const char *zone_of(const struct ec2_plan *plan, const char *subnet)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (strcmp(plan->pools[i].subnet, subnet) == 0)
			return plan->pools[i].zone;
	}
	return "";
}

/* As it stands in the record of a machine: the image, or "<template>:<version>". */
static void tell_image(const struct ec2_plan *plan, char *ret, size_t size)
{
	if (plan->image[0])
		(void)snprintf(ret, size, "%s", plan->image);
	else
		(void)snprintf(ret, size, "%s:%s", plan->template_id, plan->version);
}

static int ec2_draw_plan(struct provider *provider, const struct blueprint *blueprint, char **ret,
			 struct fault *fault)
{
	struct ec2 *ec2 = ec2_of(provider);
	struct ec2_choice choice = {};
	struct ec2_plan plan = {};
	int r;

	r = draw(ec2, blueprint, &choice, fault);
	if (r == 0)
		r = make_plan(ec2, &choice, &plan);
	if (r == 0)
		r = ec2_plan_write(&plan, ret);
	return r;
}

static int ec2_outlook(struct provider *provider, const struct blueprint *blueprint, size_t count,
		       struct outlook *ret, struct fault *fault)
{
	struct ec2 *ec2 = ec2_of(provider);
	struct fault refusal = {};
	struct ec2_prospect prospect = {
		.catalog = &ec2->catalog,
		.ami_id = ec2->options.ami_id,
		.capacity = &ec2->memory.capacity,
		.count = count,
	};
	int r;

	r = draw(ec2, blueprint, &prospect.choice, &refusal);
	if (r < 0 && r != -ENOSPC) {
		if (fault)
			*fault = refusal;
		return r;
	}
	prospect.refusal = r < 0 ? fault_text(&refusal, r) : NULL;
	prospect.now_ms = aws_now_ms(ec2->options.aws);
	ec2_outlook_fill(&prospect, ret);
	return 0;
}

static void fill_launched(const struct ec2_plan *plan, const struct ec2_launched *launched,
			  const struct blueprint *blueprint, uint64_t now_ms, struct handle *ret)
{
	*ret = (struct handle){
		.provider = "ec2",
		.usage = strcmp(launched->lifecycle, "spot") == 0 ? USAGE_SPOT : USAGE_ON_DEMAND,
		.launched_ms = now_ms,
	};
	(void)!str_copy(ret->id, sizeof(ret->id), launched->id);
	(void)!str_copy(ret->type, sizeof(ret->type), launched->type);
	(void)!str_copy(ret->zone, sizeof(ret->zone),
			launched->zone[0] ? launched->zone : zone_of(plan, launched->subnet));
	(void)!str_copy(ret->arch, sizeof(ret->arch), arch_of(blueprint->class_));
	(void)!str_copy(ret->correlation, sizeof(ret->correlation), blueprint->correlation);
	tell_image(plan, ret->image, sizeof(ret->image));
}

static bool was_told(const struct ec2_fleet_answer *answer, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(answer->errors[i].code, answer->errors[at].code) == 0)
			return true;
	}
	return false;
}

static size_t count_code(const struct ec2_fleet_answer *answer, const char *code)
{
	size_t n = 0;

	for (size_t i = 0; i < answer->n_errors; i++)
		n += strcmp(answer->errors[i].code, code) == 0;
	return n;
}

/* What stood in the way, each code once. Returns -ENOSPC if all of it was want of capacity. */
static int tell_errors(const struct ec2_plan *plan, const struct ec2_fleet_answer *answer,
		       uint64_t count, struct fault *fault)
{
	char text[FAULT_TEXT_MAX / 2] = "";
	size_t at = 0;
	int r = -ENOSPC;

	for (size_t i = 0; i < answer->n_errors; i++) {
		const struct ec2_launch_error *error = &answer->errors[i];
		const char *zone = error->zone[0] ? error->zone : zone_of(plan, error->subnet);
		bool capacity = error->error == -ENOSPC;
		int n;

		if (!capacity)
			r = error->error < 0 ? error->error : -EIO;
		if (was_told(answer, i))
			continue;
		n = snprintf(text + at, sizeof(text) - at, "; %s for %s in %s%s%s", error->code,
			     error->type, zone, capacity ? "" : ": ",
			     capacity ? "" : error->message);
		at += n > 0 && (size_t)n < sizeof(text) - at ? (size_t)n : 0;
		if (count_code(answer, error->code) > 1) {
			n = snprintf(text + at, sizeof(text) - at, " and %zu other pools",
				     count_code(answer, error->code) - 1);
			at += n > 0 && (size_t)n < sizeof(text) - at ? (size_t)n : 0;
		}
	}
	return fault_set(fault, -r, "%zu of %llu made as %s in %zu pools%s", answer->n_launched,
			 (unsigned long long)count, plan->spot ? "spot" : "on-demand", plan->n,
			 text);
}

static int launch(struct ec2 *ec2, const struct blueprint *blueprint, const struct intent *intent,
		  const struct ec2_plan *plan, struct ec2_fleet_answer *ret, struct fault *fault)
{
	const struct aws_tag tags[] = {
		{ "Name", ec2->options.name },          { TAG_NAME, ec2->options.name },
		{ TAG_TOKEN, intent->token },           { TAG_RUN, blueprint->correlation },
		{ TAG_CLASS, blueprint->class_->name },
	};
	struct ec2_override overrides[EC2_POOLS_MAX];
	const struct ec2_fleet fleet = {
		.client_token = intent->token,
		.template_id = plan->template_id,
		.template_version = plan->version,
		.overrides = overrides,
		.n_overrides = plan->n,
		.count = intent->count,
		.spot = plan->spot,
		.tags = tags,
		.n_tags = ARRAY_SIZE(tags),
	};

	for (size_t i = 0; i < plan->n; i++)
		overrides[i] = (struct ec2_override){
			.type = plan->pools[i].type,
			.subnet = plan->pools[i].subnet,
			.image = plan->image[0] ? plan->image : NULL,
		};
	return ec2_launch(ec2->options.aws, &fleet, ret, fault);
}

/* The token was used with another request, which can only be one of an older Paddock: what it made
 * is found by its tag. */
static int find_again(struct ec2 *ec2, const struct intent *intent, struct handle *ret,
		      struct fault *fault);

static int ec2_provision(struct provider *provider, const struct blueprint *blueprint,
			 const struct intent *intent, struct handle *ret, struct fault *fault)
{
	_cleanup_ec2_fleet_answer_ struct ec2_fleet_answer answer = {};
	struct ec2 *ec2 = ec2_of(provider);
	struct ec2_plan plan;
	uint64_t now_ms;
	size_t n;
	int r;

	if (!intent->plan)
		return fault_set(fault, EBADMSG, "intent %s has no plan", intent->token);
	r = ec2_plan_read(intent->plan, &plan, fault);
	if (r == 0)
		r = launch(ec2, blueprint, intent, &plan, &answer, fault);
	if (r == -EEXIST)
		return find_again(ec2, intent, ret, fault);
	if (r < 0)
		return r;

	now_ms = aws_now_ms(ec2->options.aws);
	n = answer.n_launched < intent->count ? answer.n_launched : intent->count;
	for (size_t i = 0; i < n; i++)
		fill_launched(&plan, &answer.launched[i], blueprint, now_ms, &ret[i]);
	if (answer.n_errors > 0)
		ec2_memory_note(&ec2->memory, answer.errors, answer.n_errors, now_ms);
	if (n == intent->count)
		return (int)n;
	r = tell_errors(&plan, &answer, intent->count, fault);
	/* Where capacity was all that was wanting, other pools may have it. */
	return n > 0 || (r == -ENOSPC && answer.n_errors > 0) ? (int)n : r;
}

/* --- looking --------------------------------------------------------------------------------- */

static enum presence presence_of(const char *state)
{
	static const struct {
		const char *state;
		enum presence presence;
	} states[] = {
		{ "pending", PRESENCE_STARTING },     { "running", PRESENCE_THERE },
		{ "shutting-down", PRESENCE_ENDING }, { "terminated", PRESENCE_GONE },
		{ "stopping", PRESENCE_ENDING },      { "stopped", PRESENCE_THERE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(state, states[i].state) == 0)
			return states[i].presence;
	}
	return PRESENCE_UNKNOWN;
}

struct found {
	struct handle handle;
	enum presence presence;
};

/* Collected before any is shown: whoever is shown one may make calls of their own. */
struct findings {
	struct found *rows; /* owned */
	size_t n, capacity;
};

static void findings_done(struct findings *findings)
{
	free(findings->rows);
}

static void fill_found(const struct ec2_instance *instance, struct found *ret)
{
	const char *run = ec2_instance_tag(instance, TAG_RUN);
	struct handle *handle = &ret->handle;

	*ret = (struct found){
		.handle.provider = "ec2",
		.handle.usage = instance->lifecycle[0] ? USAGE_SPOT : USAGE_ON_DEMAND,
		.handle.launched_ms = instance->launched_ms,
		.presence = presence_of(instance->state),
	};
	(void)!str_copy(handle->id, sizeof(handle->id), instance->id);
	(void)!str_copy(handle->type, sizeof(handle->type), instance->type);
	(void)!str_copy(handle->zone, sizeof(handle->zone), instance->zone);
	(void)!str_copy(handle->address, sizeof(handle->address), instance->private_ip);
	(void)!str_copy(handle->image, sizeof(handle->image), instance->image);
	(void)!str_copy(handle->correlation, sizeof(handle->correlation), run ? run : "");
}

static int keep_found(const struct ec2_instance *instance, void *context, struct fault *fault)
{
	struct findings *findings = context;

	if (findings->n == findings->capacity) {
		size_t capacity = findings->capacity > 0 ? findings->capacity * 2 : 64;
		struct found *rows;

		if (findings->n >= HANDLES_MAX)
			return fault_set(fault, E2BIG, "more than %d instances", HANDLES_MAX);
		rows = reallocarray(findings->rows, capacity, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		findings->rows = rows;
		findings->capacity = capacity;
	}
	fill_found(instance, &findings->rows[findings->n++]);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->handle.id, ((const struct found *)b)->handle.id);
}

/* Those with one tag of this value, each once: a page that was read again is there twice. */
static int find_tagged(struct ec2 *ec2, const char *filter, const char *value, struct findings *ret,
		       struct fault *fault)
{
	static const char *const living[] = { "pending", "running", "shutting-down", "stopping",
					      "stopped" };
	const struct ec2_filter filters[] = {
		{ filter, &value, 1 },
		{ "instance-state-name", living, ARRAY_SIZE(living) },
	};
	size_t kept = 0;
	int r;

	r = ec2_find_instances(ec2->options.aws, filters, ARRAY_SIZE(filters), keep_found, ret,
			       fault);
	if (r < 0 || ret->n == 0)
		return r;
	qsort(ret->rows, ret->n, sizeof(*ret->rows), by_id);
	for (size_t i = 1; i < ret->n; i++) {
		if (by_id(&ret->rows[kept], &ret->rows[i]) != 0)
			ret->rows[++kept] = ret->rows[i];
	}
	ret->n = kept + 1;
	return 0;
}

static int show(const struct findings *findings, handle_fn *each, void *context)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < findings->n; i++)
		r = each(&findings->rows[i].handle, findings->rows[i].presence, context);
	return r < 0 ? r : 0;
}

static int find_again(struct ec2 *ec2, const struct intent *intent, struct handle *ret,
		      struct fault *fault)
{
	_cleanup_(findings_done) struct findings findings = {};
	size_t n;
	int r;

	r = find_tagged(ec2, "tag:" TAG_TOKEN, intent->token, &findings, fault);
	if (r < 0)
		return r;
	n = findings.n < intent->count ? findings.n : intent->count;
	for (size_t i = 0; i < n; i++)
		ret[i] = findings.rows[i].handle;
	if (n < intent->count)
		(void)fault_set(fault, ENOSPC, "an earlier launch with token %s has made %zu",
				intent->token, n);
	return (int)n;
}

static int ec2_made(struct provider *provider, const char *token, _unused_ uint64_t count,
		    handle_fn *each, void *context, struct fault *fault)
{
	_cleanup_(findings_done) struct findings findings = {};
	int r = find_tagged(ec2_of(provider), "tag:" TAG_TOKEN, token, &findings, fault);

	return r < 0 ? r : show(&findings, each, context);
}

static int ec2_list(struct provider *provider, handle_fn *each, void *context, struct fault *fault)
{
	_cleanup_(findings_done) struct findings findings = {};
	struct ec2 *ec2 = ec2_of(provider);
	int r = find_tagged(ec2, "tag:" TAG_NAME, ec2->options.name, &findings, fault);

	return r < 0 ? r : show(&findings, each, context);
}

struct asked {
	const char *const *ids;
	enum presence *presence;
	size_t n;
};

static int note_presence(const struct ec2_instance *instance, void *context,
			 _unused_ struct fault *fault)
{
	const struct asked *asked = context;

	for (size_t i = 0; i < asked->n; i++) {
		if (strcmp(asked->ids[i], instance->id) == 0)
			asked->presence[i] = presence_of(instance->state);
	}
	return 0;
}

static int ec2_poll(struct provider *provider, const char *const *ids, size_t n, enum presence *ret,
		    struct fault *fault)
{
	struct ec2 *ec2 = ec2_of(provider);
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += EC2_FILTER_MAX) {
		size_t some = n - at < EC2_FILTER_MAX ? n - at : EC2_FILTER_MAX;
		const struct ec2_filter filter = { "instance-id", ids + at, some };
		struct asked asked = { ids + at, ret + at, some };

		for (size_t i = 0; i < some; i++)
			ret[at + i] = PRESENCE_ABSENT;
		r = ec2_find_instances(ec2->options.aws, &filter, 1, note_presence, &asked, fault);
	}
	return r;
}

/* --- ending ---------------------------------------------------------------------------------- */

/* EC2 asks the instance to shut down and insists after some minutes of its own. */
static int ec2_teardown(struct provider *provider, const char *id, _unused_ uint64_t grace_usec,
			struct fault *fault)
{
	struct ec2 *ec2 = ec2_of(provider);
	char state[16];
	int r;

	r = ec2_terminate(ec2->options.aws, id, state, sizeof(state), fault);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return presence_of(state) == PRESENCE_GONE ? 0 : -EINPROGRESS;
}

/* An instance that is gone leaves nothing. */
static int ec2_forget(_unused_ struct provider *provider, _unused_ const char *id,
		      _unused_ bool keep_logs, _unused_ struct fault *fault)
{
	return 0;
}

static int ec2_image(struct provider *provider, char *ret, size_t size, struct fault *fault)
{
	struct ec2 *ec2 = ec2_of(provider);
	struct ec2_plan plan = {};
	int r;

	r = ec2_catalog_find_template(&ec2->catalog, fault);
	if (r == 0)
		r = make_plan(ec2, NULL, &plan);
	if (r == 0)
		tell_image(&plan, ret, size);
	return r;
}

static void ec2_close(struct provider *provider)
{
	struct ec2 *ec2 = ec2_of(provider);

	ec2_catalog_done(&ec2->catalog);
	free(ec2);
}

static const struct provider_ops ec2_ops = {
	.name = "ec2",
	.plan = ec2_draw_plan,
	.provision = ec2_provision,
	.outlook = ec2_outlook,
	.made = ec2_made,
	.poll = ec2_poll,
	.teardown = ec2_teardown,
	.list = ec2_list,
	.forget = ec2_forget,
	.image = ec2_image,
	.close = ec2_close,
};

int provider_ec2_new(const struct ec2_options *options, struct provider **ret, struct fault *fault)
{
	struct ec2 *ec2 = calloc(1, sizeof(*ec2));
	int r;

	if (!ec2)
		return -ENOMEM;
	*ec2 = (struct ec2){
		.provider.ops = &ec2_ops,
		.options = *options,
		.memory = { .store = options->store, .region = aws_region(options->aws) },
	};
	r = ec2_catalog_init(&ec2->catalog, options, fault);
	if (r < 0) {
		free(ec2);
		return r;
	}
	*ret = &ec2->provider;
	return 0;
}
