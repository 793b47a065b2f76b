/*
 * test_main() of a torture program: the tests are those of tests/unit/test-NAME.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "tests/test.h"
#include "tests/torture/torture.h"

#define POINTS_DEFAULT 24 /* of each test and kind, unless --all */
#define SHOWN_MAX 2       /* findings of one test and kind that are shown in full */
#define SHOWN_LINES_MAX 80
#define SHOWN_BYTES_MAX 8192
#define TREE_FDS 16
#define AFTER_LAST_MAX 16 /* how much longer than counted a run may be, with threads */
#define PATIENCE_USEC (1500 * USEC_PER_MSEC)

struct options {
	const char *name; /* of the one test, or NULL */
	enum torture_kind kind;
	uint64_t at, points;
	bool all, lasting, list;
};

struct torture {
	struct options options;
	const char *program;
	char directory[64];
	int output_fd;
	unsigned n_rows, n_bad;
	unsigned long tried, known, verdicts[_TORTURE_VERDICT_MAX];
};

static int the_argc;
static char **the_argv;

/* TEST_MAIN keeps no arguments. */
static __attribute__((constructor)) void keep_arguments(int argc, char **argv)
{
	the_argc = argc;
	the_argv = argv;
}

uint64_t test_patience_usec(uint64_t usec)
{
	return usec < PATIENCE_USEC ? usec : PATIENCE_USEC;
}

/* --- one point -------------------------------------------------------------------------------- */

static bool is_bad(enum torture_verdict verdict)
{
	return verdict > TORTURE_REFUSED;
}

static void print_lines(FILE *file)
{
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	rewind(file);
	for (int n = 0; n < SHOWN_LINES_MAX && getline(&line, &size, file) >= 0; n++)
		printf("#   %s", line);
	(void)fclose(file);
	putchar('\n');
}

static void print_output(int fd)
{
	print_lines(fdopen(dup(fd), "r"));
}

static void print_both(char *first, const char *again)
{
	if (first[0])
		print_lines(fmemopen(first, strlen(first), "r"));
	printf("# and the next time: %s\n", again);
}

static bool path_is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* What a test that was broken off has left mounted, in the mount namespace of its program. Detached
 * with all that is mounted below it; the list is read anew then, as it is another. */
static int unmount_one(const char *path)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int r = 0;

	if (!mounts)
		return -errno;
	while (r == 0 && (mount = getmntent(mounts)))
		if (path_is_below(mount->mnt_dir, path))
			r = umount2(mount->mnt_dir, MNT_DETACH) < 0 ? -errno : 1;
	(void)endmntent(mounts);
	return r;
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
		      _unused_ struct FTW *at)
{
	return remove(path);
}

/* Deeper than remove_tree_at() goes, for what its tests leave. */
static int remove_all(const char *path)
{
	int r;

	do
		r = unmount_one(path);
	while (r > 0);
	if (r < 0)
		return r;
	return nftw(path, remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS) < 0 ? -errno : 0;
}

static int run_point(struct torture *torture, const TTest *test, const struct torture_point *point,
		     bool trace, int fds_allowed, struct torture_result *ret)
{
	int r = torture_run(test->fn, point, trace, fds_allowed, torture->output_fd, ret);

	if (r < 0)
		return r;
	if (point->kind == TORTURE_INTERRUPT && ret->verdict == TORTURE_REFUSED)
		ret->verdict = TORTURE_NOTICED;
	/* What broken-off tests leave would fill the disk. */
	r = remove_all(torture->directory);
	if (r < 0)
		return r;
	return mkdir(torture->directory, 0755) < 0 ? -errno : 0;
}

/* Once more, this time telling where the call failed; and what it said at first, where it now ends
 * otherwise. */
static int show(struct torture *torture, const TTest *test, const struct torture_point *point,
		const struct torture_result *result, int fds_allowed)
{
	char first[SHOWN_BYTES_MAX] = "";
	struct torture_result again;
	int r;

	if (pread(torture->output_fd, first, sizeof(first) - 1, 0) < 0)
		return -errno;
	printf("# %s when %s() number %ld failed%s; replay:\n#   %s --case %s --%s %ld%s\n",
	       torture_verdict_names[result->verdict], result->what, point->at,
	       point->lasting ? ", and all after it" : "", torture->program, test->name,
	       torture_kind_names[point->kind], point->at, point->lasting ? " --lasting" : "");
	r = run_point(torture, test, point, true, fds_allowed, &again);
	if (r < 0)
		return r;
	if (again.verdict != result->verdict)
		print_both(first, torture_verdict_names[again.verdict]);
	print_output(torture->output_fd);
	return 0;
}

