#include "controller/verbs/edges.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/parse.h"

extern char **environ;

static volatile sig_atomic_t cancelled;

static void on_signal(int signal_number)
{
	cancelled = signal_number;
}

/* No SA_RESTART: a wait ends at once, and what is under way is rolled back. A second signal of the
 * same kind kills, as everywhere. */
static int catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	cancelled = 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction before;

		if (sigaction(signals[i], NULL, &before) < 0)
			return -errno;
		/* nohup and background shells ignore some of them on purpose. */
		if (before.sa_handler == SIG_IGN)
			continue;
		if (sigaction(signals[i], &action, NULL) < 0)
			return -errno;
	}
	action = (struct sigaction){ .sa_handler = SIG_IGN };
	return sigaction(SIGPIPE, &action, NULL) < 0 ? -errno : 0;
}

static void say(_unused_ void *context, const char *line)
{
	fprintf(stderr, "  %s\n", line);
}

static int name_places(struct edges *edges, struct fault *fault)
{
	const struct config *config = &edges->config;

	edges->state_dir = config_state_dir(config);
	if (!edges->state_dir)
		return fault_cure(fault,
				  fault_set(fault, ENOENT, "there is no home for local state"),
				  "set HOME, or give --state-dir");
	edges->store_address = config_store_address(config);
	edges->agent_path = config_agent_path(config);
	return edges->store_address && edges->agent_path ? 0 : -ENOMEM;
}

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

/* Not cancelled by a signal: what follows one is a rollback, which needs it. */
int edges_aws(struct edges *edges, struct aws **ret, struct fault *fault)
{
	const struct aws_options options = {
		.profile = edges->config.ec2.profile,
		.region = edges->config.ec2.region,
		.home = getenv("HOME"),
		.env = get_env,
		.clock = &clock_system,
		.seed = edges->controller.nonce,
	};
	int r = edges->aws ? 0 : aws_open(&options, &edges->aws, fault);

	*ret = edges->aws;
	return r;
}

/* Where a local agent finds AWS, and what it may act as there: as the caller does, but for keys in
 * the environment. Whatever runs as the agent's user could read them there for as long as the
 * machine lives, jobs included; so it takes its own from files, a program or the host. */
