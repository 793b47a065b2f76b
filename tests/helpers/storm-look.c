/*
 * What must hold at any time, seen from outside. /proc and the store are not read in one moment, so
 * everything is asked in an order that makes a finding certain: a process is seen, then the record
 * is read, then the process is seen to live still. What may be for a while only is given
 * STORM_LINGER_MS.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/runner/supervise.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/process.h"
#include "tests/helpers/storm.h"

#define TEXT_MAX 16384 /* of an environment or a command line */

static int proc_fd = -1;

bool sight_lives(const struct sight *sight)
{
	struct process_stat stat;

	return process_read_stat(proc_fd, sight->pid, &stat) >= 0 &&
	       stat.start_time == sight->start_time && !process_is_dead(&stat);
}

/* The n-th of the strings in a buffer of NUL-ended ones; "" when there are fewer. */
static const char *nth(const char *text, size_t size, unsigned n)
{
	const char *at = text, *end = text + size;

	for (; n > 0 && at < end; n--)
		at += strnlen(at, (size_t)(end - at)) + 1;
	return at < end ? at : "";
}

static const char *find(const char *text, size_t size, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text; at < text + size; at += strlen(at) + 1) {
		if (strncmp(at, name, n) == 0)
			return at + n;
	}
	return "";
}

/* With NULs inside. */
static size_t read_strings(const char *pid, const char *file, char *text)
{
	_cleanup_free_ char *path = str_format("%s/%s", pid, file);
	_cleanup_close_ int fd = path ? openat(proc_fd, path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);

	if (n < 0)
		n = 0;
	text[n] = '\0';
	return (size_t)n;
}

static bool is_below(const struct storm *storm, const char *path)
{
	size_t n = strlen(storm->dir);

	return strncmp(path, storm->dir, n) == 0 && path[n] == '/';
}

/* Whether it is an agent or of a job; a supervisor is neither. */
static bool recognize(const struct storm *storm, const char *pid, struct sight *sight)
{
	char text[TEXT_MAX];
	size_t size = read_strings(pid, "cmdline", text);
	const char *first = nth(text, size, 1);

	if (strcmp(first, SUPERVISE_ARGUMENT) == 0)
		return false;
	if (strcmp(first, "run") == 0 && strcmp(nth(text, size, 2), "--machine") == 0 &&
	    is_below(storm, nth(text, size, 5))) {
		sight->kind = SIGHT_AGENT;
		return str_copy(sight->machine, sizeof(sight->machine), nth(text, size, 3)) == 0;
	}

	size = read_strings(pid, "environ", text);
	if (!is_below(storm, find(text, size, "HOME=")))
		return false;
	sight->kind = SIGHT_JOB;
	return parse_u64(find(text, size, "PADDOCK_SEQ="), &sight->seq) == 0 &&
	       str_copy(sight->machine, sizeof(sight->machine),
			find(text, size, "PADDOCK_MACHINE=")) == 0 &&
	       str_copy(sight->run_key, sizeof(sight->run_key),
			find(text, size, "PADDOCK_RUN_KEY=")) == 0;
}

static uint64_t condemned_before(const struct storm *storm, const struct sight *sight)
{
	for (size_t i = 0; i < storm->n_sights; i++) {
		if (storm->sights[i].pid == sight->pid &&
		    storm->sights[i].start_time == sight->start_time)
			return storm->sights[i].condemned_ms;
	}
	return 0;
}

static void look_at_processes(struct storm *storm)
{
	static struct sight seen[STORM_SIGHTS_MAX];
	_cleanup_closedir_ DIR *dir = opendir(PROCESS_PROC);
	struct dirent *entry;
	size_t n = 0;

	if (proc_fd < 0)
		proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (dir && (entry = readdir(dir)) && n < STORM_SIGHTS_MAX) {
		struct sight sight = {};
		struct process_stat stat;
		uint64_t pid;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    parse_u64(entry->d_name, &pid) < 0 ||
		    process_read_stat(proc_fd, (pid_t)pid, &stat) < 0 || process_is_dead(&stat) ||
		    !recognize(storm, entry->d_name, &sight))
			continue;
		sight.pid = (pid_t)pid;
		sight.parent = stat.parent;
		sight.start_time = stat.start_time;
		sight.condemned_ms = condemned_before(storm, &sight);
		seen[n++] = sight;
	}
	memcpy(storm->sights, seen, n * sizeof(*seen));
	storm->n_sights = n;
}

static int add_record(const struct machine *machine, void *context)
{
	struct storm *storm = context;

	if (storm->n_records == STORM_RECORDS_MAX)
		return -ENOBUFS;
	storm->records[storm->n_records++] = *machine;
	return 0;
}

/* 0; -errno: no answer. */
static int look_at_records(struct storm *storm)
{
	_cleanup_(store_closep) struct store *store = NULL;
	const struct machine_filter everything = {};
	struct fault fault;
	int r;

	storm->n_records = 0;
	r = store_open(storm->store, false, &clock_system, &store, &fault);
	if (r < 0)
		return r;
	return store->ops->scan(store, &everything, add_record, storm, &fault);
}

static const struct machine *record_of(const struct storm *storm, const char *id)
{
	for (size_t i = 0; i < storm->n_records; i++) {
		if (strcmp(storm->records[i].id, id) == 0)
			return &storm->records[i];
	}
	return NULL;
}

