#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/settings.h"
#include "tests/test.h"

struct values {
	uint64_t a, b, c, d;
	struct setting_list types;
	bool json;
};

#define AT(member) offsetof(struct values, member)
enum row { A, B, C, D, TYPES, JSON, N_ROWS };
static const struct setting rows[] = {
	[A] = { "s", "key-a", SETTING_U64, AT(a), "0", 0, 99, NULL, NULL, "" },
	[B] = { "s", "key-b", SETTING_U64, AT(b), "0", 0, 99, NULL, NULL, "" },
	[C] = { "s", "key-c", SETTING_U64, AT(c), "0", 0, 99, NULL, NULL, "" },
	[D] = { "s", "beat-period", SETTING_U64, AT(d), "0", 0, 99, NULL, NULL, "" },
	[TYPES] = { "s", "types", SETTING_LIST, AT(types), NULL, 0, 0, NULL, NULL, "" },
	[JSON] = { NULL, "json", SETTING_BOOL, AT(json), NULL, 0, 0, NULL, NULL, "" },
};

struct bench {
	struct tree *tree;
	struct values values;
	struct settings settings;
	struct fault fault;
};

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){ .tree = tree_new() };
	ck_assert_int_eq(
		settings_init(&bench->settings, rows, N_ROWS, &bench->values, NULL, &bench->fault),
		0);
}

static void bench_done(struct bench *bench)
{
	settings_done(&bench->settings);
	tree_free(bench->tree);
}

#define _cleanup_bench_ _cleanup_(bench_done)

static int load(struct bench *bench)
{
	return settings_load_files(&bench->settings, bench->tree->path, "paddock", &bench->fault);
}

/* The origin of a value below the directory of this test. */
static void comes_from(const struct bench *bench, enum row row, const char *expected)
{
	char text[256];
	const char *origin = settings_origin_text(&bench->settings, row, text, sizeof(text));
	size_t size = strlen(bench->tree->path);

	if (strncmp(origin, bench->tree->path, size) == 0)
		origin += size;
	ck_assert_str_eq(origin, expected);
}

START_TEST(lets_later_files_win)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	tree_write(bench.tree, "usr/lib/paddock/paddock.conf",
		   "[s]\nkey-a = 1\nkey-b = 1\nkey-c = 1\nbeat-period = 1\ntypes = v\n");
	tree_write(bench.tree, "etc/paddock/paddock.conf",
		   "[s]\nkey-b = 2\nkey-c = 2\nbeat-period = 2\ntypes = w\n\tx\n");
	tree_write(bench.tree, "etc/paddock/paddock.conf.d/20-b.conf", "[s]\nbeat-period = 4\n");
	tree_write(bench.tree, "etc/paddock/paddock.conf.d/10-a.conf",
		   "[s]\nkey-c = 3\nbeat-period = 3\n");
	tree_write(bench.tree, "etc/paddock/paddock.conf.d/100-c.conf", "[s]\nkey-c = 5\n");

	ck_assert_int_eq(load(&bench), 0);
	ck_assert_uint_eq(bench.values.a, 1);
	ck_assert_uint_eq(bench.values.b, 2);
	ck_assert_uint_eq(bench.values.c, 5); /* "10-" sorts before "100" */
	ck_assert_uint_eq(bench.values.d, 4);
	ck_assert_uint_eq(bench.values.types.n, 2);
	comes_from(&bench, A, "/usr/lib/paddock/paddock.conf:2");
	comes_from(&bench, B, "/etc/paddock/paddock.conf:2");
	comes_from(&bench, C, "/etc/paddock/paddock.conf.d/100-c.conf:2");
	comes_from(&bench, D, "/etc/paddock/paddock.conf.d/20-b.conf:2");
}
END_TEST

START_TEST(needs_none_of_the_files)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(load(&bench), 0);
	comes_from(&bench, A, "default");

	tree_write(bench.tree, "etc/paddock/paddock.conf.d/x.conf", "[s]\nkey-a = 1\n");
	ck_assert_int_eq(load(&bench), 0);
	ck_assert_uint_eq(bench.values.a, 1);
}
END_TEST

