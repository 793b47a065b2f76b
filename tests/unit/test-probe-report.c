#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/exit.h"
#include "common/base/json.h"
#include "tests/fake-kernel.h"
#include "tests/fixtures/probe/machines.h"
#include "tests/test.h"

#define WIDTH 80

enum machine {
	VM_WITHOUT_PMU,
	XEON_METAL,
	XEON_THAT_LIES,
	GRAVITON_GUEST,
	BARE_TREE,
	_MACHINE_MAX
};

static void probe(enum machine machine, struct probe_report *report)
{
	static const struct machine_file nothing[] = { {} };
	static const struct machine_file *const files[] = {
		[VM_WITHOUT_PMU] = machine_vm_without_pmu,
		[XEON_METAL] = machine_xeon_metal,
		[XEON_THAT_LIES] = machine_xeon_metal,
		[GRAVITON_GUEST] = machine_graviton_guest,
		[BARE_TREE] = nothing,
	};
	_cleanup_(tree_freep) struct tree *tree = machine_tree(files[machine]);
	struct fake_clock clock = fake_clock_new();
	struct fake_kernel fake =
		fake_kernel(tree, machine == GRAVITON_GUEST ? "aarch64" : "x86_64");
	const struct probe_options options = { .kernel = &fake.kernel, .clock = &clock.clock };

	fake.hypervisor = machine == VM_WITHOUT_PMU;
	fake.hardware_error = machine == VM_WITHOUT_PMU ? ENOENT : 0;
	fake.software_error = machine == BARE_TREE ? EBUSY : 0;
	fake.scope_error = machine == GRAVITON_GUEST ? EACCES : 0;
	fake.counters = machine == GRAVITON_GUEST ? 2 : 8;
	if (machine == XEON_THAT_LIES)
		fake_add_script(&fake, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS)
			->value_permille = 16000;
	ck_assert_int_eq(probe_run(&options, report), 0);
}

/* What a printer prints; the caller frees it. */
static char *table_of(const struct probe_report *report, unsigned width)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	ck_assert_int_eq(probe_print_table(report, to, width), 0);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

START_TEST(answers_in_the_first_five_lines)
{
	static const char *const heads[_MACHINE_MAX] = {
		[VM_WITHOUT_PMU] =
			"machine   VM (KVM), 2 CPUs, AMD EPYC, x86_64, Linux 6.1.0-44-cloud-amd64\n"
			"PMU       absent: this VM exposes no PMU\n"
			"counters  none (CPUID names none; NMI watchdog off)\n"
			"resctrl   absent: hidden by the hypervisor\n"
			"to do     On EC2 take a larger size or .metal; root would not help.\n",
		[XEON_METAL] = "machine   metal, m7i.metal-24xl, 96 CPUs, Intel(R) Xeon(R) "
			       "Platinum 8488C, "
			       "x8...\n"
			       "PMU       works: 12 of 12 hardware events count\n"
			       "counters  8 usable at once (CPUID says 8; NMI watchdog off)\n"
			       "resctrl   offers l3 mb mon (effect not tried)\n"
			       "to do     nothing\n",
		[XEON_THAT_LIES] =
			"machine   metal, m7i.metal-24xl, 96 CPUs, Intel(R) Xeon(R) Platinum "
			"8488C, "
			"x8...\n"
			"PMU       lies: instructions: 16.0 x the right count\n"
			"counters  8 usable at once (CPUID says 8; NMI watchdog off)\n"
			"resctrl   offers l3 mb mon (effect not tried)\n"
			"to do     Do not use this count here.\n",
		[GRAVITON_GUEST] = "machine   VM, m7g.large, 2 CPUs, CPU not named, aarch64, Linux "
				   "6.1.158-178.28...\n"
				   "PMU       works: 12 of 12 hardware events count\n"
				   "counters  2 usable at once (NMI watchdog not known)\n"
				   "resctrl   absent: hidden by the hypervisor\n"
				   "to do     nothing\n",
		[BARE_TREE] = "machine   metal, 0 CPUs, CPU not named, x86_64, Linux ?\n"
			      "PMU       degraded: general-counters: in exclusive use by another\n"
			      "counters  not known (CPUID names none; NMI watchdog not known)\n"
			      "resctrl   absent: this CPU has none of it\n"
			      "to do     Stop the other user of the PMU and run the probe again.\n",
	};

	for (int i = 0; i < _MACHINE_MAX; i++) {
		_cleanup_free_ char *text = NULL;
		struct probe_report report;

		probe((enum machine)i, &report);
		text = table_of(&report, WIDTH);
		text[strlen(heads[i])] = '\0';
		ck_assert_str_eq(text, heads[i]);
	}
}
END_TEST

