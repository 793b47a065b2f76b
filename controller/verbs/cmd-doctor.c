/* doctor: one row a thing that must be right, each with what was found and, when it is not right,
 * what to do. A table of checks; each answers pass, warn or fail. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/base/io.h"
#include "controller/verbs/verbs.h"

#define FREE_WARN_BYTES (256ULL * 1024 * 1024)
#define FILES_WARN 256
#define FINDING_MAX 320

enum health { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };
static const char *const health_names[] = { "pass", "warn", "fail" };

struct finding {
	enum health health;
	char text[FINDING_MAX];
	char cure[FINDING_MAX];
};

static _printf_(3, 4) void found(struct finding *finding, enum health health, const char *format,
				 ...)
{
	va_list args;

	finding->health = health;
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

static _printf_(2, 3) void cure(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(finding->cure, sizeof(finding->cure), format, args);
	va_end(args);
}

static void check_settings(const struct edges *edges, struct finding *finding)
{
	struct fault fault = {};
	int r = config_check(&edges->config, &fault);

	if (r < 0)
		found(finding, HEALTH_FAIL, "%s", fault_text(&fault, r));
	else
		found(finding, HEALTH_PASS, "%zu classes, provider %s, pool %s, forge %s",
		      edges->config.classes.n, edges->config.provider, edges->config.pool,
		      edges->config.forge);
}

static void check_state_dir(const struct edges *edges, struct finding *finding)
{
	_cleanup_free_ char *dir = config_state_dir(&edges->config);
	struct statvfs fs;
	struct stat st;

	if (!dir) {
		found(finding, HEALTH_FAIL, "there is no home for local state");
		cure(finding, "set HOME, or state-dir");
		return;
	}
	if (stat(dir, &st) < 0 && errno == ENOENT) {
		found(finding, HEALTH_WARN, "%s is not there yet", dir);
		cure(finding, "the first provision or run makes it");
		return;
	}
	if (access(dir, W_OK | X_OK) < 0) {
		found(finding, HEALTH_FAIL, "%s: %s", dir, strerror(errno));
		cure(finding, "choose another state-dir, or its owner");
		return;
	}
	if (statvfs(dir, &fs) == 0 && fs.f_bavail * fs.f_frsize < FREE_WARN_BYTES) {
		found(finding, HEALTH_WARN, "%s has only %llu MiB left", dir,
		      (unsigned long long)(fs.f_bavail * fs.f_frsize >> 20));
		cure(finding, "make room: agents cannot write their logs on a full disk");
		return;
	}
	/* Who can put a machine's directory or a store there decides what runs as this user. */
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		found(finding, HEALTH_WARN, "%s can be written to by others", dir);
		cure(finding, "chmod go-w %.200s", dir);
		return;
	}
	found(finding, HEALTH_PASS, "%s", dir);
}

/* Whether others may read the file that the address names: a copy, say, was put in its place. */
static bool store_is_open_to_others(const char *address)
{
	const char *path = strchr(address, ':');
	struct stat st;

	return path && stat(path + 1, &st) == 0 &&
	       st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
}

static void check_store(const struct edges *edges, struct finding *finding)
{
	_cleanup_free_ char *address = config_store_address(&edges->config);
	_cleanup_(store_closep) struct store *store = NULL;
	char text[FINDING_MAX];
	struct fault fault = {};
	int r;

	if (!address) {
		found(finding, HEALTH_FAIL, "there is no address for it");
		return;
	}
	r = store_open(address, false, &clock_system, &store, &fault);
	if (r == -ENOENT) {
		found(finding, HEALTH_WARN, "%s is not there yet", address);
		cure(finding, "the first provision or run makes it");
		return;
	}
	if (r == 0)
		r = store->ops->describe(store, text, sizeof(text), &fault);
	if (r < 0) {
		found(finding, HEALTH_FAIL, "%s", fault_text(&fault, r));
		cure(finding, "%s", fault.cure);
		return;
	}
	if (store_is_open_to_others(address)) {
		found(finding, HEALTH_WARN, "%s can be read by others", address);
		cure(finding, "chmod 600 %.200s", strchr(address, ':') + 1);
		return;
	}
	found(finding, HEALTH_PASS, "%s", text);
}

