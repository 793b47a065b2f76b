/*
 * sim: runs schedules until there are enough of them, or a violation is found. A violation is
 * printed with its seed, shrunk, told as a trace, and kept in a file that --replay runs again.
 */

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "tests/sim/sim.h"

#define JOBS_MAX 64
#define HEAP_KEEP_BYTES (32 * 1024 * 1024)
#define SHRINK_SECONDS 20.0
#define FAILURE_FILE "sim-failure.tape"

static struct options {
	uint64_t schedules; /* at most; 0: no limit */
	uint64_t seconds;   /* at most; 0: no limit */
	uint64_t seed;      /* of the first */
	uint64_t jobs;
	const char *replay;
	const char *failure_file;
	bool one;   /* just the seed, with its trace */
	bool hunt;  /* a violation is what is wanted */
	bool quick; /* no shrinking */
	bool tap;
} options = { .seed = 1, .failure_file = FAILURE_FILE };

/* What a worker tells. */
struct tally {
	uint64_t schedules, calls, virtual_usec, machines, granted, refused, jobs;
	bool failed;
	uint64_t seed; /* of the failure */
	char invariant[32];
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Neighbours must not be alike. */
static uint64_t scatter(uint64_t seed)
{
	return seed * UINT64_C(0x9e3779b97f4a7c15);
}

static void work(uint64_t first, uint64_t n, double until, int to)
{
	struct tally tally = {};

	for (uint64_t i = 0; (n == 0 || i < n) && (until == 0 || now_s() < until); i++) {
		uint64_t seed = first + i * options.jobs;
		struct tape tape = { .seed = scatter(seed) };
		struct outcome outcome;

		schedule_run(&tape, false, false, &outcome);
		tape_done(&tape);
		tally.schedules++;
		tally.calls += outcome.calls;
		tally.virtual_usec += outcome.virtual_usec;
		tally.machines += outcome.machines;
		tally.granted += outcome.granted;
		tally.refused += outcome.refused;
		tally.jobs += outcome.jobs;
		if (outcome.failed) {
			tally.failed = true;
			tally.seed = seed;
			memcpy(tally.invariant, outcome.invariant, sizeof(tally.invariant));
			break;
		}
	}
	if (write(to, &tally, sizeof(tally)) != sizeof(tally))
		_exit(1);
}

static void add(struct tally *sum, const struct tally *tally)
{
	sum->schedules += tally->schedules;
	sum->calls += tally->calls;
	sum->virtual_usec += tally->virtual_usec;
	sum->machines += tally->machines;
	sum->granted += tally->granted;
	sum->refused += tally->refused;
	sum->jobs += tally->jobs;
	if (tally->failed && (!sum->failed || tally->seed < sum->seed)) {
		sum->failed = true;
		sum->seed = tally->seed;
		memcpy(sum->invariant, tally->invariant, sizeof(sum->invariant));
	}
}

static struct tally run_all(void)
{
	double until = options.seconds ? now_s() + (double)options.seconds : 0;
	struct tally sum = {};
	pid_t pids[JOBS_MAX];
	int results[2];

