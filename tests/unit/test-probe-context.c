#include <stdio.h>
#include <string.h>

#include "agent/probe/probe-internal.h"
#include "tests/fake-kernel.h"
#include "tests/fixtures/probe/machines.h"
#include "tests/test.h"

static void read_machine(struct tree *tree, const char *arch, bool hypervisor,
			 struct probe_context *ret)
{
	struct fake_kernel fake = fake_kernel(tree, arch);

	fake.hypervisor = hypervisor;
	memset(ret, 0, sizeof(*ret));
	probe_read_context(&fake.kernel, ret);
}

START_TEST(knows_a_vm_and_what_its_kernel_says)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_vm_without_pmu);
	struct probe_context context;

	read_machine(tree, "x86_64", true, &context);
	ck_assert_int_eq(context.platform, PROBE_PLATFORM_VM);
	ck_assert_str_eq(context.hypervisor, "KVM");
	ck_assert_str_eq(context.cpu_vendor, "AuthenticAMD");
	ck_assert_str_eq(context.cpu_model, "AMD EPYC");
	ck_assert_str_eq(context.kernel, "6.1.0-44-cloud-amd64");
	ck_assert_uint_eq(context.cpus, 2);
	ck_assert_str_eq(context.kernel_message,
			 "Performance Events: PMU not available due to virtualization, using "
			 "software events only");
	ck_assert_uint_eq(context.n_sources, 5);
	ck_assert_str_eq(context.sources[0].name, "breakpoint");
	ck_assert_uint_eq(context.sources[0].type, 5);
	ck_assert_str_eq(context.core_pmu, "");
	ck_assert_str_eq(context.resctrl.flags, ""); /* rdtscp is not rdt_a */
	ck_assert(context.has_paranoid && context.has_status && !context.container);
}
END_TEST

START_TEST(knows_metal_its_counters_and_resctrl)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct probe_context context;

	read_machine(tree, "x86_64", false, &context);
	ck_assert_int_eq(context.platform, PROBE_PLATFORM_METAL);
	ck_assert_str_eq(context.hypervisor, "");
	ck_assert_str_eq(context.product, "m7i.metal-24xl");
	ck_assert_uint_eq(context.cpus, 96);
	ck_assert_uint_eq(context.pmu_version, 5);
	ck_assert_uint_eq(context.pmu_general, 8);
	ck_assert_uint_eq(context.pmu_fixed, 4);
	ck_assert_str_eq(context.core_pmu, "cpu");
	ck_assert_str_eq(context.lockdown, "none");
	ck_assert(context.resctrl.listed);
	ck_assert_str_eq(context.resctrl.path, "/sys/fs/resctrl");
	ck_assert_ptr_nonnull(strstr(context.resctrl.flags, "rdt_a cat_l3"));
}
END_TEST

START_TEST(knows_an_arm_guest_without_cpuid)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_graviton_guest);
	struct probe_context context;

	read_machine(tree, "aarch64", false, &context);
	ck_assert_int_eq(context.platform, PROBE_PLATFORM_VM);
	ck_assert_str_eq(context.core_pmu, "armv8_pmuv3_0");
	ck_assert_uint_eq(context.uid, 1000);
	ck_assert_uint_eq(context.capabilities, 0);
	ck_assert_uint_eq(context.pmu_general, 0);
	ck_assert_int_eq(context.nmi_watchdog, -1);

	tree_write(tree, "sys/class/dmi/id/product_name", "m7g.metal\n");
	read_machine(tree, "aarch64", false, &context);
	ck_assert_int_eq(context.platform, PROBE_PLATFORM_METAL);
}
END_TEST

START_TEST(knows_a_container_from_a_vm)
{
	_cleanup_(tree_freep) struct tree *tree = machine_tree(machine_xeon_metal);
	struct probe_context context;

	machine_write(tree, machine_container);
	read_machine(tree, "x86_64", false, &context);
	ck_assert(context.container);
	ck_assert_int_eq(context.platform, PROBE_PLATFORM_METAL);
	ck_assert_uint_eq(context.seccomp, 2);
}
END_TEST

