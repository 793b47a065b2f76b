#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/settings.h"
#include "tests/test.h"

#define SIZES_MAX 3

struct size {
	char name[16];
	uint64_t cpu;
	struct setting_list needs;
};

struct values {
	char *store;
	uint64_t period_usec, limit;
	struct setting_list types;
	bool json;
	struct size sizes[SIZES_MAX];
	size_t n_sizes;
};

#define AT(member) offsetof(struct values, member)
enum row { STORE, TYPES, PERIOD, LIMIT, JSON, N_ROWS };
static const struct setting rows[] = {
	[STORE] = { "controller", "store", SETTING_TEXT, AT(store), NULL, 0, 0, NULL, NULL, "" },
	[TYPES] = { "controller", "types", SETTING_LIST, AT(types), "a", 0, 0, NULL, NULL, "" },
	[PERIOD] = { "agent", "beat-period", SETTING_DURATION, AT(period_usec), "5s",
		     200 * USEC_PER_MSEC, 300 * USEC_PER_SEC, NULL, NULL, "" },
	[LIMIT] = { "agent", "limit", SETTING_U64, AT(limit), "7", 0, 0, NULL, NULL, "" },
	[JSON] = { NULL, "json", SETTING_BOOL, AT(json), NULL, 0, 0, NULL, NULL, "" },
};

#undef AT
#define AT(member) offsetof(struct size, member)
static const struct setting size_rows[] = {
	{ "class", "cpu", SETTING_U64, AT(cpu), "2", 1, 64, NULL, "COUNT", "" },
	{ "class", "needs", SETTING_LIST, AT(needs), NULL, 0, 0, NULL, NULL, "" },
};

static int open_size(void *context, const char *name, void **ret_member, struct fault *fault)
{
	struct values *values = context;
	struct size *size = values->sizes;

	for (; size < values->sizes + values->n_sizes; size++) {
		if (strcmp(size->name, name) == 0) {
			*ret_member = size;
			return 0;
		}
	}
	if (strchr(name, '/'))
		return fault_set(fault, EINVAL, "'%s' is no name", name);
	if (values->n_sizes == SIZES_MAX)
		return fault_set(fault, ENOSPC, "more than %d classes", SIZES_MAX);

	ck_assert_int_eq(str_copy(size->name, sizeof(size->name), name), 0);
	ck_assert_int_eq(settings_read_defaults(size_rows, ARRAY_SIZE(size_rows), size, fault), 0);
	values->n_sizes++;
	*ret_member = size;
	return 0;
}

static const struct setting_family family = { "class", size_rows, ARRAY_SIZE(size_rows),
					      open_size };

struct bench {
	struct tree *tree;
	struct values values;
	struct settings settings;
	struct fault fault;
	char *path; /* of the file */
};

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){ .tree = tree_new() };
	bench->path = str_format("%s/test.conf", bench->tree->path);
	ck_assert_ptr_nonnull(bench->path);
	ck_assert_int_eq(settings_init(&bench->settings, rows, N_ROWS, &bench->values, &family,
				       &bench->fault),
			 0);
}

static void bench_done(struct bench *bench)
{
	for (size_t i = 0; i < bench->values.n_sizes; i++)
		settings_free_values(size_rows, ARRAY_SIZE(size_rows), &bench->values.sizes[i]);
	settings_done(&bench->settings);
	tree_free(bench->tree);
	free(bench->path);
}

#define _cleanup_bench_ _cleanup_(bench_done)

static int load_bytes(struct bench *bench, const char *bytes, size_t size)
{
	_cleanup_close_ int fd = open(bench->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, bytes, size), 0);
	bench->fault = (struct fault){};
	return settings_load_file(&bench->settings, bench->path, &bench->fault);
}

static int load(struct bench *bench, const char *text)
{
	return load_bytes(bench, text, strlen(text));
}

/* The text of the fault without the directory of this test. */
static const char *fault_without_directory(const struct bench *bench)
{
	const char *directory = bench->tree->path, *text = bench->fault.text;
	size_t size = strlen(directory);
	static char left[FAULT_TEXT_MAX];
	const char *at = strstr(text, directory);

	ck_assert_msg(at, "no '%s' in '%s'", directory, text);
	(void)snprintf(left, sizeof(left), "%.*s%s", (int)(at - text), text, at + size + 1);
	return left;
}

