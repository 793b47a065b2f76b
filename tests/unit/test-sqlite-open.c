/* What the SQLite store does with what it finds at its path. */

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/rivals.h"
#include "tests/unit/sqlite-fixture.h"

#define OPENERS 20
#define ROUNDS 3

START_TEST(wants_an_absolute_path)
{
	static const struct {
		const char *address;
		const char *word;
	} cases[] = {
		{ "sqlite:paddock.db", "absolute" }, { "sqlite:", "absolute" },
		{ "sqlite::memory:", "absolute" },   { "/var/lib/paddock.db", "kind of store" },
		{ "mysql:/x", "kind of store" },     { "", "kind of store" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store *store = NULL;
		struct fault fault = {};

		ck_assert_int_eq(store_open(cases[i].address, true, &clock_system, &store, &fault),
				 -EINVAL);
		ck_assert_ptr_nonnull(strstr(fault.text, cases[i].word));
	}
}
END_TEST

START_TEST(refuses_a_path_that_sqlite_could_not_hold)
{
	_cleanup_place_ struct place place;
	char path[600];

	place_init(&place);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	place.options.path = path;
	place_assert_refuses(&place, EINVAL, "longer");
}
END_TEST

START_TEST(is_missing_until_it_may_be_made)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	place.options.create = false;
	place_assert_refuses(&place, ENOENT, place.path);
	ck_assert_str_ne(place.fault.cure, "");
	ck_assert_int_eq(access(place.path, F_OK), -1);

	place.options.create = true;
	store_close(place_open(&place));
	place.options.create = false;
	store = place_open(&place);
}
END_TEST

START_TEST(is_missing_while_it_is_empty)
{
	_cleanup_place_ struct place place;

	place_init(&place);
	tree_write(place.tree, "paddock.db", "");
	place.options.create = false;
	place_assert_refuses(&place, ENOENT, "empty");
	place.options.create = true;
	store_close(place_open(&place));
}
END_TEST

START_TEST(says_that_the_directory_is_missing)
{
	_cleanup_place_ struct place place;
	_cleanup_free_ char *path = NULL;

	place_init(&place);
	path = str_format("%s/nowhere/paddock.db", place.tree->path);
	place.options.path = path;
	place_assert_refuses(&place, ENOENT, "nowhere");
	ck_assert_ptr_nonnull(strstr(place.fault.cure, "must exist"));
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
	_cleanup_place_ struct place place;
	_cleanup_free_ char *fifo = NULL;

	place_init(&place);
	fifo = str_format("%s/fifo", place.tree->path);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	place.options.path = fifo;
	place_assert_refuses(&place, EMEDIUMTYPE, "regular");
	place.options.path = place.tree->path;
	place_assert_refuses(&place, EISDIR, "directory");
	place.options.path = "/dev/null/paddock.db";
	place_assert_refuses(&place, ENOTDIR, "/dev/null");
}
END_TEST

/* Whatever a file is that is not ours, it stays as it was. */
static void assert_left_alone(const char *text, size_t size)
{
	_cleanup_place_ struct place place;
	_cleanup_close_ int fd = -1;
	char after[8192];

	place_init(&place);
	fd = open(place.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, text, size), 0);
	place_assert_refuses(&place, EBADMSG, "not an SQLite database");
	ck_assert_int_eq(pread(fd, after, sizeof(after), 0), size);
	ck_assert_mem_eq(after, text, size);
}

START_TEST(leaves_files_that_are_no_database_alone)
{
	char noise[5000], zeros[4096] = {};

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 37 + 1);
	assert_left_alone("x", 1);
	assert_left_alone("[paddock]\nstore = sqlite:/x\n", 27);
	assert_left_alone(noise, sizeof(noise));
	assert_left_alone(zeros, sizeof(zeros));
}
END_TEST