static void check_agent(const struct edges *edges, struct finding *finding)
{
	_cleanup_free_ char *path = config_agent_path(&edges->config);

	if (path && access(path, X_OK) == 0) {
		found(finding, HEALTH_PASS, "%s", path);
		return;
	}
	found(finding, HEALTH_FAIL, "%s: %s", path ? path : "paddock-agent", strerror(errno));
	cure(finding, "install paddock-agent beside paddock, or set agent-path");
}

static void check_files(_unused_ const struct edges *edges, struct finding *finding)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		found(finding, HEALTH_WARN, "%s", strerror(errno));
		return;
	}
	found(finding, limit.rlim_cur < FILES_WARN ? HEALTH_WARN : HEALTH_PASS,
	      "%llu open files allowed", (unsigned long long)limit.rlim_cur);
	if (finding->health == HEALTH_WARN)
		cure(finding, "ulimit -n %d", FILES_WARN);
}

static void check_clock(_unused_ const struct edges *edges, struct finding *finding)
{
	/* 2020-09-13: a clock below it has certainly never been set. */
	static const uint64_t plausible_ms = 1600000000000ULL;

	if (clock_wall_ms(&clock_system) < plausible_ms) {
		found(finding, HEALTH_WARN, "this host's clock says it is before September 2020");
		cure(finding, "set it: times in records and outputs are wrong until then");
		return;
	}
	found(finding, HEALTH_PASS, "plausible; a jump moves no deadline");
}

static const struct {
	const char *name;
	void (*check)(const struct edges *edges, struct finding *finding);
} checks[] = {
	{ "settings", check_settings }, { "state directory", check_state_dir },
	{ "store", check_store },       { "agent", check_agent },
	{ "open files", check_files },  { "clock", check_clock },
};

static int print_findings(const struct finding *findings)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		printf("%s  %-16s %s\n", health_names[findings[i].health], checks[i].name,
		       findings[i].text);
		if (findings[i].cure[0])
			printf("      %-16s try: %s\n", "", findings[i].cure);
	}
	return fflush(stdout) == 0 ? EXIT_OK : program_fail(-errno, NULL);
}

static int findings_json(const struct finding *findings)
{
	struct json_object *body = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int r;

	if (!body) {
		json_object_put(array);
		return program_fail(-ENOMEM, NULL);
	}
	r = json_set(body, "checks", array);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++) {
		struct json_object *row = json_object_new_object();

		r = json_append(array, row);
		if (r == 0)
			r = json_set_text(row, "name", checks[i].name);
		if (r == 0)
			r = json_set_text(row, "health", health_names[findings[i].health]);
		if (r == 0)
			r = json_set_text(row, "text", findings[i].text);
		if (r == 0)
			r = json_set_text(row, "cure", findings[i].cure);
	}
	if (r < 0) {
		json_object_put(body);
		return program_fail(r, NULL);
	}
	return print_json("paddock-doctor/1", body);
}

static int run_doctor(const struct verb_call *call)
{
	struct finding findings[ARRAY_SIZE(checks)] = {};
	const struct edges *edges = call->context;
	enum health worst = HEALTH_PASS;
	int printed;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		checks[i].check(edges, &findings[i]);
		if (findings[i].health > worst)
			worst = findings[i].health;
	}
	printed = edges_want_json(edges) ? findings_json(findings) : print_findings(findings);
	if (printed != EXIT_OK)
		return printed;
	return worst == HEALTH_FAIL ? EXIT_FAILED : EXIT_OK;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.help = "Check that everything that Paddock needs here is right",
	.run = run_doctor,
};
