/* /proc/locks, which tells who holds the store: "DB" and "SHM" in it stand for the store's files.
 */

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/store/sqlite.h"
#include "common/store/store-sqlite.h"
#include "tests/fuzz/fuzz.h"

static char db_path[4096], shm_path[4096], locks_path[4096];

static struct store *open_once(void)
{
	static struct store *store;
	const struct sqlite_options options = {
		.path = db_path,
		.create = true,
		.clock = &clock_system,
		.locks_path = locks_path,
	};

	if (store)
		return store;
	(void)snprintf(db_path, sizeof(db_path), "%s/locks.db", fuzz_dir());
	(void)snprintf(shm_path, sizeof(shm_path), "%s/locks.db-shm", fuzz_dir());
	(void)snprintf(locks_path, sizeof(locks_path), "%s/locks", fuzz_dir());
	FUZZ_CHECK(store_sqlite_open(&options, &store, NULL) == 0);
	return store;
}

static void add_file(struct buf *text, const char *path)
{
	struct stat st;

	FUZZ_CHECK(stat(path, &st) == 0);
	FUZZ_CHECK(buf_printf(text, "%02x:%02x:%lu", major(st.st_dev), minor(st.st_dev),
			      (unsigned long)st.st_ino) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store *store = open_once();
	_cleanup_buf_ struct buf text;
	char holder[64] = "";

	buf_init(&text, (size_t)1024 * 1024);
	for (size_t i = 0; i < size; i++) {
		if (size - i >= 2 && memcmp(data + i, "DB", 2) == 0) {
			add_file(&text, db_path);
			i += 1;
		} else if (size - i >= 3 && memcmp(data + i, "SHM", 3) == 0) {
			add_file(&text, shm_path);
			i += 2;
		} else if (buf_add(&text, data + i, 1) < 0) {
			return 0;
		}
	}
	fuzz_write_file("locks", text.data ? text.data : "", text.size);
	if (sqlite_lock_holder(sqlite_store_of(store), holder, sizeof(holder)))
		FUZZ_CHECK_TEXT(strncmp(holder, "process ", strlen("process ")) == 0, holder);
	fuzz_check_harmless(holder);
	return 0;
}
