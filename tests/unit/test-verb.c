#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/base/exit.h"
#include "common/base/verb.h"
#include "tests/test.h"

/* A program that writes down what it was asked to do, one line a call. */
struct options {
	uint64_t count;
	char *name;
	bool create, json;
	struct setting_list types;
};

struct config {
	uint64_t period_usec;
	char *store;
	struct setting_list labels;
	bool json;
};

struct journal {
	char text[1024];
	int exit_code; /* what the verb returns */
	const struct config *config;
	int load_error;
};

static struct journal journal;

static void note(const char *format, ...) _printf_(1, 2);
static void note(const char *format, ...)
{
	size_t used = strlen(journal.text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(journal.text + used, sizeof(journal.text) - used, format, args);
	va_end(args);
}

static int run_any(const struct verb_call *call)
{
	ck_assert_ptr_eq(call->context, &journal);
	note("%s", call->verb->name);
	for (int i = 0; i < call->argc; i++)
		note(" <%s>", call->argv[i]);
	ck_assert_ptr_null(call->argv[call->argc]);
	if (call->verb->n_options > 0) {
		const struct options *options = call->options;

		note(" count=%d name=%s create=%d json=%d types=%zu", (int)options->count,
		     options->name ? options->name : "-", options->create, options->json,
		     options->types.n);
	}
	note(" period=%d store=%s labels=%zu json=%d",
	     (int)(journal.config->period_usec / USEC_PER_MSEC),
	     journal.config->store ? journal.config->store : "-", journal.config->labels.n,
	     journal.config->json);
	return journal.exit_code;
}

#define AT(member) offsetof(struct options, member)
static const struct setting provision_rows[] = {
	{ NULL, "instance-count", SETTING_U64, AT(count), "1", 1, 1000, NULL, "COUNT", "Count" },
	{ NULL, "name", SETTING_TEXT, AT(name), NULL, 0, 9, NULL, NULL, "Name" },
	{ NULL, "create", SETTING_BOOL, AT(create), "yes", 0, 0, NULL, NULL, "Create" },
	{ NULL, "type", SETTING_LIST, AT(types), NULL, 0, 0, NULL, NULL, "Types" },
};

/* The verb's own --json and --name, of other types than those of the others. */
static const struct setting watch_rows[] = {
	{ NULL, "json", SETTING_U64, AT(count), "7", 0, 9, NULL, NULL, "Version of the JSON" },
	{ NULL, "name", SETTING_BOOL, AT(create), NULL, 0, 0, NULL, NULL, "Show names" },
};

static const struct verb provision = { "provision",
				       "[RUN]",
				       "Get machines",
				       NULL,
				       NULL,
				       0,
				       1,
				       provision_rows,
				       ARRAY_SIZE(provision_rows),
				       sizeof(struct options),
				       run_any };
static const struct verb watch = { "watch",
				   NULL,
				   "Watch machines",
				   NULL,
				   NULL,
				   0,
				   0,
				   watch_rows,
				   ARRAY_SIZE(watch_rows),
				   sizeof(struct options),
				   run_any };
static const struct verb why = { .name = "why",
				 .args = "RUN",
				 .help = "Say why",
				 .min_args = 1,
				 .max_args = 1,
				 .run = run_any };
static const struct verb exec = { .name = "exec",
				  .args = "RUN -- COMMAND",
				  .help = "Run it",
				  .min_args = 2,
				  .max_args = -1,
				  .run = run_any };
static const struct verb *const verbs[] = { &provision, &watch, &why, &exec, NULL };

#undef AT
#define AT(member) offsetof(struct config, member)
static const struct setting config_rows[] = {
	{ "agent", "beat-period", SETTING_DURATION, AT(period_usec), "5s", 200 * USEC_PER_MSEC,
	  300 * USEC_PER_SEC, NULL, NULL, "Period" },
	{ "paddock", "store", SETTING_TEXT, AT(store), NULL, 0, 0, NULL, NULL, "Store" },
	{ "paddock", "labels", SETTING_LIST, AT(labels), "a b", 0, 0, NULL, NULL, "Labels" },
	{ NULL, "json", SETTING_BOOL, AT(json), NULL, 0, 0, NULL, NULL, "JSON" },
};

static int load(struct settings *settings, const char *config_path, struct fault *fault)
{
	int r;

	note("load(%s); ", config_path ? config_path : "");
	if (journal.load_error < 0)
		return fault_cure(fault, fault_set(fault, journal.load_error, "no settings"),
				  "some settings");
	r = settings_set(settings, 0, "9s", SETTING_FROM_FILE, fault);
	if (r < 0)
		return r;
	return settings_set(settings, 2, "from-file", SETTING_FROM_FILE, fault);
}

/* What one run printed. */
struct outcome {
	int code;
	char *out, *err; /* owned */
};

static void outcome_done(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
	*outcome = (struct outcome){}; /* a test may go on with another */
}

#define _cleanup_outcome_ _cleanup_(outcome_done)

#define WORDS_MAX 400

/* Runs the program with both its streams caught; glibc lets stdout and stderr be assigned. */
static struct outcome run_words(const struct program *program, int argc, char **argv)
{
	FILE *out = stdout, *err = stderr;
	struct outcome outcome = {};
	struct settings settings;
	struct config config;
	struct program copy = *program;
	size_t out_size, err_size;

	journal.text[0] = '\0';
	journal.config = &config;
	ck_assert_int_eq(unsetenv("COLUMNS"), 0);
	ck_assert_int_eq(
		settings_init(&settings, config_rows, ARRAY_SIZE(config_rows), &config, NULL, NULL),
		0);
	copy.settings = &settings;

	stdout = open_memstream(&outcome.out, &out_size);
	stderr = open_memstream(&outcome.err, &err_size);
	outcome.code = program_run(&copy, argc, argv);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = out;
	stderr = err;

	settings_done(&settings);
	return outcome;
}

/* The same with a line of words separated by single spaces; '' is the empty word. */
static struct outcome run_line(const struct program *program, const char *line)
{
	_cleanup_free_ char *words = strdup(line);
	char *argv[WORDS_MAX + 1] = { "paddock" }, *rest = words;
	int argc = 1;

	ck_assert_ptr_nonnull(words);
	while (rest && *rest) {
		char *word = strsep(&rest, " ");

		ck_assert_int_lt(argc, WORDS_MAX);
		argv[argc++] = strcmp(word, "''") == 0 ? "" : word;
	}
	return run_words(program, argc, argv);
}

static const struct program program = { .name = "paddock",
					.summary = "machines for jobs",
					.version = "1.2.3",
					.verbs = verbs,
					.load = load,
					.context = &journal };

#define CONFIG " period=9000 store=- labels=1 json=0"
#define LOAD "load(); "

static const struct {
	const char *line;
	const char *done;
} good[] = {
	{ "why r", LOAD "why <r>" CONFIG },
	{ "provision", LOAD "provision count=1 name=- create=1 json=0 types=0" CONFIG },
	{ "provision --instance-count 3 --name=x r",
	  LOAD "provision <r> count=3 name=x create=1 json=0 types=0" CONFIG },
	/* before the verb, behind its arguments */
	{ "--instance-count 3 provision r --name x",
	  LOAD "provision <r> count=3 name=x create=1 json=0 types=0" CONFIG },
	{ "--name provision provision",
	  LOAD "provision count=1 name=provision create=1 json=0 types=0" CONFIG },
	{ "--name why provision",
	  LOAD "provision count=1 name=why create=1 json=0 types=0" CONFIG },
	/* the value of one verb's flag is the other verb's name: the verb decides */
	{ "--name watch", LOAD "watch count=7 name=- create=1 json=0 types=0" CONFIG },
	/* switches */
	{ "provision --no-create", LOAD "provision count=1 name=- create=0 json=0 types=0" CONFIG },
	{ "provision --create r",
	  LOAD "provision <r> count=1 name=- create=1 json=0 types=0" CONFIG },
	{ "provision --create=no", LOAD "provision count=1 name=- create=0 json=0 types=0" CONFIG },
	{ "--json why r", LOAD "why <r> period=9000 store=- labels=1 json=1" },
	{ "why --no-json r", LOAD "why <r>" CONFIG },
	/* values with signs in them */
	{ "provision --name -5", LOAD "provision count=1 name=-5 create=1 json=0 types=0" CONFIG },
	{ "provision --name=--x",
	  LOAD "provision count=1 name=--x create=1 json=0 types=0" CONFIG },
	{ "provision --name=a=b",
	  LOAD "provision count=1 name=a=b create=1 json=0 types=0" CONFIG },
	{ "provision --name -", LOAD "provision count=1 name=- create=1 json=0 types=0" CONFIG },
	{ "why -", LOAD "why <->" CONFIG },
	{ "why ''", LOAD "why <>" CONFIG },
	/* lists add up, and settings from files go first */
	{ "provision --type a --type=b,c --type ''",
	  LOAD "provision count=1 name=- create=1 json=0 types=3" CONFIG },
	{ "why r --labels x --labels y,z", LOAD "why <r> period=9000 store=- labels=3 json=0" },
	/* settings of the program are flags of every verb, and win over files */
	{ "provision --beat-period 1s --store s --name n",
	  LOAD "provision count=1 name=n create=1 json=0 types=0 period=1000 store=s labels=1 "
	       "json=0" },
	/* the verb's own row hides the program's */
	{ "watch --json 3", LOAD "watch count=3 name=- create=0 json=0 types=0" CONFIG },
	{ "--json=4 watch", LOAD "watch count=4 name=- create=0 json=0 types=0" CONFIG },
	/* behind "--" */
	{ "why -- --json", LOAD "why <--json>" CONFIG },
	{ "exec r -- ls -l --help -- -h", LOAD "exec <r> <ls> <-l> <--help> <--> <-h>" CONFIG },
	{ "exec --json r a -- -V", LOAD "exec <r> <a> <-V> period=9000 store=- labels=1 json=1" },
	/* the file */
	{ "why r --config /x", "load(/x); why <r>" CONFIG },
	{ "--config=/x why r", "load(/x); why <r>" CONFIG },
};

START_TEST(finds_verb_flags_and_arguments_in_any_order)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_outcome_ struct outcome outcome = run_line(&program, good[i].line);

		ck_assert_str_eq(outcome.err, "");
		ck_assert_str_eq(outcome.out, "");
		ck_assert_str_eq(journal.text, good[i].done);
		ck_assert_int_eq(outcome.code, EXIT_OK);
	}
}
END_TEST

