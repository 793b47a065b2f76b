#include "controller/provision/notes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"

#define NOTES_WRITE_TRIES 4

void notes_done(struct notes *notes)
{
	free(notes->rows);
	*notes = (struct notes){};
}

static bool is_noted(const struct notes *notes, const char *machine, const char *text)
{
	for (size_t i = 0; i < notes->n; i++) {
		if (strcmp(notes->rows[i].machine, machine) == 0 &&
		    strcmp(notes->rows[i].text, text) == 0)
			return true;
	}
	return false;
}

void notes_add(struct notes *notes, const char *machine, uint64_t at_ms, const char *format, ...)
{
	char whole[FAULT_TEXT_MAX], text[NOTE_TEXT_MAX];
	struct note *row;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(whole, sizeof(whole), format, args);
	va_end(args);
	/* One byte that is no UTF-8 would make all of them unreadable. */
	(void)text_shown(whole, text, sizeof(text));

	if (is_noted(notes, machine, text))
		return;
	if (!notes->rows)
		notes->rows = calloc(NOTES_MAX, sizeof(*notes->rows));
	if (!notes->rows || notes->n == NOTES_MAX) {
		notes->dropped++;
		return;
	}

	row = &notes->rows[notes->n++];
	*row = (struct note){ .at_ms = at_ms };
	(void)!str_copy(row->machine, sizeof(row->machine), machine);
	(void)!str_copy(row->text, sizeof(row->text), text);
}

static int note_to_json(const struct note *note, struct json_object *array)
{
	struct json_object *row = json_object_new_object();
	int r;

	if (!row)
		return -ENOMEM;
	r = json_append(array, row);
	if (r == 0)
		r = json_set_text(row, "machine", note->machine);
	if (r == 0)
		r = json_set_text(row, "text", note->text);
	if (r == 0)
		r = json_set_u64(row, "at", note->at_ms);
	return r;
}

static int notes_to_text(const struct notes *notes, char **ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	struct json_object *array = json_object_new_array();
	const char *text;
	int r;

	if (!body) {
		json_object_put(array);
		return -ENOMEM;
	}
	r = json_set(body, "notes", array);
	if (r == 0)
		r = json_set_u64(body, "dropped", notes->dropped);
	for (size_t i = 0; r == 0 && i < notes->n; i++)
		r = note_to_json(&notes->rows[i], array);
	if (r < 0)
		return r;

	text = json_text(body);
	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : -ENOMEM;
}

static int notes_from_text(const char *text, struct notes *ret, struct fault *fault)
{
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *array = NULL;
	uint64_t dropped = 0;
	int r;

	r = json_parse(text, strlen(text), "notes of a run", &body, fault);
	if (r < 0)
		return r;
	r = json_get_array(body, "notes", &array, fault);
	if (r < 0)
		return r;
	r = json_get_u64(body, "dropped", &dropped, fault);
	if (r < 0)
		return r;

	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		struct json_object *row = json_object_array_get_idx(array, i);
		const char *machine = "", *words = "";
		uint64_t at_ms = 0;

		if (!json_object_is_type(row, json_type_object))
			return fault_set(fault, EBADMSG, "notes of a run: row %zu is no object", i);
		r = json_get_text(row, "machine", &machine, fault);
		if (r >= 0)
			r = json_get_text(row, "text", &words, fault);
		if (r >= 0)
			r = json_get_u64(row, "at", &at_ms, fault);
		if (r < 0)
			return r;
		notes_add(ret, machine, at_ms, "%s", words);
	}
	ret->dropped += dropped;
	return 0;
}

int notes_read(const struct controller *controller, const char *run_key, struct notes *ret,
	       struct fault *fault)
{
	_cleanup_item_ struct item item = {};
	int r;

	r = controller->store->ops->item_get(controller->store, run_key, "notes", &item, fault);
	if (r != 0)
		return r;
	return notes_from_text(item.body, ret, fault);
}

static int write_once(const struct controller *controller, const char *run_key,
		      const struct notes *notes, struct fault *fault)
{
	_cleanup_item_ struct item standing = {};
	_cleanup_item_ struct item item = {};
	_cleanup_notes_ struct notes all = {};
	uint64_t now_ms;
	int r;

	r = controller_now(controller, &now_ms, fault);
	if (r < 0)
		return r;
	r = controller->store->ops->item_get(controller->store, run_key, "notes", &standing, fault);
	if (r < 0)
		return r;
	if (r == 0) {
		r = notes_from_text(standing.body, &all, fault);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < notes->n; i++)
		notes_add(&all, notes->rows[i].machine, notes->rows[i].at_ms, "%s",
			  notes->rows[i].text);
	all.dropped += notes->dropped;

	item.revision = standing.revision;
	item.expires_ms = now_ms + RUN_TTL_MS;
	r = str_copy(item.partition, sizeof(item.partition), run_key);
	if (r == 0)
		r = str_copy(item.kind, sizeof(item.kind), "notes");
	if (r == 0)
		r = notes_to_text(&all, &item.body);
	if (r < 0)
		return r;
	return controller->store->ops->item_put(controller->store, &item, NULL, fault);
}

int notes_write(const struct controller *controller, const char *run_key, const struct notes *notes,
		struct fault *fault)
{
	int r = 0;

	if (notes->n == 0 && notes->dropped == 0)
		return 0;
	for (unsigned i = 0; i < NOTES_WRITE_TRIES; i++) {
		r = write_once(controller, run_key, notes, fault);
		if (r != STORE_REFUSED)
			return r;
	}
	return fault_set(fault, EAGAIN, "the notes of run %s keep changing", run_key);
}
