#include "common/aws/xml-field.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/parse.h"

static int store(const struct xml_field *field, const char *text, char *to)
{
	switch (field->type) {
	case XML_FIELD_TEXT:
		return str_copy(to, field->size, text);
	case XML_FIELD_NUMBER:
		return parse_u64(text, (uint64_t *)(void *)to);
	case XML_FIELD_BOOL:
		return parse_bool(text, (bool *)to);
	case XML_FIELD_TIME:
		return parse_time_ms(text, (uint64_t *)(void *)to);
	}
	return -EINVAL;
}

int xml_field_read(const struct xml_field *fields, const char *path, const char *text, void *object,
		   struct fault *fault)
{
	int r;

	while (fields->path && strcmp(fields->path, path) != 0)
		fields++;
	if (!fields->path)
		return 0;

	r = store(fields, text, (char *)object + fields->offset);
	if (r == -ENAMETOOLONG)
		return fault_set(fault, EBADMSG, "%s: longer than %zu bytes", path,
				 fields->size - 1);
	if (r < 0)
		return fault_set(fault, EBADMSG, "%s: '%.60s' is not what it should be", path,
				 text);
	return 1;
}
