#include "common/base/text.h"
#include "controller/provision/notes.h"
#include "tests/unit/sqlite-fixture.h"

#define RUN "run-1-a"

struct desk {
	struct place place;
	struct store *store;
	struct controller controller;
	struct fault fault;
};

static void desk_init(struct desk *desk)
{
	place_init(&desk->place);
	desk->store = place_open(&desk->place);
	desk->fault = (struct fault){};
	desk->controller = (struct controller){
		.clock = &desk->place.clock.clock,
		.store = desk->store,
	};
}

static void desk_done(struct desk *desk)
{
	store_close(desk->store);
	place_done(&desk->place);
}
#define _cleanup_desk_ _cleanup_(desk_done)

static void write_one(struct desk *desk, const char *machine, const char *text)
{
	_cleanup_notes_ struct notes notes = {};
	int r;

	notes_add(&notes, machine, 5, "%s", text);
	r = notes_write(&desk->controller, RUN, &notes, &desk->fault);
	ck_assert_msg(r == 0, "%s", desk->fault.text);
}

static void read_all(struct desk *desk, struct notes *ret)
{
	int r = notes_read(&desk->controller, RUN, ret, &desk->fault);

	ck_assert_msg(r == 0, "%s", desk->fault.text);
}

START_TEST(adds_to_what_is_there_each_note_once)
{
	_cleanup_notes_ struct notes notes = {};
	_cleanup_desk_ struct desk desk = {};

	desk_init(&desk);
	ck_assert_int_eq(notes_read(&desk.controller, RUN, &notes, &desk.fault), STORE_REFUSED);
	write_one(&desk, "m-1", "it is not idle");
	write_one(&desk, "m-1", "it is not idle");
	write_one(&desk, "m-2", "it is not idle");
	read_all(&desk, &notes);
	ck_assert_uint_eq(notes.n, 2);
	ck_assert_str_eq(notes.rows[0].machine, "m-1");
	ck_assert_str_eq(notes.rows[1].text, "it is not idle");
	ck_assert_uint_eq(notes.rows[1].at_ms, 5);
}
END_TEST

/* A path in an error may hold anything, and may be cut anywhere. */
START_TEST(can_be_read_whatever_was_noted)
{
	_cleanup_notes_ struct notes notes = {};
	_cleanup_desk_ struct desk desk = {};
	char text[NOTE_TEXT_MAX * 2];

	desk_init(&desk);
	write_one(&desk, "", "cannot make /srv/\xff/x\033[2J");
	for (size_t odd = 0; odd < 2; odd++) {
		memset(text, 'x', odd + 1);
		for (size_t i = odd; i + 3 < sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xa4", 3);
		write_one(&desk, "", text);
	}
	write_one(&desk, "", "the last one");

	read_all(&desk, &notes);
	ck_assert_uint_eq(notes.n, 4);
	ck_assert_str_eq(notes.rows[0].text, "cannot make /srv/?/x?[2J");
	for (size_t i = 0; i < notes.n; i++)
		ck_assert(text_is_printable(notes.rows[i].text));
}
END_TEST

START_TEST(counts_what_it_has_no_room_for)
{
	_cleanup_notes_ struct notes notes = {};

	for (unsigned i = 0; i < NOTES_MAX + 3; i++)
		notes_add(&notes, "m-1", 1, "%u", i);
	ck_assert_uint_eq(notes.n, NOTES_MAX);
	ck_assert_uint_eq(notes.dropped, 3);
}
END_TEST

TEST_MAIN(adds_to_what_is_there_each_note_once, can_be_read_whatever_was_noted,
	  counts_what_it_has_no_room_for)
