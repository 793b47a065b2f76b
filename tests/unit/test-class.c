#include <string.h>

#include "common/base/io.h"
#include "common/domain/class.h"
#include "tests/test.h"

#define NOW 1000000ULL
#define SLACK 30000ULL

START_TEST(has_the_defaults_in_rising_order)
{
	static const struct {
		const char *name;
		uint64_t cpu, memory_mib;
	} classes[] = {
		{ "large", 2, 4096 },       { "xlarge", 4, 8192 },    { "2xlarge", 8, 16384 },
		{ "4xlarge", 16, 32768 },   { "8xlarge", 32, 65536 }, { "12xlarge", 48, 98304 },
		{ "16xlarge", 64, 131072 },
	};

	ck_assert_uint_eq(class_defaults_n, ARRAY_SIZE(classes));
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		ck_assert_str_eq(class_defaults[i].name, classes[i].name);
		ck_assert_uint_eq(class_defaults[i].cpu, classes[i].cpu);
		ck_assert_uint_eq(class_defaults[i].memory_mib, classes[i].memory_mib);
		ck_assert(!class_defaults[i].metal);
		ck_assert_uint_eq(class_defaults[i].warm, 0);
	}
}
END_TEST

START_TEST(finds_a_class_by_its_whole_name)
{
	static struct class_table table;

	memcpy(table.rows, class_defaults, class_defaults_n * sizeof(*class_defaults));
	table.n = class_defaults_n;
	ck_assert_ptr_eq(class_find(&table, "large"), &table.rows[0]);
	ck_assert_ptr_eq(class_find(&table, "xlarge"), &table.rows[1]);
	ck_assert_ptr_null(class_find(&table, "xlarg"));
	ck_assert_ptr_null(class_find(&table, "Large"));
	ck_assert_ptr_null(class_find(&table, ""));
}
END_TEST

