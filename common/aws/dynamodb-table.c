#include "common/aws/dynamodb-table.h"

#include <errno.h>
#include <string.h>

#include "common/aws/dynamodb.h"

/* The keys, in the words of two members: what they are, and which is which. */
static const struct {
	const char *name;
	const char *type;
} keys[] = {
	{ DYNAMODB_PARTITION, "HASH" },
	{ DYNAMODB_KIND, "RANGE" },
};

static int body_new(const char *table, struct json_object **ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	int r;

	if (!body)
		return -ENOMEM;
	r = json_set_text(body, "TableName", table);
	if (r < 0)
		return r;
	*ret = take_ptr(body);
	return 0;
}

static int set_keys(struct json_object *body)
{
	struct json_object *attributes = NULL, *schema = NULL, *element = NULL;
	int r;

	r = aws_body_array(body, "AttributeDefinitions", &attributes);
	if (r == 0)
		r = aws_body_array(body, "KeySchema", &schema);
	for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++) {
		r = aws_body_element(attributes, &element);
		if (r == 0)
			r = json_set_text(element, "AttributeName", keys[i].name);
		if (r == 0)
			r = json_set_text(element, "AttributeType", "S");
		if (r == 0)
			r = aws_body_element(schema, &element);
		if (r == 0)
			r = json_set_text(element, "AttributeName", keys[i].name);
		if (r == 0)
			r = json_set_text(element, "KeyType", keys[i].type);
	}
	return r;
}

static int set_tags(struct json_object *body, const struct dynamodb_table *table)
{
	struct json_object *array = NULL, *element = NULL;
	int r = 0;

	if (table->n_tags > 0)
		r = aws_body_array(body, "Tags", &array);
	for (size_t i = 0; i < table->n_tags && r == 0; i++) {
		r = aws_body_element(array, &element);
		if (r == 0)
			r = json_set_text(element, "Key", table->tags[i].key);
		if (r == 0)
			r = json_set_text(element, "Value", table->tags[i].value);
	}
	return r;
}

int dynamodb_create_table(const struct dynamodb_table *table, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table->name, &body);
	if (r == 0)
		r = set_keys(body);
	if (r == 0)
		r = json_set_text(body, "BillingMode", "PAY_PER_REQUEST");
	if (r == 0)
		r = json_set_bool(body, "DeletionProtectionEnabled", table->protected);
	if (r == 0)
		r = set_tags(body, table);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* Requests that say no more than which table. */
static int name_table(const char *table, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table, &body);
	return r < 0 ? r : aws_body_add(ret, body);
}

int dynamodb_describe_table(const char *table, struct buf *ret)
{
	return name_table(table, ret);
}

int dynamodb_delete_table(const char *table, struct buf *ret)
{
	return name_table(table, ret);
}

int dynamodb_describe_expiry(const char *table, struct buf *ret)
{
	return name_table(table, ret);
}

int dynamodb_protect_table(const char *table, bool protect, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new(table, &body);
	if (r == 0)
		r = json_set_bool(body, "DeletionProtectionEnabled", protect);
	return r < 0 ? r : aws_body_add(ret, body);
}

int dynamodb_expire_by(const char *table, const char *attribute, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *specification = NULL;
	int r;

	r = body_new(table, &body);
	if (r == 0)
		r = aws_body_object(body, "TimeToLiveSpecification", &specification);
	if (r == 0)
		r = json_set_text(specification, "AttributeName", attribute);
	if (r == 0)
		r = json_set_bool(specification, "Enabled", true);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* --- answers --------------------------------------------------------------------------------- */

/* Whether the schema is exactly our two keys, in our roles. */
static bool schema_fits(struct json_object *schema, size_t n)
{
	if (n != ARRAY_SIZE(keys))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *key = json_object_array_get_idx(schema, i);
		const char *name = "", *type = "";

		if (json_get_text(key, "AttributeName", &name, NULL) < 0 ||
		    json_get_text(key, "KeyType", &type, NULL) < 0)
			return false;
		if (strcmp(name, keys[i].name) != 0 || strcmp(type, keys[i].type) != 0)
			return false;
	}
	return true;
}

