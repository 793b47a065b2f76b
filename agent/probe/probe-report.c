/*
 * The report for a person. The first five lines answer the question and fit a narrow terminal; then
 * a row for each question; then each distinct reason once, with its cure; last the evidence.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "common/base/table.h"
#include "common/base/text.h"

#define LINE_SIZE 512
#define FOLD_WIDTH 80 /* of paragraphs, where the width is not known */
#define LABEL_WIDTH 10

/* The words of the features that resctrl offers: "l3 mb mon". */
static void resctrl_words(const struct probe_report *report, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct probe_row *row = &report->rows[i];
		const char *dot;

		if (row->group != PROBE_GROUP_RESCTRL || row->verdict != PROBE_WORKS ||
		    !row->capability || used >= size)
			continue;
		dot = strchr(row->capability, '.');
		used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "",
					 dot ? dot + 1 : row->capability);
	}
}

static size_t count_rows(const struct probe_report *report, bool working)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_rows; i++)
		n += report->rows[i].group <= PROBE_GROUP_CACHE &&
		     (!working || report->rows[i].verdict == PROBE_WORKS);
	return n;
}

static void describe_machine(const struct probe_report *report, char *line, size_t size)
{
	const struct probe_context *context = &report->context;
	static const char *const kinds[] = { "metal or VM", "metal", "VM" };
	bool has_name = context->platform == PROBE_PLATFORM_VM && context->hypervisor[0] != '\0';

	(void)snprintf(line, size, "%s%s%s%s%s%s%s, %" PRIu64 " CPU%s, %s, %s, Linux %s",
		       kinds[context->platform], has_name ? " (" : "",
		       has_name ? context->hypervisor : "", has_name ? ")" : "",
		       context->container ? " in a container" : "",
		       context->product[0] != '\0' ? ", " : "", context->product, context->cpus,
		       context->cpus == 1 ? "" : "s",
		       context->cpu_model[0] != '\0' ? context->cpu_model : "CPU not named",
		       context->arch, context->kernel[0] != '\0' ? context->kernel : "?");
}

/* Whether all that makes a PMU fails for the same reason: then no event need be named. */
static bool core_agrees(const struct probe_report *report, const struct probe_row *row)
{
	for (size_t i = 0; i < report->n_rows; i++)
		if (report->rows[i].core && report->rows[i].reason != row->reason)
			return false;
	return row->core;
}

static void describe_pmu(const struct probe_report *report, char *line, size_t size)
{
	const struct probe_row *row;
	enum probe_verdict verdict = probe_pmu_verdict(report, &row);

	if (verdict == PROBE_WORKS)
		(void)snprintf(line, size, "works: %zu of %zu hardware events count",
			       count_rows(report, true), count_rows(report, false));
	else if (!row)
		(void)snprintf(line, size, "%s", probe_verdict_names[verdict]);
	else if (core_agrees(report, row))
		(void)snprintf(line, size, "%s: %s", probe_verdict_names[verdict], row->brief);
	else
		(void)snprintf(line, size, "%s: %s: %s", probe_verdict_names[verdict], row->name,
			       row->brief);
}

/* Only x86 says how many there ought to be. */
static void describe_cpuid(const struct probe_context *context, char *text, size_t size)
{
	text[0] = '\0';
	if (context->pmu_general > 0)
		(void)snprintf(text, size, "CPUID says %" PRIu64 "; ", context->pmu_general);
	else if (strcmp(context->arch, "x86_64") == 0)
		(void)snprintf(text, size, "CPUID names none; ");
}

static void describe_counters(const struct probe_report *report, char *line, size_t size)
{
	static const char *const watchdog[] = { "not known", "off", "on" };
	const struct probe_row *row = probe_find(report, "general-counters");
	char usable[48] = "not known", said[40];

	if (row && row->verdict == PROBE_ABSENT)
		(void)snprintf(usable, sizeof(usable), "none");
	else if (row && row->seen.counted && row->seen.error == 0)
		(void)snprintf(usable, sizeof(usable), "%s%" PRIu64 " usable at once",
			       row->seen.value == PROBE_COUNTERS_MAX ? "at least " : "",
			       row->seen.value);
	describe_cpuid(&report->context, said, sizeof(said));
	(void)snprintf(line, size, "%s (%sNMI watchdog %s)", usable, said,
		       watchdog[report->context.nmi_watchdog + 1]);
}

