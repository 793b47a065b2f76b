/* What became of the things in AWS. */

#include <errno.h>
#include <stdio.h>

#include "controller/verbs/report.h"

int things_exit_code(const struct converge *converge)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < converge->n; i++) {
		const struct thing_row *row = &converge->rows[i];

		if (row->verdict != THING_FAILED)
			continue;
		/* What the user has to change before anything else can help. */
		if (row->error == -EINVAL)
			return EXIT_USAGE;
		if (!fault_is_transient(row->error, &row->fault))
			code = EXIT_FAILED;
		else if (code == EXIT_OK)
			code = EXIT_AGAIN;
	}
	return code;
}

static const char *why(const struct thing_row *row)
{
	return row->verdict == THING_FAILED ? fault_text(&row->fault, row->error) : row->why;
}

int things_json(const struct converge *converge, struct json_object *body)
{
	struct json_object *array = json_object_new_array();
	int r = json_set(body, "things", array);

	for (size_t i = 0; r == 0 && i < converge->n; i++) {
		const struct thing_row *row = &converge->rows[i];
		struct json_object *object = json_object_new_object();

		r = json_append(array, object);
		if (r == 0)
			r = json_set_text(object, "thing", row->thing);
		if (r == 0)
			r = json_set_text(object, "name", row->name);
		if (r == 0)
			r = json_set_text(object, "verdict", thing_verdict_names[row->verdict]);
		if (r == 0)
			r = json_set_text(object, "why", why(row));
		if (r == 0 && row->fault.cure[0])
			r = json_set_text(object, "cure", row->fault.cure);
	}
	return r;
}

void report_failed_things(const struct converge *converge)
{
	for (size_t i = 0; i < converge->n; i++) {
		const struct thing_row *row = &converge->rows[i];

		if (row->verdict != THING_FAILED)
			continue;
		fprintf(stderr, "paddock: %s %s: %s\n", row->thing, row->name, why(row));
		if (row->fault.cure[0])
			fprintf(stderr, "  try: %s\n", row->fault.cure);
	}
}

int report_things(const struct converge *converge)
{
	static const struct table_column columns[] = {
		{ "THING", TABLE_LEFT },
		{ "NAME", TABLE_LEFT },
		{ "VERDICT", TABLE_LEFT },
		{ "WHY", TABLE_LEFT },
	};
	_cleanup_(table_freep) struct table *table = NULL;
	int r = table_new(columns, ARRAY_SIZE(columns), &table);

	for (size_t i = 0; r == 0 && i < converge->n; i++) {
		const struct thing_row *row = &converge->rows[i];

		r = table_row(table, row->thing, row->name, thing_verdict_names[row->verdict],
			      row->verdict == THING_FAILED ? "see below" : row->why);
	}
	if (r == 0)
		r = table_print(table, stdout, terminal_width(stdout));
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		return program_fail(r, NULL);
	report_failed_things(converge);
	return things_exit_code(converge);
}