START_TEST(refuses_databases_of_others)
{
	static const struct {
		const char *sql;
		int error;
		const char *word;
	} cases[] = {
		{ "CREATE TABLE photos (name TEXT)", EMEDIUMTYPE, "another program" },
		{ "PRAGMA application_id = 12345", EMEDIUMTYPE, "another program" },
		{ "PRAGMA user_version = 7", EMEDIUMTYPE, "another program" },
		{ "PRAGMA application_id = 0x5064646b; PRAGMA user_version = 2", EPROTONOSUPPORT,
		  "schema 2" },
		{ "PRAGMA application_id = 0x5064646b; PRAGMA user_version = -1", EPROTONOSUPPORT,
		  "schema -1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_place_ struct place place;

		place_init(&place);
		place_exec(&place, cases[i].sql);
		place_assert_refuses(&place, cases[i].error, cases[i].word);
		ck_assert_str_ne(place.fault.cure, "");
		/* Not even its journal mode is touched. */
		place_exec(&place, "BEGIN EXCLUSIVE; COMMIT");
	}
}
END_TEST

START_TEST(says_which_table_is_wrong)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	store_close(place_open(&place));
	place_exec(&place, "ALTER TABLE machine RENAME COLUMN zone TO region");
	store = place_open(&place);
	ck_assert_int_eq(try_create(store, "m-1", &place.fault), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(place.fault.text, "zone"));
}
END_TEST

START_TEST(finishes_what_a_killed_creator_began)
{
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;

	place_init(&place);
	place_exec(&place, "PRAGMA journal_mode = WAL");
	place.options.create = false;
	place_assert_refuses(&place, ENOENT, "empty");
	place.options.create = true;
	store = place_open(&place);
	create(store, "m-1");
}
END_TEST

START_TEST(is_for_its_owner_only)
{
	static const char *const names[] = { "paddock.db", "paddock.db-wal", "paddock.db-shm" };
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_place_ struct place place;
	struct stat st;

	umask(0);
	place_init(&place);
	store = place_open(&place);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_int_eq(fstatat(place.tree->fd, names[i], &st, 0), 0);
		ck_assert_int_eq(st.st_mode & 07777, 0600);
	}
}
END_TEST

START_TEST(leaves_one_file_when_all_have_closed)
{
	_cleanup_place_ struct place place;

	place_init(&place);
	store_close(place_open(&place));
	ck_assert_int_eq(faccessat(place.tree->fd, "paddock.db-wal", F_OK, 0), -1);
	ck_assert_int_eq(faccessat(place.tree->fd, "paddock.db-shm", F_OK, 0), -1);
}
END_TEST

START_TEST(is_one_store_by_all_its_names)
{
	_cleanup_(store_closep) struct store *store = NULL, *by_link = NULL;
	_cleanup_place_ struct place place;
	_cleanup_free_ char *link = NULL;
	int fd;

	place_init(&place);
	store = place_open(&place);
	link = str_format("%s/link", place.tree->path);
	ck_assert_int_eq(symlink("paddock.db", link), 0);
	place.options.path = link;
	by_link = place_open(&place);
	ck_assert_int_eq(store_watch(by_link, "m-1", &fd, NULL), 0);
	create(by_link, "m-1");
	ck_assert_int_eq(state_of(store, "m-1"), MACHINE_CREATED);
	ck_assert_int_eq(faccessat(place.tree->fd, "paddock.db.bell/m-1", F_OK, 0), 0);
}
END_TEST

static int open_and_create(size_t index, void *context)
{
	struct place *place = context;
	_cleanup_(store_closep) struct store *store = NULL;
	_cleanup_free_ char *id = str_format("m-%zu", index);

	if (place_try(place, &store) < 0) {
		fprintf(stderr, "# %s\n", place->fault.text);
		return 1;
	}
	return try_create(store, id, NULL) == 0 ? 0 : 2;
}

static int count_machine(_unused_ const struct machine *machine, void *context)
{
	++*(size_t *)context;
	return 0;
}

START_TEST(is_made_once_by_twenty_at_once)
{
	for (size_t round = 0; round < ROUNDS; round++) {
		_cleanup_(store_closep) struct store *store = NULL;
		_cleanup_place_ struct place place;
		const struct machine_filter all = {};
		size_t n = 0;

		place_init(&place);
		rivals_run(OPENERS, open_and_create, &place);
		store = place_open(&place);
		ck_assert_int_eq(store->ops->scan(store, &all, count_machine, &n, NULL), 0);
		ck_assert_uint_eq(n, OPENERS);
		assert_whole(store);
	}
}
END_TEST

TEST_MAIN(wants_an_absolute_path, refuses_a_path_that_sqlite_could_not_hold,
	  is_missing_until_it_may_be_made, is_missing_while_it_is_empty,
	  says_that_the_directory_is_missing, refuses_what_is_no_file,
	  leaves_files_that_are_no_database_alone, refuses_databases_of_others,
	  says_which_table_is_wrong, finishes_what_a_killed_creator_began, is_for_its_owner_only,
	  leaves_one_file_when_all_have_closed, is_one_store_by_all_its_names,
	  is_made_once_by_twenty_at_once)