static void describe_resctrl(const struct probe_report *report, char *line, size_t size)
{
	const struct probe_row *row = probe_find(report, "resctrl");
	char words[64];

	resctrl_words(report, words, sizeof(words));
	if (!row)
		(void)snprintf(line, size, "unknown");
	else if (words[0] != '\0')
		(void)snprintf(line, size, "offers %s (effect not tried)", words);
	else
		(void)snprintf(line, size, "%s: %s", probe_verdict_names[row->verdict], row->brief);
}

/* The cure of what matters most, its first sentence; all of it stands below the rows. */
static void describe_cure(const struct probe_report *report, char *line, size_t size)
{
	const struct probe_row *row;
	const char *cure, *end;

	(void)probe_pmu_verdict(report, &row);
	cure = row && row->cure[0] != '\0' ? row->cure : "nothing";
	end = strstr(cure, ". ");
	(void)snprintf(line, size, "%.*s", end ? (int)(end - cure + 1) : (int)strlen(cure), cure);
}

static void print_cut(FILE *to, unsigned width, const char *label, const char *text)
{
	int room = width > LABEL_WIDTH ? (int)(width - LABEL_WIDTH) : LINE_SIZE;

	if (width > 0 && strlen(text) > (size_t)room)
		(void)fprintf(to, "%-*s%.*s...\n", LABEL_WIDTH, label, room > 3 ? room - 3 : 0,
			      text);
	else
		(void)fprintf(to, "%-*s%s\n", LABEL_WIDTH, label, text);
}

static void print_head(const struct probe_report *report, FILE *to, unsigned width)
{
	static const struct {
		const char *label;
		void (*describe)(const struct probe_report *report, char *line, size_t size);
	} lines[] = {
		{ "machine", describe_machine },   { "PMU", describe_pmu },
		{ "counters", describe_counters }, { "resctrl", describe_resctrl },
		{ "to do", describe_cure },
	};
	char line[LINE_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		lines[i].describe(report, line, sizeof(line));
		print_cut(to, width, lines[i].label, line);
	}
}

static int add_table_row(struct table *table, const struct probe_row *row)
{
	const struct probe_observation *seen = &row->seen;
	char value[32] = "-", share[16] = "-";

	if (seen->counted)
		(void)snprintf(value, sizeof(value), "%" PRIu64, seen->value);
	/* Cut, not rounded: 100 says that nothing was missed. */
	if (seen->counted && seen->enabled_ns > 0)
		(void)snprintf(
			share, sizeof(share), "%u",
			(unsigned)(100.0 * (double)seen->running_ns / (double)seen->enabled_ns));
	return table_add(table, (const char *[]){ row->name, probe_verdict_names[row->verdict],
						  value, share, row->brief });
}

static int print_rows(const struct probe_report *report, FILE *to, unsigned width)
{
	static const struct table_column columns[] = {
		{ "WHAT", TABLE_LEFT },  { "VERDICT", TABLE_LEFT }, { "VALUE", TABLE_RIGHT },
		{ "RUN%", TABLE_RIGHT }, { "WHY", TABLE_LEFT },
	};
	_cleanup_(table_freep) struct table *table = NULL;
	int r;

	r = table_new(columns, ARRAY_SIZE(columns), &table);
	for (size_t i = 0; i < report->n_rows && r == 0; i++)
		r = add_table_row(table, &report->rows[i]);
	if (r < 0)
		return r;
	return table_print(table, to, width);
}

static bool was_told(const struct probe_report *report, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (report->rows[j].verdict == report->rows[i].verdict &&
		    strcmp(report->rows[j].detail, report->rows[i].detail) == 0)
			return true;
	return false;
}

/* All the names that share the reason of row i, then the reason, then the cure. */
static void print_reason(const struct probe_report *report, size_t i, FILE *to, unsigned width)
{
	const struct probe_row *row = &report->rows[i];
	char names[1024];
	size_t used = 0;

	for (size_t j = i; j < report->n_rows && used < sizeof(names); j++)
		if (report->rows[j].verdict == row->verdict &&
		    strcmp(report->rows[j].detail, row->detail) == 0)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used > 0 ? " " : "", report->rows[j].name);

	(void)fprintf(to, "\n%s: ", probe_verdict_names[row->verdict]);
	text_fold(names, (unsigned)strlen(probe_verdict_names[row->verdict]) + 2, 2, width, to);
	(void)fprintf(to, "  ");
	text_fold(row->detail, 2, 2, width, to);
	if (row->cure[0] == '\0')
		return;
	(void)fprintf(to, "  Do: ");
	text_fold(row->cure, 6, 6, width, to);
}