#define TRY "  try: paddock --help\n"
#define TRY_PROVISION "  try: paddock provision --help\n"
#define TRY_WHY "  try: paddock why --help\n"

static const struct {
	const char *line;
	const char *err;
} bad[] = {
	/* flags that are none */
	{ "provision --instance-coumt 3", "paddock: unknown flag --instance-coumt\n"
					  "  did you mean --instance-count?\n" TRY_PROVISION },
	{ "provision --instance=3",
	  "paddock: unknown flag --instance\n  did you mean --instance-count?\n" TRY_PROVISION },
	{ "provision --beat-perod=1s",
	  "paddock: unknown flag --beat-perod\n  did you mean --beat-period?\n" TRY_PROVISION },
	{ "provision --no-creat",
	  "paddock: unknown flag --no-creat\n  did you mean --no-create?\n" TRY_PROVISION },
	{ "provision --no-name",
	  "paddock: unknown flag --no-name\n  it is a flag of: paddock watch\n" TRY_PROVISION },
	{ "provision --no-", "paddock: unknown flag --no-\n" TRY_PROVISION },
	{ "provision --confg x",
	  "paddock: unknown flag --confg\n  did you mean --config?\n" TRY_PROVISION },
	{ "provision --xyzzy", "paddock: unknown flag --xyzzy\n" TRY_PROVISION },
	{ "provision ---json",
	  "paddock: unknown flag ---json\n  did you mean --json?\n" TRY_PROVISION },
	{ "provision --=3", "paddock: unknown flag --\n" TRY_PROVISION },
	{ "provision -x", "paddock: unknown flag -x\n" TRY_PROVISION },
	{ "provision -json",
	  "paddock: unknown flag -json\n  did you mean --json?\n" TRY_PROVISION },
	{ "provision -hV", "paddock: unknown flag -hV\n" TRY_PROVISION },
	{ "provision --\x1b[2J", "paddock: unknown flag --?[2J\n" TRY_PROVISION },
	{ "why --type x", "paddock: unknown flag --type\n"
			  "  it is a flag of: paddock provision\n" TRY_WHY },
	{ "--instance-coumt 3 provision",
	  "paddock: unknown flag --instance-coumt\n  did you mean --instance-count?\n" TRY },
	{ "--xyzzy why r", "paddock: unknown flag --xyzzy\n" TRY_WHY },
	{ "--xyzzy", "paddock: unknown flag --xyzzy\n" TRY },
	/* values */
	{ "provision --name", "paddock: --name needs a value\n" TRY_PROVISION },
	{ "provision --name --create", "paddock: --name needs a value\n" TRY_PROVISION },
	{ "provision --name -- r", "paddock: --name needs a value\n" TRY_PROVISION },
	{ "provision --name=", "paddock: --name: the value is empty\n" TRY_PROVISION },
	{ "provision --name ''", "paddock: --name: the value is empty\n" TRY_PROVISION },
	{ "provision --name=1234567890",
	  "paddock: --name: '1234567890' is longer than 9 bytes\n" TRY_PROVISION },
	{ "provision --instance-count=",
	  "paddock: --instance-count: '' is no whole number\n" TRY_PROVISION },
	{ "provision --instance-count 0", "paddock: --instance-count: '0' is out of range: COUNT "
					  "must be from 1 to 1000\n" TRY_PROVISION },
	{ "provision --create=maybe",
	  "paddock: --create: 'maybe' is neither yes nor no\n" TRY_PROVISION },
	{ "provision --no-create=yes", "paddock: --no-create takes no value\n" TRY_PROVISION },
	{ "provision --help=yes", "paddock: --help takes no value\n" TRY_PROVISION },
	{ "--version=1", "paddock: --version takes no value\n" TRY },
	{ "why r --config", "paddock: --config needs a value\n" TRY_WHY },
	{ "why r --config=", "paddock: --config: the value is empty\n" TRY_WHY },
	/* twice */
	{ "provision --name a --name b", "paddock: --name is given twice\n" TRY_PROVISION },
	{ "--name a provision --name=a", "paddock: --name is given twice\n" TRY_PROVISION },
	{ "provision --create --no-create", "paddock: --create is given twice\n" TRY_PROVISION },
	{ "why r --store a --store b", "paddock: --store is given twice\n" TRY_WHY },
	{ "why r --config a --config b", "paddock: --config is given twice\n" TRY_WHY },
	/* verbs */
	{ "provison", "paddock: unknown verb 'provison'\n  did you mean provision?\n" TRY },
	{ "prov --name x", "paddock: unknown verb 'prov'\n  did you mean provision?\n" TRY },
	{ "--instance-count 3 provison x",
	  "paddock: unknown verb 'provison'\n  did you mean provision?\n" TRY },
	{ "xyzzy --help", "paddock: unknown verb 'xyzzy'\n" TRY },
	{ "''", "paddock: unknown verb ''\n" TRY },
	{ "-", "paddock: unknown verb '-'\n" TRY },
	{ "help provison", "paddock: unknown verb 'provison'\n  did you mean provision?\n" TRY },
	{ "--json", "paddock: a verb is missing\n" TRY },
	{ "--name x", "paddock: a verb is missing\n" TRY },
	{ "-- why r", "paddock: a verb is missing\n" TRY },
	/* arguments */
	{ "why", "paddock: why: too few arguments\n  usage: paddock why RUN\n" TRY_WHY },
	{ "exec r --", "paddock: exec: too few arguments\n"
		       "  usage: paddock exec RUN -- COMMAND\n  try: paddock exec --help\n" },
	{ "why a b", "paddock: why: 'b' is one argument too many\n"
		     "  usage: paddock why RUN\n" TRY_WHY },
	{ "watch a", "paddock: watch: 'a' is one argument too many\n"
		     "  usage: paddock watch\n  try: paddock watch --help\n" },
	{ "why a --  b", "paddock: why: '' is one argument too many\n"
			 "  usage: paddock why RUN\n" TRY_WHY },
};