static bool is_text(struct json_object *definition, const char *wanted)
{
	const char *name = "", *type = "";

	return json_get_text(definition, "AttributeName", &name, NULL) > 0 &&
	       json_get_text(definition, "AttributeType", &type, NULL) > 0 &&
	       strcmp(name, wanted) == 0 && strcmp(type, "S") == 0;
}

static bool keys_are_text(struct json_object *definitions, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			found += is_text(json_object_array_get_idx(definitions, i), keys[k].name);
	return found == ARRAY_SIZE(keys);
}

static int read_keys(struct json_object *table, bool *ret_fits, struct fault *fault)
{
	struct json_object *schema = NULL, *definitions = NULL;
	size_t n_schema = 0, n_definitions = 0;
	int r;

	r = aws_answer_objects(table, "KeySchema", &schema, &n_schema, fault);
	if (r == 0)
		r = aws_answer_objects(table, "AttributeDefinitions", &definitions, &n_definitions,
				       fault);
	*ret_fits = r == 0 && schema_fits(schema, n_schema) &&
		    keys_are_text(definitions, n_definitions);
	return r;
}

static int read_description(struct json_object *root, struct dynamodb_description *description,
			    struct fault *fault)
{
	struct json_object *table = NULL;
	int r;

	r = json_get_object(root, "Table", &table, fault);
	if (r == 0)
		r = json_get_object(root, "TableDescription", &table, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "no description of a table");
	if (r > 0)
		r = aws_answer_text(table, "TableName", description->name,
				    sizeof(description->name), fault);
	if (r == 0)
		r = aws_answer_text(table, "TableStatus", description->status,
				    sizeof(description->status), fault);
	if (r == 0)
		r = aws_answer_text(table, "TableArn", description->arn, sizeof(description->arn),
				    fault);
	if (r == 0)
		r = json_get_bool(table, "DeletionProtectionEnabled", &description->protected,
				  fault);
	if (r >= 0)
		r = json_get_u64(table, "ItemCount", &description->items, fault);
	if (r >= 0)
		r = json_get_u64(table, "TableSizeBytes", &description->bytes, fault);
	return r < 0 ? r : read_keys(table, &description->fits, fault);
}

int dynamodb_description_read(const char *body, size_t size, struct dynamodb_description *ret,
			      struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct dynamodb_description description = {};
	int r;

	r = aws_answer_parse(body, size, "dynamodb", &root, fault);
	if (r < 0)
		return r;
	r = read_description(root, &description, fault);
	if (r < 0)
		return fault_wrap(fault, r, "dynamodb");
	*ret = description;
	return 0;
}

static int read_expiry(struct json_object *root, struct dynamodb_expiry *expiry,
		       struct fault *fault)
{
	struct json_object *description = NULL, *name = NULL;
	int r;

	r = json_get_object(root, "TimeToLiveDescription", &description, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "no description of the time to live");
	if (r > 0)
		r = aws_answer_text(description, "TimeToLiveStatus", expiry->status,
				    sizeof(expiry->status), fault);
	if (r < 0 || !json_object_object_get_ex(description, "AttributeName", &name))
		return r;
	return aws_answer_text(description, "AttributeName", expiry->attribute,
			       sizeof(expiry->attribute), fault);
}

int dynamodb_expiry_read(const char *body, size_t size, struct dynamodb_expiry *ret,
			 struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct dynamodb_expiry expiry = {};
	int r;

	r = aws_answer_parse(body, size, "dynamodb", &root, fault);
	if (r < 0)
		return r;
	r = read_expiry(root, &expiry, fault);
	if (r < 0)
		return fault_wrap(fault, r, "dynamodb");
	*ret = expiry;
	return 0;
}