static void print_reasons(const struct probe_report *report, FILE *to, unsigned width)
{
	for (size_t i = 0; i < report->n_rows; i++)
		if (report->rows[i].verdict != PROBE_WORKS && !was_told(report, i))
			print_reason(report, i, to, width);
}

/* The same word means different things: nobody should find that out by comparing vendors. */
static void print_meanings(const struct probe_report *report, FILE *to, unsigned width)
{
	char text[LINE_SIZE];

	for (size_t i = 0; i < report->n_rows; i++) {
		const struct probe_row *row = &report->rows[i];

		if (!row->meaning || row->verdict != PROBE_WORKS)
			continue;
		(void)snprintf(text, sizeof(text),
			       "note: %s here are %s; never compare them across "
			       "vendors.",
			       row->name, row->meaning);
		(void)fputc('\n', to);
		text_fold(text, 0, 2, width, to);
	}
}

static void list_sources(const struct probe_context *context, char *text, size_t size)
{
	size_t used = 0;

	(void)snprintf(text, size, "none listed");
	for (size_t i = 0; i < context->n_sources && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "",
					 context->sources[i].name);
}

static void describe_policy(const struct probe_context *context, char *text, size_t size)
{
	static const char *const words[] = { "nothing", "own user-mode code",
					     "own code, kernel included", "whole CPUs" };
	char paranoid[32] = "not there";
	size_t allowed = 0;

	if (context->has_paranoid)
		(void)snprintf(paranoid, sizeof(paranoid), "%" PRId64, context->paranoid);
	while (allowed < _PROBE_SCOPE_MAX &&
	       probe_policy_allows(context, (enum probe_scope)allowed))
		allowed++;
	(void)snprintf(text, size,
		       "perf_event_paranoid %s; user %" PRIu64 "%s%s; seccomp %s: may count %s",
		       paranoid, context->uid,
		       probe_is_capable(context) ? " with CAP_PERFMON or CAP_SYS_ADMIN"
						 : " without CAP_PERFMON",
		       context->user_namespace ? " in a user namespace" : "",
		       context->seccomp == 0 ? "off" : "on", words[allowed]);
}

static void print_evidence(const struct probe_report *report, FILE *to, unsigned width)
{
	const struct probe_context *context = &report->context;
	char text[LINE_SIZE * 4];
	static const char *const labels[] = { "kernel log", "sources", "policy", "see also" };

	(void)fprintf(to, "\nevidence\n");
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		if (i == 0)
			(void)snprintf(text, sizeof(text), "%s",
				       context->kernel_message[0] != '\0'
					       ? context->kernel_message
					       : "says nothing of a PMU, or is not readable");
		else if (i == 1)
			list_sources(context, text, sizeof(text));
		else if (i == 2)
			describe_policy(context, text, sizeof(text));
		else
			(void)snprintf(text, sizeof(text),
				       "perf stat -e cycles:u,instructions:u -- true");
		(void)fprintf(to, "  %-10s  ", labels[i]);
		text_fold(text, 14, 14, width, to);
	}
}

int probe_print_table(const struct probe_report *report, FILE *to, unsigned width)
{
	unsigned fold = width > 0 ? width : FOLD_WIDTH;
	int r;

	print_head(report, to, width);
	(void)fputc('\n', to);
	r = print_rows(report, to, width);
	if (r < 0)
		return r;
	print_reasons(report, to, fold);
	print_meanings(report, to, fold);
	print_evidence(report, to, fold);
	return ferror(to) || fflush(to) == EOF ? -EIO : 0;
}

const char *probe_summary(const struct probe_report *report, char *text, size_t size)
{
	const struct probe_row *counters = probe_find(report, "general-counters");
	char pmu[64], resctrl[64], words[48];
	const struct probe_row *row;
	enum probe_verdict verdict = probe_pmu_verdict(report, &row);

	if (verdict == PROBE_WORKS && counters)
		(void)snprintf(pmu, sizeof(pmu), "PMU works, %" PRIu64 " counters",
			       counters->seen.value);
	else
		(void)snprintf(pmu, sizeof(pmu), "PMU %s%s%s", probe_verdict_names[verdict],
			       row ? ": " : "", row ? row->brief : "");
	resctrl_words(report, words, sizeof(words));
	row = probe_find(report, "resctrl");
	if (words[0] != '\0')
		(void)snprintf(resctrl, sizeof(resctrl), "resctrl %s", words);
	else
		(void)snprintf(resctrl, sizeof(resctrl), "resctrl %s",
			       row ? probe_verdict_names[row->verdict] : "unknown");
	(void)snprintf(text, size, "%s; %s", pmu, resctrl);
	return text;
}
