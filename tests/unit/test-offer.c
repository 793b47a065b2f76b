#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/domain/offer.h"
#include "tests/test.h"

#define TEXT                                                                                    \
	"{\"id\":\"i-1\",\"resourceClass\":\"large\",\"instanceType\":\"m7i.large\",\"cpu\":2," \
	"\"mmem\":4096,\"usageClass\":\"spot\",\"threshold\":\"2026-11-24T10:00:00.123Z\","     \
	"\"seq\":7}"

static const struct machine idle = {
	.id = "i-1",
	.state = MACHINE_IDLE,
	.seq = 7,
	.threshold_ms = 1795514400123,
	.class_name = "large",
	.type = "m7i.large",
	.cpu = 2,
	.memory_mib = 4096,
	.usage = USAGE_SPOT,
};

START_TEST(says_of_a_machine_what_its_readers_know)
{
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, OFFER_TEXT_MAX);
	ck_assert_int_eq(offer_to_text(&idle, &buf), 0);
	ck_assert_str_eq(buf.data, TEXT);
}
END_TEST

START_TEST(reads_what_it_says)
{
	struct machine machine = {};

	ck_assert_int_eq(offer_from_text(TEXT, strlen(TEXT), &machine, NULL), 0);
	ck_assert_mem_eq(&machine, &idle, sizeof(idle));
}
END_TEST

START_TEST(reads_whole_seconds_and_passes_over_what_it_does_not_know)
{
	static const char text[] =
		"{\"id\":\"i-1\",\"resourceClass\":\"large\",\"instanceType\":\"m7i.large\","
		"\"cpu\":2,\"mmem\":4096,\"usageClass\":\"on-demand\",\"seq\":0,"
		"\"threshold\":\"2026-11-24T10:00:00Z\",\"later\":[]}";
	struct machine machine = {};

	ck_assert_int_eq(offer_from_text(text, strlen(text), &machine, NULL), 0);
	ck_assert_uint_eq(machine.threshold_ms, 1795514400000);
	ck_assert_int_eq(machine.usage, USAGE_ON_DEMAND);
}
END_TEST

START_TEST(calls_poison_by_its_name)
{
	static const struct {
		const char *from, *to; /* one piece of the text, replaced */
		const char *words;
	} cases[] = {
		{ "{", "", "offer: " },
		{ TEXT, "[]", "offer: not a JSON object" },
		{ "\"i-1\"", "\"../x\"", "offer: '../x' is no machine's id" },
		{ "\"i-1\"", "7", "offer: key 'id': expected string" },
		{ "\"id\"", "\"instanceId\"", "offer: no id" },
		{ "\"large\"", "\"\"", "offer: no resourceClass" },
		{ "m7i.large", "a-type-with-a-name-that-is-much-too-long",
		  "offer: instanceType is longer than 31 bytes" },
		{ "\"spot\"", "\"cheap\"", "offer: usageClass has no value 'cheap'" },
		{ "2026-11-24T", "2026-11-24 ", "offer: threshold '2026-11-24 10:00:00.123Z'" },
		{ "\"mmem\":4096", "\"mmem\":\"4 GB\"", "offer: key 'mmem'" },
		{ ",\"seq\":7", "", "offer: no seq" },
		{ "\"seq\":7", "\"seq\":-7", "offer: key 'seq': -7 is negative" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *at = strstr(TEXT, cases[i].from);
		struct machine machine = {};
		struct fault fault = {};
		char text[1024];

		ck_assert_ptr_nonnull(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - TEXT), TEXT, cases[i].to,
			       at + strlen(cases[i].from));
		ck_assert_int_eq(offer_from_text(text, strlen(text), &machine, &fault), -EBADMSG);
		ck_assert_msg(strstr(fault.text, cases[i].words) == fault.text, "case %zu: %s", i,
			      fault.text);
		ck_assert_str_eq(machine.id, "");
	}
}
END_TEST

START_TEST(reads_no_text_longer_than_an_offer)
{
	char text[OFFER_TEXT_MAX + 2];
	struct machine machine = {};
	struct fault fault = {};

	(void)snprintf(text, sizeof(text), "%-*s", OFFER_TEXT_MAX + 1, TEXT);
	ck_assert_int_eq(offer_from_text(text, OFFER_TEXT_MAX, &machine, &fault), 0);
	ck_assert_int_eq(offer_from_text(text, OFFER_TEXT_MAX + 1, &machine, &fault), -EBADMSG);
}
END_TEST

START_TEST(offers_nothing_that_nobody_could_read)
{
	struct machine machine = idle;
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, OFFER_TEXT_MAX);
	machine.threshold_ms = 0;
	ck_assert_int_eq(offer_to_text(&machine, &buf), -EINVAL);
	machine = idle;
	machine.class_name[0] = '\0';
	ck_assert_int_eq(offer_to_text(&machine, &buf), -EINVAL);
	machine = idle;
	machine.usage = _USAGE_MAX;
	ck_assert_int_eq(offer_to_text(&machine, &buf), -EINVAL);
	ck_assert_uint_eq(buf.size, 0);
}
END_TEST

TEST_MAIN(says_of_a_machine_what_its_readers_know, reads_what_it_says,
	  reads_whole_seconds_and_passes_over_what_it_does_not_know, calls_poison_by_its_name,
	  reads_no_text_longer_than_an_offer, offers_nothing_that_nobody_could_read)
