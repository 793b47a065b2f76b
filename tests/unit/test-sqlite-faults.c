/* What becomes of the SQLite store when the world around it goes wrong. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/rivals.h"
#include "tests/unit/sqlite-fixture.h"

#define NOBODY 65534
#define WRITERS 8
#define TURNS 20
#define BUSY_USEC (50 * USEC_PER_MSEC)

static void assert_says(const struct fault *fault, const char *word)
{
	ck_assert_msg(strstr(fault->text, word), "'%s' does not say '%s'", fault->text, word);
	ck_assert_str_ne(fault->cure, "");
}

/* --- removed and replaced -------------------------------------------------------------------- */

static void move(const struct place *place, const char *from, const char *to)
{
	ck_assert_int_eq(renameat(place->tree->fd, from, place->tree->fd, to), 0);
}

/* All that a store can be asked answers the same. */
static void assert_stale(struct place *place, struct store *store)
{
	struct beat beat = { .id = "m-1", .phase = PHASE_READY, .boot_id = "x" };
	struct beat_answer answer;
	struct machine machine;
	struct item item;

	ck_assert_int_eq(try_create(store, "m-2", &place->fault), -ESTALE);
	assert_says(&place->fault, "removed or replaced");
	ck_assert_int_eq(store_get_one(store, "m-1", &machine, NULL), -ESTALE);
	ck_assert_int_eq(store->ops->beat(store, &beat, &answer, NULL), -ESTALE);
	ck_assert_int_eq(store->ops->item_get(store, "m-1", "event", &item, NULL), -ESTALE);
	ck_assert_int_eq(store->ops->purge(store, NULL), -ESTALE);
}

START_TEST(says_that_its_file_was_removed)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	ck_assert_int_eq(unlink(place.path), 0);
	assert_stale(&place, store);
}
END_TEST

START_TEST(says_that_its_file_was_replaced)
{
	_cleanup_(store_closep) struct store *store = NULL, *other = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	move(&place, "paddock.db", "old.db");
	move(&place, "paddock.db-wal", "old.db-wal");
	move(&place, "paddock.db-shm", "old.db-shm");
	other = place_open(&place);
	assert_stale(&place, store);
	create(other, "m-1");

	/* And back: nothing was lost meanwhile. */
	store_close(take_ptr(other));
	move(&place, "old.db", "paddock.db");
	move(&place, "old.db-wal", "paddock.db-wal");
	move(&place, "old.db-shm", "paddock.db-shm");
	ck_assert_int_eq(state_of(store, "m-1"), MACHINE_CREATED);
}
END_TEST

START_TEST(says_that_its_log_was_removed)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	move(&place, "paddock.db-wal", "elsewhere");
	assert_stale(&place, store);
	move(&place, "elsewhere", "paddock.db-wal");
	ck_assert_int_eq(state_of(store, "m-1"), MACHINE_CREATED);
}
END_TEST

/* --- locked ---------------------------------------------------------------------------------- */

/* A process that holds a lock until it is killed. */
static pid_t lock(struct place *place, const char *sql)
{
	int pipe_fds[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		raw_exec(place_raw(place), sql);
		(void)!write(pipe_fds[1], "x", 1);
		for (;;)
			pause();
	}
	/* It may also end without a word. */
	close(pipe_fds[1]);
	ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	return pid;
}

static void unlock(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(says_who_has_locked_it)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	uint64_t before_usec;
	char who[32];
	pid_t pid;

	place_init(&place);
	place.options.busy_usec = BUSY_USEC;
	store = place_open(&place);
	create(store, "m-1");
	pid = lock(&place, "BEGIN IMMEDIATE");
	snprintf(who, sizeof(who), "process %d (test-", (int)pid);

	before_usec = clock_boot_usec(&clock_system);
	ck_assert_int_eq(try_create(store, "m-2", &place.fault), -EAGAIN);
	ck_assert_uint_ge(clock_boot_usec(&clock_system) - before_usec, BUSY_USEC);
	assert_says(&place.fault, who);
	assert_says(&place.fault, "50 ms");
	ck_assert(fault_is_transient(-EAGAIN, &place.fault));
	/* Who only reads does not care. */
	ck_assert_int_eq(state_of(store, "m-1"), MACHINE_CREATED);

	unlock(pid);
	create(store, "m-2");
}
END_TEST