static int must_not(const struct storm *storm, const struct sight *sight, const char *what)
{
	const struct machine *record = record_of(storm, sight->machine);

	(void)fprintf(stderr,
		      "storm: seed %" PRIu64 ": %s: %s process %d of %s (run '%s', seq %" PRIu64
		      "); its record: %s, run '%s', seq %" PRIu64 ", phase %s of %" PRIu64 "\n",
		      storm->seed, what, sight->kind == SIGHT_AGENT ? "agent" : "job",
		      (int)sight->pid, sight->machine, sight->run_key, sight->seq,
		      record ? machine_state_names[record->state] : "none",
		      record ? record->run_key : "", record ? record->seq : 0,
		      record ? machine_phase_names[record->phase] : "-",
		      record ? record->phase_seq : 0);
	return -1;
}

/* Two agents of one machine, or jobs of two claims on one. */
static int check_pairs(const struct storm *storm)
{
	for (size_t i = 0; i < storm->n_sights; i++) {
		const struct sight *a = &storm->sights[i];

		for (size_t k = i + 1; k < storm->n_sights; k++) {
			const struct sight *b = &storm->sights[k];

			if (a->kind != b->kind || strcmp(a->machine, b->machine) != 0)
				continue;
			/* Between fork() and exec() a child of the agent looks like it. */
			if (a->parent == b->pid || b->parent == a->pid)
				continue;
			if (a->kind == SIGHT_JOB && a->seq == b->seq &&
			    strcmp(a->run_key, b->run_key) == 0)
				continue;
			if (sight_lives(a) && sight_lives(b))
				return must_not(storm, b,
						b->kind == SIGHT_AGENT
							? "two agents of one machine"
							: "jobs of two claims on one machine");
		}
	}
	return 0;
}

/* The job was seen, then the record was read: NULL when that is as it should be, or may be for a
 * while (*ret_late is set then). */
static const char *judge_job(const struct sight *job, const struct machine *record, bool *ret_late)
{
	*ret_late = !record || record->state == MACHINE_TERMINATED;
	if (*ret_late)
		return NULL;
	if (record->seq < job->seq)
		return "a job of a claim that never was";
	if (record->seq > job->seq)
		return "a job of an earlier claim on a machine that has been claimed again";
	if (record->state == MACHINE_IDLE || record->state == MACHINE_CREATED)
		return "a job on a machine that is idle";
	if (record->state == MACHINE_CLAIMED)
		return "a job on a machine that does not listen yet";
	if (strcmp(record->run_key, job->run_key) != 0)
		return "a job of another run than the record's";
	return NULL;
}

static int check_lateness(struct storm *storm, struct sight *sight, bool late)
{
	uint64_t now = storm_now_ms();

	if (!late)
		sight->condemned_ms = 0;
	else if (sight->condemned_ms == 0)
		sight->condemned_ms = now;
	else if (now - sight->condemned_ms > STORM_LINGER_MS && sight_lives(sight))
		return must_not(storm, sight, "a process outlives its machine");
	return 0;
}

static int check_records(struct storm *storm)
{
	for (size_t i = 0; i < storm->n_sights; i++) {
		struct sight *sight = &storm->sights[i];
		const struct machine *record = record_of(storm, sight->machine);
		bool late = record && record->state == MACHINE_TERMINATED;
		const char *wrong = NULL;

		if (sight->kind == SIGHT_JOB)
			wrong = judge_job(sight, record, &late);
		if (wrong && sight_lives(sight))
			return must_not(storm, sight, wrong);
		if (check_lateness(storm, sight, late) < 0)
			return -1;
	}
	return 0;
}

int storm_look(struct storm *storm)
{
	storm->looks++;
	look_at_processes(storm);
	if (check_pairs(storm) < 0)
		return -1;
	return look_at_records(storm) < 0 ? 0 : check_records(storm);
}

static unsigned count_agents(const struct storm *storm, const char *machine)
{
	unsigned n = 0;

	for (size_t i = 0; i < storm->n_sights; i++)
		n += storm->sights[i].kind == SIGHT_AGENT &&
		     strcmp(storm->sights[i].machine, machine) == 0;
	return n;
}

bool storm_is_settled(struct storm *storm, bool tell)
{
	bool settled = true;

	look_at_processes(storm);
	if (look_at_records(storm) < 0)
		return false;
	for (size_t i = 0; i < storm->n_records; i++) {
		const struct machine *record = &storm->records[i];
		unsigned agents = count_agents(storm, record->id);
		bool right = machine_is_live(record) ? record->state == MACHINE_IDLE && agents == 1
						     : agents == 0;

		settled = settled && right;
		if (!right && tell)
			(void)fprintf(stderr,
				      "storm: seed %" PRIu64 ": not settled: %s is %s (run '%s', "
				      "seq %" PRIu64 ") with %u agents\n",
				      storm->seed, record->id, machine_state_names[record->state],
				      record->run_key, record->seq, agents);
	}
	for (size_t i = 0; i < storm->n_sights; i++) {
		const struct sight *sight = &storm->sights[i];

		if (sight->kind == SIGHT_AGENT && record_of(storm, sight->machine))
			continue;
		settled = false;
		if (tell)
			(void)must_not(storm, sight, "not settled");
	}
	return settled;
}
