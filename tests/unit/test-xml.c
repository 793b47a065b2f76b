#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/net/xml.h"
#include "tests/test.h"

/* What a reader was shown, as "path=text;". */
static int keep(const char *path, const char *text, void *context, _unused_ struct fault *fault)
{
	return buf_printf(context, "%s=%s;", path, text);
}

static int count(_unused_ const char *path, _unused_ const char *text, void *context,
		 _unused_ struct fault *fault)
{
	size_t *n = context;

	(*n)++;
	return 0;
}

static int read_text(const char *text, struct buf *shown, struct fault *fault)
{
	buf_init(shown, 65536);
	return xml_read(text, strlen(text), "answer", keep, shown, fault);
}

START_TEST(shows_each_element_with_its_path_and_its_text)
{
	_cleanup_buf_ struct buf shown = {};
	struct fault fault = {};

	ck_assert_int_eq(read_text("<?xml version=\"1.0\"?>\n"
				   "<A xmlns=\"http://x/\">\n <b c=\"1\">one</b>\n <d><e>&lt;2&gt;"
				   "</e><e/></d> tail\n</A>\n",
				   &shown, &fault),
			 0);
	ck_assert_str_eq(buf_text(&shown), "A/b=one;A/d/e=<2>;A/d/e=;A/d=;A=;");
}
END_TEST

START_TEST(reads_the_same_however_it_is_cut)
{
	static const char text[] = "<A><b>caf\xc3\xa9 &amp; more</b><c><d>1</d></c></A>";

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		_cleanup_xml_ struct xml *xml = NULL;
		_cleanup_buf_ struct buf shown = {};

		buf_init(&shown, 4096);
		ck_assert_int_eq(xml_open("answer", keep, &shown, &xml), 0);
		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t left = sizeof(text) - 1 - at;

			ck_assert_int_eq(
				xml_feed(xml, text + at, left < piece ? left : piece, NULL), 0);
		}
		ck_assert_int_eq(xml_finish(xml, NULL), 0);
		ck_assert_str_eq(buf_text(&shown), "A/b=caf\xc3\xa9 & more;A/c/d=1;A/c=;A=;");
	}
}
END_TEST

START_TEST(refuses_what_is_no_whole_document_and_says_where)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "", "answer: line 1: no element found" },
		{ "<A>\n<b>1</b>\n", "answer: line 3: no element found" },
		{ "<A>\n<b>1</A>", "answer: line 2: mismatched tag" },
		{ "<A/><B/>", "junk after document element" },
		{ "{\"a\":1}", "not well-formed" },
		{ "<A>\x80</A>", "not well-formed" },
		{ "<A>&nbsp;</A>", "undefined entity" },
		{ "<!DOCTYPE A [<!ENTITY x \"y\">]><A>&x;</A>", "a document type is refused" },
		{ "<!DOCTYPE A SYSTEM \"file:///etc/passwd\"><A/>", "a document type is refused" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf shown = {};
		struct fault fault = {};

		ck_assert_int_eq(read_text(cases[i].text, &shown, &fault), -EBADMSG);
		ck_assert_msg(strstr(fault.text, cases[i].words) != NULL, "case %zu: %s", i,
			      fault.text);
	}
}
END_TEST

/* n times a text. */
static void repeat(struct buf *buf, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(buf_add_text(buf, text), 0);
}

static int read_nested(size_t depth, struct fault *fault)
{
	_cleanup_buf_ struct buf text = {};
	size_t n = 0;

	buf_init(&text, 65536);
	repeat(&text, "<a>", depth);
	repeat(&text, "</a>", depth);
	return xml_read(text.data, text.size, "answer", count, &n, fault);
}

START_TEST(keeps_its_ceilings)
{
	_cleanup_buf_ struct buf longest = {}, name = {};
	struct fault fault = {};
	size_t n = 0;

	ck_assert_int_eq(read_nested(XML_DEPTH_MAX, &fault), 0);
	ck_assert_int_eq(read_nested(XML_DEPTH_MAX + 1, &fault), -E2BIG);
	ck_assert_ptr_nonnull(strstr(fault.text, "nested too deeply"));

	buf_init(&longest, 2 * XML_TEXT_MAX);
	repeat(&longest, "<a>", 1);
	repeat(&longest, "t", XML_TEXT_MAX);
	repeat(&longest, "</a>", 1);
	ck_assert_int_eq(xml_read(longest.data, longest.size, "answer", count, &n, &fault), 0);
	longest.size -= strlen("</a>");
	repeat(&longest, "t</a>", 1);
	ck_assert_int_eq(xml_read(longest.data, longest.size, "answer", count, &n, &fault), -E2BIG);

	buf_init(&name, 2048);
	repeat(&name, "<", 1);
	repeat(&name, "n", XML_PATH_MAX);
	repeat(&name, "/>", 1);
	ck_assert_int_eq(xml_read(name.data, name.size, "answer", count, &n, &fault), -E2BIG);
}
END_TEST

static int refuse(const char *path, _unused_ const char *text, _unused_ void *context,
		  struct fault *fault)
{
	if (strcmp(path, "A/b") != 0)
		return 0;
	return fault_set(fault, ERANGE, "no b is wanted");
}

START_TEST(ends_with_the_error_of_its_reader_and_keeps_to_it)
{
	_cleanup_xml_ struct xml *xml = NULL;
	struct fault fault = {};

	ck_assert_int_eq(xml_open("answer", refuse, NULL, &xml), 0);
	ck_assert_int_eq(xml_feed(xml, "<A><a/><b/><c/></A>", 19, &fault), -ERANGE);
	ck_assert_str_eq(fault.text, "no b is wanted");
	ck_assert_int_eq(xml_feed(xml, "<A/>", 4, &fault), -ERANGE);
	ck_assert_int_eq(xml_finish(xml, &fault), -ERANGE);
}
END_TEST

START_TEST(reads_very_many_elements_with_little_memory)
{
	_cleanup_xml_ struct xml *xml = NULL;
	size_t n = 0;

	ck_assert_int_eq(xml_open("answer", count, &n, &xml), 0);
	ck_assert_int_eq(xml_feed(xml, "<A>", 3, NULL), 0);
	for (size_t i = 0; i < 100000; i++)
		ck_assert_int_eq(xml_feed(xml, "<i>1</i>", 8, NULL), 0);
	ck_assert_int_eq(xml_feed(xml, "</A>", 4, NULL), 0);
	ck_assert_int_eq(xml_finish(xml, NULL), 0);
	ck_assert_uint_eq(n, 100001);
}
END_TEST

TEST_MAIN(shows_each_element_with_its_path_and_its_text, reads_the_same_however_it_is_cut,
	  refuses_what_is_no_whole_document_and_says_where, keeps_its_ceilings,
	  ends_with_the_error_of_its_reader_and_keeps_to_it,
	  reads_very_many_elements_with_little_memory)