START_TEST(leaves_unknown_what_no_file_tells)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct probe_context context;

	read_machine(tree, "aarch64", false, &context);
	ck_assert_int_eq(context.platform, PROBE_PLATFORM_UNKNOWN);
	ck_assert(!context.has_paranoid && !context.has_status);
	ck_assert_int_eq(context.nmi_watchdog, -1);
	ck_assert_uint_eq(context.cpus, 0);
	ck_assert_uint_eq(context.n_sources, 0);
	ck_assert(probe_policy_allows(&context, PROBE_SCOPE_CPU_WIDE));
}
END_TEST

START_TEST(knows_a_vm_by_the_board_in_its_device_tree)
{
	static const struct {
		const char *path, *text;
		enum probe_platform platform;
	} cases[] = {
		{ "proc/device-tree/compatible", "linux,dummy-virt", PROBE_PLATFORM_VM },
		{ "proc/device-tree/compatible", "raspberrypi,4-model-b", PROBE_PLATFORM_UNKNOWN },
		{ "proc/device-tree/hypervisor/compatible", "xen,xen-4.17", PROBE_PLATFORM_VM },
		{ "sys/hypervisor/type", "xen\n", PROBE_PLATFORM_VM },
		{ "sys/class/dmi/id/sys_vendor", "QEMU\n", PROBE_PLATFORM_VM },
		{ "sys/class/dmi/id/sys_vendor", "Dell Inc.\n", PROBE_PLATFORM_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(tree_freep) struct tree *tree = tree_new();
		struct probe_context context;

		tree_write(tree, cases[i].path, cases[i].text);
		read_machine(tree, "aarch64", false, &context);
		ck_assert_msg(context.platform == cases[i].platform, "%s", cases[i].text);
	}
}
END_TEST

START_TEST(climbs_the_ladder_of_paranoid_and_capabilities)
{
	static const char none[] = "0000000000000000", perfmon[] = "0000004000000000",
			  admin[] = "0000000000200000";
	static const char mapped[] = "         0     100000      65536\n";
	static const struct {
		const char *paranoid, *capabilities, *uid_map;
		int scopes; /* how many of them are allowed */
	} cases[] = {
		{ "-1", none, FIRST_NAMESPACE, 3 },
		{ "0", none, FIRST_NAMESPACE, 3 },
		{ "1", none, FIRST_NAMESPACE, 2 },
		{ "2", none, FIRST_NAMESPACE, 1 },
		{ "3", none, FIRST_NAMESPACE, 0 },
		{ "4", none, FIRST_NAMESPACE, 0 },
		{ "3", perfmon, FIRST_NAMESPACE, 3 },
		{ "4", perfmon, FIRST_NAMESPACE, 0 },
		{ "4", admin, FIRST_NAMESPACE, 3 },
		{ "2", admin, mapped, 1 },
		{ "3", admin, mapped, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(tree_freep) struct tree *tree = tree_new();
		struct probe_context context;
		char status[128];
		int allowed = 0;

		(void)snprintf(status, sizeof(status), "Uid:\t7\t7\t7\t7\nCapEff:\t%s\n",
			       cases[i].capabilities);
		tree_write(tree, "proc/sys/kernel/perf_event_paranoid", cases[i].paranoid);
		tree_write(tree, "proc/self/status", status);
		tree_write(tree, "proc/self/uid_map", cases[i].uid_map);
		read_machine(tree, "x86_64", false, &context);
		for (int scope = 0; scope < _PROBE_SCOPE_MAX; scope++)
			allowed += probe_policy_allows(&context, (enum probe_scope)scope);
		ck_assert_msg(allowed == cases[i].scopes, "case %zu: %d", i, allowed);
	}
}
END_TEST

START_TEST(finds_whole_words_only)
{
	ck_assert(probe_has_word("fpu rdt_a mba", "rdt_a"));
	ck_assert(probe_has_word("rdt_a", "rdt_a"));
	ck_assert(probe_has_word("rdtscp cat_l3x cat_l3", "cat_l3"));
	ck_assert(!probe_has_word("rdtscp cat_l3x", "cat_l3"));
	ck_assert(!probe_has_word("xcat_l3", "cat_l3"));
	ck_assert(!probe_has_word("", "cat_l3"));
}
END_TEST

START_TEST(survives_files_full_of_nonsense)
{
	static const char *const paths[] = {
		"proc/cpuinfo",
		"proc/filesystems",
		"proc/self/mountinfo",
		"proc/self/status",
		"proc/self/uid_map",
		"proc/sys/kernel/osrelease",
		"proc/sys/kernel/perf_event_paranoid",
		"proc/sys/kernel/nmi_watchdog",
		"sys/class/dmi/id/product_name",
		"sys/class/dmi/id/sys_vendor",
		"sys/devices/system/cpu/online",
		"sys/kernel/security/lockdown",
		"dev/kmsg",
		"sys/bus/event_source/devices/cpu/type",
	};
	static const char *const texts[] = {
		"",
		"\n",
		":",
		"-",
		"--1",
		"[",
		"0-",
		"5-1",
		"99999999999999999999999",
		" - resctrl ",
		"x - resctrl y",
		"\xff\xfe\x01\x1b[31m",
		"flags:\nvendor_id:\nCapEff: zz\nSeccomp: -1\nUid:\n",
		"Performance Events:",
		"model name\t: \xc3\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(tree_freep) struct tree *tree = tree_new();
		struct probe_context context;

		for (size_t j = 0; j < ARRAY_SIZE(paths); j++)
			tree_write(tree, paths[j], texts[i]);
		read_machine(tree, "x86_64", false, &context);
		ck_assert(!context.has_paranoid);
		ck_assert_uint_eq(context.cpus, 0);
		for (const char *c = context.product; *c != '\0'; c++)
			ck_assert(*c >= ' ' && *c <= '~');
		for (const char *c = context.cpu_model; *c != '\0'; c++)
			ck_assert(*c >= ' ' && *c <= '~');
	}
}
END_TEST

START_TEST(lists_no_more_sources_than_it_has_room_for)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	struct probe_context context;
	char path[96];

	for (int i = 0; i < PROBE_SOURCES_MAX + 10; i++) {
		(void)snprintf(path, sizeof(path),
			       "sys/bus/event_source/devices/uncore_cha_%d/type", i);
		tree_write(tree, path, "70\n");
	}
	tree_write(tree, "sys/bus/event_source/devices/a_name_that_is_longer_than_any_pmu_has/type",
		   "71\n");
	read_machine(tree, "x86_64", false, &context);
	ck_assert_uint_eq(context.n_sources, PROBE_SOURCES_MAX);
	for (size_t i = 1; i < context.n_sources; i++)
		ck_assert_int_lt(strcmp(context.sources[i - 1].name, context.sources[i].name), 0);
}
END_TEST

START_TEST(finds_a_core_pmu_under_each_of_its_names)
{
	static const char *const core[] = { "cpu", "cpu_core", "cpu_atom", "armv8_neoverse_n1",
					    "armv8_pmuv3_0" };
	static const char *const other[] = { "cpu_hybrid_not", "software", "arm_cmn_0", "amd_l3",
					     "cstate_core" };
	struct probe_context context;
	char path[96];

	for (size_t i = 0; i < ARRAY_SIZE(core) + ARRAY_SIZE(other); i++) {
		_cleanup_(tree_freep) struct tree *tree = tree_new();
		bool is_core = i < ARRAY_SIZE(core);
		const char *name = is_core ? core[i] : other[i - ARRAY_SIZE(core)];

		(void)snprintf(path, sizeof(path), "sys/bus/event_source/devices/%s/type", name);
		tree_write(tree, path, "4\n");
		read_machine(tree, "x86_64", false, &context);
		ck_assert_str_eq(context.core_pmu, is_core ? name : "");
	}
}
END_TEST

TEST_MAIN(knows_a_vm_and_what_its_kernel_says, knows_metal_its_counters_and_resctrl,
	  knows_an_arm_guest_without_cpuid, knows_a_container_from_a_vm,
	  leaves_unknown_what_no_file_tells, knows_a_vm_by_the_board_in_its_device_tree,
	  climbs_the_ladder_of_paranoid_and_capabilities, finds_whole_words_only,
	  survives_files_full_of_nonsense, lists_no_more_sources_than_it_has_room_for,
	  finds_a_core_pmu_under_each_of_its_names)