/* --- all points of a test --------------------------------------------------------------------- */

/* The point after n: each of the first half of the points that may be tried, then evenly spread
 * ones. */
static long next_point(const struct options *options, long n, long known)
{
	long dense = (long)options->points / 2, sparse = (long)options->points - dense;

	if (options->all || n < dense || known <= (long)options->points)
		return n + 1;
	return n + (known - dense + sparse - 1) / sparse;
}

/* The number of findings, or negative. */
static int try_points(struct torture *torture, const TTest *test, struct torture_point point,
		      const struct torture_result *untouched, long *ret_tried)
{
	long known = untouched->counts[point.kind];
	int r, found = 0, shown = 0;

	for (long n = next_point(&torture->options, 0, known); n <= known + AFTER_LAST_MAX;
	     n = next_point(&torture->options, n, known)) {
		struct torture_result result;

		point.at = n;
		r = run_point(torture, test, &point, false, untouched->fds_left, &result);
		if (r < 0)
			return r;
		if (result.struck == 0 && n > known)
			break;
		torture->verdicts[result.verdict]++;
		(*ret_tried)++;
		if (!is_bad(result.verdict))
			continue;
		found++;
		if (shown++ >= SHOWN_MAX)
			continue;
		r = show(torture, test, &point, &result, untouched->fds_left);
		if (r < 0)
			return r;
	}
	return found;
}

static void print_row(struct torture *torture, bool good, const TTest *test,
		      const struct torture_point *point, const char *outcome)
{
	torture->n_rows++;
	torture->n_bad += !good;
	printf("%s %u - %s: %s%s, %s\n", good ? "ok" : "not ok", torture->n_rows, test->name,
	       torture_kind_names[point->kind], point->lasting ? " from there on" : "", outcome);
	(void)fflush(stdout);
}

static int torture_test(struct torture *torture, const TTest *test, enum torture_kind kind,
			bool lasting, const struct torture_result *untouched)
{
	struct torture_point point = { .kind = kind, .lasting = lasting };
	long known = untouched->counts[kind], tried = 0;
	char outcome[128];
	int r;

	if (known == 0)
		return 0;
	r = try_points(torture, test, point, untouched, &tried);
	if (r < 0)
		return r;
	torture->tried += (unsigned long)tried;
	torture->known += (unsigned long)(tried > known ? tried : known);
	(void)snprintf(outcome, sizeof(outcome), "%ld of %ld points, %d findings", tried, known, r);
	print_row(torture, r == 0, test, &point, outcome);
	return 0;
}

/* With nothing failing: 1 when it passes. */
static int run_untouched(struct torture *torture, const TTest *test, struct torture_result *ret)
{
	static const struct torture_point nothing = {};
	int r = run_point(torture, test, &nothing, false, FDS_ANY, ret);

	if (r < 0 || ret->verdict == TORTURE_PASSED)
		return r < 0 ? r : 1;
	print_output(torture->output_fd);
	print_row(torture, false, test, &nothing, "does not even pass untouched");
	return 0;
}

/* --- the program ------------------------------------------------------------------------------ */

static void usage(const char *program)
{
	printf("Usage: %s [--case TEST] [--KIND N] [--lasting] [--points N | --all] [--list]\n\n"
	       "Runs each test with its first, second, … call of each kind failing.\n\n"
	       "  --case TEST  only this test\n"
	       "  --KIND N     only with call number N of this kind failing; KIND is one of\n"
	       "              ",
	       program);
	for (int kind = TORTURE_MEMORY; kind < _TORTURE_KIND_MAX; kind++)
		printf(" %s", torture_kind_names[kind]);
	printf("\n"
	       "  --lasting    and all calls after it, too\n"
	       "  --points N   at most N calls of each test and kind (%d)\n"
	       "  --all        every call, alone and lasting\n"
	       "  --list       list the tests\n",
	       POINTS_DEFAULT);
}

