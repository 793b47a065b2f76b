/* Answers about items. */

#include <errno.h>

#include "common/aws/dynamodb.h"

#define UNITS_MAX 1e9

/* {"CapacityUnits":0.5}: units come in halves. */
static int add_capacity(struct json_object *object, uint64_t *milli, struct fault *fault)
{
	struct json_object *units = NULL;
	double value;

	if (!json_object_object_get_ex(object, "CapacityUnits", &units))
		return 0;
	if (!json_object_is_type(units, json_type_double) &&
	    !json_object_is_type(units, json_type_int))
		return fault_set(fault, EBADMSG, "key 'CapacityUnits' is no number");
	value = json_object_get_double(units);
	if (!(value >= 0 && value < UNITS_MAX))
		return fault_set(fault, EBADMSG, "key 'CapacityUnits' is out of range");
	*milli += (uint64_t)(value * 1000 + 0.5);
	return 0;
}

static int read_capacity(struct json_object *root, uint64_t *milli, struct fault *fault)
{
	struct json_object *consumed = NULL;
	int r;

	r = json_get_object(root, "ConsumedCapacity", &consumed, fault);
	return r > 0 ? add_capacity(consumed, milli, fault) : r;
}

/* BatchGetItem tells it for each table. */
static int read_capacities(struct json_object *root, uint64_t *milli, struct fault *fault)
{
	struct json_object *tables = NULL;
	size_t n = 0;
	int r;

	r = aws_answer_objects(root, "ConsumedCapacity", &tables, &n, fault);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_capacity(json_object_array_get_idx(tables, i), milli, fault);
	return r;
}

void dynamodb_answer_done(struct dynamodb_answer *answer)
{
	json_object_put(answer->root);
	*answer = (struct dynamodb_answer){};
}

/* The item goes by three names; an empty one is none. */
static int find_item(struct json_object *root, struct json_object **ret, struct fault *fault)
{
	static const char *const names[] = { "Item", "Attributes" };
	struct json_object *item = NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++)
		r = json_get_object(root, names[i], &item, fault);
	if (r > 0 && json_object_object_length(item) > 0)
		*ret = item;
	return r < 0 ? r : 0;
}

int dynamodb_answer_read(const char *body, size_t size, struct dynamodb_answer *ret,
			 struct fault *fault)
{
	struct dynamodb_answer answer = {};
	int r;

	r = aws_answer_parse(body, size, "dynamodb", &answer.root, fault);
	if (r == 0)
		r = find_item(answer.root, &answer.item, fault);
	if (r == 0)
		r = read_capacity(answer.root, &answer.capacity_milli, fault);
	if (r < 0) {
		dynamodb_answer_done(&answer);
		return fault_wrap(fault, r, "dynamodb");
	}
	*ret = answer;
	return 0;
}

void dynamodb_page_done(struct dynamodb_page *page)
{
	json_object_put(page->root);
	*page = (struct dynamodb_page){};
}

static int page_from(struct dynamodb_page *page, struct fault *fault)
{
	int r;

	r = aws_answer_objects(page->root, "Items", &page->items, &page->n, fault);
	if (r == 0)
		r = json_get_object(page->root, "LastEvaluatedKey", &page->next, fault);
	return r < 0 ? r : read_capacity(page->root, &page->capacity_milli, fault);
}

int dynamodb_page_read(const char *body, size_t size, struct dynamodb_page *ret,
		       struct fault *fault)
{
	struct dynamodb_page page = {};
	int r;

	r = aws_answer_parse(body, size, "dynamodb", &page.root, fault);
	if (r == 0)
		r = page_from(&page, fault);
	if (r < 0) {
		dynamodb_page_done(&page);
		return fault_wrap(fault, r, "dynamodb");
	}
	*ret = page;
	return 0;
}

static int batch_from(struct dynamodb_page *page, const char *table, struct fault *fault)
{
	struct json_object *responses = NULL, *unprocessed = NULL, *ours = NULL;
	int r;

	r = json_get_object(page->root, "Responses", &responses, fault);
	if (r > 0)
		r = aws_answer_objects(responses, table, &page->items, &page->n, fault);
	if (r >= 0)
		r = json_get_object(page->root, "UnprocessedKeys", &unprocessed, fault);
	if (r > 0)
		r = json_get_object(unprocessed, table, &ours, fault);
	if (r > 0)
		r = aws_answer_objects(ours, "Keys", &page->unprocessed, &page->n_unprocessed,
				       fault);
	return r < 0 ? r : read_capacities(page->root, &page->capacity_milli, fault);
}

int dynamodb_batch_read(const char *body, size_t size, const char *table, struct dynamodb_page *ret,
			struct fault *fault)
{
	struct dynamodb_page page = {};
	int r;

	r = aws_answer_parse(body, size, "dynamodb", &page.root, fault);
	if (r == 0)
		r = batch_from(&page, table, fault);
	if (r < 0) {
		dynamodb_page_done(&page);
		return fault_wrap(fault, r, "dynamodb");
	}
	*ret = page;
	return 0;
}