START_TEST(keeps_every_line_within_the_width)
{
	for (int i = 0; i < _MACHINE_MAX; i++) {
		_cleanup_free_ char *text = NULL;
		struct probe_report report;

		probe((enum machine)i, &report);
		text = table_of(&report, WIDTH);
		for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
			ck_assert_msg(strcspn(line, "\n") <= WIDTH, "%.*s",
				      (int)strcspn(line, "\n"), line);
	}
}
END_TEST

START_TEST(tells_each_reason_once_with_its_cure)
{
	_cleanup_free_ char *text = NULL;
	struct probe_report report;
	const char *first;

	probe(VM_WITHOUT_PMU, &report);
	text = table_of(&report, WIDTH);
	first = strstr(text, "This VM exposes no PMU: every");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "This VM exposes no PMU: every"));
	ck_assert_ptr_nonnull(strstr(text, "  Do: On EC2 take a larger size"));
	ck_assert_ptr_nonnull(
		strstr(text, "sources     breakpoint msr software tracepoint uprobe"));
	ck_assert_ptr_nonnull(strstr(text, "perf_event_paranoid 2; user 0 with CAP_PERFMON"));
}
END_TEST

START_TEST(says_what_a_generic_cache_event_stands_for)
{
	static const struct {
		enum machine machine;
		const char *meaning;
	} cases[] = {
		{ XEON_METAL, "cache-misses here are last-level cache misses" },
		{ GRAVITON_GUEST, "cache-misses here are L1 data cache refills" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		struct probe_report report;

		probe(cases[i].machine, &report);
		text = table_of(&report, WIDTH);
		ck_assert_ptr_nonnull(strstr(text, cases[i].meaning));
	}
}
END_TEST

START_TEST(cuts_nothing_where_the_width_is_not_known)
{
	_cleanup_free_ char *text = NULL;
	struct probe_report report;

	probe(XEON_METAL, &report);
	text = table_of(&report, 0);
	ck_assert_ptr_nonnull(strstr(text, "x86_64, Linux 6.8.0-1021-aws\n"));
}
END_TEST

START_TEST(reports_a_stream_that_fails)
{
	struct probe_report report;
	FILE *full = fopen("/dev/full", "w");

	if (!full)
		return;
	probe(VM_WITHOUT_PMU, &report);
	ck_assert_int_eq(probe_print_table(&report, full, WIDTH), -EIO);
	ck_assert_int_eq(probe_print_json(&report, full), -EIO);
	(void)fclose(full);
}
END_TEST

/* The keys that readers may rely on, in their order, and the types that each may have. */
struct key {
	const char *name;
	enum json_type type;
	bool may_be_null;
};

static void assert_keys(struct json_object *object, const struct key *keys, size_t n,
			const char *where)
{
	struct json_object_iterator it = json_object_iter_begin(object);

	ck_assert_msg(json_object_object_length(object) == (int)n, "%s: %d keys", where,
		      json_object_object_length(object));
	for (size_t i = 0; i < n; i++, json_object_iter_next(&it)) {
		struct json_object *value = json_object_iter_peek_value(&it);

		ck_assert_str_eq(json_object_iter_peek_name(&it), keys[i].name);
		if (!value)
			ck_assert_msg(keys[i].may_be_null, "%s.%s is null", where, keys[i].name);
		else
			ck_assert_msg(json_object_is_type(value, keys[i].type), "%s.%s is a %s",
				      where, keys[i].name,
				      json_type_to_name(json_object_get_type(value)));
	}
}

#define TEXT(name)                            \
	{                                     \
		name, json_type_string, false \
	}
#define TEXT_OR_NULL(name)                   \
	{                                    \
		name, json_type_string, true \
	}
#define NUMBER(name)                       \
	{                                  \
		name, json_type_int, false \
	}
#define NUMBER_OR_NULL(name)              \
	{                                 \
		name, json_type_int, true \
	}
#define FLAG(name)                             \
	{                                      \
		name, json_type_boolean, false \
	}
#define FLAG_OR_NULL(name)                    \
	{                                     \
		name, json_type_boolean, true \
	}
#define OBJECT(name)                          \
	{                                     \
		name, json_type_object, false \
	}
#define ARRAY(name)                          \
	{                                    \
		name, json_type_array, false \
	}

static const struct key top_keys[] = {
	TEXT("schema"),    OBJECT("program"), TEXT_OR_NULL("taken"), NUMBER_OR_NULL("took_ms"),
	OBJECT("summary"), OBJECT("machine"), OBJECT("policy"),      ARRAY("sources"),
	OBJECT("resctrl"), ARRAY("rows"),     OBJECT("evidence"),
};
static const struct key summary_keys[] = {
	TEXT("text"),         TEXT("pmu"),         TEXT("reason"),
	TEXT_OR_NULL("cure"), NUMBER("exit_code"), ARRAY("capabilities"),
};
static const struct key machine_keys[] = {
	TEXT("arch"),
	TEXT_OR_NULL("kernel"),
	TEXT("platform"),
	TEXT_OR_NULL("hypervisor"),
	FLAG("container"),
	TEXT_OR_NULL("product"),
	TEXT_OR_NULL("cpu_vendor"),
	TEXT_OR_NULL("cpu_model"),
	NUMBER_OR_NULL("cpus"),
	NUMBER_OR_NULL("pmu_version"),
	NUMBER_OR_NULL("pmu_general_counters"),
	NUMBER_OR_NULL("pmu_fixed_counters"),
};
static const struct key policy_keys[] = {
	NUMBER_OR_NULL("perf_event_paranoid"),
	FLAG_OR_NULL("capable"),
	NUMBER_OR_NULL("uid"),
	NUMBER_OR_NULL("seccomp"),
	FLAG("user_namespace"),
	TEXT_OR_NULL("lockdown"),
	TEXT_OR_NULL("lsm"),
	FLAG_OR_NULL("nmi_watchdog"),
};
static const struct key resctrl_keys[] = {
	FLAG("listed"),
	TEXT_OR_NULL("mounted"),
	ARRAY("flags"),
	ARRAY("features"),
};
static const struct key source_keys[] = { TEXT("name"), NUMBER("type"), FLAG("core") };
static const struct key row_keys[] = {
	TEXT("name"),
	TEXT("group"),
	TEXT("scope"),
	TEXT_OR_NULL("capability"),
	TEXT_OR_NULL("meaning"),
	FLAG("core"),
	TEXT("asked"),
	TEXT("step"),
	TEXT_OR_NULL("errno"),
	NUMBER_OR_NULL("errno_value"),
	FLAG("end_of_file"),
	NUMBER_OR_NULL("value"),
	NUMBER_OR_NULL("enabled_ns"),
	NUMBER_OR_NULL("running_ns"),
	NUMBER_OR_NULL("expected"),
	NUMBER_OR_NULL("low"),
	NUMBER_OR_NULL("high"),
	TEXT("verdict"),
	TEXT("reason"),
	TEXT("brief"),
	TEXT("detail"),
	TEXT_OR_NULL("cure"),
};

#define ASSERT_KEYS(object, keys, where) assert_keys(object, keys, ARRAY_SIZE(keys), where)

static struct json_object *child(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, key, &value), "no %s", key);
	return value;
}