START_TEST(says_that_it_is_locked_where_it_cannot_tell_by_whom)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	static const char *const locks[] = { "/nowhere", "/dev/null", "/proc/self/maps" };

	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		pid_t pid;

		place_init(&place);
		place.options.busy_usec = BUSY_USEC;
		place.options.locks_path = locks[i];
		store = place_open(&place);
		pid = lock(&place, "BEGIN IMMEDIATE");
		ck_assert_int_eq(try_create(store, "m-1", &place.fault), -EAGAIN);
		assert_says(&place.fault, "another process");
		ck_assert_ptr_nonnull(strstr(place.fault.cure, "fuser"));
		unlock(pid);
		store_close(take_ptr(store));
		if (i + 1 < ARRAY_SIZE(locks))
			place_done(&place);
	}
}
END_TEST

START_TEST(does_not_open_while_locked_for_good)
{
	_cleanup_place_ struct place place;
	char who[32];
	pid_t pid;

	place_init(&place);
	store_close(place_open(&place));
	place.options.busy_usec = BUSY_USEC;
	pid = lock(&place, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
	snprintf(who, sizeof(who), "process %d (", (int)pid);
	place_assert_refuses(&place, EAGAIN, who);
	unlock(pid);
	store_close(place_open(&place));
}
END_TEST

static int create_without_a_second_try(size_t index, void *context)
{
	struct place *place = context;
	_cleanup_(store_closep) struct store *store = NULL;

	if (place_try(place, &store) < 0)
		return 1;
	for (int i = 0; i < TURNS; i++) {
		_cleanup_free_ char *id = str_format("m-%zu-%d", index, i);

		if (try_create(store, id, &place->fault) < 0) {
			fprintf(stderr, "# %s\n", place->fault.text);
			return 2;
		}
	}
	return 0;
}

START_TEST(lets_eight_writers_wait_for_their_turn)
{
	_cleanup_place_ struct place place;

	place_init(&place);
	rivals_run(WRITERS, create_without_a_second_try, &place);
}
END_TEST

/* --- no room --------------------------------------------------------------------------------- */

static struct item large_item(size_t number)
{
	static char body[100 * 1024];
	_cleanup_free_ char *name = str_format("m-%zu", number);

	memset(body, 'x', sizeof(body) - 1);
	return contract_item(name, "event", 0, body);
}

/* Puts items until there is no room: everything that was put before stands, nothing else does. */
static void fill_up(struct place *place, struct store *store)
{
	size_t n = 0;
	int r;

	for (;; n++) {
		_cleanup_item_ struct item item = large_item(n);

		r = store->ops->item_put(store, &item, NULL, &place->fault);
		if (r < 0)
			break;
		ck_assert_uint_lt(n, 1000);
	}
	ck_assert_msg(r == -ENOSPC, "%s", place->fault.text);
	assert_says(&place->fault, "no room");

	for (size_t i = 0; i <= n; i++) {
		_cleanup_item_ struct item wanted = large_item(i), item = {};

		r = store->ops->item_get(store, wanted.partition, "event", &item, NULL);
		ck_assert_int_eq(r, i < n ? 0 : STORE_REFUSED);
		if (r == 0)
			ck_assert_str_eq(item.body, wanted.body);
	}
	assert_whole(store);
}

START_TEST(writes_nothing_by_halves_over_the_file_size_limit)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	const struct rlimit limit = { 512 * 1024, RLIM_INFINITY };
	const struct rlimit no_limit = { RLIM_INFINITY, RLIM_INFINITY };

	(void)signal(SIGXFSZ, SIG_IGN);
	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fill_up(&place, store);

	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &no_limit), 0);
	create(store, "m-2");
	store_close(take_ptr(store));
	store = place_open(&place);
	ck_assert_int_eq(state_of(store, "m-1"), MACHINE_CREATED);
	ck_assert_int_eq(state_of(store, "m-2"), MACHINE_CREATED);
}
END_TEST

/* A small file system of our own, in a namespace that ends with this process. False where we may
 * not. */
static bool mount_small(const struct place *place, const char *options)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", place->tree->path, "tmpfs", 0, options) == 0;
}

