#include "common/aws/body.h"

#include <errno.h>

#include "common/base/io.h"

int aws_body_add(struct buf *buf, struct json_object *object)
{
	const char *text = json_text(object);

	return text ? buf_add_text(buf, text) : -ENOMEM;
}

int aws_body_object(struct json_object *parent, const char *key, struct json_object **ret)
{
	struct json_object *object = json_object_new_object();
	int r;

	r = json_set(parent, key, object);
	if (r == 0)
		*ret = object;
	return r;
}

int aws_body_array(struct json_object *parent, const char *key, struct json_object **ret)
{
	struct json_object *array = json_object_new_array();
	int r;

	r = json_set(parent, key, array);
	if (r == 0)
		*ret = array;
	return r;
}

int aws_body_element(struct json_object *array, struct json_object **ret)
{
	struct json_object *object = json_object_new_object();
	int r;

	r = json_append(array, object);
	if (r == 0)
		*ret = object;
	return r;
}

int aws_body_text(struct json_object *array, const char *text)
{
	return json_append(array, json_object_new_string(text));
}

int aws_answer_parse(const char *body, size_t size, const char *what, struct json_object **ret,
		     struct fault *fault)
{
	_cleanup_json_ struct json_object *object = NULL;
	int r;

	if (size == 0) {
		*ret = json_object_new_object();
		return *ret ? 0 : fault_set(fault, ENOMEM, "%s: out of memory", what);
	}
	r = json_parse(body, size, what, &object, fault);
	if (r < 0)
		return r;
	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "%s: the answer is not a JSON object", what);
	*ret = take_ptr(object);
	return 0;
}

int aws_answer_objects(struct json_object *object, const char *key, struct json_object **ret,
		       size_t *ret_n, struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n = 0;
	int r;

	r = json_get_array(object, key, &array, fault);
	if (r < 0)
		return r;
	if (array)
		n = json_object_array_length(array);
	for (size_t i = 0; i < n; i++)
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
			return fault_set(fault, EBADMSG, "key '%s': element %zu is no object", key,
					 i);
	*ret = array;
	*ret_n = n;
	return 0;
}

int aws_answer_text(struct json_object *object, const char *key, char *ret, size_t size,
		    struct fault *fault)
{
	const char *text = NULL;
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r < 0)
		return r;
	if (r == 0)
		return fault_set(fault, EBADMSG, "key '%s' is missing", key);
	r = str_copy(ret, size, text);
	if (r < 0)
		return fault_set(fault, EBADMSG, "key '%s': longer than %zu bytes", key, size - 1);
	return 0;
}
