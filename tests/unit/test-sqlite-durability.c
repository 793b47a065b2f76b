/* What was answered stands, whatever becomes of the process or the power afterwards. */

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/base/backoff.h"
#include "tests/unit/sqlite-fixture.h"

#define KILLS 12
#define CUTS 40
#define CLAIMS 20
#define FILE_MAX (64 * 1024 * 1024)

/* SQLite's calls come here, as this program comes before the C library. */
static unsigned syncs;

int fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static struct machine move(struct store *store, enum transition transition,
			   const struct machine *record)
{
	struct change change = contract_next(transition, record);
	struct change_outcome outcome;
	struct fault fault = {};
	int r = store_change_one(store, &change, &outcome, &fault);

	ck_assert_msg(r == 0, "%s", fault_text(&fault, r));
	ck_assert_int_eq(outcome.result, CHANGE_DONE);
	return outcome.record;
}

static struct machine idle(struct store *store)
{
	struct machine record;

	create(store, "m-1");
	ck_assert_int_eq(store_get_one(store, "m-1", &record, NULL), 0);
	return move(store, TRANSITION_READY, &record);
}

static struct machine claim_once(struct store *store, struct machine record)
{
	record = move(store, TRANSITION_CLAIM, &record);
	record = move(store, TRANSITION_DRAIN, &record);
	return move(store, TRANSITION_OFFER, &record);
}

START_TEST(syncs_each_change_but_not_each_beat)
{
	struct beat beat = { .id = "m-1", .phase = PHASE_READY, .period_ms = 5000, .boot_id = "x" };
	_cleanup_item_ struct item item = contract_item("m-1", "event", 0, "{}");
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	struct beat_answer answer;
	struct machine record;

	place_init(&place);
	store = place_open(&place);
	syncs = 0;
	create(store, "m-1");
	ck_assert_uint_ge(syncs, 1);
	ck_assert_int_eq(store_get_one(store, "m-1", &record, NULL), 0);
	ck_assert_int_eq(store->ops->beat(store, &beat, &answer, NULL), 0);

	syncs = 0;
	for (int i = 0; i < 10; i++) {
		fake_advance(&place.clock, 5000); /* nothing is written for nothing new */
		ck_assert_int_eq(store->ops->beat(store, &beat, &answer, NULL), 0);
	}
	ck_assert_uint_eq(syncs, 0);

	(void)snprintf(beat.boot_id, sizeof(beat.boot_id), "%s", CONTRACT_BOOT);
	fake_advance(&place.clock, 60000);
	ck_assert_int_eq(store->ops->beat(store, &beat, &answer, NULL), 0);
	record = move(store, TRANSITION_READY, &record);
	ck_assert_uint_ge(syncs, 1);
	syncs = 0;
	ck_assert_int_eq(store->ops->item_put(store, &item, NULL, NULL), 0);
	ck_assert_uint_ge(syncs, 1);
	syncs = 0;
	ck_assert_int_eq(store->ops->item_remove(store, "m-1", "event", 0, NULL), 0);
	ck_assert_uint_ge(syncs, 1);
}
END_TEST

/* Claims for ever, and tells each claim that was answered. */
static _Noreturn void claim_until_killed(struct place *place, int to)
{
	_cleanup_(store_closep) struct store *store = place_open(place);
	struct machine record;

	ck_assert_int_eq(store_get_one(store, "m-1", &record, NULL), 0);
	for (;;) {
		_cleanup_item_ struct item item = contract_item("m-1", "notes", 0, "{}");
		struct item current = {};

		item.revision = record.seq;
		if (store->ops->item_put(store, &item, &current, NULL) < 0)
			_exit(1);
		item_done(&current);
		if (record.state == MACHINE_CLAIMED)
			record = move(store, TRANSITION_DRAIN, &record);
		if (record.state == MACHINE_DRAINING)
			record = move(store, TRANSITION_OFFER, &record);
		record = move(store, TRANSITION_CLAIM, &record);
		if (write(to, &record.seq, sizeof(record.seq)) != sizeof(record.seq))
			_exit(2);
	}
}

/* The last claim that was answered before the process died in the middle of its work. */
static uint64_t kill_after(struct place *place, unsigned claims)
{
	uint64_t seq = 0, answered = 0;
	int pipe_fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(pipe_fds[0]);
		claim_until_killed(place, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	for (unsigned i = 0; i < claims; i++)
		ck_assert_int_eq(read(pipe_fds[0], &seq, sizeof(seq)), sizeof(seq));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	/* What it still answered on its way. */
	answered = seq;
	while (read(pipe_fds[0], &seq, sizeof(seq)) == sizeof(seq))
		answered = seq;
	close(pipe_fds[0]);
	return answered;
}

START_TEST(keeps_every_answered_claim_of_a_killed_process)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store = place_open(&place);
	idle(store);
	store_close(take_ptr(store));

	for (unsigned i = 0; i < KILLS; i++) {
		uint64_t answered = kill_after(&place, 1 + mix64(i) % 5);
		_cleanup_item_ struct item item = {};
		struct machine record;

		store = place_open(&place);
		ck_assert_int_eq(store_get_one(store, "m-1", &record, NULL), 0);
		ck_assert_uint_ge(record.seq, answered);
		ck_assert_uint_le(record.seq, answered + 1);
		if (record.state != MACHINE_IDLE)
			ck_assert_str_eq(record.run_key, CONTRACT_RUN);
		ck_assert_int_ge(store->ops->item_get(store, "m-1", "notes", &item, NULL), 0);
		assert_whole(store);
		store_close(take_ptr(store));
	}
}
END_TEST

static void copy(const struct place *from, const char *name, const struct place *to, size_t cut,
		 size_t *ret_size)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_close_ int fd = openat(to->tree->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t size;

	ck_assert_int_eq(read_file_alloc_at(from->tree->fd, name, FILE_MAX, &data, &size), 0);
	*ret_size = size;
	ck_assert_int_eq(write_all(fd, data, size < cut ? size : cut), 0);
}

/* The power goes while the log is being written: what reached the disk is some beginning of it. */
START_TEST(stands_on_a_log_that_ends_anywhere)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	uint64_t before = 0;
	size_t size = 0;
	struct machine record;

	place_init(&place);
	store = place_open(&place);
	record = idle(store);
	store_close(take_ptr(store));
	store = place_open(&place);
	for (int i = 0; i < CLAIMS; i++)
		record = claim_once(store, record);

	for (size_t i = 0; i <= CUTS; i++) {
		_cleanup_(store_closep) struct store *left = NULL;
		_cleanup_place_ struct place ruin;
		size_t ignored;

		place_init(&ruin);
		copy(&place, "paddock.db", &ruin, SIZE_MAX, &ignored);
		copy(&place, "paddock.db-wal", &ruin, size * i / CUTS, &size);
		left = place_open(&ruin);
		assert_whole(left);
		ck_assert_int_eq(store_get_one(left, "m-1", &record, NULL), 0);
		ck_assert_uint_ge(record.seq, before);
		before = record.seq;
		create(left, "m-2");
	}
	ck_assert_uint_eq(before, CLAIMS);
}
END_TEST

TEST_MAIN(syncs_each_change_but_not_each_beat, keeps_every_answered_claim_of_a_killed_process,
	  stands_on_a_log_that_ends_anywhere)