START_TEST(leaves_other_files_of_the_directory_alone)
{
	static const char *const others[] = { "x.conf~", ".x.conf", "x.conf.bak", "README",
					      ".conf",   "xconf",   "x.CONF" };
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_free_ char *path = str_format("etc/paddock/paddock.conf.d/%s", others[i]);

		ck_assert_ptr_nonnull(path);
		tree_write(bench.tree, path, "no setting at all\n");
	}
	tree_write(bench.tree, "etc/paddock/other.conf", "no setting at all\n");
	ck_assert_int_eq(load(&bench), 0);
}
END_TEST

START_TEST(stops_at_the_first_file_that_is_wrong)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	tree_write(bench.tree, "etc/paddock/paddock.conf", "[s]\nkey-a = 1\n");
	tree_write(bench.tree, "etc/paddock/paddock.conf.d/a.conf", "[s]\nkye-a = 1\n");
	tree_write(bench.tree, "etc/paddock/paddock.conf.d/b.conf", "[s]\nkey-b = 1\n");
	ck_assert_int_eq(load(&bench), -EINVAL);
	ck_assert_str_eq(
		bench.fault.text + strlen(bench.tree->path),
		"/etc/paddock/paddock.conf.d/a.conf:2: unknown setting 'kye-a' in [s]; did "
		"you mean 'key-a'?");
	ck_assert_uint_eq(bench.values.b, 0);
}
END_TEST

START_TEST(says_what_is_no_file_and_what_is_no_directory)
{
	_cleanup_bench_ struct bench bench;
	_cleanup_free_ char *link = NULL;

	bench_init(&bench);
	tree_write(bench.tree, "etc/paddock/paddock.conf.d", "[s]\n");
	ck_assert_int_eq(load(&bench), -ENOTDIR);
	ck_assert_str_eq(bench.fault.text + strlen("cannot read ") + strlen(bench.tree->path),
			 "/etc/paddock/paddock.conf.d: Not a directory");

	ck_assert_int_eq(unlinkat(bench.tree->fd, "etc/paddock/paddock.conf.d", 0), 0);
	tree_write(bench.tree, "etc/paddock/paddock.conf.d/d.conf/x", "");
	ck_assert_int_eq(load(&bench), -EISDIR);

	/* A link to nowhere is a file that someone wanted to be read. */
	ck_assert_int_eq(remove_tree_at(bench.tree->fd, "etc/paddock/paddock.conf.d/d.conf"), 0);
	link = str_format("%s/etc/paddock/paddock.conf.d/l.conf", bench.tree->path);
	ck_assert_ptr_nonnull(link);
	ck_assert_int_eq(symlink("/nowhere/at/all", link), 0);
	ck_assert_int_eq(load(&bench), -ENOENT);

	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("/dev/null", link), 0);
	ck_assert_int_eq(load(&bench), 0);

	tree_write(bench.tree, "etc/paddock/paddock.conf/x", "");
	ck_assert_int_eq(load(&bench), -EISDIR);
}
END_TEST

START_TEST(limits_the_files_of_the_directory)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	for (int i = 0; i <= SETTINGS_DROPINS_MAX; i++) {
		_cleanup_free_ char *path = str_format("etc/paddock/paddock.conf.d/%03d.conf", i);

		ck_assert_ptr_nonnull(path);
		if (i == SETTINGS_DROPINS_MAX)
			ck_assert_int_eq(load(&bench), 0);
		tree_write(bench.tree, path, "");
	}
	ck_assert_int_eq(load(&bench), -E2BIG);
	ck_assert_ptr_nonnull(strstr(bench.fault.text, "more than 128 files in "));
}
END_TEST

