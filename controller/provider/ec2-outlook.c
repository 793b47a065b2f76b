#include "controller/provider/ec2-outlook.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"

#define TYPES_TOLD_MAX 6

static void add_line(struct outlook *outlook, const char *what, const char *format, ...)
	_printf_(3, 4);

static void add_line(struct outlook *outlook, const char *what, const char *format, ...)
{
	va_list args;

	if (outlook->n == OUTLOOK_MAX)
		return;
	(void)!str_copy(outlook->rows[outlook->n].what, sizeof(outlook->rows[0].what), what);
	va_start(args, format);
	(void)vsnprintf(outlook->rows[outlook->n].text, sizeof(outlook->rows[0].text), format,
			args);
	va_end(args);
	outlook->n++;
}

static void add_price(struct outlook *outlook, const struct ec2_choice *choice, size_t count)
{
	char low[EC2_PRICE_TEXT_MAX], high[EC2_PRICE_TEXT_MAX], all[EC2_PRICE_TEXT_MAX];

	if (choice->dearest_micros == 0)
		return;
	add_line(outlook, "price", "%s to %s dollars an hour each; all of them at most %s",
		 ec2_price_text(choice->cheapest_micros, low, sizeof(low)),
		 ec2_price_text(choice->dearest_micros, high, sizeof(high)),
		 ec2_price_text(choice->dearest_micros * count, all, sizeof(all)));
}

static void add_shortages(struct outlook *outlook, const struct ec2_capacity *capacity,
			  uint64_t now_ms)
{
	for (size_t i = 0; i < capacity->n; i++) {
		const struct ec2_shortage *row = &capacity->rows[i];

		if (row->until_ms <= now_ms)
			continue;
		add_line(outlook, "short", "%s of %s in %s, for another %llu s (%s)",
			 row->spot ? "spot" : "on-demand", row->type[0] ? row->type : "all types",
			 row->place[0] ? row->place : "all zones",
			 (unsigned long long)(row->until_ms - now_ms) / MSEC_PER_SEC, row->code);
	}
}

/* "c6i.large, m6i.large and 4 more" */
static void add_types(struct outlook *outlook, const struct ec2_choice *choice)
{
	char text[sizeof(outlook->rows[0].text)] = "";
	size_t told = 0, at = 0;

	for (size_t i = 0; i < choice->n && told < TYPES_TOLD_MAX; i++) {
		int n;

		if (i > 0 && strcmp(choice->pools[i].type, choice->pools[i - 1].type) == 0)
			continue;
		n = snprintf(text + at, sizeof(text) - at, "%s%s", told > 0 ? ", " : "",
			     choice->pools[i].type);
		if (n < 0 || (size_t)n >= sizeof(text) - at)
			break;
		at += (size_t)n;
		told++;
	}
	if (told < choice->n_types)
		(void)snprintf(text + at, sizeof(text) - at, " and %zu more",
			       choice->n_types - told);
	add_line(outlook, "types", "%s", text);
}

void ec2_outlook_fill(const struct ec2_prospect *prospect, struct outlook *ret)
{
	const struct ec2_catalog_cache *catalog = prospect->catalog;
	char text[128];

	add_line(ret, "template", "%s (%s) version %s%s%s", catalog->name, catalog->template_id,
		 catalog->template_version, prospect->ami_id ? ", image " : "",
		 prospect->ami_id ?: "");
	if (prospect->refusal) {
		add_line(ret, "from", "nothing: %s", prospect->refusal);
	} else {
		ec2_choice_text(&prospect->choice, text, sizeof(text));
		add_line(ret, "from", "%s", text);
		add_types(ret, &prospect->choice);
		add_price(ret, &prospect->choice, prospect->count);
	}
	add_shortages(ret, prospect->capacity, prospect->now_ms);
}