START_TEST(refuses_wrong_usage_in_three_lines_at_most_before_any_file_is_read)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_outcome_ struct outcome outcome = run_line(&program, bad[i].line);

		ck_assert_str_eq(outcome.err, bad[i].err);
		ck_assert_str_eq(outcome.out, "");
		ck_assert_str_eq(journal.text, "");
		ck_assert_int_eq(outcome.code, EXIT_USAGE);
	}
}
END_TEST

START_TEST(refuses_a_bad_value_for_a_setting)
{
	_cleanup_outcome_ struct outcome outcome = run_line(&program, "why r --beat-period 1ms");

	ck_assert_str_eq(outcome.err, "paddock: --beat-period: '1ms' is out of range: DURATION "
				      "must be from 200ms to 5min\n" TRY_WHY);
	ck_assert_str_eq(journal.text, LOAD);
	ck_assert_int_eq(outcome.code, EXIT_USAGE);
}
END_TEST

START_TEST(limits_the_flags)
{
	_cleanup_outcome_ struct outcome outcome = {};
	char *argv[300] = { "paddock", "provision" };

	for (size_t i = 2; i < ARRAY_SIZE(argv); i++)
		argv[i] = "--type=x";
	outcome = run_words(&program, ARRAY_SIZE(argv), argv);
	ck_assert_str_eq(outcome.err, "paddock: more than 256 flags\n" TRY_PROVISION);
	ck_assert_int_eq(outcome.code, EXIT_USAGE);

	outcome_done(&outcome);
	outcome = run_words(&program, 100, argv);
	ck_assert_str_eq(outcome.err, "paddock: --type: more than 64 words\n" TRY_PROVISION);
	ck_assert_int_eq(outcome.code, EXIT_USAGE);
}
END_TEST