static void has_value(const struct bench *bench, enum row row, const char *expected)
{
	_cleanup_free_ char *text = settings_format(&bench->settings, row);

	ck_assert_str_eq(text, expected);
}

static const struct {
	const char *text;
	const char *store, *types, *period, *limit;
} good[] = {
	{ "", "", "a", "5s", "7" },
	{ "\n\n", "", "a", "5s", "7" },
	{ "[agent]\nbeat-period = 1s\n", "", "a", "1s", "7" },
	{ "[agent]\nlimit=9", "", "a", "5s", "9" },
	{ "# note\n; note\n[agent] ; note\n# [controller]\nlimit = 8 ; note\n", "", "a", "5s",
	  "8" },
	{ "[ agent ]\r\nbeat-period = 2s\r\nlimit = 3\r\n", "", "a", "2s", "3" },
	{ "\xef\xbb\xbf[agent]\nlimit = 4\n", "", "a", "5s", "4" },
	{ "[agent]\n\tbeat-period = 2s\n\tlimit: 5\n", "", "a", "2s", "5" },
	{ "[agent]\nlimit = 1\n[controller]\nstore = x = y\n[agent]\nbeat-period = 1s\n", "x = y",
	  "a", "1s", "1" },
	{ "[controller]\nstore =\ntypes =\n", "", "", "5s", "7" },
	{ "[controller]\nstore = sqlite:/a b/c.db;x\n", "sqlite:/a b/c.db;x", "a", "5s", "7" },
	/* lists over many lines */
	{ "[controller]\ntypes = b c\n\td, e ; note\n\n\t# note\n  f:g\nstore = s\n", "s",
	  "b c d e f:g", "5s", "7" },
	{ "[controller]\ntypes =\n  b\r\n  c\r\n", "", "b c", "5s", "7" },
	{ "[controller]\ntypes = b\n  store = s\n", "s", "b", "5s", "7" },
	{ "[controller]\ntypes = b\n  store: s\n", "s", "b", "5s", "7" },
	{ "[controller]\ntypes = b\n[agent]\n  limit:2\n", "", "b", "5s", "2" },
	{ "[controller]\ntypes = b\n  [agent]\n  limit = 2\n", "", "b", "5s", "2" },
};

START_TEST(reads_what_is_well_formed)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_bench_ struct bench bench;
		int r;

		bench_init(&bench);
		r = load(&bench, good[i].text);
		ck_assert_msg(r == 0, "case %zu: %s", i, bench.fault.text);
		has_value(&bench, STORE, good[i].store);
		has_value(&bench, TYPES, good[i].types);
		has_value(&bench, PERIOD, good[i].period);
		has_value(&bench, LIMIT, good[i].limit);
	}
}
END_TEST

