/* DynamoDB's answers, and the machine records and side items in them. */

#include <errno.h>
#include <string.h>

#include "common/aws/dynamodb-table.h"
#include "common/store/dynamodb-machine.h"
#include "common/store/dynamodb-side.h"
#include "tests/fuzz/fuzz.h"

#define SIDE_NOW_MS 1000

/* A record that was read is written as an item that reads as the same. */
static void check_machine(struct json_object *item)
{
	_cleanup_json_ struct json_object *printed = NULL;
	struct machine machine = {}, again = {};
	struct fault fault = {};
	int r;

	r = dynamodb_machine_from_item(item, &machine, &fault);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(fault.text[0] && machine.state == MACHINE_NONE && !machine.id[0]);
		return;
	}
	r = dynamodb_machine_to_item(&machine, &printed);
	FUZZ_CHECK((r == -E2BIG) == (machine_record_size(&machine) > MACHINE_RECORD_MAX));
	if (r == -E2BIG)
		return;
	FUZZ_CHECK(r == 0);
	fuzz_check_json(printed);
	FUZZ_CHECK(dynamodb_machine_from_item(printed, &again, &fault) == 0);
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		const char *a = machine_field_text(&machine, field);

		FUZZ_CHECK(machine_field_u64(&machine, field) == machine_field_u64(&again, field));
		FUZZ_CHECK(!a || strcmp(a, machine_field_text(&again, field)) == 0);
	}
}

/* So is a side item; what a put has written is known again when it refuses the second. */
static void check_living(const struct item *item)
{
	_cleanup_json_ struct json_object *printed = NULL;
	_cleanup_item_ struct item again = {};
	struct item wish = *item;

	FUZZ_CHECK(item->revision > 0 && item->body && item->kind[0]);
	FUZZ_CHECK(dynamodb_side_to_item(item, &printed, NULL) == 0);
	fuzz_check_json(printed);
	FUZZ_CHECK(dynamodb_side_from_item(printed, SIDE_NOW_MS, &again, NULL) == 0);
	FUZZ_CHECK(again.revision == item->revision && again.expires_ms == item->expires_ms);
	FUZZ_CHECK(strcmp(again.partition, item->partition) == 0);
	FUZZ_CHECK(strcmp(again.kind, item->kind) == 0 && strcmp(again.body, item->body) == 0);

	wish.revision--;
	FUZZ_CHECK(dynamodb_side_put_verdict(&wish, printed, SIDE_NOW_MS, NULL, NULL) == 0);
}

static void check_side(struct json_object *object)
{
	_cleanup_item_ struct item item = {};
	struct fault fault = {};
	int r;

	r = dynamodb_side_from_item(object, SIDE_NOW_MS, &item, &fault);
	if (r == 0) {
		check_living(&item);
		return;
	}
	FUZZ_CHECK(!item.body && item.revision == 0);
	if (r != STORE_REFUSED) {
		FUZZ_CHECK_ERROR(r, EBADMSG);
		FUZZ_CHECK(fault.text[0]);
	}
}

static void check_item(struct json_object *item)
{
	check_machine(item);
	check_side(item);
}

static void check_page(const struct dynamodb_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		check_item(json_object_array_get_idx(page->items, i));
	for (size_t i = 0; i < page->n_unprocessed; i++) {
		struct dynamodb_key key = {};
		int r = dynamodb_item_key(json_object_array_get_idx(page->unprocessed, i), &key,
					  NULL);

		FUZZ_CHECK(r == 0 ? key.partition && key.kind : r == -EBADMSG);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	_cleanup_dynamodb_answer_ struct dynamodb_answer answer = {};
	_cleanup_dynamodb_page_ struct dynamodb_page page = {}, batch = {};
	struct dynamodb_description description = {};
	struct dynamodb_expiry expiry = {};
	struct fault fault = {};
	int r;

	r = dynamodb_answer_read(body, size, &answer, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !answer.root && fault.text[0]));
	if (answer.item)
		check_item(answer.item);
	r = dynamodb_page_read(body, size, &page, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !page.root));
	check_page(&page);
	r = dynamodb_batch_read(body, size, "t", &batch, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !batch.root));
	check_page(&batch);
	r = dynamodb_description_read(body, size, &description, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !description.name[0]));
	r = dynamodb_expiry_read(body, size, &expiry, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !expiry.status[0]));
	return 0;
}