static bool is_for_agents(const char *variable)
{
	static const char *const names[] = {
		"HOME=",
		"AWS_PROFILE=",
		"AWS_DEFAULT_PROFILE=",
		"AWS_REGION=",
		"AWS_DEFAULT_REGION=",
		"AWS_CONFIG_FILE=",
		"AWS_SHARED_CREDENTIALS_FILE=",
		"AWS_ENDPOINT_URL", /* of all services, or of one */
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=",
		"AWS_USE_FIPS_ENDPOINT=",
		"AWS_USE_DUALSTACK_ENDPOINT=",
		"AWS_CA_BUNDLE=",
		"AWS_EC2_METADATA_DISABLED=",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static bool agents_need_aws(const struct edges *edges)
{
	static const char dynamodb[] = "dynamodb:";

	return strcmp(edges->config.pool, "sqs") == 0 ||
	       strncmp(edges->store_address, dynamodb, strlen(dynamodb)) == 0;
}

/* The settings' own come first: of two with one name the first is found. */
static int fill_agent_environment(struct edges *edges)
{
	const struct ec2_config *ec2 = &edges->config.ec2;
	char **own = edges->agent_environment;
	size_t n = 0;

	if (!agents_need_aws(edges))
		return 0;
	if (ec2->region && !(own[n++] = str_format("AWS_REGION=%s", ec2->region)))
		return -ENOMEM;
	if (ec2->profile && !(own[n++] = str_format("AWS_PROFILE=%s", ec2->profile)))
		return -ENOMEM;
	for (size_t i = 0; environ[i] && n < AGENT_ENVIRONMENT_MAX; i++) {
		if (!is_for_agents(environ[i]))
			continue;
		own[n] = strdup(environ[i]);
		if (!own[n++])
			return -ENOMEM;
	}
	return 0;
}

static int open_local(struct edges *edges, struct fault *fault)
{
	const struct config *config = &edges->config;
	char text[DURATION_TEXT_MAX];

	edges->agent_beat = strdup(format_duration(config->beat_usec, text, sizeof(text)));
	edges->agent_boot = strdup(format_duration(config->boot_usec, text, sizeof(text)));
	if (!edges->agent_beat || !edges->agent_boot)
		return -ENOMEM;
	edges->agent_flags[0] = "--beat-period";
	edges->agent_flags[1] = edges->agent_beat;
	edges->agent_flags[2] = "--boot-time";
	edges->agent_flags[3] = edges->agent_boot;
	edges->agent_flags[4] = "--pool";
	edges->agent_flags[5] = config->pool;
	edges->agent_flags[6] = "--aws-name";
	edges->agent_flags[7] = config->ec2.name;
	if (fill_agent_environment(edges) < 0)
		return -ENOMEM;
	edges->local = (struct local_options){
		.state_dir = edges->state_dir,
		.agent_path = edges->agent_path,
		.store_address = edges->store_address,
		.agent_flags = edges->agent_flags,
		.agent_environment = (const char *const *)edges->agent_environment,
		.clock = &clock_system,
	};
	return provider_local_new(&edges->local, &edges->controller.provider, fault);
}

static int open_ec2(struct edges *edges, struct fault *fault)
{
	const struct config *config = &edges->config;
	struct ec2_options options = {
		.store = edges->controller.store,
		.name = config->ec2.name,
		.ami_id = config->ec2.ami_id,
		.subnets = config->ec2.subnets,
		.prices = config->prices,
		.max_price = config->max_price,
	};
	int r = edges_aws(edges, &options.aws, fault);

	return r < 0 ? r : provider_ec2_new(&options, &edges->controller.provider, fault);
}

static int open_provider(struct edges *edges, struct fault *fault)
{
	static const struct {
		const char *name;
		int (*open)(struct edges *edges, struct fault *fault);
	} providers[] = { { "local", open_local }, { "ec2", open_ec2 } };
	const char *name = edges->config.provider;

	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		if (strcmp(name, providers[i].name) == 0)
			return providers[i].open(edges, fault);
	}
	return fault_cure(fault, fault_set(fault, EINVAL, "there is no provider '%s'", name),
			  "provider = local, or provider = ec2");
}

static int open_store(struct edges *edges, bool create, struct fault *fault)
{
	struct controller *controller = &edges->controller;
	int r;

	if (create && !edges->config.store) {
		r = make_dirs(edges->state_dir, 0700);
		if (r < 0)
			return fault_cure(fault,
					  fault_set(fault, -r, "cannot make %s: %s",
						    edges->state_dir, strerror(-r)),
					  "give a --state-dir that you may write to");
	}
	r = store_open(edges->store_address, create, &clock_system, &controller->store, fault);
	if (r == -ENOENT)
		return fault_cure(fault,
				  fault_set(fault, ENOENT,
					    "nothing is here yet: there is no store %s",
					    edges->store_address),
				  "paddock run -- echo hello");
	if (r < 0)
		return r;
	if (edges->hooks && edges->hooks->wrap_store)
		controller->store = edges->hooks->wrap_store(controller->store);
	return 0;
}

int edges_prepare(struct edges *edges, struct fault *fault)
{
	struct controller *controller = &edges->controller;
	int r;

	if (edges->prepared)
		return 0;
	*controller = (struct controller){
		.config = &edges->config,
		.clock = &clock_system,
		.cancelled = &cancelled,
		.say = say,
	};
	if (getrandom(&controller->nonce, sizeof(controller->nonce), 0) !=
	    (ssize_t)sizeof(controller->nonce))
		return fault_set(fault, EIO, "no random number to be had");
	r = config_check(&edges->config, fault);
	if (r == 0)
		r = catch_signals();
	if (r == 0)
		r = name_places(edges, fault);
	edges->prepared = r == 0;
	return r;
}

int edges_open_store(struct edges *edges, bool create, struct fault *fault)
{
	struct controller *controller = &edges->controller;
	int r = edges_prepare(edges, fault);

	if (r == 0)
		r = open_store(edges, create, fault);
	return r < 0 ? r
		     : forge_open(edges->config.forge, controller->store, &controller->forge,
				  fault);
}

int edges_open_provider(struct edges *edges, struct fault *fault)
{
	int r = edges_prepare(edges, fault);

	return r < 0 ? r : open_provider(edges, fault);
}

int edges_open(struct edges *edges, bool create, struct fault *fault)
{
	int r = edges_open_store(edges, create, fault);

	return r < 0 ? r : edges_open_provider(edges, fault);
}

int edges_converge(struct edges *edges, struct converge *ret, struct fault *fault)
{
	int r = edges_prepare(edges, fault);

	if (r < 0)
		return r;
	*ret = (struct converge){
		.config = &edges->config,
		.clock = &clock_system,
		.store_address = edges->store_address,
		.nonce = edges->controller.nonce,
	};
	return converge_uses_aws(&edges->config, edges->store_address)
		       ? edges_aws(edges, &ret->aws, fault)
		       : 0;
}

void edges_close(struct edges *edges)
{
	provider_close(edges->controller.provider);
	aws_close(edges->aws);
	edges->aws = NULL;
	forge_close(edges->controller.forge);
	store_close(edges->controller.store);
	edges->controller = (struct controller){};
	free(edges->store_address);
	free(edges->state_dir);
	free(edges->agent_path);
	free(edges->agent_beat);
	free(edges->agent_boot);
	for (size_t i = 0; edges->agent_environment[i]; i++)
		free(take_ptr(edges->agent_environment[i]));
	edges->store_address = edges->state_dir = edges->agent_path = NULL;
	edges->agent_beat = edges->agent_boot = NULL;
	edges->prepared = false;
}

bool edges_want_json(const struct edges *edges)
{
	return edges->config.json || edges->config.output == OUTPUT_JSON;
}

int print_json(const char *schema, struct json_object *body)
{
	_cleanup_json_ struct json_object *document = json_object_new_object();
	const char *text;

	if (!document || !body) {
		json_object_put(body);
		return program_fail(-ENOMEM, NULL);
	}
	if (json_set_text(document, "schema", schema) < 0) {
		json_object_put(body);
		return program_fail(-ENOMEM, NULL);
	}
	json_object_object_foreach(body, key, value)
	{
		if (json_set(document, key, json_object_get(value)) < 0) {
			json_object_put(body);
			return program_fail(-ENOMEM, NULL);
		}
	}
	json_object_put(body);
	text = json_text(document);
	if (!text)
		return program_fail(-ENOMEM, NULL);
	if (puts(text) == EOF || fflush(stdout) != 0)
		return program_fail(-errno, NULL);
	return EXIT_OK;
}

const char *age_text(uint64_t from_ms, uint64_t to_ms, char *text, size_t size)
{
	uint64_t ms;

	if (from_ms == 0 || to_ms == 0)
		return "-";
	if (to_ms < from_ms) {
		(void)snprintf(text, size, "-");
		return text;
	}
	ms = to_ms - from_ms;
	if (ms < MSEC_PER_SEC * 10)
		(void)snprintf(text, size, "%" PRIu64 ".%02" PRIu64 "s", ms / MSEC_PER_SEC,
			       ms % MSEC_PER_SEC / 10);
	else if (ms < MSEC_PER_SEC * 60 * 2)
		(void)snprintf(text, size, "%" PRIu64 "s", ms / MSEC_PER_SEC);
	else if (ms < MSEC_PER_SEC * 60 * 60 * 2)
		(void)snprintf(text, size, "%" PRIu64 "min", ms / (MSEC_PER_SEC * 60));
	else
		(void)snprintf(text, size, "%" PRIu64 "h", ms / (MSEC_PER_SEC * 60 * 60));
	return text;
}

static int load(struct settings *settings, const char *config_path, struct fault *fault)
{
	/* Not settings: where tests and packagers move things. */
	static const char *const ignored[] = { "PADDOCK_ROOT", NULL };
	const char *root = getenv("PADDOCK_ROOT");
	int r;

	r = config_path ? settings_load_file(settings, config_path, fault)
			: settings_load_files(settings, root ? root : "", "paddock", fault);
	return r < 0 ? r : settings_load_environment(settings, environ, ignored, fault);
}

int controller_main(int argc, char **argv, const struct hooks *hooks)
{
	struct edges edges = { .hooks = hooks };
	const struct program program = {
		.name = "paddock",
		.summary = "Hands out machines for CI, benchmarks and hardware tests",
		.examples = "paddock run -- make check\tone machine, one command, given back\n"
			    "paddock provision --instance-count 2\ttwo machines for this run\n"
			    "paddock status\twhat there is\n"
			    "paddock demo\tall of it in half a minute, leaving nothing behind",
		.version = PADDOCK_VERSION,
		.verbs = verbs,
		.load = load,
		.settings = &edges.settings,
		.context = &edges,
	};
	struct fault fault = {};
	int r, code;

	log_init(&(struct log_options){ .program = "paddock", .max_level = LOG_LEVEL_WARNING });
	r = config_init(&edges.config, &fault);
	if (r == 0)
		r = settings_init(&edges.settings, config_rows, config_rows_n, &edges.config,
				  &config_family, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	code = program_run(&program, argc, argv);
	edges_close(&edges);
	settings_done(&edges.settings);
	config_done(&edges.config);
	return code;
}
