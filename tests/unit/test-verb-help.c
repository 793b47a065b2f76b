#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/exit.h"
#include "common/base/io.h"
#include "common/base/verb.h"
#include "tests/test.h"

struct options {
	uint64_t count;
	bool create;
	char *name;
};

struct config {
	uint64_t period_usec;
	char *name;
	bool json;
};

static int run_nothing(_unused_ const struct verb_call *call)
{
	ck_abort_msg("a verb was run");
	return EXIT_FAILED;
}

static int load_nothing(_unused_ struct settings *settings, _unused_ const char *config_path,
			_unused_ struct fault *fault)
{
	ck_abort_msg("settings were loaded");
	return -EINVAL;
}

#define AT(member) offsetof(struct options, member)
static const struct setting options[] = {
	{ NULL, "instance-count", SETTING_U64, AT(count), "1", 1, 1000, NULL, "COUNT",
	  "How many machines" },
	{ NULL, "create", SETTING_BOOL, AT(create), "yes", 0, 0, NULL, NULL,
	  "Make machines when the pool has too few" },
	{ NULL, "name", SETTING_TEXT, AT(name), NULL, 0, 0, NULL, "NAME", "What the run calls it" },
};

static const struct verb provision = {
	.name = "provision",
	.args = "[RUN]",
	.help = "Get machines for a run",
	.details = "Takes what the pool has first, and creates the rest in one request for all of "
		   "them.\n\nThen it waits:\n  pickup -> claim -> health -> listening",
	.examples = "paddock provision --instance-count 2\tTwo machines\n"
		    "paddock provision --no-create\tOnly warm ones, and an explanation that is "
		    "longer than one line of the help can be\n"
		    "paddock provision",
	.max_args = 1,
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.options_size = sizeof(struct options),
	.run = run_nothing,
};
static const struct verb why = { .name = "why",
				 .args = "RUN",
				 .help = "Say why",
				 .min_args = 1,
				 .max_args = 1,
				 .run = run_nothing };
static const struct verb *const verbs[] = { &provision, &why, NULL };

#undef AT
#define AT(member) offsetof(struct config, member)
static const struct setting rows[] = {
	{ NULL, "json", SETTING_BOOL, AT(json), NULL, 0, 0, NULL, NULL, "Short for --output json" },
	{ "paddock", "name", SETTING_TEXT, AT(name), NULL, 0, 0, NULL, NULL, "The host's name" },
	{ "agent", "beat-period", SETTING_DURATION, AT(period_usec), "5s", 200 * USEC_PER_MSEC,
	  300 * USEC_PER_SEC, NULL, NULL, "How often agents beat" },
};

static const struct setting class_rows[] = {
	{ "class", "cpu", SETTING_U64, 0, NULL, 1, 64, NULL, "COUNT", "Exactly so many CPUs" },
};
static const struct setting_family family = { "class", class_rows, 1, NULL };

static const struct program program = {
	.name = "paddock",
	.summary = "machines for jobs",
	.examples = "paddock provision\tOne machine",
	.version = "1.2.3",
	.verbs = verbs,
	.load = load_nothing,
};

/* What the program prints on stdout for one line of words; it must print nothing on stderr. */
static char *print(const struct program *base, const char *line)
{
	_cleanup_free_ char *words = strdup(line), *complaints = NULL;
	char *argv[8] = { "paddock" }, *rest = words, *text = NULL;
	FILE *out = stdout, *err = stderr;
	struct program copy = *base;
	struct settings settings;
	struct config config;
	size_t size, complaints_size;
	int argc = 1, code;

	ck_assert_ptr_nonnull(words);
	while (rest && *rest)
		argv[argc++] = strsep(&rest, " ");
	ck_assert_int_eq(settings_init(&settings, rows, ARRAY_SIZE(rows), &config, &family, NULL),
			 0);
	copy.settings = &settings;

	stdout = open_memstream(&text, &size);
	stderr = open_memstream(&complaints, &complaints_size);
	code = program_run(&copy, argc, argv);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = out;
	stderr = err;

	settings_done(&settings);
	ck_assert_str_eq(complaints, "");
	ck_assert_int_eq(code, EXIT_OK);
	return text;
}

#define VERBS                                         \
	"paddock: machines for jobs\n\n"              \
	"Usage: paddock VERB [ARGUMENTS] [FLAGS]\n\n" \
	"Verbs:\n"                                    \
	"  provision   Get machines for a run\n"      \
	"  why         Say why\n\n"                   \
	"Examples:\n"                                 \
	"  paddock provision\n"                       \
	"      One machine\n\n"                       \
	"More of a verb: paddock VERB --help\n"

#define BUILT_IN                                                         \
	"  --json                      Short for --output json\n"        \
	"  --help                      Show this help; -h for short\n"   \
	"  --version                   Show the version; -V for short\n" \
	"  --config FILE               Read the settings from this file\n"

#define SETTINGS "\nSettings (also in /etc/paddock/paddock.conf and PADDOCK_*):\n"
#define HOST_NAME      \
	" [paddock]\n" \
	"  --name TEXT                 The host's name\n"