START_TEST(passes_on_what_the_verb_returns)
{
	_cleanup_outcome_ struct outcome outcome = {};

	journal.exit_code = EXIT_NO_CAPACITY;
	outcome = run_line(&program, "why r");
	journal.exit_code = EXIT_OK;
	ck_assert_int_eq(outcome.code, EXIT_NO_CAPACITY);
}
END_TEST

START_TEST(reports_settings_that_cannot_be_loaded)
{
	static const struct {
		int error, code;
	} cases[] = {
		{ -EINVAL, EXIT_USAGE }, { -ENOENT, EXIT_USAGE },  { -EFBIG, EXIT_USAGE },
		{ -EACCES, EXIT_USAGE }, { -ENOMEM, EXIT_FAILED }, { -EIO, EXIT_FAILED },
		{ -EAGAIN, EXIT_AGAIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome outcome = {};

		journal.load_error = cases[i].error;
		outcome = run_line(&program, "why r");
		journal.load_error = 0;
		ck_assert_str_eq(outcome.err, "paddock: no settings\n  try: some settings\n");
		ck_assert_str_eq(journal.text, LOAD);
		ck_assert_int_eq(outcome.code, cases[i].code);
	}
}
END_TEST

START_TEST(has_no_config_flag_where_nothing_is_loaded)
{
	_cleanup_outcome_ struct outcome outcome = {};
	struct program plain = program;

	plain.load = NULL;
	outcome = run_line(&plain, "why r --config x");
	ck_assert_str_eq(outcome.err, "paddock: unknown flag --config\n" TRY_WHY);
	outcome_done(&outcome);
	outcome = run_line(&plain, "why r --beat-period 1s");
	ck_assert_str_eq(outcome.err, "");
	ck_assert_str_eq(journal.text, "why <r> period=1000 store=- labels=2 json=0");
}
END_TEST

static const struct verb status = { .name = "status", .help = "Show", .run = run_any };

START_TEST(runs_the_fallback_without_a_verb)
{
	static const struct {
		const char *line, *done, *err;
	} cases[] = {
		{ "", LOAD "status" CONFIG, "" },
		{ "--store s", LOAD "status period=9000 store=s labels=1 json=0", "" },
		{ "why r", LOAD "why <r>" CONFIG, "" },
		{ "wyh r", "", "paddock: unknown verb 'wyh'\n  did you mean why?\n" TRY },
		{ "--xyzzy", "", "paddock: unknown flag --xyzzy\n" TRY },
		{ "-- x", "",
		  "paddock: status: 'x' is one argument too many\n  usage: paddock\n" TRY },
	};
	struct program agent = program;

	agent.fallback = &status;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome outcome = run_line(&agent, cases[i].line);

		ck_assert_str_eq(outcome.err, cases[i].err);
		ck_assert_str_eq(journal.text, cases[i].done);
	}
}
END_TEST