/* Printed and read back by the strict reader, which takes one whole document and nothing else. */
static struct json_object *json_of(const struct probe_report *report)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *object = NULL;
	struct fault fault = {};
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	ck_assert_int_eq(probe_print_json(report, to), 0);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_int_eq(text[size - 1], '\n');
	ck_assert_msg(json_parse(text, size, "report", &object, &fault) == 0, "%s", fault.text);
	return object;
}

START_TEST(has_all_keys_with_their_types_on_every_machine)
{
	for (int i = 0; i < _MACHINE_MAX; i++) {
		_cleanup_json_ struct json_object *object = NULL;
		struct json_object *rows, *sources;
		struct probe_report report;

		probe((enum machine)i, &report);
		object = json_of(&report);
		ASSERT_KEYS(object, top_keys, "report");
		ASSERT_KEYS(child(object, "summary"), summary_keys, "summary");
		ASSERT_KEYS(child(object, "machine"), machine_keys, "machine");
		ASSERT_KEYS(child(object, "policy"), policy_keys, "policy");
		ASSERT_KEYS(child(object, "resctrl"), resctrl_keys, "resctrl");
		sources = child(object, "sources");
		for (size_t j = 0; j < json_object_array_length(sources); j++)
			ASSERT_KEYS(json_object_array_get_idx(sources, j), source_keys, "source");
		rows = child(object, "rows");
		ck_assert_uint_eq(json_object_array_length(rows), report.n_rows);
		for (size_t j = 0; j < report.n_rows; j++)
			ASSERT_KEYS(json_object_array_get_idx(rows, j), row_keys,
				    report.rows[j].name);
	}
}
END_TEST

static const char *text_at(struct json_object *object, const char *key)
{
	const char *text = json_object_get_string(child(object, key));

	return text ? text : "(null)";
}