#define PERIOD       \
	" [agent]\n" \
	"  --beat-period DURATION      How often agents beat (default 5s)\n"

#define PROVISION                                                                         \
	"Usage: paddock provision [RUN] [FLAGS]\n\n"                                      \
	"Get machines for a run\n\n"                                                      \
	"Takes what the pool has first, and creates the rest in one request for all of\n" \
	"them.\n\n"                                                                       \
	"Then it waits:\n"                                                                \
	"  pickup -> claim -> health -> listening\n\n"                                    \
	"Flags:\n"                                                                        \
	"  --instance-count COUNT      How many machines (default 1)\n"                   \
	"  --[no-]create               Make machines when the pool has too few\n"         \
	"  --name NAME                 What the run calls it\n\n"                         \
	"Flags of every verb:\n" BUILT_IN SETTINGS PERIOD "\n"                            \
	"Examples:\n"                                                                     \
	"  paddock provision --instance-count 2\n"                                        \
	"      Two machines\n"                                                            \
	"  paddock provision --no-create\n"                                               \
	"      Only warm ones, and an explanation that is longer than one line of the\n"  \
	"      help can be\n"                                                             \
	"  paddock provision\n"

#define WHY                          \
	"Usage: paddock why RUN\n\n" \
	"Say why\n\n"                \
	"Flags of every verb:\n" BUILT_IN SETTINGS HOST_NAME PERIOD

START_TEST(shows_a_short_help_without_a_verb)
{
	_cleanup_free_ char *text = print(&program, "");

	ck_assert_str_eq(text, VERBS "Flags, settings and exit codes: paddock --help\n");
}
END_TEST

START_TEST(shows_flags_settings_and_last_exit_codes_in_the_full_help)
{
	static const char *const lines[] = { "--help", "-h", "help", "--json --help",
					     "--xyzzy -h" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *text = print(&program, lines[i]);
		const char start[] = VERBS "\nFlags:\n" BUILT_IN SETTINGS HOST_NAME PERIOD
					   "\nExit codes:\n    0   ";
		const char *end = strstr(text, "\n   75   ");

		ck_assert_int_eq(strncmp(text, start, strlen(start)), 0);
		ck_assert_ptr_nonnull(end);
		ck_assert_ptr_eq(strchr(end + 1, '\n') + 1, text + strlen(text));
	}
}
END_TEST

START_TEST(explains_one_verb_whatever_else_is_on_the_line)
{
	static const struct {
		const char *line, *help;
	} cases[] = {
		{ "provision --help", PROVISION },
		{ "provision -h", PROVISION },
		{ "--help provision", PROVISION },
		{ "help provision", PROVISION },
		{ "provision --xyzzy --help x y z", PROVISION },
		{ "provision --name --help", PROVISION },
		{ "why -h", WHY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = print(&program, cases[i].line);

		ck_assert_str_eq(text, cases[i].help);
	}
}
END_TEST

START_TEST(shows_the_version)
{
	static const char *const lines[] = { "--version", "-V", "why -V", "provision --version x" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *text = print(&program, lines[i]);

		ck_assert_str_eq(text, "paddock 1.2.3\n");
	}
}
END_TEST

START_TEST(folds_the_help_at_the_width_of_the_terminal_within_reason)
{
	static const struct {
		const char *columns;
		size_t min, max;
	} cases[] = { { "60", 50, 60 }, { "10", 40, 50 }, { "500", 90, 110 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		struct program wide = program;
		size_t longest = 0;

		wide.summary = "one two three four five six seven eight nine ten eleven twelve "
			       "thirteen fourteen fifteen sixteen seventeen eighteen";
		ck_assert_int_eq(setenv("COLUMNS", cases[i].columns, 1), 0);
		text = print(&wide, "");
		for (const char *p = text; *p; p += strcspn(p, "\n") + 1) {
			if (strcspn(p, "\n") > longest)
				longest = strcspn(p, "\n");
		}
		ck_assert_uint_le(longest, cases[i].max);
		ck_assert_uint_ge(longest, cases[i].min);
	}
}
END_TEST

START_TEST(tells_of_the_fallback_and_of_another_file)
{
	_cleanup_free_ char *text = NULL;
	struct program agent = program;

	agent.fallback = &provision;
	agent.settings_file = "/etc/paddock/agent.conf";
	text = print(&agent, "--help");
	ck_assert_ptr_nonnull(strstr(text, "Usage: paddock [VERB] [ARGUMENTS] [FLAGS]\n"));
	ck_assert_ptr_nonnull(strstr(text, "Without a verb: provision\n\nFlags of provision:\n"
					   "  --instance-count COUNT "));
	ck_assert_ptr_nonnull(strstr(text, "(also in /etc/paddock/agent.conf and PADDOCK_*)"));
}
END_TEST

extern char **environ;

/* Runs a program of the PATH with the files as its streams. -ENOENT when there is none. */
static int run_filter(char *const *argv, const char *input, const char *output)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r, status;

	ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
	ck_assert_int_eq(posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0), 0);
	ck_assert_int_eq(posix_spawn_file_actions_addopen(&actions, 1, output,
							  O_WRONLY | O_CREAT | O_TRUNC, 0644),
			 0);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -r;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Writes the manual and has it rendered and checked, as far as the tools are there. */
static void check_manual(const struct program *base, const char *const *expected)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *source = str_format("%s/page.scd", tree->path);
	_cleanup_free_ char *page = str_format("%s/page.1", tree->path);
	_cleanup_free_ char *report = str_format("%s/report", tree->path);
	_cleanup_free_ char *text = NULL;
	struct program copy = *base;
	struct settings settings;
	struct config config;
	size_t size;
	FILE *to;
	int r;

	ck_assert_int_eq(settings_init(&settings, rows, ARRAY_SIZE(rows), &config, &family, NULL),
			 0);
	copy.settings = &settings;
	to = fopen(source, "w");
	ck_assert_ptr_nonnull(to);
	program_print_manual(&copy, to);
	ck_assert_int_eq(fclose(to), 0);
	settings_done(&settings);

	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, source, 1 << 20, &text, &size), 0);
	for (; *expected; expected++)
		ck_assert_msg(strstr(text, *expected), "no '%s' in:\n%s", *expected, text);

	r = run_filter((char *[]){ "scdoc", NULL }, source, page);
	if (r == -ENOENT)
		return;
	ck_assert_int_eq(r, 0);

	r = run_filter((char *[]){ "mandoc", "-Tlint", "-Werror", page, NULL }, "/dev/null",
		       report);
	if (r == -ENOENT)
		return;
	free(take_ptr(text));
	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, report, 1 << 20, &text, &size), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(r, 0);
}