START_TEST(gives_a_fallback_that_takes_arguments_words_that_are_no_verbs)
{
	_cleanup_outcome_ struct outcome outcome = {};
	struct program agent = program;

	agent.fallback = &why;
	outcome = run_line(&agent, "x --json");
	ck_assert_str_eq(outcome.err, "");
	ck_assert_str_eq(journal.text, LOAD "why <x> period=9000 store=- labels=1 json=1");

	outcome_done(&outcome);
	outcome = run_line(&agent, "");
	ck_assert_str_eq(outcome.err,
			 "paddock: why: too few arguments\n  usage: paddock RUN\n" TRY);
	ck_assert_int_eq(outcome.code, EXIT_USAGE);
}
END_TEST

START_TEST(survives_an_empty_argv)
{
	char *argv[] = { NULL };
	_cleanup_outcome_ struct outcome outcome = run_words(&program, 0, argv);

	ck_assert_int_eq(outcome.code, EXIT_OK);
	ck_assert_str_eq(outcome.err, "");
	ck_assert_ptr_nonnull(strstr(outcome.out, "Verbs:"));
}
END_TEST

START_TEST(fails_when_its_output_goes_nowhere)
{
	FILE *out = stdout, *err = stderr;
	char *argv[] = { "paddock", "--help", NULL };
	_cleanup_outcome_ struct outcome outcome = {};
	size_t size;

	stdout = fopen("/dev/full", "w");
	ck_assert_ptr_nonnull(stdout);
	stderr = open_memstream(&outcome.err, &size);
	outcome.code = program_run(&program, 2, argv);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdout = out;
	stderr = err;

	ck_assert_int_eq(outcome.code, EXIT_FAILED);
	ck_assert_str_eq(outcome.err,
			 "paddock: cannot write the output: No space left on device\n");
}
END_TEST

