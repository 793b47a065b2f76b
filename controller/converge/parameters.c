/* Where things are, for whoever has to find them: parameters below /<aws-name>/. None is a secret.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/ssm.h"
#include "common/base/io.h"
#include "controller/converge/converge.h"

#define VALUE_MAX 640

/* The value, "" where it is not known. */
static int store_value(const struct converge *converge, char *text, size_t size)
{
	const char *table = converge_dynamodb(converge->store_address);

	if (!table || !converge->store_region[0])
		return str_copy(text, size, "");
	if (strchr(table, '/'))
		return str_copy(text, size, converge->store_address);
	return (size_t)snprintf(text, size, "dynamodb:%s/%s", converge->store_region, table) < size
		       ? 0
		       : -ENAMETOOLONG;
}

static int pool_value(const struct converge *converge, char *text, size_t size)
{
	return str_copy(text, size, converge->config->pool);
}

static int template_value(const struct converge *converge, char *text, size_t size)
{
	return str_copy(text, size, converge->template.id);
}

static int version_value(const struct converge *converge, char *text, size_t size)
{
	text[0] = '\0';
	if (converge->template.version > 0)
		(void)snprintf(text, size, "%" PRIu64, converge->template.version);
	return 0;
}

static const struct {
	const char *key;
	int (*value)(const struct converge *converge, char *text, size_t size);
} rows[] = {
	{ "store", store_value },
	{ "pool", pool_value },
	{ "template", template_value },
	{ "template-version", version_value },
};

/* Only machines that are made elsewhere need to be told. */
static size_t count(const struct converge *converge)
{
	return strcmp(converge->config->provider, "ec2") == 0 ? ARRAY_SIZE(rows) : 0;
}

static int name_of(const struct converge *converge, size_t i, char *text, size_t size,
		   _unused_ struct fault *fault)
{
	(void)snprintf(text, size, "/%s/%s", converge->config->ec2.name, rows[i].key);
	return 0;
}

static int value_of(const struct converge *converge, size_t i, char *text, size_t size,
		    struct fault *fault)
{
	int r = rows[i].value(converge, text, size);

	return r < 0 ? fault_set(fault, r, "the value is too long") : 0;
}

static int get(struct converge *converge, size_t i, struct ssm_parameter *ret, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	char name[THING_NAME_MAX];
	int r;

	thing_call_init(&call, AWS_SSM, "GetParameter");
	r = name_of(converge, i, name, sizeof(name), fault);
	if (r == 0)
		r = ssm_get_parameter(name, &call.body);
	if (r < 0)
		return fault_set(fault, r, "%m");
	r = aws_call(converge->aws, &call, fault);
	return r < 0 ? r
		     : ssm_parameter_read(buf_text(&call.answer.body), call.answer.body.size, ret,
					  fault);
}

static int look(struct converge *converge, size_t i, enum thing_state *ret, char *why, size_t size,
		struct fault *fault)
{
	_cleanup_ssm_parameter_ struct ssm_parameter parameter = {};
	char value[VALUE_MAX] = "";
	int r = 0;

	if (!converge->removing)
		r = value_of(converge, i, value, sizeof(value), fault);
	if (r == 0 && !value[0] && !converge->removing) {
		*ret = THING_NOT_WANTED;
		return 0;
	}
	if (r == 0)
		r = get(converge, i, &parameter, fault);
	*ret = r == -ENOENT ? THING_ABSENT : THING_RIGHT;
	if (r < 0 || converge->removing)
		return r == -ENOENT ? 0 : r;
	if (strcmp(secret_reveal(&parameter.value), value) != 0) {
		*ret = THING_WRONG;
		(void)snprintf(why, size, "it was another value");
	}
	return 0;
}

static int mend(struct converge *converge, size_t i, _unused_ enum thing_state found,
		struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	char name[THING_NAME_MAX], value[VALUE_MAX];
	int r;

	thing_call_init(&call, AWS_SSM, "PutParameter");
	r = name_of(converge, i, name, sizeof(name), fault);
	if (r == 0)
		r = value_of(converge, i, value, sizeof(value), fault);
	if (r < 0)
		return r;
	r = ssm_put_text(name, value, &call.body);
	return r < 0 ? fault_set(fault, r, "%m") : aws_call(converge->aws, &call, fault);
}

static int remove_parameter(struct converge *converge, size_t i, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	char name[THING_NAME_MAX];
	int r;

	thing_call_init(&call, AWS_SSM, "DeleteParameter");
	r = name_of(converge, i, name, sizeof(name), fault);
	if (r == 0)
		r = ssm_delete_parameter(name, &call.body);
	if (r < 0)
		return fault_set(fault, r, "%m");
	r = aws_call(converge->aws, &call, fault);
	return r == -ENOENT ? 0 : r;
}

const struct thing_ops thing_parameters = {
	.name = "parameter",
	.count = count,
	.name_of = name_of,
	.look = look,
	.mend = mend,
	.remove = remove_parameter,
	.rights = "ssm:GetParameter, PutParameter, DeleteParameter",
};