/* As much as is left. */
static void put_ballast(const struct place *place)
{
	_cleanup_free_ char *path = str_format("%s/ballast", place->tree->path);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char zeros[4096];

	ck_assert_int_ge(fd, 0);
	while (write(fd, zeros, sizeof(zeros)) == sizeof(zeros))
		;
	ck_assert_int_eq(errno, ENOSPC);
}

static void drop_ballast(const struct place *place)
{
	_cleanup_free_ char *path = str_format("%s/ballast", place->tree->path);

	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(writes_nothing_by_halves_on_a_full_disk)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	if (!mount_small(&place, "size=2m"))
		return;
	store = place_open(&place);
	create(store, "m-1");
	fill_up(&place, store);
	ck_assert_int_eq(state_of(store, "m-1"), MACHINE_CREATED);
	ck_assert_int_eq(mount(NULL, place.tree->path, NULL, MS_REMOUNT, "size=4m"), 0);
	ck_assert_int_ge(store->ops->item_remove(store, "m-0", "event", 0, NULL), 0);
	create(store, "m-2");
	assert_whole(store);
	store_close(take_ptr(store));
	(void)umount2(place.tree->path, MNT_DETACH);
}
END_TEST

START_TEST(is_not_made_on_a_full_disk_but_afterwards)
{
	_cleanup_place_ struct place place;

	place_init(&place);
	if (!mount_small(&place, "size=64k"))
		return;
	put_ballast(&place);
	place_assert_refuses(&place, ENOSPC, "no room");
	drop_ballast(&place);
	ck_assert_int_eq(mount(NULL, place.tree->path, NULL, MS_REMOUNT, "size=2m"), 0);
	store_close(place_open(&place));
	(void)umount2(place.tree->path, MNT_DETACH);
}
END_TEST

/* --- not ours to write ----------------------------------------------------------------------- */