START_TEST(maps_errors_to_exit_codes)
{
	static const struct {
		int error, code;
		const char *text, *cure, *err;
	} cases[] = {
		{ -EINVAL, EXIT_USAGE, "bad", "better", "paddock: bad\n  try: better\n" },
		{ -EAGAIN, EXIT_AGAIN, "busy", "", "paddock: busy\n" },
		{ -ENOSPC, EXIT_FAILED, "", "", "paddock: No space left on device\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome outcome = run_line(&program, "why r");
		struct fault fault = {};
		FILE *err = stderr;
		size_t size;
		char *text = NULL;

		(void)snprintf(fault.text, sizeof(fault.text), "%s", cases[i].text);
		(void)snprintf(fault.cure, sizeof(fault.cure), "%s", cases[i].cure);
		stderr = open_memstream(&text, &size);
		outcome.code = program_fail(cases[i].error, &fault);
		(void)fclose(stderr);
		stderr = err;
		ck_assert_str_eq(text, cases[i].err);
		ck_assert_int_eq(outcome.code, cases[i].code);
		free(text);
	}
}
END_TEST

TEST_MAIN(finds_verb_flags_and_arguments_in_any_order,
	  refuses_wrong_usage_in_three_lines_at_most_before_any_file_is_read,
	  refuses_a_bad_value_for_a_setting, limits_the_flags, passes_on_what_the_verb_returns,
	  reports_settings_that_cannot_be_loaded, has_no_config_flag_where_nothing_is_loaded,
	  runs_the_fallback_without_a_verb,
	  gives_a_fallback_that_takes_arguments_words_that_are_no_verbs, survives_an_empty_argv,
	  fails_when_its_output_goes_nowhere, maps_errors_to_exit_codes)
