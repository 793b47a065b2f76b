/* The XML reader: what it shows is the same however the document is cut. */

#include <errno.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/net/xml.h"
#include "tests/fuzz/fuzz.h"

#define SHOWN_MAX ((size_t)4 * 1024 * 1024)

static int show(const char *path, const char *text, void *context, _unused_ struct fault *fault)
{
	FUZZ_CHECK(path[0] && strlen(path) < XML_PATH_MAX);
	FUZZ_CHECK(strlen(text) <= XML_TEXT_MAX);
	return buf_printf(context, "%s=%s\n", path, text);
}

static int read_pieces(const char *data, size_t size, size_t piece, struct buf *shown)
{
	_cleanup_xml_ struct xml *xml = NULL;
	struct fault fault = {};
	int r = 0;

	buf_init(shown, SHOWN_MAX);
	FUZZ_CHECK(xml_open("input", show, shown, &xml) == 0);
	for (size_t at = 0; at < size && r == 0; at += piece)
		r = xml_feed(xml, data + at, size - at < piece ? size - at : piece, &fault);
	if (r == 0)
		r = xml_finish(xml, &fault);
	if (r < 0 && r != -ENOBUFS) {
		FUZZ_CHECK_ERROR(r, EBADMSG, E2BIG);
		FUZZ_CHECK(strncmp(fault.text, "input: ", strlen("input: ")) == 0);
		FUZZ_CHECK(xml_feed(xml, "<a/>", 4, NULL) == r);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf whole = {}, cut = {};
	int r;

	if (size == 0)
		return 0;
	r = read_pieces((const char *)data + 1, size - 1, size, &whole);
	FUZZ_CHECK(read_pieces((const char *)data + 1, size - 1, 1 + data[0] % 17, &cut) == r);
	if (r == 0)
		FUZZ_CHECK(strcmp(buf_text(&whole), buf_text(&cut)) == 0);
	return 0;
}
