#include "common/aws/ssm.h"

#include <errno.h>
#include <string.h>

#include "common/aws/body.h"
#include "common/base/io.h"

static int body_new(const char *name, struct json_object **ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	int r;

	if (!body)
		return -ENOMEM;
	r = json_set_text(body, "Name", name);
	if (r < 0)
		return r;
	*ret = take_ptr(body);
	return 0;
}

int ssm_get_parameter(const char *name, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(name, &body);
	if (r == 0)
		r = json_set_bool(body, "WithDecryption", true);
	return r < 0 ? r : aws_body_add(ret, body);
}

static int put(const char *name, const char *value, const char *type, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(name, &body);
	if (r == 0)
		r = json_set_text(body, "Value", value);
	if (r == 0)
		r = json_set_text(body, "Type", type);
	if (r == 0)
		r = json_set_bool(body, "Overwrite", true);
	return r < 0 ? r : aws_body_add(ret, body);
}

int ssm_put_parameter(const char *name, const struct secret *value, struct buf *ret)
{
	return put(name, secret_reveal(value), "SecureString", ret);
}

int ssm_put_text(const char *name, const char *value, struct buf *ret)
{
	return put(name, value, "String", ret);
}

int ssm_delete_parameter(const char *name, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(name, &body);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* [{"Key":"InstanceIds","Values":[…]}] */
static int set_ids(struct json_object *body, const char *const *ids, size_t n)
{
	struct json_object *filters = NULL, *filter = NULL, *values = NULL;
	int r;

	r = aws_body_array(body, "Filters", &filters);
	if (r == 0)
		r = aws_body_element(filters, &filter);
	if (r == 0)
		r = json_set_text(filter, "Key", "InstanceIds");
	if (r == 0)
		r = aws_body_array(filter, "Values", &values);
	for (size_t i = 0; i < n && r == 0; i++)
		r = aws_body_text(values, ids[i]);
	return r;
}

int ssm_describe_instances(const char *const *ids, size_t n, const char *next, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	int r;

	if (!body)
		return -ENOMEM;
	if (n == 0 || n > SSM_INSTANCES_MAX)
		return -EINVAL;
	r = set_ids(body, ids, n);
	if (r == 0)
		r = json_set_u64(body, "MaxResults", SSM_INSTANCES_MAX);
	if (r == 0 && next && next[0])
		r = json_set_text(body, "NextToken", next);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* --- answers --------------------------------------------------------------------------------- */

static int parameter_from(struct json_object *root, struct ssm_parameter *parameter,
			  struct fault *fault)
{
	struct json_object *object = NULL;
	const char *value = NULL;
	int r;

	r = json_get_object(root, "Parameter", &object, fault);
	if (r > 0)
		r = json_get_text(object, "Value", &value, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "no value of a parameter");
	if (r > 0)
		r = json_get_u64(object, "Version", &parameter->version, fault);
	if (r < 0)
		return r;
	r = secret_set(&parameter->value, value, strlen(value));
	return r < 0 ? fault_set(fault, -r, "the value of the parameter is too long") : 0;
}

int ssm_parameter_read(const char *body, size_t size, struct ssm_parameter *ret,
		       struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct ssm_parameter parameter = {};
	int r;

	r = aws_answer_parse(body, size, "ssm", &root, fault);
	if (r < 0)
		return r;
	r = parameter_from(root, &parameter, fault);
	if (r < 0) {
		ssm_parameter_done(&parameter);
		return fault_wrap(fault, r, "ssm");
	}
	*ret = parameter;
	return 0;
}

void ssm_parameter_done(struct ssm_parameter *parameter)
{
	secret_done(&parameter->value);
	*parameter = (struct ssm_parameter){};
}

static int read_instance(struct json_object *object, ssm_instance_fn *each, void *context,
			 struct fault *fault)
{
	struct ssm_instance instance = {};
	const char *version = "";
	int r;

	r = aws_answer_text(object, "InstanceId", instance.id, sizeof(instance.id), fault);
	if (r == 0)
		r = aws_answer_text(object, "PingStatus", instance.ping, sizeof(instance.ping),
				    fault);
	if (r == 0)
		r = json_get_text(object, "AgentVersion", &version, fault);
	if (r < 0)
		return r;
	if (str_copy(instance.version, sizeof(instance.version), version) < 0)
		instance.version[0] = '\0';
	r = each(&instance, context, fault);
	return r < 0 ? r : 0;
}

static int read_page(struct json_object *root, ssm_instance_fn *each, void *context, char *next,
		     size_t next_size, struct fault *fault)
{
	struct json_object *list = NULL;
	const char *token = "";
	size_t n = 0;
	int r;

	r = aws_answer_objects(root, "InstanceInformationList", &list, &n, fault);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_instance(json_object_array_get_idx(list, i), each, context, fault);
	if (r == 0)
		r = json_get_text(root, "NextToken", &token, fault);
	if (r < 0)
		return r;
	if (str_copy(next, next_size, token) < 0)
		return fault_set(fault, EBADMSG, "key 'NextToken': longer than %zu bytes",
				 next_size - 1);
	return 0;
}

int ssm_instances_read(const char *body, size_t size, ssm_instance_fn *each, void *context,
		       char *ret_next, size_t next_size, struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	int r;

	r = aws_answer_parse(body, size, "ssm", &root, fault);
	if (r < 0)
		return r;
	r = read_page(root, each, context, ret_next, next_size, fault);
	return fault_wrap(fault, r, "ssm");
}
