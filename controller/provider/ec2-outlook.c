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

static void add_price(struct outlook *outlook, const struct ec2_prospect *prospect)
{
	const struct ec2_choice *choice = &prospect->choice;
	char low_text[EC2_PRICE_TEXT_MAX], high_text[EC2_PRICE_TEXT_MAX], all[EC2_PRICE_TEXT_MAX];
	uint64_t low = UINT64_MAX, high = 0, micros;

	for (size_t i = 0; i < choice->n; i++) {
		if (ec2_prices_lookup(&prospect->catalog->prices, choice->pools[i].type,
				      choice->spot, &micros) < 0)
			continue;
		low = micros < low ? micros : low;
		high = micros > high ? micros : high;
	}
	if (high == 0)
		return;
	add_line(outlook, "price", "%s to %s dollars an hour each; %zu at most %s",
		 ec2_price_text(low, low_text, sizeof(low_text)),
		 ec2_price_text(high, high_text, sizeof(high_text)), prospect->count,
		 ec2_price_text(high * prospect->count, all, sizeof(all)));
}

static const char *where(const struct ec2_shortage *row)
{
	return row->zone[0] ? row->zone : row->subnet[0] ? row->subnet : "all zones";
}

static void add_shortages(struct outlook *outlook, const struct ec2_capacity *capacity,
			  uint64_t now_ms)
{
	for (size_t i = 0; i < capacity->n; i++) {
		const struct ec2_shortage *row = &capacity->rows[i];
		const char *usage = row->any_usage ? "any" : row->spot ? "spot" : "on-demand";

		if (row->until_ms > now_ms)
			add_line(outlook, "short", "%s of %s in %s, for another %llu s", usage,
				 row->type[0] ? row->type : "all types", where(row),
				 (unsigned long long)(row->until_ms - now_ms) / MSEC_PER_SEC);
	}
}

static bool is_told(const struct ec2_choice *choice, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(choice->pools[i].type, choice->pools[at].type) == 0)
			return true;
	}
	return false;
}

/* "c6i.large, m6i.large and 4 more" */
static void add_types(struct outlook *outlook, const struct ec2_choice *choice)
{
	char text[sizeof(outlook->rows[0].text)] = "";
	size_t told = 0, more = 0, at = 0;
	int n;

	for (size_t i = 0; i < choice->n; i++) {
		if (is_told(choice, i))
			continue;
		if (told == TYPES_TOLD_MAX) {
			more++;
			continue;
		}
		n = snprintf(text + at, sizeof(text) - at, "%s%s", told > 0 ? ", " : "",
			     choice->pools[i].type);
		at += n > 0 && (size_t)n < sizeof(text) - at ? (size_t)n : 0;
		told++;
	}
	if (more > 0)
		(void)snprintf(text + at, sizeof(text) - at, " and %zu more", more);
	add_line(outlook, "types", "%s", text);
}

void ec2_outlook_fill(const struct ec2_prospect *prospect, struct outlook *ret)
{
	const struct ec2_catalog_cache *catalog = prospect->catalog;
	char text[EC2_CHOICE_TEXT_MAX];

	add_line(ret, "template", "%s (%s) version %s%s%s", catalog->name, catalog->template_id,
		 catalog->template_version, prospect->ami_id ? ", image " : "",
		 prospect->ami_id ?: "");
	if (prospect->refusal) {
		add_line(ret, "from", "nothing: %s", prospect->refusal);
	} else {
		add_line(ret, "from", "%s", ec2_choice_text(&prospect->choice, text, sizeof(text)));
		add_types(ret, &prospect->choice);
		add_price(ret, prospect);
	}
	add_shortages(ret, prospect->capacity, prospect->now_ms);
}
