/* What provision noted beside a run. The first line is a new note, the rest the stored body. */

#include <errno.h>
#include <string.h>

#include "controller/provision/notes.h"
#include "tests/fuzz/kit-store.h"
#include "tests/fuzz/fuzz.h"

/* What was noted once can be added to and read ever after. */
static void check_write(const struct controller *controller, const struct notes *before,
			const char *line)
{
	_cleanup_notes_ struct notes more = {}, after = {};
	struct fault fault = {};
	int r;

	notes_add(&more, "m-1", 1, "%s", line);
	r = notes_write(controller, "run-1-a", &more, &fault);
	FUZZ_CHECK_TEXT(r == 0, fault.text);
	r = notes_read(controller, "run-1-a", &after, &fault);
	FUZZ_CHECK_TEXT(r == 0, fault.text);
	FUZZ_CHECK(after.n >= before->n && after.n <= NOTES_MAX);
	for (size_t i = 0; i < before->n; i++)
		FUZZ_CHECK_TEXT(strcmp(after.rows[i].text, before->rows[i].text) == 0,
				after.rows[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	_cleanup_free_ char *line = fuzz_take_line(&input);
	_cleanup_fuzz_store_ struct fuzz_store store;
	const struct controller controller = { .clock = &clock_system, .store = &store.store };
	_cleanup_notes_ struct notes notes = {};
	struct fault fault = {};
	int r;

	fuzz_store_init(&store);
	if (input.size > 0)
		fuzz_store_put(&store, "notes", fuzz_take_text(&input));
	r = notes_read(&controller, "run-1-a", &notes, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(fault.text[0]);
		return 0;
	}
	FUZZ_CHECK(notes.n <= NOTES_MAX);
	check_write(&controller, &notes, line);
	return 0;
}