	if (pipe(results) < 0)
		err(1, "cannot make a pipe");
	for (uint64_t i = 0; i < options.jobs; i++) {
		uint64_t n =
			options.schedules / options.jobs + (i < options.schedules % options.jobs);

		pids[i] = fork();
		if (pids[i] < 0)
			err(1, "cannot fork");
		if (pids[i] == 0) {
			/* Nobody would hear what it finds any more. */
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (options.schedules == 0 || n > 0)
				work(options.seed + i, n, until, results[1]);
			_exit(0);
		}
	}
	close(results[1]);
	for (;;) {
		struct tally tally;
		ssize_t n = read(results[0], &tally, sizeof(tally));

		if (n != sizeof(tally))
			break;
		add(&sum, &tally);
		/* Who wants one violation has it. */
		if (tally.failed && options.hunt) {
			for (uint64_t i = 0; i < options.jobs; i++)
				(void)kill(pids[i], SIGTERM);
			break;
		}
	}
	close(results[0]);
	for (uint64_t i = 0; i < options.jobs; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) == pids[i] && !options.hunt &&
		    (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
			errx(1, "a worker ended with status %d", status);
	}
	return sum;
}

static void keep(const struct tape *tape)
{
	FILE *file = fopen(options.failure_file, "w");

	if (!file) {
		warn("cannot keep the tape in %s", options.failure_file);
		return;
	}
	for (size_t i = 0; i < tape->n; i++)
		fprintf(file, "%" PRIu32 "\n", tape->draws[i]);
	if (fclose(file) != 0)
		warn("cannot keep the tape in %s", options.failure_file);
	else
		printf("replay: sim --replay %s\n", options.failure_file);
}

static void load(struct tape *tape)
{
	FILE *file = fopen(options.replay, "r");
	size_t capacity = 0, size = 0;
	char *line = NULL;
	ssize_t n;

	if (!file)
		err(1, "cannot read %s", options.replay);
	*tape = (struct tape){ .replayed = true };
	while ((n = getline(&line, &size, file)) > 0) {
		uint64_t draw;

		line[strcspn(line, "\n")] = '\0';
		if (parse_u64(line, &draw) < 0 || draw > UINT32_MAX)
			errx(1, "%s: '%.20s' is no draw", options.replay, line);
		if (tape->n == capacity) {
			capacity = capacity ? capacity * 2 : 1024;
			tape->draws = reallocarray(tape->draws, capacity, sizeof(uint32_t));
			if (!tape->draws)
				errx(1, "no memory");
		}
		tape->draws[tape->n++] = (uint32_t)draw;
	}
	free(line);
	fclose(file);
}

static size_t count_nonzero(const struct tape *tape)
{
	size_t n = 0;

	for (size_t i = 0; i < tape->n; i++)
		n += tape->draws[i] != 0;
	return n;
}

/* Prints what is to be known of a failed schedule. */
static void tell(uint64_t seed)
{
	struct tape tape = { .seed = scatter(seed) };
	struct tape shrunk;
	struct outcome outcome;
	unsigned tries;

	schedule_run(&tape, false, false, &outcome);
	printf("seed %" PRIu64 " breaks invariant %s: %s\n", seed, outcome.invariant,
	       outcome.failure);
	if (options.quick || tape_copy(&tape, &shrunk) < 0) {
		tape_done(&tape);
		return;
	}
	tries = shrink(&shrunk, &outcome, SHRINK_SECONDS);
	printf("shrunk from %zu draws to %zu, in %u tries:\n", count_nonzero(&tape),
	       count_nonzero(&shrunk), tries);
	schedule_run(&shrunk, true, false, &outcome);
	keep(&shrunk);
	tape_done(&shrunk);
	tape_done(&tape);
}

static int run_one(void)
{
	struct tape tape = { .seed = scatter(options.seed) };
	struct outcome outcome;

	if (options.replay)
		load(&tape);
	schedule_run(&tape, true, true, &outcome);
	if (!outcome.failed)
		printf("no violation: %zu machines, %zu jobs, %" PRIu64 " calls\n",
		       outcome.machines, outcome.jobs, outcome.calls);
	tape_done(&tape);
	return outcome.failed ? 1 : 0;
}

static int run_many(void)
{
	double start = now_s();
	struct tally sum = run_all();
	double took = now_s() - start;

	if (options.tap)
		printf("1..1\n%sok 1 - %" PRIu64 " schedules keep the invariants\n# ",
		       sum.failed ? "not " : "", sum.schedules);
	printf("%" PRIu64 " schedules in %.1f s: %.0f a second, %.1f million calls, %.1f virtual "
	       "days; %" PRIu64 " machines, %" PRIu64 " jobs; runs granted %" PRIu64
	       ", refused %" PRIu64 "\n",
	       sum.schedules, took, (double)sum.schedules / took, (double)sum.calls / 1e6,
	       (double)sum.virtual_usec / 86400e6, sum.machines, sum.jobs, sum.granted,
	       sum.refused);
	if (sum.failed)
		tell(sum.seed);
	return sum.failed != options.hunt;
}

static const char usage[] =
	"Usage: sim [OPTION…]\n"
	"  --schedules N   so many schedules\n"
	"  --seconds S     no longer than that\n"
	"  --seed N        of the first schedule (1)\n"
	"  --jobs N        processes at once (as many as there are cores)\n"
	"  --one           only the schedule of --seed, with all that happens in it\n"
	"  --replay FILE   a schedule that was kept\n"
	"  --keep FILE     where a failed schedule is kept (" FAILURE_FILE ")\n"
	"  --hunt          success is a violation\n"
	"  --quick         a violation is not shrunk\n"
	"  --tap           print the result as a test\n";

static uint64_t number(const char *text)
{
	uint64_t value;

	if (parse_u64(text, &value) < 0)
		errx(2, "'%s' is no number", text);
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option table[] = {
		{ "schedules", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "replay", required_argument, NULL, 'r' },
		{ "keep", required_argument, NULL, 'k' },
		{ "one", no_argument, NULL, '1' },
		{ "hunt", no_argument, NULL, 'h' },
		{ "quick", no_argument, NULL, 'q' },
		{ "tap", no_argument, NULL, 'T' },
		{ "help", no_argument, NULL, '?' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		switch (c) {
		case 'n':
			options.schedules = number(optarg);
			break;
		case 't':
			options.seconds = number(optarg);
			break;
		case 's':
			options.seed = number(optarg);
			break;
		case 'j':
			options.jobs = number(optarg);
			break;
		case 'r':
			options.replay = optarg;
			break;
		case 'k':
			options.failure_file = optarg;
			break;
		case '1':
			options.one = true;
			break;
		case 'h':
			options.hunt = true;
			break;
		case 'q':
			options.quick = true;
			break;
		case 'T':
			options.tap = true;
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		errx(2, "'%s' is one argument too many", argv[optind]);
}

int main(int argc, char **argv)
{
	const struct log_options quiet = { .program = "sim", .max_level = LOG_LEVEL_ERROR };

	/* What a schedule gives back the next one wants again. */
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEEP_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEEP_BYTES);
	(void)mallopt(M_TOP_PAD, HEAP_KEEP_BYTES);
	log_init(&quiet);
	parse(argc, argv);
	if (options.jobs == 0)
		options.jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (options.jobs > JOBS_MAX)
		options.jobs = JOBS_MAX;
	if (options.one || options.replay)
		return run_one();
	if (options.schedules == 0 && options.seconds == 0)
		options.schedules = 1000;
	return run_many();
}
