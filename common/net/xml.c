#include "common/net/xml.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/buf.h"

/* What one call of XML_Parse() gets: its sizes are int. */
#define PIECE_MAX (1UL << 20)

struct xml {
	XML_Parser parser;
	const char *what;
	xml_element_fn *element;
	void *context;
	struct fault *fault; /* of the call that is under way */
	int result;          /* the first error */

	char path[XML_PATH_MAX];
	size_t ends[XML_DEPTH_MAX]; /* of the paths of the elements that are open */
	size_t depth;
	bool leaf; /* no element has ended inside of the innermost one */
	struct buf text;
	size_t size;
};

/* Remembers the first error, and stops expat. */
static void fail(struct xml *xml, int r, const char *problem)
{
	if (xml->result < 0)
		return;
	xml->result = r;
	if (problem)
		(void)fault_set(xml->fault, r, "%s: line %lu: %s", xml->what,
				(unsigned long)XML_GetCurrentLineNumber(xml->parser), problem);
	(void)XML_StopParser(xml->parser, XML_FALSE);
}

static void XMLCALL on_start(void *data, const XML_Char *name, _unused_ const XML_Char **attributes)
{
	struct xml *xml = data;
	size_t length = strlen(name), at = 0;

	if (xml->depth > 0)
		at = xml->ends[xml->depth - 1];
	if (xml->depth == XML_DEPTH_MAX) {
		fail(xml, -E2BIG, "nested too deeply");
		return;
	}
	if (at + 1 + length >= sizeof(xml->path)) {
		fail(xml, -E2BIG, "the names of its elements are too long");
		return;
	}

	if (at > 0)
		xml->path[at++] = '/';
	memcpy(xml->path + at, name, length + 1);
	xml->ends[xml->depth++] = at + length;
	xml->leaf = true;
	xml->text.size = 0;
}

static void XMLCALL on_text(void *data, const XML_Char *text, int length)
{
	struct xml *xml = data;
	int r;

	if (!xml->leaf)
		return;
	r = buf_add(&xml->text, text, (size_t)length);
	if (r == -ENOBUFS)
		fail(xml, -E2BIG, "the text of an element is too long");
	else if (r < 0)
		fail(xml, r, "out of memory");
}

static void XMLCALL on_end(void *data, _unused_ const XML_Char *name)
{
	struct xml *xml = data;
	const char *text = "";
	int r;

	/* Expat goes on for a while after it was stopped. */
	if (xml->result < 0)
		return;

	if (xml->leaf && xml->text.size > 0)
		text = xml->text.data;
	r = xml->element(xml->path, text, xml->context, xml->fault);
	if (r < 0) {
		fail(xml, r, NULL);
		return;
	}

	xml->leaf = false;
	xml->depth--;
	xml->path[xml->depth > 0 ? xml->ends[xml->depth - 1] : 0] = '\0';
}

static void XMLCALL on_doctype(void *data, _unused_ const XML_Char *name,
			       _unused_ const XML_Char *system_id,
			       _unused_ const XML_Char *public_id, _unused_ int internal)
{
	fail(data, -EBADMSG, "a document type is refused");
}

int xml_open(const char *what, xml_element_fn *element, void *context, struct xml **ret)
{
	_cleanup_xml_ struct xml *xml = calloc(1, sizeof(*xml));

	if (!xml)
		return -ENOMEM;
	*xml = (struct xml){ .what = what, .element = element, .context = context };
	buf_init(&xml->text, XML_TEXT_MAX);

	/* The services' answers are UTF-8, whatever they should say of themselves. */
	xml->parser = XML_ParserCreate("UTF-8");
	if (!xml->parser)
		return -ENOMEM;
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, on_start, on_end);
	XML_SetCharacterDataHandler(xml->parser, on_text);
	XML_SetStartDoctypeDeclHandler(xml->parser, on_doctype);

	*ret = take_ptr(xml);
	return 0;
}

void xml_close(struct xml *xml)
{
	if (!xml)
		return;
	if (xml->parser)
		XML_ParserFree(xml->parser);
	buf_done(&xml->text);
	free(xml);
}

static int parse(struct xml *xml, const char *data, size_t size, bool final, struct fault *fault)
{
	enum XML_Error error;

	xml->fault = fault;
	if (XML_Parse(xml->parser, data, (int)size, final) == XML_STATUS_ERROR) {
		error = XML_GetErrorCode(xml->parser);
		/* An error of ours is there already. */
		fail(xml, error == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG,
		     XML_ErrorString(error));
	}
	xml->fault = NULL;
	return xml->result;
}

int xml_feed(struct xml *xml, const char *data, size_t size, struct fault *fault)
{
	int r = xml->result;

	if (r == 0 && size > XML_SIZE_MAX - xml->size) {
		xml->result = -E2BIG;
		return fault_set(fault, E2BIG, "%s: longer than %lu bytes", xml->what,
				 XML_SIZE_MAX);
	}
	while (size > 0 && r == 0) {
		size_t piece = size < PIECE_MAX ? size : PIECE_MAX;

		r = parse(xml, data, piece, false, fault);
		data += piece;
		size -= piece;
		xml->size += piece;
	}
	return r;
}

int xml_finish(struct xml *xml, struct fault *fault)
{
	if (xml->result < 0)
		return xml->result;
	return parse(xml, "", 0, true, fault);
}

int xml_read(const char *data, size_t size, const char *what, xml_element_fn *element,
	     void *context, struct fault *fault)
{
	_cleanup_xml_ struct xml *xml = NULL;
	int r;

	r = xml_open(what, element, context, &xml);
	if (r < 0)
		return fault_set(fault, -r, "%s: out of memory", what);
	r = xml_feed(xml, data, size, fault);
	if (r == 0)
		r = xml_finish(xml, fault);
	return r;
}
