/*
 * The order of the probe: the machine, the events, the number of counters, resctrl; then all
 * verdicts at once, since what one ENOENT means shows only when the others are known.
 */

#include "agent/probe/probe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "common/base/exit.h"

#if defined(__x86_64__)
#define NATIVE_ARCH "x86_64"
#elif defined(__aarch64__)
#define NATIVE_ARCH "aarch64"
#else
#define NATIVE_ARCH "other"
#endif

bool probe_out_of_time(const struct probe_session *session)
{
	return session->clock && deadline_passed(&session->deadline, session->clock);
}

struct probe_row *probe_add_row(struct probe_report *report)
{
	struct probe_row *row = &report->rows[report->n_rows];

	assert(report->n_rows < PROBE_ROWS_MAX);
	report->n_rows++;
	*row = (struct probe_row){};
	return row;
}

static void ask_all(const struct probe_options *options, const struct probe_kernel *kernel,
		    struct probe_report *report)
{
	const struct clock *clock = options->clock;
	uint64_t budget = options->budget_usec > 0 ? options->budget_usec : PROBE_BUDGET_USEC;
	uint64_t began = clock ? clock_boot_usec(clock) : 0;
	struct probe_session session = { .kernel = kernel, .clock = clock, .report = report };

	if (clock) {
		session.deadline = deadline_in(clock, budget);
		report->taken_ms = clock_wall_ms(clock);
	}

	probe_read_context(kernel, &report->context);
	probe_ask_events(&session);
	probe_ask_counters(&session);
	probe_ask_resctrl(&session);
	probe_work_done(&session.work);
	for (size_t i = 0; i < report->n_rows; i++)
		probe_judge(&report->context, &report->rows[i]);

	if (clock)
		report->took_usec = clock_boot_usec(clock) - began;
}

int probe_run(const struct probe_options *options, struct probe_report *ret)
{
	struct probe_kernel native = { .ops = &probe_kernel_native, .arch = NATIVE_ARCH };
	_cleanup_close_ int root_fd = -1;

	memset(ret, 0, sizeof(*ret));
	if (options->kernel) {
		ask_all(options, options->kernel, ret);
		return 0;
	}

	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	native.root_fd = root_fd;
	ask_all(options, &native, ret);
	return 0;
}

const struct probe_row *probe_find(const struct probe_report *report, const char *name)
{
	for (size_t i = 0; i < report->n_rows; i++)
		if (strcmp(report->rows[i].name, name) == 0)
			return &report->rows[i];
	return NULL;
}

static bool is_about_pmu(const struct probe_row *row)
{
	return row->group <= PROBE_GROUP_COUNTERS;
}

/* A lie outweighs everything; then what the core rows lack, which leaves a PMU of sorts when
 * another core row works; then what is only degraded. */
enum probe_verdict probe_pmu_verdict(const struct probe_report *report,
				     const struct probe_row **ret_row)
{
	const struct probe_row *lie = NULL, *lack = NULL, *worse = NULL, *works = NULL;

	for (size_t i = report->n_rows; i > 0; i--) {
		const struct probe_row *row = &report->rows[i - 1];

		if (!is_about_pmu(row))
			continue;
		if (row->verdict == PROBE_LIES)
			lie = row;
		if (row->core && row->verdict == PROBE_WORKS)
			works = row;
		if (row->core && row->verdict != PROBE_WORKS)
			lack = row;
		if (row->verdict == PROBE_DEGRADED)
			worse = row;
	}
	*ret_row = lie ? lie : lack ? lack : worse ? worse : works;
	if (!lie && lack && works)
		return PROBE_DEGRADED;
	return *ret_row ? (*ret_row)->verdict : PROBE_UNKNOWN;
}

static bool any_row_is(const struct probe_report *report, enum probe_verdict verdict)
{
	for (size_t i = 0; i < report->n_rows; i++)
		if (report->rows[i].verdict == verdict)
			return true;
	return false;
}

/* Rows that are absent, denied or unknown without being core are how machines differ, and no
 * trouble: resctrl in a VM, an event that this CPU does not have. */
int probe_exit_code(const struct probe_report *report)
{
	size_t core = 0, absent = 0, work = 0;

	if (any_row_is(report, PROBE_LIES))
		return EXIT_FAILED;
	for (size_t i = 0; i < report->n_rows; i++) {
		core += report->rows[i].core;
		absent += report->rows[i].core && report->rows[i].verdict == PROBE_ABSENT;
		work += report->rows[i].core && report->rows[i].verdict == PROBE_WORKS;
	}
	if (absent == core)
		return EXIT_UNAVAILABLE;
	if (work < core || any_row_is(report, PROBE_DEGRADED))
		return EXIT_PARTIAL;
	return EXIT_OK;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int probe_capabilities(const struct probe_report *report, char *text, size_t size)
{
	const char *words[PROBE_ROWS_MAX];
	size_t n = 0, used = 0, length;
	int cut = 0;

	assert(size > 0);
	/* The words that fit are chosen in the order of the rows, and sorted only then. */
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct probe_row *row = &report->rows[i];

		if (!row->capability || row->verdict != PROBE_WORKS)
			continue;
		length = strlen(row->capability) + (n > 0);
		if (used + length >= size) {
			cut = 1;
			continue;
		}
		used += length;
		words[n++] = row->capability;
	}
	qsort(words, n, sizeof(words[0]), compare_words);

	used = 0;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			text[used++] = ' ';
		length = strlen(words[i]);
		memcpy(text + used, words[i], length);
		used += length;
	}
	text[used] = '\0';
	return cut;
}