static const struct {
	const char *text;
	const char *fault;
} bad[] = {
	{ "[agent]\n\nbeat-perod = 1s\n", "test.conf:3: unknown setting 'beat-perod' in [agent]; "
					  "did you mean 'beat-period'?" },
	{ "[agent]\nxyzzy = 1\n", "test.conf:2: unknown setting 'xyzzy' in [agent]" },
	{ "[agent]\n= 1\n", "test.conf:2: unknown setting '' in [agent]" },
	{ "[agent]\nstore = x\n",
	  "test.conf:2: setting 'store' belongs in [controller], not in [agent]" },
	{ "[agent]\njson = yes\n", "test.conf:2: unknown setting 'json' in [agent]" },
	{ "[agnet]\n", "test.conf:1: unknown section [agnet]; did you mean [agent]?" },
	{ "[xyzzy]\nlimit = 1\n", "test.conf:1: unknown section [xyzzy]" },
	{ "[agent]\nlimit = 1\n[]\n", "test.conf:3: a section without a name" },
	{ "[  ]\n", "test.conf:1: a section without a name" },
	{ "[agent\nlimit = 1\n", "test.conf:1: '[' without a ']'" },
	{ "[agent] limit = 1\n", "test.conf:1: something stands behind the ']'" },
	{ "[1234567890123456789012345678901234567890123456789x]\n",
	  "test.conf:1: the name of a section is longer than 49 bytes" },
	{ "\nlimit = 1\n", "test.conf:2: setting 'limit' stands before the first [section]" },
	{ "[agent]\nlimit = 1\n# x\nlimit = 1\n",
	  "test.conf:4: setting 'limit' of [agent] is given twice; it stands in line 2 already" },
	{ "[agent]\nlimit = 1\n[controller]\n[agent]\nlimit = 2\n",
	  "test.conf:5: setting 'limit' of [agent] is given twice; it stands in line 2 already" },
	{ "[controller]\ntypes = b\ntypes = c\n",
	  "test.conf:3: setting 'types' of [controller] is given twice; it stands in line 2 "
	  "already" },
	{ "[agent]\nbeat-period = fast\n", "test.conf:2: beat-period: 'fast' is no duration, such "
					   "as 250ms, 5s, 10min or 1h30min" },
	{ "[agent]\nbeat-period = 1ms\n", "test.conf:2: beat-period: '1ms' is out of range: "
					  "DURATION must be from 200ms to 5min" },
	{ "[agent]\nbeat-period = 1s # note\n", "test.conf:2: beat-period: '1s # note' is no "
						"duration, such as 250ms, 5s, 10min or 1h30min" },
	{ "[agent]\nlimit =\n", "test.conf:2: limit: '' is no whole number" },
	{ "[agent]\nlimit\n", "test.conf:2: neither a [section] nor 'key = value'" },
	/* the first error counts, though the parser goes on to the others */
	{ "[agent]\nlimit\nbeat-perod = 1s\n",
	  "test.conf:2: neither a [section] nor 'key = value'" },
	{ "[agent]\nlimit = x\nlimit\n", "test.conf:2: limit: 'x' is no whole number" },
	/* an indented line goes on with nothing but a list */
	{ "[agent]\nlimit = 1\n  2\n", "test.conf:3: neither a [section] nor 'key = value'" },
	{ "[controller]\ntypes = b\n[agent]\n  c\n",
	  "test.conf:4: neither a [section] nor 'key = value'" },
	{ "[controller]\ntypes = b\n  typos = c\n", "test.conf:3: unknown setting 'typos' in "
						    "[controller]; did you mean 'types'?" },
	/* no text */
	{ "[agent]\nlimit = \x01\n", "test.conf:2: byte 0x01 in column 9: this is no text" },
	{ "[agent]\rlimit = 1\r", "test.conf:1: byte 0x0d in column 8: this is no text" },
	{ "\x7f"
	  "ELF\x02\x01\x01",
	  "test.conf:1: byte 0x7f in column 1: this is no text" },
	{ "# fine\n# \x1b[2J\n", "test.conf:2: byte 0x1b in column 3: this is no text" },
	{ "[controller]\nstore = \xff\xfe\n",
	  "test.conf:2: store: '?\?' holds a byte that is no printable UTF-8" },
	{ "[ag\xff"
	  "nt]\n",
	  "test.conf:1: unknown section [ag?nt]; did you mean [agent]?" },
	{ "\xff\xfe[\n", "test.conf:1: neither a [section] nor 'key = value'" },
	/* sections of the family */
	{ "[class]\n", "test.conf:1: [class] lacks a name: write [class NAME]" },
	{ "[clas large]\n", "test.conf:1: unknown section [clas large]; did you mean [class "
			    "large]?" },
	{ "[klass]\n", "test.conf:1: unknown section [klass]" },
	{ "[classes large]\n", "test.conf:1: unknown section [classes large]; did you mean [class "
			       "large]?" },
	{ "[class a/b]\n", "test.conf:1: [class a/b]: 'a/b' is no name" },
	{ "[class a]\ncpus = 1\n",
	  "test.conf:2: unknown setting 'cpus' in [class a]; did you mean 'cpu'?" },
	{ "[class a]\nlimit = 1\n", "test.conf:2: unknown setting 'limit' in [class a]" },
	{ "[agent]\ncpu = 1\n", "test.conf:2: unknown setting 'cpu' in [agent]" },
	{ "[class a]\ncpu = 65\n",
	  "test.conf:2: cpu: '65' is out of range: COUNT must be from 1 to 64" },
	{ "[class a]\ncpu = 1\n[class b]\ncpu = 1\n[class a]\ncpu = 2\n",
	  "test.conf:6: setting 'cpu' of [class a] is given twice; it stands in line 2 already" },
};

START_TEST(refuses_what_is_not_with_file_line_and_reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_bench_ struct bench bench;

		bench_init(&bench);
		ck_assert_int_eq(load(&bench, bad[i].text), -EINVAL);
		ck_assert_str_eq(fault_without_directory(&bench), bad[i].fault);
	}
}
END_TEST