START_TEST(writes_a_whole_manual_page)
{
	static const char *const expected[] = {
		"PADDOCK(1) \"paddock 1.2.3\"\n",
		"# NAME\n\npaddock - machines for jobs\n",
		"# SYNOPSIS\n",
		"## provision\n\n*paddock provision* _\\[RUN\\]_ [_flags_]\n\nGet machines for",
		"*--instance-count* _COUNT_\n\tHow many machines. From 1 to 1000. Default: 1.\n",
		"*paddock provision --no-create*\n\tOnly warm ones",
		"## why\n\n*paddock why* _RUN_\n\n",
		"# FLAGS\n",
		"# SETTINGS\n",
		"## [agent]\n\n*--beat-period* _DURATION_\n",
		"## [class NAME]\n",
		"*cpu* _COUNT_\n\tExactly so many CPUs. From 1 to 64.\n",
		"# FILES\n",
		"_/usr/lib/paddock/paddock.conf_\n",
		"_/etc/paddock/paddock.conf.d/\\*.conf_\n",
		"# ENVIRONMENT\n",
		"# EXIT STATUS\n\n*0*\n\t",
		"# EXAMPLES\n\n*paddock provision*\n\tOne machine\n",
		NULL,
	};

	check_manual(&program, expected);
}
END_TEST

START_TEST(writes_a_manual_page_of_awkward_texts)
{
	static const struct setting awkward_rows[] = {
		{ NULL, "under_score", SETTING_TEXT, 0, "*_*", 0, 0, NULL, "[A|B]_*",
		  ".so is 'quoted' *here*" },
		{ NULL, "switch", SETTING_BOOL, 0, "yes", 0, 0, NULL, NULL, "'Tis a switch" },
	};
	static const struct verb awkward = {
		.name = "say-it",
		.args = "[*|_]... [-- COMMAND]",
		.help = "Say \"it\" - *loudly* & 100% \\fBboldly\\fR_",
		.details = "- no list\n# no heading\n.SH no macro\n'no macro\n; no comment\n"
			   "  not indented\n\n[ no table\n| no table\n``` no literal\n++\n+",
		.examples = ".x [a] * _b_\t- meaning\n*\t.\n\nonly",
		.options = awkward_rows,
		.n_options = ARRAY_SIZE(awkward_rows),
		.options_size = sizeof(char *),
		.run = run_nothing,
	};
	static const struct verb *const awkward_verbs[] = { &awkward, &why, NULL };
	struct program other = program;

	other.verbs = awkward_verbs;
	other.fallback = &awkward;
	other.settings_file = "strange_*name*";
	other.details = ".\n\n'\n\n*";
	check_manual(&other, (const char *const[]){ "## say-it\n", NULL });

	other.load = NULL;
	other.examples = NULL;
	check_manual(&other, (const char *const[]){ "# EXIT STATUS\n", NULL });
}
END_TEST

TEST_MAIN(shows_a_short_help_without_a_verb,
	  shows_flags_settings_and_last_exit_codes_in_the_full_help,
	  explains_one_verb_whatever_else_is_on_the_line, shows_the_version,
	  folds_the_help_at_the_width_of_the_terminal_within_reason,
	  tells_of_the_fallback_and_of_another_file, writes_a_whole_manual_page,
	  writes_a_manual_page_of_awkward_texts)