static int parse_options(struct options *options)
{
	enum { CASE = _TORTURE_KIND_MAX, LASTING, POINTS, ALL, LIST };
	static const struct option known[] = {
		{ "memory", required_argument, NULL, TORTURE_MEMORY },
		{ "call", required_argument, NULL, TORTURE_CALL },
		{ "sqlite-memory", required_argument, NULL, TORTURE_SQLITE_MEMORY },
		{ "sqlite-call", required_argument, NULL, TORTURE_SQLITE_CALL },
		{ "interrupt", required_argument, NULL, TORTURE_INTERRUPT },
		{ "case", required_argument, NULL, CASE },
		{ "lasting", no_argument, NULL, LASTING },
		{ "points", required_argument, NULL, POINTS },
		{ "all", no_argument, NULL, ALL },
		{ "list", no_argument, NULL, LIST },
		{},
	};
	int option;

	*options = (struct options){ .points = POINTS_DEFAULT };
	while ((option = getopt_long(the_argc, the_argv, "", known, NULL)) >= 0) {
		int r = 0;

		switch (option) {
		case CASE:
			options->name = optarg;
			break;
		case LASTING:
			options->lasting = true;
			break;
		case POINTS:
			r = parse_u64(optarg, &options->points);
			break;
		case ALL:
			options->all = true;
			break;
		case LIST:
			options->list = true;
			break;
		case '?':
			return -EINVAL;
		default:
			options->kind = (enum torture_kind)option;
			r = parse_u64(optarg, &options->at);
		}
		if (r < 0)
			return r;
	}
	return optind == the_argc && options->points > 1 && options->points <= INT32_MAX &&
			       options->at <= INT32_MAX
		       ? 0
		       : -EINVAL;
}

/* One point, and everything that it says. */
static int replay(struct torture *torture, const TTest *test)
{
	struct torture_point point = { .kind = torture->options.kind,
				       .lasting = torture->options.lasting };
	struct torture_result untouched, result;
	int r;

	r = run_untouched(torture, test, &untouched);
	if (r <= 0)
		return r;
	point.at = (long)torture->options.at;
	r = run_point(torture, test, &point, true, untouched.fds_left, &result);
	if (r < 0)
		return r;
	print_output(torture->output_fd);
	print_row(torture, !is_bad(result.verdict), test, &point,
		  torture_verdict_names[result.verdict]);
	return 0;
}

static int torture_all_kinds(struct torture *torture, const TTest *test)
{
	const struct options *options = &torture->options;
	struct torture_result untouched;
	int r;

	if (options->kind != TORTURE_NONE)
		return replay(torture, test);
	r = run_untouched(torture, test, &untouched);
	if (r <= 0)
		return r;
	for (int kind = TORTURE_MEMORY; kind < _TORTURE_KIND_MAX && r >= 0; kind++) {
		r = torture_test(torture, test, (enum torture_kind)kind, options->lasting,
				 &untouched);
		if (r >= 0 && options->all && !options->lasting && kind != TORTURE_INTERRUPT)
			r = torture_test(torture, test, (enum torture_kind)kind, true, &untouched);
	}
	return r;
}

/* A directory of its own for the tests, which is emptied after each run. */
static int make_directory(struct torture *torture)
{
	const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	int n = snprintf(torture->directory, sizeof(torture->directory), "%s/tXXXXXX", base);

	if (n < 0 || (size_t)n >= sizeof(torture->directory))
		return -ENAMETOOLONG;
	/* Some tests go on as another user. */
	if (!mkdtemp(torture->directory) || chmod(torture->directory, 0755) < 0 ||
	    setenv("TMPDIR", torture->directory, 1) < 0)
		return -errno;
	return 0;
}

static int torture_all(struct torture *torture, const TTest *const *tests, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		if (torture->options.name && strcmp(torture->options.name, tests[i]->name) != 0)
			continue;
		if (torture->options.list)
			puts(tests[i]->name);
		else
			r = torture_all_kinds(torture, tests[i]);
	}
	return r;
}

int test_main(_unused_ const char *file, const TTest *const *tests, size_t n)
{
	struct torture torture = { .program = the_argv[0] };
	uint64_t start = clock_boot_usec(&clock_system);
	int r;

	if (parse_options(&torture.options) < 0) {
		usage(the_argv[0]);
		return 2;
	}
	torture.output_fd = memfd_create("output", MFD_CLOEXEC);
	if (torture.output_fd < 0 || torture_init() < 0 || torture_sqlite_init() < 0 ||
	    make_directory(&torture) < 0) {
		(void)fprintf(stderr, "cannot start: %m\n");
		return 1;
	}

	r = torture_all(&torture, tests, n);
	(void)remove_all(torture.directory);
	if (torture.options.list)
		return 0;
	printf("1..%u\n# torture: %lu of %lu points, %.1f s; unharmed %lu, refused %lu\n",
	       torture.n_rows, torture.tried, torture.known,
	       (double)(clock_boot_usec(&clock_system) - start) / USEC_PER_SEC,
	       torture.verdicts[TORTURE_PASSED], torture.verdicts[TORTURE_REFUSED]);
	if (r < 0)
		printf("Bail out! %s\n", strerror(-r));
	return r < 0 || torture.n_bad > 0 ? 1 : 0;
}