START_TEST(puts_the_answers_into_json)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *row, *words;
	struct probe_report report;

	probe(VM_WITHOUT_PMU, &report);
	object = json_of(&report);
	ck_assert_str_eq(text_at(object, "schema"), "paddock-probe/1");
	ck_assert_str_eq(text_at(object, "taken"), "2027-01-15T08:00:00.000Z");
	ck_assert_str_eq(text_at(child(object, "summary"), "reason"), "hypervisor_no_vpmu");
	ck_assert_int_eq(json_object_get_int(child(child(object, "summary"), "exit_code")),
			 EXIT_UNAVAILABLE);
	row = json_object_array_get_idx(child(object, "rows"), 0);
	ck_assert_str_eq(text_at(row, "name"), "cycles");
	ck_assert_str_eq(text_at(row, "errno"), "ENOENT");
	ck_assert_ptr_null(child(row, "value"));
	ck_assert_str_eq(text_at(row, "asked"), "perf_event_open type=0 config=0x0 pid=0 cpu=-1 "
						"exclude_kernel=1 exclude_hv=1");
	words = child(child(object, "summary"), "capabilities");
	ck_assert_uint_eq(json_object_array_length(words), 0);
}
END_TEST

START_TEST(keeps_counts_too_large_for_a_signed_number)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct probe_report report;
	uint64_t value = 0;

	probe(XEON_METAL, &report);
	report.rows[0].seen.value = UINT64_MAX;
	report.context.paranoid = -1;
	object = json_of(&report);
	ck_assert_int_eq(json_get_u64(json_object_array_get_idx(child(object, "rows"), 0), "value",
				      &value, NULL),
			 1);
	ck_assert_uint_eq(value, UINT64_MAX);
	ck_assert_int_eq(json_object_get_int(child(child(object, "policy"), "perf_event_paranoid")),
			 -1);
}
END_TEST

START_TEST(sums_up_in_one_line)
{
	static const char *const lines[_MACHINE_MAX] = {
		[VM_WITHOUT_PMU] = "PMU absent: this VM exposes no PMU; resctrl absent",
		[XEON_METAL] = "PMU works, 8 counters; resctrl l3 mb mon",
		[XEON_THAT_LIES] = "PMU lies: 16.0 x the right count; resctrl l3 mb mon",
		[GRAVITON_GUEST] = "PMU works, 2 counters; resctrl absent",
		[BARE_TREE] = "PMU degraded: in exclusive use by another; resctrl absent",
	};

	for (int i = 0; i < _MACHINE_MAX; i++) {
		struct probe_report report;
		char text[PROBE_SUMMARY_MAX];

		probe((enum machine)i, &report);
		ck_assert_str_eq(probe_summary(&report, text, sizeof(text)), lines[i]);
	}
}
END_TEST

START_TEST(names_the_capabilities_that_work_sorted)
{
	static const char all[] = "pmu.branch-misses pmu.branches pmu.cache-misses "
				  "pmu.cache-references pmu.cycles pmu.instructions resctrl.l3 "
				  "resctrl.mb resctrl.mon";
	struct probe_report report;
	char text[256], tight[sizeof(all)];

	probe(XEON_METAL, &report);
	ck_assert_int_eq(probe_capabilities(&report, text, sizeof(text)), 0);
	ck_assert_str_eq(text, all);
	ck_assert_int_eq(probe_capabilities(&report, tight, sizeof(tight)), 0);
	ck_assert_str_eq(tight, all);

	probe(XEON_THAT_LIES, &report);
	ck_assert_int_eq(probe_capabilities(&report, text, sizeof(text)), 0);
	ck_assert_ptr_null(strstr(text, "pmu.instructions"));

	probe(VM_WITHOUT_PMU, &report);
	ck_assert_int_eq(probe_capabilities(&report, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(leaves_whole_words_out_when_the_text_is_too_small)
{
	struct probe_report report;
	char text[32], one[1];

	probe(XEON_METAL, &report);
	ck_assert_int_eq(probe_capabilities(&report, text, sizeof(text)), 1);
	ck_assert_str_eq(text, "pmu.cycles pmu.instructions");
	ck_assert_int_eq(probe_capabilities(&report, one, sizeof(one)), 1);
	ck_assert_str_eq(one, "");
}
END_TEST

TEST_MAIN(answers_in_the_first_five_lines, keeps_every_line_within_the_width,
	  tells_each_reason_once_with_its_cure, says_what_a_generic_cache_event_stands_for,
	  cuts_nothing_where_the_width_is_not_known, reports_a_stream_that_fails,
	  has_all_keys_with_their_types_on_every_machine, puts_the_answers_into_json,
	  keeps_counts_too_large_for_a_signed_number, sums_up_in_one_line,
	  names_the_capabilities_that_work_sorted,
	  leaves_whole_words_out_when_the_text_is_too_small)