START_TEST(says_that_the_file_system_is_read_only)
{
	_cleanup_place_ struct place place;

	place_init(&place);
	if (!mount_small(&place, "size=2m"))
		return;
	ck_assert_int_eq(mount(NULL, place.tree->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	place_assert_refuses(&place, EROFS, place.path);
	ck_assert_int_eq(mount(NULL, place.tree->path, NULL, MS_REMOUNT, NULL), 0);
	store_close(place_open(&place));
	ck_assert_int_eq(mount(NULL, place.tree->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	place_assert_refuses(&place, EROFS, place.path);
	ck_assert_str_ne(place.fault.cure, "");
	(void)umount2(place.tree->path, MNT_DETACH);
}
END_TEST

START_TEST(says_that_it_may_not_write)
{
	static const struct {
		mode_t directory, file;
		const char *word;
	} cases[] = {
		{ 0555, 0000, "paddock.db" }, /* there is no file */
		{ 0755, 0600, "paddock.db" }, /* another's, and secret */
		{ 0755, 0644, "writable" },   /* another's, to be read */
		{ 0755, 0666, "directory" },  /* ours, but no log can be made beside it */
	};
	bool root = geteuid() == 0;

	for (size_t i = root ? 0 : 3; i < ARRAY_SIZE(cases); i++) {
		_cleanup_place_ struct place place;

		place_init(&place);
		if (cases[i].file) {
			store_close(place_open(&place));
			ck_assert_int_eq(chmod(place.path, cases[i].file), 0);
		}
		ck_assert_int_eq(chmod(place.tree->path, root ? cases[i].directory : 0555), 0);
		if (root)
			ck_assert_int_eq(seteuid(NOBODY), 0);
		place_assert_refuses(&place, EACCES, cases[i].word);
		if (root)
			ck_assert_int_eq(seteuid(0), 0);
		ck_assert_int_eq(chmod(place.tree->path, 0755), 0);
	}
}
END_TEST

/* --- damage ---------------------------------------------------------------------------------- */

static int no_machine(_unused_ const struct machine *machine, _unused_ void *context)
{
	return 0;
}

START_TEST(says_that_it_is_damaged)
{
	static const struct machine_filter all = {};
	static const struct {
		off_t at;
		size_t size;
	} cases[] = {
		{ 100, 300 },        /* the root of the schema */
		{ 4096, 4096 },      /* the root of the machines */
		{ 4096, 16 },        /* only its header */
		{ 4096, 10 * 4096 }, /* all of it */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(store_closep) struct store *store = NULL;
		_cleanup_place_ struct place place;
		_cleanup_free_ char *noise = malloc(cases[i].size);
		int fd, r;

		place_init(&place);
		store = place_open(&place);
		create(store, "m-1");
		store_close(take_ptr(store));
		memset(noise, 0x5a, cases[i].size);
		fd = open(place.path, O_WRONLY | O_CLOEXEC);
		ck_assert_int_eq(pwrite(fd, noise, cases[i].size, cases[i].at), cases[i].size);
		close(fd);

		r = place_try(&place, &store);
		if (r == 0)
			r = store->ops->scan(store, &all, no_machine, NULL, &place.fault);
		ck_assert_msg(r == -EBADMSG, "%zu: %d: %s", i, r, place.fault.text);
		assert_says(&place.fault, "damaged");
	}
}
END_TEST

START_TEST(says_that_it_was_cut)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	char text[256];
	int r;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	store_close(take_ptr(store));
	ck_assert_int_eq(truncate(place.path, 8192), 0);
	r = place_try(&place, &store);
	if (r == 0)
		r = store->ops->describe(store, text, sizeof(text), &place.fault);
	ck_assert_msg(r == -EBADMSG, "%d: %s", r, place.fault.text);
	ck_assert_ptr_nonnull(strstr(place.fault.text, "damaged"));
}
END_TEST

START_TEST(says_which_record_makes_no_sense)
{
	static const struct {
		const char *sql;
		const char *word;
	} cases[] = {
		{ "UPDATE machine SET state = 'flying'", "state" },
		{ "UPDATE machine SET seq = 'seven'", "seq" },
		{ "UPDATE machine SET phase = ''", "phase" },
		{ "UPDATE machine SET zone = printf('%.*c', 500, 'z')", "zone" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(store_closep) struct store *store = NULL;
		_cleanup_place_ struct place place;
		struct machine machine;

		place_init(&place);
		store = place_open(&place);
		create(store, "m-1");
		place_exec(&place, cases[i].sql);
		ck_assert_int_eq(store_get_one(store, "m-1", &machine, &place.fault), -EBADMSG);
		assert_says(&place.fault, "m-1");
		assert_says(&place.fault, cases[i].word);
	}
}
END_TEST

/* --- used wrongly ---------------------------------------------------------------------------- */

START_TEST(serves_no_child_of_its_opener)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	int status, fd;
	pid_t pid;

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	ck_assert_int_eq(store_watch(store, "m-1", &fd, NULL), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int r = try_create(store, "m-2", NULL);

		store_close(store);
		_exit(r == -ECHILD ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(faccessat(place.tree->fd, "paddock.db-wal", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(place.tree->fd, "paddock.db.bell/m-1", F_OK, 0), 0);
	create(store, "m-3");
	ck_assert_int_eq(state_of(store, "m-2"), MACHINE_NONE);
	assert_whole(store);
}
END_TEST

static int call_back(const struct machine *machine, void *context)
{
	struct machine again;

	return store_get_one(context, machine->id, &again, NULL);
}

START_TEST(is_not_called_from_its_own_scan)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	const struct machine_filter all = {};

	place_init(&place);
	store = place_open(&place);
	create(store, "m-1");
	ck_assert_int_eq(store->ops->scan(store, &all, call_back, store, NULL), -EDEADLK);
	create(store, "m-2");
}
END_TEST

TEST_MAIN(says_that_its_file_was_removed, says_that_its_file_was_replaced,
	  says_that_its_log_was_removed, says_who_has_locked_it,
	  says_that_it_is_locked_where_it_cannot_tell_by_whom, does_not_open_while_locked_for_good,
	  lets_eight_writers_wait_for_their_turn, writes_nothing_by_halves_over_the_file_size_limit,
	  writes_nothing_by_halves_on_a_full_disk, is_not_made_on_a_full_disk_but_afterwards,
	  says_that_the_file_system_is_read_only, says_that_it_may_not_write,
	  says_that_it_is_damaged, says_that_it_was_cut, says_which_record_makes_no_sense,
	  serves_no_child_of_its_opener, is_not_called_from_its_own_scan)