START_TEST(matches_globs_whole_and_whatever_the_case)
{
	static const struct {
		const char *glob, *text;
		bool matches;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "c7i.large", true },
		{ "**", "a", true },
		{ "?", "", false },
		{ "?", "a", true },
		{ "?", "ab", false },
		{ "c*", "c7i.large", true },
		{ "c*", "m7i.large", false },
		{ "C7I.*", "c7i.LARGE", true },
		{ "c7?.large", "c7i.large", true },
		{ "c7?.large", "c7.large", false },
		{ "*.large", "c7i.large", true },
		{ "*.large", "c7i.xlarge", false },
		{ "large", "c7i.large", false },
		{ "c7i", "c7i.large", false },
		{ "c*i*large", "c7i.2xlarge", true },
		{ "*ab*ab", "abab", true },
		{ "*ab*ab", "aab", false },
		{ "*a?b", "aaxb", true },
		{ "*aab", "aaab", true },
		{ "a*b*c", "abcb", false },
		{ "[a]", "a", false },
		{ "[a]", "[A]", true },
		{ "{", "[", false },
		{ "*?", "", false },
		{ "*?", "x", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(glob_matches(cases[i].glob, cases[i].text) == cases[i].matches,
			      "'%s' and '%s'", cases[i].glob, cases[i].text);
}
END_TEST

/* A matcher that tries each star again would not be done before the sun is. */
START_TEST(is_not_slowed_down_by_many_stars)
{
	char glob[256] = "", text[8192];

	for (size_t i = 0; i + 2 < sizeof(glob); i++)
		glob[i] = i % 2 == 0 ? '*' : 'a';
	glob[strlen(glob) - 1] = 'b';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert(!glob_matches(glob, text));
}
END_TEST

START_TEST(finds_the_first_capability_that_is_missing)
{
	static const struct {
		const char *capabilities, *needs, *missing; /* NULL: none */
	} cases[] = {
		{ "", "", NULL },
		{ "metal", "", NULL },
		{ "", "metal", "metal" },
		{ "metal pmu.cycles", "pmu.cycles", NULL },
		{ "metal pmu.cycles", "pmu.cycles metal", NULL },
		{ "metal pmu.cycles", " pmu.cycles   metal ", NULL },
		{ "pmu.cycles-x", "pmu.cycles", "pmu.cycles" },
		{ "pmu.cycle", "pmu.cycles", "pmu.cycles" },
		{ "x.metal", "metal", "metal" },
		{ "a b", "a c d", "c" },
		{ "a", "averylongcapabilityindeed", "averylongcapabi" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char missing[16] = "";
		bool covers = capabilities_cover(cases[i].capabilities, cases[i].needs, missing,
						 sizeof(missing));

		ck_assert_msg(covers == !cases[i].missing, "case %zu", i);
		ck_assert_str_eq(missing, cases[i].missing ? cases[i].missing : "");
		ck_assert_int_eq(capabilities_cover(cases[i].capabilities, cases[i].needs, NULL, 0),
				 covers);
	}
}
END_TEST

/* A machine and a want that fit, and what they are made of. */
struct match {
	struct resource_class class_;
	struct want want;
	struct machine machine;
};

static const char *const types[] = { "c*", "m7i.*" };

static void match_init(struct match *match)
{
	*match = (struct match){
		.class_ = { .name = "large",
			    .cpu = 2,
			    .memory_mib = 4096,
			    .needs = "pmu.cycles",
			    .provider = "ec2",
			    .arch = "arm64",
			    .metal = true },
		.want = { .class_ = &match->class_,
			  .types = types,
			  .n_types = ARRAY_SIZE(types),
			  .usage = USAGE_SPOT,
			  .needs = "resctrl.l3",
			  .provider = "ec2",
			  .claimant = { .repo = "o/r", .image = "ami-1" } },
		.machine = { .id = "m-1",
			     .state = MACHINE_IDLE,
			     .threshold_ms = NOW + SLACK + 1,
			     .class_name = "large",
			     .type = "m7i.metal",
			     .arch = "arm64",
			     .usage = USAGE_SPOT,
			     .provider = "ec2",
			     .cpu = 2,
			     .memory_mib = 8192,
			     .image = "ami-1",
			     .capabilities = "metal pmu.cycles resctrl.l3",
			     .repo = "o/r",
			     .reuse = REUSE_SAME_REPO,
			     .claimed_ms = 1,
			     .phase = PHASE_READY,
			     .beat_ms = NOW - 1,
			     .beat_period_ms = 5000 },
	};
}

#define SET(array, text) ck_assert_int_eq(str_copy(array, sizeof(array), text), 0)

/* Each spoils what an earlier case did not. */
static void spoil(struct match *match, int i)
{
	static const char *const other_types[] = { "r*" };
	struct machine *machine = &match->machine;

	switch (i) {
	case 0:
		machine->state = MACHINE_CLAIMED;
		break;
	case 1:
		SET(machine->run_key, "1-1-a");
		break;
	case 2:
		machine->last = true;
		break;
	case 3:
		SET(machine->class_name, "xlarge");
		break;
	case 4:
		machine->cpu = 4;
		break;
	case 5:
		machine->memory_mib = 4095;
		break;
	case 6:
		match->class_.provider = "local";
		break;
	case 7:
		match->want.provider = "local";
		break;
	case 8:
		SET(machine->arch, "x86_64");
		break;
	case 9:
		match->want.types = other_types;
		match->want.n_types = 1;
		break;
	case 10:
		machine->usage = USAGE_ON_DEMAND;
		break;
	case 11:
		SET(machine->capabilities, "metal resctrl.l3");
		break;
	case 12:
		SET(machine->capabilities, "metal pmu.cycles");
		break;
	case 13:
		SET(machine->capabilities, "pmu.cycles resctrl.l3");
		break;
	case 14:
		SET(machine->repo, "o/other");
		break;
	case 15:
		SET(machine->image, "ami-0");
		break;
	case 16:
		machine->threshold_ms = NOW + SLACK;
		break;
	case 17:
		machine->threshold_ms = 0;
		break;
	case 18:
		machine->beat_ms = NOW - 15000;
		break;
	case 19:
		machine->phase = PHASE_FAILED;
		break;
	default:
		break;
	}
}

static const enum misfit misfits[] = {
	MISFIT_STATE, MISFIT_STATE,    MISFIT_LAST,     MISFIT_CLASS, MISFIT_SIZE,
	MISFIT_SIZE,  MISFIT_PROVIDER, MISFIT_PROVIDER, MISFIT_ARCH,  MISFIT_TYPE,
	MISFIT_USAGE, MISFIT_NEEDS,    MISFIT_NEEDS,    MISFIT_NEEDS, MISFIT_REUSE,
	MISFIT_IMAGE, MISFIT_EXPIRING, MISFIT_EXPIRING, MISFIT_STALE, MISFIT_STALE,
};

START_TEST(takes_a_machine_that_fits_and_says_what_does_not)
{
	struct match match;

	match_init(&match);
	ck_assert_int_eq(want_judge(&match.want, &match.machine, NOW, SLACK), MISFIT_NONE);

	for (size_t i = 0; i < ARRAY_SIZE(misfits); i++) {
		match_init(&match);
		spoil(&match, (int)i);
		ck_assert_msg(want_judge(&match.want, &match.machine, NOW, SLACK) == misfits[i],
			      "case %zu", i);
	}
}
END_TEST

START_TEST(says_the_first_of_several_misfits)
{
	struct match match;

	match_init(&match);
	for (size_t i = ARRAY_SIZE(misfits); i > 0; i--) {
		/* The case before spoils the same member the other way. */
		if (i - 1 == 12 || i - 1 == 13)
			continue;
		spoil(&match, (int)i - 1);
		ck_assert_msg(want_judge(&match.want, &match.machine, NOW, SLACK) == misfits[i - 1],
			      "case %zu", i - 1);
	}
}
END_TEST

START_TEST(asks_for_nothing_that_was_not_wanted)
{
	struct match match;

	match_init(&match);
	match.class_ = (struct resource_class){ .name = "large", .cpu = 2, .memory_mib = 4096 };
	match.want = (struct want){ .class_ = &match.class_, .usage = USAGE_SPOT };
	match.machine.capabilities[0] = '\0';
	match.machine.claimed_ms = 0;
	ck_assert_int_eq(want_judge(&match.want, &match.machine, NOW, SLACK), MISFIT_NONE);
}
END_TEST

START_TEST(has_a_text_for_every_misfit)
{
	for (int i = 0; i < _MISFIT_MAX; i++)
		ck_assert_ptr_nonnull(misfit_texts[i]);
}
END_TEST

TEST_MAIN(has_the_defaults_in_rising_order, finds_a_class_by_its_whole_name,
	  matches_globs_whole_and_whatever_the_case, is_not_slowed_down_by_many_stars,
	  finds_the_first_capability_that_is_missing,
	  takes_a_machine_that_fits_and_says_what_does_not, says_the_first_of_several_misfits,
	  asks_for_nothing_that_was_not_wanted, has_a_text_for_every_misfit)
