/*
 * The machine around the counters: what a reason or a cure must know. From files below the root
 * directory and from CPUID only, so that a captured machine gives the same answers; a file that is
 * not there leaves its fact unknown.
 */

#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "common/base/io.h"
#include "common/base/parse.h"

#define TEXT_MAX 16384 /* the first CPU of /proc/cpuinfo and all of /proc/self/status fit */
#define CAP_SYS_ADMIN_BIT 21
#define CAP_PERFMON_BIT 38

static const char source_path[] = "sys/bus/event_source/devices";

void probe_clean(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void probe_read_line(int root_fd, const char *path, char *text, size_t size)
{
	if (read_file_at(root_fd, path, text, size) < 0)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	probe_clean(text);
}

static bool read_number(int root_fd, const char *path, uint64_t *ret)
{
	char text[32];

	probe_read_line(root_fd, path, text, sizeof(text));
	return parse_u64(text, ret) == 0;
}

/* The value of a "key : value" line. */
static bool find_field(const char *text, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line != '\0';) {
		const char *rest = line + length;

		if (strncmp(line, key, length) == 0 && rest[strspn(rest, " \t")] == ':') {
			rest += strspn(rest, " \t") + 1;
			rest += strspn(rest, " \t");
			(void)snprintf(value, size, "%.*s", (int)strcspn(rest, "\n"), rest);
			probe_clean(value);
			return true;
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

bool probe_has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

/* Adds a word and a space before it; leaves it out when it does not fit. */
static void add_word(char *text, size_t size, const char *word)
{
	size_t used = strlen(text);

	if (used + strlen(word) + 2 > size)
		return;
	(void)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "", word);
}

static void read_cpu(int root_fd, struct probe_context *context)
{
	static const char *const resctrl_flags[] = {
		"rdt_a",   "cat_l3",        "cat_l2",        "cdp_l3",       "mba",
		"cqm_llc", "cqm_occup_llc", "cqm_mbm_total", "cqm_mbm_local"
	};
	_cleanup_free_ char *text = calloc(1, TEXT_MAX);
	_cleanup_free_ char *flags = calloc(1, TEXT_MAX);

	if (!text || !flags || read_file_at(root_fd, "proc/cpuinfo", text, TEXT_MAX) < 0)
		return;
	(void)find_field(text, "vendor_id", context->cpu_vendor, sizeof(context->cpu_vendor));
	(void)find_field(text, "model name", context->cpu_model, sizeof(context->cpu_model));
	if (!find_field(text, "flags", flags, TEXT_MAX))
		return;

	for (size_t i = 0; i < ARRAY_SIZE(resctrl_flags); i++)
		if (probe_has_word(flags, resctrl_flags[i]))
			add_word(context->resctrl.flags, sizeof(context->resctrl.flags),
				 resctrl_flags[i]);
	/* Its absence says nothing yet: some metal hosts boot without DMI, and Arm has no flags. */
	if (probe_has_word(flags, "hypervisor"))
		context->platform = PROBE_PLATFORM_VM;
	else if (context->cpu_vendor[0] != '\0')
		context->platform = PROBE_PLATFORM_METAL;
}

/* "0-3,8,10-11" has seven. */
static uint64_t count_list(const char *list)
{
	char text[32];
	uint64_t sum = 0, first, last;

	while (*list != '\0') {
		size_t length = strcspn(list, ",");
		char *dash;

		(void)snprintf(text, sizeof(text), "%.*s", (int)length, list);
		dash = strchr(text, '-');
		if (dash)
			*dash++ = '\0';
		if (parse_u64(text, &first) < 0 || parse_u64(dash ? dash : text, &last) < 0 ||
		    last < first)
			return 0;
		sum += last - first + 1;
		list += length + (list[length] == ',');
	}
	return sum;
}

/* perf_event_paranoid may be -1, which parse_u64() rightly refuses. */
static void read_paranoid(int root_fd, struct probe_context *context)
{
	char text[32];
	uint64_t value;

	probe_read_line(root_fd, "proc/sys/kernel/perf_event_paranoid", text, sizeof(text));
	if (parse_u64(text + (text[0] == '-'), &value) < 0 || value > INT32_MAX)
		return;
	context->has_paranoid = true;
	context->paranoid = text[0] == '-' ? -(int64_t)value : (int64_t)value;
}

/* Sixteen hex digits, as CapEff has them. */
static bool parse_hex(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; text[n] != '\0'; n++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, text[n]);

		if (!digit || n >= 16)
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*ret = value;
	return n > 0;
}

static void read_status(int root_fd, struct probe_context *context)
{
	_cleanup_free_ char *text = calloc(1, TEXT_MAX);
	char value[64], map[64];
	uint64_t number;

	if (!text || read_file_at(root_fd, "proc/self/status", text, TEXT_MAX) < 0)
		return;
	if (find_field(text, "CapEff", value, sizeof(value)) && parse_hex(value, &number)) {
		context->has_status = true;
		context->capabilities = number;
	}
	if (find_field(text, "Seccomp", value, sizeof(value)) && parse_u64(value, &number) == 0)
		context->seccomp = number;
	if (find_field(text, "Uid", value, sizeof(value))) {
		value[strspn(value, "0123456789")] = '\0';
		if (parse_u64(value, &number) == 0)
			context->uid = number;
	}

	/* Only the first user namespace maps everybody to themselves. */
	probe_read_line(root_fd, "proc/self/uid_map", map, sizeof(map));
	context->user_namespace = map[0] != '\0' && !probe_has_word(map, "4294967295");
}

/* "none [integrity] confidentiality" is integrity. */
static void read_lockdown(int root_fd, struct probe_context *context)
{
	char text[64];
	const char *from;

	probe_read_line(root_fd, "sys/kernel/security/lockdown", text, sizeof(text));
	from = strchr(text, '[');
	if (from)
		(void)snprintf(context->lockdown, sizeof(context->lockdown), "%.*s",
			       (int)strcspn(from + 1, "]"), from + 1);
	probe_read_line(root_fd, "sys/kernel/security/lsm", context->lsm, sizeof(context->lsm));
}

static bool is_core_source(const char *name)
{
	static const char *const exact[] = { "cpu", "cpu_core", "cpu_atom", "cpum_cf" };
	static const char *const prefixes[] = { "armv", "apple_" };

	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (strcmp(name, exact[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int compare_sources(const void *a, const void *b)
{
	return strcmp(((const struct probe_source *)a)->name,
		      ((const struct probe_source *)b)->name);
}

static void add_source(int root_fd, const char *name, struct probe_context *context)
{
	struct probe_source source = { .core = is_core_source(name) };
	_cleanup_free_ char *path = str_format("%s/%s/type", source_path, name);

	if (!path || context->n_sources == PROBE_SOURCES_MAX ||
	    str_copy(source.name, sizeof(source.name), name) < 0)
		return;
	(void)read_number(root_fd, path, &source.type);
	probe_clean(source.name);
	context->sources[context->n_sources++] = source;
}

static void read_sources(int root_fd, struct probe_context *context)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;

	if (open_dir_at(root_fd, source_path, &dir) < 0)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			add_source(root_fd, entry->d_name, context);

	qsort(context->sources, context->n_sources, sizeof(context->sources[0]), compare_sources);
	for (size_t i = 0; i < context->n_sources; i++)
		if (context->sources[i].core)
			add_word(context->core_pmu, sizeof(context->core_pmu),
				 context->sources[i].name);
}

static void read_settings(int root_fd, struct probe_context *context)
{
	char text[64];
	uint64_t value;

	context->nmi_watchdog = -1;
	if (read_number(root_fd, "proc/sys/kernel/nmi_watchdog", &value) && value <= 1)
		context->nmi_watchdog = (int)value;
	probe_read_line(root_fd, "sys/devices/system/cpu/online", text, sizeof(text));
	context->cpus = count_list(text);
	probe_read_line(root_fd, "proc/sys/kernel/osrelease", context->kernel,
			sizeof(context->kernel));
}

void probe_read_context(const struct probe_kernel *kernel, struct probe_context *ret)
{
	(void)snprintf(ret->arch, sizeof(ret->arch), "%s", kernel->arch);
	read_settings(kernel->root_fd, ret);
	read_cpu(kernel->root_fd, ret);
	read_paranoid(kernel->root_fd, ret);
	read_status(kernel->root_fd, ret);
	read_lockdown(kernel->root_fd, ret);
	read_sources(kernel->root_fd, ret);
	probe_read_platform(kernel, ret);
	probe_read_resctrl(kernel->root_fd, &ret->resctrl);
}

static bool has_capability(const struct probe_context *context, unsigned bit)
{
	/* Capabilities of another user namespace count for nothing here. */
	return !context->user_namespace && (context->capabilities >> bit & 1) != 0;
}

bool probe_is_capable(const struct probe_context *context)
{
	/* At 4, a distribution's patch wants CAP_SYS_ADMIN and forgets CAP_PERFMON. */
	if (has_capability(context, CAP_SYS_ADMIN_BIT))
		return true;
	return has_capability(context, CAP_PERFMON_BIT) && context->paranoid < 4;
}

bool probe_policy_allows(const struct probe_context *context, enum probe_scope scope)
{
	static const int64_t highest[_PROBE_SCOPE_MAX] = { 2, 1, 0 };

	if (!context->has_paranoid || probe_is_capable(context))
		return true;
	return context->paranoid <= highest[scope];
}