START_TEST(reads_the_environment_under_its_own_names)
{
	static char *const environment[] = {
		"PATH=/bin",  "PADDOCK_KEY_A=3", "PADDOCK_BEAT_PERIOD=4", "PADDOCK_TYPES=x,y z",
		"PADDOCKX=1", "paddock_key_b=9", "PADDOCK_NO_EQUALS",     NULL
	};
	_cleanup_bench_ struct bench bench;
	char name[SETTING_NAME_MAX];

	bench_init(&bench);
	ck_assert_int_eq(
		settings_load_environment(&bench.settings, environment, NULL, &bench.fault), 0);
	ck_assert_uint_eq(bench.values.a, 3);
	ck_assert_uint_eq(bench.values.b, 0);
	ck_assert_uint_eq(bench.values.d, 4);
	ck_assert_uint_eq(bench.values.types.n, 3);
	comes_from(&bench, D, "environment");
	ck_assert_str_eq(setting_environment_name(&rows[D], name, sizeof(name)),
			 "PADDOCK_BEAT_PERIOD");
}
END_TEST

START_TEST(takes_an_empty_variable_for_none)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(settings_set(&bench.settings, A, "1", SETTING_FROM_FILE, NULL), 0);
	ck_assert_int_eq(settings_load_environment(&bench.settings,
						   (char *[]){ "PADDOCK_KEY_A=", NULL }, NULL,
						   &bench.fault),
			 0);
	ck_assert_uint_eq(bench.values.a, 1);
}
END_TEST

static const struct {
	char *variable;
	const char *fault;
} bad_variables[] = {
	{ "PADDOCK_BEAT_PEROD=1",
	  "environment: unknown setting PADDOCK_BEAT_PEROD; did you mean PADDOCK_BEAT_PERIOD?" },
	{ "PADDOCK_beat_period=1",
	  "environment: unknown setting PADDOCK_beat_period; did you mean PADDOCK_BEAT_PERIOD?" },
	{ "PADDOCK_XYZZY=1", "environment: unknown setting PADDOCK_XYZZY" },
	{ "PADDOCK_XYZZY=", "environment: unknown setting PADDOCK_XYZZY" },
	{ "PADDOCK_=1", "environment: unknown setting PADDOCK_" },
	{ "PADDOCK_JSON=yes", "environment: unknown setting PADDOCK_JSON" },
	{ "PADDOCK_\x1b[2J=1", "environment: unknown setting PADDOCK_?[2J" },
	{ "PADDOCK_KEY_A=-1", "PADDOCK_KEY_A: '-1' is no whole number" },
	{ "PADDOCK_KEY_A=100",
	  "PADDOCK_KEY_A: '100' is out of range: NUMBER must be from 0 to 99" },
	{ "PADDOCK_"
	  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	  "1",
	  "environment: unknown setting "
	  "PADDOCK_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA..." },
};

START_TEST(refuses_variables_it_does_not_know_and_bad_values)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_variables); i++) {
		char *const environment[] = { bad_variables[i].variable, NULL };
		_cleanup_bench_ struct bench bench;

		bench_init(&bench);
		ck_assert_int_eq(
			settings_load_environment(&bench.settings, environment, NULL, &bench.fault),
			-EINVAL);
		ck_assert_str_eq(bench.fault.text, bad_variables[i].fault);
	}
}
END_TEST

START_TEST(leaves_variables_alone_that_are_for_others)
{
	static const char *const ignored[] = { "PADDOCK_MACHINE", "PADDOCK_SEQ", NULL };
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(settings_load_environment(&bench.settings,
						   (char *[]){ "PADDOCK_SEQ=3", "PADDOCK_KEY_A=2",
							       "PADDOCK_MACHINE=m", NULL },
						   ignored, &bench.fault),
			 0);
	ck_assert_uint_eq(bench.values.a, 2);
	ck_assert_int_eq(settings_load_environment(&bench.settings,
						   (char *[]){ "PADDOCK_SEQX=3", NULL }, ignored,
						   &bench.fault),
			 -EINVAL);
}
END_TEST

TEST_MAIN(lets_later_files_win, needs_none_of_the_files, leaves_other_files_of_the_directory_alone,
	  stops_at_the_first_file_that_is_wrong, says_what_is_no_file_and_what_is_no_directory,
	  limits_the_files_of_the_directory, reads_the_environment_under_its_own_names,
	  takes_an_empty_variable_for_none, refuses_variables_it_does_not_know_and_bad_values,
	  leaves_variables_alone_that_are_for_others)