START_TEST(refuses_nul_bytes_that_would_hide_the_rest)
{
	static const char text[] = "[agent]\nlimit = 1\0000\nbeat-period = 1s\n";
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(load_bytes(&bench, text, sizeof(text) - 1), -EINVAL);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "test.conf:2: byte 0x00 in column 10: this is no text");
	has_value(&bench, LIMIT, "7");
}
END_TEST

START_TEST(refuses_every_kind_of_junk_without_a_crash)
{
	char junk[4096];
	uint64_t state = 1;

	for (int round = 0; round < 64; round++) {
		_cleanup_bench_ struct bench bench;

		for (size_t i = 0; i < sizeof(junk); i++) {
			static const char alphabet[] = "[]=:;# \t\n\nagentlimitypsc1\xff\xc3";

			state = state * 6364136223846793005 + 1442695040888963407;
			/* Half of the rounds are made of what the grammar is made of. */
			junk[i] = (char)(round % 2 ? state >> 56
						   : (uint64_t)alphabet[(state >> 33) %
									(sizeof(alphabet) - 1)]);
		}
		bench_init(&bench);
		ck_assert_int_eq(load_bytes(&bench, junk, sizeof(junk)), -EINVAL);
		ck_assert_ptr_nonnull(strstr(bench.fault.text, "test.conf:"));
	}
}
END_TEST

START_TEST(refuses_lines_that_the_parser_would_cut)
{
	static const struct {
		size_t size; /* of the value behind "store = " */
		int r;
	} sizes[] = {
		{ 189, 0 }, { 190, 0 }, { 191, -EINVAL }, { 192, -EINVAL }, { 5000, -EINVAL }
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_bench_ struct bench bench;
		_cleanup_free_ char *text = NULL, *value = calloc(1, sizes[i].size + 1);

		ck_assert_ptr_nonnull(value);
		(void)memset(value, 'x', sizes[i].size);
		text = str_format("[controller]\nstore = %s\ntypes = t\n", value);
		ck_assert_ptr_nonnull(text);

		bench_init(&bench);
		ck_assert_int_eq(load(&bench, text), sizes[i].r);
		if (sizes[i].r == 0) {
			has_value(&bench, STORE, value);
			has_value(&bench, TYPES, "t");
			continue;
		}
		ck_assert_str_eq(fault_without_directory(&bench),
				 "test.conf:2: the line is longer than 198 bytes");
		ck_assert_str_eq(bench.fault.cure, "a list may go on in indented lines below");
	}
}
END_TEST

START_TEST(refuses_long_comments_and_keys_too)
{
	_cleanup_bench_ struct bench bench;
	char text[300];

	bench_init(&bench);
	(void)memset(text, '#', sizeof(text));
	ck_assert_int_eq(load_bytes(&bench, text, sizeof(text)), -EINVAL);
	(void)memset(text, 'k', sizeof(text));
	ck_assert_int_eq(load_bytes(&bench, text, sizeof(text)), -EINVAL);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "test.conf:1: the line is longer than 198 bytes");
}
END_TEST

START_TEST(refuses_files_that_are_too_large)
{
	_cleanup_bench_ struct bench bench;
	_cleanup_free_ char *text = calloc(1, SETTINGS_FILE_MAX + 2);

	ck_assert_ptr_nonnull(text);
	bench_init(&bench);
	(void)memset(text, '\n', SETTINGS_FILE_MAX + 1);
	ck_assert_int_eq(load(&bench, text), -EFBIG);
	ck_assert_str_eq(fault_without_directory(&bench), "test.conf is larger than 262144 bytes");
	text[SETTINGS_FILE_MAX] = '\0';
	ck_assert_int_eq(load(&bench, text), 0);
}
END_TEST

START_TEST(limits_a_list_however_many_lines_it_has)
{
	_cleanup_bench_ struct bench bench;
	char text[1024] = "[controller]\ntypes = 0\n";
	size_t size = strlen(text);

	bench_init(&bench);
	for (int i = 1; i <= SETTING_LIST_MAX; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "  w%d\n", i);
	ck_assert_int_eq(load(&bench, text), -EINVAL);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "test.conf:66: types: more than 64 words");
}
END_TEST

