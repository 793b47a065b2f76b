#pragma once

/*
 * XML as cloud services answer with it, read piece by piece: no tree is built, so that an answer
 * about 10,000 machines takes no more memory than one about ten. What a reader gets is the end of
 * each element, with the path that leads to it and the text that it holds.
 *
 * Strict where an answer could hurt: a document type, and with it every entity but the five that
 * XML itself has, is refused; depth, path, text and the whole document have their ceilings.
 */

#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

#define XML_DEPTH_MAX 24
#define XML_PATH_MAX 512
#define XML_TEXT_MAX (64UL * 1024)
#define XML_SIZE_MAX (256UL * 1024 * 1024)

struct xml;

/* One element has ended. path: the names from the root on, "Answer/set/item/id", without name
 * spaces' declarations and attributes. text: its characters, "" for one that has elements inside.
 * Both are gone afterwards. Returns 0, or < 0 to end the reading with that error; whoever returns
 * one sets the fault. */
typedef int xml_element_fn(const char *path, const char *text, void *context, struct fault *fault);

/* what names the document in the fault: "ec2 DescribeInstances"; it is borrowed. -ENOMEM. */
int xml_open(const char *what, xml_element_fn *element, void *context,
	     struct xml **ret) _must_check_;
void xml_close(struct xml *xml);
DEFINE_CLEANUP(struct xml *, xml_close)
#define _cleanup_xml_ _cleanup_(xml_closep)

/* The next piece, cut wherever it may be. -EBADMSG: no such XML, with the line; -E2BIG above one of
 * the ceilings; -ENOMEM; or what the reader returned. After an error every call returns it again,
 * without a fault. */
int xml_feed(struct xml *xml, const char *data, size_t size, struct fault *fault) _must_check_;
/* Behind the last piece: whether the document was whole. */
int xml_finish(struct xml *xml, struct fault *fault) _must_check_;

/* All of a document at once. */
int xml_read(const char *data, size_t size, const char *what, xml_element_fn *element,
	     void *context, struct fault *fault) _must_check_;