START_TEST(opens_the_sections_of_a_family)
{
	_cleanup_bench_ struct bench bench;
	struct size *sizes = bench.values.sizes;

	bench_init(&bench);
	ck_assert_int_eq(load(&bench, "[class large]\ncpu = 4\nneeds = a\n  b\n"
				      "[class  tiny ]\n[agent]\nlimit = 1\n"),
			 0);
	ck_assert_uint_eq(bench.values.n_sizes, 2);
	ck_assert_str_eq(sizes[0].name, "large");
	ck_assert_uint_eq(sizes[0].cpu, 4);
	ck_assert_uint_eq(sizes[0].needs.n, 2);
	ck_assert_str_eq(sizes[1].name, "tiny");
	ck_assert_uint_eq(sizes[1].cpu, 2);
	has_value(&bench, LIMIT, "1");

	/* A later file adds to what is there. */
	ck_assert_int_eq(load(&bench, "[class large]\ncpu = 8\n"), 0);
	ck_assert_uint_eq(bench.values.n_sizes, 2);
	ck_assert_uint_eq(sizes[0].cpu, 8);
	ck_assert_uint_eq(sizes[0].needs.n, 2);

	ck_assert_int_eq(load(&bench, "[class c]\n[class d]\n"), -ENOSPC);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "test.conf:2: [class d]: more than 3 classes");
}
END_TEST

START_TEST(remembers_file_and_line_of_each_value)
{
	_cleanup_bench_ struct bench bench;
	char text[128];
	const char *origin;

	bench_init(&bench);
	ck_assert_int_eq(load(&bench, "[agent]\n\nlimit = 1\n[controller]\ntypes = a\n  b\n"), 0);
	origin = settings_origin_text(&bench.settings, LIMIT, text, sizeof(text));
	ck_assert_str_eq(strrchr(origin, '/'), "/test.conf:3");
	origin = settings_origin_text(&bench.settings, TYPES, text, sizeof(text));
	ck_assert_str_eq(strrchr(origin, '/'), "/test.conf:5");
	origin = settings_origin_text(&bench.settings, PERIOD, text, sizeof(text));
	ck_assert_str_eq(origin, "default");
}
END_TEST

START_TEST(says_why_a_file_cannot_be_read)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	ck_assert_int_eq(settings_load_file(&bench.settings, bench.path, &bench.fault), -ENOENT);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "cannot read test.conf: No such file or directory");

	ck_assert_int_eq(mkdir(bench.path, 0755), 0);
	ck_assert_int_eq(settings_load_file(&bench.settings, bench.path, &bench.fault), -EISDIR);
	ck_assert_str_eq(fault_without_directory(&bench), "cannot read test.conf: Is a directory");

	ck_assert_int_eq(rmdir(bench.path), 0);
	ck_assert_int_eq(mkfifo(bench.path, 0600), 0);
	ck_assert_int_eq(settings_load_file(&bench.settings, bench.path, &bench.fault), -EINVAL);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "cannot read test.conf: it is no regular file");

	ck_assert_int_eq(settings_load_file(&bench.settings, "/dev/null", &bench.fault), 0);
	ck_assert_int_eq(settings_load_file(&bench.settings, "/dev/zero", &bench.fault), -EFBIG);
}
END_TEST

START_TEST(says_that_a_file_is_closed_to_it)
{
	_cleanup_bench_ struct bench bench;
	int r;

	bench_init(&bench);
	ck_assert_int_eq(load(&bench, ""), 0);
	ck_assert_int_eq(chmod(bench.tree->path, 0755), 0);
	ck_assert_int_eq(chmod(bench.path, 0), 0);

	/* Nothing is closed to root. */
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	r = settings_load_file(&bench.settings, bench.path, &bench.fault);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(r, -EACCES);
	ck_assert_str_eq(fault_without_directory(&bench),
			 "cannot read test.conf: Permission denied");
}
END_TEST

TEST_MAIN(reads_what_is_well_formed, refuses_what_is_not_with_file_line_and_reason,
	  refuses_nul_bytes_that_would_hide_the_rest, refuses_every_kind_of_junk_without_a_crash,
	  refuses_lines_that_the_parser_would_cut, refuses_long_comments_and_keys_too,
	  refuses_files_that_are_too_large, limits_a_list_however_many_lines_it_has,
	  opens_the_sections_of_a_family, remembers_file_and_line_of_each_value,
	  says_why_a_file_cannot_be_read, says_that_a_file_is_closed_to_it)
